# Sourced: the systems that are shipped to, and how a library for each is built. Debian's compiler makes std for any of
# them (.ci/debian); zig links with C libraries of all of them.

. .ci/debian
. packaging/product.sh
. packaging/about.sh

dist=target/dist
tools=$dist/tools

all_targets=(
    x86_64-linux-gnu
    aarch64-linux-gnu
    x86_64-linux-musl
    aarch64-linux-musl
    x86_64-windows
)

# The oldest glibc that the library runs with: that of CentOS 7, and of manylinux2014.
glibc=2.17

rust_target() { # target
    case $1 in
        x86_64-windows) echo x86_64-pc-windows-gnu ;;
        *-linux-*) echo "${1/-linux-/-unknown-linux-}" ;;
    esac
}

zig_target() { # target
    case $1 in *-gnu) echo "$1.$glibc" ;; *) echo "$1" ;; esac
}

# binutils for the files of a target.
select_binutils() { # target
    case $1 in
        "$(uname -m)"-linux-*) tool= ;;
        aarch64-linux-*) tool=aarch64-linux-gnu- ;;
        x86_64-linux-*) tool=x86_64-linux-gnu- ;;
        x86_64-windows) tool=x86_64-w64-mingw32- ;;
    esac
}

fetch_tools() {
    install_missing rustc-web cargo-web rust-web-src binutils binutils-aarch64-linux-gnu gcc-mingw-w64-x86-64
    if ! cmp -s packaging/tools.txt "$tools/fetched"; then
        rm -rf "$tools"
        mkdir -p "$tools"
        "${PYTHON:-python3}" -m venv "$tools/python"
        "$tools/python/bin/pip" install --quiet --requirement packaging/tools.txt
        ln -s "$(cd "$tools" && echo python/lib/python3*/site-packages/ziglang)" "$tools/zig"
        cp packaging/tools.txt "$tools/fetched"
    fi
    # Relative, so that what zig compiles does not note where it was; see zig-linker.
    export ZIG=$tools/zig/zig ZIG_LIB_DIR=$tools/zig/lib
    export ZIG_GLOBAL_CACHE_DIR=$PWD/$dist/zig-cache ZIG_LOCAL_CACHE_DIR=$PWD/$dist/zig-cache
}

# Compiles and links for a target; the files are left in $dist/build/RUST_TARGET/release as cargo makes them.
compile() { # target
    local triple variable flags
    local -a link=()
    triple=$(rust_target "$1")
    flags=$(RUSTC=/usr/bin/rustc rust_flags)
    case $1 in
        *-musl)
            # Without this there is no shared library: rustc takes musl for something that is linked statically.
            flags+=$'\x1f'-Ctarget-feature=-crt-static
            ;;&
        *-linux-*)
            variable=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$triple")_LINKER
            export "$variable=$PWD/packaging/zig-linker"
            ZIG_TARGET=$(zig_target "$1")
            export ZIG_TARGET
            link=(-Clink-arg=-Wl,--build-id=sha1)
            ;;
        *-windows) link=(-Clink-arg=-Wl,--no-insert-timestamp) ;;
    esac
    # The variable goes to the compiler, not through debian_cargo, which clears it.
    env -u RUSTC_WRAPPER -u RUSTC_WORKSPACE_WRAPPER CARGO_ENCODED_RUSTFLAGS="$flags" \
        RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 /usr/bin/cargo rustc --quiet --release --locked \
        --lib --crate-type cdylib,staticlib --target "$triple" --target-dir "$dist/build" \
        -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind \
        --config 'profile.release.debug="full"' --config 'profile.release.strip="none"' -- "$inlining" "${link[@]}"
}

# The unwinder that the library is linked with, as zig has it: an archive. Windows' is MinGW's own.
unwinder() { # target
    local work
    if [[ $1 == *-windows ]]; then return; fi
    work=$(mktemp -d)
    echo 'int nothing;' >"$work/nothing.c"
    ZIG_VERBOSE_LINK=1 "$ZIG" cc -target "$(zig_target "$1")" -shared -o "$work/nothing.so" "$work/nothing.c" -lunwind 2>&1 |
        tr ' ' '\n' | grep '/libunwind\.a$' | tail -n 1
    rm -r "$work"
}

# The names of the header's functions, as the linker of Windows wants them.
definition() {
    printf 'LIBRARY anysock.dll\nEXPORTS\n'
    grep -oE '\banysock_[a-z_]+\(' include/anysock.h | tr -d '(' | sort -u | sed 's/^/    /'
}

# Makes the files to ship from cargo's, into $dist/product/TARGET.
finish() { # target
    local made product
    made=$dist/build/$(rust_target "$1")/release
    product=$dist/product/$1
    select_binutils "$1"
    rm -rf "$product"
    mkdir -p "$product"
    cp "$made/libanysock.a" "$product/"
    # shellcheck disable=SC2046  # One word or none.
    make_guest "$product/libanysock.a" $(unwinder "$1")
    case $1 in
        *-windows)
            cp "$made/anysock.dll" "$product/"
            split_debug "$product/anysock.dll"
            definition >"$product/anysock.def"
            # Short entries, as Microsoft's own tools make them, and MinGW's kind.
            "$ZIG" dlltool -m i386:x86-64 -d "$product/anysock.def" -l "$product/anysock.lib"
            "${tool}dlltool" -d "$product/anysock.def" -l "$product/libanysock.dll.a"
            ;;
        *)
            cp "$made/libanysock.so" "$product/"
            split_debug "$product/libanysock.so"
            ;;
    esac
}
