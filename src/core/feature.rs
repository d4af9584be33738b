//! What this build on this system can do, by name (`anysock_has`). Not here: the options (`settings/catalogue`) and kinds
//! (`name/kind`) that are asked for by name here as well.

use crate::core::error::Error;
use crate::core::name::kind::Kind;
use crate::core::options;
use crate::core::process::panics;
use crate::core::socket::family;
use crate::sys;
use socket2::Domain;

/// A feature that is neither a kind nor an option.
pub struct Feature {
    /// What callers ask for.
    pub name: &'static str,
    /// What it means that it is there.
    pub meaning: &'static str,
    is_there: fn() -> bool,
}

/// All of them.
pub static FEATURES: [Feature; 4] = [
    Feature { name: "ipv6", meaning: "sockets of IPv6", is_there: || exists_kind("udp6") },
    Feature {
        name: "unix.abstract",
        meaning: "names of unix sockets outside the file system, \"@name\"",
        is_there: || sys::HAS_ABSTRACT,
    },
    // `udp.segment` is the option, and more systems have it.
    Feature {
        name: "udp.gso",
        meaning: "a datagram that is cut into segments for each call, `segment` of `anysock_datagram`",
        is_there: || sys::HAS_SEGMENTS,
    },
    Feature {
        name: "fork",
        meaning: "processes fork, and handles work in the child",
        is_there: || cfg!(unix),
    },
];

/// Whether a feature is there: a kind, an option, or one of a few other names.
#[must_use]
pub fn has(name: &str) -> bool {
    panics::install();
    #[cfg(feature = "test-hooks")]
    assert!(name != "test.panic", "a panic, as the test asked");
    match FEATURES.iter().find(|feature| feature.name == name) {
        Some(feature) => (feature.is_there)(),
        None => exists_kind(name) || options::is_supported(name),
    }
}

fn exists_kind(name: &str) -> bool {
    Kind::parse(name).is_ok_and(exists)
}

/// Whether the system has the family, by opening a socket. A raw kind exists even if this user may not open it.
fn exists(kind: Kind) -> bool {
    let family = kind.family().unwrap_or(Domain::IPV4);
    match family::create(kind, family) {
        Ok(fd) => {
            sys::close(fd);
            true
        }
        Err(error) => matches!(error, Error::EPERM | Error::EACCES),
    }
}
