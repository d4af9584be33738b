//! What this build on this system can do, by name: for callers that would rather ask than fail.

use super::kind::Kind;
use super::{options, socket};
use crate::sys;
use socket2::Domain;

/// Whether a feature is there: a kind, an option, or one of a few other names.
#[must_use]
pub fn has(name: &str) -> bool {
    #[cfg(feature = "test-hooks")]
    assert!(name != "test.panic", "a panic, as the test asked");
    match name {
        "ipv6" | "tcp6" | "udp6" => can_open("udp6"),
        "unix.abstract" => sys::HAS_ABSTRACT,
        // `udp.segment` is the option, and more systems have it.
        "udp.gso" => sys::HAS_SEGMENTS,
        "fork" => cfg!(unix),
        _ => Kind::parse(name).is_ok_and(exists) || options::is_supported(name),
    }
}

fn can_open(kind: &str) -> bool {
    Kind::parse(kind).is_ok_and(exists)
}

/// Whether the system knows the family. Raw kinds count as there even where the caller may not open them.
fn exists(kind: Kind) -> bool {
    let family = kind.family().unwrap_or(Domain::IPV4);
    match socket::create(kind, family) {
        Ok(fd) => {
            sys::close(fd);
            true
        }
        Err(error) => matches!(error, super::error::Error::EPERM | super::error::Error::EACCES),
    }
}
