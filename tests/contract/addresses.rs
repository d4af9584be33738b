//! A socket's own address: giving it one, reading it back, and getting it free again. Not here: names (`names`).

use crate::peers::*;
use crate::support::*;
use crate::{flat, native};
use std::ptr::null_mut;

/// Binds a new socket, and says how its address reads.
#[track_caller]
fn bound_to(kind: &str, address: &str) -> (Own, String) {
    let socket = open(kind);
    expect(bind(*socket, address));
    let own = local_address(*socket);
    (socket, own)
}

/// Binding must fail, and leave the socket as it was.
#[track_caller]
fn expect_unbound(kind: &str, address: &str, error: &str) {
    let socket = open(kind);
    let code = bind(*socket, address);
    assert_eq!(name(code), error, "{kind} {address:?}");
    expect(bind(*socket, &free_address(kind)));
}

/// What the handle's next connection is.
#[track_caller]
fn accept_from(listener: i64, kind: &str, address: &str) -> (Own, Own) {
    let client = open(kind);
    assert_eq!(connect(*client, address), 0, "{kind} {address}");
    (client, own(expect(anysock_accept(listener))))
}

// Forms.

#[test]
fn an_address_reads_as_it_was_written_with_the_port_that_was_found() {
    let mut forms = vec![
        ("tcp", "127.0.0.1:0", "127.0.0.1"),
        ("tcp4", "127.0.0.1:0", "127.0.0.1"),
        ("tcp4", "127.1.2.3:0", "127.1.2.3"),
        ("tcp4", ":0", "0.0.0.0"),
        ("tcp", "0.0.0.0:0", "0.0.0.0"),
        ("tcp4", "localhost:0", "127.0.0.1"),
        ("udp", "127.0.0.1:0", "127.0.0.1"),
        ("udp4", ":0", "0.0.0.0"),
        ("udp4", "localhost:0", "127.0.0.1"),
        ("tcp", "[::ffff:127.0.0.1]:0", "127.0.0.1"),
    ];
    if has_ipv6() {
        forms.extend([
            ("tcp", ":0", "[::]"),
            ("udp", ":0", "[::]"),
            ("tcp6", ":0", "[::]"),
            ("tcp6", "[::1]:0", "[::1]"),
            ("tcp", "[0:0:0:0:0:0:0:1]:0", "[::1]"),
            ("udp6", "[::]:0", "[::]"),
            ("tcp", "[::1%1]:0", "[::1]"),
        ]);
    }
    let _closed_is_closed = no_children();
    for (kind, address, host) in forms {
        let (socket, own) = bound_to(kind, address);
        let (found, port) = own.rsplit_once(':').unwrap();
        assert_eq!(found, host, "{kind} {address}");
        assert_ne!(port.parse::<u16>().unwrap(), 0, "{kind} {address}");
        expect_error(bind(*socket, address), "EINVAL");
        assert_eq!(local_address(*socket), own);
        drop(socket);
        assert_eq!(bound_to(kind, &own).1, own);
    }
}

#[test]
fn an_address_that_does_not_fit_is_cut_and_its_length_is_told() {
    let (client, server) = connected("tcp4");
    // SAFETY: the memory is what `expect_cut` gives.
    expect_cut(&local_address(*server), |text, capacity| unsafe {
        anysock_local_address(*server, text, capacity)
    });
    // SAFETY: as above.
    expect_cut(&local_address(*client), |text, capacity| unsafe {
        anysock_peer_address(*server, text, capacity)
    });
}

#[cfg(target_os = "linux")]
fn add_address_to_loopback(address: &str) {
    let address: std::net::Ipv6Addr = address.parse().unwrap();
    let socket = open("udp6");
    // SAFETY: plain numbers, for which zero is a value; the request outlives the call.
    unsafe {
        let mut request: libc::in6_ifreq = std::mem::zeroed();
        request.ifr6_addr.s6_addr = address.octets();
        request.ifr6_prefixlen = 64;
        request.ifr6_ifindex = 1;
        let fd = expect(anysock_fd(*socket)) as libc::c_int;
        assert_eq!(libc::ioctl(fd, libc::SIOCSIFADDR as _, &request), 0);
    }
}

// Refusals.

#[test]
fn what_is_no_address_is_refused_and_leaves_the_socket_as_it_was() {
    let texts = ["", ":", "127.0.0.1", "localhost", "127.0.0.1:", "127.0.0.1:x y", "127.0.0.1:65536"];
    let more = ["127.0.0.1:-1", "::1:0", "[::1]", "[::1:0", "[127.0.0.1]:0", "1.2.3:0", "[::1%nosuch]:0"];
    for text in texts.into_iter().chain(more) {
        for kind in ["tcp", "tcp4", "udp", "udp4"] {
            expect_unbound(kind, text, "EINVAL");
        }
    }
    for kind in here(&["tcp4", "unix"]) {
        expect_unbound(kind, "", "EINVAL");
    }
    // SAFETY: NULL is what is tested.
    expect_error(unsafe { anysock_bind(*open("tcp"), std::ptr::null()) }, "EFAULT");
    // SAFETY: the text is NUL-terminated, but no UTF-8.
    expect_error(unsafe { anysock_bind(*open("tcp"), c"\xff".as_ptr()) }, "EINVAL");
}

#[test]
fn an_address_of_another_family_is_refused() {
    expect_unbound("tcp4", "[::1]:0", "EAFNOSUPPORT");
    expect_unbound("udp4", "[::1]:0", "EAFNOSUPPORT");
    if has_ipv6() {
        expect_unbound("tcp6", "127.0.0.1:0", "EAFNOSUPPORT");
        expect_unbound("udp6", "[::ffff:127.0.0.1]:0", "EAFNOSUPPORT");
    }
}

#[test]
fn an_address_that_is_taken_or_not_here_is_refused() {
    for kind in ["tcp", "tcp4"] {
        let listener = listener(kind);
        expect_unbound(kind, &local_address(*listener), "EADDRINUSE");
        expect_unbound(kind, "192.0.2.1:0", "EADDRNOTAVAIL");
    }
    for kind in ["udp", "udp4"] {
        let socket = bound(kind);
        expect_unbound(kind, &local_address(*socket), "EADDRINUSE");
    }
    if has("unix") == 1 {
        expect_unbound("unix", "/nonexistent/anysock", "ENOENT");
    }
    // Two may have the address as long as neither listens.
    let (first, second) = (bound("tcp4"), open("tcp4"));
    if bind(*second, &local_address(*first)) == 0 {
        expect(anysock_listen(*first, 0));
        expect_error(anysock_listen(*second, 0), "EADDRINUSE");
    }
}

#[test]
fn a_datagram_socket_can_not_have_an_address_that_is_not_here() {
    for kind in ["udp", "udp4"] {
        expect_unbound(kind, "192.0.2.1:0", "EADDRNOTAVAIL");
    }
}

#[test]
fn listen_and_accept_tell_what_they_can_not_do() {
    let (client, _server) = connected("tcp4");
    expect_error(anysock_listen(*client, 0), "EINVAL");
    expect_error(bind(*client, "127.0.0.1:0"), "EINVAL");
    expect_error(anysock_accept(*client), "EINVAL");
    for kind in stream_kinds() {
        // Only the internet kinds have an address to spare.
        if kind.starts_with("unix") {
            expect_error(anysock_listen(*open(kind), 0), "EINVAL");
        }
        expect_error(anysock_accept(*open(kind)), "EINVAL");
        expect_error(anysock_accept(*bound(kind)), "EINVAL");
        let listener = listener(kind);
        for backlog in [5, 1, -1, i32::MIN, i32::MAX] {
            assert_eq!(anysock_listen(*listener, backlog), 0);
        }
        expect_error(bind(*listener, &free_address(kind)), "EINVAL");
    }
}

// Kinds whose family is open.

#[test]
fn before_the_family_is_settled_there_is_nothing_to_ask_the_system() {
    for kind in ["tcp", "udp"] {
        let socket = open(kind);
        let mut value = [0_u8; 4];
        let data = value.as_mut_ptr().cast();
        // SAFETY: no memory is given for the text, and four bytes for the value.
        unsafe {
            expect_error(anysock_local_address(*socket, null_mut(), 0), "ENOTCONN");
            expect_error(anysock_peer_address(*socket, null_mut(), 0), "ENOTCONN");
            expect_error(anysock_get_raw(*socket, 1, 2, data, 4), "ENOTCONN");
            expect_error(anysock_set_raw(*socket, 1, 2, data, 4), "ENOTCONN");
        }
        expect_error(anysock_fd(*socket), "ENOTCONN");
        // What was set is there when it is.
        expect(set(*socket, "receive_buffer", 30_000));
        expect(set(*socket, "ip.ttl", 33));
        let plain = open(&format!("{kind}4"));
        expect(set(*plain, "receive_buffer", 30_000));
        expect(bind(*socket, "127.0.0.1:0"));
        assert_eq!(get(*socket, "receive_buffer"), get(*plain, "receive_buffer"));
        assert_eq!(get(*socket, "ip.ttl"), Ok(33));
        assert!(anysock_fd(*socket) >= 0);
    }
}

/// What its peers are called is what it calls them.
#[test]
fn a_socket_of_ipv6_that_serves_ipv4_takes_its_addresses() {
    if !has_ipv6() {
        return;
    }
    let serves_both = |kind| {
        let socket = open(kind);
        expect(set(*socket, "ipv6.only", 0));
        socket
    };
    let server = serves_both("udp6");
    expect(bind(*server, "[::]:0"));
    let client = bound("udp4");
    let to = format!("127.0.0.1:{}", port(&local_address(*server)));
    assert_eq!(send_to(*client, b"ask", 0, &to), 3);
    let (_, from) = crate::datagrams::sender(*server, 64);
    assert_eq!(send_to(*server, b"answer", 0, &from), 6);
    assert_eq!(read(*client, &mut [0; 8]), 6);
    expect(connect(*server, &from));
    assert_eq!(peer_address(*server), from);

    let listener = listener("tcp4");
    let client = serves_both("tcp6");
    expect(bind(*client, "127.0.0.1:0"));
    expect(connect(*client, &local_address(*listener)));
    assert_eq!(peer_address(*client), local_address(*listener));
    // The others are IPv6 alone.
    expect_error(connect(*open("tcp6"), &local_address(*listener)), "EAFNOSUPPORT");
    expect_error(send_to(*open("udp6"), b"x", 0, &from), "EAFNOSUPPORT");
}

#[test]
fn listen_alone_takes_a_free_port_on_every_interface() {
    for kind in ["tcp", "tcp4"] {
        let listener = open(kind);
        assert_eq!(anysock_listen(*listener, 0), 0);
        let own = local_address(*listener);
        assert!(own.starts_with("[::]:") || own.starts_with("0.0.0.0:"), "{own}");
        accept_from(*listener, "tcp4", &format!("127.0.0.1:{}", port(&own)));
        accept_from(*listener, "tcp", &format!("127.0.0.1:{}", port(&own)));
    }
    if has_ipv6() {
        let listener = open("tcp6");
        assert_eq!(anysock_listen(*listener, 0), 0);
        accept_from(*listener, "tcp6", &format!("[::1]:{}", port(&local_address(*listener))));
    }
}

#[test]
fn a_listener_for_both_families_shows_each_peer_in_its_own() {
    if !has_ipv6() {
        return;
    }
    let listener = open("tcp");
    expect(bind(*listener, ":0"));
    expect(anysock_listen(*listener, 0));
    let port = port(&local_address(*listener));
    for (kind, host) in [("tcp4", "127.0.0.1"), ("tcp6", "[::1]"), ("tcp", "127.0.0.1"), ("tcp", "[::1]")] {
        let address = format!("{host}:{port}");
        let (client, server) = accept_from(*listener, kind, &address);
        assert_eq!(local_address(*server), address);
        assert_eq!(peer_address(*client), address);
        assert_eq!(peer_address(*server), local_address(*client));
        assert!(peer_address(*server).starts_with(host));
    }
}

/// A client that waits in the queue of the listener, with its address. One of AF_UNIX has none unless it takes one.
fn queued_client(listener: i64, kind: &str, named: bool) -> (Own, String) {
    let client = open(kind);
    if named && unix_names_are_kept(kind) {
        expect(bind(*client, &free_address(kind)));
    }
    expect(connect(*client, &local_address(listener)));
    let address = local_address(*client);
    (client, address)
}

/// Linux knows the name of a peer that has gone.
fn unix_names_are_kept(kind: &str) -> bool {
    !kind.starts_with("unix") || cfg!(target_os = "linux")
}

#[test]
fn who_has_connected_is_known_when_it_has_gone_before_it_was_accepted() {
    for kind in stream_kinds() {
        let listener = listener(kind);
        // Elsewhere a connection that was reset in the queue is passed over.
        for reset in [false, true].into_iter().take(if cfg!(target_os = "linux") { 2 } else { 1 }) {
            let clients: Vec<_> = (0..3).map(|place| queued_client(*listener, kind, place > 0)).collect();
            let mut addresses = Vec::new();
            for (client, address) in clients {
                if reset {
                    expect(set(*client, "linger", 0));
                }
                addresses.push(address);
            }
            let mut accepted = vec![own(expect(anysock_accept(*listener)))];
            while accepted.len() < addresses.len() {
                accepted.extend(accept_many(*listener, addresses.len()).unwrap());
            }
            for (server, address) in accepted.iter().zip(&addresses) {
                assert_eq!(peer_address(**server), *address, "{kind}");
                assert_eq!(flat::format(&native::peer_flat(**server)), Ok(address.clone()), "{kind}");
            }
        }
    }
}

#[test]
fn who_has_connected_to_the_one_before_is_forgotten() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        drop((client, server));
        // In the slots that are free now.
        for _ in 0..4 {
            let next = if kind == "tcp" { bound(kind) } else { open(kind) };
            // SAFETY: `text_out` gives memory of that size.
            let peer = text_out(|text, capacity| unsafe { anysock_peer_address(*next, text, capacity) });
            assert_eq!(peer.map_err(name), Err("ENOTCONN".to_owned()), "{kind}");
        }
    }
}

#[test]
fn an_accepted_handle_hears_signals_if_its_listener_does() {
    for kind in stream_kinds() {
        for on in [0, 1] {
            let listener = listener(kind);
            expect(set(*listener, "interruptible", on));
            expect(set(*listener, "read_timeout", 1));
            let _clients: Vec<_> = (0..2).map(|_| queued_client(*listener, kind, false)).collect();
            let mut accepted = vec![own(expect(anysock_accept(*listener)))];
            accepted.extend(accept_many(*listener, 1).unwrap());
            for server in accepted {
                assert_eq!(get(*server, "interruptible"), Ok(on));
                assert_eq!(get(*server, "read_timeout"), Ok(-1));
            }
        }
    }
}

#[test]
fn the_ipv6_kind_takes_ipv6_alone_so_that_both_can_have_one_port() {
    if !has_ipv6() {
        return;
    }
    // A port that is free for one family may be in use for the other, but not a hundred times in a row.
    let both = (0..100).find_map(|_| {
        let (six, four) = (open("tcp6"), open("tcp4"));
        expect(bind(*six, ":0"));
        expect(anysock_listen(*six, 0));
        let port = port(&local_address(*six));
        (bind(*four, &format!(":{port}")) == 0).then_some((six, four, port))
    });
    let (six, four, port) = both.expect("a port for both");
    expect_error(connect(*open("tcp4"), &format!("127.0.0.1:{port}")), "ECONNREFUSED");
    expect(anysock_listen(*four, 0));
    accept_from(*six, "tcp6", &format!("[::1]:{port}"));
    accept_from(*four, "tcp4", &format!("127.0.0.1:{port}"));
    // The kind for both finds it taken.
    expect_unbound("tcp", &format!(":{port}"), "EADDRINUSE");
}

// Free again.

/// What a listener has unless its owner says otherwise.
const LISTENER_DEFAULT: &str = if cfg!(windows) { "exclusive_address" } else { "reuse_address" };

/// A connection that its server has ended first: the server's port is in TIME_WAIT.
fn time_wait(listener: i64) {
    let (client, server) = accept_from(listener, "tcp4", &local_address(listener));
    drop(server);
    assert_eq!(read(*client, &mut [0; 8]), 0);
    drop(client);
}

#[test]
fn a_listener_may_come_back_at_once_although_its_connections_linger() {
    let _closed_is_closed = no_children();
    let listener = lone_listener();
    assert_eq!(get(*listener, LISTENER_DEFAULT), Ok(1));
    let address = local_address(*listener);
    time_wait(*listener);
    drop(listener);
    if cfg!(unix) {
        // Without the default it would have to wait for a minute.
        let strict = open("tcp4");
        expect(set(*strict, "reuse_address", 0));
        expect_error(bind(*strict, &address), "EADDRINUSE");
        assert_eq!(get(*strict, "reuse_address"), Ok(0));
    }
    let next = open("tcp4");
    assert_eq!(bind(*next, &address), 0);
    assert_eq!(anysock_listen(*next, 0), 0);
    time_wait(*next);
}

/// Where systems let two have a port who both ask for it, the listener has not asked.
#[test]
fn nobody_takes_the_port_of_a_listener() {
    for kind in ["tcp", "tcp4"] {
        let listener = listener(kind);
        let thief = open(kind);
        expect(set(*thief, "reuse_address", 1));
        expect_error(bind(*thief, &local_address(*listener)), "EADDRINUSE");
        let client = open(kind);
        expect(connect(*client, &local_address(*listener)));
        drop(own(expect(anysock_accept(*listener))));
    }
}

#[test]
fn the_callers_word_on_reuse_is_the_last() {
    for kind in ["tcp", "tcp4"] {
        let socket = open(kind);
        expect(set(*socket, "reuse_address", 0));
        expect(bind(*socket, "127.0.0.1:0"));
        assert_eq!(get(*socket, "reuse_address"), Ok(0), "{kind}");
    }
    // Two datagram sockets on one address would share what comes in.
    assert_eq!(get(*bound("udp4"), "reuse_address"), Ok(0));
}

#[test]
fn a_port_is_free_when_close_returns_even_if_a_thread_was_blocked_on_it() {
    let _closed_is_closed = no_children();
    let mut listener = lone_listener();
    let address = local_address(*listener);
    // Where a thread can't be seen to block, each round takes its time.
    let rounds = if cfg!(target_os = "linux") { 200 } else { 20 };
    for _ in 0..rounds {
        let handle = *listener;
        let call = Call::blocked(move || anysock_accept(handle));
        assert_eq!(anysock_close(handle), 0);
        listener = open("tcp4");
        assert_eq!(bind(*listener, &address), 0);
        assert_eq!(anysock_listen(*listener, 0), 0);
        expect_error(call.result(), "ECANCELED");
    }
}

mod unix {
    use super::*;

    /// A path is no address of `tcp` and `udp`: the next one settles their family.
    #[test]
    fn a_path_in_flat_memory_settles_no_family() {
        if !need("unix") {
            return;
        }
        let path = flat::parse("unix", "/tmp/anysock-nobody").unwrap();
        for kind in ["tcp", "udp"] {
            let socket = open(kind);
            // SAFETY: the address lives through the calls.
            expect_error(unsafe { anysock_bind_flat(*socket, &path) }, "EAFNOSUPPORT");
            // SAFETY: as above.
            expect_error(unsafe { anysock_connect_flat(*socket, &path) }, "EAFNOSUPPORT");
            expect(bind(*socket, "127.0.0.1:0"));
        }
    }

    #[test]
    fn names_are_paths_or_abstract() {
        if !need("unix") {
            return;
        }
        let path = std::env::temp_dir().join(format!("anysock address {}", std::process::id()));
        let path = path.to_str().unwrap();
        for kind in here(&["unix", "unixgram", "unixpacket"]) {
            assert_eq!(local_address(*open(kind)), "", "{kind}");
            let (socket, own) = bound_to(kind, path);
            assert_eq!(own, path);
            expect_unbound(kind, path, "EADDRINUSE");
            drop(socket);
            // The file outlives the socket, as everywhere on Unix.
            expect_unbound(kind, path, "EADDRINUSE");
            std::fs::remove_file(path).unwrap();
            if expect(has("unix.abstract")) == 1 {
                let name = format!("{} ü {kind}", free_address(kind));
                let (socket, own) = bound_to(kind, &name);
                assert_eq!(own, name);
                expect_unbound(kind, &name, "EADDRINUSE");
                drop(socket);
                bound_to(kind, &name);
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_begins_like_an_abstract_name_is_told_as_a_path() {
        let path = format!("@anysock path {}", std::process::id());
        let listener = socket2::Socket::from(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = own(expect(anysock_adopt(crate::own::given(listener))));
        let own = local_address(*listener);
        let (client, _server) = accept_from(*listener, "unix", &own);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(own, format!("./{path}"));
        assert_eq!(peer_address(*client), own);
    }

    #[test]
    fn a_name_may_be_as_long_as_the_system_allows() {
        if !need("unix") {
            return;
        }
        let longest = |prefix: &str, length: usize| format!("{prefix}{}", "x".repeat(length - prefix.len()));
        let directory = std::env::temp_dir();
        let most = if cfg!(target_os = "linux") { 108 } else { 103 };
        for length in [103, most - 1, most] {
            let path = format!("{}/anysock-{}-", directory.to_str().unwrap(), std::process::id());
            let path = longest(&path, length);
            let (listener, own) = bound_to("unix", &path);
            assert_eq!(own, path);
            expect(anysock_listen(*listener, 1));
            let (client, _server) = accept_from(*listener, "unix", &own);
            assert_eq!(peer_address(*client), path);
            let flat = native::peer_flat(*client);
            assert_eq!(flat::format(&flat).as_deref(), Ok(&*path));
            expect(native::connect_flat(*open("unix"), &flat));
            std::fs::remove_file(&path).unwrap();
        }
        let path = longest(&format!("{}/anysock-", directory.to_str().unwrap()), most);
        expect_unbound("unix", &longest(&path, most + 1), "ENAMETOOLONG");
        expect_unbound("unix", &longest(&path, 200), "ENAMETOOLONG");
        if expect(has("unix.abstract")) == 1 {
            let name = longest(&free_address("unix"), 108);
            assert_eq!(bound_to("unix", &name).1, name);
            expect_unbound("unix", &longest(&name, 109), "ENAMETOOLONG");
        }
    }
}

/// In a network of their own.
#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;

    #[test]
    fn a_link_local_address_keeps_its_interface() {
        child::run(
            "addresses::namespaces::a_link_local_address_keeps_its_interface",
            child::View::Network,
            || {
                add_address_to_loopback("fe80::7");
                until("the address", || bind(*open("udp6"), "[fe80::7%lo]:0") == 0);
                for zone in ["lo", "1"] {
                    let address = format!("[fe80::7%{zone}]:0");
                    let (listener, own) = bound_to("tcp", &address);
                    let port = port(&own);
                    assert_eq!(own, format!("[fe80::7%lo]:{port}"));
                    expect(anysock_listen(*listener, 0));
                    let (client, server) =
                        accept_from(*listener, "tcp6", &format!("[fe80::7%{zone}]:{port}"));
                    assert_eq!(peer_address(*client), own);
                    assert_eq!(local_address(*server), own);
                    let (_socket, own) = bound_to("udp6", &address);
                    assert!(own.starts_with("[fe80::7%lo]:"), "{own}");
                }
                expect_unbound("tcp6", "[fe80::7%nosuch]:0", "EINVAL");
                // Without an interface there are many such addresses.
                expect_unbound("tcp6", "[fe80::7]:0", "EINVAL");
                expect_unbound("tcp6", "[fe80::8%lo]:0", "EADDRNOTAVAIL");
            },
        );
    }

    #[test]
    fn an_abstract_name_of_no_letters_is_a_name() {
        let test = "addresses::namespaces::an_abstract_name_of_no_letters_is_a_name";
        child::run(test, child::View::Network, || {
            for kind in ["unix", "unixgram", "unixpacket"] {
                let (socket, own) = bound_to(kind, "@");
                assert_eq!(own, "@", "{kind}");
                expect_unbound(kind, "@", "EADDRINUSE");
                drop(socket);
            }
            let (receiver, _) = bound_to("unixgram", "@");
            expect(connect(*receiver, "@"));
            assert_eq!(peer_address(*receiver), "@");
        });
    }

    #[test]
    fn who_has_no_right_to_an_address_is_told_so() {
        let test = "addresses::namespaces::who_has_no_right_to_an_address_is_told_so";
        child::run(test, child::View::Network, || {
            std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024").unwrap();
            // SAFETY: takes no memory. The process is this test's own.
            assert_eq!(unsafe { libc::setuid(65_534) }, 0);
            expect_unbound("tcp4", "127.0.0.1:80", "EACCES");
            expect_unbound("unix", "/etc/anysock", "EACCES");
            // SAFETY: the text is NUL-terminated.
            expect_error(unsafe { anysock_open(text("ip4:icmp").as_ptr()) }, "EPERM");
        });
    }
}
