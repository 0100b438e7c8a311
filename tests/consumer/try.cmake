# Installs the build in BUILD into a folder of its own, and builds the project that `supe new` writes against it in two ways:
# find_package and pkg-config; and a program of its own with supe::main. All are run. GENERATOR, CXX: as of the build.
set(ENV{CCACHE_DISABLE} 1)  # what is compiled here is compiled once
set(work ${BUILD}/consumer)
file(REMOVE_RECURSE ${work})
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${work} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()
file(MAKE_DIRECTORY ${work})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/installed)

run(${work}/installed/bin/supe new shop)
run(${CMAKE_COMMAND} -S ${work}/shop -B ${work}/shop/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_PREFIX_PATH=${work}/installed)
run(${CMAKE_COMMAND} --build ${work}/shop/build)
run(ctest --test-dir ${work}/shop/build --output-on-failure)
run(${work}/installed/bin/supe check ${work}/shop/tree.json)

file(WRITE ${work}/hall/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(hall LANGUAGES CXX)
find_package(supe 1 REQUIRED)
add_executable(hall ${CMAKE_CURRENT_LIST_DIR}/../process/children/hall.cpp)
target_link_libraries(hall PRIVATE supe::main supe::patterns)
")
run(${CMAKE_COMMAND} -S ${work}/hall -B ${work}/hall/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_PREFIX_PATH=${work}/installed)
run(${CMAKE_COMMAND} --build ${work}/hall/build)
run(${work}/hall/build/hall check)

file(GLOB packages LIST_DIRECTORIES true ${work}/installed/lib/pkgconfig ${work}/installed/lib/*/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "${packages}")
execute_process(COMMAND pkg-config --cflags --libs supe-patterns supe-simulation
                OUTPUT_VARIABLE flags RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
if(failed)
  message(FATAL_ERROR "pkg-config does not find supe-patterns")
endif()
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${CXX} ${work}/shop/greeter_test.cpp -o ${work}/by_pkg_config ${flags})
run(${work}/by_pkg_config)
