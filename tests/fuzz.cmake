# dg_fuzz(name source... LINK target...): a libFuzzer target, in the fuzz preset only. As a test it
# runs for 20 s from its seeds in tests/fuzz/corpus/NAME (files) and SEEDS (directories).
function(dg_fuzz name)
  if(NOT DG_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "" "LINK;SEEDS" ${ARGN})
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
dg_fuzz(fuzz_avro fuzz/fuzz_avro.c LINK dg_connectors)
