# The live path under faults; see tests/fault/faults.py. Each starts a broker and a PostgreSQL of its own.
# dg_fault(name program args...)
function(dg_fault name)
  dg_script_test(${name} fault ${CMAKE_CURRENT_SOURCE_DIR}/fault/${ARGN} LABELS "kafka;slow" TIMEOUT 400)
  set_property(TEST fault/${name} APPEND PROPERTY ENVIRONMENT "DG_PRODUCER=$<TARGET_FILE:stream_producer>")
  set_tests_properties(fault/${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
if(Python3_FOUND)
  # The program without the fence: the file that compares epochs and offsets is compiled once more, and
  # comes before the library's.
  add_executable(driftgauge_unfenced ${PROJECT_SOURCE_DIR}/engine/cli/main.c
                                     ${PROJECT_SOURCE_DIR}/connectors/postgres_ledger_commit.c)
  target_compile_definitions(driftgauge_unfenced PRIVATE DG_UNFENCED)
  target_link_libraries(driftgauge_unfenced PRIVATE dg_cli PkgConfig::GSL PkgConfig::PQ)

  dg_fault(kill kill --kills 20)
  dg_fault(postgres postgres --n 5)
  dg_fault(broker broker --n 2)
  dg_fault(freeze freeze --n 2)
  dg_fault(freeze_without_fence freeze --n 2 --unfenced $<TARGET_FILE:driftgauge_unfenced>)
  dg_fault(outage outage --seconds 10)
  dg_fault(cuts cuts --n 20)
  dg_fault(lost lost --n 2)
  dg_fault(versions versions --n 4)
  dg_fault(leave leave)
  dg_fault(full full --n 2)
endif()
