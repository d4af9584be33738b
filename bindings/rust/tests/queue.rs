//! The batch queue: what belongs to whom, and when. What its operations do is tested with the library.

use anysock::{Batch, Completion, Events, Queue, Socket, abi, code, listen, pair};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Runs until so many events have come.
fn events(queue: &Queue, batch: &mut Batch<'_>, count: usize) -> Vec<Completion> {
    let mut all = Vec::new();
    while all.len() < count {
        queue.run(batch, &mut all, None).unwrap();
    }
    assert_eq!(all.len(), count);
    all
}

#[test]
fn what_was_received_goes_out_without_a_copy() {
    let queue = Queue::new().unwrap();
    let (mut client, server) = pair("tcp").unwrap();
    let mut batch = Batch::new();
    batch.read(&server, 7, true);
    client.write_all(b"hello").unwrap();
    let event = events(&queue, &mut batch, 1).remove(0);
    assert_eq!((event.token, *event.result.as_ref().unwrap(), event.more), (7, 5, true));
    assert_eq!(event.bytes(), b"hello");
    batch.write_buffer(&server, event.into_buffer().unwrap(), 8);
    batch.write(&server, b"!", 9);
    assert!(events(&queue, &mut batch, 2).iter().all(|event| event.result.is_ok()));
    assert!(batch.is_empty());
    let mut data = [0; 6];
    assert_eq!(client.read_full(&mut data).unwrap(), 6);
    assert_eq!(&data, b"hello!");
    drop(client);
    let end = events(&queue, &mut batch, 1).remove(0);
    assert_eq!((*end.result.as_ref().unwrap(), end.more), (0, false));
    assert!(end.into_buffer().is_none());
}

#[test]
fn a_buffer_that_is_dropped_is_given_back() {
    let queue = Queue::with_buffers(1, 4).unwrap();
    let (mut client, server) = pair("tcp").unwrap();
    let mut batch = Batch::new();
    batch.read(&server, 1, true);
    let sent: Vec<u8> = (0..64).collect();
    client.write_all(&sent).unwrap();
    let mut received = Vec::new();
    while received.len() < sent.len() {
        let event = events(&queue, &mut batch, 1).remove(0);
        received.extend_from_slice(event.bytes());
    }
    assert_eq!(received, sent);
}

#[test]
fn a_buffer_outlives_its_queue() {
    let queue = Queue::new().unwrap();
    let (mut client, server) = pair("tcp").unwrap();
    let mut batch = Batch::new();
    batch.read(&server, 1, false);
    client.write_all(b"still here").unwrap();
    let event = events(&queue, &mut batch, 1).remove(0);
    drop((queue, batch, server));
    // Another queue does not get the same memory.
    let other = Queue::new().unwrap();
    let (mut left, right) = pair("tcp").unwrap();
    let mut batch = Batch::new();
    batch.read(&right, 1, false);
    left.write_all(b"xxxxxxxxxx").unwrap();
    let _held = events(&other, &mut batch, 1);
    assert_eq!(event.bytes(), b"still here");
}

#[test]
fn a_connection_that_nobody_takes_is_closed() {
    let listener = listen("tcp", "127.0.0.1:0").unwrap();
    let mut client = Socket::open("tcp").unwrap();
    let queue = Queue::new().unwrap();
    let mut batch = Batch::new();
    batch.accept(&listener, 1, true);
    batch.connect(&client, &listener.local_address().unwrap(), 2).unwrap();
    let all = events(&queue, &mut batch, 2);
    assert!(all.iter().any(|event| event.socket.is_some()));
    drop(all);
    client.set_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(batch.connect(&client, "a\0b", 3).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_close_comes_after_the_writes_before_it() {
    let queue = Queue::new().unwrap();
    let (mut client, server) = pair("tcp").unwrap();
    let data = vec![7; 1 << 20];
    let mut batch = Batch::new();
    batch.write(&server, &data, 1);
    batch.shutdown(&server, Shutdown::Write, 2);
    batch.close(&server, 3);
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all.len()
    });
    let tokens: Vec<_> = events(&queue, &mut batch, 3).iter().map(|event| event.token).collect();
    assert_eq!(tokens, [1, 2, 3]);
    assert_eq!(reader.join().unwrap(), data.len());
    assert_eq!(code(&server.close().unwrap_err()), Some(abi::ANYSOCK_EBADF));
}

#[test]
fn datagrams_tell_their_senders() {
    let bound = || {
        let socket = Socket::open("udp4").unwrap();
        socket.bind("127.0.0.1:0").unwrap();
        socket
    };
    let (one, other) = (bound(), bound());
    let queue = Queue::new().unwrap();
    let mut batch = Batch::new();
    batch.receive_from(&other, 1, true);
    one.send_to(b"hello", other.local_address().unwrap(), 0).unwrap();
    let event = events(&queue, &mut batch, 1).remove(0);
    assert_eq!(event.sender().unwrap(), one.local_address().unwrap());
    assert_eq!(event.bytes(), b"hello");
}

#[test]
fn timers_polls_and_wakes() {
    let queue = Queue::new().unwrap();
    let mut batch = Batch::new();
    batch.timer(Duration::from_millis(1), 5, false);
    assert_eq!(events(&queue, &mut batch, 1)[0].token, 5);
    batch.timer(Duration::from_secs(3600), 6, false);
    let mut none = Vec::new();
    assert_eq!(queue.run(&mut batch, &mut none, NOW).unwrap(), 0);
    batch.cancel(6, 7);
    let all = events(&queue, &mut batch, 2);
    let ended = all.iter().find(|event| event.token == 6).unwrap();
    assert_eq!(code(ended.result.as_ref().unwrap_err()), Some(abi::ANYSOCK_ECANCELED));
    let (left, _right) = pair("tcp").unwrap();
    batch.poll(&left, Events::WRITE, 8, false);
    assert_eq!(*events(&queue, &mut batch, 1)[0].result.as_ref().unwrap(), Events::WRITE.bits().into());
    queue.wake().unwrap();
    assert_eq!(queue.run(&mut batch, &mut none, None).unwrap(), 0);
}

#[test]
fn what_was_not_taken_stays_in_the_batch() {
    let queue = Queue::new().unwrap();
    let mut batch = Batch::new();
    batch.timer(Duration::from_secs(3600), 1, false);
    // SAFETY: that it is closed under its owner is what is tested; nothing was received.
    assert_eq!(unsafe { abi::anysock_close(queue.number()) }, 0);
    let error = queue.run(&mut batch, &mut Vec::new(), NOW).unwrap_err();
    assert_eq!((code(&error), batch.len()), (Some(abi::ANYSOCK_EBADF), 1));
    let (mut client, socket) = pair("tcp").unwrap();
    let (one, other) = (Queue::new().unwrap(), Queue::new().unwrap());
    let mut batch = Batch::new();
    batch.read(&socket, 1, false);
    client.write_all(b"x").unwrap();
    let buffer = events(&one, &mut batch, 1).remove(0).into_buffer().unwrap();
    batch.write_buffer(&socket, buffer, 2);
    let error = other.run(&mut batch, &mut Vec::new(), NOW).unwrap_err();
    assert_eq!((code(&error), batch.len()), (Some(abi::ANYSOCK_EINVAL), 1));
    assert_eq!(events(&one, &mut batch, 1)[0].token, 2);
    assert_eq!(code(&Queue::with_buffers(usize::MAX, 0).unwrap_err()), Some(abi::ANYSOCK_EINVAL));
}
