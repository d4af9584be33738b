//! Very many sockets, and what can happen to them: each operation picks its sockets by chance, and notes what it has
//! done. Not here: what that makes them ready for (`model`), who looks at them (`watch`).

use crate::model::{self, Stance, State, W};
use crate::support::*;
use std::collections::{HashMap, VecDeque};

const TCP: &[&str] = &["tcp", "tcp4", "tcp6"];
const UDP: &[&str] = &["udp", "udp4", "udp6"];
const UNIX: &[&str] = &["unix", "unixpacket"];
const STREAMS: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket"];
const EVERY: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket", "udp", "udp4", "udp6", "unixgram"];

/// From so many sockets on, one is closed for each that is opened.
const CROWDED: usize = 320;
/// So many operations are told when a test fails.
const REMEMBERED: usize = 3_000;

/// A handle and what is known of it.
pub struct Socket {
    pub own: Own,
    pub kind: &'static str,
    pub state: State,
    listens: bool,
    /// A listener that has few places.
    narrow: bool,
    /// The listener for a place at which it waits.
    waits_for: Option<i64>,
    /// Its connect may still be under way, although nothing can come between.
    undecided: bool,
}

impl Socket {
    fn is_stream(&self) -> bool {
        self.state.stance != Stance::Datagrams
    }
}

pub struct World {
    pub random: Random,
    pub sockets: Vec<Socket>,
    places: HashMap<i64, usize>,
    /// What has been closed since somebody asked.
    closed: Vec<i64>,
    /// One for each kind, to which every connect and every datagram is refused.
    deaf: Vec<(&'static str, Own)>,
    log: VecDeque<String>,
    /// Other processes have these sockets too.
    is_shared: bool,
}

type Operation = fn(&mut World);

/// What can happen, and how often.
const OPERATIONS: &[(usize, Operation)] = &[
    (4, World::open_pair),
    (2, World::open_connected),
    (3, World::open_one),
    (2, World::open_listener),
    (1, World::open_pipe),
    (1, World::open_full_listener),
    (6, World::connect),
    (2, World::be_refused),
    (2, World::race),
    (5, World::accept),
    (5, World::close),
    (2, World::reset),
    (3, World::shut),
    (16, World::send),
    (4, World::send_urgent),
    (4, World::send_to),
    (2, World::send_to_nobody),
    (1, World::change_peer),
    (16, World::receive),
    (6, World::drain),
    (5, World::fill),
    (4, World::ask_for_error),
    (6, World::set_option),
    (2, World::release_and_adopt),
    (2, World::adopt_a_copy),
];

impl World {
    pub fn new(seed: u64) -> Self {
        let deaf = EVERY.iter().map(|kind| (*kind, deaf(kind))).collect();
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut world = Self {
            random,
            sockets: Vec::new(),
            places: HashMap::new(),
            closed: Vec::new(),
            deaf,
            log: VecDeque::new(),
            is_shared: false,
        };
        while world.sockets.len() < CROWDED / 2 {
            world.open_pair();
            world.open_connected();
            world.open_one();
        }
        world
    }

    /// Something happens.
    pub fn happen(&mut self) {
        if self.sockets.len() > CROWDED {
            self.close();
        }
        let all = OPERATIONS.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.random.below(all);
        for (weight, operation) in OPERATIONS {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return operation(self),
            }
        }
    }

    /// What has been closed since the last time.
    pub fn take_closed(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.closed)
    }

    pub fn state(&self, h: i64) -> &State {
        &self.sockets[self.place(h)].state
    }

    /// What happened to these handles, and the last that happened at all.
    pub fn tell(&self, handles: &[i64]) -> String {
        let names: Vec<_> = handles.iter().map(|handle| format!(" {handle} ")).collect();
        let recent = self.log.len().saturating_sub(8);
        let concerns = |(place, line): &(usize, &String)| {
            *place >= recent || names.iter().any(|name| line.contains(name))
        };
        let lines: Vec<_> = self.log.iter().enumerate().filter(concerns).map(|(_, line)| &**line).collect();
        lines.join("\n")
    }

    pub fn note(&mut self, line: String) {
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choice: &[T]) -> T {
        choice[self.random.below(choice.len())]
    }

    /// Before a fork: ends what only this process can go on with, because a thread of its tries addresses, or waits for
    /// a place.
    pub fn come_to_rest(&mut self) {
        self.is_shared = true;
        while let Some(place) = self.sockets.iter().position(|socket| socket.waits_for.is_some()) {
            self.close_at(place);
        }
        self.decide();
    }

    /// Has every connect come to its end, before something happens on which the end would depend.
    fn decide(&mut self) {
        for socket in self.sockets.iter_mut().filter(|socket| socket.undecided) {
            socket.undecided = false;
            assert_eq!(select_one(*socket.own, W, LONG_US), W, "the end of a connect");
        }
    }

    fn place(&self, h: i64) -> usize {
        self.places[&h]
    }

    fn remove(&mut self, place: usize) -> Socket {
        let socket = self.sockets.swap_remove(place);
        self.places.remove(&*socket.own);
        if let Some(moved) = self.sockets.get(place) {
            self.places.insert(*moved.own, place);
        }
        self.closed.push(*socket.own);
        socket
    }

    /// The place of one of those, if there is one.
    fn pick(&mut self, suits: impl Fn(&Socket) -> bool) -> Option<usize> {
        let suiting: Vec<_> = (0..self.sockets.len()).filter(|place| suits(&self.sockets[*place])).collect();
        (!suiting.is_empty()).then(|| self.one_of(&suiting))
    }

    fn add(&mut self, own: Own, kind: &'static str, stance: Stance) -> usize {
        if kind != "pipe" {
            expect(set(*own, "timeout", 0));
            // Small ones are full soon.
            if self.random.below(2) == 0 {
                expect(set(*own, "send_buffer", 4096));
                expect(set(*own, "receive_buffer", 4096));
            }
        }
        self.note(format!("{kind} {} is {stance:?}", *own));
        let state = State { stance, shut: 0, kept: false };
        self.places.insert(*own, self.sockets.len());
        self.sockets.push(Socket {
            own,
            kind,
            state,
            listens: false,
            narrow: false,
            waits_for: None,
            undecided: false,
        });
        self.sockets.len() - 1
    }

    // Opening.

    fn open_pair(&mut self) {
        let kind = self.one_of(&["tcp4", "tcp6", "unix", "unixgram", "unixpacket"]);
        let (one, other) = pair(kind);
        let stance = if kind == "unixgram" { Stance::Datagrams } else { Stance::Plain };
        self.add(one, kind, stance);
        self.add(other, kind, stance);
    }

    fn open_connected(&mut self) {
        let kind = self.one_of(EVERY);
        let (one, other) = connected(kind);
        let stance = if STREAMS.contains(&kind) { Stance::Plain } else { Stance::Datagrams };
        self.add(one, kind, stance);
        self.add(other, kind, stance);
    }

    fn open_one(&mut self) {
        let kind = self.one_of(EVERY);
        let own = if self.random.below(2) == 0 { open(kind) } else { bound(kind) };
        let stance = if STREAMS.contains(&kind) { Stance::Fresh } else { Stance::Datagrams };
        self.add(own, kind, stance);
    }

    fn open_listener(&mut self) {
        let kind = self.one_of(STREAMS);
        self.listener(kind);
    }

    fn listener(&mut self, kind: &'static str) -> usize {
        let place = self.add(listener(kind), kind, Stance::Plain);
        self.sockets[place].listens = true;
        place
    }

    fn open_pipe(&mut self) {
        let mut ends = [0; 2];
        // SAFETY: there is room for two.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) }, 0);
        for end in ends {
            self.add(own(expect(anysock_adopt(end.into()))), "pipe", Stance::Plain);
        }
    }

    /// A listener whose backlog is full, and one more that waits for a place.
    fn open_full_listener(&mut self) {
        let kind = self.one_of(UNIX);
        let own = bound(kind);
        expect(anysock_listen(*own, 1));
        let address = local_address(*own);
        let listener = *own;
        let place = self.add(own, kind, Stance::Plain);
        self.sockets[place].listens = true;
        self.sockets[place].narrow = true;
        loop {
            let client = open(kind);
            expect(set(*client, "connect_timeout", 0));
            match connect(*client, &address) {
                0 => drop(self.add(client, kind, Stance::Plain)),
                code => {
                    expect_error(code, "EINPROGRESS");
                    let place = self.add(client, kind, Stance::Waiting);
                    self.sockets[place].waits_for = Some(listener);
                    return;
                }
            }
        }
    }

    // Connecting.

    /// A stream that was never connected.
    fn fresh(&mut self, kinds: &[&'static str]) -> usize {
        let fresh = self.pick(|socket| socket.state.stance == Stance::Fresh && kinds.contains(&socket.kind));
        fresh.unwrap_or_else(|| {
            let kind = self.one_of(kinds);
            self.add(open(kind), kind, Stance::Fresh)
        })
    }

    fn connect(&mut self) {
        let client = self.fresh(STREAMS);
        let kind = self.sockets[client].kind;
        let listens = |socket: &Socket| socket.listens && !socket.narrow && socket.kind == kind;
        let listener = self.pick(listens).unwrap_or_else(|| self.listener(kind));
        let (h, listener) = (*self.sockets[client].own, *self.sockets[listener].own);
        let patience = self.one_of(&[0, LONG_US]);
        expect(set(h, "connect_timeout", patience));
        self.settle_connect(client, connect(h, &local_address(listener)));
        self.note(format!("connect {h} to listener {listener} ({patience})"));
    }

    fn settle_connect(&mut self, client: usize, code: i64) {
        let under_way = code == 0 || name(code) == "EINPROGRESS";
        self.sockets[client].state.stance = if under_way { Stance::Plain } else { Stance::Failed };
        self.sockets[client].undecided = under_way && code != 0;
    }

    fn be_refused(&mut self) {
        let client = self.fresh(STREAMS);
        let Socket { own, kind, .. } = &self.sockets[client];
        let (h, nobody) = (**own, self.nobody(kind));
        let patience = self.one_of(&[0, LONG_US]);
        expect(set(h, "connect_timeout", patience));
        let code = connect(h, &nobody);
        self.note(format!("connect {h} to nobody: {}", name(code)));
        // A process that shares the socket may have connected it, which is news to the kernel's next caller.
        assert!(code < 0 || self.is_shared, "connected to nobody");
        self.sockets[client].state.stance = if code == 0 { Stance::Plain } else { Stance::Failed };
    }

    fn nobody(&self, kind: &str) -> String {
        let (_, deaf) = self.deaf.iter().find(|(other, _)| *other == kind).unwrap();
        local_address(**deaf)
    }

    /// This machine has several addresses, at one of which somebody listens.
    fn race(&mut self) {
        let client = self.fresh(&["tcp"]);
        let listener = self.pick(|socket| socket.listens && socket.kind == "tcp");
        let listener = listener.unwrap_or_else(|| self.listener("tcp"));
        let (h, address) = (*self.sockets[client].own, local_address(*self.sockets[listener].own));
        expect(set(h, "connect_timeout", 0));
        let code = connect(h, &address.replace("127.0.0.1", ""));
        self.note(format!("connect {h} to all of {address}: {}", name(code)));
        self.settle_connect(client, code);
    }

    fn accept(&mut self) {
        let Some(place) = self.pick(|socket| socket.listens) else { return };
        let Socket { own: socket, kind, .. } = &self.sockets[place];
        let (listener, kind) = (**socket, *kind);
        let code = anysock_accept(listener);
        self.note(format!("accept at {listener} : {code}"));
        match code {
            0.. => {
                self.add(own(code), kind, Stance::Plain);
                self.release_waiting(listener, Stance::Plain);
            }
            code => expect_error(code, "EAGAIN"),
        }
    }

    /// Who waits for a place at the listener has got one, or never will.
    fn release_waiting(&mut self, listener: i64, stance: Stance) {
        for socket in self.sockets.iter_mut().filter(|socket| socket.waits_for == Some(listener)) {
            socket.waits_for = None;
            socket.undecided = true;
            socket.state.stance = stance;
        }
        // It looks only every now and then: until then nobody else must take the place, nor the listener go.
        self.decide();
    }

    // Ends.

    fn close(&mut self) {
        let place = self.random.below(self.sockets.len());
        self.close_at(place);
    }

    fn close_at(&mut self, place: usize) {
        self.decide();
        let socket = self.remove(place);
        let h = *socket.own;
        self.note(format!("close {h} ({})", socket.kind));
        drop(socket);
        self.release_waiting(h, Stance::Failed);
    }

    fn reset(&mut self) {
        let connected = |socket: &Socket| {
            TCP.contains(&socket.kind) && socket.state.stance == Stance::Plain && !socket.listens
        };
        let Some(place) = self.pick(connected) else { return };
        self.note(format!("reset by {} ", *self.sockets[place].own));
        expect(set(*self.sockets[place].own, "linger", 0));
        self.close_at(place);
    }

    fn shut(&mut self) {
        let place = self.random.below(self.sockets.len());
        let how = 1 + self.random.below(3) as i32;
        let socket = &mut self.sockets[place];
        let h = *socket.own;
        let code = anysock_shutdown(h, how);
        if code == 0 {
            socket.state.shut |= how;
        }
        self.note(format!("shut {h} {how}: {code}"));
    }

    // Bytes.

    /// A call has moved bytes or failed: errors stay with streams, and are told once to others.
    #[track_caller]
    fn judge(&mut self, place: usize, what: &str, code: i64) {
        const FATAL: &[&str] = &["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ETIMEDOUT"];
        let socket = &mut self.sockets[place];
        let h = *socket.own;
        match socket.state.stance {
            Stance::Datagrams if socket.state.kept => {
                assert!(code < 0 && name(code) != "EAGAIN", "{what} {h} : {code} instead of the kept error");
                socket.state.kept = false;
            }
            Stance::Plain if code < 0 && FATAL.contains(&&*name(code)) => socket.state.kept = true,
            _ => {}
        }
        let outcome = if code < 0 { name(code) } else { code.to_string() };
        self.note(format!("{what} {h} : {outcome}"));
    }

    fn send(&mut self) {
        self.decide();
        let place = self.random.below(self.sockets.len());
        let length = self.one_of(&[0, 1, 10, 1_000, 5_000]);
        let code = send(*self.sockets[place].own, &[7; 5_000][..length], ANYSOCK_FLAG_DONT_WAIT);
        self.judge(place, &format!("send {length} by"), code);
    }

    fn send_urgent(&mut self) {
        let connected = |socket: &Socket| socket.is_stream() && socket.state.stance == Stance::Plain;
        let Some(place) = self.pick(connected) else { return };
        let code = send(*self.sockets[place].own, b"!", ANYSOCK_FLAG_DONT_WAIT | ANYSOCK_FLAG_OOB);
        self.judge(place, "send urgent by", code);
    }

    fn send_to(&mut self) {
        let Some((sender, _, address)) = self.two_of_a_kind() else { return };
        let code = send_to(*self.sockets[sender].own, b"datagram", ANYSOCK_FLAG_DONT_WAIT, &address);
        self.judge(sender, &format!("send to {address} by"), code);
    }

    /// Two datagram sockets of one kind, and the second one's address.
    fn two_of_a_kind(&mut self) -> Option<(usize, i64, String)> {
        let one = self.pick(|socket| !socket.is_stream())?;
        let kind = self.sockets[one].kind;
        let other = self.pick(|socket| socket.kind == kind && anysock_fd(*socket.own) >= 0)?;
        let other = *self.sockets[other].own;
        let address = local_address(other);
        let has_name = !address.is_empty() && !address.ends_with(":0");
        has_name.then_some((one, other, address))
    }

    fn send_to_nobody(&mut self) {
        let Some(place) = self.pick(|socket| UDP.contains(&socket.kind)) else { return };
        let Socket { own, kind, .. } = &self.sockets[place];
        let (h, nobody) = (**own, self.nobody(kind));
        let code = connect(h, &nobody);
        self.note(format!("connect {h} to nobody: {code}"));
        let code = send(h, b"anybody?", ANYSOCK_FLAG_DONT_WAIT);
        self.judge(place, "send to nobody by", code);
    }

    fn change_peer(&mut self) {
        let Some((one, other, address)) = self.two_of_a_kind() else { return };
        let h = *self.sockets[one].own;
        let code = connect(h, &address);
        self.note(format!("connect {h} to {other} : {code}"));
    }

    fn receive(&mut self) {
        let place = self.random.below(self.sockets.len());
        let length = self.one_of(&[1, 3, 100, 10_000]);
        let flags = self.one_of(&[0, 0, 0, ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_OOB]);
        let code = recv(*self.sockets[place].own, &mut [0; 10_000][..length], flags | ANYSOCK_FLAG_DONT_WAIT);
        self.judge(place, &format!("receive {length} ({flags}) by"), code);
    }

    fn drain(&mut self) {
        let Some(place) = self.pick(|socket| socket.state.stance == Stance::Plain || !socket.is_stream())
        else {
            return;
        };
        let mut room = vec![0; 1 << 16];
        for _ in 0..500 {
            let code = recv(*self.sockets[place].own, &mut room, ANYSOCK_FLAG_DONT_WAIT);
            if code <= 0 || self.sockets[place].state.kept {
                return self.judge(place, "drain", code);
            }
        }
    }

    fn fill(&mut self) {
        self.decide();
        let connected = |socket: &Socket| {
            !UDP.contains(&socket.kind) && matches!(socket.state.stance, Stance::Plain | Stance::Datagrams)
        };
        let Some(place) = self.pick(connected) else { return };
        let (h, data) = (*self.sockets[place].own, vec![8; 1 << 15]);
        for length in [1 << 15, 1_000, 1] {
            for _ in 0..300 {
                let code = send(h, &data[..length], ANYSOCK_FLAG_DONT_WAIT);
                if code <= 0 || self.sockets[place].state.kept {
                    self.judge(place, "fill", code);
                    break;
                }
            }
        }
    }

    // Whatever else.

    fn ask_for_error(&mut self) {
        let place = self.random.below(self.sockets.len());
        let socket = &mut self.sockets[place];
        let h = *socket.own;
        let error = get(h, "error").unwrap_or(0);
        if error != 0 && matches!(socket.state.stance, Stance::Plain | Stance::Datagrams) {
            socket.state.kept = true;
        }
        self.note(format!("error of {h} : {}", name(error)));
    }

    fn set_option(&mut self) {
        // No system tells another process's pollers that an option has made a socket ready.
        if self.is_shared {
            return;
        }
        let place = self.random.below(self.sockets.len());
        let (option, value) = self.one_of(&[
            ("receive_low_water", 1),
            ("receive_low_water", 100),
            ("oob_inline", 0),
            ("oob_inline", 1),
            ("send_buffer", 4_096),
            ("send_buffer", 100_000),
            ("receive_buffer", 4_096),
            ("receive_buffer", 100_000),
            ("tcp.nodelay", 1),
            ("tcp.not_sent_low_water", 1_000),
            ("tcp.not_sent_low_water", 1_000_000),
        ]);
        let h = *self.sockets[place].own;
        let code = set(h, option, value);
        self.note(format!("set {option} of {h} to {value}: {code}"));
    }

    /// One whose descriptor tells all that there is to know.
    fn pick_adoptable(&mut self) -> Option<usize> {
        let is_shared = self.is_shared;
        let adoptable = |socket: &Socket| {
            let known = !matches!(socket.state.stance, Stance::Waiting | Stance::Failed) && !socket.undecided;
            // Its handle has not heard of it if another process has connected it; a new handle may.
            let is_news = is_shared && socket.state.stance == Stance::Fresh;
            known && !is_news && !socket.listens && anysock_fd(*socket.own) >= 0
        };
        self.pick(adoptable)
    }

    fn adopt(&mut self, fd: i64, kind: &'static str, before: Stance) -> i64 {
        let own = own(expect(anysock_adopt(fd)));
        let h = *own;
        let stance = match kind {
            "pipe" => Stance::Plain,
            kind if !STREAMS.contains(&kind) => Stance::Datagrams,
            _ if has_peer(fd as i32) => Stance::Plain,
            // A connection that is over may have no peer any more; it is none that never was.
            _ => before,
        };
        // An open kind's descriptor has a family.
        let kind = match get_text(h, "kind").as_deref() {
            Ok("tcp4") => "tcp4",
            Ok("tcp6") => "tcp6",
            Ok("udp4") => "udp4",
            Ok("udp6") => "udp6",
            _ => kind,
        };
        self.add(own, kind, stance);
        h
    }

    fn release_and_adopt(&mut self) {
        let Some(place) = self.pick_adoptable() else { return };
        let Socket { own, kind, state, .. } = self.remove(place);
        let fd = expect(anysock_release(*own));
        let h = self.adopt(fd, kind, state.stance);
        self.note(format!("release {} and adopt it as {h} ", *own));
    }

    fn adopt_a_copy(&mut self) {
        let Some(place) = self.pick_adoptable() else { return };
        let Socket { own, kind, state, .. } = &self.sockets[place];
        let (h, kind, stance) = (**own, *kind, state.stance);
        // SAFETY: takes no memory.
        let copy = unsafe { libc::fcntl(anysock_fd(h) as i32, libc::F_DUPFD_CLOEXEC, 0) };
        assert!(copy >= 0);
        let twin = self.adopt(copy.into(), kind, stance);
        self.note(format!("adopt a copy of {h} as {twin} "));
    }
}

/// Datagrams from others than its peer, which is itself, are refused, and connects are: it does not listen.
fn deaf(kind: &str) -> Own {
    let deaf = bound(kind);
    if UDP.contains(&kind) {
        expect(connect(*deaf, &local_address(*deaf)));
    }
    deaf
}

fn has_peer(fd: i32) -> bool {
    // SAFETY: plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: both places live through the call, and the length is that of the first.
    unsafe { libc::getpeername(fd, (&raw mut address).cast(), &mut length) == 0 }
}

impl World {
    /// For what each of these is ready by the model.
    pub fn ready(&self, handles: &[i64]) -> Vec<i32> {
        let polled = model::polled(handles);
        let ready = |(handle, polled): (&i64, i32)| {
            let socket = &self.sockets[self.places[handle]];
            model::ready(&socket.state, polled, anysock_fd(*handle) >= 0)
        };
        handles.iter().zip(polled).map(ready).collect()
    }
}
