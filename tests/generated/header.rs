//! `include/anysock.h`, made by cbindgen, with the macros that come from the tables of the engine. Any warning of cbindgen fails it.
//! Not here: rules about its names (`names`).

use anysock::core::error;
use anysock::core::options;
use std::fmt::Write;
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

/// A part of the interface: a file of `src/ffi`, and the page of the manual about it.
pub struct Section {
    pub module: &'static str,
    pub title: &'static str,
    pub page: &'static str,
}

const fn section(module: &'static str, title: &'static str, page: &'static str) -> Section {
    Section { module, title, page }
}

/// All of it, in the order of the header.
pub const SECTIONS: &[Section] = &[
    section("types", "Types and constants", "docs/rules.md"),
    section("library", "The library", "docs/rules.md"),
    section("life", "Open and close", "docs/sockets.md"),
    section("connection", "Server and client", "docs/connections.md"),
    section("bytes", "Bytes", "docs/bytes.md"),
    section("many", "Many at once", "docs/many.md"),
    section("message", "Messages with more than data", "docs/messages.md"),
    section("options", "Options", "docs/options.md"),
    section("readiness", "Readiness: select and the poller", "docs/readiness.md"),
    section("queue", "The batch queue", "docs/queue.md"),
    section("names", "Names", "docs/addresses.md"),
    section("address", "Addresses as flat memory", "docs/addresses.md"),
    section("descriptor", "Descriptors", "docs/descriptors.md"),
];

/// A macro that comes from a table of the engine.
pub struct Macro {
    pub name: String,
    pub doc: String,
    pub value: MacroValue,
}

pub enum MacroValue {
    Version(&'static str),
    Error(i64),
    /// A second name of an error.
    Alias(String, i64),
    Option(&'static str),
}

pub fn option_macro(option: &str) -> String {
    format!("ANYSOCK_OPT_{}", option.to_uppercase().replace('.', "_"))
}

pub fn table_macros() -> Vec<Macro> {
    let version = Macro {
        name: "ANYSOCK_HEADER_VERSION".to_owned(),
        doc: "The version that this header belongs to; compare with `anysock_version()`.".to_owned(),
        value: MacroValue::Version(env!("CARGO_PKG_VERSION")),
    };
    let errors = error::NAMED.iter().map(|row| Macro {
        name: format!("ANYSOCK_{}", row.name.to_str().unwrap()),
        doc: row.message.to_str().unwrap().to_owned(),
        value: MacroValue::Error(row.code),
    });
    let aliases = error::ALIASES.iter().map(|alias| {
        let code = alias.error.code();
        let target = format!("ANYSOCK_{}", error::name(code).to_str().unwrap());
        let name = format!("ANYSOCK_{}", alias.name.to_str().unwrap());
        Macro { name, doc: format!("the same as `{target}`"), value: MacroValue::Alias(target, code) }
    });
    let options = options::OPTIONS.iter().map(|row| Macro {
        name: option_macro(row.name),
        doc: format!("option \"{}\"", row.name),
        value: MacroValue::Option(row.name),
    });
    std::iter::once(version).chain(errors).chain(aliases).chain(options).collect()
}

/// The macros as C has them.
fn macros() -> String {
    let mut text = String::new();
    for Macro { name, doc, value } in table_macros() {
        match value {
            MacroValue::Version(version) => {
                writeln!(text, "/** {doc} */\n#define {name} \"{version}\"").unwrap();
                text.push_str("\n/* Errors: Linux's numbers, negated, on every system. */\n");
            }
            MacroValue::Error(code) => writeln!(text, "#define {name} ({code}) /**< {doc} */").unwrap(),
            MacroValue::Alias(target, _) => writeln!(text, "#define {name} {target}").unwrap(),
            MacroValue::Option(option) => {
                if option == options::OPTIONS[0].name {
                    text.push_str("\n/* Options: what they mean is in the manual. */\n");
                }
                writeln!(text, "#define {name} \"{option}\"").unwrap();
            }
        }
    }
    text
}

const OPENING: &str = "/*
 * anysock: the same sockets for every language on every system.
 * Handles are numbers, names are text, results are numbers.
 *
 * Every function that can fail returns int64_t: 0 or more is the answer, less is one of the error codes below. Times are
 * microseconds. Texts are NUL-terminated UTF-8. Any function may be called from any thread at any time.
 *
 * In parentheses before a parameter: whether the memory that a pointer points at is read (in), written (out) or both (inout),
 * which parameter says how many bytes, characters or elements it holds (length=...), whether it may be NULL (nullable; with
 * length 0 each may), and the group of constants that a number is made of (group=...). No pointer is kept after the call.
 * Behind the word Blocks: the option or parameter that bounds the wait, and what else ends it: close, shutdown, a wake, or a signal if
 * the handle has option `interruptible`.
 *
 * Generated from the source; do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */";

/// The header as the source is now, whatever is committed.
pub fn header() -> String {
    let mut config = cbindgen::Config::from_file(crate::root().join("cbindgen.toml")).unwrap();
    config.header = Some(OPENING.to_owned());
    config.after_includes = Some(format!("\n{}", macros().trim_end()));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for section in SECTIONS {
        builder = builder.with_src(crate::root().join(format!("src/ffi/{}.rs", section.module)));
    }
    let bindings = builder.generate().unwrap();
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
    crate::check("include/anysock.h", &made);
}
