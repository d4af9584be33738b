//! What can't be seen from outside: that nothing is left behind.

use super::*;
use crate::core::socket::{close, pair, transfer};
use crate::sys::Bytes;

/// Operations without memory.
struct Ops(Vec<Op>);

impl Caller for Ops {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn op(&self, place: usize) -> Op {
        self.0[place]
    }

    fn bytes(&self, _address: i64, _length: i64) -> Result<Bytes> {
        Err(Error::EFAULT)
    }

    fn text(&self, _address: i64, _length: i64) -> Result<String> {
        Err(Error::EFAULT)
    }

    fn address(&self, _address: i64) -> Result<crate::core::name::flat::Flat> {
        Err(Error::EFAULT)
    }
}

fn do_now(queue: i64, ops: &[Op]) -> Vec<Done> {
    let mut events = Vec::new();
    run(queue, &Ops(ops.to_vec()), 64, 0, |done| events.push(done)).unwrap();
    events
}

const TIMER: Op =
    Op { token: 1, handle: 0, op: 10, flags: 0, data: 0, length: 0, value: 60_000_000, buffer: 0 };
const CANCEL: Op = Op { op: 11, value: 1, token: 2, ..TIMER };

#[test]
fn timers_that_were_cancelled_take_no_memory() {
    let queue = open(1, 1).unwrap();
    for _ in 0..10_000 {
        assert_eq!(do_now(queue, &[TIMER, CANCEL]).len(), 2);
    }
    let inner = find(queue).unwrap();
    assert!(inner.lock().clock.len() < 200);
    assert_eq!(inner.lock().works.len(), 0);
    drop(inner);
    close::close(queue).unwrap();
}

#[test]
fn a_closed_handle_leaves_nothing_with_the_queue() {
    let queue = open(1, 1).unwrap();
    for _ in 0..100 {
        let (one, other) = pair::pair("unix").unwrap();
        let read = Op { handle: one, op: 4, flags: flag::MULTI, value: 0, ..TIMER };
        assert_eq!(do_now(queue, &[read]), []);
        close::close(one).unwrap();
        close::close(other).unwrap();
        assert_eq!(do_now(queue, &[])[0].result, Error::ECANCELED.code());
    }
    let inner = find(queue).unwrap();
    let state = inner.lock();
    assert!(state.works.len() == 0 && state.members.places().all(|at| state.members.get(at).is_none()));
    drop(state);
    drop(inner);
    close::close(queue).unwrap();
}

#[test]
fn who_keeps_step_with_peers_serves_the_first_alone_and_all_when_it_does_not_wait() {
    const COUNT: usize = 8;
    let read = |handle| Op { handle, op: 4, flags: flag::MULTI, value: 0, ..TIMER };
    let served = |queue, timeout| run(queue, &Ops(Vec::new()), 64, timeout, |_| {}).unwrap();
    for (timeout, portions) in [(-1, &[1, 4, 3][..]), (0, &[COUNT])] {
        let queue = open(COUNT as i64, 1).unwrap();
        let pairs = [(); COUNT].map(|()| pair::pair("unix").unwrap());
        let reads = pairs.map(|(one, _)| read(one));
        assert!(do_now(queue, &reads).is_empty());
        pairs
            .iter()
            .for_each(|(_, other)| assert_eq!(transfer::send(*other, b"x", sys::Flags::default()), Ok(1)));
        let inner = find(queue).unwrap();
        let mut state = inner.lock();
        for (one, _) in pairs {
            let at = state.members.of(one).unwrap();
            state.note(at, sys::Events::READ);
        }
        state.pace.note_found(COUNT, true);
        drop(state);
        let shares: Vec<_> = portions.iter().map(|_| served(queue, timeout)).collect();
        assert_eq!(shares, portions);
        drop(inner);
        for (one, other) in pairs {
            close::close(one).unwrap();
            close::close(other).unwrap();
        }
        close::close(queue).unwrap();
    }
}

/// Reads what has come.
fn drain(handle: i64) {
    let slot = chunks::slot_of(handle).unwrap();
    while transfer::try_receive(slot, &mut vec![std::mem::MaybeUninit::uninit(); 1 << 16]).is_ok() {}
}

#[test]
fn what_has_gone_because_of_a_notice_is_watched_for_no_more() {
    const LENGTH: usize = 1 << 22;
    let queue = open(1, LENGTH as i64).unwrap();
    let (one, other) = pair::pair("unix").unwrap();
    assert!(do_now(queue, &[Op { handle: one, op: 4, flags: flag::MULTI, value: 0, ..TIMER }]).is_empty());
    assert_eq!(transfer::send(other, b"x", sys::Flags::default()), Ok(1));
    let got = do_now(queue, &[])[0];
    let write = Op {
        handle: one,
        op: 5,
        data: got.data,
        length: LENGTH as i64,
        buffer: got.buffer,
        value: 0,
        ..TIMER
    };
    let mut told = do_now(queue, &[write]);
    assert!(told.is_empty(), "all of it went at once");
    let inner = find(queue).unwrap();
    while told.is_empty() {
        drain(other);
        inner.shared.post(Notice::Changed(one));
        told = do_now(queue, &[]);
    }
    assert_eq!(told[0].result, LENGTH as i64);
    let state = inner.lock();
    let at = state.members.of(one).unwrap();
    assert_eq!(state.members.get(at).unwrap().watched, sys::Events::READ);
    drop(state);
    drop(inner);
    close::close(one).unwrap();
    close::close(other).unwrap();
    close::close(queue).unwrap();
}
