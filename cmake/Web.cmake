# The page of isotach web: web/ is bundled by esbuild and embedded as isotach_web_assets.
#
# node_modules lie in the build directory, so that several builds of one checkout do not meet, and
# the source tree stays clean. npm asks the registry only for what its cache lacks.
option(ISOTACH_WEB "Build the web page into the binary (needs nodejs and npm)" ON)

set(web_generated ${CMAKE_BINARY_DIR}/generated/web/assets.cc)
if(NOT ISOTACH_WEB)
  file(CONFIGURE OUTPUT ${web_generated} CONTENT
"#include \"view/web/assets.h\"

namespace isotach::view {
std::span<const WebAsset> web_assets() { return {}; }
}  // namespace isotach::view
")
else()
  find_program(ISOTACH_NODE NAMES node nodejs)
  find_program(ISOTACH_NPM npm)
  if(NOT ISOTACH_NODE OR NOT ISOTACH_NPM)
    message(FATAL_ERROR "The web page needs nodejs and npm, which were not found.\n"
                        "Install them (apt install nodejs npm), or build without the page: -DISOTACH_WEB=OFF")
  endif()
  set(web_source ${CMAKE_SOURCE_DIR}/web)
  set(web_build ${CMAKE_BINARY_DIR}/web)
  add_custom_command(
    OUTPUT ${web_build}/node_modules/.installed
    COMMAND ${CMAKE_COMMAND} -E make_directory ${web_build}
    COMMAND ${CMAKE_COMMAND} -E copy ${web_source}/package.json ${web_source}/package-lock.json ${web_build}
    COMMAND ${CMAKE_COMMAND} -E chdir ${web_build} ${ISOTACH_NPM} ci --prefer-offline --ignore-scripts --no-audit
            --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${web_build}/node_modules/.installed
    DEPENDS ${web_source}/package.json ${web_source}/package-lock.json
    COMMENT "Installing the npm packages of the web page"
    VERBATIM)
  file(GLOB web_files CONFIGURE_DEPENDS ${web_source}/src/*.ts ${web_source}/src/*.css ${web_source}/src/*.html
       ${web_source}/src/*.svg)
  add_custom_command(
    OUTPUT ${web_generated}
    COMMAND ${ISOTACH_NODE} ${web_source}/build.mjs --modules ${web_build} --out ${web_generated}
    DEPENDS ${web_build}/node_modules/.installed ${web_source}/build.mjs ${web_files}
    COMMENT "Bundling the web page"
    VERBATIM)
  if(ISOTACH_TESTS)
    add_test(NAME web_page COMMAND ${ISOTACH_NODE} ${web_source}/test.mjs --modules ${web_build})
  endif()
endif()

add_library(isotach_web_assets STATIC ${web_generated})
target_include_directories(isotach_web_assets PUBLIC ${CMAKE_SOURCE_DIR}/src)
