//! Native handles, and addresses in flat memory for bind, connect and names: what is there for a language's own socket module.
//! The same calls on usual handles are told apart where that is the point.

use crate::flat::{format, parse};
use crate::peers::*;
use crate::support::*;
use socket2::{Domain, Protocol, Type};
use std::ptr::null;

/// No address.
const fn nobody() -> anysock_address {
    anysock_address { family: 0, port: 0, length: 0, scope: 0, reserved: 0, bytes: [0; 112] }
}

/// As `anysock_open_raw`, which takes the system's own numbers: these are they.
fn open_raw_code(family: Domain, kind: Type, protocol: i32) -> i64 {
    anysock_open_raw(family.into(), kind.into(), protocol)
}

fn open_raw(family: Domain, kind: Type) -> Own {
    own(expect(open_raw_code(family, kind, 0)))
}

fn tcp() -> Own {
    open_raw(Domain::IPV4, Type::STREAM)
}

fn bind_flat(h: i64, address: &anysock_address) -> i64 {
    // SAFETY: the address lives through the call.
    unsafe { anysock_bind_flat(h, address) }
}

pub fn connect_flat(h: i64, address: &anysock_address) -> i64 {
    // SAFETY: the address lives through the call.
    unsafe { anysock_connect_flat(h, address) }
}

fn local_flat(h: i64) -> anysock_address {
    let mut address = nobody();
    // SAFETY: the place lives through the call.
    expect(unsafe { anysock_local_flat(h, &mut address) });
    address
}

pub fn peer_flat(h: i64) -> anysock_address {
    let mut address = nobody();
    // SAFETY: the place lives through the call.
    expect(unsafe { anysock_peer_flat(h, &mut address) });
    address
}

/// A native listener, and its address.
fn listening() -> (Own, anysock_address) {
    let listener = tcp();
    expect(bind_flat(*listener, &parse("tcp4", "127.0.0.1:0").unwrap()));
    expect(anysock_listen(*listener, 5));
    let address = local_flat(*listener);
    (listener, address)
}

/// The address of a port that refuses: the listener is gone.
fn refusing() -> anysock_address {
    listening().1
}

#[test]
fn usual_handles_take_flat_addresses_too() {
    for kind in here(&["tcp", "tcp4", "udp", "unix"]) {
        let (one, other) = (open(kind), open(kind));
        expect(bind_flat(*one, &parse(kind, &free_address(kind)).unwrap()));
        let address = local_flat(*one);
        assert_eq!(format(&address), Ok(local_address(*one)), "{kind}");
        if kind != "udp" {
            expect(anysock_listen(*one, 1));
        }
        expect(connect_flat(*other, &address));
        assert_eq!(format(&peer_flat(*other)), Ok(peer_address(*other)), "{kind}");
        if kind != "udp" {
            expect_error(connect_flat(*other, &address), "EISCONN");
            expect_error(bind_flat(*other, &address), "EINVAL");
        }
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for socket in [open("tcp"), tcp()] {
        for address in [nobody(), anysock_address { family: 2, length: 3, ..nobody() }] {
            expect_error(bind_flat(*socket, &address), "EINVAL");
            expect_error(connect_flat(*socket, &address), "EINVAL");
        }
        // SAFETY: NULL is refused before it is looked at.
        unsafe {
            expect_error(anysock_bind_flat(*socket, null()), "EFAULT");
            expect_error(anysock_connect_flat(*socket, null()), "EFAULT");
            expect_error(anysock_local_flat(*socket, std::ptr::null_mut()), "EFAULT");
            expect_error(anysock_peer_flat(*socket, std::ptr::null_mut()), "EFAULT");
        }
    }
    for kind in here(&["unix"]) {
        expect_error(bind_flat(*open(kind), &anysock_address { family: 1, ..nobody() }), "EINVAL");
    }
}

#[test]
fn raw_numbers_open_what_has_no_name() {
    let udp = i32::from(Protocol::UDP);
    let socket = own(expect(open_raw_code(Domain::IPV4, Type::DGRAM, udp)));
    assert_eq!(get_text(*socket, "kind"), Ok("udp4".to_owned()));
    assert_eq!(get(*socket, "native"), Ok(1));
    expect_error(open_raw_code(Domain::IPV4, Type::STREAM, udp), "EPROTONOSUPPORT");
    expect_error(open_raw_code(Domain::IPV4, Type::SEQPACKET, 0), "ESOCKTNOSUPPORT");
    expect_error(open_raw_code(Domain::from(-1), Type::STREAM, 0), "EAFNOSUPPORT");
    // There is such a family, but not here.
    #[cfg(target_os = "linux")]
    expect_error(open_raw_code(Domain::from(libc::AF_NETLINK), Type::RAW, 0), "EAFNOSUPPORT");
}

#[test]
fn native_is_for_good() {
    let socket = open("tcp4");
    assert_eq!(get(*socket, "native"), Ok(0));
    expect(set(*socket, "native", 0));
    expect(set(*socket, "native", 1));
    expect(set(*socket, "native", 1));
    expect_error(set(*socket, "native", 0), "EINVAL");
    assert_eq!(get(*socket, "native"), Ok(1));
    // Its descriptor is still to come.
    expect_error(set(*open("tcp"), "native", 1), "EINVAL");
    expect_error(set(*poller(), "native", 1), "ENOTSOCK");
}

#[test]
fn a_native_connect_may_be_tried_again() {
    let socket = tcp();
    let nowhere = refusing();
    for _ in 0..3 {
        expect_error(connect_flat(*socket, &nowhere), "ECONNREFUSED");
    }
    let (listener, address) = listening();
    expect(connect_flat(*socket, &address));
    expect_error(connect_flat(*socket, &address), "EISCONN");
    let server = own(expect(anysock_accept(*listener)));
    assert_eq!(write(*socket, b"x"), 1);
    assert_eq!(read(*server, &mut [0; 8]), 1);
    // Text leads there as well.
    let socket = tcp();
    expect_error(connect(*socket, &format(&nowhere).unwrap()), "ECONNREFUSED");
    expect(connect(*socket, &format(&address).unwrap()));
}

#[test]
fn the_outcome_of_a_native_connect_is_left_to_the_option_of_the_system() {
    #[cfg(unix)]
    use libc::{ECONNREFUSED, SO_ERROR, SOL_SOCKET};
    #[cfg(windows)]
    use windows_sys::Win32::Networking::WinSock::{SO_ERROR, SOL_SOCKET, WSAECONNREFUSED as ECONNREFUSED};
    let socket = tcp();
    expect(set(*socket, "timeout", 0));
    expect_error(connect_flat(*socket, &refusing()), "EINPROGRESS");
    // To Winsock an attempt that has failed is exceptional.
    assert_ne!(select_one(*socket, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT, ANYSOCK_SECOND * 30), 0);
    let mut error = [0u8; 4];
    // Winsock does not say whether it keeps it.
    for expected in &[ECONNREFUSED, 0][..if cfg!(windows) { 1 } else { 2 }] {
        // SAFETY: the memory lives through the call and is as long as it says.
        let length = unsafe { anysock_get_raw(*socket, SOL_SOCKET, SO_ERROR, error.as_mut_ptr().cast(), 4) };
        assert_eq!((length, i32::from_ne_bytes(error)), (4, *expected));
    }
}

/// Connects to who does not answer: one in vain, which is the result, and one that is closed while it waits.
fn late_and_closed(open: impl Fn() -> Own, address: anysock_address) -> Own {
    let late = open();
    expect(set(*late, "timeout", 1000));
    expect_error(connect_flat(*late, &address), "ETIMEDOUT");
    let closed = open();
    let handle = *closed;
    let blocked = Call::blocked(move || connect_flat(handle, &address));
    expect(anysock_close(handle));
    expect_error(blocked.result(), "ECANCELED");
    late
}

#[test]
fn a_native_connect_hears_close_and_timeout_and_goes_on() {
    let mut silent = Silent::new("tcp4");
    let address = parse("tcp4", &silent.address()).unwrap();
    let late = late_and_closed(tcp, address);
    expect_error(connect_flat(*late, &address), "EALREADY");
    silent.wake();
    assert_eq!(select_one(*late, ANYSOCK_EVENT_WRITE, LONG_US), ANYSOCK_EVENT_WRITE);
    expect(write(*late, b"x"));
}

#[test]
fn nothing_is_set_unasked_on_a_native_handle() {
    let (native, _) = listening();
    let default = if cfg!(windows) { "exclusive_address" } else { "reuse_address" };
    assert_eq!(get(*native, default), Ok(0));
    assert_eq!(get(*listener("tcp4"), default), Ok(1));
    assert_eq!(get(*native, "listening"), Ok(1));
    if has_ipv6() {
        // As the machine is set up, which for the usual handle does not count.
        let default = match cfg!(windows) {
            true => Ok("1".to_owned()),
            false => std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only"),
        };
        let default = default.map_or(0, |text| text.trim().parse().unwrap());
        assert_eq!(get(*open_raw(Domain::IPV6, Type::STREAM), "ipv6.only"), Ok(default));
        assert_eq!(get(*open("tcp6"), "ipv6.only"), Ok(1));
    }
}

#[test]
fn what_comes_after_this_side_has_shut_reading_is_the_systems_affair() {
    let (listener, address) = listening();
    let client = tcp();
    expect(connect_flat(*client, &address));
    let server = own(expect(anysock_accept(*listener)));
    expect(anysock_shutdown(*client, ANYSOCK_SHUT_READ));
    if cfg!(windows) {
        // Winsock refuses, where a usual handle has the end of the stream.
        return expect_error(read(*client, &mut [0; 8]), "EPIPE");
    }
    assert_eq!(read(*client, &mut [0; 8]), 0);
    if !cfg!(target_os = "linux") {
        return;
    }
    assert_eq!(write(*server, b"late"), 4);
    until("the bytes have come", || read(*client, &mut [0; 8]) == 4);
}

#[test]
fn what_a_datagram_tells_comes_raw() {
    let (receiver, sender) = (bound("udp4"), open("udp4"));
    expect(set(*receiver, "ip.packet_info", 1));
    expect(set(*receiver, "native", 1));
    assert_eq!(send_to(*sender, b"x", 0, &local_address(*receiver)), 1);
    let (mut data, mut room) = ([0u8; 8], [0u64; 16]);
    let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: data.len() }];
    let mut message = anysock_message {
        raw_control: room.as_mut_ptr().cast(),
        raw_length: size_of_val(&room),
        ..message_of(&mut buffers)
    };
    // SAFETY: everything lives through the call and is as long as it says.
    assert_eq!(unsafe { anysock_recv_message(*receiver, &mut message, 0) }, 1);
    assert_eq!(message.flags, 0);
    // A header that begins with its own length, and the address that it was sent to.
    let told: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).take(message.raw_length).collect();
    assert!((16..=told.len()).contains(&(room[0] as usize)), "{told:?}");
    assert!(told.windows(4).any(|bytes| bytes == [127, 0, 0, 1]), "{told:?}");
}

/// What Linux says, and what it sends beside data.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_native_connect_waits_for_a_full_listener_and_hears_close_and_timeout() {
        let listener = open_raw(Domain::UNIX, Type::STREAM);
        // Linux chooses a name for it.
        expect(bind_flat(*listener, &anysock_address { family: 1, ..nobody() }));
        expect(anysock_listen(*listener, 0));
        let address = local_flat(*listener);
        assert_eq!((address.family, address.bytes[0]), (1, 0));
        let unix = || open_raw(Domain::UNIX, Type::STREAM);
        let mut waiting = Vec::new();
        loop {
            let socket = unix();
            expect(set(*socket, "timeout", 0));
            let code = connect_flat(*socket, &address);
            if code != 0 {
                expect_error(code, "EAGAIN");
                break;
            }
            waiting.push(socket);
        }
        let late = late_and_closed(unix, address);
        expect(set(*late, "timeout", -1));
        let handle = *late;
        let blocked = Call::blocked(move || connect_flat(handle, &address));
        drop(own(expect(anysock_accept(*listener))));
        expect(blocked.result());
    }

    #[test]
    fn a_native_socket_says_what_the_system_says() {
        let socket = tcp();
        expect_error(write(*socket, b"x"), "EPIPE");
        expect_error(write(*open("tcp4"), b"x"), "ENOTCONN");
        let datagrams = open_raw(Domain::IPV4, Type::DGRAM);
        expect_error(write(*datagrams, b"x"), "EDESTADDRREQ");
        // Linux calls it ready: it hangs up.
        assert_ne!(select_one(*socket, ANYSOCK_EVENT_WRITE, 0), 0);
        // A listener that is shut wakes who accepts.
        let (listener, _) = listening();
        let handle = *listener;
        let blocked = Call::blocked(move || anysock_accept(handle));
        expect(anysock_shutdown(*listener, ANYSOCK_SHUT_READ));
        expect_error(blocked.result(), "EINVAL");
    }

    #[test]
    fn control_data_of_a_native_handle_is_raw() {
        let (one, other) = pair("unix");
        for end in [&one, &other] {
            expect(set(**end, "native", 1));
        }
        let mut right = raw_control(libc::SOL_SOCKET, libc::SCM_RIGHTS, expect(anysock_fd(*one)) as i32);
        let mut data = *b"x";
        let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: 1 }];
        let message = anysock_message {
            raw_control: right.as_mut_ptr().cast(),
            raw_length: right.len(),
            ..message_of(&mut buffers)
        };
        // SAFETY: everything lives through the call and is as long as it says.
        assert_eq!(unsafe { anysock_send_message(*one, &message, 0) }, 1);
        let mut room = [0u8; 100];
        // SAFETY: plain arithmetic.
        let (head, length) = unsafe { (libc::CMSG_LEN(0) as usize, libc::CMSG_LEN(4) as usize) };
        // The kernel is given just as much room as there is: without the padding.
        let mut message = anysock_message {
            raw_control: room.as_mut_ptr().cast(),
            raw_length: length,
            ..message_of(&mut buffers)
        };
        // SAFETY: as above.
        assert_eq!(unsafe { anysock_recv_message(*other, &mut message, 0) }, 1);
        assert_eq!((message.flags, message.raw_length), (0, length));
        assert_eq!(room[..head], right[..head]);
        let fd = i32::from_ne_bytes(room[head..length].try_into().unwrap());
        // SAFETY: it came in the message and is nobody else's.
        assert_eq!(unsafe { libc::close(fd) }, 0);
    }
}

/// Where the system tells of a reset.
mod resets {
    use super::*;

    #[test]
    fn no_error_stays_with_a_native_handle() {
        if !need_resets() {
            return;
        }
        let (listener, address) = listening();
        let client = tcp();
        expect(connect_flat(*client, &address));
        let server = own(expect(anysock_accept(*listener)));
        expect(set(*server, "linger", 0));
        drop(server);
        expect_error(read(*client, &mut [0; 8]), "ECONNRESET");
        // What comes then is the system's own, and Winsock's manual is silent about it.
        if cfg!(target_os = "linux") {
            assert_eq!(read(*client, &mut [0; 8]), 0);
            expect_error(write(*client, b"x"), "EPIPE");
        }
    }
}

/// What a transfer of nothing says of a stream, the system says.
#[cfg(unix)]
mod nothing {
    use super::*;

    type Scene = fn() -> (Own, Vec<Own>);

    fn native_of((one, other): (Own, Own)) -> (Own, Vec<Own>) {
        expect(set(*one, "native", 1));
        expect(set(*one, "timeout", 0));
        (one, vec![other])
    }

    fn fresh() -> (Own, Vec<Own>) {
        let socket = tcp();
        expect(set(*socket, "timeout", 0));
        (socket, vec![])
    }

    fn idle() -> (Own, Vec<Own>) {
        native_of(connected("tcp4"))
    }

    fn shut() -> (Own, Vec<Own>) {
        let scene = idle();
        expect(anysock_shutdown(*scene.0, ANYSOCK_SHUT_WRITE));
        scene
    }

    fn reset() -> (Own, Vec<Own>) {
        let (one, others) = idle();
        expect(set(*others[0], "linger", 0));
        drop(others);
        assert_eq!(select_one(*one, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
        (one, vec![])
    }

    fn connecting() -> (Own, Vec<Own>) {
        let Silent { listener, mut queued } = Silent::new("tcp4");
        let (socket, _) = fresh();
        expect_error(connect_flat(*socket, &local_flat(*listener)), "EINPROGRESS");
        queued.push(listener);
        (socket, queued)
    }

    fn empty_message() -> anysock_message {
        message_of(&mut [])
    }

    fn by_message_in(h: i64) -> i64 {
        // SAFETY: there is nothing that it points at.
        unsafe { anysock_recv_message(h, &mut empty_message(), 0) }
    }

    fn by_message_out(h: i64) -> i64 {
        // SAFETY: as above.
        unsafe { anysock_send_message(h, &empty_message(), 0) }
    }

    fn by_readv(h: i64) -> i64 {
        // SAFETY: as above.
        unsafe { anysock_readv(h, null(), 0) }
    }

    fn by_writev(h: i64) -> i64 {
        // SAFETY: as above.
        unsafe { anysock_writev(h, null(), 0) }
    }

    /// As the system's own calls say it, none of which waits or raises a signal.
    fn system(h: i64, writes: bool) -> String {
        let fd = anysock_fd(h) as i32;
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: no memory is passed.
        let count = unsafe {
            match writes {
                true => libc::send(fd, null(), 0, flags),
                false => libc::recv(fd, std::ptr::null_mut(), 0, libc::MSG_DONTWAIT),
            }
        };
        let error = std::io::Error::last_os_error().raw_os_error().unwrap();
        if count < 0 { name(-i64::from(error)) } else { "OK".to_owned() }
    }

    #[test]
    fn a_transfer_of_nothing_tells_how_a_stream_is() {
        if !need_resets() {
            return;
        }
        let scenes: [(&str, Scene); 5] =
            [("fresh", fresh), ("connecting", connecting), ("idle", idle), ("shut", shut), ("reset", reset)];
        let reads: [fn(i64) -> i64; 5] = [
            |h| read(h, &mut []),
            |h| recv(h, &mut [], ANYSOCK_FLAG_WAIT_ALL),
            |h| read_full(h, &mut []),
            by_readv,
            by_message_in,
        ];
        let writes: [fn(i64) -> i64; 4] =
            [|h| write(h, &[]), |h| write_all(h, &[]), by_writev, by_message_out];
        for (what, scene) in scenes {
            for (which, calls) in [&reads[..], &writes[..]].into_iter().enumerate() {
                let (socket, _others) = scene();
                let expected = system(*socket, which == 1);
                for (place, call) in calls.iter().enumerate() {
                    let (socket, _others) = scene();
                    assert_eq!(name(call(*socket)), expected, "{what}: call {place} of {which}");
                }
            }
        }
    }

    /// Usual handles answer without the system, as they always did.
    #[test]
    fn a_transfer_of_nothing_by_a_usual_handle_is_nothing() {
        for kind in here(&["tcp4", "unix"]) {
            let (one, other) = connected(kind);
            drop(other);
            assert_eq!(select_one(*one, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
            for call in [|h| read(h, &mut []), |h| write(h, &[]), by_readv, by_writev, by_message_out] {
                assert_eq!(call(*one), 0, "{kind}");
            }
        }
    }
}
