//! Datagrams in the life of `random`: pairs of sockets of which the queues have one end. Every datagram goes and comes whole or cut to
//! its room, once, and in order; none of AF_UNIX is lost. Not here: what is told of any operation (`random`).

use super::*;

/// More would wait long for the peer.
const LONGEST: usize = 300;
const AT_ONCE: usize = 20;

/// A pair, of which the queues have one end.
pub struct Pair {
    seed: u64,
    one: Own,
    other: Own,
    from: anysock_address,
    /// None is lost on its way.
    is_safe: bool,
    /// Events of its reads may say who has sent, and not where in the order they stand.
    is_named: bool,
    is_over: bool,
    /// The operations in the order in which they were handed over.
    writes: Vec<i64>,
    reads: Vec<i64>,
    /// What the peer has sent, and what it has received.
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

impl Pair {
    pub fn new(random: &mut Random) -> Self {
        let kinds = here(&["udp4", "unixgram"]);
        let kind = kinds[random.below(kinds.len())];
        let (one, other) = connected(kind);
        if random.below(2) == 0 {
            // So few fit that writes wait.
            expect(set(*one, "send_buffer", 4_096));
        }
        match random.below(6) {
            0 => expect(set(*one, "write_timeout", 3_000)),
            1 => expect(set(*one, "read_timeout", 3_000)),
            2 => expect(set(*one, "timeout", 0)),
            _ => 0,
        };
        Self {
            seed: random.next(),
            from: parse(kind, &local_address(*other)).unwrap(),
            one,
            other,
            is_safe: kind == "unixgram",
            is_named: random.below(2) == 0,
            is_over: false,
            writes: vec![],
            reads: vec![],
            sent: vec![],
            received: vec![],
        }
    }

    /// The peer takes what has come.
    fn receive(&mut self) {
        let mut room = [0; LONGEST + 1];
        loop {
            match recv(*self.other, &mut room, ANYSOCK_FLAG_DONT_WAIT) {
                count @ 0.. => self.received.push(room[..count as usize].to_vec()),
                ANYSOCK_EAGAIN => return,
                // Of a socket that is closed UDP tells once.
                _ if self.is_over => return,
                ANYSOCK_ECONNREFUSED => {}
                code => panic!("{}", name(code)),
            }
        }
    }

    fn send(&mut self, length: usize) {
        let count = self.sent.len() as u64;
        let byte =
            |place: usize| (self.seed.wrapping_mul(count * 2 + 1).wrapping_add(place as u64 * 41) >> 5) as u8;
        let data: Vec<_> = (0..length).map(byte).collect();
        if send(*self.other, &data, ANYSOCK_FLAG_DONT_WAIT) == length as i64 {
            self.sent.push(data);
        }
    }
}

impl Hand<'_> {
    /// Something happens to one of them.
    pub fn datagrams(&mut self) {
        let world = self.world;
        let place = self.random.below(world.pairs.len());
        let mut pair = lock(&world.pairs[place]);
        match self.random.below(60) {
            0 => self.replace_pair(&mut pair),
            1..=20 => {
                pair.receive();
                for _ in 0..self.random.below(6) {
                    let length = self.random.below(LONGEST);
                    pair.send(length * self.random.below(3) / 2);
                }
            }
            _ => self.hand_over(&mut pair),
        }
    }

    fn hand_over(&mut self, pair: &mut Pair) {
        let mut queue = usize::from(self.random.below(4) == 0) % QUEUES;
        if self.random.below(4) == 0 {
            queue = self.add_echo(*pair.one, LONGEST, &mut pair.writes).unwrap_or(queue);
        }
        match self.random.below(4) {
            0 if queue == 0 => self.add_receive(pair),
            1 => self.add_other(queue, *pair.one),
            _ => (0..self.random.below(AT_ONCE)).for_each(|_| self.add_datagram(queue, pair)),
        }
        let capacity = self.random.below(30);
        self.run(queue, capacity, 0);
    }

    fn add_receive(&mut self, pair: &mut Pair) {
        let flags = if self.random.below(3) > 0 { MULTI } else { 0 };
        let length = [0, 0, 1, 50][self.random.below(4)];
        let is_named = pair.is_named && self.random.below(3) > 0;
        let verb = if is_named { ANYSOCK_OP_RECEIVE_FROM } else { ANYSOCK_OP_READ };
        let token = self.note(0, anysock_op { flags, length, ..op(verb, 0, *pair.one) }, vec![]);
        if let Some(record) = lock(&self.world.records[0]).get_mut(&token) {
            record.from = is_named.then_some(pair.from);
        }
        pair.reads.push(token);
    }

    fn add_datagram(&mut self, queue: usize, pair: &mut Pair) {
        let first = self.random.next();
        let length = self.random.below(LONGEST);
        let bytes: Vec<_> =
            (0..length).map(|place| (first.wrapping_add(place as u64 * 37) >> 5) as u8).collect();
        // SAFETY: numbers without gaps, as the header has them.
        let address: [u8; size_of::<anysock_address>()] = unsafe { std::mem::transmute(pair.from) };
        let Some(value) = self.place(&address) else { return };
        let Some(data) = self.place(&bytes) else { return };
        let (verb, value) = [(ANYSOCK_OP_WRITE, 0), (ANYSOCK_OP_SEND_TO, value)][self.random.below(2)];
        let flags = if self.random.below(4) == 0 { QUIET } else { 0 };
        let op = anysock_op { data, length: length as i64, value, flags, ..op(verb, 0, *pair.one) };
        let token = self.note(queue, op, bytes);
        pair.writes.push(token);
    }

    /// A pair ends, and another has its place.
    fn replace_pair(&mut self, pair: &mut Pair) {
        let queue = self.random.below(QUEUES);
        if self.random.below(2) == 0 {
            let flags = [0, ANYSOCK_QUEUE_NOW][self.random.below(2)];
            self.note(queue, anysock_op { flags, ..op(ANYSOCK_OP_CLOSE, 0, *pair.one) }, vec![]);
            self.run(queue, 8, 0);
        } else {
            expect(anysock_close(*pair.one));
        }
        pair.is_over = true;
        let old = std::mem::replace(pair, Pair::new(&mut self.random));
        lock(&self.world.retired_pairs).push(old);
    }
}

/// What has gone and come, and what was told of it.
pub fn compare(mut pair: Pair, records: &mut HashMap<i64, Record>, size: usize, is_alone: bool) {
    pair.receive();
    let writes: Vec<_> = pair.writes.iter().map(|token| records.remove(token).unwrap()).collect();
    let has_gone = |record: &&Record| record.end.is_none_or(|(result, _)| result >= 0);
    let gone: Vec<_> = writes.iter().filter(has_gone).map(|record| &record.sent).collect();
    if pair.is_safe {
        assert!(pair.received.iter().eq(gone), "what the peer has received");
    } else {
        let mut gone = gone.into_iter();
        assert!(pair.received.iter().all(|data| gone.any(|sent| sent == data)), "what the peer has received");
    }
    let reads: Vec<_> = pair.reads.iter().map(|token| records.remove(token).unwrap()).collect();
    if is_alone || !pair.is_named {
        in_order(&pair, reads, size);
    } else {
        let come: usize = reads.iter().map(|record| record.pieces.len()).sum();
        assert!(come <= pair.sent.len());
        for record in &reads {
            let is_of = |piece: &Piece| pair.sent.iter().any(|sent| record.fits(piece, sent, size));
            assert!(record.pieces.iter().all(is_of), "{record:?}");
        }
    }
}

/// What was told is what the peer has sent, in that order; and what was not told is still there.
fn in_order(pair: &Pair, reads: Vec<Record>, size: usize) {
    let mut sent = pair.sent.iter();
    for mut record in reads {
        if record.op == ANYSOCK_OP_READ {
            // An empty one stands before the next, and has the same place.
            record.pieces.sort_by_key(|piece| (piece.place, piece.bytes.len()));
        }
        for piece in &record.pieces {
            let is_it = |sent: &Vec<u8>| record.fits(piece, sent, size);
            let is_there = if pair.is_safe { sent.next().is_some_and(is_it) } else { sent.any(is_it) };
            assert!(is_there, "{piece:?} of {record:?}");
        }
    }
    if pair.is_over {
        return;
    }
    let mut room = [0; LONGEST];
    while let count @ 0.. = recv(*pair.one, &mut room, ANYSOCK_FLAG_DONT_WAIT) {
        let mut is_it = |sent: &Vec<u8>| *sent == room[..count as usize];
        assert!(
            if pair.is_safe { sent.next().is_some_and(&mut is_it) } else { sent.any(is_it) },
            "what is left"
        );
    }
    assert!(!pair.is_safe || sent.next().is_none(), "a datagram is lost");
}

impl Record {
    /// Whether a piece is what comes of a datagram.
    fn fits(&self, piece: &Piece, sent: &[u8], size: usize) -> bool {
        let room = if self.length == 0 { size } else { size.min(self.length) };
        piece.bytes == sent[..sent.len().min(room)] && piece.is_cut == (sent.len() > room)
    }
}
