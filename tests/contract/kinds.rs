//! Which kinds of sockets a system must have, and of what it must tell. The other modules test what there is: a kind that the
//! system lacks they leave out without a word (`here`), because here a test of its own name fails, or can't be built. So
//! where AF_UNIX is missing, as under Wine, `unix` fails, and a list of exceptions has to say so.

use crate::peers::*;
use crate::support::*;

#[track_caller]
fn is_there(kind: &str) {
    assert!(KINDS.contains(&kind), "{kind} is left out nowhere");
    assert_eq!(has(kind), 1, "{kind}");
    assert_eq!(get_text(*open(kind), "kind").as_deref(), Ok(kind));
}

/// A test for each kind, by its name.
macro_rules! kinds {
    ($($(#[$where:meta])? $kind:ident),* $(,)?) => {
        $($(#[$where])? #[test] fn $kind() { is_there(stringify!($kind)); })*

        #[test]
        fn none_is_left_out_unsaid() {
            assert_eq!(KINDS, [$(stringify!($kind)),*]);
        }
    };
}

kinds! {
    tcp, tcp4, tcp6, udp, udp4, udp6, unix,
    #[cfg(unix)] unixgram,
    #[cfg(unix)] unixpacket,
}

/// What is missing where those two are not built.
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
