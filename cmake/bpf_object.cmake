# SPDX-License-Identifier: GPL-2.0
# bpf_object(NAME SOURCE [headers...]): compiles eBPF C and makes an INTERFACE library NAME whose users can
# #include "bpf/NAME.skel.h". Only UAPI headers are used, so no BTF of the running kernel is needed to build.
find_program(ALPINE_BPF_CLANG NAMES clang-14 clang REQUIRED)
find_program(ALPINE_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(bpf_object name source)
  set(compiled ${CMAKE_CURRENT_BINARY_DIR}/${name}.compiled.o)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o) # the same without DWARF, as bpftool links it
  set(include_dir ${CMAKE_CURRENT_BINARY_DIR}/include)
  set(skeleton ${include_dir}/bpf/${name}.skel.h)
  set(depends ${source} ${ARGN})
  list(TRANSFORM depends PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]")
  file(MAKE_DIRECTORY ${include_dir}/bpf)
  add_custom_command(
    OUTPUT ${object} ${skeleton}
    COMMAND ${ALPINE_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror
            -I${PROJECT_SOURCE_DIR} -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${compiled}
    COMMAND ${ALPINE_BPFTOOL} gen object ${object} ${compiled}
    COMMAND ${ALPINE_BPFTOOL} gen skeleton ${object} name ${name} > ${skeleton}
    DEPENDS ${depends}
    COMMENT "eBPF ${name}"
    VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS ${skeleton})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_skeleton)
  target_include_directories(${name} SYSTEM INTERFACE ${include_dir})
endfunction()
