# A build that starts from nothing reads the same headers again and again, which is a third of all its work: with
# ISOTACH_PRECOMPILE they are read once for each library. The sanitizers' builds are such, and that of a whole test
# run on a fresh checkout. Everyday builds do without, so that ccache serves all checkouts of a machine, and what a
# file forgets to include is noticed.
option(ISOTACH_PRECOMPILE "Precompile the headers that most sources include" OFF)
set(ISOTACH_COMMON_HEADERS <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <span> <string>
    <string_view> <unordered_map> <variant> <vector> <fmt/format.h> <tl/expected.hpp>)

function(isotach_precompile target)
  if(NOT ISOTACH_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ISOTACH_COMMON_HEADERS} ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  else()
    # g++ forgets that precompiled headers are the system's, and tells what its optimizer suspects in them. Clang's
    # warnings stay errors here, and those of g++ in everyday builds.
    target_compile_options(${target} PRIVATE -Wno-error)
  endif()
endfunction()

# isotach_library(NAME folder... LINK libraries...)
#
# A layer of src/: every *.cc of the named folders (relative to src/) becomes the static library
# isotach_NAME; every *_test.cc becomes part of the test program NAME_test.
function(isotach_library name)
  cmake_parse_arguments(arg "" "" "LINK;TEST_LINK" ${ARGN})
  set(sources "")
  set(tests "")
  foreach(folder ${arg_UNPARSED_ARGUMENTS})
    file(GLOB folder_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
    list(APPEND sources ${folder_sources})
  endforeach()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  if(NOT sources)
    add_library(isotach_${name} INTERFACE)
    target_link_libraries(isotach_${name} INTERFACE ${arg_LINK})
    return()
  endif()
  add_library(isotach_${name} STATIC ${sources})
  target_include_directories(isotach_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(isotach_${name} PUBLIC ${arg_LINK})
  isotach_precompile(isotach_${name})
  if(ISOTACH_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE isotach_${name} ${arg_TEST_LINK} GTest::gmock GTest::gtest_main)
    isotach_precompile(${name}_test <gmock/gmock.h> <gtest/gtest.h>)
    # Tests run once: optimising them takes longer than it saves.
    target_compile_options(${name}_test PRIVATE -O0 -g1)
    target_compile_definitions(${name}_test PRIVATE ISOTACH_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test)
    set_property(GLOBAL APPEND PROPERTY isotach_test_programs ${name}_test)
  endif()
endfunction()
