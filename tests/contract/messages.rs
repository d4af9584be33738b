//! Messages with what goes beside their data: addresses, control data, handles. What arrives, what is said when it
//! does not fit, what is refused, and that waiting, timeouts and ends are those of every other receive and send.

use crate::peers::*;
use crate::support::*;
use std::ptr::null_mut;

const STREAMS: &[&str] = &["tcp4", "tcp6", "unix"];
#[cfg(unix)]
const UNIX: &[&str] = &["unix", "unixgram", "unixpacket"];

/// What a caller has for a message.
struct Room {
    data: Vec<u8>,
    address: anysock_address,
    controls: Vec<anysock_control>,
    handles: Vec<i64>,
    raw: Vec<u8>,
    flags: i32,
}

impl Room {
    /// Room for so many bytes, pieces of control data and handles.
    fn new(data: usize, controls: usize, handles: usize) -> Self {
        Self {
            data: vec![0xee; data],
            address: anysock_address { family: -7, ..nobody() },
            controls: vec![control(-7); controls],
            handles: vec![-7; handles],
            raw: Vec::new(),
            flags: -7,
        }
    }

    /// Receives into two pieces. Everything is as long afterwards as what has come.
    fn recv(&mut self, h: i64, flags: i32) -> i64 {
        let half = self.data.len() / 2;
        let (one, other) = self.data.split_at_mut(half);
        let mut buffers =
            [one, other].map(|room| anysock_buffer { data: room.as_mut_ptr().cast(), length: room.len() });
        let mut message = anysock_message {
            address: &mut self.address,
            controls: self.controls.as_mut_ptr(),
            control_count: self.controls.len(),
            handles: self.handles.as_mut_ptr(),
            handle_count: self.handles.len(),
            raw_control: self.raw.as_mut_ptr().cast(),
            raw_length: self.raw.len(),
            ..message_of(&mut buffers)
        };
        message.flags = -7;
        // SAFETY: everything lives through the call and is as long as it says.
        let count = unsafe { anysock_recv_message(h, &mut message, flags) };
        if count >= 0 {
            self.data.truncate(count as usize);
            self.controls.truncate(message.control_count);
            self.handles.truncate(message.handle_count);
            self.raw.truncate(message.raw_length);
        }
        self.flags = message.flags;
        count
    }

    /// The handles, to be closed.
    #[cfg(unix)]
    fn own(&mut self) -> Vec<Own> {
        self.handles.drain(..).map(own).collect()
    }
}

fn nobody() -> anysock_address {
    anysock_address { family: 0, port: 0, length: 0, scope: 0, reserved: 0, bytes: [0; 112] }
}

fn control(kind: i32) -> anysock_control {
    anysock_control {
        kind,
        interface_index: 0,
        value: 0,
        pid: 0,
        uid: 0,
        gid: 0,
        reserved: 0,
        local_address: nobody(),
        destination: nobody(),
    }
}

fn piece(data: &[u8]) -> anysock_buffer {
    anysock_buffer { data: data.as_ptr().cast_mut().cast(), length: data.len() }
}

/// Sends data in one piece, with control data and handles.
fn send_with(h: i64, data: &[u8], controls: &[anysock_control], handles: &[i64]) -> i64 {
    send_all(h, data, None, controls, handles, 0)
}

fn send_all(
    h: i64,
    data: &[u8],
    address: Option<&anysock_address>,
    controls: &[anysock_control],
    handles: &[i64],
    flags: i32,
) -> i64 {
    let mut buffers = [piece(data)];
    let message = anysock_message {
        address: address.map_or(null_mut(), |address| std::ptr::from_ref(address).cast_mut()),
        controls: controls.as_ptr().cast_mut(),
        control_count: controls.len(),
        handles: handles.as_ptr().cast_mut(),
        handle_count: handles.len(),
        ..message_of(&mut buffers)
    };
    // SAFETY: everything lives through the call, is as long as it says, and is only read.
    unsafe { anysock_send_message(h, &message, flags) }
}

fn parse(kind: &str, address: &str) -> anysock_address {
    let mut flat = nobody();
    // SAFETY: both texts are NUL-terminated, the place lives through the call.
    expect(unsafe { anysock_address_parse(text(kind).as_ptr(), text(address).as_ptr(), &mut flat) });
    flat
}

fn format(address: &anysock_address) -> String {
    // SAFETY: `text_out` gives memory of that size.
    text_out(|text, capacity| unsafe { anysock_address_format(address, text, capacity) }).unwrap()
}

/// The one piece of control data of a kind that has come.
#[track_caller]
fn only(room: &Room, kind: i32) -> anysock_control {
    let found: Vec<_> = room.controls.iter().filter(|control| control.kind == kind).collect();
    assert_eq!(found.len(), 1, "{:?}", room.controls);
    *found[0]
}

#[test]
fn data_goes_through_several_pieces_on_every_kind() {
    for kind in here(&["tcp4", "tcp6", "udp4", "udp6", "unix", "unixgram", "unixpacket"]) {
        let (one, other) = connected(kind);
        let mut buffers = [piece(b"ab"), piece(b""), piece(b"cdef")];
        let message = message_of(&mut buffers);
        // SAFETY: everything lives through the call.
        assert_eq!(unsafe { anysock_send_message(*one, &message, 0) }, 6, "{kind}");
        let mut room = Room::new(8, 0, 0);
        assert_eq!(room.recv(*other, 0), 6, "{kind}");
        assert_eq!(room.data, b"abcdef", "{kind}");
        assert_eq!(room.flags, 0, "{kind}");
    }
}

#[test]
fn a_datagram_tells_its_sender_and_goes_to_an_address() {
    for kind in here(&["udp4", "udp6", "unixgram"]) {
        let (one, other) = (bound(kind), bound(kind));
        let target = parse(kind, &local_address(*other));
        assert_eq!(send_all(*one, b"hello", Some(&target), &[], &[], 0), 5, "{kind}");
        let mut room = Room::new(16, 0, 0);
        assert_eq!(room.recv(*other, 0), 5, "{kind}");
        assert_eq!(format(&room.address), local_address(*one), "{kind}");
    }
    // An open kind gets its family by it, and a stream has nobody to tell.
    let (open, other) = (open("udp"), bound("udp4"));
    let target = parse("udp4", &local_address(*other));
    assert_eq!(send_all(*open, b"x", Some(&target), &[], &[], 0), 1);
    // An address of another family is refused, and settles nothing.
    let refused = [("udp", parse("unix", "/tmp/x")), ("udp4", parse("unix", "/tmp/x")), ("unixgram", target)];
    for (kind, address) in refused.into_iter().filter(|(kind, _)| has(kind) == 1) {
        let socket = self::open(kind);
        expect_error(send_all(*socket, b"x", Some(&address), &[], &[], 0), "EAFNOSUPPORT");
        assert_eq!(anysock_fd(*socket) < 0, kind == "udp");
    }
    let (one, other) = pair("unix");
    write(*one, b"x");
    let mut room = Room::new(1, 0, 0);
    assert_eq!(room.recv(*other, 0), 1);
    assert_eq!(room.address.family, 0);
    // No address is the peer.
    assert_eq!(send_all(*one, b"x", Some(&nobody()), &[], &[], 0), 1);
    assert_eq!(name(send_all(*one, b"x", Some(&target), &[], &[], 0)), "EISCONN");
    assert_eq!(name(send_all(*self::open("tcp4"), b"x", Some(&target), &[], &[], 0)), "ENOTCONN");
}

#[test]
fn a_datagram_that_is_cut_is_told() {
    for kind in here(&["udp4", "udp6", "unixgram", "unixpacket"]) {
        let (one, other) = connected(kind);
        for (flags, count) in [(0, 4), (ANYSOCK_FLAG_TRUNC, 10), (ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_TRUNC, 10)]
        {
            write(*one, b"0123456789");
            let mut room = Room::new(4, 0, 0);
            assert_eq!(room.recv(*other, flags), count, "{kind}");
            assert_eq!(&room.data[..4], b"0123", "{kind}");
            assert_eq!(room.flags, ANYSOCK_FLAG_TRUNC, "{kind}");
            if flags & ANYSOCK_FLAG_PEEK != 0 {
                read(*other, &mut [0; 16]);
            }
        }
        let mut room = Room::new(4, 0, 0);
        write(*one, b"0123");
        assert_eq!(room.recv(*other, ANYSOCK_FLAG_TRUNC), 4, "{kind}");
        assert_eq!(room.flags, 0, "{kind}");
    }
}

#[test]
fn a_look_leaves_the_message_there() {
    for kind in here(&["tcp4", "udp6", "unix", "unixgram", "unixpacket"]) {
        let (one, other) = connected(kind);
        write(*one, b"data");
        for flags in [ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_PEEK, 0] {
            let mut room = Room::new(8, 0, 0);
            assert_eq!(room.recv(*other, flags), 4, "{kind}");
            assert_eq!(room.data, b"data", "{kind}");
        }
        expect_error(Room::new(8, 0, 0).recv(*other, ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }
}

#[test]
fn an_empty_datagram_ends_nothing() {
    for kind in here(&["udp4", "unixgram"]) {
        let (one, other) = connected(kind);
        assert_eq!(send_with(*one, b"", &[], &[]), 0, "{kind}");
        assert_eq!(send_with(*one, b"next", &[], &[]), 4, "{kind}");
        assert_eq!(Room::new(8, 0, 0).recv(*other, 0), 0, "{kind}");
        assert_eq!(Room::new(8, 0, 0).recv(*other, 0), 4, "{kind}");
    }
}

#[cfg(any(target_os = "linux", windows))]
#[test]
fn urgent_data_is_told() {
    let (one, other) = connected("tcp4");
    assert_eq!(send_all(*one, b"!", None, &[], &[], ANYSOCK_FLAG_OOB), 1);
    let mut room = Room::new(1, 0, 0);
    assert_eq!(room.recv(*other, ANYSOCK_FLAG_OOB), 1);
    assert_eq!(room.flags & ANYSOCK_FLAG_OOB, ANYSOCK_FLAG_OOB);
    assert_eq!(room.data, b"!");
}

// Waiting, and ends.

#[test]
fn timeouts_are_those_of_reads_and_writes() {
    for kind in here(&["tcp4", "udp4", "unix", "unixgram", "unixpacket"]) {
        let (one, _other) = connected(kind);
        expect_error(Room::new(8, 1, 1).recv(*one, ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        expect(set(*one, "read_timeout", 0));
        expect_error(Room::new(8, 1, 1).recv(*one, 0), "EAGAIN");
        expect(set(*one, "read_timeout", 10 * ANYSOCK_MILLISECOND));
        let mut room = Room::new(8, 1, 1);
        expect_error(room.recv(*one, 0), "ETIMEDOUT");
        // Nothing is stored.
        assert_eq!((room.flags, room.handles[0], room.controls[0].kind), (-7, -7, -7));
        assert_eq!((room.address.family, room.data[0]), (-7, 0xee));
    }
    for kind in here(&["unix", "unixgram", "unixpacket", "tcp4"]) {
        let (one, _other) = pair(kind);
        fill(*one);
        expect_error(send_all(*one, &[0; 4096], None, &[], &[], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        expect(set(*one, "write_timeout", 10 * ANYSOCK_MILLISECOND));
        expect_error(send_with(*one, &[0; 4096], &[], &[]), "ETIMEDOUT");
    }
}

#[test]
fn waits_until_a_message_comes_and_until_there_is_room() {
    let (one, other) = connected("udp4");
    let handle = *other;
    let call = Call::blocked(move || {
        let mut room = Room::new(8, 0, 0);
        (room.recv(handle, 0), room.data)
    });
    assert_eq!(send_with(*one, b"come", &[], &[]), 4);
    assert_eq!(call.result(), (4, b"come".to_vec()));
    let (one, other) = pair("unix");
    fill(*one);
    let handle = *one;
    let call = Call::blocked(move || send_with(handle, b"more", &[], &[]));
    while recv(*other, &mut [0; 4096], ANYSOCK_FLAG_DONT_WAIT) > 0 {}
    assert_eq!(call.result(), 4);
}

#[test]
fn ends_and_errors_are_those_of_reads() {
    for kind in here(&["tcp4", "tcp6", "unix", "unixpacket"]) {
        let (one, other) = connected(kind);
        write(*one, b"last");
        drop(one);
        assert_eq!(Room::new(8, 1, 1).recv(*other, 0), 4, "{kind}");
        for _ in 0..2 {
            let mut room = Room::new(8, 1, 1);
            assert_eq!(room.recv(*other, 0), 0, "{kind}");
            assert_eq!((room.handles.len(), room.controls.len(), room.flags), (0, 0, 0), "{kind}");
        }
    }
    for kind in here(&["tcp4", "unix"]) {
        let fresh = open(kind);
        expect_error(Room::new(8, 0, 0).recv(*fresh, 0), "ENOTCONN");
        expect_error(send_with(*fresh, b"x", &[], &[]), "ENOTCONN");
    }
    for kind in ["tcp", "udp"] {
        expect_error(Room::new(8, 0, 0).recv(*open(kind), 0), "ENOTCONN");
        expect_error(send_with(*open(kind), b"x", &[], &[]), "ENOTCONN");
    }
    // A reset stays.
    if resets_are_told() {
        let (one, other) = connected("tcp4");
        expect(set(*one, "linger", 0));
        drop(one);
        for _ in 0..3 {
            expect_error(Room::new(8, 0, 0).recv(*other, 0), "ECONNRESET");
        }
    }
    let (one, _other) = pair("unix");
    expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
    expect_error(send_with(*one, b"x", &[], &[]), "EPIPE");
    expect_error(Room::new(8, 0, 0).recv(*poller(), 0), "ENOTSOCK");
    expect_error(send_with(*poller(), b"x", &[], &[]), "ENOTSOCK");
}

#[test]
fn after_shutting_the_read_half_what_was_queued_may_be_had() {
    for kind in here(STREAMS) {
        let (one, other) = connected(kind);
        assert_eq!(write(*one, b"queued"), 6);
        until("the data", || get(*other, "available") == Ok(6));
        expect(anysock_shutdown(*other, ANYSOCK_SHUT_READ));
        let mut room = Room::new(4, 1, 1);
        assert_eq!(room.recv(*other, 0), 4, "{kind}");
        assert_eq!(room.data, b"queue"[..4], "{kind}");
        assert_eq!(Room::new(4, 1, 1).recv(*other, 0), 2, "{kind}");
        assert_eq!(Room::new(4, 1, 1).recv(*other, 0), 0, "{kind}");
    }
    let (_one, other) = connected("udp4");
    expect(anysock_shutdown(*other, ANYSOCK_SHUT_READ));
    assert_eq!(Room::new(4, 1, 1).recv(*other, 0), 0);
}

// Control data of packets.

/// Two sockets of which the second tells everything of what comes to it.
fn telling(kind: &str, options: &[&str]) -> (Own, Own) {
    let (one, other) = (bound(kind), bound(kind));
    expect(connect(*one, &local_address(*other)));
    for option in options {
        expect(set(*other, option, 1));
        assert_eq!(get(*other, option), Ok(1), "{option}");
    }
    (one, other)
}

fn loopback() -> u32 {
    // SAFETY: `text_out` gives memory of that size.
    let list = text_out(|text, capacity| unsafe { anysock_interfaces(text, capacity) }).unwrap();
    assert!(list.contains("127.0.0.1"), "{list}");
    #[cfg(unix)]
    // SAFETY: the text is NUL-terminated.
    return unsafe { libc::if_nametoindex(c"lo".as_ptr()) };
    #[cfg(not(unix))]
    1
}

#[cfg(any(target_os = "linux", windows))]
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_nanos() as i64
}

#[cfg(any(target_os = "linux", windows))]
#[test]
fn control_data_that_does_not_fit_is_told() {
    let (one, other) = telling("udp4", &["ip.packet_info", "ip.receive_ttl", "ip.receive_tos"]);
    for capacity in 0..4 {
        write(*one, b"x");
        let mut room = Room::new(8, capacity, 0);
        assert_eq!(room.recv(*other, 0), 1);
        assert_eq!(room.flags & ANYSOCK_FLAG_TRUNC, 0);
        assert_eq!(room.controls.len(), capacity);
        assert_eq!(room.flags & ANYSOCK_FLAG_CONTROL_TRUNC != 0, capacity < 3, "{capacity}");
    }
}

#[test]
fn control_data_that_cannot_be_sent_is_refused() {
    let (udp, _udp) = connected("udp4");
    for (kind, value) in [
        (ANYSOCK_CONTROL_TTL, -1),
        (ANYSOCK_CONTROL_TTL, 256),
        (ANYSOCK_CONTROL_TOS, 256),
        (ANYSOCK_CONTROL_TOS, 1 << 40),
        (ANYSOCK_CONTROL_TIMESTAMP, 1),
        (0, 1),
        (6, 1),
        (-1, 1),
    ] {
        expect_error(send_with(*udp, b"x", &[anysock_control { value, ..control(kind) }], &[]), "EINVAL");
    }
    let credentials = control(ANYSOCK_CONTROL_CREDENTIALS);
    expect_error(send_with(*udp, b"x", &[credentials], &[]), "EOPNOTSUPP");
    let ttl = anysock_control { value: 1, ..control(ANYSOCK_CONTROL_TTL) };
    for kind in here(&["tcp4", "unix", "unixgram", "unixpacket"]) {
        let (one, _other) = pair(kind);
        expect_error(send_with(*one, b"x", &[ttl], &[]), "EOPNOTSUPP");
        let info = control(ANYSOCK_CONTROL_PACKET_INFO);
        expect_error(send_with(*one, b"x", &[info], &[]), "EOPNOTSUPP");
    }
    let unix_source =
        anysock_control { local_address: parse("unix", "/tmp/x"), ..control(ANYSOCK_CONTROL_PACKET_INFO) };
    expect_error(send_with(*udp, b"x", &[unix_source], &[]), "EAFNOSUPPORT");
}

// Handles.

#[cfg(unix)]
pub mod handles {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::{AsRawFd, FromRawFd};

    fn pipe() -> [Own; 2] {
        let mut fds = [0; 2];
        // SAFETY: there is room for both descriptors.
        assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
        fds.map(|fd| own(expect(anysock_adopt(i64::from(fd)))))
    }

    fn is_closed_on_exec(h: i64) -> bool {
        // SAFETY: takes no memory.
        unsafe { libc::fcntl(expect(anysock_fd(h)) as i32, libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
    }

    /// Sends handles over a pair of that kind, and receives them.
    #[track_caller]
    pub fn pass(kind: &str, handles: &[i64]) -> Vec<Own> {
        let (one, other) = pair(kind);
        assert_eq!(send_with(*one, b"here", &[], handles), 4, "{kind}");
        let mut room = Room::new(8, 0, handles.len());
        assert_eq!(room.recv(*other, 0), 4, "{kind}");
        assert_eq!(room.data, b"here");
        assert_eq!((room.handles.len(), room.flags), (handles.len(), 0), "{kind}");
        room.own()
    }

    #[test]
    fn a_connection_goes_on_where_it_arrives() {
        for kind in UNIX {
            for (sort, text) in
                [("tcp4", "tcp4"), ("tcp6", "tcp6"), ("unix", "unix"), ("unixpacket", "unixpacket")]
            {
                let (client, server) = connected(sort);
                let arrived = pass(kind, &[*server]).pop().unwrap();
                assert_eq!(get_text(*arrived, "kind").as_deref(), Ok(text));
                assert!(is_closed_on_exec(*arrived), "{kind}");
                write(*client, b"to whom it may concern");
                let mut room = [0; 2];
                assert_eq!(read(*arrived, &mut room), 2);
                assert_eq!(&room, b"to");
                assert_eq!(write(*arrived, b"back"), 4);
                assert_eq!(read(*client, &mut [0; 8]), 4);
                // The sender has kept its own.
                assert_eq!(write(*server, b"too"), 3);
                assert_eq!(read(*client, &mut [0; 8]), 3);
                expect_error(anysock_listen(*arrived, 0), "EINVAL");
            }
        }
    }

    #[test]
    fn a_listener_accepts_where_it_arrives() {
        for sort in ["tcp4", "unix"] {
            let listener = listener(sort);
            let arrived = pass("unix", &[*listener]).pop().unwrap();
            assert_eq!(get(*arrived, "listening"), Ok(1));
            let client = open(sort);
            expect(connect(*client, &local_address(*listener)));
            drop(listener);
            drop(own(expect(anysock_accept(*arrived))));
        }
    }

    #[test]
    fn datagram_sockets_and_pipes_work_where_they_arrive() {
        let (one, other) = connected("udp4");
        let arrived = pass("unixgram", &[*other]).pop().unwrap();
        write(*one, b"data");
        assert_eq!(read(*arrived, &mut [0; 8]), 4);
        let [reader, writer] = pipe();
        let arrived = pass("unix", &[*reader, *writer]);
        assert_eq!(get_text(*arrived[0], "kind").as_deref(), Ok("stream"));
        assert!(is_closed_on_exec(*arrived[0]));
        assert_eq!(write(*arrived[1], b"data"), 4);
        assert_eq!(read(*arrived[0], &mut [0; 8]), 4);
        let handle = *arrived[0];
        let blocked = Call::blocked(move || read(handle, &mut [0; 8]));
        expect(anysock_close(handle));
        expect_error(blocked.result(), "ECANCELED");
    }

    #[test]
    fn they_come_in_the_order_in_which_they_were_sent() {
        let pipes: Vec<_> = (0..10).map(|_| pipe()).collect();
        let readers: Vec<_> = pipes.iter().map(|[reader, _]| **reader).collect();
        let arrived = pass("unix", &readers);
        for (place, ([_, writer], reader)) in pipes.iter().zip(&arrived).enumerate() {
            let mut room = [0; 1];
            write(**writer, &[place as u8]);
            assert_eq!(read(**reader, &mut room), 1);
            assert_eq!(room[0] as usize, place);
        }
    }

    #[test]
    fn a_file_arrives_and_can_be_had_back() {
        let path = std::env::temp_dir().join(format!("anysock-passed-{}", std::process::id()));
        let mut file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(b"content").unwrap();
        file.rewind().unwrap();
        // Nothing makes a handle of a file but this: by raw control data.
        let (one, other) = pair("unix");
        assert_eq!(send_right(*one, file.as_raw_fd()), 1);
        let mut room = Room::new(1, 0, 1);
        assert_eq!(room.recv(*other, 0), 1);
        let arrived = room.own().pop().unwrap();
        assert_eq!(get_text(*arrived, "kind").as_deref(), Ok("stream"));
        let mut start = [0; 3];
        assert_eq!(read(*arrived, &mut start), 3);
        assert_eq!(&start, b"con");
        expect_error(select(&mut [vec![*arrived], vec![], vec![]], 0), "EOPNOTSUPP");
        expect_error(anysock_poller_set(*poller(), *arrived, ANYSOCK_EVENT_READ, 0), "EOPNOTSUPP");
        // It travels on, can be sent as a file, and is given back.
        let again = pass("unix", &[*arrived]).pop().unwrap();
        assert_eq!(anysock_send_file(*one, expect(anysock_fd(*again)), 0, -1), 7);
        let fd = expect(anysock_release(*again));
        // SAFETY: the descriptor is the test's own now.
        let mut file = unsafe { File::from_raw_fd(fd as i32) };
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "tent");
    }

    #[test]
    fn those_that_do_not_fit_are_told() {
        for kind in UNIX {
            let (one, other) = pair(kind);
            let [reader, _writer] = pipe();
            for sent in 1..6 {
                for capacity in 0..sent {
                    assert_eq!(send_with(*one, b"x", &[], &vec![*reader; sent]), 1, "{kind}");
                    let mut room = Room::new(1, 0, capacity);
                    assert_eq!(room.recv(*other, 0), 1, "{kind}");
                    assert_eq!(room.own().len(), capacity, "{kind}");
                    assert_eq!(room.flags, ANYSOCK_FLAG_CONTROL_TRUNC, "{kind}");
                }
            }
            // With room for control data, the system does not drop them: the library does.
            assert_eq!(send_with(*one, b"x", &[], &[*reader; 3]), 1, "{kind}");
            let mut room = Room::new(1, 4, 0);
            assert_eq!(room.recv(*other, 0), 1, "{kind}");
            assert_eq!((room.controls.len(), room.flags), (0, ANYSOCK_FLAG_CONTROL_TRUNC), "{kind}");
        }
    }

    #[test]
    fn as_many_as_the_system_lets_go_along() {
        let [reader, _writer] = pipe();
        assert_eq!(pass("unix", &[*reader; 253]).len(), 253);
        let (one, other) = pair("unix");
        expect_error(send_with(*one, b"x", &[], &[*reader; 254]), "EINVAL");
        expect_error(recv(*other, &mut [0; 1], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_look_brings_them_each_time() {
        let (one, other) = pair("unixgram");
        let [reader, _writer] = pipe();
        assert_eq!(send_with(*one, b"x", &[], &[*reader]), 1);
        let mut all = Vec::new();
        for flags in [ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_PEEK, 0] {
            let mut room = Room::new(1, 0, 1);
            assert_eq!(room.recv(*other, flags), 1);
            all.extend(room.own());
        }
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn they_do_not_get_lost_with_an_empty_message() {
        for kind in here(&["unixgram", "unixpacket"]) {
            let (one, other) = pair(kind);
            let [reader, _writer] = pipe();
            assert_eq!(send_with(*one, b"", &[], &[*reader]), 0, "{kind}");
            let mut room = Room::new(4, 0, 1);
            assert_eq!(room.recv(*other, 0), 0, "{kind}");
            assert_eq!(room.own().len(), 1, "{kind}");
        }
        let (one, _other) = pair("unix");
        let [reader, _writer] = pipe();
        expect_error(send_with(*one, b"", &[], &[*reader]), "EINVAL");
        assert_eq!(send_with(*one, b"", &[], &[]), 0);
    }

    #[test]
    fn after_shutting_the_read_half_they_may_be_had() {
        let (one, other) = pair("unix");
        let [reader, _writer] = pipe();
        assert_eq!(send_with(*one, b"x", &[], &[*reader]), 1);
        expect(anysock_shutdown(*other, ANYSOCK_SHUT_READ));
        let mut room = Room::new(4, 0, 1);
        assert_eq!(room.recv(*other, 0), 1);
        assert_eq!(room.own().len(), 1);
    }

    #[test]
    fn a_handle_that_cannot_go_along_keeps_the_message_back() {
        let (one, other) = pair("unix");
        let [reader, _writer] = pipe();
        let closed = **pipe().first().unwrap();
        for (bad, error) in [(*poller(), "EOPNOTSUPP"), (closed, "EBADF"), (0, "EBADF"), (-1, "EBADF")] {
            let bad = if error == "EOPNOTSUPP" { poller() } else { own(bad) };
            expect_error(send_with(*one, b"x", &[], &[*reader, *bad]), error);
        }
        let unsettled = open("tcp");
        expect_error(send_with(*one, b"x", &[], &[*reader, *unsettled]), "ENOTCONN");
        expect_error(recv(*other, &mut [0; 1], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
        for kind in ["tcp4", "udp4"] {
            let (one, _other) = connected(kind);
            expect_error(send_with(*one, b"x", &[], &[*reader]), "EOPNOTSUPP");
        }
    }
}

// The structure.

#[test]
fn a_caller_of_an_older_version_gets_what_it_knows() {
    let (one, other) = connected("udp4");
    let whole = size_of::<anysock_message>();
    let step = align_of::<anysock_message>();
    let least = std::mem::offset_of!(anysock_message, address);
    for size in (least..=whole).step_by(step) {
        write(*one, b"data");
        let mut data = [0; 8];
        let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: 8 }];
        // What lies behind is the caller's own.
        let mut memory = vec![0x5a_u8; whole + 8];
        let message = anysock_message { size: size as u32, ..message_of(&mut buffers) };
        // SAFETY: there is room for the whole.
        unsafe {
            let bytes = std::slice::from_raw_parts((&raw const message).cast::<u8>(), size);
            memory[1..=size].copy_from_slice(bytes);
            assert_eq!(anysock_recv_message(*other, memory.as_mut_ptr().add(1).cast(), 0), 4, "{size}");
        }
        assert_eq!(&data[..4], b"data");
        assert!(memory[size + 1..].iter().all(|byte| *byte == 0x5a), "{size}");
        assert_eq!(memory[0], 0x5a);
    }
}

#[test]
fn a_caller_of_a_newer_version_is_understood_or_told() {
    let (one, other) = connected("udp4");
    let whole = size_of::<anysock_message>();
    let mut data = *b"data";
    let mut buffers = [anysock_buffer { data: data.as_mut_ptr().cast(), length: 4 }];
    let mut memory = vec![0_u64; 1024];
    for (size, error) in [
        (whole + 8, ""),
        (4096, ""),
        (4104, "E2BIG"),
        (u32::MAX as usize, "E2BIG"),
        (0, "EINVAL"),
        (std::mem::offset_of!(anysock_message, address) - size_of::<usize>(), "EINVAL"),
        (whole - 1, "EINVAL"),
        (whole + 1, "EINVAL"),
    ] {
        let message = anysock_message { size: size as u32, ..message_of(&mut buffers) };
        let place = memory.as_mut_ptr().cast::<anysock_message>();
        // SAFETY: the memory is longer than every size that is read.
        let codes = unsafe {
            place.write(message);
            [
                anysock_send_message(*one, place, 0),
                anysock_recv_message(*other, place, ANYSOCK_FLAG_DONT_WAIT),
            ]
        };
        match error {
            "" => assert_eq!(codes, [4, 4], "{size}"),
            error => codes.map(|code| expect_error(code, error)).into_iter().collect(),
        }
    }
    // A field that is not known, and not 0.
    let message = anysock_message { size: whole as u32 + 8, ..message_of(&mut buffers) };
    memory[whole / 8] = 1 << 63;
    let place = memory.as_mut_ptr().cast::<anysock_message>();
    // SAFETY: as above.
    unsafe {
        place.write(message);
        expect_error(anysock_send_message(*one, place, 0), "E2BIG");
        expect_error(anysock_recv_message(*other, place, 0), "E2BIG");
    }
}

#[test]
fn bad_arguments_are_told() {
    let (one, other) = connected("udp4");
    // SAFETY: NULL is what is tried.
    unsafe {
        expect_error(anysock_recv_message(*one, null_mut(), 0), "EFAULT");
        expect_error(anysock_send_message(*one, null_mut(), 0), "EFAULT");
    }
    for flags in [ANYSOCK_FLAG_WAIT_ALL, ANYSOCK_FLAG_MORE, ANYSOCK_FLAG_CONTROL_TRUNC, 128, -1] {
        expect_error(Room::new(8, 0, 0).recv(*one, flags), "EINVAL");
    }
    for flags in
        [ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL, ANYSOCK_FLAG_TRUNC, ANYSOCK_FLAG_CONTROL_TRUNC, -1]
    {
        expect_error(send_all(*one, b"x", None, &[], &[], flags), "EINVAL");
    }
    let mut buffers = [piece(b"x")];
    let base = message_of(&mut buffers);
    let somewhere = std::ptr::dangling_mut::<u8>();
    type Change = fn(&mut anysock_message, usize, *mut u8);
    let changes: [Change; 4] = [
        |message, count, at| (message.buffer_count, message.buffers) = (count, at.cast()),
        |message, count, at| (message.control_count, message.controls) = (count, at.cast()),
        |message, count, at| (message.handle_count, message.handles) = (count, at.cast()),
        |message, count, at| (message.raw_length, message.raw_control) = (count, at.cast()),
    ];
    for change in changes {
        for (count, at, error) in [(1, null_mut(), "EFAULT"), (usize::MAX, somewhere, "EINVAL")] {
            let mut message = base;
            change(&mut message, count, at);
            // SAFETY: the arguments are refused before anything is read.
            unsafe {
                expect_error(anysock_recv_message(*other, &mut message, ANYSOCK_FLAG_DONT_WAIT), error);
                expect_error(anysock_send_message(*one, &message, 0), error);
            }
        }
    }
    let many = vec![piece(b"x"); 1025];
    let message = anysock_message { buffers: many.as_ptr().cast_mut(), buffer_count: 1025, ..base };
    // SAFETY: everything lives through the call.
    expect_error(unsafe { anysock_send_message(*one, &message, 0) }, "EMSGSIZE");
}

#[test]
fn options_that_tell_have_the_systems_that_they_say() {
    for (option, everywhere) in [
        ("ip.packet_info", true),
        ("ip.receive_ttl", true),
        ("ipv6.packet_info", true),
        ("ipv6.receive_hops", true),
        ("ipv6.receive_traffic_class", true),
        (
            "ip.receive_tos",
            cfg!(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows)),
        ),
        ("timestamp", cfg!(unix)),
        ("unix.credentials", cfg!(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd"))),
    ] {
        // SAFETY: the text is NUL-terminated.
        assert_eq!(unsafe { anysock_has(text(option).as_ptr()) }, i64::from(everywhere), "{option}");
    }
}

#[cfg(target_os = "linux")]
mod credentials {
    use super::*;

    #[test]
    fn a_message_tells_whose_it_is() {
        for kind in UNIX {
            let (one, other) = pair(kind);
            expect(set(*other, "unix.credentials", 1));
            // SAFETY: takes no memory.
            let mine = unsafe { (libc::getpid(), libc::getuid(), libc::getgid()) };
            let (pid, uid, gid) = mine;
            let claimed = anysock_control { pid, uid, gid, ..control(ANYSOCK_CONTROL_CREDENTIALS) };
            for sent in [&[][..], &[claimed]] {
                assert_eq!(send_with(*one, b"x", sent, &[]), 1, "{kind}");
                let mut room = Room::new(1, 2, 0);
                assert_eq!(room.recv(*other, 0), 1, "{kind}");
                let told = only(&room, ANYSOCK_CONTROL_CREDENTIALS);
                assert_eq!((told.pid, told.uid, told.gid), mine, "{kind}");
            }
            let nobody_is = anysock_control { pid: i32::MAX, ..claimed };
            assert!(send_with(*one, b"x", &[nobody_is], &[]) < 0, "{kind}");
        }
        expect_error(set(*open("tcp4"), "unix.credentials", 1), "ENOPROTOOPT");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn what_is_not_known_comes_and_goes_raw() {
        let (one, other) = telling("udp4", &["ip.receive_ttl"]);
        // SO_RXQ_OVFL: how many datagrams were dropped for want of room; told from the first on.
        let on = 1_i32;
        // SAFETY: the number lives through the call.
        expect(unsafe {
            anysock_set_raw(*other, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, std::ptr::from_ref(&on).cast(), 4)
        });
        expect(set(*other, "receive_buffer", 2048));
        for _ in 0..100 {
            write(*one, &[0; 500]);
        }
        while recv(*other, &mut [0; 500], ANYSOCK_FLAG_DONT_WAIT) > 0 {}
        let mut raw = raw_control(libc::IPPROTO_IP, libc::IP_TTL, 33);
        let whole = raw.len();
        for (capacity, fits) in [(0, false), (whole - 1, false), (whole, true), (100, true)] {
            write(*one, b"x");
            let mut room = Room::new(1, 4, 0);
            room.raw = vec![0xee; capacity];
            assert_eq!(room.recv(*other, 0), 1);
            assert_eq!(room.flags & ANYSOCK_FLAG_CONTROL_TRUNC == 0, fits, "{capacity}");
            assert_eq!(room.raw.len(), if fits { whole } else { 0 }, "{capacity}");
            assert_eq!(room.controls.len(), 1, "{capacity}");
            if fits {
                // SAFETY: the length has just been looked at.
                let header = unsafe { room.raw.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
                assert_eq!((header.cmsg_level, header.cmsg_type), (libc::SOL_SOCKET, libc::SO_RXQ_OVFL));
            }
        }
        // And out again: IP_TTL as the system lays it out.
        let mut buffers = [piece(b"x")];
        let message = anysock_message {
            raw_control: raw.as_mut_ptr().cast(),
            raw_length: raw.len(),
            ..message_of(&mut buffers)
        };
        // SAFETY: everything lives through the call.
        assert_eq!(unsafe { anysock_send_message(*one, &message, 0) }, 1);
        let mut room = Room::new(1, 1, 0);
        assert_eq!(room.recv(*other, 0), 1);
        assert_eq!(only(&room, ANYSOCK_CONTROL_TTL).value, 33);
    }

    /// What comes when the table of descriptors is full is what it is at other times.
    #[test]
    fn what_takes_the_last_descriptor_is_what_it_is() {
        child::run(
            "messages::linux::what_takes_the_last_descriptor_is_what_it_is",
            child::View::Process,
            || {
                let (one, other) = pair("unix");
                let poller = poller();
                let file = std::fs::File::open("/proc/self/exe").unwrap();
                let directory = std::fs::File::open("/").unwrap();
                let nothing = std::fs::File::open("/dev/null").unwrap();
                let (reader, writer) = std::io::pipe().unwrap();
                std::io::Write::write_all(&mut &writer, b"x").unwrap();
                let sorts = [
                    (std::os::fd::AsRawFd::as_raw_fd(&file), false),
                    (std::os::fd::AsRawFd::as_raw_fd(&directory), false),
                    (std::os::fd::AsRawFd::as_raw_fd(&nothing), false),
                    (std::os::fd::AsRawFd::as_raw_fd(&reader), true),
                ];
                for (place, (number, can_be_polled)) in sorts.into_iter().enumerate() {
                    // SAFETY: takes no memory.
                    let copy = unsafe { libc::dup(number) };
                    // One that can't be borrowed, as it can't be polled, is sent by its number in control data.
                    expect(send_right(*one, copy));
                    // SAFETY: as above.
                    assert_eq!(unsafe { libc::close(copy) }, 0);
                    limit_descriptors(copy as u64 + 1);
                    let mut room = Room::new(1, 0, 1);
                    assert_eq!(room.recv(*other, 0), 1, "{place}");
                    let [received] = room.handles[..] else { panic!("{place}: {:?}", room.handles) };
                    let received = own(received);
                    assert_eq!(anysock_fd(*received), copy.into());
                    let mut set = [vec![*received], vec![], vec![]];
                    let selected = name(select(&mut set, 0).min(0));
                    let registered = name(anysock_poller_set(*poller, *received, ANYSOCK_EVENT_READ, 0));
                    let expected = if can_be_polled { "OK" } else { "EOPNOTSUPP" };
                    assert_eq!((selected.as_str(), registered.as_str()), (expected, expected), "{place}");
                    limit_descriptors(256);
                }
            },
        );
    }
}

/// What control data does that is sent.
mod sent_control {
    use super::*;

    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn a_datagram_tells_how_it_came() {
        for (kind, host, options) in [
            ("udp4", "127.0.0.1", ["ip.packet_info", "ip.receive_ttl", "ip.receive_tos"]),
            ("udp6", "[::1]", ["ipv6.packet_info", "ipv6.receive_hops", "ipv6.receive_traffic_class"]),
        ] {
            let (one, other) = telling(kind, &options);
            let has_time = has("timestamp") == 1;
            if has_time {
                expect(set(*other, "timestamp", 1));
            }
            let sent = [
                anysock_control { value: 17, ..control(ANYSOCK_CONTROL_TTL) },
                anysock_control { value: 0x28, ..control(ANYSOCK_CONTROL_TOS) },
            ];
            let before = now();
            assert_eq!(send_with(*one, b"x", &sent, &[]), 1, "{kind}");
            let mut room = Room::new(1, 8, 0);
            assert_eq!(room.recv(*other, 0), 1, "{kind}");
            assert_eq!(room.controls.len(), 3 + usize::from(has_time), "{kind}: {:?}", room.controls);
            assert_eq!(room.flags, 0, "{kind}");
            assert_eq!(only(&room, ANYSOCK_CONTROL_TTL).value, 17, "{kind}");
            assert_eq!(only(&room, ANYSOCK_CONTROL_TOS).value, 0x28, "{kind}");
            if has_time {
                let came = only(&room, ANYSOCK_CONTROL_TIMESTAMP).value;
                assert!((before - 1_000_000_000..=now()).contains(&came), "{kind}: {came}");
            }
            let info = only(&room, ANYSOCK_CONTROL_PACKET_INFO);
            assert_eq!(info.interface_index, loopback(), "{kind}");
            for address in [info.local_address, info.destination] {
                assert_eq!(format(&address), format!("{host}:0"), "{kind}");
            }
        }
    }

    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn a_dual_stack_socket_tells_of_both_families() {
        let server = open("udp");
        for option in ["ip.packet_info", "ip.receive_ttl", "ipv6.packet_info", "ipv6.receive_hops"] {
            expect(set(*server, option, 1));
        }
        expect(bind(*server, ":0"));
        let port = local_address(*server).rsplit_once(':').unwrap().1.to_owned();
        for (kind, host) in [("udp4", "127.0.0.1"), ("udp6", "[::1]")] {
            let client = open(kind);
            expect(connect(*client, &format!("{host}:{port}")));
            let sent = [anysock_control { value: 9, ..control(ANYSOCK_CONTROL_TTL) }];
            assert_eq!(send_with(*client, b"ask", &sent, &[]), 3);
            let mut room = Room::new(8, 8, 0);
            assert_eq!(room.recv(*server, 0), 3);
            assert_eq!(only(&room, ANYSOCK_CONTROL_TTL).value, 9, "{kind}");
            let info = only(&room, ANYSOCK_CONTROL_PACKET_INFO);
            assert_eq!(format(&info.destination), format!("{host}:0"), "{kind}");
            // And answers both, from the address that was asked, with the same control data.
            let controls = [info, anysock_control { value: 8, ..control(ANYSOCK_CONTROL_TTL) }];
            assert_eq!(send_all(*server, b"answer", Some(&room.address), &controls, &[], 0), 6, "{kind}");
            let mut answer = Room::new(8, 0, 0);
            assert_eq!(answer.recv(*client, 0), 6);
            assert_eq!(format(&answer.address), format!("{host}:{port}"), "{kind}");
        }
    }

    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn a_source_may_be_chosen() {
        let (one, other) = (open("udp4"), bound("udp4"));
        expect(bind(*one, "0.0.0.0:0"));
        let target = parse("udp4", &local_address(*other));
        let local_address = parse("udp4", "127.0.0.3:0");
        let info = anysock_control { local_address, ..control(ANYSOCK_CONTROL_PACKET_INFO) };
        assert_eq!(send_all(*one, b"x", Some(&target), &[info], &[], 0), 1);
        let mut room = Room::new(1, 0, 0);
        room.recv(*other, 0);
        assert!(format(&room.address).starts_with("127.0.0.3:"), "{}", format(&room.address));
        let nowhere = anysock_control { interface_index: 1 << 20, ..control(ANYSOCK_CONTROL_PACKET_INFO) };
        expect_error(send_all(*one, b"x", Some(&target), &[nowhere], &[], 0), "ENODEV");
        let other_family = anysock_control { local_address: parse("udp6", "[::1]:0"), ..info };
        expect_error(send_all(*one, b"x", Some(&target), &[other_family], &[], 0), "EINVAL");
    }
}

#[cfg(target_os = "linux")]
fn limit_descriptors(count: u64) {
    let limit = libc::rlimit { rlim_cur: count as libc::rlim_t, rlim_max: 256 };
    // SAFETY: the limit outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Sends a byte and with it a descriptor.
#[cfg(unix)]
fn send_right(h: i64, number: i32) -> i64 {
    let mut control = raw_control(libc::SOL_SOCKET, libc::SCM_RIGHTS, number);
    let mut buffers = [piece(b"x")];
    let message = anysock_message {
        raw_control: control.as_mut_ptr().cast(),
        raw_length: control.len(),
        ..message_of(&mut buffers)
    };
    // SAFETY: everything lives through the call.
    unsafe { anysock_send_message(h, &message, 0) }
}
