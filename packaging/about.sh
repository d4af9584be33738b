# Sourced: name, version and licence for every package, read from Cargo.toml, where they are kept once.

about() { # field of Cargo.toml
    sed -n "s/^$1 = \"\\(.*\\)\"\$/\\1/p" "$source/Cargo.toml" | head -n 1
}

version=$(about version)
description=$(about description)
license=$(about license)
url=$(about homepage)
maintainer=$(sed -n 's/^authors = \["\(.*\)"\]$/\1/p' "$source/Cargo.toml")

# Stands for the first in what is not filled in yet: recipes, Debian's files.
placeholder=https://anysock.example

# The number in the library's name: build.rs, which says when it changes.
soname=$(sed -n 's/.*soname,libanysock\.so\.\([0-9]*\).*/\1/p' "$source/build.rs")
