# SPDX-License-Identifier: GPL-2.0
# install_configured(TEMPLATE NAME DESTINATION): installs a file that names the prefix, as @prefix@. It is written when it is
# installed, because `cmake --install --prefix` may name another prefix than the configuration did.
function(install_configured template name destination)
  cmake_path(ABSOLUTE_PATH template BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set(written ${CMAKE_CURRENT_BINARY_DIR}/install/${name})
  install(CODE "
    set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
    set(PROJECT_VERSION \"${PROJECT_VERSION}\")
    configure_file(\"${template}\" \"${written}\" @ONLY)")
  install(FILES ${written} DESTINATION ${destination})
endfunction()
