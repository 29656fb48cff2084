# dg_fuzz(name source... LINK target...): a libFuzzer target in the fuzz preset. As a test it runs for
# 20 s from its seeds in tests/fuzz/corpus/NAME (files) and SEEDS (directories). In the other presets
# the same entry is given its seeds, and their beginnings, once.
function(dg_fuzz name)
  cmake_parse_arguments(F "" "" "LINK;SEEDS" ${ARGN})
  if(NOT DG_FUZZ)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
      list(APPEND F_SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
    endif()
    if(F_SEEDS)
      dg_test(${name} fuzz ${F_UNPARSED_ARGUMENTS} fuzz/replay.c LINK ${F_LINK} ARGS ${F_SEEDS})
    endif()
    return()
  endif()
  add_executable(${name} ${F_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE dg_options ${F_LINK} m)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
    list(APPEND F_SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  endif()
  add_test(NAME fuzz/${name} COMMAND ${name} -max_total_time=20 -timeout=10 -rss_limit_mb=2048
           ${found} ${F_SEEDS})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS "fuzz;slow" TIMEOUT 120)
endfunction()
if(DG_FUZZ)
  target_compile_options(dg_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

dg_fuzz(fuzz_config fuzz/fuzz_config.c LINK dg_engine
        SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/unit/config ${PROJECT_SOURCE_DIR}/docs/examples)
dg_fuzz(fuzz_avro fuzz/fuzz_avro.c LINK dg_connectors
        SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/avro)
dg_fuzz(fuzz_csv fuzz/fuzz_csv.c LINK dg_connectors)
dg_fuzz(fuzz_ndjson fuzz/fuzz_ndjson.c LINK dg_connectors PkgConfig::JANSSON)
dg_fuzz(fuzz_time fuzz/fuzz_time.c LINK dg_engine)
dg_fuzz(fuzz_records fuzz/fuzz_records.c LINK dg_connectors)
