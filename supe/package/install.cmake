# `cmake --install`: the libraries with their headers, for find_package(supe) and pkg-config.
include(CMakePackageConfigHelpers)

set(version ${PROJECT_VERSION})
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/supe)
set(headers ${CMAKE_INSTALL_INCLUDEDIR}/supe-${PROJECT_VERSION_MAJOR})

# The library `supe` is supe_core here, because the command has that name.
set_target_properties(supe_core PROPERTIES EXPORT_NAME supe OUTPUT_NAME supe)
set_target_properties(supe_patterns PROPERTIES EXPORT_NAME patterns)
set_target_properties(supe_simulation PROPERTIES EXPORT_NAME simulation)
add_library(supe::supe ALIAS supe_core)
add_library(supe::patterns ALIAS supe_patterns)
add_library(supe::simulation ALIAS supe_simulation)
set(libraries supe_core supe_patterns supe_simulation)
set(pkg_config_files supe supe-patterns supe-simulation)
if(TARGET supe_main)
  set_target_properties(supe_main PROPERTIES EXPORT_NAME main)
  add_library(supe::main ALIAS supe_main)
  list(APPEND libraries supe_main)
  list(APPEND pkg_config_files supe-main)
endif()

install(TARGETS ${libraries} EXPORT supe-targets)
install(EXPORT supe-targets NAMESPACE supe:: DESTINATION ${package})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/supe ${PROJECT_SOURCE_DIR}/patterns DESTINATION ${headers}
  FILES_MATCHING PATTERN "*.hpp" PATTERN package EXCLUDE PATTERN examples EXCLUDE PATTERN clients EXCLUDE PATTERN precompiled.hpp EXCLUDE)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/patterns/examples ${PROJECT_SOURCE_DIR}/patterns/clients DESTINATION ${CMAKE_INSTALL_DATADIR}/supe)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/supe-config.cmake.in ${PROJECT_BINARY_DIR}/package/supe-config.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/supe-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/supe-config.cmake ${PROJECT_BINARY_DIR}/package/supe-config-version.cmake
  DESTINATION ${package})

# pkg-config: the flags of the target supe::supe, in words.
# The prefix is where these files lie: `cmake --install --prefix` may choose another one than was configured.
file(RELATIVE_PATH prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(PREPEND prefix "\${pcfiledir}/")
get_target_property(definitions supe_core INTERFACE_COMPILE_DEFINITIONS)
list(TRANSFORM definitions PREPEND -D)
list(JOIN definitions " " definitions)
foreach(name ${pkg_config_files})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
