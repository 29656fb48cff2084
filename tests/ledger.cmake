# The live engine's ledger on PostgreSQL; each test has a private server of its own.
foreach(name churn judge lane)
  add_executable(test_postgres_${name} integration/test_postgres_${name}.c)
  target_link_libraries(test_postgres_${name} PRIVATE dg_connectors PkgConfig::PQ Threads::Threads m)
  dg_script_test(postgres_${name} integration
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh $<TARGET_FILE:test_postgres_${name}>)
endforeach()

# The negative control: commits that compare nothing. Whoever links dg_unfenced before dg_connectors
# gets them; no installed program does.
add_library(dg_unfenced OBJECT ${PROJECT_SOURCE_DIR}/connectors/postgres_ledger_commit.c)
target_compile_definitions(dg_unfenced PRIVATE DG_UNFENCED)
target_link_libraries(dg_unfenced PRIVATE dg_options PkgConfig::PQ)
add_executable(test_postgres_unfenced integration/test_postgres_churn.c $<TARGET_OBJECTS:dg_unfenced>)
target_compile_definitions(test_postgres_unfenced PRIVATE DG_UNFENCED)
target_link_libraries(test_postgres_unfenced PRIVATE dg_connectors PkgConfig::PQ Threads::Threads m)
dg_script_test(postgres_unfenced integration
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh $<TARGET_FILE:test_postgres_unfenced>)

add_executable(bench_ledger bench/bench_ledger.c)
target_link_libraries(bench_ledger PRIVATE dg_connectors PkgConfig::PQ m)
dg_script_test(bench_ledger bench
  ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh $<TARGET_FILE:bench_ledger> 1 LABELS slow)
