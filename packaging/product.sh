# Sourced by the scripts that make the files to ship: removes the builder's paths, splits the debugging information from the
# library, and makes an archive that defines the functions of the header and nothing else.
#
# `tool` is a prefix for binutils of another system (`aarch64-linux-gnu-`), or empty.

: "${CARGO:=cargo}" "${RUSTC:=rustc}" "${CC:=cc}" "${tool:=}"

# Inlining less than usual makes the library a tenth smaller; reads, writes and waits cost the same instructions, an accept a few
# more.
inlining=-Cllvm-args=-inline-threshold=60

# The compiler's flags for every crate: the caller's own, then names in place of the builder's folders. Of several that
# match, rustc takes the last, so the innermost folders stand last.
rust_flags() {
    local folder sysroot flags=()
    # shellcheck disable=SC2206  # Words, as cargo splits them.
    flags=(${RUSTFLAGS:-})
    sysroot=$("$RUSTC" --print sysroot)
    flags+=("--remap-path-prefix=$PWD=/anysock" "--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc")
    for folder in /usr/src/rustc-*; do
        flags+=("--remap-path-prefix=$folder=/rustc")
    done
    for folder in "$PWD/vendor" "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        flags+=("--remap-path-prefix=$folder=/registry")
    done
    local IFS=$'\x1f'
    printf '%s' "${flags[*]}"
}

# The unwinder as an archive, so that the library needs no libgcc_s beside it. Empty where the compiler has none.
static_unwinder() {
    local archive
    archive=$("$CC" -print-file-name=libgcc_eh.a 2>/dev/null) || return 0
    if [[ $archive == /* ]]; then echo "-Lnative=$(dirname "$archive") -lstatic:-bundle=gcc_eh"; fi
}

# std's printing of backtraces brings a reader of debugging information, a quarter of the library, and a compiler's own std
# can't be had without it. All of it hangs on one function, `<DisplayBacktrace as Display>::fmt`: here it says Ok at once, so that
# a linker drops what it alone needs, and a backtrace is empty (the library shows none: core/process/panics.rs). Where std has no such
# function, the library is larger, and nothing else. What is built with a std of its own (packaging/dist) uses std's own switch.
drop_backtraces() { # object
    local name size says_ok
    read -r name size < <("${tool}readelf" -SW "$1" 2>/dev/null | sed -nE 's/^ *\[ *[0-9]+\] (\.text\.[^ ]*DisplayBacktrace[^ ]*Display[^ ]*fmt[^ ]*) +PROGBITS +[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) .*/\1 \2/p') || return 0
    case $("${tool}objdump" -f "$1" | sed -n 's/^architecture: \([a-z0-9_-]*\).*/\1/p') in
        i386) says_ok='\x31\xc0\xc3\xcc\xcc\xcc\xcc\xcc' ;;
        aarch64) says_ok='\x00\x00\x80\x52\xc0\x03\x5f\xd6' ;;
        *) return 0 ;;
    esac
    # As long as it was, because the frames that are noted for unwinding are.
    { printf "$says_ok" && head -c "$((16#$size - 8))" /dev/zero; } >"$1.ok"
    "${tool}objcopy" --update-section "$name=$1.ok" --remove-relocations "$name" "$1"
    rm "$1.ok"
}

# Splits a shared library in two: what a process loads, and LIBRARY.debug beside it, which debuggers find by its name.
split_debug() { # library
    local name compress=(--compress-debug-sections=zlib)
    name=$(basename "$1")
    # A DLL has no such section.
    if [[ $name == *.dll ]]; then compress=(); fi
    "${tool}objcopy" --only-keep-debug "${compress[@]}" "$1" "$1.debug.new"
    chmod 644 "$1.debug.new"
    mv -f "$1.debug.new" "$1.debug"
    # In its folder, because the note holds the name as it is given; into a new file, as cargo keeps a link to the old.
    (cd "$(dirname "$1")" && "${tool}objcopy" --strip-all --add-gnu-debuglink="$name.debug" "$name" "$name.new")
    mv -f "$1.new" "$1"
}

# Shortens the names of sections. Each has its function's long name in it, a seventh of the archive, which linkers do not need: they
# drop unused sections whatever they are called. The part before the function's name (`.text.`) has a meaning, and stays.
name_sections_briefly() { # object
    # Windows' objects are none that readelf reads, and their linker keeps what they have whole.
    "${tool}readelf" -h "$1" &>/dev/null || return 0
    "${tool}readelf" -SW "$1" 2>/dev/null |
        sed -nE 's/^ *\[ *[0-9]+\] ((\.(text\.unlikely|text|rodata|data\.rel\.ro|data|bss|tbss|tdata|gcc_except_table))\.(_|\.L|anysock|anon)[^ ]*) .*/--rename-section \1=\2.part/p' |
        sort -u >"$1.names"
    if [[ -s $1.names ]]; then "${tool}objcopy" "@$1.names" "$1"; fi
    rm "$1.names"
}

# One object of all that the functions of the header reach. What else is in it has no name outside, so that it meets
# neither another Rust library's copy of std nor a name of the program's own. With an archive of an unwinder it needs none of
# the program's compiler.
make_guest() { # archive [unwinder]
    local work names main object=product.o imports=()
    work=$(mktemp -d)
    names=$work/names
    "${tool}ar" x --output="$work" "$1"
    for main in "$work"/anysock*.o; do
        drop_backtraces "$main"
    done
    "${tool}nm" -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 && $3 ~ /^anysock_/ { print $3 }' | sort -u >"$names"
    sed 's/^/--undefined=/' "$names" >"$work/roots"
    case $("${tool}objdump" -f "$main" | sed -n 's/.*file format //p') in
        # MinGW's linker makes no object of several; there the compiler's own helpers are MinGW's, too. What asks the
        # system for random numbers is imported from a library that MinGW does not know.
        pe-*) mv "$main" "$work/$object" && imports=("$work"/bcryptprimitives*.o) ;;
        *) "${tool}ld" -r --gc-sections --force-group-allocation "@$work/roots" -o "$work/$object" "$main" "$1" "${@:2}" ;;
    esac
    "${tool}objcopy" --keep-global-symbols="$names" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "$work/$object"
    "${tool}objcopy" --strip-unneeded "$work/$object"
    name_sections_briefly "$work/$object"
    mv "$work/$object" "$work/anysock.o"
    (cd "$work" && "${tool}ar" rcsD new.a anysock.o "${imports[@]}")
    chmod 644 "$work/new.a"
    mv -f "$work/new.a" "$1"
    rm -r "$work"
}
