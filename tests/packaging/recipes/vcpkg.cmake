# vcpkg's functions, as much of them as our port uses, around its portfile: the source is this checkout, and nothing is
# fetched. `cmake -D SOURCE=... -D CURRENT_PACKAGES_DIR=... -D VCPKG_LIBRARY_LINKAGE=static|dynamic -P vcpkg.cmake`.

cmake_minimum_required(VERSION 3.25)
set(VERSION 0)
set(TARGET_TRIPLET x64-linux)

function(vcpkg_download_distfile out)
  set(${out} archive PARENT_SCOPE)
endfunction()

function(vcpkg_extract_source_archive out)
  set(${out} "${SOURCE}" PARENT_SCOPE)
endfunction()

function(vcpkg_execute_required_process)
  cmake_parse_arguments(PARSE_ARGV 0 this "" "WORKING_DIRECTORY;LOGNAME" "COMMAND")
  if(this_UNPARSED_ARGUMENTS OR NOT this_LOGNAME)
    message(FATAL_ERROR "vcpkg takes no ${this_UNPARSED_ARGUMENTS}, and wants a LOGNAME")
  endif()
  execute_process(COMMAND ${this_COMMAND} WORKING_DIRECTORY "${this_WORKING_DIRECTORY}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/lib/pkgconfig/anysock.pc")
    message(FATAL_ERROR "there is no anysock.pc where vcpkg looks for it")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 this "" "" "FILE_LIST")
  file(COPY ${this_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/anysock")
endfunction()

include("${SOURCE}/packaging/recipes/vcpkg/portfile.cmake")
