//! The operating system's own sockets: lent, adopted, given away, handed to a program that is started; and pairs.
//! Not here: pipes and terminals (`pipes`), and fork.

use crate::own::*;
use crate::peers::*;
use crate::support::*;
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ptr::null_mut;

const SHORT_US: i64 = 50 * ANYSOCK_MILLISECOND;

/// A socket of the system's own making.
fn raw_socket(family: Domain, kind: Type) -> Socket {
    Socket::new_raw(family, kind, None).unwrap()
}

/// Gives a socket to the library.
#[track_caller]
fn adopt(socket: Socket) -> Own {
    own(expect(anysock_adopt(given(socket))))
}

// Sockets.

#[test]
fn a_connection_from_elsewhere_is_adopted_and_given_back_as_it_was() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (blocking, inherited) in [(true, true), (true, false), (false, true), (false, false)] {
        // Windows does not tell in which mode a socket is: there it is given back in the one in which sockets are born.
        let blocking = blocking || cfg!(windows);
        let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let there = listener.accept().unwrap().0;
        there.set_nonblocking(!blocking).unwrap();
        let there = Socket::from(there);
        let number = lent(&there);
        set_inherited(number, inherited);
        let handle = adopt(there);
        assert_eq!(anysock_fd(*handle), number);
        assert_eq!(is_blocking(number), blocking && !cfg!(windows));
        assert_eq!(is_inherited(number), inherited);
        assert_eq!(get(*handle, "inherit"), Ok(inherited.into()));
        assert_eq!(get_text(*handle, "kind").as_deref(), Ok("tcp4"));
        assert_eq!(peer_address(*handle), here.local_addr().unwrap().to_string());
        std::io::Write::write_all(&mut here, b"hello").unwrap();
        assert_eq!(read(*handle, &mut [0; 8]), 5);
        expect_error(connect(*handle, "127.0.0.1:9"), "EISCONN");

        assert_eq!(anysock_release(*handle), number);
        expect_error(read(*handle, &mut [0; 8]), "EBADF");
        expect_error(anysock_close(*handle), "EBADF");
        assert_eq!((is_blocking(number), is_inherited(number)), (blocking, inherited));
        let mut there = taken(number);
        std::io::Write::write_all(&mut there, b"still there").unwrap();
        drop(there);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut here, &mut text).unwrap();
        assert_eq!(text, "still there");
    }
}

#[test]
fn closing_an_adopted_handle_closes_the_descriptor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(adopt(listener.accept().unwrap().0.into()));
    assert_eq!(std::io::Read::read(&mut here, &mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_listener_from_elsewhere_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = adopt(listener.into());
    assert_eq!(get(*handle, "listening"), Ok(1));
    assert_eq!(local_address(*handle), address.to_string());
    expect(set(*handle, "accept_timeout", 0));
    expect_error(anysock_accept(*handle), "EAGAIN");
    let client = TcpStream::connect(address).unwrap();
    expect(set(*handle, "accept_timeout", LONG_US));
    let server = own(expect(anysock_accept(*handle)));
    assert_eq!(peer_address(*server), client.local_addr().unwrap().to_string());
    expect_error(connect(*handle, "127.0.0.1:9"), "EOPNOTSUPP");
}

#[test]
fn a_new_socket_from_elsewhere_connects_and_listens() {
    let listener = adopt(raw_socket(Domain::IPV4, Type::STREAM));
    expect_error(read(*listener, &mut [0; 8]), "ENOTCONN");
    expect(bind(*listener, "127.0.0.1:0"));
    expect(anysock_listen(*listener, 0));
    let client = adopt(raw_socket(Domain::IPV4, Type::STREAM));
    assert_eq!(connect(*client, &local_address(*listener)), 0);
    drop(own(expect(anysock_accept(*listener))));
}

/// Windows does not tell of a socket that it is connecting.
#[cfg(unix)]
#[test]
fn a_socket_that_is_connecting_is_adopted_in_the_middle_of_it() {
    let mut silent = Silent::new("tcp4");
    let socket = raw_socket(Domain::IPV4, Type::STREAM);
    socket.set_nonblocking(true).unwrap();
    let address: std::net::SocketAddr = silent.address().parse().unwrap();
    let error = socket.connect(&address.into()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
    socket.set_nonblocking(false).unwrap();
    let client = adopt(socket);
    expect(set(*client, "connect_timeout", 0));
    expect_error(connect(*client, ""), "EALREADY");
    assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE, 0), 0);
    silent.wake();
    assert_eq!(select_one(*client, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, LONG_US), ANYSOCK_EVENT_WRITE);
    assert_eq!(connect(*client, ""), 0);
    expect_error(connect(*client, ""), "EISCONN");
    let server = own(expect(anysock_accept(*silent.listener)));
    assert_eq!(write(*client, b"hello"), 5);
    assert_eq!(read(*server, &mut [0; 8]), 5);
    // It was blocking when it came.
    let number = expect(anysock_release(*client));
    assert!(is_blocking(number));
    drop(taken(number));
}

#[test]
fn every_kind_is_recognised() {
    let kinds = [
        (Domain::IPV4, Type::DGRAM, "udp4"),
        (Domain::IPV4, Type::STREAM, "tcp4"),
        (Domain::IPV6, Type::DGRAM, "udp6"),
        (Domain::IPV6, Type::STREAM, "tcp6"),
        (Domain::UNIX, Type::STREAM, "unix"),
        (Domain::UNIX, Type::DGRAM, "unixgram"),
        (Domain::UNIX, Type::SEQPACKET, "unixpacket"),
    ];
    for (family, transport, kind) in kinds.into_iter().filter(|(.., kind)| has(kind) == 1) {
        assert_eq!(get_text(*adopt(raw_socket(family, transport)), "kind").as_deref(), Ok(kind));
    }
    let bound = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(get_text(*adopt(bound.into()), "kind").as_deref(), Ok("udp4"));
}

#[test]
fn what_can_not_be_adopted_stays_as_it_was() {
    let mut file = File::open(std::env::current_exe().unwrap()).unwrap();
    expect_error(anysock_adopt(number_of(&file)), "ENOTSOCK");
    std::io::Read::read_exact(&mut file, &mut [0; 2]).unwrap();
    #[cfg(unix)]
    {
        let directory = File::open(std::env::temp_dir()).unwrap();
        for what in [&file, &directory] {
            let blocking = is_blocking(number_of(what));
            expect_error(anysock_adopt(number_of(what)), "ENOTSOCK");
            assert_eq!(is_blocking(number_of(what)), blocking);
        }
    }
    #[cfg(target_os = "linux")]
    {
        let stranger = raw_socket(Domain::from(libc::AF_NETLINK), Type::RAW);
        expect_error(anysock_adopt(lent(&stranger)), "EAFNOSUPPORT");
        assert!(is_blocking(lent(&stranger)));
    }
    for number in [-1, -100, 1_000_000, i64::from(i32::MAX) - 1, 1 << 32, i64::MAX, i64::MIN] {
        assert_eq!(name(anysock_adopt(number)), "EBADF", "{number}");
    }
}

#[test]
fn a_socket_that_the_library_opened_is_released_blocking_under_its_number() {
    for kind in stream_kinds() {
        let (client, server) = connected(kind);
        let released = [client, server].map(|socket| {
            let fd = expect(anysock_fd(*socket));
            assert_eq!(is_blocking(fd), !cfg!(windows));
            assert!(!is_inherited(fd));
            assert_eq!(anysock_release(*socket), fd);
            assert!(is_blocking(fd));
            taken(fd)
        });
        drop(released);
    }
}

#[test]
fn release_ends_the_calls_that_run() {
    let (client, server) = connected("tcp4");
    let (handle, fd) = (*server, expect(anysock_fd(*server)));
    let call = Call::blocked(move || read(handle, &mut [0; 8]));
    assert_eq!(anysock_release(handle), fd);
    expect_error(call.result(), "ECANCELED");
    assert_eq!(write(*client, b"hello"), 5);
    let mut server = taken(fd);
    assert_eq!(std::io::Read::read(&mut server, &mut [0; 8]).unwrap(), 5);
}

#[test]
fn a_released_socket_has_left_its_pollers() {
    let (client, server) = connected("tcp4");
    let poller = poller();
    expect(anysock_poller_set(*poller, *server, ANYSOCK_EVENT_READ, 7));
    let fd = expect(anysock_release(*server));
    assert_eq!(write(*client, b"hello"), 5);
    assert_eq!(poller_wait_code(*poller, 4, SHORT_US), 0);
    drop(taken(fd));
}

#[test]
fn a_handle_without_a_descriptor_of_its_own_lends_and_releases_none() {
    for kind in ["tcp", "udp"] {
        let socket = open(kind);
        expect_error(anysock_fd(*socket), "ENOTCONN");
        expect_error(anysock_release(*socket), "ENOTCONN");
        expect(bind(*socket, "127.0.0.1:0"));
        let fd = expect(anysock_fd(*socket));
        assert_eq!(anysock_release(*socket), fd);
        drop(taken(fd));
    }
    for number in [0, -1, i64::MAX] {
        expect_error(anysock_fd(number), "EBADF");
        expect_error(anysock_release(number), "EBADF");
    }
}

// Programs that are started.

/// Starts this test program once more for one of its tests alone, with two listeners, of which the first may be
/// inherited: there the environment has their numbers.
fn start_with(test: &str, handed: i64, kept: i64) -> std::process::Child {
    assert_eq!((get(handed, "inherit"), get(kept, "inherit")), (Ok(0), Ok(0)));
    expect(set(handed, "inherit", 1));
    let numbers = format!("{} {}", expect(anysock_fd(handed)), expect(anysock_fd(kept)));
    let _alone = a_child();
    this_program()
        .args(["--nocapture", "--exact", test])
        .env("ANYSOCK_TEST_HANDED", numbers)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// In the program that [`start_with`] has started: the numbers.
fn handed() -> Option<(i64, i64)> {
    let numbers = std::env::var("ANYSOCK_TEST_HANDED").ok()?;
    let (handed, kept) = numbers.split_once(' ')?;
    Some((handed.parse().unwrap(), kept.parse().unwrap()))
}

#[test]
fn a_program_that_is_started_has_what_it_may_inherit_and_nothing_else() {
    if let Some((handed, kept)) = handed() {
        assert!(anysock_adopt(kept) < 0, "a socket that is not to be inherited has come along");
        let own = |number| std::mem::ManuallyDrop::new(taken(number)).local_addr();
        assert!(own(handed).unwrap().as_socket().unwrap().ip().is_loopback());
        return;
    }
    let (handed, kept) = (listener("tcp4"), listener("tcp4"));
    let test = "descriptors::a_program_that_is_started_has_what_it_may_inherit_and_nothing_else";
    assert!(start_with(test, *handed, *kept).wait().unwrap().success());
}

#[test]
fn a_program_that_is_started_adopts_what_it_has_inherited() {
    if let Some((handed, _)) = handed() {
        let listener = own(expect(anysock_adopt(handed)));
        let connection = own(expect(anysock_accept(*listener)));
        assert_eq!(write_all(*connection, b"from the child"), 14);
        return;
    }
    let (handed, kept) = (listener("tcp4"), listener("tcp4"));
    let test = "descriptors::a_program_that_is_started_adopts_what_it_has_inherited";
    let mut child = start_with(test, *handed, *kept);
    let address = local_address(*handed);
    drop(handed);
    let client = open("tcp4");
    expect(connect(*client, &address));
    let mut room = [0; 32];
    assert_eq!(read_full(*client, &mut room), 14);
    assert_eq!(&room[..14], b"from the child");
    assert!(child.wait().unwrap().success());
}

// Pairs.

#[test]
fn both_ends_of_a_pair_talk_to_each_other() {
    let mut kinds = [vec!["unix"], here(&["unixgram", "unixpacket", "tcp", "tcp4"])].concat();
    if has_ipv6() {
        kinds.push("tcp6");
    }
    for kind in kinds {
        let (one, other) = pair(kind);
        assert_ne!(one, other);
        for (from, to) in [(&one, &other), (&other, &one)] {
            assert_eq!(write(**from, b"hello"), 5);
            let mut room = [0; 8];
            assert_eq!(read(**to, &mut room), 5, "{kind}");
            assert_eq!(&room[..5], b"hello");
        }
        if kind.starts_with("tcp") {
            assert_eq!(peer_address(*one), local_address(*other));
            assert_eq!(peer_address(*other), local_address(*one));
        }
        if kind != "unixgram" {
            expect_error(connect(*one, ""), "EISCONN");
            expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
            assert_eq!(read(*other, &mut [0; 8]), 0);
        }
    }
}

#[test]
fn a_pair_of_what_has_none_leaves_its_places_alone() {
    let (mut first, mut second) = (-7, -7);
    for (kind, error) in [
        ("udp", "EOPNOTSUPP"),
        ("udp4", "EOPNOTSUPP"),
        ("ip4:icmp", "EOPNOTSUPP"),
        ("pipe", "EINVAL"),
        ("", "EINVAL"),
    ] {
        // SAFETY: the text is NUL-terminated, both places live through the call.
        expect_error(unsafe { anysock_pair(text(kind).as_ptr(), &mut first, &mut second) }, error);
    }
    // SAFETY: NULL is what is tested.
    unsafe {
        expect_error(anysock_pair(text("unix").as_ptr(), null_mut(), &mut second), "EFAULT");
        expect_error(anysock_pair(text("unix").as_ptr(), &mut first, null_mut()), "EFAULT");
        expect_error(anysock_pair(std::ptr::null(), &mut first, &mut second), "EFAULT");
    }
    assert_eq!((first, second), (-7, -7));
}

/// In a network of its own.
#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;

    /// A stranger who knocks at all ports all the time gets to a pair's listener now and then, and gets no end of it.
    #[test]
    fn a_stranger_never_gets_an_end_of_a_pair() {
        use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
        static HITS: AtomicUsize = AtomicUsize::new(0);
        static DONE: AtomicBool = AtomicBool::new(false);
        const PORTS: std::ops::Range<u16> = 40_000..40_016;

        fn knock() {
            while !DONE.load(Ordering::Relaxed) {
                for port in PORTS {
                    let stranger = open("tcp4");
                    // Its own port is none of those, and free again when it has gone.
                    expect(bind(*stranger, "127.0.0.1:50000"));
                    expect(set(*stranger, "linger", 0));
                    if connect(*stranger, &format!("127.0.0.1:{port}")) == 0 {
                        HITS.fetch_add(1, Ordering::Relaxed);
                        // A listener that closes in the middle of a handshake may forget to say so; asked, the system answers.
                        write(*stranger, b"anybody?");
                        expect(set(*stranger, "read_timeout", LONG_US));
                        let end = read(*stranger, &mut [0; 8]);
                        assert!(end == 0 || name(end) == "ECONNRESET", "{end}");
                    }
                }
            }
        }

        child::run(
            "descriptors::namespaces::a_stranger_never_gets_an_end_of_a_pair",
            child::View::Network,
            || {
                let range = format!("{} {}", PORTS.start, PORTS.end - 1);
                std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", range).unwrap();
                let stranger = Call::start(knock);
                let end = std::time::Instant::now() + LONG / 2;
                while HITS.load(Ordering::Relaxed) < 20 {
                    assert!(std::time::Instant::now() < end, "the stranger has never got in between");
                    let (mut one, mut other) = (0, 0);
                    // SAFETY: the text is NUL-terminated, both places live through the call.
                    expect(unsafe { anysock_pair(text("tcp").as_ptr(), &mut one, &mut other) });
                    let (one, other) = (own(one), own(other));
                    assert_eq!(peer_address(*one), local_address(*other));
                    assert_eq!(peer_address(*other), local_address(*one));
                    assert_eq!(write(*one, b"secret"), 6);
                    assert_eq!(read(*other, &mut [0; 8]), 6);
                    expect(set(*one, "linger", 0));
                }
                DONE.store(true, Ordering::Relaxed);
                stranger.result();
            },
        );
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn the_protocol_of_a_socket_from_elsewhere_is_its_own() {
        const MPTCP: i32 = 262;
        const UDP_LITE: i32 = 136;
        let sorts = [
            (Type::STREAM, libc::IPPROTO_TCP, "tcp4"),
            (Type::STREAM, MPTCP, "tcp4"),
            (Type::DGRAM, libc::IPPROTO_UDP, "udp4"),
            (Type::DGRAM, UDP_LITE, "udp4"),
        ];
        for (transport, protocol, kind) in sorts {
            let Ok(socket) = Socket::new(Domain::IPV4, transport, Some(protocol.into())) else {
                skip(&format!("no protocol {protocol}"));
                continue;
            };
            let handle = adopt(socket);
            assert_eq!(get_text(*handle, "kind").as_deref(), Ok(kind));
            assert_eq!(get(*handle, "protocol"), Ok(protocol.into()));
            assert_eq!(get(*handle, "type"), Ok(i64::from(i32::from(transport))));
        }
        for (kind, protocol) in [("tcp", 6), ("udp", 17), ("unix", 0), ("unixgram", 0)] {
            assert_eq!(get(*open(kind), "protocol"), Ok(protocol));
        }
    }
}
