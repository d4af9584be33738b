//! The manual's pages that come from the tables of the engine. Not here: the tables.

use anysock::core::error::{self, System};
use anysock::core::options::{self, Access, OptionSpec, Scope, Value};
use std::fmt::Write;

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

pub const SYSTEMS: [(&str, System); 6] = [
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

pub const fn scope(scope: Scope) -> &'static str {
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
        Scope::Queue => "queues",
        Scope::Local => "unix, unixpacket, unixgram",
    }
}

/// The names of the systems that have an option.
pub fn systems(row: &OptionSpec) -> Vec<&'static str> {
    SYSTEMS.iter().filter(|(_, system)| row.is_on(*system)).map(|(name, _)| *name).collect()
}

fn systems_text(row: &OptionSpec) -> String {
    let having = systems(row);
    if having.len() == SYSTEMS.len() { "every system".to_owned() } else { having.join(", ") }
}

#[test]
fn the_option_page_is_what_the_table_says() {
    let mut page = OPTIONS_OPENING.to_owned();
    let mut group = "";
    for row in options::OPTIONS {
        let (prefix, title) = match row.name.split_once('.') {
            Some((prefix, _)) => (prefix, format!("`{prefix}.`")),
            None => ("any", "Every socket".to_owned()),
        };
        if prefix != group {
            writeln!(page, "\n## {title}").unwrap();
            group = prefix;
        }
        let (value, access, scope, systems) =
            (value(row.value), access(row.access), scope(row.scope), systems_text(row));
        writeln!(page, "\n### `{}`\n\n{}\n", row.name, row.doc.trim()).unwrap();
        writeln!(page, "*{value} · {access} · {scope} · {systems}*").unwrap();
    }
    crate::check("docs/options.md", &page);
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
    for row in error::NAMED {
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
    crate::check("docs/errors.md", &page);
}
