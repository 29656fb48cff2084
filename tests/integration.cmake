# PostgreSQL: each test starts a private server of its own and removes it.
dg_script_test(db integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_db.sh)
