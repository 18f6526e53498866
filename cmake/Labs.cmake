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

# isotach_embed_labs(LIBRARY): labs/*.lab, in the order of their list, as command::lab_texts().
function(isotach_embed_labs library)
  set(order link traffic nettest connections path memory swap ksm plot pin)
  set(texts "")
  foreach(name IN LISTS order)
    set(file ${CMAKE_SOURCE_DIR}/labs/${name}.lab)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} content)
    string(APPEND texts "    {\"${name}\", R\"isotach(${content})isotach\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/command/lab_texts.cc @ONLY CONTENT
"#include \"command/lab/lab_file.h\"

namespace isotach::command {
const std::vector<LabText>& lab_texts() {
  static const std::vector<LabText> texts = {
@texts@  };
  return texts;
}
}  // namespace isotach::command
")
  target_sources(${library} PRIVATE ${CMAKE_BINARY_DIR}/generated/command/lab_texts.cc)
endfunction()
