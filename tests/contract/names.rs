//! Names: resolving them within the time that there is, and connecting to one that has several addresses (Happy
//! Eyeballs, RFC 8305). Not here: connecting to one address (`handshake`).

use crate::peers::*;
use crate::support::*;
use std::time::Duration;

/// How long the next address waits for the last one (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// `anysock_resolve`.
pub fn resolve(kind: &str, address: &str, timeout_us: i64) -> Result<String, i64> {
    let (kind, address) = (text(kind), text(address));
    // SAFETY: the texts are NUL-terminated, and `text_out` gives memory of that size.
    text_out(|text, capacity| unsafe {
        anysock_resolve(kind.as_ptr(), address.as_ptr(), timeout_us, text, capacity)
    })
}

#[track_caller]
pub fn expect_unresolved(kind: &str, address: &str, timeout_us: i64, error: &str) {
    let code = resolve(kind, address, timeout_us).expect_err("an address");
    assert_eq!(name(code), error, "{kind} {address}");
}

/// Accepts who has connected, and checks that it is the client.
#[track_caller]
fn expect_accepted(listener: i64, client: i64) {
    let server = own(expect(anysock_accept(listener)));
    assert_eq!(peer_address(*server), local_address(client));
    assert_eq!(write_all(client, b"x"), 1);
    assert_eq!(read(*server, &mut [0; 8]), 1);
}

// Several addresses: to a peer, ":80" is [::1]:80 and 127.0.0.1:80, in this order.

#[test]
fn whichever_address_answers_is_taken_and_the_first_if_all_do() {
    if !has_ipv6() {
        return;
    }
    for (six_listens, four_listens) in [(true, false), (false, true), (true, true)] {
        let (six, four, address) = same_port();
        if six_listens {
            expect(anysock_listen(*six, 0));
        }
        if four_listens {
            expect(anysock_listen(*four, 0));
        }
        let (taken, host) = if six_listens { (&six, "[::1]") } else { (&four, "127.0.0.1") };
        let client = open("tcp");
        assert_eq!(connect(*client, &address), 0);
        assert_eq!(peer_address(*client), format!("{host}{address}"));
        expect_accepted(**taken, *client);
        expect_error(connect(*client, &address), "EISCONN");
    }
}

#[test]
fn when_all_refuse_the_handle_has_failed() {
    if !has_ipv6() {
        return;
    }
    let (six, _four, address) = same_port();
    let client = open("tcp");
    expect_error(connect(*client, &address), "ECONNREFUSED");
    expect(anysock_listen(*six, 0));
    for _ in 0..2 {
        expect_error(connect(*client, &address), "ECONNREFUSED");
        expect_error(read(*client, &mut [0; 8]), "ECONNREFUSED");
        expect_error(write(*client, b"lost"), "ECONNREFUSED");
        let failed = ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT;
        assert_eq!(select_one(*client, failed, 0), failed);
    }
}

/// A name whose first address never answers and whose second does.
fn half_silent() -> (Silent, Own, String) {
    let (six, four, address) = same_port();
    expect(anysock_listen(*four, 0));
    (Silent::on(six, "tcp6"), four, address)
}

#[test]
fn an_address_that_is_silent_costs_no_more_than_the_delay() {
    if !has_ipv6() {
        return;
    }
    let (mut silent, listener, address) = half_silent();
    let client = open("tcp");
    expect(set(*client, "connect_timeout", LONG_US));
    let (outcome, took) = timed(|| connect(*client, &address));
    assert_eq!(outcome, 0);
    assert!(took >= ATTEMPT_DELAY, "the second attempt started after {took:?}");
    assert!(took < LONG / 4, "{took:?}");
    expect_accepted(*listener, *client);
    // The loser is gone: if it were not, its next SYN, a second after the first, would bring it here.
    silent.wake();
    expect(set(*silent.listener, "accept_timeout", 1500 * ANYSOCK_MILLISECOND));
    expect_error(anysock_accept(*silent.listener), "ETIMEDOUT");
}

/// A name none of whose addresses ever answers.
fn all_silent() -> (Silent, Silent, String) {
    let (six, four, address) = same_port();
    (Silent::on(six, "tcp6"), Silent::on(four, "tcp4"), address)
}

#[test]
fn when_none_answers_the_timeout_ends_it() {
    if !has_ipv6() {
        return;
    }
    // Once before the second attempt has started, once after.
    for timeout in [100 * ANYSOCK_MILLISECOND, 400 * ANYSOCK_MILLISECOND] {
        let (_six, _four, address) = all_silent();
        let client = open("tcp");
        expect(set(*client, "connect_timeout", timeout));
        expect_timeout(timeout, || connect(*client, &address));
        expect_error(connect(*client, &address), "ETIMEDOUT");
        expect_error(read(*client, &mut [0; 8]), "ETIMEDOUT");
    }
}

#[test]
fn closing_ends_all_attempts_at_once() {
    if !has_ipv6() {
        return;
    }
    let (mut six, _four, address) = all_silent();
    let client = open("tcp");
    let handle = *client;
    let call = Call::blocked(move || connect(handle, &address));
    assert_eq!(anysock_close(handle), 0);
    expect_error(call.result(), "ECANCELED");
    six.wake();
    expect(set(*six.listener, "accept_timeout", 0));
    expect_error(anysock_accept(*six.listener), "EAGAIN");
}

#[test]
fn without_waiting_the_attempts_go_on_by_themselves() {
    if !has_ipv6() {
        return;
    }
    let (_silent, listener, address) = half_silent();
    let client = open("tcp");
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, &address), "EINPROGRESS");
    expect_error(connect(*client, "no address"), "EALREADY");
    assert_eq!(get_text(*client, "tcp.state").as_deref(), Ok("syn_sent"));
    expect_error(send(*client, b"early", ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_WRITE);
    assert_eq!(connect(*client, "no address"), 0);
    expect_error(connect(*client, "no address"), "EISCONN");
    expect_accepted(*listener, *client);
}

#[test]
fn without_waiting_the_end_of_all_attempts_is_told_every_time() {
    if !has_ipv6() {
        return;
    }
    let (_six, _four, address) = same_port();
    let client = open("tcp");
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, &address), "EINPROGRESS");
    let failed = ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT;
    assert_eq!(select_one(*client, failed, LONG_US), failed);
    for _ in 0..2 {
        expect_error(connect(*client, &address), "ECONNREFUSED");
        expect_error(read(*client, &mut [0; 8]), "ECONNREFUSED");
    }
}

#[test]
fn without_waiting_a_close_ends_the_attempts_too() {
    if !has_ipv6() {
        return;
    }
    let (mut silent, listener, address) = half_silent();
    let client = open("tcp");
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, &address), "EINPROGRESS");
    assert_eq!(anysock_close(*client), 0);
    silent.wake();
    for listener in [*silent.listener, *listener] {
        expect(set(listener, "accept_timeout", 2 * ATTEMPT_DELAY.as_micros() as i64));
        expect_error(anysock_accept(listener), "ETIMEDOUT");
    }
}

#[test]
fn bytes_wait_for_the_winner() {
    if !has_ipv6() {
        return;
    }
    let (_silent, listener, address) = half_silent();
    let client = open("tcp");
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, &address), "EINPROGRESS");
    assert_eq!(write_all(*client, b"early"), 5);
    let server = own(expect(anysock_accept(*listener)));
    assert_eq!(read(*server, &mut [0; 8]), 5);
}

#[test]
fn options_set_before_are_those_of_the_winner() {
    if !has_ipv6() {
        return;
    }
    const OPTIONS: [(&str, i64); 4] =
        [("tcp.nodelay", 1), ("send_buffer", 50_000), ("keepalive", 1), ("oob_inline", 1)];
    let plain = open("tcp4");
    for listens in [true, false] {
        let (six, four, address) = same_port();
        expect(anysock_listen(if listens { *six } else { *four }, 0));
        let client = open("tcp");
        for (option, value) in OPTIONS {
            expect(set(*client, option, value));
            expect(set(*plain, option, value));
        }
        assert_eq!(connect(*client, &address), 0);
        for (option, _) in OPTIONS {
            // The kernel may make another number of it, but the same on every socket.
            assert_eq!(get(*client, option), get(*plain, option), "{option}");
        }
    }
}

#[test]
fn a_bound_socket_keeps_its_port_whichever_address_wins() {
    if !has_ipv6() {
        return;
    }
    for listens in [true, false] {
        let (six, four, address) = same_port();
        let listener = if listens { six } else { four };
        expect(anysock_listen(*listener, 0));
        let client = open("tcp");
        expect(bind(*client, ":0"));
        let bound_to = port(&local_address(*client));
        assert_eq!(connect(*client, &address), 0);
        assert_eq!(port(&local_address(*client)), bound_to);
        expect_accepted(*listener, *client);
    }
    // Bound to one family, the other's addresses are out of reach.
    let (six, four, address) = same_port();
    expect(anysock_listen(*six, 0));
    expect(anysock_listen(*four, 0));
    let client = open("tcp");
    expect(bind(*client, "127.0.0.1:0"));
    assert_eq!(connect(*client, &address), 0);
    assert_eq!(peer_address(*client), format!("127.0.0.1{address}"));
}

/// A port that somebody has for IPv6 alone is taken, however free it is for IPv4.
#[test]
fn every_interface_is_both_families() {
    if !has_ipv6() {
        return;
    }
    for (holder_kind, kind) in [("tcp6", "tcp"), ("udp6", "udp")] {
        for address in ["[::]:0", "[::1]:0"] {
            let holder = open(holder_kind);
            expect(bind(*holder, address));
            if kind == "tcp" {
                expect(anysock_listen(*holder, 1));
            }
            let port = format!(":{}", port(&local_address(*holder)));
            expect_error(bind(*open(kind), &port), "EADDRINUSE");
            expect(bind(*open(&format!("{kind}4")), &port));
        }
    }
}

// Resolving.

#[test]
fn numbers_need_no_resolver() {
    for (kind, address, lines) in [
        ("tcp4", "127.0.0.1:80", "127.0.0.1:80"),
        ("tcp", "[::1]:80", "[::1]:80"),
        ("tcp", ":80", "[::]:80\n0.0.0.0:80"),
        ("udp4", ":80", "0.0.0.0:80"),
        ("udp6", ":80", "[::]:80"),
        ("tcp", "[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
        ("unix", "/tmp/a socket", "/tmp/a socket"),
        ("ip4:icmp", "127.0.0.1", "127.0.0.1"),
    ] {
        for timeout in [0, 1, -1] {
            assert_eq!(resolve(kind, address, timeout).as_deref(), Ok(lines), "{kind} {address}");
        }
    }
}

#[test]
fn names_of_hosts_and_services_are_resolved() {
    for timeout in [-1, LONG_US] {
        for address in ["localhost:http", "localhost:80", "127.0.0.1:http"] {
            let lines = resolve("tcp", address, timeout).unwrap();
            assert!(lines.lines().count() > 0);
            for line in lines.lines() {
                assert!(["127.0.0.1:80", "[::1]:80"].contains(&line), "{line}");
            }
        }
        assert_eq!(resolve("tcp4", "localhost:http", timeout).as_deref(), Ok("127.0.0.1:80"));
        assert_eq!(resolve("tcp", ":http", timeout).as_deref(), Ok("[::]:80\n0.0.0.0:80"));
        // A raw kind has no services, and so none is asked for.
        assert_eq!(resolve("ip4:icmp", "localhost", timeout).as_deref(), Ok("127.0.0.1"));
    }
}

#[test]
fn what_can_not_be_resolved_says_why() {
    expect_unresolved("tcp4", "localhost:80", 0, "EAGAIN");
    expect_unresolved("tcp4", "localhost:80", -2, "EINVAL");
    expect_unresolved("tcp4", "127.0.0.1:80", i64::MIN, "EINVAL");
    expect_unresolved("tcp", "localhost:no-such-service", -1, "EAI_SERVICE");
    expect_unresolved("tcp4", "[::1]:80", -1, "EAFNOSUPPORT");
    expect_unresolved("tcp5", "127.0.0.1:80", -1, "EINVAL");
    for address in ["", "localhost", "localhost:", "a b:80", "*:80", "1.2.3:80", "127.0.0.1:65536"] {
        expect_unresolved("tcp", address, -1, "EINVAL");
    }
    let (kind, address) = (text("tcp"), text("127.0.0.1:80"));
    let nothing = std::ptr::null();
    // SAFETY: NULL is what is tested; no memory is given for the text.
    unsafe {
        expect_error(anysock_resolve(nothing, address.as_ptr(), -1, std::ptr::null_mut(), 0), "EFAULT");
        expect_error(anysock_resolve(kind.as_ptr(), nothing, -1, std::ptr::null_mut(), 0), "EFAULT");
    }
}

#[test]
fn lines_that_do_not_fit_are_cut_and_their_length_is_told() {
    let (kind, address) = (text("tcp"), text(":80"));
    expect_cut("[::]:80\n0.0.0.0:80", |text, capacity| {
        // SAFETY: the texts are NUL-terminated, and the memory is what `expect_cut` gives.
        unsafe { anysock_resolve(kind.as_ptr(), address.as_ptr(), -1, text, capacity) }
    });
}

#[cfg(target_os = "linux")]
pub mod namespaces {
    use super::*;
    use crate::peers::child::{View, cover, run};

    pub const HOSTS: &str = "127.0.0.2 several\n::1 several\n127.0.0.3 several\n127.0.0.1 localhost one\n";
    pub const ONLY_HOSTS: &str = "hosts: files\nservices: files\n";

    /// Three sockets on the addresses of the name "several", with one port.
    pub fn bound_to_several() -> [Own; 3] {
        let third = open("tcp4");
        expect(bind(*third, "127.0.0.3:0"));
        let port = port(&local_address(*third));
        let (first, second) = (open("tcp4"), open("tcp6"));
        expect(bind(*first, &format!("127.0.0.2:{port}")));
        expect(bind(*second, &format!("[::1]:{port}")));
        [first, second, third]
    }

    #[test]
    fn a_name_with_three_addresses_of_which_one_answers() {
        let test = "names::namespaces::a_name_with_three_addresses_of_which_one_answers";
        run(test, View::NetworkAndFiles, || {
            cover("/etc/hosts", HOSTS);
            cover("/etc/nsswitch.conf", ONLY_HOSTS);
            let lines = resolve("tcp", "several:80", -1).unwrap();
            let mut sorted: Vec<_> = lines.lines().collect();
            sorted.sort_unstable();
            assert_eq!(sorted, ["127.0.0.2:80", "127.0.0.3:80", "[::1]:80"]);

            let [silent, _refusing, answering] = bound_to_several();
            let silent = Silent::on(silent, "tcp4");
            expect(anysock_listen(*answering, 0));
            let answer = local_address(*answering);
            let address = format!("several:{}", port(&answer));
            for timeout in [LONG_US, 0] {
                let client = open("tcp");
                expect(set(*client, "connect_timeout", timeout));
                let (outcome, took) = timed(|| {
                    let code = connect(*client, &address);
                    if timeout != 0 {
                        return code;
                    }
                    expect_error(code, "EINPROGRESS");
                    assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
                    connect(*client, &address)
                });
                assert_eq!(outcome, 0);
                // One address is silent; the one that refuses costs nothing.
                assert!(took >= ATTEMPT_DELAY && took < LONG / 4, "{took:?}");
                assert_eq!(peer_address(*client), answer);
                expect_accepted(*answering, *client);
            }
            drop(silent);
        });
    }

    #[test]
    fn a_name_that_does_not_exist() {
        run("names::namespaces::a_name_that_does_not_exist", View::NetworkAndFiles, || {
            cover("/etc/hosts", HOSTS);
            ignorant_server();
            let address = "nobody.invalid:80";
            expect_unresolved("tcp", address, -1, "EAI_NONAME");
            expect_unresolved("tcp4", address, LONG_US, "EAI_NONAME");
            let socket = open("tcp");
            expect_error(bind(*socket, address), "EAI_NONAME");
            expect_error(connect(*socket, address), "EAI_NONAME");
            expect_error(send_to(*open("udp"), b"lost", 0, address), "EAI_NONAME");
            // Nothing was tried, so nothing has failed: the handle is as good as new.
            let listener = listener("tcp4");
            assert_eq!(connect(*socket, &format!("one:{}", port(&local_address(*listener)))), 0);
        });
    }

    /// Gives the loopback another name (netdevice(7)): an interface that is down may have any.
    fn rename_loopback(name: &str) {
        let socket = open("udp4");
        let fd = i32::try_from(expect(anysock_fd(*socket))).unwrap();
        let named = |name: &str| {
            // SAFETY: plain numbers, for which zero is a value.
            let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
            for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
                *place = byte as _;
            }
            request
        };
        let ask = |number: libc::c_ulong, request: &mut libc::ifreq| {
            // SAFETY: the request outlives the call.
            let outcome = unsafe { libc::ioctl(fd, number as _, request) };
            assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        };
        let mut old = named("lo");
        old.ifr_ifru.ifru_flags = 0;
        ask(libc::SIOCSIFFLAGS, &mut old);
        let mut renamed = named("lo");
        renamed.ifr_ifru.ifru_newname = named(name).ifr_name;
        ask(libc::SIOCSIFNAME, &mut renamed);
        let mut new = named(name);
        new.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        ask(libc::SIOCSIFFLAGS, &mut new);
    }

    #[test]
    fn an_interface_whose_name_is_a_number_goes_by_its_name() {
        let test = "names::namespaces::an_interface_whose_name_is_a_number_goes_by_its_name";
        run(test, View::Network, || {
            rename_loopback("7");
            // Its index is 1, of which no other has the name.
            for zone in ["7", "1"] {
                let address = format!("[fe80::1%{zone}]:80");
                assert_eq!(resolve("udp6", &address, 0).as_deref(), Ok("[fe80::1%7]:80"), "{zone}");
                assert_eq!(crate::flat::parse("udp6", &address).unwrap().scope, 1, "{zone}");
                let socket = open("udp6");
                expect(set_text(*socket, "ipv6.multicast_interface", zone));
                assert_eq!(get_text(*socket, "ipv6.multicast_interface").as_deref(), Ok("7"), "{zone}");
            }
        });
    }

    /// A name server that takes questions and never answers.
    fn silent_server(options: &str) -> Own {
        cover("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n");
        cover("/etc/resolv.conf", &format!("nameserver 127.0.0.7\noptions {options}\n"));
        let server = open("udp4");
        expect(bind(*server, "127.0.0.7:53"));
        server
    }

    #[test]
    fn a_resolver_that_never_answers_is_not_waited_for() {
        let test = "names::namespaces::a_resolver_that_never_answers_is_not_waited_for";
        run(test, View::NetworkAndFiles, || {
            // On its own the system's resolver would wait a minute or more.
            let server = silent_server("timeout:30 attempts:2");
            let timeout = 200 * ANYSOCK_MILLISECOND;
            let address = "slow.example:80";
            expect_timeout(timeout, || resolve("tcp", address, timeout).unwrap_err());
            // Somebody did ask.
            expect(set(*server, "timeout", LONG_US));
            assert!(expect(read(*server, &mut [0; 512])) > 12);

            for call in [bind, connect] {
                let socket = open("tcp");
                expect(set(*socket, "timeout", timeout));
                expect_timeout(timeout, || call(*socket, address));
            }
            let socket = open("udp");
            expect(set(*socket, "write_timeout", timeout));
            expect_timeout(timeout, || send_to(*socket, b"lost", 0, address));
        });
    }

    /// A call that needs an address.
    type Calling = fn(i64, &str) -> i64;

    #[test]
    fn closing_ends_the_waiting_for_a_resolver() {
        let test = "names::namespaces::closing_ends_the_waiting_for_a_resolver";
        run(test, View::NetworkAndFiles, || {
            let _server = silent_server("timeout:30 attempts:2");
            let address = "slow.example:80";
            let send = |h: i64, address: &str| send_to(h, b"lost", 0, address);
            let calls: [(_, Calling); 3] =
                [("tcp", |h, to| bind(h, to)), ("tcp", |h, to| connect(h, to)), ("udp", send)];
            for (kind, call) in calls {
                let socket = open(kind);
                let handle = *socket;
                let blocked = Call::blocked(move || call(handle, address));
                assert_eq!(anysock_close(handle), 0);
                expect_error(blocked.result(), "ECANCELED");
            }
        });
    }

    #[test]
    fn more_questions_than_threads_still_keep_their_time() {
        let test = "names::namespaces::more_questions_than_threads_still_keep_their_time";
        run(test, View::NetworkAndFiles, || {
            let _server = silent_server("timeout:30 attempts:2");
            let timeout = 300 * ANYSOCK_MILLISECOND;
            let calls: Vec<_> = (0..80)
                .map(|_| Call::start(move || timed(|| resolve("tcp4", "slow.example:80", timeout))))
                .collect();
            for call in calls {
                let (outcome, took) = call.result();
                assert_eq!(name(outcome.unwrap_err()), "ETIMEDOUT");
                assert!(took >= Duration::from_micros(timeout as u64) && took < LONG / 4, "{took:?}");
            }
        });
    }

    /// A name server that knows `quick.example` and is silent about all else.
    fn choosy_server() {
        answering_server(|question| {
            if !question.windows(6).any(|window| window == b"\x05quick") {
                return None;
            }
            // RFC 1035: a response without error, the question once more, one address of the name in it.
            let mut answer = question.to_vec();
            answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
            answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x09");
            Some(answer)
        });
    }

    /// A name server that says of every name that there is none.
    fn ignorant_server() {
        answering_server(|question| {
            // RFC 1035: a response with the error "no such name", and the question once more.
            let mut answer = question.to_vec();
            answer[2..8].copy_from_slice(&[0x81, 0x83, 0, 1, 0, 0]);
            Some(answer)
        });
    }

    fn answering_server(answer_to: fn(&[u8]) -> Option<Vec<u8>>) {
        let server = silent_server("timeout:30 attempts:2");
        std::thread::spawn(move || {
            let mut room = [0; 512];
            let mut text = [0; 64];
            loop {
                let (data, address) = (room.as_mut_ptr().cast(), text.as_mut_ptr());
                // SAFETY: both are memory of these lengths.
                let length =
                    expect(unsafe { anysock_recv_from(*server, data, 512, 0, address, 64) }) as usize;
                let Some(answer) = answer_to(&room[..length]) else { continue };
                // SAFETY: the bytes are readable, the text is NUL-terminated.
                expect(unsafe { anysock_send_to(*server, answer.as_ptr().cast(), answer.len(), 0, address) });
            }
        });
    }

    #[test]
    fn silent_names_keep_no_other_waiting() {
        const MANY: usize = 100;
        const QUICK_US: i64 = LONG_US / 4;
        run("names::namespaces::silent_names_keep_no_other_waiting", View::NetworkAndFiles, || {
            cover("/etc/hosts", HOSTS);
            choosy_server();
            let ask = |name: String, timeout| {
                Call::start(move || resolve("tcp4", &format!("{name}.example:80"), timeout))
            };
            // Given up: more than there may be threads whose answers somebody awaits.
            for round in 0..3 {
                let calls: Vec<_> = (0..MANY)
                    .map(|n| ask(format!("given-up-{round}-{n}"), 50 * ANYSOCK_MILLISECOND))
                    .collect();
                for call in calls {
                    assert_eq!(name(call.result().unwrap_err()), "ETIMEDOUT");
                }
            }
            // Still asked for, to the end of the test and longer.
            let _waiting: Vec<_> = (0..MANY).map(|n| ask(format!("slow-{n}"), -1)).collect();
            for (address, lines) in [
                ("quick.example:80", "127.0.0.9:80"),
                ("localhost:http", "127.0.0.1:80"),
                ("127.0.0.1:http", "127.0.0.1:80"),
                ("one:80", "127.0.0.1:80"),
                (":http", "0.0.0.0:80"),
            ] {
                assert_eq!(resolve("tcp4", address, QUICK_US).as_deref(), Ok(lines), "{address}");
            }
        });
    }

    /// However full the network's own threads are.
    #[test]
    fn what_the_machine_knows_never_waits_behind_the_network() {
        let test = "names::namespaces::what_the_machine_knows_never_waits_behind_the_network";
        run(test, View::NetworkAndFiles, || {
            cover("/etc/hosts", HOSTS);
            let _server = silent_server("timeout:30 attempts:2");
            let ask = |n| Call::start(move || resolve("tcp4", &format!("slow-{n}.example:80"), -1));
            let _waiting: Vec<_> = (0..300).map(ask).collect();
            for address in ["localhost:http", "LocalHost:80", "one:http", "127.0.0.1:http", ":http"] {
                assert!(resolve("tcp4", address, LONG_US / 4).is_ok(), "{address}");
            }
        });
    }

    #[test]
    fn a_resolver_that_gives_up_by_itself_says_so() {
        let test = "names::namespaces::a_resolver_that_gives_up_by_itself_says_so";
        run(test, View::NetworkAndFiles, || {
            let _server = silent_server("timeout:1 attempts:1");
            expect_unresolved("tcp4", "slow.example:80", -1, "EAI_AGAIN");
        });
    }
}
