//! Names the shared library for the dynamic linker, which cargo does not do by itself.
//! `NODELETE`: a library that owns threads, fork handlers and thread-local state can't be unloaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Tests run the back-end of the BSDs on Linux: tests/kqueue.
    println!("cargo::rustc-check-cfg=cfg(kqueue_model)");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match system.as_str() {
        "linux" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libanysock.so.0");
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libanysock.0.dylib"),
        _ => {}
    }
}
