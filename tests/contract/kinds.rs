//! Which kinds of sockets a system must have, and of what it must tell: the other modules test what there is.

use crate::peers::*;
use crate::support::*;

#[track_caller]
fn is_there(kind: &str) {
    assert_eq!(has(kind), 1, "{kind}");
    assert_eq!(get_text(*open(kind), "kind").as_deref(), Ok(kind));
}

#[test]
fn the_internet_kinds() {
    for kind in ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"] {
        is_there(kind);
    }
}

#[test]
fn unix() {
    is_there("unix");
}

#[cfg(unix)]
#[test]
fn unixgram() {
    is_there("unixgram");
}

#[cfg(unix)]
#[test]
fn unixpacket() {
    is_there("unixpacket");
}

#[cfg(windows)]
#[test]
fn what_windows_lacks_is_said() {
    for kind in ["unixgram", "unixpacket"] {
        assert_eq!(has(kind), 0, "{kind}");
        // SAFETY: the text is NUL-terminated.
        let code = unsafe { anysock_open(text(kind).as_ptr()) };
        assert!(["ESOCKTNOSUPPORT", "EAFNOSUPPORT"].contains(&name(code).as_str()), "{kind}: {}", name(code));
    }
}

#[test]
fn resets_of_connections() {
    assert!(resets_are_told());
}

#[test]
fn refusals_of_datagrams() {
    assert!(refusals_are_told());
}

/// Without AF_UNIX it is one over the loopback.
#[test]
fn a_unix_pair_is_everywhere() {
    let (one, other) = pair("unix");
    assert_eq!(write(*one, b"data"), 4);
    assert_eq!(read(*other, &mut [0; 8]), 4);
}
