# SPDX-License-Identifier: GPL-2.0
# How everything is compiled: warnings, build type, ccache, sanitizers.

set(ALPINE_SANITIZE "" CACHE STRING "Sanitizers for alpined, alp and the tests: address, undefined, thread")
option(ALPINE_WERROR "Warnings are errors" ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

# Invariants stay asserted in release (CONTRIBUTING.md, rule 6), so no build type defines NDEBUG.
foreach(lang IN ITEMS C CXX)
  foreach(type IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_${lang}_FLAGS_${type} "${CMAKE_${lang}_FLAGS_${type}}")
  endforeach()
endforeach()

add_compile_options(-Wall -Wextra)
# GCC 12 sees overlaps in std::string that are not there (gcc.gnu.org/PR105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(ALPINE_WERROR)
  add_compile_options(-Werror)
endif()
include_directories(${CMAKE_SOURCE_DIR})

find_program(ALPINE_CCACHE ccache)
if(ALPINE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${ALPINE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ALPINE_CCACHE})
endif()

if(ALPINE_SANITIZE)
  add_compile_options(-fsanitize=${ALPINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ALPINE_SANITIZE})
endif()

# alpine_preload_library(NAME SOURCE...): a static library that goes into libalpine.so.
#
# Code of it runs inside other people's programs: no exceptions, no RTTI, nothing exported but what says so, and no
# sanitizer (its run-time cannot be brought into a program that was not built for it).
function(alpine_preload_library name)
  add_library(${name} STATIC ${ARGN})
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fvisibility-inlines-hidden>
    -fvisibility=hidden)
  if(ALPINE_SANITIZE)
    target_compile_options(${name} PRIVATE -fno-sanitize=all)
  endif()
endfunction()
