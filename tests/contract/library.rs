//! The library itself: its versions, its features, what its numbers mean, and the machine's interfaces.

use crate::peers::*;
use crate::support::*;
use std::collections::HashSet;
use std::ffi::{CStr, c_char};

const HEADER: &str = include_str!("../../include/anysock.h");

fn static_text(text: *const c_char) -> String {
    // SAFETY: the library's static texts are NUL-terminated.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

fn message(code: i64) -> String {
    static_text(anysock_error_message(code))
}

#[test]
fn the_versions_are_those_of_the_package_and_the_header() {
    let version = static_text(anysock_version());
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(HEADER.contains(&format!("#define ANYSOCK_HEADER_VERSION \"{version}\"")));
    assert_eq!(anysock_abi_version(), ANYSOCK_HEADER_ABI);
    assert!(HEADER.contains(&format!("#define ANYSOCK_HEADER_ABI {ANYSOCK_HEADER_ABI}\n")));
}

// Features.

#[test]
fn kinds_and_options_are_features_and_nothing_else_is() {
    for feature in ["tcp", "tcp4", "udp", "udp4", "timeout", "linger", "tcp.nodelay", "interruptible"] {
        assert_eq!(has(feature), 1, "{feature}");
    }
    for feature in ["", " ", "TCP", "tcp ", "tcp5", "tcp.", "stream", "poller", "nodelay", "ip4", "ip4:", "-"]
    {
        assert_eq!(has(feature), 0, "{feature:?}");
    }
    assert_eq!(has(&"x".repeat(100_000)), 0);
    assert_eq!(has("ipv6"), has("tcp6"));
    assert_eq!(has("ipv6"), has("udp6"));
}

#[test]
fn a_feature_must_be_text() {
    // SAFETY: NULL, and a text that is no UTF-8, are what is tested.
    unsafe {
        expect_error(anysock_has(std::ptr::null()), "EFAULT");
        expect_error(anysock_has(c"\xff\xfe".as_ptr()), "EINVAL");
    }
}

#[test]
fn a_kind_that_is_none_can_not_be_opened() {
    for kind in ["", "TCP", "tcp ", "tcp5", "stream", "poller", "ip4", "ip4:", "ip4:256", "ip4:-1", "tcp:80"]
    {
        // SAFETY: the text is NUL-terminated.
        expect_error(unsafe { anysock_open(text(kind).as_ptr()) }, "EINVAL");
    }
    // SAFETY: NULL, and a text that is no UTF-8, are what is tested.
    unsafe {
        expect_error(anysock_open(std::ptr::null()), "EFAULT");
        expect_error(anysock_open(c"\xff\xfe".as_ptr()), "EINVAL");
    }
}

// Errors.

/// The error codes of the header: `#define ANYSOCK_ENOENT (-2) /**< no such file or directory */`.
fn documented() -> Vec<(String, i64, String)> {
    let parse = |line: &str| {
        let rest = line.strip_prefix("#define ANYSOCK_E")?;
        let (name, rest) = rest.split_once(" (")?;
        let (code, rest) = rest.split_once(") /**< ")?;
        Some((format!("E{name}"), code.parse().ok()?, rest.strip_suffix(" */")?.to_owned()))
    };
    HEADER.lines().filter_map(parse).collect()
}

#[test]
fn every_code_of_the_header_has_the_name_and_the_message_that_it_has_there() {
    let rows = documented();
    assert!(rows.len() > 140, "{}", rows.len());
    for (symbol, code, words) in &rows {
        assert_eq!(&name(*code), symbol);
        assert_eq!(&message(*code), words);
    }
    let codes: HashSet<_> = rows.iter().map(|row| row.1).collect();
    assert_eq!(codes.len(), rows.len());
    for (symbol, code) in [
        ("EAGAIN", -11),
        ("ETIMEDOUT", -110),
        ("EAI_NONAME", -3008),
        ("EINTERNAL", -10_000),
        ("EHWPOISON", -133),
    ] {
        assert!(rows.iter().any(|row| row.0 == symbol && row.1 == code), "{symbol}");
    }
}

#[test]
fn any_number_has_a_name_and_a_message() {
    let known: HashSet<_> = documented().into_iter().map(|row| row.1).collect();
    for code in -40_500..500 {
        let (name, message) = (name(code), message(code));
        assert!(!message.is_empty(), "{code}");
        match code {
            0 => assert_eq!((name.as_str(), message.as_str()), ("OK", "success")),
            1.. => assert_eq!(name, "EUNKNOWN", "{code}"),
            _ if known.contains(&code) => assert_ne!(name, "EUNKNOWN", "{code}"),
            -39_999..=-20_001 => assert_eq!(name, format!("EOS_{}", -code - 20_000)),
            _ => assert_eq!(name, "EUNKNOWN", "{code}"),
        }
    }
    for code in
        [i64::MIN, i64::MIN + 1, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX), -1 << 32, 1 << 53]
    {
        assert_eq!(name(code), "EUNKNOWN", "{code}");
        assert_eq!(message(code), message(1));
    }
}

#[test]
fn the_texts_stay_where_they_are() {
    for code in [0, -2, -110, -3008, -20_001, -39_999, 7] {
        let (name, message) = (anysock_error_name(code), anysock_error_message(code));
        let (name_before, message_before) = (static_text(name), static_text(message));
        for other in -40_000..0 {
            anysock_error_name(other);
            anysock_error_message(other);
        }
        assert_eq!((static_text(name), static_text(message)), (name_before, message_before));
        assert_eq!((anysock_error_name(code), anysock_error_message(code)), (name, message));
    }
}

#[test]
fn the_systems_own_number_is_the_threads_last() {
    #[cfg(unix)]
    const REFUSED: i32 = libc::ECONNREFUSED;
    #[cfg(windows)]
    const REFUSED: i32 = windows_sys::Win32::Networking::WinSock::WSAECONNREFUSED;
    assert_eq!(Call::start(|| anysock_last_os_error()).result(), 0);
    let mine = Call::start(|| {
        let nobody = bound("tcp4");
        expect_error(connect(*open("tcp4"), &local_address(*nobody)), "ECONNREFUSED");
        let first = anysock_last_os_error();
        let others = Call::start(|| anysock_last_os_error()).result();
        (first, others, anysock_last_os_error())
    });
    let refused = i64::from(REFUSED);
    assert_eq!(mine.result(), (refused, 0, refused));
}

// Interfaces.

fn interfaces() -> String {
    // SAFETY: `text_out` gives memory of that size.
    text_out(|text, capacity| unsafe { anysock_interfaces(text, capacity) }).unwrap()
}

#[test]
fn the_interfaces_are_listed_with_their_addresses() {
    let lines = interfaces();
    for line in lines.lines() {
        let [name, index, flags, address] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(!name.is_empty());
        assert!(index.parse::<u32>().unwrap() > 0, "{line}");
        assert!(flags == "-" || flags.split(',').all(|flag| ["up", "loopback", "multicast"].contains(&flag)));
        let (host, prefix) = address.split_once('/').unwrap();
        let host: std::net::IpAddr = host.parse().unwrap();
        assert!(prefix.parse::<u32>().unwrap() <= if host.is_ipv4() { 32 } else { 128 }, "{line}");
    }
    let is_loopback = |line: &str| line.contains(" up,loopback") && line.ends_with(" 127.0.0.1/8");
    assert!(lines.lines().any(is_loopback), "{lines}");
}

#[test]
fn a_list_that_does_not_fit_is_cut_and_its_length_is_told() {
    // SAFETY: the memory is what `expect_cut` gives.
    expect_cut(&interfaces(), |text, capacity| unsafe { anysock_interfaces(text, capacity) });
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn linux_has_what_it_has() {
        for feature in ["unix", "unixgram", "unixpacket", "unix.abstract", "fork", "ip4:icmp", "ip4:89"] {
            assert_eq!(has(feature), 1, "{feature}");
        }
        for feature in ["tcp.fastopen", "tcp.cork", "tcp.state", "unix.peer_pid", "ip.packet_info"] {
            assert_eq!(has(feature), 1, "{feature}");
        }
        assert_eq!(has("exclusive_address"), 0);
        expect_error(set(*open("tcp4"), "exclusive_address", 1), "EOPNOTSUPP");
    }
}

/// In a network of its own.
#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;

    #[test]
    fn a_machine_with_nothing_but_a_loopback_has_one_interface() {
        let test = "library::namespaces::a_machine_with_nothing_but_a_loopback_has_one_interface";
        child::run(test, child::View::Network, || {
            let lines = interfaces();
            let mut lines: Vec<_> = lines.lines().collect();
            lines.retain(|line| *line != "lo 1 up,loopback ::1/128");
            assert_eq!(lines, ["lo 1 up,loopback 127.0.0.1/8"]);
            child::loopback(false);
            assert_eq!(interfaces(), "lo 1 loopback 127.0.0.1/8");
        });
    }
}

#[cfg(unix)]
mod not_windows {
    use super::*;

    /// A Rust program that shares its standard library with this one is told of its own panics as before.
    #[test]
    fn panics_of_the_program_go_to_its_own_hook() {
        use crate::peers::child::{View, run};
        use std::sync::atomic::{AtomicUsize, Ordering};

        static TOLD: AtomicUsize = AtomicUsize::new(0);
        run("library::not_windows::panics_of_the_program_go_to_its_own_hook", View::Process, || {
            std::panic::set_hook(Box::new(|_| _ = TOLD.fetch_add(1, Ordering::SeqCst)));
            drop(open("tcp"));
            for told in 1..4 {
                assert!(std::panic::catch_unwind(|| panic!("the program's own")).is_err());
                assert_eq!(TOLD.load(Ordering::SeqCst), told);
            }
            // What comes later is the program's to say, too.
            drop(std::panic::take_hook());
            std::panic::set_hook(Box::new(|_| _ = TOLD.fetch_add(10, Ordering::SeqCst)));
            drop(open("tcp"));
            assert!(std::panic::catch_unwind(|| panic!("the program's own")).is_err());
            assert_eq!(TOLD.load(Ordering::SeqCst), 13);
            drop(std::panic::take_hook());
        });
    }
}
