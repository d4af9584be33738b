//! Addresses as flat memory: their layout, and text there and back. Not here: moving datagrams by them (`many`).

use crate::peers::*;
use crate::support::*;
use std::mem::{offset_of, zeroed};

pub use crate::support::parse;

/// As `anysock_address_format`.
pub fn format(address: &anysock_address) -> Result<String, i64> {
    // SAFETY: the address outlives the call, and `text_out` gives memory of that size.
    text_out(|text, capacity| unsafe { anysock_address_format(address, text, capacity) })
}

fn bytes(address: &anysock_address) -> Vec<u8> {
    let anysock_address { family, port, length, scope, reserved, bytes } = *address;
    let head = [family.to_ne_bytes(), scope.to_ne_bytes(), reserved.to_ne_bytes()].concat();
    [&head[..], &port.to_ne_bytes(), &length.to_ne_bytes(), &bytes].concat()
}

#[test]
fn an_address_has_the_layout_that_is_written_down() {
    assert_eq!(size_of::<anysock_address>(), 128);
    assert_eq!(offset_of!(anysock_address, family), 0);
    assert_eq!(offset_of!(anysock_address, port), 4);
    assert_eq!(offset_of!(anysock_address, length), 6);
    assert_eq!(offset_of!(anysock_address, scope), 8);
    assert_eq!(offset_of!(anysock_address, reserved), 12);
    assert_eq!(offset_of!(anysock_address, bytes), 16);
}

#[test]
fn an_address_is_the_numbers_that_its_text_says() {
    for (kind, text, family, port, scope, octets) in [
        ("udp", "192.0.2.1:53", 2, 53, 0, &[192, 0, 2, 1][..]),
        ("tcp4", "0.0.0.0:0", 2, 0, 0, &[0; 4]),
        ("udp", "[::1]:65535", 10, 65535, 0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("udp6", "[fe80::2%7]:1", 10, 1, 7, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
        ("unix", "/tmp/a", 1, 0, 0, b"/tmp/a"),
        ("ip4:icmp", "127.0.0.1", 2, 0, 0, &[127, 0, 0, 1]),
        ("udp", "[::ffff:192.0.2.1]:53", 2, 53, 0, &[192, 0, 2, 1]),
    ] {
        let address = parse(kind, text).unwrap();
        assert_eq!((address.family, address.port, address.scope), (family, port, scope), "{text}");
        assert_eq!(address.bytes[..usize::from(address.length)], *octets, "{text}");
        // What is not used is zero, whatever was there before.
        assert_eq!(address.reserved, 0);
        assert!(address.bytes[octets.len()..].iter().all(|byte| *byte == 0), "{text}");
    }
}

#[test]
fn the_family_of_an_address_is_that_of_option_family() {
    let mut kinds = here(&["udp4", "unixgram"]);
    if has_ipv6() {
        kinds.push("udp6");
    }
    for kind in kinds {
        let socket = bound(kind);
        let address = parse(kind, &local_address(*socket)).unwrap();
        assert_eq!(get(*socket, "family"), Ok(address.family.into()), "{kind}");
    }
}

#[test]
fn an_address_reads_back_as_it_was_written() {
    for (kind, text) in [
        ("udp", "127.0.0.1:80"),
        ("tcp4", "0.0.0.0:0"),
        ("udp6", "[2001:db8::1]:443"),
        ("tcp", "[fe80::1%4294967295]:80"),
        ("unix", "/tmp/a socket"),
        ("unixgram", "/tmp/gr\u{fc}n"),
    ] {
        let address = parse(kind, text).unwrap();
        assert_eq!(format(&address).as_deref(), Ok(text));
        assert_eq!(bytes(&parse(kind, &format(&address).unwrap()).unwrap()), bytes(&address));
    }
}

#[test]
fn what_is_no_whole_address_is_refused_and_nothing_stored() {
    for (kind, address, error) in [
        ("udp", "localhost:80", "EINVAL"),
        ("udp", "127.0.0.1:http", "EINVAL"),
        ("udp", ":80", "EINVAL"),
        ("udp", "127.0.0.1", "EINVAL"),
        ("udp", "", "EINVAL"),
        ("no kind", "127.0.0.1:80", "EINVAL"),
        ("poller", "127.0.0.1:80", "EINVAL"),
        ("udp6", "127.0.0.1:80", "EAFNOSUPPORT"),
        ("tcp4", "[::1]:80", "EAFNOSUPPORT"),
        ("unix", &"x".repeat(200), "ENAMETOOLONG"),
    ] {
        let mut place = UNSET_ADDRESS;
        // SAFETY: both texts are NUL-terminated, the place lives through the call.
        let code = unsafe { anysock_address_parse(text(kind).as_ptr(), text(address).as_ptr(), &mut place) };
        assert_eq!(name(code), error, "{kind} {address:?}");
        assert_eq!(bytes(&place), bytes(&UNSET_ADDRESS), "{kind} {address:?}");
    }
}

#[test]
fn flat_memory_that_is_no_address_is_told() {
    let good = parse("udp", "127.0.0.1:80").unwrap();
    for (address, error) in [
        (anysock_address { reserved: 1, ..good }, "EINVAL"),
        (anysock_address { length: 5, ..good }, "EINVAL"),
        (anysock_address { length: 113, ..good }, "EINVAL"),
        (anysock_address { family: 10, ..good }, "EINVAL"),
        (anysock_address { family: 1, length: 0, ..good }, "EINVAL"),
        (anysock_address { family: 3, ..good }, "EAFNOSUPPORT"),
        (UNSET_ADDRESS, "EINVAL"),
    ] {
        assert_eq!(format(&address).map_err(name), Err(error.to_owned()), "{address:?}");
    }
    // SAFETY: plain numbers, for which zero is a value.
    assert_eq!(format(&unsafe { zeroed() }).as_deref(), Ok(""));
}

#[test]
fn a_resolved_line_is_a_flat_address() {
    let lines = text_out(|out, capacity| {
        // SAFETY: the texts are NUL-terminated, and `text_out` gives memory of that size.
        unsafe { anysock_resolve(c"udp4".as_ptr(), c"localhost:80".as_ptr(), LONG_US, out, capacity) }
    });
    let address = parse("udp4", lines.unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((address.family, address.port), (2, 80));
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn names_of_linux_have_a_flat_form_too() {
        let abstract_name = parse("unix", "@name").unwrap();
        assert_eq!((abstract_name.family, abstract_name.length), (1, 5));
        assert_eq!(abstract_name.bytes[..5], *b"\0name");
        assert_eq!(format(&abstract_name).as_deref(), Ok("@name"));
        let zoned = parse("udp", "[fe80::1%lo]:80").unwrap();
        assert_eq!(zoned.scope, 1);
        assert_eq!(format(&zoned).as_deref(), Ok("[fe80::1%lo]:80"));
    }
}
