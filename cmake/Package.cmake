# The Debian package: ./dev package, or `cpack -G DEB` in the build folder.
include(GNUInstallDirs)
# Packaging needs the program and its documents, not the tests and benchmarks.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

set(documents ${CMAKE_BINARY_DIR}/documents)
if(TARGET engine)
  set(kit_programs ${CMAKE_BINARY_DIR}/kit/isotach-pin-runtime)
endif()
file(GLOB_RECURSE document_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*)
add_custom_command(
  OUTPUT ${documents}/doc/isotach/copyright
  COMMAND ${CMAKE_SOURCE_DIR}/tools/make_documents $<TARGET_FILE:isotach> ${CMAKE_BINARY_DIR}/man ${documents}
          ${kit_programs}
  DEPENDS isotach ${kit_programs} ${CMAKE_SOURCE_DIR}/tools/make_sbom ${CMAKE_BINARY_DIR}/man/.made
          ${CMAKE_SOURCE_DIR}/tools/make_documents ${CMAKE_SOURCE_DIR}/README.md
          ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/LICENSE ${document_sources}
  COMMENT "Making man pages and completions"
  VERBATIM)
add_custom_target(documents DEPENDS ${documents}/doc/isotach/copyright)

install(TARGETS isotach RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# The kit of the engine, which stands where a Pin kit does: programs, headers, rules for make, tools.
if(TARGET engine)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/kit/ DESTINATION lib/isotach/kit USE_SOURCE_PERMISSIONS)
  # CPack strips what is a target; these are files to it.
  install(CODE [[
    file(GLOB_RECURSE kit "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/isotach/kit/*.so")
    set(programs pin isotach-pin-runtime)
    list(TRANSFORM programs PREPEND "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/isotach/kit/")
    execute_process(COMMAND strip --strip-debug ${programs} ${kit} COMMAND_ERROR_IS_FATAL ANY)
  ]])
endif()
install(DIRECTORY ${documents}/ DESTINATION ${CMAKE_INSTALL_DATADIR} OPTIONAL)
file(GLOB units CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/systemd/*.service)
install(FILES ${units} DESTINATION lib/systemd/system)

set(CPACK_PACKAGE_NAME isotach)
set(CPACK_PACKAGE_CONTACT "The Isotach authors <isotach@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measures a Linux machine and says what is wrong")
set(CPACK_PACKAGE_DESCRIPTION
"Isotach shows what a Linux machine is doing - processors, memory, swap, page merging, network
interfaces, pressure - in the terminal, in a browser, as JSON or CSV and to Prometheus; it records
what it measures and plots it live.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_FILE_NAME isotach-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
