"""Conan 2: builds the library with the cargo of the machine, and tells what is linked with what."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, get


class Anysock(ConanFile):
    name = "anysock"
    version = "0.2.0"
    description = "The same sockets for every language on every system"
    license = "MIT OR Apache-2.0"
    homepage = "https://anysock.example"
    topics = ("socket", "network", "select", "ffi")
    package_type = "library"
    settings = "os", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def validate(self):
        if self.settings.os not in ("Linux", "Macos"):
            raise ConanInvalidConfiguration("this recipe builds for Linux and macOS")

    def source(self):
        get(self, f"{self.homepage}/anysock-{self.version}-source.tar.gz", sha256="0" * 64, strip_root=True)

    def build(self):
        self.run(os.path.join(self.source_folder, "packaging", "build") + " --quiet", cwd=self.source_folder)

    def package(self):
        script = os.path.join(self.source_folder, "packaging", "install")
        self.run(f'"{script}" prefix="{self.package_folder}"', cwd=self.source_folder)
        copy(self, "LICENSE-*", self.source_folder, os.path.join(self.package_folder, "licenses"))
        # One kind of library for each package.
        folder = os.path.join(self.package_folder, "lib")
        for name in os.listdir(folder):
            if name.startswith("libanysock") and name.endswith(".a") == bool(self.options.shared):
                os.remove(os.path.join(folder, name))

    def package_info(self):
        self.cpp_info.libs = ["anysock"]
        self.cpp_info.set_property("cmake_target_name", "anysock::anysock")
        self.cpp_info.set_property("pkg_config_name", "anysock")
        if self.settings.os == "Linux" and not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "dl", "rt", "m"]
