# Programs in other languages that isotach starts, embedded as text so that an installed isotach needs no
# file beside it.
#
# isotach_embed(NAME FILE): the content of FILE as memory::NAME(), in generated/memory/NAME.cc.
function(isotach_embed name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} content)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/memory/${name}.cc @ONLY CONTENT
"#include \"memory/experiment/scripts.h\"

namespace isotach::memory {
std::string_view @name@() {
  return R\"isotach(@content@)isotach\";
}
}  // namespace isotach::memory
")
  target_sources(isotach_memory PRIVATE ${CMAKE_BINARY_DIR}/generated/memory/${name}.cc)
endfunction()

isotach_embed(lab_script ${CMAKE_SOURCE_DIR}/labs/memory/experiment.py)
isotach_embed(python_hook ${CMAKE_SOURCE_DIR}/src/memory/experiment/python_hook.py)
