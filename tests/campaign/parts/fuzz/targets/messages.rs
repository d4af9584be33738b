//! Messages and what goes beside them: control data as a kernel might bring it, whatever stands in it, and a message as a
//! caller might lay it out. Nothing is told that there was no room for, and no message is taken that is not whole.
#![no_main]

use anysock::ffi::life::anysock_pair;
use anysock::ffi::message::{anysock_recv_message, anysock_send_message};
use anysock::ffi::options::anysock_set;
use anysock::sys::{Arrived, Capacity, ControlRoom};
use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;
use std::mem::size_of;

/// Level and kind of the control messages that carry descriptors (`SCM_RIGHTS`, `SCM_PIDFD`): what is read here would close those
/// that they name, and the fuzzer's own are among them.
const DESCRIPTORS: [[u8; 8]; 2] = [[1, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 4, 0, 0, 0]];

fuzz_target!(|data: &[u8]| {
    let [which, controls, raw, bytes @ ..] = data else { return };
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(8).position(|window| DESCRIPTORS.iter().any(|kind| kind == window)) {
        bytes[at] = 0;
    }
    match which % 2 {
        0 => control_data(&bytes, *controls as usize % 4, *raw as usize),
        _ => message(&bytes),
    }
});

fn control_data(bytes: &[u8], controls: usize, raw: usize) {
    let room = ControlRoom::holding(bytes).unwrap();
    let capacity = Capacity { controls, rights: 0, raw };
    let arrived = Arrived::read(&room, bytes.len(), capacity);
    assert!(arrived.controls.len() <= controls && arrived.raw.len() <= raw);
    assert_eq!(Arrived::unread(&room, bytes.len()).raw, bytes);
}

thread_local! {
    /// Two sockets that never wait; what one sends the other receives.
    static PAIR: OnceCell<(i64, i64)> = const { OnceCell::new() };
}

/// The message's own numbers are what they are; its pointers stand in words of their own, which are not the caller's to draw.
fn message(bytes: &[u8]) {
    let pair = PAIR.with(|pair| *pair.get_or_init(open));
    let mut words = [0u64; 10];
    for (word, part) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..part.len()].copy_from_slice(part);
        *word = u64::from_ne_bytes(whole);
    }
    let mut memory = [0u64; 512];
    let place = memory.as_mut_ptr() as u64;
    // size and flags, then buffers, their count, address, controls, their count, handles, their count, raw, its length
    let size = words[0] as u32;
    words[0] = (words[0] >> 32 << 32) | u64::from(if size % 2 == 0 { 80 } else { size % 81 });
    for (pointer, count, element) in [(1, 2, 16), (4, 5, 288), (6, 7, 8), (8, 9, 1)] {
        words[pointer] = if words[pointer] % 2 == 0 { place } else { 0 };
        let there_are = size_of::<[u64; 512]>() as u64 / element;
        // As many as there are, or more than any memory has.
        words[count] =
            if words[count] % 5 == 0 { u64::MAX / element } else { words[count] % there_are.min(9) };
    }
    words[3] = 0;
    // SAFETY: each pointer is NULL or points at memory that has as many elements as its count says, or the count is
    // one that no memory has; the elements are zero.
    unsafe {
        let mut again = words;
        anysock_send_message(pair.0, words.as_mut_ptr().cast(), (words[0] >> 32) as i32 & 63);
        let received = anysock_recv_message(pair.1, again.as_mut_ptr().cast(), 8);
        assert!(received <= size_of::<[u64; 512]>() as i64);
    }
}

fn open() -> (i64, i64) {
    let (mut one, mut other) = (0, 0);
    // SAFETY: the texts end with a NUL, the places outlive the call.
    unsafe {
        assert_eq!(anysock_pair(c"unixgram".as_ptr(), &raw mut one, &raw mut other), 0);
        for h in [one, other] {
            assert_eq!(anysock_set(h, c"timeout".as_ptr(), 0), 0);
        }
    }
    (one, other)
}
