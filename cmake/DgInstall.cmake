# What `cmake --install` puts where. Everything is relocatable: no path of this build is baked in.
install(TARGETS driftgauge RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS driftgauge-stats EXPORT driftgauge-stats
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/stats/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/driftgauge/stats
        FILES_MATCHING PATTERN "*.h")
install(EXPORT driftgauge-stats NAMESPACE driftgauge::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/driftgauge-stats)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/driftgauge-stats-config.cmake.in
  ${PROJECT_BINARY_DIR}/driftgauge-stats-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/driftgauge-stats)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/driftgauge-stats-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/driftgauge-stats-config.cmake
              ${PROJECT_BINARY_DIR}/driftgauge-stats-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/driftgauge-stats)

# pkg-config: the prefix is found from where the file lies.
file(RELATIVE_PATH DG_PC_PREFIX
     /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/driftgauge-stats.pc.in
               ${PROJECT_BINARY_DIR}/driftgauge-stats.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/driftgauge-stats.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES docs/driftgauge.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/prometheus/alerts.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/prometheus)
install(DIRECTORY docs/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.yaml")
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(DIRECTORY sql/ DESTINATION ${CMAKE_INSTALL_DATADIR}/driftgauge/sql FILES_MATCHING PATTERN "*.sql")
