//! More pieces of memory than the system takes in one call: of a stream some are moved, and 0 stays its end; a datagram
//! goes and comes whole or not at all. Not here: a few pieces (`transfer`, `messages`).

use crate::support::*;

/// One more than the system takes.
const MANY: usize = 1025;

type Pieces = Vec<anysock_buffer>;

/// So many pieces of a byte each, before them others of none.
fn pieces_of(memory: &mut [u8], empty: usize) -> Pieces {
    let none =
        std::iter::repeat_with(|| anysock_buffer { data: std::ptr::null_mut(), length: 0 }).take(empty);
    let bytes =
        memory.iter_mut().map(|byte| anysock_buffer { data: std::ptr::from_mut(byte).cast(), length: 1 });
    none.chain(bytes).collect()
}

fn by_readv(h: i64, pieces: &mut Pieces) -> i64 {
    // SAFETY: the pieces are the test's, and so is what they are of.
    unsafe { anysock_readv(h, pieces.as_ptr(), pieces.len()) }
}

fn by_writev(h: i64, pieces: &mut Pieces) -> i64 {
    // SAFETY: as above.
    unsafe { anysock_writev(h, pieces.as_ptr(), pieces.len()) }
}

fn by_recv_message(h: i64, pieces: &mut Pieces) -> i64 {
    // SAFETY: as above.
    unsafe { anysock_recv_message(h, &mut message_of(pieces), 0) }
}

fn by_send_message(h: i64, pieces: &mut Pieces) -> i64 {
    // SAFETY: as above.
    unsafe { anysock_send_message(h, &message_of(pieces), 0) }
}

type Move = fn(i64, &mut Pieces) -> i64;

const WAYS: [(&str, Move, Move); 2] =
    [("readv, writev", by_readv, by_writev), ("messages", by_recv_message, by_send_message)];

fn bytes() -> Vec<u8> {
    (0..MANY).map(|place| place as u8).collect()
}

#[test]
fn a_datagram_of_too_many_pieces_is_refused_and_none_is_cut() {
    for kind in here(&["udp4", "unixgram", "unixpacket"]) {
        for (how, receive, send) in WAYS {
            let (one, other) = connected(kind);
            expect(set(*other, "timeout", 0));
            expect_error(send(*one, &mut pieces_of(&mut bytes(), 0)), "EMSGSIZE");
            expect_error(read(*other, &mut [0; 8]), "EAGAIN");
            assert_eq!(write(*one, &bytes()), MANY as i64);
            assert_eq!(select_one(*other, ANYSOCK_EVENT_READ, LONG_US), ANYSOCK_EVENT_READ);
            expect_error(receive(*other, &mut pieces_of(&mut vec![0; MANY], 0)), "EMSGSIZE");
            let mut whole = vec![0; 2 * MANY];
            assert_eq!(read(*other, &mut whole), MANY as i64, "{kind}, {how}");
            assert_eq!(whole[..MANY], bytes());
        }
    }
}

#[test]
fn pieces_without_memory_are_none_too_many() {
    for kind in here(&["tcp4", "udp4", "unix", "unixgram", "unixpacket"]) {
        for (how, receive, send) in WAYS {
            let (one, other) = connected(kind);
            expect(set(*other, "timeout", LONG_US));
            let mut data = *b"data";
            assert_eq!(send(*one, &mut pieces_of(&mut data, MANY)), 4, "{kind}, {how}");
            let mut room = [0; 4];
            assert_eq!(receive(*other, &mut pieces_of(&mut room, MANY)), 4, "{kind}, {how}");
            assert_eq!(room, data);
        }
    }
}

#[test]
fn a_stream_moves_the_first_of_too_many_and_0_is_its_end() {
    for kind in here(&["tcp4", "unix"]) {
        for (how, receive, send) in WAYS {
            let (one, other) = connected(kind);
            let sent = send(*one, &mut pieces_of(&mut bytes(), 0));
            assert!((1..=MANY as i64).contains(&sent), "{kind}, {how}: {}", name(sent));
            let sent = sent as usize;
            assert_eq!(write_all(*one, &bytes()[sent..]), (MANY - sent) as i64);
            drop(one);
            let mut room = vec![0; MANY + 8];
            let mut moved = 0;
            loop {
                let more = expect(receive(*other, &mut pieces_of(&mut room[moved..], 0))) as usize;
                moved += more;
                if more == 0 {
                    break;
                }
            }
            assert_eq!(room[..moved], bytes(), "{kind}, {how}");
            assert_eq!(receive(*other, &mut pieces_of(&mut room, MANY)), 0);
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// As sendmsg and recvmsg say.
    #[test]
    fn of_a_native_handle_the_system_says_how_many_are_too_many() {
        for kind in ["tcp4", "unixgram"] {
            for (_, receive, send) in WAYS {
                let (one, other) = connected(kind);
                for end in [&one, &other] {
                    expect(set(**end, "native", 1));
                    expect(set(**end, "timeout", 0));
                }
                expect_error(send(*one, &mut pieces_of(&mut bytes(), 0)), "EMSGSIZE");
                expect_error(receive(*other, &mut pieces_of(&mut bytes(), 0)), "EMSGSIZE");
            }
        }
    }
}

#[cfg(unix)]
mod pipes {
    use super::*;

    #[test]
    fn a_pipe_moves_the_first_of_too_many() {
        let mut ends = [0; 2];
        // SAFETY: there is room for both descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        let [reader, writer] = ends.map(|end| own(expect(anysock_adopt(i64::from(end)))));
        let sent = by_writev(*writer, &mut pieces_of(&mut bytes(), MANY));
        assert!(sent > 0, "{}", name(sent));
        let mut room = vec![0; MANY];
        let received = by_readv(*reader, &mut pieces_of(&mut room, MANY));
        assert!(received > 0, "{}", name(received));
        assert_eq!(room[..received as usize], bytes()[..received as usize]);
        assert_eq!(by_writev(*writer, &mut pieces_of(&mut [1], MANY)), 1);
    }
}
