//! What is generated and committed: the header, its description for machines, and the manual's pages of options and errors. A test
//! fails when the committed file differs from what the code would make of it; with `ANYSOCK_BLESS=1` it writes the file instead.

mod description;
mod header;
mod names;
mod pages;

use std::path::Path;

/// Where the repository lies.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a committed file with what the code makes of it, or writes it.
fn check(path: &str, made: &str) {
    let file = root().join(path);
    if std::env::var_os("ANYSOCK_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, made).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "{path} is out of date: run `make header`");
}
