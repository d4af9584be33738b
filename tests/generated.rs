//! What is generated and committed: the header, and the manual's pages of options and errors. A test fails when
//! the committed file differs from what the code would make of it; with `ANYSOCK_BLESS=1` it writes the file
//! instead. Any warning of cbindgen fails it.

use anysock::core::error::{self, System};
use anysock::core::options::{self, Access, Row, Scope, Value};
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
        .with_src(root().join("src/ffi/many.rs"))
        .with_src(root().join("src/ffi/message.rs"))
        .with_src(root().join("src/ffi/options.rs"))
        .with_src(root().join("src/ffi/readiness.rs"))
        .with_src(root().join("src/ffi/names.rs"))
        .with_src(root().join("src/ffi/address.rs"))
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

const OPTIONS_OPENING: &str = "\
<!-- Generated from the table of options in the source (`make header`); do not edit. -->

# Options

```c
int64_t anysock_set(anysock_t h, const char *option, int64_t value);
int64_t anysock_get(anysock_t h, const char *option, int64_t *value);
int64_t anysock_set_text(anysock_t h, const char *option, const char *value);
int64_t anysock_get_text(anysock_t h, const char *option, char *text, size_t capacity);
int64_t anysock_set_raw(anysock_t h, int32_t level, int32_t name, const void *value, size_t length);
int64_t anysock_get_raw(anysock_t h, int32_t level, int32_t name, void *value, size_t length);
```

Options have names in lower case with dots; the header has a macro for each: `ANYSOCK_OPT_TCP_NODELAY` is `\"tcp.nodelay\"`. Switches
are 0 and 1, times are microseconds. A name that is none, or that this kind of socket lacks, is `ANYSOCK_ENOPROTOOPT`; one that this
system lacks is `ANYSOCK_EOPNOTSUPP`; a value out of range, or a text for a number, is `ANYSOCK_EINVAL`; setting what can only be read, or
reading what can only be set, is `ANYSOCK_EACCES`. `anysock_has` tells whether this system has an option.

Options may be set before a `tcp` or `udp` socket has its family: they are checked at once, kept, and applied when it is settled.

The raw functions take the system's own numbers and layouts, for what has no name here.
";

const SYSTEMS: [(&str, System); 6] = [
    ("Linux", System::Linux),
    ("macOS", System::Apple),
    ("FreeBSD", System::FreeBsd),
    ("NetBSD", System::NetBsd),
    ("OpenBSD", System::OpenBsd),
    ("Windows", System::Windows),
];

fn value(value: Value) -> String {
    match value {
        Value::Switch => "0 or 1".to_owned(),
        Value::Number { least, most } => range(least, most),
        Value::Time { least, most } => format!("microseconds, {}", range(least, most)),
        Value::Text => "text".to_owned(),
        Value::Interface => "text: an interface's name, number or address; empty for none".to_owned(),
        Value::Group => "text: `group` or `group%interface`".to_owned(),
        Value::SourceGroup => "text: `source@group` or `source@group%interface`".to_owned(),
    }
}

fn range(least: i64, most: i64) -> String {
    let from = if least == i64::MIN { "0 or less".to_owned() } else { format!("from {least}") };
    let to = match most {
        0 => String::new(),
        most if most >= i64::from(i32::MAX) => String::new(),
        most => format!(" to {most}"),
    };
    from + &to
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read only",
        Access::Write => "set only",
        Access::ReadWrite => "read and set",
    }
}

const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Any => "every handle",
        Scope::Handle => "sockets, pipes, terminals",
        Scope::Socket => "sockets",
        Scope::Internet => "tcp, udp, raw",
        Scope::Tcp => "tcp",
        Scope::Udp => "udp",
        Scope::Ip => "tcp, udp, raw over IPv4",
        Scope::Ipv6 => "tcp, udp, raw over IPv6",
        Scope::Multicast => "udp, raw over IPv4",
        Scope::Multicast6 => "udp, raw over IPv6",
        Scope::Unix => "unix, unixpacket",
        Scope::Local => "unix, unixpacket, unixgram",
    }
}

fn systems(row: &Row) -> String {
    let having: Vec<_> =
        SYSTEMS.iter().filter(|(_, system)| row.is_on(*system)).map(|(name, _)| *name).collect();
    if having.len() == SYSTEMS.len() { "every system".to_owned() } else { having.join(", ") }
}

#[test]
fn the_option_page_is_what_the_table_says() {
    let mut page = OPTIONS_OPENING.to_owned();
    let mut group = "";
    for row in options::TABLE {
        let (prefix, title) = match row.name.split_once('.') {
            Some((prefix, _)) => (prefix, format!("`{prefix}.`")),
            None => ("any", "Every socket".to_owned()),
        };
        if prefix != group {
            writeln!(page, "\n## {title}").unwrap();
            group = prefix;
        }
        let (value, access, scope, systems) =
            (value(row.value), access(row.access), scope(row.scope), systems(row));
        writeln!(page, "\n### `{}`\n\n{}\n", row.name, row.doc.trim()).unwrap();
        writeln!(page, "*{value} · {access} · {scope} · {systems}*").unwrap();
    }
    check("docs/options.md", &page);
}

const ERRORS_OPENING: &str = "\
<!-- Generated from the table of errors in the source (`make header`); do not edit. -->

# Errors

Codes are Linux's `errno` numbers, negated, on every system. Failures of the resolver have the numbers that libuv gives them. A system's
error `n` that has no equivalent is `-(20000 + n)` and is named `EOS_n`. 0 is named `OK`, and a number that is none of these `EUNKNOWN`.

`anysock_error_name` and `anysock_error_message` give text for any number. `anysock_last_os_error` gives the system's own number of the last
error that a call of this thread met, for logs.
";

#[test]
fn the_error_page_is_what_the_table_says() {
    let mut page = ERRORS_OPENING.to_owned();
    page.push_str("\n| code | macro | message |\n| --- | --- | --- |\n");
    for row in error::TABLE {
        let (name, message) = (row.name.to_str().unwrap(), row.message.to_str().unwrap());
        writeln!(page, "| {} | `ANYSOCK_{name}` | {message} |", row.code).unwrap();
    }
    page.push_str("\nAlso: ");
    let alias = |alias: &error::Alias| {
        let target = error::name(alias.error.code()).to_str().unwrap();
        format!("`ANYSOCK_{}` is `ANYSOCK_{target}`", alias.name.to_str().unwrap())
    };
    let aliases: Vec<_> = error::ALIASES.iter().map(alias).collect();
    writeln!(page, "{}.", aliases.join(", ")).unwrap();
    check("docs/errors.md", &page);
}
