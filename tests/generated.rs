//! What is generated and committed: the header. The test fails when the committed file differs from what the
//! code would make of it; with `ANYSOCK_BLESS=1` it writes the file instead. Any warning of cbindgen fails it.

use anysock::core::error;
use anysock::core::options;
use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Collects what cbindgen complains about.
struct Complaints;

impl log::Log for Complaints {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            WARNINGS.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

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

fn macro_name(option: &str) -> String {
    format!("ANYSOCK_OPT_{}", option.to_uppercase().replace('.', "_"))
}

/// The macros that come from the tables in the code.
fn macros() -> String {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    writeln!(text, "/** The version that this header belongs to; compare with `anysock_version()`. */")
        .unwrap();
    writeln!(text, "#define ANYSOCK_VERSION \"{version}\"").unwrap();
    text.push_str("\n/* Errors: Linux's numbers, negated, on every system. */\n");
    for row in error::TABLE {
        let (name, message) = (row.name.to_str().unwrap(), row.message.to_str().unwrap());
        writeln!(text, "#define ANYSOCK_{name} ({}) /**< {message} */", row.code).unwrap();
    }
    for alias in error::ALIASES {
        let name = alias.name.to_str().unwrap();
        let target = error::name(alias.error.code()).to_str().unwrap();
        writeln!(text, "#define ANYSOCK_{name} ANYSOCK_{target}").unwrap();
    }
    text.push_str("\n/* Options: what they mean is in the manual. */\n");
    for option in options::TABLE {
        writeln!(text, "#define {} \"{}\"", macro_name(option.name), option.name).unwrap();
    }
    text
}

const OPENING: &str = "/*
 * anysock: the same sockets for every language on every system.
 * Handles are numbers, names are text, results are numbers.
 *
 * Every function that can fail returns int64_t: 0 or more is the answer, less is one of the error codes below. Times are
 * microseconds. Texts are NUL-terminated UTF-8. Any function may be called from any thread at any time.
 * Generated from the source; do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */";

fn header() -> String {
    let mut config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    config.header = Some(OPENING.to_owned());
    config.after_includes = Some(format!("\n{}", macros().trim_end()));
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root().join("src/ffi/types.rs"))
        .with_src(root().join("src/ffi/library.rs"))
        .with_src(root().join("src/ffi/life.rs"))
        .with_src(root().join("src/ffi/connection.rs"))
        .with_src(root().join("src/ffi/bytes.rs"))
        .with_src(root().join("src/ffi/options.rs"))
        .with_src(root().join("src/ffi/readiness.rs"))
        .with_src(root().join("src/ffi/names.rs"))
        .with_src(root().join("src/ffi/descriptor.rs"))
        .generate()
        .unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_what_the_code_says() {
    log::set_logger(&Complaints).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let made = header();
    assert_eq!(*WARNINGS.lock().unwrap(), Vec::<String>::new(), "cbindgen warns");
    check("include/anysock.h", &made);
}
