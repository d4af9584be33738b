//! Many datagrams by a system call for each. Windows and macOS have no call for many. The BSDs have `recvmmsg` and
//! `sendmmsg`, but FreeBSD's are loops in its C library that lose the error which ends them, and NetBSD and OpenBSD
//! leave that error pending on the socket, even EAGAIN. Not here: Linux (`mmsg`).

use crate::sys::batch::move_each;
use crate::sys::{BATCH, Fd, Flags, Moved, OUT_OF_MEMORY, Piece, Received, Result, receive_one, send_one};
use socket2::SockAddr;
use std::mem::MaybeUninit;

/// Whether a single call can send a buffer in segments (UDP GSO) and learn how a received one was joined (UDP GRO):
/// of these systems, none.
pub const HAS_SEGMENTS: bool = false;

/// No datagram of the internet protocols is longer: their length field has 16 bits.
const LONGEST: usize = 1 << 16;

/// A datagram to be sent, or room for one, and the result of its transfer.
struct Entry {
    piece: Piece,
    address: Option<SockAddr>,
    received: Received,
}

/// Datagrams for one call.
pub struct Batch {
    length: usize,
    entries: [Option<Entry>; BATCH],
}

counted!(Batch);

impl Batch {
    /// An empty one.
    #[must_use]
    pub const fn new(_reports_segments: bool) -> Self {
        Self { length: 0, entries: [const { None }; BATCH] }
    }

    /// Removes all datagrams.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// Adds room for a datagram. The batch must not be full.
    pub fn push_room(&mut self, piece: Piece, _with_sender: bool) {
        self.push(piece, None, 0);
    }

    /// Adds a datagram: to an address or the connected peer. The batch must not be full; the segment size must be 0
    /// ([`HAS_SEGMENTS`]).
    pub fn push(&mut self, piece: Piece, address: Option<SockAddr>, _segment: u16) {
        self.entries[self.length] = Some(Entry { piece, address, received: Received::default() });
        self.length += 1;
    }

    /// What the last call has received at this place.
    #[must_use]
    pub fn received(&self, place: usize) -> Received {
        self.entries[place].as_ref().map(|entry| entry.received.clone()).unwrap_or_default()
    }

    /// How many bytes the last call has sent of a datagram.
    #[must_use]
    pub fn sent(&self, place: usize) -> usize {
        self.entries[place].as_ref().map_or(0, |entry| entry.received.length)
    }

    fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries[..self.length].iter_mut().flatten()
    }
}

/// Receives what is queued, a datagram for each room of the batch at the most; never blocks.
pub fn recv_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    let mut beyond = Vec::<MaybeUninit<u8>>::new();
    if flags.has(Flags::TRUNC) {
        // These systems report how many bytes they have copied, so the real length needs room for the whole datagram.
        beyond.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    }
    let rest = Piece::new(beyond.as_mut_ptr().cast(), beyond.capacity());
    move_each(batch.entries(), |entry| {
        let room = Piece::total(&[entry.piece]).unwrap_or(0);
        let pieces = [entry.piece, rest];
        let pieces = if flags.has(Flags::TRUNC) { &pieces[..] } else { &pieces[..1] };
        entry.received = receive_one(fd, pieces, flags.without(Flags::TRUNC))?;
        entry.received.cut |= entry.received.length > room;
        Ok(())
    })
}

/// Sends what the system has room for; never blocks, never raises SIGPIPE.
pub fn send_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    move_each(batch.entries(), |entry| {
        entry.received.length = send_one(fd, entry.piece, entry.address.as_ref(), flags)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{self, WOULD_BLOCK};
    use socket2::{Domain, Type};
    use std::net::{Ipv4Addr, SocketAddr};

    /// A socket that is closed at the end of its scope.
    struct OwnedSocket(Fd);

    impl OwnedSocket {
        fn bound() -> Self {
            let own = Self(sys::open(Domain::IPV4, Type::DGRAM, 0).unwrap());
            sys::bind(own.0, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            own
        }
    }

    impl Drop for OwnedSocket {
        fn drop(&mut self) {
            sys::close(self.0);
        }
    }

    fn rooms(memory: &mut [[u8; 8]]) -> Batch {
        let mut batch = Batch::new(false);
        for room in memory {
            batch.push_room(Piece::new(room.as_mut_ptr(), room.len()), true);
        }
        batch
    }

    fn datagrams(data: &[&[u8]], address: Option<&SockAddr>) -> Batch {
        let mut batch = Batch::new(false);
        for one in data {
            batch.push(Piece::new(one.as_ptr().cast_mut(), one.len()), address.cloned(), 0);
        }
        batch
    }

    #[test]
    fn datagrams_go_and_come_in_order_with_their_sender() {
        let (from, to) = (OwnedSocket::bound(), OwnedSocket::bound());
        let address = sys::local(to.0).unwrap();
        let mut batch = datagrams(&[b"one", b"", b"three"], Some(&address));
        assert_eq!(send_many(from.0, &mut batch, Flags::default()).unwrap().count, 3);
        assert_eq!([0, 1, 2].map(|place| batch.sent(place)), [3, 0, 5]);
        let mut memory = [[0; 8]; 4];
        let mut batch = rooms(&mut memory);
        assert_eq!(recv_many(to.0, &mut batch, Flags::default()).unwrap().count, 3);
        let got = [0, 1, 2].map(|place| batch.received(place));
        assert_eq!(got.each_ref().map(|one| one.length), [3, 0, 5]);
        let sender = sys::local(from.0).unwrap().as_socket();
        assert!(got.iter().all(|one| one.sender.as_ref().and_then(SockAddr::as_socket) == sender));
        assert_eq!((&memory[0][..3], &memory[2][..5]), (&b"one"[..], &b"three"[..]));
        assert_eq!(recv_many(to.0, &mut rooms(&mut memory), Flags::default()).unwrap_err(), WOULD_BLOCK);
    }

    #[test]
    fn a_datagram_that_is_cut_is_reported_and_its_length_too_if_the_flag_asks_for_it() {
        let (from, to) = (OwnedSocket::bound(), OwnedSocket::bound());
        let address = sys::local(to.0).unwrap();
        for (flags, length) in [(Flags::default(), 8), (Flags::TRUNC, 12)] {
            let mut batch = datagrams(&[b"short", b"far too long"], Some(&address));
            send_many(from.0, &mut batch, Flags::default()).unwrap();
            let mut memory = [[0; 8]; 2];
            let mut batch = rooms(&mut memory);
            assert_eq!(recv_many(to.0, &mut batch, flags).unwrap().count, 2);
            let got = [batch.received(0), batch.received(1)];
            assert_eq!(got.each_ref().map(|one| (one.length, one.cut)), [(5, false), (length, true)]);
            assert_eq!(&memory[1], b"far too ");
        }
    }

    #[test]
    fn an_error_after_some_is_reported_with_their_count() {
        let (from, to) = (OwnedSocket::bound(), OwnedSocket::bound());
        sys::connect(from.0, &sys::local(to.0).unwrap()).unwrap();
        let too_long = vec![0; 1 << 17];
        let mut batch = datagrams(&[b"fine", &too_long, b"lost"], None);
        let moved = send_many(from.0, &mut batch, Flags::default()).unwrap();
        assert_eq!((moved.count, moved.late_error.is_some()), (1, true));
        let mut batch = datagrams(&[&too_long], None);
        assert_eq!(Some(send_many(from.0, &mut batch, Flags::default()).unwrap_err()), moved.late_error);
    }
}
