//! Many datagrams one by one, where no system call takes many, or none that keeps what is promised: FreeBSD's are loops in its
//! C library that drop the error which ends them, and NetBSD and OpenBSD keep it as the socket's, even EAGAIN.
//! Not here: Linux (`mmsg`).

use crate::sys::{
    BATCH, Fd, Flags, Moved, OUT_OF_MEMORY, OsError, Piece, Received, Result, WOULD_BLOCK, receive_one,
    send_one,
};
use socket2::SockAddr;
use std::mem::MaybeUninit;

/// No system here cuts a send into segments for a single call, or is asked how what it received was cut.
pub const HAS_SEGMENTS: bool = false;

/// No datagram of the internet protocols is longer.
const LONGEST: usize = 1 << 16;

/// A datagram to be sent, or room for one, and what became of it.
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
    pub const fn new(_tells_segments: bool) -> Self {
        Self { length: 0, entries: [const { None }; BATCH] }
    }

    /// Takes all out.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// Adds room for a datagram.
    pub fn push_room(&mut self, piece: Piece, _with_sender: bool) {
        self.push(piece, None, 0);
    }

    /// Adds a datagram: to an address or the connected peer. No segments are asked for here ([`HAS_SEGMENTS`]).
    pub fn push(&mut self, piece: Piece, address: Option<SockAddr>, _segment: u16) {
        self.entries[self.length] = Some(Entry { piece, address, received: Received::default() });
        self.length += 1;
    }

    /// What the last call has received.
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

/// Receives what is there, a datagram for each room of the batch at the most.
pub fn recv_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    let mut beyond = Vec::<MaybeUninit<u8>>::new();
    if flags.has(Flags::TRUNC) {
        // The real length shows where the rest has a place too, which nobody looks at.
        beyond.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    }
    let rest = Piece::new(beyond.as_mut_ptr().cast(), beyond.capacity());
    each(batch, |entry| {
        let room = Piece::total(&[entry.piece]).unwrap_or(0);
        let pieces = [entry.piece, rest];
        let pieces = if flags.has(Flags::TRUNC) { &pieces[..] } else { &pieces[..1] };
        entry.received = receive_one(fd, pieces, flags.without(Flags::TRUNC))?;
        entry.received.cut |= entry.received.length > room;
        Ok(())
    })
}

/// Sends what there is room for; never raises SIGPIPE.
pub fn send_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    each(batch, |entry| {
        entry.received.length = send_one(fd, entry.piece, entry.address.as_ref(), flags)?;
        Ok(())
    })
}

/// Until one fails. An error after some was told once, perhaps of a datagram before: it is not lost.
fn each(batch: &mut Batch, mut one: impl FnMut(&mut Entry) -> Result<()>) -> Result<Moved> {
    let mut count = 0;
    for entry in batch.entries() {
        match one(entry) {
            Ok(()) => count += 1,
            Err(error) if count == 0 => return Err(error),
            Err(WOULD_BLOCK) => break,
            Err(error @ OsError(_)) => return Ok(Moved { count, late_error: Some(error) }),
        }
    }
    Ok(Moved { count, late_error: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;
    use socket2::{Domain, Type};
    use std::net::{Ipv4Addr, SocketAddr};

    /// A socket that is closed at the end of its scope.
    struct Own(Fd);

    impl Own {
        fn bound() -> Self {
            let own = Self(sys::open(Domain::IPV4, Type::DGRAM, 0).unwrap());
            sys::bind(own.0, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            own
        }
    }

    impl Drop for Own {
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
        let (from, to) = (Own::bound(), Own::bound());
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
    fn a_datagram_that_is_cut_is_told_with_its_length_if_that_is_asked() {
        let (from, to) = (Own::bound(), Own::bound());
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
    fn an_error_after_some_is_told_with_their_count() {
        let (from, to) = (Own::bound(), Own::bound());
        sys::connect(from.0, &sys::local(to.0).unwrap()).unwrap();
        let too_long = vec![0; 1 << 17];
        let mut batch = datagrams(&[b"fine", &too_long, b"lost"], None);
        let moved = send_many(from.0, &mut batch, Flags::default()).unwrap();
        assert_eq!((moved.count, moved.late_error.is_some()), (1, true));
        let mut batch = datagrams(&[&too_long], None);
        assert_eq!(Some(send_many(from.0, &mut batch, Flags::default()).unwrap_err()), moved.late_error);
    }
}
