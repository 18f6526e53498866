# Man pages in build/man, made by the program from the descriptions of its commands, so that they
# cannot differ from what it does: man build/man/isotach-vm.1
find_program(SCDOC scdoc)
if(NOT SCDOC)
  message(STATUS "scdoc is missing: no man pages will be made")
  return()
endif()

# The folder is made anew each time: pages of commands that are gone must not stay.
set(man_folder ${CMAKE_BINARY_DIR}/man)
add_custom_command(
  OUTPUT ${man_folder}/.made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${man_folder}
  COMMAND isotach generate --man ${man_folder}
  COMMAND ${CMAKE_COMMAND} -DSCDOC=${SCDOC} -DMAN_FOLDER=${man_folder}
          -P ${CMAKE_SOURCE_DIR}/cmake/RunScdoc.cmake
  COMMAND ${CMAKE_COMMAND} -E touch ${man_folder}/.made
  DEPENDS isotach ${CMAKE_SOURCE_DIR}/cmake/RunScdoc.cmake
  COMMENT "Making man pages"
  VERBATIM)
add_custom_target(man ALL DEPENDS ${man_folder}/.made)
