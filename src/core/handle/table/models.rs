//! Every order in which threads can come to a slot: take-then-check, closing, the next owner, looks without a reference. Not here:
//! one thread after the other (`tests`).
//!
//! Seen to fail with a comparison before the reference is taken, and with a close that does not look whether it is the first. That
//! `fill_with` needs its fence is not seen here: loom takes all that is `SeqCst` in the order in which it runs it.

use super::*;
use crate::core::handle::free_list::models::take as free;
use crate::core::name::kind::Net;
use crate::core::sync::model;
use loom::thread;

/// The generation of the slot's first handle.
pub const FIRST: i64 = 5;
pub const INDEX: u32 = 7;

/// A slot with an open handle. Leaked, as slots live as long as the process.
pub fn open() -> &'static Slot {
    let slot: &'static Slot = Box::leak(Box::new(Slot::new(INDEX, FIRST as u32)));
    publish(slot, 100);
    slot
}

/// The next handle, with a descriptor of which nothing is closed.
fn publish(slot: &'static Slot, fd: i64) {
    let flags = flag::RELEASED;
    slot.fill(&New { kind: Net::Tcp.into(), fd: Fd::from_kept(fd), phase: Phase::Fresh, flags });
    slot.word.fetch_sub(VACANT, Ordering::SeqCst);
}

fn fd(slot: &Slot) -> i64 {
    slot.fd().to_raw()
}

/// As a call: the descriptor that it has found behind the first handle.
fn use_it(slot: &'static Slot) -> Option<i64> {
    let held = hold(slot)?;
    let found = fd(slot);
    // While it is held nobody takes it away.
    assert_eq!((fd(slot), slot.handle().generation), (found, FIRST as u32));
    drop(held);
    Some(found)
}

/// A reference, if the handle is open.
pub fn hold(slot: &'static Slot) -> Option<Ref> {
    Ref::take(slot, FIRST).ok()
}

/// Closes it, if nobody else has.
pub fn close(slot: &'static Slot) -> Option<Ref> {
    hold(slot)?.close()
}

/// It is the next generation's, with the one reference of being vacant, and free.
fn check_retired(slot: &'static Slot) {
    assert_eq!(slot.word.load(Ordering::SeqCst), VACANT | (FIRST + 1));
    assert!(free(slot).is_some());
    assert!(free(slot).is_none());
}

#[test]
fn a_reference_keeps_the_descriptor_until_it_is_dropped() {
    model(|| {
        let slot = open();
        let closer = thread::spawn(move || close(slot).is_some());
        let user = thread::spawn(move || use_it(slot));
        assert!(use_it(slot).is_none_or(|fd| fd == 100));
        assert!(closer.join().unwrap());
        assert!(user.join().unwrap().is_none_or(|fd| fd == 100));
        check_retired(slot);
    });
}

#[test]
fn one_of_two_closes_gets_it() {
    model(|| {
        let slot = open();
        let closer = thread::spawn(move || close(slot).is_some());
        let mine = close(slot).is_some();
        assert!(closer.join().unwrap() != mine);
        check_retired(slot);
    });
}

#[test]
fn a_stale_number_never_finds_the_next_owner() {
    model(|| {
        let slot = open();
        let other = thread::spawn(move || {
            drop(close(slot));
            // Set aside again, if nobody uses it any more.
            if free(slot).is_some() {
                publish(slot, 200);
            }
        });
        assert!(use_it(slot).is_none_or(|fd| fd == 100));
        other.join().unwrap();
    });
}

/// What is read between two looks at the owner is that owner's, though no reference is held.
#[test]
fn a_look_without_a_reference_knows_whose_the_slot_is() {
    model(|| {
        let slot = open();
        let closer = thread::spawn(move || drop(close(slot)));
        let opener = thread::spawn(move || {
            if free(slot).is_some() {
                publish(slot, 200);
            }
        });
        if slot.owner() == FIRST {
            let (found, kind) = (fd(slot), slot.kind());
            if slot.owner() == FIRST {
                assert_eq!((found, kind), (100, Net::Tcp.into()));
            }
        }
        closer.join().unwrap();
        opener.join().unwrap();
    });
}
