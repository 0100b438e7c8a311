# The layout of all sources is that of .clang-format, as clang-format-19 makes it (other versions differ in places).
# cmake -P tests/house/layout.cmake; prints `*** skipped: WHY` where this machine cannot tell.
find_program(CLANG_FORMAT clang-format-19)
if(NOT CLANG_FORMAT)
  message("*** skipped: there is no clang-format-19")
  return()
endif()

get_filename_component(top ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
set(sources "")
foreach(floor supe patterns components tests)
  file(GLOB_RECURSE of_floor RELATIVE ${top} ${top}/${floor}/*.cpp ${top}/${floor}/*.hpp)
  list(APPEND sources ${of_floor})
endforeach()
list(LENGTH sources count)
if(count LESS 100)
  message(FATAL_ERROR "only ${count} sources found in ${top}: a rule over nothing holds always")
endif()

execute_process(COMMAND ${CLANG_FORMAT} --dry-run -Werror --ferror-limit=1 ${sources}
                WORKING_DIRECTORY ${top} RESULT_VARIABLE failed ERROR_VARIABLE said)
if(failed)
  string(REGEX MATCHALL "[^\n]*: error: code should be clang-formatted" faults "${said}")
  if(faults)
    string(REGEX REPLACE ": error: code should be clang-formatted" ": not as .clang-format has it" said "${faults}")
    list(JOIN said "\n" said)
  endif()
  message(FATAL_ERROR "${said}\nclang-format-19 -i FILE… lays them out.")
endif()
