//! How a connection has ended, and what errors mean for it: which ones stay, which are over once they were told, and that
//! nobody's look takes them from another. Not here: readiness itself (`readiness`).

#![cfg_attr(not(unix), allow(dead_code, unused_imports, reason = "what only Unix can be asked"))]

use crate::own::*;
use crate::peers::*;
use crate::support::*;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// How a connection of the system's own making has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The peer has reset it.
    Reset,
    /// The peer has sent some bytes before.
    ResetBehindData,
    /// Both sides have finished, the peer after some bytes.
    Finished,
    /// There never was one.
    ConnectFailed,
}

const DATA: &[u8] = b"answer";

impl Ending {
    const ALL: [Self; 4] = [Self::Reset, Self::ResetBehindData, Self::Finished, Self::ConnectFailed];

    /// Whether bytes are queued.
    fn has_data(self) -> bool {
        matches!(self, Self::ResetBehindData | Self::Finished)
    }

    /// What reads say at last.
    fn last(self) -> &'static str {
        match self {
            Self::Reset | Self::ResetBehindData => "ECONNRESET",
            Self::Finished => "OK",
            Self::ConnectFailed => "ECONNREFUSED",
        }
    }

    /// A socket whose connection has ended so. Neither its bytes nor its error have been read.
    pub fn brought_about(self, kind: &str) -> Socket {
        let host = if kind == "tcp6" { "[::1]:0" } else { "127.0.0.1:0" };
        let listener = TcpListener::bind(host).unwrap();
        let address = listener.local_addr().unwrap();
        if self == Self::ConnectFailed {
            drop(listener);
            return failed_connect(address);
        }
        let client = Socket::from(std::net::TcpStream::connect(address).unwrap());
        let server = Socket::from(listener.accept().unwrap().0);
        if self == Self::Finished {
            server.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!((&client).read(&mut [0]).unwrap(), 0);
        }
        if self.has_data() {
            (&client).write_all(DATA).unwrap();
        }
        if self != Self::Finished {
            client.set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(client);
        until("the end", || server.peer_addr().is_err());
        server
    }
}

fn failed_connect(address: SocketAddr) -> Socket {
    let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    client.set_nonblocking(true).unwrap();
    // It is on its way, or was refused on the spot.
    let _ = client.connect(&SockAddr::from(address));
    let handle = own(expect(anysock_borrow(lent(&client))));
    assert_eq!(select_one(*handle, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
    client
}

/// What is found behind the bytes that are there: three reads of one kind or another.
#[track_caller]
fn expect_ended(h: i64, how: Ending, kind: &str) {
    expect(set(h, "timeout", LONG_US));
    let mut room = [0; 32];
    if how.has_data() {
        assert_eq!(read(h, &mut room), DATA.len() as i64, "{kind} {how:?}");
        assert_eq!(&room[..DATA.len()], DATA);
    }
    let reads: [&dyn Fn() -> i64; 4] = [
        &|| read(h, &mut [0; 8]),
        &|| recv(h, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT),
        &|| readv(h, &mut [&mut [0; 4], &mut [0; 4]]),
        &|| read_full(h, &mut [0; 8]),
    ];
    for (place, read) in reads.iter().enumerate() {
        assert_eq!(name(read()), how.last(), "{kind} {how:?}: read {place}");
    }
}

/// SO_ERROR by the system's own numbers.
#[track_caller]
fn so_error(h: i64) -> i32 {
    let mut number = [0xee; 4];
    let (level, option) = SO_ERROR;
    // SAFETY: the place has four bytes.
    let length = expect(unsafe { anysock_get_raw(h, level, option, number.as_mut_ptr().cast(), 4) });
    assert_eq!(length, 4);
    i32::from_ne_bytes(number)
}

#[cfg(unix)]
const SO_ERROR: (i32, i32) = (libc::SOL_SOCKET, libc::SO_ERROR);
#[cfg(windows)]
const SO_ERROR: (i32, i32) = {
    use windows_sys::Win32::Networking::WinSock as ws;
    (ws::SOL_SOCKET, ws::SO_ERROR)
};

fn tcp_kinds() -> Vec<&'static str> {
    if has_ipv6() { vec!["tcp4", "tcp6"] } else { vec!["tcp4"] }
}

// What came from elsewhere.

#[cfg(unix)]
mod not_windows {
    use super::*;

    #[test]
    fn what_came_in_a_message_says_how_it_has_ended() {
        for kind in tcp_kinds() {
            for how in Ending::ALL {
                let plain = own(expect(anysock_borrow(given(how.brought_about(kind)))));
                let received = crate::messages::handles::pass("unix", &[*plain]);
                expect_ended(*received[0], how, kind);
                drop(taken(anysock_fd(*plain)));
            }
        }
    }

    #[test]
    fn what_ended_elsewhere_says_how_as_often_as_it_is_asked() {
        for kind in tcp_kinds() {
            for how in Ending::ALL {
                let handle = own(expect(anysock_adopt(given(how.brought_about(kind)))));
                expect_ended(*handle, how, kind);
                let handle = own(expect(anysock_adopt(given(how.brought_about(kind)))));
                if how == Ending::ConnectFailed {
                    expect_error(connect(*handle, "127.0.0.1:1"), how.last());
                }
                if how == Ending::Reset {
                    assert_eq!(get(*handle, "error").map(name).as_deref(), Ok(how.last()));
                    expect_error(write(*handle, b"x"), how.last());
                }
                expect_ended(*handle, how, kind);
            }
        }
    }

    /// As the system's own reads: each error once.
    #[test]
    fn a_native_handle_of_what_ended_elsewhere_says_it_once() {
        for kind in tcp_kinds() {
            for how in Ending::ALL {
                let handle = own(expect(anysock_adopt(given(how.brought_about(kind)))));
                expect(set(*handle, "native", 1));
                let asked = ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE;
                assert_eq!(select_one(*handle, asked, LONG_US), asked, "{kind} {how:?}");
                if how.has_data() {
                    assert_eq!(read(*handle, &mut [0; 32]), DATA.len() as i64, "{kind} {how:?}");
                }
                assert_eq!(name(read(*handle, &mut [0; 8])), how.last(), "{kind} {how:?}");
                assert_eq!(read(*handle, &mut [0; 8]), 0, "{kind} {how:?}");
                assert_eq!(select_one(*handle, asked, LONG_US), asked, "{kind} {how:?}");
                // The same by SO_ERROR.
                if !how.has_data() {
                    let handle = own(expect(anysock_adopt(given(how.brought_about(kind)))));
                    expect(set(*handle, "native", 1));
                    assert_ne!(so_error(*handle), 0, "{kind} {how:?}");
                    assert_eq!(so_error(*handle), 0, "{kind} {how:?}");
                    assert_eq!(read(*handle, &mut [0; 8]), 0, "{kind} {how:?}");
                }
            }
        }
    }

    /// Of a descriptor that stays somebody else's, the system alone knows.
    #[test]
    fn what_was_borrowed_is_ready_and_says_what_the_system_says() {
        for kind in tcp_kinds() {
            for how in Ending::ALL {
                let socket = how.brought_about(kind);
                let handle = own(expect(anysock_borrow(lent(&socket))));
                let asked = ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE;
                assert_eq!(select_one(*handle, asked, LONG_US), asked, "{kind} {how:?}");
                if how.has_data() {
                    assert_eq!(read(*handle, &mut [0; 32]), DATA.len() as i64, "{kind} {how:?}");
                }
                assert_eq!(name(read(*handle, &mut [0; 8])), how.last(), "{kind} {how:?}");
            }
        }
    }

    #[test]
    fn where_the_error_goes_the_kernel_says_whether_it_can() {
        let (one, _other) = connected("tcp4");
        let (level, option) = SO_ERROR;
        // SAFETY: memory that is not there is what the call is asked about.
        let code = unsafe { anysock_get_raw(*one, level, option, 8 as *mut _, 4) };
        expect_error(code, "EFAULT");
        let mut short = [0xee_u8; 2];
        // SAFETY: two bytes are there.
        let length = unsafe { anysock_get_raw(*one, level, option, short.as_mut_ptr().cast(), 2) };
        if cfg!(target_os = "linux") {
            assert_eq!((length, short), (2, [0; 2]));
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// As connect(2): of an attempt that has failed it tells once, and then makes another.
    #[test]
    fn a_native_connect_tells_how_an_attempt_has_failed_elsewhere() {
        let handle = own(expect(anysock_adopt(given(Ending::ConnectFailed.brought_about("tcp4")))));
        expect(set(*handle, "native", 1));
        expect(set(*handle, "timeout", LONG_US));
        let listener = listener("tcp4");
        let address = crate::flat::parse("tcp4", &local_address(*listener)).unwrap();
        expect_error(crate::native::connect_flat(*handle, &address), "ECONNREFUSED");
        expect(crate::native::connect_flat(*handle, &address));
        assert_eq!(write(*handle, b"x"), 1);
    }

    /// A peer of AF_UNIX that has not read all that it was sent is gone for good.
    #[test]
    fn a_stream_of_af_unix_says_how_it_has_ended_wherever_it_came_from() {
        for kind in ["unix", "unixpacket"] {
            for unread in [false, true] {
                for adopted in [false, true] {
                    let (one, other) = connected(kind);
                    if unread {
                        assert_eq!(write(*one, b"never read"), 10);
                    }
                    drop(other);
                    let one =
                        if adopted { own(expect(anysock_adopt(expect(anysock_release(*one))))) } else { one };
                    assert_eq!(select_one(*one, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
                    let expected = if unread { "ECONNRESET" } else { "OK" };
                    for _ in 0..3 {
                        assert_eq!(name(read(*one, &mut [0; 8])), expected, "{kind} {unread} {adopted}");
                    }
                    assert_eq!(get(*one, "error").map(name).as_deref(), Ok(expected));
                }
            }
        }
    }
}

// SO_ERROR.

#[test]
fn the_systems_own_option_tells_once_what_a_wait_has_seen() {
    for kind in stream_kinds().into_iter().filter(|kind| *kind != "tcp") {
        let socket = open(kind);
        expect(set(*socket, "connect_timeout", 0));
        let nobody = local_address(*bound(kind));
        let started = name(connect(*socket, &nobody));
        assert!(["EINPROGRESS", "ECONNREFUSED"].contains(&started.as_str()), "{kind}: {started}");
        assert_eq!(select_one(*socket, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
        assert_ne!(so_error(*socket), 0, "{kind}");
        assert_eq!(so_error(*socket), 0, "{kind}");
        expect_error(connect(*socket, &nobody), "ECONNREFUSED");
        assert_eq!(get(*socket, "error").map(name).as_deref(), Ok("ECONNREFUSED"), "{kind}");
    }
}

/// Of a connection that the peer has reset.
mod resets {
    use super::*;

    #[test]
    fn nobody_takes_an_error_from_another() {
        if !need_resets() {
            return;
        }
        for kind in tcp_kinds() {
            let look_raw = |h: i64| assert_ne!(so_error(h), 0);
            let look = |h: i64| assert_eq!(get(h, "error").map(name).as_deref(), Ok("ECONNRESET"));
            let looks: [&dyn Fn(i64); 4] =
                [&look_raw, &look, &|h| (look(h), look_raw(h)).1, &|h| (look_raw(h), look(h)).1];
            for look in looks {
                let (one, other) = connected(kind);
                expect(set(*other, "linger", 0));
                drop(other);
                assert_eq!(select_one(*one, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
                look(*one);
                for _ in 0..3 {
                    expect_error(read(*one, &mut [0; 8]), "ECONNRESET");
                }
            }
        }
    }

    /// An error about the call is none about the connection.
    #[test]
    fn a_call_with_bad_memory_leaves_the_connection_as_it_ended() {
        if !need_resets() {
            return;
        }
        for kind in tcp_kinds() {
            let (one, other) = connected(kind);
            expect(set(*other, "linger", 0));
            drop(other);
            assert_eq!(select_one(*one, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
            // SAFETY: the kernel checks the memory.
            let code = unsafe { anysock_write(*one, 8 as *const _, 8) };
            assert!(["EFAULT", "ECONNRESET"].contains(&name(code).as_str()), "{}", name(code));
            for _ in 0..2 {
                expect_error(read(*one, &mut [0; 8]), "ECONNRESET");
            }
            let (one, other) = connected(kind);
            drop(other);
            assert_eq!(read(*one, &mut [0; 8]), 0);
            // There is no urgent data.
            assert!(recv(*one, &mut [0; 8], ANYSOCK_FLAG_OOB) <= 0);
            assert_eq!(read(*one, &mut [0; 8]), 0);
        }
    }
}

/// Of a datagram that was refused.
mod refusals {
    use super::*;

    #[test]
    fn the_systems_own_option_tells_what_a_datagram_socket_would() {
        if !need_refusals() {
            return;
        }
        let socket = connected_to_nobody("udp4");
        write(*socket, b"anybody?");
        until("the refusal", || get(*socket, "error") != Ok(0));
        assert_ne!(so_error(*socket), 0);
        assert_eq!(so_error(*socket), 0);
        expect_error(recv(*socket, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

/// In a network of their own.
#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;

    const PEER: &str = "fd10::2";

    fn ip(command: &str) {
        let words = command.split(' ');
        let output = std::process::Command::new("ip").arg("-6").args(words).output().unwrap();
        assert!(output.status.success(), "ip -6 {command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Two addresses of this machine that have a connection: the client and the server.
    fn connection() -> (Own, Own) {
        let listener = open("tcp6");
        expect(bind(*listener, &format!("[{PEER}]:0")));
        expect(anysock_listen(*listener, 0));
        let client = open("tcp6");
        expect(bind(*client, "[fd10::1]:0"));
        expect(set(*client, "tcp.user_timeout", 300_000));
        expect(connect(*client, &local_address(*listener)));
        (client, own(expect(anysock_accept(*listener))))
    }

    fn take_route_away(instead: &str) {
        ip(&format!("route del local {PEER} dev lo table local"));
        ip(&format!("route add {instead} {PEER}/128 metric 1"));
    }

    fn give_route_back(instead: &str) {
        ip(&format!("route del {instead} {PEER}/128 metric 1"));
        ip(&format!("route add local {PEER} dev lo table local"));
    }

    fn has_ip() -> bool {
        let there = std::process::Command::new("ip").arg("-V").output().is_ok() && has_ipv6();
        if !there {
            skip("no ip(8), or no IPv6");
        }
        there
    }

    fn with_addresses(test: &str, body: impl FnOnce()) {
        if !has_ip() {
            return;
        }
        child::run(&format!("endings::namespaces::{test}"), child::View::Network, || {
            ip("addr add fd10::1/128 dev lo nodad");
            ip("addr add fd10::2/128 dev lo nodad");
            body();
        });
    }

    #[test]
    fn whatever_ended_a_connection_stays() {
        with_addresses("whatever_ended_a_connection_stays", || {
            for (route, error) in
                [("prohibit", "EACCES"), ("blackhole", "EINVAL"), ("unreachable", "EHOSTUNREACH")]
            {
                for looked_at in [false, true] {
                    let (client, _server) = connection();
                    take_route_away(route);
                    assert_eq!(write(*client, b"request"), 7);
                    expect(set(*client, "timeout", LONG_US));
                    if looked_at {
                        assert_eq!(select_one(*client, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
                        assert_eq!(get(*client, "error").map(name).as_deref(), Ok(error), "{route}");
                    }
                    for _ in 0..3 {
                        expect_error(read(*client, &mut [0; 8]), error);
                        expect_error(write(*client, b"more"), error);
                    }
                    assert_eq!(get(*client, "error").map(name).as_deref(), Ok(error), "{route}");
                    give_route_back(route);
                }
            }
        });
    }

    #[test]
    fn an_error_that_ends_nothing_is_told_and_does_not_stay() {
        with_addresses("an_error_that_ends_nothing_is_told_and_does_not_stay", || {
            for raw in [false, true] {
                let (client, server) = connection();
                expect(set(*client, "tcp.user_timeout", 0));
                take_route_away("unreachable");
                assert_eq!(write(*client, b"request"), 7);
                if raw {
                    until("the soft error", || so_error(*client) != 0);
                } else {
                    until("the soft error", || get(*client, "error") != Ok(0));
                }
                give_route_back("unreachable");
                assert_eq!(select_one(*client, ANYSOCK_EVENT_READ, 0), 0);
                expect_error(recv(*client, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
                expect(set(*server, "timeout", LONG_US));
                expect(set(*client, "timeout", LONG_US));
                assert_eq!(read(*server, &mut [0; 8]), 7);
                assert_eq!(write(*server, b"answer"), 6);
                assert_eq!(read(*client, &mut [0; 8]), 6);
                expect_error(recv(*client, &mut [0; 8], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
                assert_eq!(get(*client, "error"), Ok(0));
            }
        });
    }
}
