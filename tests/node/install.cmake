# Installs npm's supe, as the lock file pins it, into the directory TO, unless it is there already.
# cmake -D TO=DIRECTORY -P install.cmake; prints `*** skipped: WHY` when this machine cannot install it.
find_program(NODE node)
find_program(NPM npm)
if(NOT NODE OR NOT NPM)
  message("*** skipped: no Node.js with npm here")
  return()
endif()

set(lock ${CMAKE_CURRENT_LIST_DIR}/package-lock.json)
file(SHA256 ${lock} wanted)
set(installed "")
if(EXISTS ${TO}/installed)
  file(READ ${TO}/installed installed)
endif()
if(installed STREQUAL wanted)
  return()
endif()

file(MAKE_DIRECTORY ${TO})
file(COPY ${lock} ${CMAKE_CURRENT_LIST_DIR}/package.json DESTINATION ${TO})
execute_process(
  COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --cache ${TO}/cache --fetch-retries 1 --fetch-timeout 60000
  WORKING_DIRECTORY ${TO} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(NOT failed)
  file(WRITE ${TO}/installed ${wanted})
elseif(said MATCHES "code (ENOTFOUND|EAI_AGAIN|ECONN[A-Z]+|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|[A-Z_]*CERT[A-Z_]*|E403|E5[0-9][0-9])")
  message("*** skipped: the npm registry cannot be reached (${CMAKE_MATCH_1})")
else()
  message(FATAL_ERROR "npm ci failed:\n${said}")
endif()
