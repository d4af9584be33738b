//! What can't be seen from outside: that nothing is left behind.

use super::*;
use crate::core::socket::{close, pair};
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

    fn address(&self, _address: i64) -> Result<crate::core::name::packed::Flat> {
        Err(Error::EFAULT)
    }
}

fn do_now(queue: i64, ops: &[Op]) -> Vec<Done> {
    let mut told = Vec::new();
    run(queue, &Ops(ops.to_vec()), 64, 0, |done| told.push(done)).unwrap();
    told
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
