# vcpkg has no Rust: cargo must be on the machine. One build serves programs with and without debugging information.
set(VCPKG_BUILD_TYPE release)
vcpkg_download_distfile(ARCHIVE
  URLS "https://anysock.example/anysock-${VERSION}-source.tar.gz"
  FILENAME "anysock-${VERSION}-source.tar.gz"
  SHA512 0)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")

vcpkg_execute_required_process(
  COMMAND "${SOURCE_PATH}/packaging/build" --quiet --offline
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME "build-${TARGET_TRIPLET}")
vcpkg_execute_required_process(
  COMMAND "${SOURCE_PATH}/packaging/install" "prefix=${CURRENT_PACKAGES_DIR}" cmakedir=share/anysock
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME "install-${TARGET_TRIPLET}")

# One kind of library for each triplet.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(GLOB shared "${CURRENT_PACKAGES_DIR}/lib/libanysock.so*" "${CURRENT_PACKAGES_DIR}/lib/libanysock*.dylib")
  file(REMOVE ${shared})
else()
  file(REMOVE "${CURRENT_PACKAGES_DIR}/lib/libanysock.a")
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib/.debug")
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
