# The BPF programs of bpf/: compiled by clang for the kernel's machine, wrapped by bpftool into a header that
# holds the object, so that isotach needs neither at run time. Without these tools isotach is built all the same:
# isotach traffic then says so and takes the next best way to count.
option(ISOTACH_BPF "Build the BPF programs into the binary (needs clang, bpftool and libbpf)" ON)

function(isotach_add_bpf target)
  if(NOT ISOTACH_BPF)
    return()
  endif()
  find_program(ISOTACH_BPF_CLANG NAMES clang-16 clang)
  find_program(ISOTACH_BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin)
  pkg_check_modules(bpf QUIET IMPORTED_TARGET libbpf)
  if(NOT ISOTACH_BPF_CLANG OR NOT ISOTACH_BPFTOOL OR NOT bpf_FOUND)
    message(WARNING "Building without BPF: clang-16, bpftool or libbpf-dev was not found. isotach traffic will "
                    "count by an AF_PACKET ring.")
    return()
  endif()
  set(generated ${CMAKE_BINARY_DIR}/generated-bpf)
  set(includes -I ${CMAKE_SOURCE_DIR}/src -I /usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)
  file(GLOB shared CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/*.h)
  foreach(name traffic traffic_trace stamp sockets)
    add_custom_command(
      OUTPUT ${generated}/${name}.skel.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
      COMMAND ${ISOTACH_BPF_CLANG} -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror ${includes}
              -fdebug-prefix-map=${CMAKE_SOURCE_DIR}=. -c ${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c
              -o ${generated}/${name}.unlinked.o
      COMMAND ${ISOTACH_BPFTOOL} gen object ${generated}/${name}.o ${generated}/${name}.unlinked.o
      COMMAND ${ISOTACH_BPFTOOL} gen skeleton ${generated}/${name}.o name ${name}_bpf > ${generated}/${name}.skel.h
      DEPENDS ${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c ${shared} ${CMAKE_SOURCE_DIR}/src/kernel/traffic_layout.h
              ${CMAKE_SOURCE_DIR}/src/kernel/traffic_count.inc ${CMAKE_SOURCE_DIR}/src/kernel/socket_row.h
      COMMENT "Compiling bpf/${name}.bpf.c"
      VERBATIM)
    target_sources(${target} PRIVATE ${generated}/${name}.skel.h)
  endforeach()
  target_include_directories(${target} SYSTEM PRIVATE ${generated})
  target_link_libraries(${target} PUBLIC PkgConfig::bpf)
  target_compile_definitions(${target} PRIVATE ISOTACH_WITH_BPF=1)
endfunction()
