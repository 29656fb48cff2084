# PostgreSQL: each test starts a private server of its own and removes it.
dg_script_test(db integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_db.sh)

add_executable(test_postgres_sink integration/test_postgres_sink.c)
target_link_libraries(test_postgres_sink PRIVATE dg_connectors PkgConfig::PQ m)
dg_script_test(postgres_sink integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh $<TARGET_FILE:test_postgres_sink>)
dg_script_test(docs_postgres integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/docs_postgres.sh $<TARGET_FILE:test_postgres_sink>)
dg_script_test(replay_postgres integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/replay_postgres.sh)
