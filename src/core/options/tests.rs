//! The table's own order, and what options do on real sockets: set, read back, before and after there is
//! a descriptor, and what is refused.

use super::*;
use crate::core::name::kind::{Kind, Net};
use crate::core::poller;
use crate::core::settings::setting::replay;
use crate::core::socket::{close, connect, family, life, listen, pair, transfer};
use crate::sys::{Flags, OsError};
use std::collections::HashSet;
use std::mem::MaybeUninit;

/// A handle that is closed at the end of its test.
struct Handle(i64);

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = close::close(self.0);
    }
}

impl Handle {
    fn open(kind: &str) -> Self {
        Self(life::open(kind).unwrap())
    }

    fn listener(kind: &str, address: &str) -> Self {
        let listener = Self::open(kind);
        listen::bind(listener.0, address).unwrap();
        listen::listen(listener.0, 0).unwrap();
        listener
    }

    fn bound(kind: &str, address: &str) -> Self {
        let handle = Self::open(kind);
        listen::bind(handle.0, address).unwrap();
        handle
    }

    fn address(&self) -> String {
        life::local_address(self.0).unwrap()
    }

    fn set(&self, name: &str, value: i64) -> Result<()> {
        set(self.0, name, value)
    }

    fn get(&self, name: &str) -> Result<i64> {
        get(self.0, name)
    }

    fn set_text(&self, name: &str, value: &str) -> Result<()> {
        set_text(self.0, name, value)
    }

    fn get_text(&self, name: &str) -> Result<String> {
        get_text(self.0, name)
    }

    fn recv(&self) -> Result<usize> {
        transfer::recv(self.0, &mut [MaybeUninit::uninit(); 64], Flags::default())
    }

    fn send(&self, data: &[u8]) -> Result<usize> {
        transfer::send(self.0, data, Flags::default())
    }
}

fn pair(kind: &str) -> (Handle, Handle) {
    let (one, other) = pair::pair(kind).unwrap();
    (Handle(one), Handle(other))
}

fn loopback_name() -> String {
    sys::interfaces().unwrap().into_iter().find(|row| row.loopback).unwrap().name
}

const KINDS: [&str; 9] = ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixgram", "unixpacket"];

/// Those that this system has; where one is missing, the test of its name in tests/contract/kinds.rs says so.
fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().filter(|kind| crate::core::feature::has(kind))
}

/// Whether a fresh socket of this kind has the option.
fn has(row: &OptionSpec, kind: &str) -> bool {
    let kind = Kind::parse(kind).unwrap();
    row.scope.check(kind, kind.family()).is_ok()
}

/// The address to settle a kind by; none where the test needs no more than a fresh socket.
fn loopback(kind: &str) -> Option<&'static str> {
    match kind {
        "tcp" | "tcp4" | "udp" | "udp4" => Some("127.0.0.1:0"),
        "tcp6" | "udp6" => Some("[::1]:0"),
        _ => None,
    }
}

#[test]
fn names_are_unique_and_make_macros() {
    let mut macros = HashSet::new();
    for row in OPTIONS {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
        assert!(row.name.bytes().all(plain) && row.name.as_bytes()[0].is_ascii_lowercase(), "{}", row.name);
        assert!(macros.insert(row.name.replace('.', "_")), "{}", row.name);
    }
}

#[test]
fn options_of_one_group_stand_together() {
    let groups: Vec<_> =
        OPTIONS.iter().map(|row| row.name.split_once('.').map_or("", |name| name.0)).collect();
    let mut order = groups.clone();
    order.dedup();
    assert_eq!(order, ["", "tcp", "udp", "ip", "ipv6", "unix", "queue"]);
}

#[test]
fn every_option_is_described() {
    for row in OPTIONS {
        assert!(row.doc.ends_with('.') && !row.doc.contains("  "), "{}: {:?}", row.name, row.doc);
        assert!(row.doc.len() > 20, "{}", row.name);
    }
}

#[test]
fn the_hosts_column_and_its_numbers_agree() {
    for row in OPTIONS {
        if let Source::Kernel(sockopt) = row.source {
            assert_eq!(sockopt.is_some(), row.is_on(System::HOST), "{}", row.name);
        }
        assert_eq!(is_supported(row.name), row.is_on(System::HOST), "{}", row.name);
    }
    assert!(!is_supported("tcp.no_such_option"));
}

#[test]
fn own_options_are_on_every_system() {
    for row in OPTIONS.iter().filter(|row| matches!(row.source, Source::Own(_))) {
        assert!([System::Linux, System::Windows, System::DragonFly].iter().all(|system| row.is_on(*system)));
    }
}

#[test]
fn what_the_kernel_reports_fits_every_kind() {
    for row in OPTIONS.iter().filter(|row| row.access != Access::Write && is_supported(row.name)) {
        for kind in kinds() {
            let handle = Handle::open(kind);
            let outcome = match row.value.is_text() {
                true => handle.get_text(row.name).map(drop),
                false => handle.get(row.name).map(drop),
            };
            let expected = match row.name {
                _ if !has(row, kind) => Err(Error::ENOPROTOOPT),
                "ip.mtu" | "ipv6.mtu" | "unix.peer_pid" | "unix.peer_uid" | "unix.peer_gid" => {
                    Err(Error::ENOTCONN)
                }
                _ => Ok(()),
            };
            // What a kernel was built without is its own affair.
            if outcome != Err(Error::EOPNOTSUPP) {
                assert_eq!(outcome, expected, "{} of {kind}", row.name);
            }
        }
    }
}

/// Options with a value that is not the default, and what they read as.
const NUMBERS: &[(&str, i64, i64)] = &[
    ("timeout", 5, 5),
    ("read_timeout", 0, 0),
    ("write_timeout", i64::MAX, i64::MAX),
    ("connect_timeout", 1_000_000, 1_000_000),
    ("accept_timeout", 1, 1),
    ("interruptible", 1, 1),
    ("inherit", 1, 1),
    ("reuse_address", 1, 1),
    ("reuse_port", 1, 1),
    ("broadcast", 1, 1),
    ("keepalive", 1, 1),
    ("linger", 0, 0),
    ("linger", 2_500_000, 3_000_000),
    ("linger", -1, -1),
    ("oob_inline", 1, 1),
    ("receive_low_water", 3, 3),
    ("priority", 5, 5),
    ("tcp.nodelay", 1, 1),
    ("tcp.keepalive_idle", 1, 1_000_000),
    ("tcp.keepalive_idle", 61_000_000, 61_000_000),
    ("tcp.keepalive_interval", 7_000_001, 8_000_000),
    ("tcp.keepalive_count", 4, 4),
    ("tcp.cork", 1, 1),
    ("ip.ttl", 42, 42),
    ("ip.dont_fragment", 1, 1),
    ("ip.dont_fragment", 0, 0),
    ("ip.packet_info", 1, 1),
    ("ip.multicast_ttl", 9, 9),
    ("ip.multicast_loop", 0, 0),
    ("ip.multicast_all", 0, 0),
    ("ipv6.hops", 43, 43),
    ("ipv6.dont_fragment", 1, 1),
    ("ipv6.packet_info", 1, 1),
    ("ipv6.multicast_hops", 8, 8),
    ("ipv6.multicast_loop", 0, 0),
    ("ipv6.multicast_all", 0, 0),
];

/// What only Linux answers like this.
#[cfg(target_os = "linux")]
const LINUX_NUMBERS: &[(&str, i64, i64)] = &[
    ("receive_buffer", 20_000, 40_000),
    ("send_buffer", 20_000, 40_000),
    ("tcp.user_timeout", 1_500, 2_000),
    ("tcp.fastopen", 5, 5),
    ("tcp.fastopen_connect", 1, 1),
    ("tcp.max_segment", 1_000, 1_000),
    ("tcp.quickack", 0, 0),
    ("tcp.defer_accept", 1, 1_000_000),
    ("tcp.not_sent_low_water", 4_096, 4_096),
    ("udp.segment", 500, 500),
    ("udp.gro", 1, 1),
    ("ip.tos", 0x48, 0x48),
    ("ip.freebind", 1, 1),
    ("ipv6.traffic_class", 0x48, 0x48),
    ("ipv6.freebind", 1, 1),
];

#[cfg(not(target_os = "linux"))]
const LINUX_NUMBERS: &[(&str, i64, i64)] = &[];

fn numbers() -> impl Iterator<Item = (&'static OptionSpec, i64, i64)> {
    let all = NUMBERS.iter().chain(LINUX_NUMBERS);
    all.filter_map(|(name, set, read)| find(name).ok().map(|row| (row, *set, *read)))
}

fn expect_read(handle: &Handle, row: &OptionSpec, kind: &str, value: i64) {
    match handle.get(row.name) {
        // Windows keeps no count of what it can't do: only a socket of the kind can say so.
        Err(Error::EOPNOTSUPP) if cfg!(windows) => {}
        outcome => assert_eq!(outcome, Ok(value), "{} of {kind}", row.name),
    }
}

#[test]
fn numbers_read_back_on_a_fresh_socket() {
    for (row, value, read) in numbers() {
        for kind in kinds().filter(|kind| has(row, kind)) {
            let handle = Handle::open(kind);
            match handle.set(row.name, value) {
                Err(Error::EOPNOTSUPP) => continue,
                outcome => assert_eq!(outcome, Ok(()), "{} of {kind}", row.name),
            }
            expect_read(&handle, row, kind, read);
        }
    }
}

/// On Windows a bound socket, which has its port for itself, can't share it any more.
fn is_settled_by_bind(name: &str) -> bool {
    cfg!(windows) && name == "reuse_address"
}

#[test]
fn numbers_read_back_on_a_settled_socket() {
    for (row, value, read) in numbers() {
        for kind in kinds().filter(|kind| has(row, kind)) {
            let Some(address) = loopback(kind) else { continue };
            let address = if row.scope.family() == Some(Domain::IPV6) { "[::1]:0" } else { address };
            let handle = Handle::bound(kind, address);
            if is_settled_by_bind(row.name) {
                continue;
            }
            match handle.set(row.name, value) {
                Err(Error::EOPNOTSUPP) => continue,
                outcome => assert_eq!(outcome, Ok(()), "{} of {kind}", row.name),
            }
            expect_read(&handle, row, kind, read);
        }
    }
}

#[test]
fn what_is_set_before_the_family_is_settled_is_kept() {
    for (row, value, read) in numbers() {
        for kind in ["tcp", "udp"].iter().filter(|kind| has(row, kind)) {
            let handle = Handle::open(kind);
            match handle.set(row.name, value) {
                Err(Error::EOPNOTSUPP) => continue,
                outcome => assert_eq!(outcome, Ok(()), "{} of {kind}", row.name),
            }
            let address = if row.scope.family() == Some(Domain::IPV6) { "[::1]:0" } else { "127.0.0.1:0" };
            listen::bind(handle.0, address).unwrap();
            expect_read(&handle, row, kind, read);
        }
    }
}

#[test]
fn an_option_set_while_the_family_is_settled_is_not_lost() {
    let together = std::sync::Barrier::new(2);
    for _ in 0..1_000 {
        let handle = Handle::open("tcp");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                handle.set("tcp.nodelay", 1).unwrap();
            });
            together.wait();
            listen::bind(handle.0, "127.0.0.1:0").unwrap();
        });
        assert_eq!(handle.get("tcp.nodelay"), Ok(1));
    }
}

#[test]
fn privileged_options_are_set_or_refused_as_such() {
    let handle = Handle::open("udp4");
    for (name, value) in
        [("mark", 1 << 31), ("priority", 7), ("busy_poll", 50), ("incoming_cpu", 0), ("ip.transparent", 1)]
    {
        match handle.set(name, value) {
            Ok(()) => assert_eq!(handle.get(name), Ok(value), "{name}"),
            Err(error) => assert!([Error::EPERM, Error::EOPNOTSUPP].contains(&error), "{name}: {error}"),
        }
    }
}

#[test]
fn the_path_has_a_largest_packet() {
    for (kind, address, name) in [("udp4", "127.0.0.1:9", "ip.mtu"), ("udp6", "[::1]:9", "ipv6.mtu")] {
        if is_supported(name) {
            let handle = Handle::open(kind);
            connect::connect(handle.0, address).unwrap();
            assert!(handle.get(name).unwrap() >= 1_280, "{name}");
        }
    }
}

#[test]
fn an_option_of_the_other_family_does_not_hinder_settling() {
    for kind in ["tcp", "udp"] {
        let handle = Handle::open(kind);
        handle.set("ipv6.hops", 5).unwrap();
        handle.set("ip.ttl", 6).unwrap();
        listen::bind(handle.0, "127.0.0.1:0").unwrap();
        assert_eq!(handle.get("ip.ttl"), Ok(6));
        assert_eq!(handle.get("ipv6.hops"), Err(Error::ENOPROTOOPT));
    }
}

#[test]
fn the_last_value_wins_in_a_kept_option() {
    let handle = Handle::open("tcp");
    for value in [1, 0, 1, 0] {
        handle.set("tcp.nodelay", value).unwrap();
        assert_eq!(handle.get("tcp.nodelay"), Ok(value));
    }
    let slot = slot_of(handle.0).unwrap();
    assert_eq!(extras::find(slot.handle().index, |settings: &mut Settings| settings.0.len()), Some(1));
}

#[test]
fn options_set_before_connect_are_those_of_the_connection() {
    for kind in ["tcp", "tcp4"] {
        let listener = Handle::listener("tcp4", "127.0.0.1:0");
        let client = Handle::open(kind);
        client.set("tcp.nodelay", 1).unwrap();
        client.set("ip.ttl", 33).unwrap();
        client.set("inherit", 1).unwrap();
        let port = listener.address().rsplit_once(':').unwrap().1.to_owned();
        connect::connect(client.0, &format!("localhost:{port}")).unwrap();
        assert_eq!(client.get("tcp.nodelay"), Ok(1), "{kind}");
        assert_eq!(client.get("ip.ttl"), Ok(33), "{kind}");
        assert_eq!(client.get("inherit"), Ok(1), "{kind}");
        assert_eq!(client.get("family"), Ok(2), "{kind}");
    }
}

#[test]
fn listeners_have_their_default_unless_it_is_set_otherwise() {
    let default = if cfg!(windows) { "exclusive_address" } else { "reuse_address" };
    assert_eq!(Handle::bound("tcp", "127.0.0.1:0").get(default), Ok(1));
    for kind in ["tcp", "tcp4"] {
        let listener = Handle::open(kind);
        listener.set(default, 0).unwrap();
        listen::bind(listener.0, "127.0.0.1:0").unwrap();
        assert_eq!(listener.get(default), Ok(0), "{kind}");
    }
}

#[cfg(unix)]
use libc::{SO_KEEPALIVE, SO_REUSEADDR, SOL_SOCKET};
#[cfg(windows)]
use windows_sys::Win32::Networking::WinSock::{SO_KEEPALIVE, SO_REUSEADDR, SOL_SOCKET};

#[test]
fn an_option_set_by_number_counts_as_set() {
    let listener = Handle::open("tcp4");
    set_raw(listener.0, SOL_SOCKET, SO_REUSEADDR, &0_i32.to_ne_bytes()).unwrap();
    listen::bind(listener.0, "127.0.0.1:0").unwrap();
    assert_eq!(listener.get("reuse_address"), Ok(0));
}

#[test]
fn only_ipv6_can_be_chosen_before_and_not_after_bind() {
    if cfg!(target_os = "openbsd") {
        return;
    }
    let dual = Handle::listener("tcp", ":0");
    let only = Handle::open("tcp");
    assert_eq!(only.get("ipv6.only"), Ok(0));
    only.set("ipv6.only", 1).unwrap();
    listen::bind(only.0, ":0").unwrap();
    assert_eq!((dual.get("ipv6.only"), only.get("ipv6.only")), (Ok(0), Ok(1)));
    assert_eq!(only.set("ipv6.only", 0), Err(Error::EINVAL));
    assert_eq!(Handle::open("tcp6").get("ipv6.only"), Ok(1));
}

#[test]
fn names_that_are_none_are_refused() {
    let handle = Handle::open("tcp");
    for name in ["", "nodelay", "TCP.NODELAY", "tcp.", "tcp.nodelay ", "no such option"] {
        assert_eq!(handle.set(name, 1), Err(Error::ENOPROTOOPT), "{name:?}");
        assert_eq!(handle.get(name), Err(Error::ENOPROTOOPT), "{name:?}");
        assert_eq!(handle.set_text(name, ""), Err(Error::ENOPROTOOPT), "{name:?}");
        assert_eq!(handle.get_text(name), Err(Error::ENOPROTOOPT), "{name:?}");
    }
}

#[test]
fn options_that_this_system_lacks_are_said_to_be_lacking() {
    for row in OPTIONS.iter().filter(|row| !row.is_on(System::HOST)) {
        let handle = Handle::open("tcp");
        assert_eq!(handle.set(row.name, 1), Err(Error::EOPNOTSUPP), "{}", row.name);
        assert_eq!(handle.get_text(row.name), Err(Error::EOPNOTSUPP), "{}", row.name);
    }
}

#[test]
fn handles_that_are_none_are_refused() {
    for number in [0, -1, i64::MAX] {
        assert_eq!(set(number, "timeout", 1), Err(Error::EBADF));
        assert_eq!(get(number, "no such option"), Err(Error::EBADF));
        assert_eq!(set_raw(number, 1, 1, &[]), Err(Error::EBADF));
        assert_eq!(get_raw(number, 1, 1, &mut []), Err(Error::EBADF));
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let handle = Handle::open("tcp");
    for row in OPTIONS.iter().filter(|row| row.access != Access::Read && is_supported(row.name)) {
        let beyond = match row.value {
            Value::Switch => [-1, 2],
            Value::Number { least, most } | Value::Time { least, most } => {
                [least - 1, most.saturating_add(1)]
            }
            _ => continue,
        };
        for value in beyond.into_iter().filter(|value| !row.value.takes(*value)) {
            let expected = if has(row, "tcp") { Error::EINVAL } else { Error::ENOPROTOOPT };
            assert_eq!(handle.set(row.name, value), Err(expected), "{} to {value}", row.name);
        }
    }
    assert_eq!(handle.set("timeout", -2), Err(Error::EINVAL));
    assert_eq!(handle.set("receive_buffer", 1 << 32), Err(Error::EINVAL));
    assert_eq!(handle.set("tcp.keepalive_idle", 0), Err(Error::EINVAL));
}

#[test]
fn texts_and_numbers_are_not_mixed_up() {
    let handle = Handle::open("udp4");
    for row in OPTIONS.iter().filter(|row| has(row, "udp4") && is_supported(row.name)) {
        let outcomes = match row.value.is_text() {
            true => [handle.set(row.name, 1), handle.get(row.name).map(drop)],
            false => [handle.set_text(row.name, "1"), handle.get_text(row.name).map(drop)],
        };
        assert_eq!(outcomes, [Err(Error::EINVAL); 2], "{}", row.name);
    }
}

#[test]
fn what_can_only_be_read_is_not_set_and_the_other_way_round() {
    let handle = Handle::open("tcp");
    for name in ["error", "available", "listening", "family", "type", "protocol", "tcp.rtt"] {
        assert_eq!(handle.set(name, 0), Err(Error::EACCES), "{name}");
    }
    assert_eq!(handle.set_text("kind", "tcp"), Err(Error::EACCES));
    assert_eq!(handle.set_text("tcp.state", "closed"), Err(Error::EACCES));
    assert_eq!(Handle::open("udp").get_text("ip.multicast_join"), Err(Error::EACCES));
}

#[test]
fn options_of_another_kind_are_refused() {
    for (kind, name) in [
        ("udp", "tcp.nodelay"),
        ("unix", "tcp.nodelay"),
        ("unix", "ip.ttl"),
        ("unixgram", "ipv6.hops"),
        ("tcp4", "ipv6.only"),
        ("tcp6", "ip.ttl"),
        ("udp6", "ip.multicast_ttl"),
        ("tcp", "ip.multicast_ttl"),
        ("tcp6", "ipv6.multicast_loop"),
        ("tcp", "unix.peer_pid"),
        ("unixgram", "unix.peer_pid"),
    ] {
        let Ok(handle) = life::open(kind).map(Handle) else { continue };
        assert_eq!(handle.set(name, 1), Err(Error::ENOPROTOOPT), "{name} of {kind}");
        assert_eq!(handle.get(name), Err(Error::ENOPROTOOPT), "{name} of {kind}");
    }
}

#[test]
fn kind_family_type_and_protocol() {
    for (kind, family, transport, protocol) in [
        ("tcp", 0, 1, 6),
        ("tcp4", 2, 1, 6),
        ("tcp6", 10, 1, 6),
        ("udp", 0, 2, 17),
        ("udp4", 2, 2, 17),
        ("udp6", 10, 2, 17),
        ("unix", 1, 1, 0),
        ("unixgram", 1, 2, 0),
        ("unixpacket", 1, 5, 0),
    ] {
        let Ok(number) = life::open(kind) else { continue };
        let handle = Handle(number);
        let reported = ["family", "type", "protocol"].map(|name| handle.get(name).unwrap());
        assert_eq!(reported, [family, transport, protocol], "{kind}");
        assert_eq!(handle.get_text("kind").unwrap(), kind);
    }
    let settled = Handle::bound("tcp", "[::1]:0");
    assert_eq!(settled.get("family"), Ok(10));
    assert_eq!(settled.get_text("kind").unwrap(), "tcp");
}

#[test]
fn inheritance_is_that_of_the_descriptor() {
    let handle = Handle::open("udp4");
    let fd = Fd::from_raw(life::fd(handle.0).unwrap()).unwrap();
    for value in [1, 0] {
        handle.set("inherit", value).unwrap();
        assert_eq!(sys::inherit(fd), Ok(value == 1));
        assert_eq!(handle.get("inherit"), Ok(value));
    }
}

#[test]
fn a_listener_says_so() {
    let listener = Handle::listener("tcp", "127.0.0.1:0");
    assert_eq!(listener.get("listening"), Ok(1));
    assert_eq!(listener.get("available"), Ok(0));
    assert_eq!(Handle::open("tcp").get("listening"), Ok(0));
}

#[test]
fn what_is_queued_is_counted() {
    let (one, other) = pair("tcp");
    assert_eq!(other.get("available"), Ok(0));
    one.send(b"hello").unwrap();
    // The receive shows that it has come, and leaves it there.
    transfer::recv(other.0, &mut [MaybeUninit::uninit(); 5], Flags::PEEK.or(Flags::WAIT_ALL)).unwrap();
    assert_eq!(other.get("available"), Ok(5));
    life::shutdown(other.0, 1).unwrap();
    assert_eq!(other.get("available"), Ok(5));
    transfer::recv(other.0, &mut [MaybeUninit::uninit(); 3], Flags::default()).unwrap();
    assert_eq!(other.get("available"), Ok(2));
    assert_eq!(Handle::open("tcp").get("available"), Ok(0));
}

#[test]
fn the_error_of_a_failed_connect_is_reported() {
    let refusing = Handle::bound("tcp4", "127.0.0.1:0");
    let client = Handle::open("tcp4");
    client.set("connect_timeout", 0).unwrap();
    let refused = [Err(Error::ECONNREFUSED), Err(Error::EINPROGRESS)];
    assert!(refused.contains(&connect::connect(client.0, &refusing.address())));
    while client.get("error") == Ok(0) {
        std::thread::yield_now();
    }
    assert_eq!(client.get("error"), Ok(Error::ECONNREFUSED.code()));
    assert_eq!(connect::connect(client.0, &refusing.address()), Err(Error::ECONNREFUSED));
}

#[test]
fn multicast_interfaces_go_by_name_number_and_address() {
    let name = loopback_name();
    for (kind, option) in [
        ("udp", "ip.multicast_interface"),
        ("udp4", "ip.multicast_interface"),
        ("udp", "ipv6.multicast_interface"),
        ("udp6", "ipv6.multicast_interface"),
    ] {
        let handle = Handle::open(kind);
        assert_eq!(handle.get_text(option).unwrap(), "", "{option} of {kind}");
        let index = sys::interface_index(&name).unwrap().unwrap().to_string();
        for text in [name.as_str(), index.as_str(), "127.0.0.1"] {
            handle.set_text(option, text).unwrap();
            assert_eq!(handle.get_text(option).unwrap(), name, "{option} of {kind} by {text}");
        }
        handle.set_text(option, "").unwrap();
        assert_eq!(handle.get_text(option).unwrap(), "", "{option} of {kind}");
        assert_eq!(handle.set_text(option, "no-such-device"), Err(Error::ENODEV));
    }
}

#[test]
fn groups_are_joined_and_left() {
    let name = loopback_name();
    for (kind, family, group) in [
        ("udp", "ip", format!("239.1.2.3%{name}")),
        ("udp4", "ip", format!("239.1.2.3%{name}")),
        ("udp", "ipv6", format!("ff02::1234%{name}")),
        ("udp6", "ipv6", format!("ff02::1234%{name}")),
    ] {
        let handle = Handle::open(kind);
        let [join, leave] = ["join", "leave"].map(|verb| format!("{family}.multicast_{verb}"));
        assert_eq!(handle.set_text(&leave, &group), Err(Error::EADDRNOTAVAIL), "{leave} of {kind}");
        assert_eq!(handle.set_text(&join, &group), Ok(()), "{join} of {kind}");
        assert_eq!(handle.set_text(&join, &group), Err(Error::EADDRINUSE), "{join} of {kind}");
        assert_eq!(handle.set_text(&leave, &group), Ok(()), "{leave} of {kind}");
        assert_eq!(handle.set_text(&leave, &group), Err(Error::EADDRNOTAVAIL), "{leave} of {kind}");
        assert_eq!(handle.set_text(&join, "127.0.0.1"), Err(Error::EINVAL));
        assert_eq!(handle.set_text(&join, ""), Err(Error::EINVAL));
    }
}

#[test]
fn groups_are_joined_for_one_sender() {
    if !is_supported("ip.multicast_join_source") {
        return;
    }
    let name = loopback_name();
    for (kind, family, group) in [
        ("udp", "ip", format!("127.0.0.1@232.1.2.3%{name}")),
        ("udp4", "ip", format!("127.0.0.1@232.1.2.3%{name}")),
        ("udp6", "ipv6", format!("::1@ff32::1234%{name}")),
    ] {
        let handle = Handle::open(kind);
        let [join, leave] = ["join_source", "leave_source"].map(|verb| format!("{family}.multicast_{verb}"));
        assert_eq!(handle.set_text(&join, &group), Ok(()), "{join} of {kind}");
        assert_eq!(handle.set_text(&leave, &group), Ok(()), "{leave} of {kind}");
        assert!(handle.set_text(&leave, &group).is_err(), "{leave} of {kind}");
        let bare = group.split_once('@').unwrap().1;
        assert_eq!(handle.set_text(&join, bare), Err(Error::EINVAL));
    }
}

#[test]
fn groups_joined_before_there_is_a_descriptor_are_joined_after_it() {
    let name = loopback_name();
    let receiver = Handle::open("udp");
    for group in ["239.1.2.3", "239.1.2.4", "239.1.2.5"] {
        receiver.set_text("ip.multicast_join", &format!("{group}%{name}")).unwrap();
    }
    receiver.set_text("ip.multicast_leave", &format!("239.1.2.4%{name}")).unwrap();
    listen::bind(receiver.0, "0.0.0.0:0").unwrap();
    for (group, outcome) in
        [("239.1.2.3", Err(Error::EADDRINUSE)), ("239.1.2.4", Ok(())), ("239.1.2.5", Err(Error::EADDRINUSE))]
    {
        let text = format!("{group}%{name}");
        assert_eq!(receiver.set_text("ip.multicast_join", &text), outcome, "{group}");
    }
    let sender = Handle::open("udp4");
    sender.set_text("ip.multicast_interface", &name).unwrap();
    let port = receiver.address().rsplit_once(':').unwrap().1.to_owned();
    transfer::send_to(sender.0, b"to the group", Flags::default(), &format!("239.1.2.3:{port}")).unwrap();
    assert_eq!(receiver.recv(), Ok(12));
}

#[test]
fn raw_options_need_a_descriptor() {
    let open = Handle::open("tcp");
    let mut value = [MaybeUninit::uninit(); 4];
    assert_eq!(set_raw(open.0, SOL_SOCKET, SO_KEEPALIVE, &[0; 4]), Err(Error::ENOTCONN));
    assert_eq!(get_raw(open.0, SOL_SOCKET, SO_KEEPALIVE, &mut value), Err(Error::ENOTCONN));
    let handle = Handle::open("tcp4");
    set_raw(handle.0, SOL_SOCKET, SO_KEEPALIVE, &1_i32.to_ne_bytes()).unwrap();
    assert_eq!(handle.get("keepalive"), Ok(1));
    // Winsock's switches may have one byte.
    let length = get_raw(handle.0, SOL_SOCKET, SO_KEEPALIVE, &mut value).unwrap();
    assert!(length == 4 || cfg!(windows) && length == 1, "{length}");
    assert_eq!(get_raw(handle.0, SOL_SOCKET, -1, &mut value), Err(Error::ENOPROTOOPT));
    assert_eq!(set_raw(handle.0, SOL_SOCKET, SO_KEEPALIVE, &[]), Err(Error::EINVAL));
}

#[test]
fn a_poller_has_hardly_any_option() {
    let poller = Handle(poller::open().unwrap());
    assert_eq!(poller.get_text("kind").unwrap(), "poller");
    poller.set("interruptible", 1).unwrap();
    assert_eq!(poller.get("interruptible"), Ok(1));
    for name in ["timeout", "inherit", "error", "keepalive", "tcp.nodelay"] {
        assert_eq!(poller.get(name), Err(Error::ENOTSOCK), "{name}");
    }
    assert_eq!(poller.get("no such option"), Err(Error::ENOPROTOOPT));
    assert_eq!(get_raw(poller.0, 1, 1, &mut [MaybeUninit::uninit(); 4]), Err(Error::ENOTSOCK));
}

#[test]
fn replaying_reports_what_the_kernel_refuses() {
    let fd = family::create(Net::Udp4.into(), Domain::IPV4).unwrap();
    let row = find("tcp.nodelay").unwrap();
    let outcome = replay(fd, Domain::IPV4, &Setting::Number(row, 1));
    sys::close(fd);
    assert!(outcome.is_err());
    let gone = option::get_number(fd, row.sockopt().unwrap());
    assert!(matches!(gone, Err(OsError(_))));
}

/// A value that any system takes which has the option; what it reads as is no less, as clocks are coarse and kernels add
/// their own to a buffer.
fn some_number(row: &OptionSpec) -> i64 {
    match (row.name, row.value) {
        (_, Value::Switch) => 1,
        (_, Value::Time { .. }) => 2_000_000,
        ("receive_buffer" | "send_buffer", _) => 20_000,
        ("tcp.max_segment" | "udp.segment", _) => 1_000,
        ("ip.tos" | "ipv6.traffic_class", _) => 0x48,
        _ => 3,
    }
}

/// The same for text. An algorithm can only be one that there is.
fn some_text(row: &OptionSpec, handle: &Handle) -> String {
    let (name, new) = (loopback_name(), row.name.starts_with("ipv6."));
    match row.value {
        Value::Interface => name,
        Value::Group if new => format!("ff02::1234%{name}"),
        Value::Group => format!("239.1.2.3%{name}"),
        Value::SourceGroup if new => format!("::1@ff32::1234%{name}"),
        Value::SourceGroup => format!("127.0.0.1@232.1.2.3%{name}"),
        _ => handle.get_text(row.name).unwrap_or_default(),
    }
}

/// Sets an option to some value; then reads it, and whether that is what was set.
fn set_and_get(row: &OptionSpec, handle: &Handle) -> [Result<()>; 2] {
    let is_right = |right: bool, read: &dyn std::fmt::Debug| assert!(right, "{} reads as {read:?}", row.name);
    if row.value.is_text() {
        let value = some_text(row, handle);
        if row.name.contains("leave") {
            // One leaves what one has joined.
            let _ = handle.set_text(&row.name.replace("leave", "join"), &value);
        }
        let set = handle.set_text(row.name, &value);
        let read = handle.get_text(row.name);
        is_right(set.is_err() || read.is_err() || read.as_ref() == Ok(&value), &read);
        return [set, read.map(drop)];
    }
    let value = some_number(row);
    let set = handle.set(row.name, value);
    let read = handle.get(row.name);
    let is_kept = |read: i64| if row.value == Value::Switch { read == value } else { read >= value };
    is_right(set.is_err() || read.is_err() || read.is_ok_and(is_kept), &read);
    [set, read.map(drop)]
}

/// An option works or is reported as lacking; a user without the privilege gets EPERM, where a system has privileges.
fn expect_working_or_lacking(row: &OptionSpec, kind: &str) {
    let handle = Handle::open(kind);
    let [set, get] = set_and_get(row, &handle);
    if !row.is_on(System::HOST) || !has(row, kind) {
        let error = if row.is_on(System::HOST) { Error::ENOPROTOOPT } else { Error::EOPNOTSUPP };
        assert_eq!([set, get], [Err(error); 2], "{} of {kind}", row.name);
        return;
    }
    let set_otherwise = match row.name {
        _ if row.access == Access::Read => Some(Error::EACCES),
        "native" if kind == "tcp" || kind == "udp" => Some(Error::EINVAL),
        _ if cfg!(unix) => Some(Error::EPERM).filter(|error| set == Err(*error)),
        _ => None,
    };
    let get_otherwise = match row.name {
        _ if row.access == Access::Write => Some(Error::EACCES),
        "ip.mtu" | "ipv6.mtu" | "unix.peer_pid" | "unix.peer_uid" | "unix.peer_gid" => Some(Error::ENOTCONN),
        _ => None,
    };
    for (what, outcome, otherwise) in [("setting", set, set_otherwise), ("reading", get, get_otherwise)] {
        let right = outcome == otherwise.map_or(Ok(()), Err) || outcome == Err(Error::EOPNOTSUPP);
        assert!(right, "{what} {} of {kind}: {outcome:?}", row.name);
    }
}

#[test]
fn every_option_that_is_a_number_works_or_is_lacking() {
    for row in OPTIONS.iter().filter(|row| !row.value.is_text()) {
        kinds().for_each(|kind| expect_working_or_lacking(row, kind));
    }
}

#[test]
fn every_option_that_is_a_text_works_or_is_lacking() {
    for row in OPTIONS.iter().filter(|row| row.value.is_text()) {
        kinds().for_each(|kind| expect_working_or_lacking(row, kind));
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_dual_stack_socket_has_the_options_of_both_families() {
        let handle = Handle::open("udp");
        handle.set("ip.ttl", 7).unwrap();
        listen::bind(handle.0, ":0").unwrap();
        assert_eq!(handle.get("family"), Ok(10));
        assert_eq!(handle.get("ip.ttl"), Ok(7));
        handle.set("ip.ttl", 8).unwrap();
        assert_eq!(handle.get("ip.ttl"), Ok(8));
    }

    #[test]
    fn a_listener_counts_whom_it_has_not_accepted() {
        let listener = Handle::listener("tcp4", "127.0.0.1:0");
        let clients = [Handle::open("tcp4"), Handle::open("tcp4")];
        for client in &clients {
            connect::connect(client.0, &listener.address()).unwrap();
        }
        // The last packet of a handshake is handled before connect returns: it never leaves this machine.
        assert_eq!(listener.get("tcp.unacked"), Ok(2));
    }

    #[test]
    fn linux_reports_the_send_low_water_mark_and_takes_none() {
        let handle = Handle::open("tcp");
        assert_eq!(handle.get("send_low_water"), Ok(1));
        assert_eq!(handle.set("send_low_water", 5), Err(Error::EOPNOTSUPP));
    }
}

#[cfg(unix)]
mod pipes {
    use super::*;

    #[test]
    fn they_have_the_options_of_a_handle() {
        use std::os::fd::IntoRawFd;
        use std::process::{Command, Stdio};
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        let end = child.stdout.take().unwrap().into_raw_fd();
        child.wait().unwrap();
        let pipe = Handle(crate::core::socket::adopt::adopt(end.into()).unwrap());
        assert_eq!(pipe.get_text("kind").unwrap(), "stream");
        for (name, value) in [("timeout", 5), ("read_timeout", 0), ("interruptible", 1), ("inherit", 1)] {
            pipe.set(name, value).unwrap();
            assert_eq!(pipe.get(name), Ok(value), "{name}");
        }
        assert_eq!((pipe.get("available"), pipe.get("error")), (Ok(0), Ok(0)));
        for name in ["family", "type", "listening", "keepalive", "tcp.nodelay"] {
            assert_eq!(pipe.get(name), Err(Error::ENOTSOCK), "{name}");
        }
        assert_eq!(set_raw(pipe.0, 1, 1, &[0; 4]), Err(Error::ENOTSOCK));
    }
}

#[cfg(unix)]
mod credentials {
    use super::*;

    #[test]
    fn the_peer_of_a_unix_socket_is_known() {
        use std::os::unix::fs::MetadataExt;
        let (one, _other) = pair("unix");
        assert_eq!(one.get("unix.peer_pid"), Ok(std::process::id().into()));
        let path = std::env::temp_dir().join(format!("anysock-options-{}", std::process::id()));
        std::fs::write(&path, "mine").unwrap();
        let mine = std::fs::metadata(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(one.get("unix.peer_uid"), Ok(mine.uid().into()));
        #[cfg(target_os = "linux")]
        assert_eq!(one.get("unix.peer_gid"), Ok(mine.gid().into()));
    }
}

mod resets {
    use super::*;

    #[test]
    fn the_error_of_a_connection_stays() {
        let (one, other) = pair("tcp");
        assert_eq!(other.get("error"), Ok(0));
        one.set("linger", 0).unwrap();
        drop(one);
        while other.get("error") == Ok(0) {
            std::thread::yield_now();
        }
        for _ in 0..2 {
            assert_eq!(other.get("error"), Ok(Error::ECONNRESET.code()));
            assert_eq!(other.recv(), Err(Error::ECONNRESET));
        }
        assert_eq!(other.send(b"x"), Err(Error::ECONNRESET));
    }
}

mod tcp_info {
    use super::*;

    #[test]
    fn the_handshake_can_be_watched() {
        let listener = Handle::listener("tcp4", "127.0.0.1:0");
        assert_eq!(listener.get_text("tcp.state").unwrap(), "listen");
        let client = Handle::open("tcp");
        assert_eq!(client.get_text("tcp.state").unwrap(), "closed");
        connect::connect(client.0, &listener.address()).unwrap();
        let server = Handle(listen::accept(listener.0).unwrap());
        assert_eq!(client.get_text("tcp.state").unwrap(), "established");
        assert_eq!(server.get_text("tcp.state").unwrap(), "established");
        life::shutdown(client.0, 2).unwrap();
        assert_eq!(server.recv(), Ok(0));
        assert_eq!(server.get_text("tcp.state").unwrap(), "close_wait");
        assert!(["fin_wait_1", "fin_wait_2"].contains(&client.get_text("tcp.state").unwrap().as_str()));
        life::shutdown(server.0, 2).unwrap();
        assert_eq!(client.recv(), Ok(0));
        assert!(["time_wait", "closed"].contains(&client.get_text("tcp.state").unwrap().as_str()));
    }

    #[test]
    fn a_connection_is_measured() {
        let (one, other) = pair("tcp");
        one.send(&[7; 50]).unwrap();
        assert_eq!(other.recv(), Ok(50));
        other.send(b"answer").unwrap();
        assert_eq!(one.recv(), Ok(6));
        let known = |name| if is_supported(name) { one.get(name).unwrap() } else { i64::MAX };
        assert!(known("tcp.rtt") > 0);
        assert!(known("tcp.rtt_variance") > 0);
        assert!(known("tcp.congestion_window") > 1_000);
        assert!(known("tcp.bytes_sent") >= 50);
        assert!(known("tcp.bytes_acked") >= 50);
        assert!(known("tcp.bytes_received") >= 6);
        assert!(known("tcp.max_segment") > 500);
        if is_supported("tcp.unacked") {
            assert_eq!(
                (known("tcp.unacked"), known("tcp.retransmits"), known("tcp.total_retransmits")),
                (0, 0, 0)
            );
        }
    }
}

/// What Windows lacks, and says so of.
#[cfg(unix)]
mod not_windows {
    use super::*;

    #[test]
    fn congestion_control_goes_by_name() {
        if !is_supported("tcp.congestion") {
            return;
        }
        let handle = Handle::open("tcp");
        let name = handle.get_text("tcp.congestion").unwrap();
        assert!(!name.is_empty());
        assert_eq!(handle.set_text("tcp.congestion", &name), Ok(()));
        assert!(handle.set_text("tcp.congestion", "no such algorithm").is_err());
        listen::bind(handle.0, "127.0.0.1:0").unwrap();
        assert_eq!(handle.get_text("tcp.congestion").unwrap(), name);
    }

    #[test]
    fn a_socket_can_be_bound_to_an_interface() {
        if !is_supported("ip.bind_device") {
            return;
        }
        let name = loopback_name();
        for kind in ["tcp", "udp4", "udp6"] {
            let handle = Handle::open(kind);
            assert_eq!(handle.get_text("ip.bind_device").unwrap(), "", "{kind}");
            handle.set_text("ip.bind_device", &name).unwrap();
            assert_eq!(handle.get_text("ip.bind_device").unwrap(), name, "{kind}");
            assert_eq!(handle.set_text("ip.bind_device", "no-such-device"), Err(Error::ENODEV), "{kind}");
        }
    }
}
