//! Where the library lies: the folder that `ANYSOCK_LIB_DIR` names, else where pkg-config says, else where the linker looks. With the
//! feature `bundled` it is built along.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=ANYSOCK_LIB_DIR");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    if let Ok(folder) = std::env::var("ANYSOCK_LIB_DIR") {
        println!("cargo::rustc-link-search=native={folder}");
        return;
    }
    let Ok(output) = Command::new("pkg-config").args(["--libs-only-L", "anysock"]).output() else { return };
    for flag in String::from_utf8_lossy(&output.stdout).split_whitespace() {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={folder}");
        }
    }
}
