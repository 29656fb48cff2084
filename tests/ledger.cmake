# The live engine's ledger on PostgreSQL; each test has a private server of its own.
foreach(name lane)
  add_executable(test_postgres_${name} integration/test_postgres_${name}.c)
  target_link_libraries(test_postgres_${name} PRIVATE dg_connectors PkgConfig::PQ Threads::Threads m)
  dg_script_test(postgres_${name} integration
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh $<TARGET_FILE:test_postgres_${name}>)
endforeach()
