//! What it means to be ready: the table of the manual, each row for each kind of socket it is about, as select
//! sees it alone and in a crowd, as a level-triggered poller does, an edge-triggered one and a one-shot one. And that
//! looking takes nothing away. Not here: how select treats its sets (`select`), how a poller its registrations (`poller`).

use crate::endings::Ending;
use crate::own::given;
use crate::peers::*;
use crate::support::*;
use std::cell::Cell;

const R: i32 = ANYSOCK_EVENT_READ;
const W: i32 = ANYSOCK_EVENT_WRITE;
const X: i32 = ANYSOCK_EVENT_EXCEPT;
const NOTHING: i32 = 0;
const ALL: i32 = R | W | X;

/// The socket that is looked at, and what must live as long for it to stay what it is.
type Scene = (Own, Vec<Own>);

/// A row: what is the case, for which kinds, how that comes about, and for what the socket is ready then.
type Row = (&'static str, &'static [&'static str], fn(&str) -> Scene, i32);

const TCP: &[&str] = &["tcp", "tcp4", "tcp6"];
const UDP: &[&str] = &["udp", "udp4", "udp6"];
const UNIX: &[&str] = &["unix", "unixpacket"];
const STREAMS: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket"];
const DATAGRAMS: &[&str] = &["udp", "udp4", "udp6", "unixgram"];
const EVERY: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket", "udp", "udp4", "udp6", "unixgram"];
const BORDERED: &[&str] = &["udp", "udp4", "udp6", "unixgram", "unixpacket"];

const TABLE: &[Row] = &[
    // A stream that was never connected is never ready.
    ("fresh stream", STREAMS, |kind| fresh(kind), NOTHING),
    ("fresh stream with an address", STREAMS, |kind| with_address(kind), NOTHING),
    // A datagram socket needs no connection.
    ("fresh datagram socket", DATAGRAMS, |kind| fresh(kind), W),
    ("fresh datagram socket with an address", DATAGRAMS, |kind| with_address(kind), W),
    ("connected and idle", EVERY, |kind| idle(kind), W),
    ("accepted and idle", STREAMS, |kind| swap(idle(kind)), W),
    ("a pair, idle", &["tcp", "tcp4", "tcp6", "unix", "unixgram", "unixpacket"], |kind| of_pair(kind), W),
    // Read: data.
    ("data is queued", EVERY, |kind| received(kind, b"data"), R | W),
    ("data of an unconnected sender is queued", DATAGRAMS, unconnected_data, R | W),
    ("an empty datagram is queued", BORDERED, |kind| received(kind, b""), R | W),
    ("all data has been read", EVERY, all_read, W),
    ("part of the data has been read", &["tcp", "tcp4", "tcp6", "unix"], half_read, R | W),
    // Read: the end of the stream.
    ("the peer has shut writing", STREAMS, |kind| peer_shut(kind, ANYSOCK_SHUT_WRITE), R | W),
    ("the peer has shut writing, data is queued", STREAMS, data_and_end, R | W),
    ("the peer has shut both halves", STREAMS, |kind| peer_shut(kind, ANYSOCK_SHUT_BOTH), R | W),
    ("the peer is closed", STREAMS, peer_closed, R | W),
    ("the end has been read", STREAMS, end_read, R | W),
    // This side's halves.
    ("own read half shut", EVERY, |kind| self_shut(idle(kind), ANYSOCK_SHUT_READ), R | W),
    ("own write half shut", STREAMS, |kind| self_shut(idle(kind), ANYSOCK_SHUT_WRITE), W),
    (
        "own write half shut on a datagram socket",
        DATAGRAMS,
        |kind| self_shut(idle(kind), ANYSOCK_SHUT_WRITE),
        W,
    ),
    ("own write half shut, buffer full", FULL, |kind| self_shut(full(kind), ANYSOCK_SHUT_WRITE), W),
    ("own read half shut, buffer full", FULL, |kind| self_shut(full(kind), ANYSOCK_SHUT_READ), R),
    ("both own halves shut", EVERY, |kind| self_shut(idle(kind), ANYSOCK_SHUT_BOTH), R | W),
    ("both own halves shut, buffer full", FULL, |kind| self_shut(full(kind), ANYSOCK_SHUT_BOTH), R | W),
    // Write: room.
    ("the send buffer is full", FULL, |kind| full(kind), NOTHING),
    ("the send buffer is full, data is queued", FULL, full_with_data, R),
    ("the peer has read", FULL, room_again, W),
    // A listener.
    ("listener without a connection", STREAMS, |kind| listening(kind), NOTHING),
    ("listener with a connection", STREAMS, |kind| listener_with(kind, 1), R),
    ("listener with several connections", STREAMS, |kind| listener_with(kind, 3), R),
    ("listener whose connection was accepted", STREAMS, listener_after_accept, NOTHING),
    // A non-blocking connect.
    ("connect under way", UNDER_WAY, |kind| connect_under_way(kind), NOTHING),
    ("connect has finished well", STREAMS, connect_finished, W),
    ("connect has finished well, data is queued", STREAMS, connect_finished_with_data, R | W),
    ("connect has finished well and said so", STREAMS, connect_told, W),
    ("connect has failed", STREAMS, |kind| connect_failed(kind, 0), ALL),
    ("connect has failed and said so", STREAMS, connect_failed_and_told, ALL),
    ("blocking connect was refused", STREAMS, |kind| connect_failed(kind, -1), ALL),
    ("connect has timed out", UNDER_WAY, connect_timed_out, ALL),
    ("connect to several addresses has finished well", &["tcp"], raced_connect_finished, W),
    ("connect to several addresses has failed", &["tcp"], raced_connect_failed, ALL),
    // An error is pending.
    ("the peer has reset the connection", TCP, |kind| reset(kind), R | W),
    ("the reset has been read", TCP, reset_told, R | W),
    ("the peer is closed with data unread", UNIX, closed_with_data, R | W),
    // It was another's when it ended.
    ("reset elsewhere", ELSEWHERE, |kind| ended_elsewhere(kind, Ending::Reset), R | W),
    ("reset elsewhere behind data", ELSEWHERE, |kind| ended_elsewhere(kind, Ending::ResetBehindData), R | W),
    ("both have finished elsewhere", ELSEWHERE, |kind| ended_elsewhere(kind, Ending::Finished), R | W),
    ("a connect has failed elsewhere", ELSEWHERE, |kind| ended_elsewhere(kind, Ending::ConnectFailed), ALL),
    ("a datagram was refused", UDP, |kind| refused(kind), R | W),
    ("the refusal has been read", UDP, refused_and_told, W),
    // Urgent data.
    ("urgent data", TCP, |kind| urgent(kind, false), W | X),
    ("urgent data after other data", TCP, |kind| urgent(kind, true), R | W | X),
    ("the urgent data has been read", TCP, urgent_read, W),
];

/// Winsock keeps the peer of a connection that is over, and so knows it from one that never was.
const ELSEWHERE: &[&str] = if cfg!(unix) { TCP } else { &[] };

/// Kinds whose sender is held back when nobody reads.
const FULL: &[&str] = &["tcp", "tcp4", "tcp6", "unix", "unixpacket", "unixgram"];

/// Only Linux lets a connection wait for a place in the backlog.
const UNDER_WAY: &[&str] = if cfg!(target_os = "linux") { STREAMS } else { &[] };

/// The kinds for which a row can come about here.
fn kinds_for(what: &str, kinds: &[&'static str]) -> Vec<&'static str> {
    let is_told = match what {
        _ if what.contains("reset") => resets_are_told(),
        _ if kinds == UDP && what.contains("refus") => refusals_are_told(),
        _ => true,
    };
    if is_told { here(kinds) } else { Vec::new() }
}

// How each row comes about.

thread_local! {
    /// For what the socket of a scene is asked in a crowd while the scene comes about; for nothing: nobody looks.
    static WATCHED: Cell<i32> = const { Cell::new(NOTHING) };
}

/// A stage of a scene: there may be those who look already.
fn stage(scene: Scene) -> Scene {
    match WATCHED.get() {
        NOTHING => {}
        asked => introduce(*scene.0, asked),
    }
    scene
}

fn fresh(kind: &str) -> Scene {
    stage((open(kind), vec![]))
}

fn with_address(kind: &str) -> Scene {
    let scene = fresh(kind);
    expect(bind(*scene.0, &free_address(kind)));
    stage(scene)
}

fn listening(kind: &str) -> Scene {
    let scene = with_address(kind);
    expect(anysock_listen(*scene.0, 0));
    stage(scene)
}

fn idle(kind: &str) -> Scene {
    let (one, other) = connected(kind);
    stage((one, vec![other]))
}

fn of_pair(kind: &str) -> Scene {
    let (one, other) = pair(kind);
    stage((one, vec![other]))
}

fn full(kind: &str) -> Scene {
    let scene = of_pair(kind);
    fill(*scene.0);
    stage(scene)
}

/// Looks at the other one.
fn swap((one, mut others): Scene) -> Scene {
    stage((others.remove(0), vec![one]))
}

/// The kernel says how many bytes are queued; of empty datagrams it says nothing.
fn arrived(h: i64) {
    until("that data arrives", || recv(h, &mut [0; 1], ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_DONT_WAIT) >= 0);
}

fn received(kind: &str, data: &[u8]) -> Scene {
    let (one, others) = idle(kind);
    assert_eq!(send(*others[0], data, 0), data.len() as i64);
    arrived(*one);
    stage((one, others))
}

fn unconnected_data(kind: &str) -> Scene {
    let ((receiver, _), sender) = (with_address(kind), bound(kind));
    assert_eq!(send_to(*sender, b"data", 0, &local_address(*receiver)), 4);
    arrived(*receiver);
    (receiver, vec![sender])
}

fn all_read(kind: &str) -> Scene {
    let scene = received(kind, b"data");
    assert_eq!(read(*scene.0, &mut [0; 16]), 4);
    scene
}

fn half_read(kind: &str) -> Scene {
    let scene = received(kind, b"data");
    assert_eq!(read(*scene.0, &mut [0; 2]), 2);
    scene
}

/// The end of the stream has come when a read that does not wait finds it.
fn ended(h: i64) {
    until("that the stream ends", || recv(h, &mut [0; 1], ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_DONT_WAIT) == 0);
}

fn peer_shut(kind: &str, how: i32) -> Scene {
    let (one, others) = idle(kind);
    expect(anysock_shutdown(*others[0], how));
    ended(*one);
    stage((one, others))
}

fn data_and_end(kind: &str) -> Scene {
    let (one, others) = received(kind, b"data");
    expect(anysock_shutdown(*others[0], ANYSOCK_SHUT_WRITE));
    (one, others)
}

fn peer_closed(kind: &str) -> Scene {
    let (one, others) = idle(kind);
    drop(others);
    ended(*one);
    (one, vec![])
}

fn end_read(kind: &str) -> Scene {
    let (one, others) = peer_shut(kind, ANYSOCK_SHUT_WRITE);
    assert_eq!(read(*one, &mut [0; 16]), 0);
    (one, others)
}

fn self_shut((one, others): Scene, how: i32) -> Scene {
    expect(anysock_shutdown(*one, how));
    (one, others)
}

fn full_with_data(kind: &str) -> Scene {
    let (one, others) = full(kind);
    assert_eq!(write(*others[0], b"data"), 4);
    arrived(*one);
    (one, others)
}

fn room_again(kind: &str) -> Scene {
    let (one, others) = full(kind);
    let mut room = vec![0; 1 << 20];
    until("room", || {
        while recv(*others[0], &mut room, ANYSOCK_FLAG_DONT_WAIT) > 0 {}
        select_one(*one, W, 0) == W
    });
    (one, others)
}

fn listener_with(kind: &str, connections: usize) -> Scene {
    let (listener, _) = listening(kind);
    let clients: Vec<_> = (0..connections).map(|_| open(kind)).collect();
    for client in &clients {
        expect(connect(**client, &local_address(*listener)));
    }
    stage((listener, clients))
}

fn listener_after_accept(kind: &str) -> Scene {
    let (listener, mut clients) = listener_with(kind, 1);
    clients.push(own(expect(anysock_accept(*listener))));
    (listener, clients)
}

/// A socket whose connect does not wait.
fn hasty(kind: &str) -> Own {
    let (socket, _) = fresh(kind);
    expect(set(*socket, "connect_timeout", 0));
    socket
}

/// Starts a connect that may be done at once (AF_UNIX) or in a moment.
fn start_connect(h: i64, address: &str) {
    let code = connect(h, address);
    assert!(code == 0 || name(code) == "EINPROGRESS", "{}", name(code));
}

/// A listener that takes no more connections, and those that fill it.
fn full_listener(kind: &str) -> Scene {
    let listener = bound(kind);
    expect(anysock_listen(*listener, 1));
    let mut waiting = Vec::new();
    loop {
        let client = open(kind);
        expect(set(*client, "connect_timeout", 100 * ANYSOCK_MILLISECOND));
        match connect(*client, &local_address(*listener)) {
            0 => waiting.push(client),
            code => break expect_error(code, "ETIMEDOUT"),
        }
        assert!(waiting.len() < 100, "the listener is never full");
    }
    (listener, waiting)
}

fn connect_under_way(kind: &str) -> Scene {
    let (listener, mut others) = full_listener(kind);
    let client = hasty(kind);
    expect_error(connect(*client, &local_address(*listener)), "EINPROGRESS");
    others.push(listener);
    stage((client, others))
}

fn connect_timed_out(kind: &str) -> Scene {
    let (listener, mut others) = full_listener(kind);
    let (client, _) = fresh(kind);
    expect(set(*client, "connect_timeout", ANYSOCK_MILLISECOND));
    expect_error(connect(*client, &local_address(*listener)), "ETIMEDOUT");
    others.push(listener);
    (client, others)
}

fn connect_finished(kind: &str) -> Scene {
    let (listener, client) = (listener(kind), hasty(kind));
    start_connect(*client, &local_address(*listener));
    let server = own(expect(anysock_accept(*listener)));
    stage((client, vec![server, listener]))
}

fn connect_finished_with_data(kind: &str) -> Scene {
    let (client, others) = connect_finished(kind);
    assert_eq!(write(*others[0], b"data"), 4);
    assert_eq!(select_one(*client, R, LONG_US), R);
    (client, others)
}

fn connect_told(kind: &str) -> Scene {
    let scene = connect_finished(kind);
    let client = *scene.0;
    let told = |code: i64| code == 0 || name(code) == "EISCONN";
    until("that connect is done", || told(connect(client, "ignored")));
    scene
}

/// An address where nobody listens: one that was given to a socket which is gone.
fn nobody(kind: &str) -> String {
    local_address(*bound(kind))
}

/// Now or later.
fn expect_refusal(code: i64) {
    assert!(["ECONNREFUSED", "EINPROGRESS"].contains(&name(code).as_str()), "{}", name(code));
}

fn connect_failed(kind: &str, timeout: i64) -> Scene {
    let (client, _) = fresh(kind);
    expect(set(*client, "connect_timeout", timeout));
    expect_refusal(connect(*client, &nobody(kind)));
    assert_eq!(select_one(*client, W, LONG_US), W);
    stage((client, vec![]))
}

fn connect_failed_and_told(kind: &str) -> Scene {
    let scene = connect_failed(kind, 0);
    expect_error(connect(*scene.0, &nobody(kind)), "ECONNREFUSED");
    scene
}

/// The same port without a host: this machine, which has several addresses that the library tries by itself.
fn without_host(address: &str) -> String {
    format!(":{}", address.rsplit(':').next().unwrap())
}

fn raced_connect_finished(kind: &str) -> Scene {
    let (listener, client) = (listener(kind), hasty(kind));
    start_connect(*client, &without_host(&local_address(*listener)));
    assert_eq!(select_one(*client, W, LONG_US), W);
    (client, vec![listener])
}

fn raced_connect_failed(kind: &str) -> Scene {
    let client = hasty(kind);
    expect_refusal(connect(*client, &without_host(&nobody(kind))));
    assert_eq!(select_one(*client, X, LONG_US), X);
    (client, vec![])
}

fn reset(kind: &str) -> Scene {
    let (one, others) = idle(kind);
    expect(set(*others[0], "linger", 0));
    drop(others);
    until("the reset", || get(*one, "error") != Ok(0));
    stage((one, vec![]))
}

fn reset_told(kind: &str) -> Scene {
    let scene = reset(kind);
    expect_error(read(*scene.0, &mut [0; 16]), "ECONNRESET");
    scene
}

/// The kernel resets an AF_UNIX connection whose peer is closed with data unread.
fn closed_with_data(kind: &str) -> Scene {
    let (one, others) = idle(kind);
    assert_eq!(write(*one, b"never read"), 10);
    drop(others);
    assert_eq!(select_one(*one, R, LONG_US), R);
    (one, vec![])
}

fn ended_elsewhere(kind: &str, how: Ending) -> Scene {
    stage((own(expect(anysock_adopt(given(how.brought_about(kind))))), vec![]))
}

fn refused(kind: &str) -> Scene {
    let (socket, _) = stage((open_told(kind), vec![]));
    expect(connect(*socket, &nobody(kind)));
    assert_eq!(write(*socket, b"anybody?"), 8);
    assert_eq!(select_one(*socket, R, LONG_US), R);
    stage((socket, vec![]))
}

fn refused_and_told(kind: &str) -> Scene {
    let scene = refused(kind);
    expect_error(recv(*scene.0, &mut [0; 16], ANYSOCK_FLAG_DONT_WAIT), "ECONNREFUSED");
    scene
}

fn urgent(kind: &str, after_data: bool) -> Scene {
    let (one, others) = idle(kind);
    if after_data {
        assert_eq!(write(*others[0], b"data"), 4);
    }
    assert_eq!(send(*others[0], b"!", ANYSOCK_FLAG_OOB), 1);
    assert_eq!(select_one(*one, X, LONG_US), X);
    stage((one, others))
}

fn urgent_read(kind: &str) -> Scene {
    let scene = urgent(kind, false);
    let mut room = [0; 1];
    assert_eq!(recv(*scene.0, &mut room, ANYSOCK_FLAG_OOB), 1);
    assert_eq!(&room, b"!");
    scene
}

// The ways of looking.

/// What a poller reports of its only socket now, of the three that can be asked for.
fn reported(poller: i64, h: i64, token: i64) -> i32 {
    match expect_events(poller).as_slice() {
        [] => NOTHING,
        [event] => {
            assert_eq!((event.token, event.handle), (token, h));
            event.events & ALL
        }
        more => panic!("{} events of one socket", more.len()),
    }
}

#[track_caller]
fn expect_events(poller: i64) -> Vec<anysock_event> {
    poller_wait(poller, 4, 0).unwrap_or_else(|code| panic!("{}", name(code)))
}

fn registered(h: i64, events: i32, token: i64) -> Own {
    let poller = poller();
    expect(anysock_poller_set(*poller, h, events, token));
    poller
}

fn in_select(h: i64, asked: i32) -> i32 {
    select_one(h, asked, 0)
}

fn in_select_of_a_crowd(h: i64, asked: i32) -> i32 {
    let first = select_in_crowd(h, asked, 0);
    for round in 1..AGAIN {
        assert_eq!(select_in_crowd(h, asked, 0), first, "in a crowd that has come {round} times");
    }
    first
}

fn in_poller(h: i64, asked: i32) -> i32 {
    let poller = registered(h, asked, -5);
    let first = reported(*poller, h, -5);
    assert_eq!(reported(*poller, h, -5), first, "level-triggered: as long as it lasts");
    first
}

fn in_edge_poller(h: i64, asked: i32) -> i32 {
    let poller = registered(h, asked | ANYSOCK_EVENT_EDGE, 6);
    let first = reported(*poller, h, 6);
    // The kernel may report a change that changes nothing (an acknowledgement), but not for ever.
    until("quiet of an edge-triggered registration", || reported(*poller, h, 6) == NOTHING);
    first
}

fn in_oneshot_poller(h: i64, asked: i32) -> i32 {
    let poller = registered(h, asked | ANYSOCK_EVENT_ONESHOT, 7);
    let first = reported(*poller, h, 7);
    assert_eq!(reported(*poller, h, 7), NOTHING, "one-shot: told already");
    expect(anysock_poller_set(*poller, h, asked | ANYSOCK_EVENT_ONESHOT, 8));
    assert_eq!(reported(*poller, h, 8), first, "one-shot: armed again");
    first
}

type Look = (&'static str, fn(i64, i32) -> i32);

const LOOKS: [Look; 5] = [
    ("select", in_select),
    ("select in a crowd", in_select_of_a_crowd),
    ("poller", in_poller),
    ("edge-triggered poller", in_edge_poller),
    ("one-shot poller", in_oneshot_poller),
];

#[test]
fn the_table() {
    let mut wrong = Vec::new();
    for (what, kinds, scene, expected) in TABLE {
        for kind in kinds_for(what, kinds) {
            let (socket, others) = scene(kind);
            for (how, look) in LOOKS {
                // Each question alone and all together.
                for asked in 1..=ALL {
                    let found = look(*socket, asked);
                    if found != expected & asked {
                        wrong.push(format!("{kind}, {what}: {how} asked for {asked} says {found}"));
                    }
                }
            }
            drop(others);
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The crowd has been selected, with the socket in it, before each step by which its row comes about.
fn the_table_as_it_comes_about(asked: i32) {
    WATCHED.set(asked);
    let mut wrong = Vec::new();
    for (what, kinds, scene, expected) in TABLE {
        for kind in kinds_for(what, kinds) {
            let (socket, _others) = scene(kind);
            let found = in_select_of_a_crowd(*socket, asked);
            if found != expected & asked {
                wrong.push(format!("{kind}, {what}: select in a crowd says {found}"));
            }
        }
    }
    WATCHED.set(NOTHING);
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_crowd_sees_the_table_come_about() {
    the_table_as_it_comes_about(ALL);
}

#[test]
fn a_crowd_that_reads_sees_the_table_come_about() {
    the_table_as_it_comes_about(R);
}

#[test]
fn a_crowd_that_writes_sees_the_table_come_about() {
    the_table_as_it_comes_about(W);
}

#[test]
fn a_crowd_that_awaits_the_exceptional_sees_the_table_come_about() {
    the_table_as_it_comes_about(X);
}

// What becomes ready while somebody waits for it.

/// A change: what happens, for which kinds, what is before, what makes it happen, and what it makes the socket ready for.
type Change = (&'static str, &'static [&'static str], fn(&str) -> Scene, fn(&Scene, &str), i32);

const CHANGES: &[Change] = &[
    ("data arrives", EVERY, |kind| idle(kind), |(_, others), _| assert_eq!(write(*others[0], b"data"), 4), R),
    ("an empty datagram arrives", BORDERED, |kind| idle(kind), |scene, _| expect_sent(scene, b"", 0), R),
    ("urgent data arrives", TCP, |kind| idle(kind), |scene, _| expect_sent(scene, b"!", ANYSOCK_FLAG_OOB), X),
    (
        "the peer shuts writing",
        STREAMS,
        |kind| idle(kind),
        |scene, _| shut_other(scene, ANYSOCK_SHUT_WRITE),
        R,
    ),
    ("the peer is closed", STREAMS, |kind| idle(kind), |scene, _| close_other(scene), R),
    ("the peer resets", TCP, |kind| idle(kind), |scene, _| reset_by_other(scene), R),
    ("the peer resets, buffer full", TCP, |kind| full(kind), |scene, _| reset_by_other(scene), W),
    ("the peer is closed, buffer full", UNIX, |kind| full(kind), |scene, _| close_other(scene), W),
    ("the peer reads", FULL, |kind| full(kind), |scene, _| make_room(scene), W),
    (
        "urgent data becomes ordinary",
        TCP,
        |kind| urgent(kind, false),
        |scene, _| take_urgent_in_line(scene),
        R,
    ),
    ("own read half is shut", EVERY, |kind| idle(kind), |scene, _| shut_own(scene, ANYSOCK_SHUT_READ), R),
    ("own write half is shut", FULL, |kind| full(kind), |scene, _| shut_own(scene, ANYSOCK_SHUT_WRITE), W),
    ("a datagram is refused", UDP, refused_later, |(one, _), _| assert_eq!(write(**one, b"?"), 1), R),
    ("somebody connects", STREAMS, |kind| (listener(kind), vec![open(kind)]), connect_other, R),
    ("a fresh one listens and somebody connects", STREAMS, bound_and_client, listen_and_connect, R),
    ("a fresh one connects", STREAMS, fresh_and_listener, |scene, _| assert_eq!(connect_own(scene), 0), W),
    ("a fresh one connects and gets data", STREAMS, fresh_and_listener, connect_and_get_data, R),
    ("a fresh one connects to several addresses", &["tcp"], fresh_and_listener, connect_to_several, W),
    ("a fresh one is refused: write", STREAMS, |kind| (open(kind), vec![]), be_refused, W),
    ("a fresh one is refused: except", STREAMS, |kind| (open(kind), vec![]), be_refused, X),
    ("a fresh one is refused: read", STREAMS, |kind| (open(kind), vec![]), be_refused, R),
    ("a listener gets room for a connect", UNIX_UNDER_WAY, |kind| connect_under_way(kind), accept_all, W),
    ("a connect is given up: except", UNDER_WAY, |kind| connect_under_way(kind), give_up, X),
    ("a connect is given up: write", UNDER_WAY, |kind| connect_under_way(kind), give_up, W),
];

/// Over TCP a dropped SYN is sent again after a second only.
const UNIX_UNDER_WAY: &[&str] = if cfg!(target_os = "linux") { UNIX } else { &[] };

fn expect_sent((_, others): &Scene, data: &[u8], flags: i32) {
    assert_eq!(send(*others[0], data, flags), data.len() as i64);
}

fn shut_other((_, others): &Scene, how: i32) {
    assert_eq!(anysock_shutdown(*others[0], how), 0);
}

fn close_other((_, others): &Scene) {
    assert_eq!(anysock_close(*others[0]), 0);
}

fn reset_by_other(scene: &Scene) {
    assert_eq!(set(*scene.1[0], "linger", 0), 0);
    close_other(scene);
}

fn take_urgent_in_line((one, _): &Scene) {
    expect(set(**one, "oob_inline", 1));
}

fn make_room((one, others): &Scene) {
    let mut room = vec![0; 1 << 20];
    until("room", || {
        while recv(*others[0], &mut room, ANYSOCK_FLAG_DONT_WAIT) > 0 {}
        select_one(**one, W, 0) == W
    });
}

fn shut_own((one, _): &Scene, how: i32) {
    assert_eq!(anysock_shutdown(**one, how), 0);
}

fn refused_later(kind: &str) -> Scene {
    let socket = open_told(kind);
    expect(connect(*socket, &nobody(kind)));
    (socket, vec![])
}

fn connect_other((listener, others): &Scene, _: &str) {
    expect(connect(*others[0], &local_address(**listener)));
}

fn bound_and_client(kind: &str) -> Scene {
    (bound(kind), vec![open(kind)])
}

fn listen_and_connect(scene: &Scene, kind: &str) {
    expect(anysock_listen(*scene.0, 0));
    connect_other(scene, kind);
}

fn fresh_and_listener(kind: &str) -> Scene {
    (open(kind), vec![listener(kind)])
}

fn connect_own((one, others): &Scene) -> i64 {
    connect(**one, &local_address(*others[0]))
}

fn connect_and_get_data(scene: &Scene, _: &str) {
    expect(connect_own(scene));
    let server = expect(anysock_accept(*scene.1[0]));
    assert_eq!(write(server, b"data"), 4);
    expect(anysock_close(server));
}

fn connect_to_several((one, others): &Scene, _: &str) {
    expect(connect(**one, &without_host(&local_address(*others[0]))));
}

fn be_refused((one, _): &Scene, kind: &str) {
    expect_error(connect(**one, &nobody(kind)), "ECONNREFUSED");
}

fn accept_all((_, others): &Scene, _: &str) {
    let listener = **others.last().unwrap();
    for _ in 1..others.len() {
        expect(anysock_close(expect(anysock_accept(listener))));
    }
}

fn give_up((one, _): &Scene, _: &str) {
    expect(set(**one, "connect_timeout", ANYSOCK_MILLISECOND));
    expect_error(connect(**one, "ignored"), "ETIMEDOUT");
}

/// How somebody waits for the change, however long it takes to set up the others; the thread's answer is for what the socket is ready.
type Waiter = (&'static str, fn(i64, i32) -> Call<i32>);

const WAITERS: [Waiter; 5] = [
    ("select", |h, asked| Call::start(move || select_one(h, asked, -1))),
    ("select in a crowd", wait_in_crowd),
    ("poller", |h, asked| wait_in_poller(h, asked)),
    ("edge-triggered poller", |h, asked| wait_in_poller(h, asked | ANYSOCK_EVENT_EDGE)),
    ("one-shot poller", |h, asked| wait_in_poller(h, asked | ANYSOCK_EVENT_ONESHOT)),
];

fn wait_in_crowd(h: i64, asked: i32) -> Call<i32> {
    Call::start_after(move || introduce(h, asked), move || select_in_crowd(h, asked, -1))
}

fn wait_in_poller(h: i64, events: i32) -> Call<i32> {
    let poller = registered(h, events, 1);
    Call::start(move || {
        let found = poller_wait(*poller, 4, -1).unwrap_or_else(|code| panic!("{}", name(code)));
        found.iter().map(|event| event.events & ALL).sum()
    })
}

#[test]
fn what_becomes_ready_wakes_those_who_wait() {
    for (what, kinds, scene, change, event) in CHANGES {
        let kinds = kinds_for(what, kinds).into_iter();
        let begin = |(kind, (how, wait)): (_, Waiter)| {
            let scene = scene(kind);
            let waiting = wait(*scene.0, *event);
            (kind, how, scene, waiting)
        };
        let all: Vec<_> = kinds.flat_map(|kind| WAITERS.map(|waiter| (kind, waiter))).map(begin).collect();
        for (kind, how, scene, waiting) in all {
            waiting.until_blocked();
            change(&scene, kind);
            assert_eq!(waiting.result(), *event, "{kind}, {what}: {how}");
        }
    }
}

#[test]
fn what_became_ready_between_two_waits_is_reported() {
    for (what, kinds, scene, change, event) in CHANGES {
        for (kind, extra) in kinds_for(what, kinds)
            .into_iter()
            .flat_map(|kind| [0, ANYSOCK_EVENT_EDGE, ANYSOCK_EVENT_ONESHOT].map(|extra| (kind, extra)))
        {
            let scene = scene(kind);
            let poller = registered(*scene.0, event | extra, 1);
            assert_eq!(reported(*poller, *scene.0, 1), NOTHING, "{kind}, before {what}");
            change(&scene, kind);
            let found = poller_wait(*poller, 4, LONG_US).unwrap_or_else(|code| panic!("{}", name(code)));
            let found: Vec<_> = found.iter().map(|found| found.events & ALL).collect();
            assert_eq!(found, [*event], "{kind}, {what}: {extra}");
        }
    }
}

#[test]
fn what_became_ready_between_two_selects_of_a_crowd_is_reported() {
    for (what, kinds, scene, change, event) in CHANGES {
        for kind in kinds_for(what, kinds) {
            let scene = scene(kind);
            introduce(*scene.0, *event);
            assert_eq!(select_in_crowd(*scene.0, *event, 0), NOTHING, "{kind}, before {what}");
            change(&scene, kind);
            assert_eq!(select_in_crowd(*scene.0, *event, LONG_US), *event, "{kind}, {what}");
        }
    }
}

// Looking takes nothing away.

fn look_in_every_way(h: i64) {
    for (_, look) in LOOKS {
        look(h, ALL);
    }
}

#[test]
fn a_failed_connect_stays_however_often_it_is_looked_at() {
    for kind in here(STREAMS) {
        let (socket, _others) = connect_failed(kind, 0);
        for _ in 0..2 {
            look_in_every_way(*socket);
            assert_eq!(get(*socket, "error").map(name).as_deref(), Ok("ECONNREFUSED"), "{kind}");
            assert_eq!(name(connect(*socket, &nobody(kind))), "ECONNREFUSED", "{kind}");
            assert_eq!(name(read(*socket, &mut [0; 16])), "ECONNREFUSED", "{kind}");
            assert_eq!(select_one(*socket, ALL, 0), ALL, "{kind}");
        }
    }
}

#[test]
fn data_before_a_reset_or_an_end_stays_readable() {
    for kind in here(STREAMS) {
        let (socket, _others) = data_and_end(kind);
        look_in_every_way(*socket);
        let mut room = [0; 16];
        assert_eq!(read(*socket, &mut room), 4, "{kind}");
        assert_eq!(&room[..4], b"data", "{kind}");
        look_in_every_way(*socket);
        assert_eq!(read(*socket, &mut room), 0, "{kind}");
        assert_eq!(read(*socket, &mut room), 0, "{kind}");
    }
}

#[test]
fn what_is_over_says_so() {
    for kind in here(&["unix"]) {
        let (socket, _others) = peer_closed(kind);
        let poller = registered(*socket, R, 0);
        let events = expect_events(*poller);
        assert_eq!(events[0].events, R | ANYSOCK_EVENT_HANGUP);
    }

    for kind in here(STREAMS) {
        let (socket, others) = idle(kind);
        let poller = registered(*socket, R, 0);
        expect(anysock_shutdown(*socket, ANYSOCK_SHUT_WRITE));
        expect(anysock_shutdown(*others[0], ANYSOCK_SHUT_WRITE));
        let events = expect_events(*poller);
        assert_eq!(events[0].events, R | ANYSOCK_EVENT_HANGUP, "{kind}");
    }

    if resets_are_told() {
        let (socket, _others) = reset("tcp4");
        let poller = registered(*socket, R, 0);
        let events = expect_events(*poller);
        assert_eq!(events[0].events & (R | ANYSOCK_EVENT_ERROR), R | ANYSOCK_EVENT_ERROR);
    }

    let (socket, _others) = connect_failed("tcp6", 0);
    let poller = registered(*socket, X, 0);
    let events = expect_events(*poller);
    assert_eq!(events[0].events & (X | ANYSOCK_EVENT_ERROR), X | ANYSOCK_EVENT_ERROR);
}

/// Where the system tells of a reset.
mod resets {
    use super::*;

    #[test]
    fn a_reset_stays_however_often_it_is_looked_at() {
        if !need_resets() {
            return;
        }
        for kind in TCP {
            let (socket, _others) = reset(kind);
            for _ in 0..2 {
                look_in_every_way(*socket);
                assert_eq!(get(*socket, "error").map(name).as_deref(), Ok("ECONNRESET"), "{kind}");
                look_in_every_way(*socket);
                assert_eq!(name(read(*socket, &mut [0; 16])), "ECONNRESET", "{kind}");
            }
        }
    }
}

/// Where the system tells of a refused datagram.
mod refusals {
    use super::*;

    #[test]
    fn a_refused_datagram_is_told_once_however_often_it_is_looked_at() {
        if !need_refusals() {
            return;
        }
        for kind in UDP {
            let (socket, _others) = refused(kind);
            for _ in 0..2 {
                look_in_every_way(*socket);
                assert_eq!(get(*socket, "error").map(name).as_deref(), Ok("ECONNREFUSED"), "{kind}");
            }
            assert_eq!(select_one(*socket, ALL, 0), R | W, "{kind}");
            assert_eq!(name(read(*socket, &mut [0; 16])), "ECONNREFUSED", "{kind}");
            assert_eq!(get(*socket, "error"), Ok(0), "{kind}");
            assert_eq!(select_one(*socket, ALL, 0), W, "{kind}");
            assert_eq!(name(recv(*socket, &mut [0; 16], ANYSOCK_FLAG_DONT_WAIT)), "EAGAIN", "{kind}");
        }
    }
}

/// Linux alone lets a connect wait for a place.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// Over TCP this takes as long as a dropped SYN takes to be sent again.
    #[test]
    fn a_finished_connect_is_told_once_however_often_it_is_looked_at() {
        for kind in here(&["tcp4", "unix", "unixpacket"]) {
            let scene = connect_under_way(kind);
            let client = *scene.0;
            look_in_every_way(client);
            assert_eq!(name(connect(client, "ignored")), "EALREADY", "{kind}");
            accept_all(&scene, kind);
            assert_eq!(select_one(client, W, LONG_US), W, "{kind}");
            look_in_every_way(client);
            assert_eq!(connect(client, "ignored"), 0, "{kind}");
            assert_eq!(name(connect(client, "ignored")), "EISCONN", "{kind}");
        }
    }
}
