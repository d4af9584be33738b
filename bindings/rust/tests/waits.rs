//! Waiting for several: select and the poller.

use anysock::{Event, Events, Handle, HandleSet, Poller, Socket, abi, code, pair, select};
use std::io::Write;
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn select_leaves_what_is_ready() {
    let ((left, right), (third, fourth)) = (pair("tcp").unwrap(), pair("tcp").unwrap());
    (&left).write_all(b"x").unwrap();
    let mut readable: HandleSet = [&right, &fourth].into_iter().collect();
    let (mut writable, mut none) = (HandleSet::new(), HandleSet::new());
    writable.insert(&third);
    assert_eq!(select(&mut readable, &mut writable, &mut none, None).unwrap(), 2);
    assert!(readable.contains(&right) && !readable.contains(&fourth) && writable.contains(&third));
    assert_eq!((readable.len(), none.is_empty()), (1, true));
    let mut quiet: HandleSet = [&fourth].into_iter().collect();
    writable.clear();
    assert_eq!(select(&mut quiet, &mut writable, &mut none, NOW).unwrap(), 0);
    assert!(quiet.is_empty());
}

#[test]
fn on_an_error_sets_are_as_they_were() {
    let socket = Socket::open("tcp").unwrap();
    let mut readable: HandleSet = [&socket].into_iter().collect();
    socket.close().unwrap();
    let error = select(&mut readable, &mut HandleSet::new(), &mut HandleSet::new(), NOW).unwrap_err();
    assert_eq!((code(&error), readable.len()), (Some(abi::ANYSOCK_EBADF), 1));
}

#[test]
fn a_poller_reports_tokens() {
    let poller = Poller::new().unwrap();
    let (left, right) = pair("tcp").unwrap();
    let mut events = [Event::default(); 4];
    poller.set(&right, Events::READ, 7).unwrap();
    assert_eq!(poller.wait(&mut events, NOW).unwrap(), 0);
    (&left).write_all(b"x").unwrap();
    assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
    assert_eq!((events[0].token(), events[0].number()), (7, right.number()));
    assert!(events[0].events().has(Events::READ) && !events[0].events().has(Events::WRITE | Events::EXCEPT));
    poller.remove(&right).unwrap();
    assert_eq!(poller.wait(&mut events, NOW).unwrap(), 0);
    assert_eq!(code(&poller.remove(&right).unwrap_err()), Some(abi::ANYSOCK_ENOENT));
    assert_eq!(code(&poller.wait(&mut [], NOW).unwrap_err()), Some(abi::ANYSOCK_EINVAL));
}

#[test]
fn a_wake_is_never_lost() {
    let poller = Poller::new().unwrap();
    poller.wake().unwrap();
    assert_eq!(poller.wait(&mut [Event::default()], None).unwrap(), 0);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| poller.wait(&mut [Event::default()], None));
        poller.wake().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), 0);
    });
}

#[cfg(unix)]
#[test]
fn a_poller_has_a_descriptor_for_other_loops() {
    let poller = Poller::new().unwrap();
    let (left, right) = pair("tcp").unwrap();
    poller.set(&right, Events::READ, 0).unwrap();
    let outer = Poller::new().unwrap();
    // SAFETY: the descriptor is lent for as long as the poller lives, and only watched; the handle is new.
    let watched = unsafe { Handle::from_number(abi::anysock_borrow(poller.descriptor().unwrap())) };
    outer.set(&watched, Events::READ, 1).unwrap();
    let mut events = [Event::default()];
    assert_eq!(outer.wait(&mut events, NOW).unwrap(), 0);
    (&left).write_all(b"x").unwrap();
    assert_eq!(outer.wait(&mut events, None).unwrap(), 1);
}
