//! Another library that is written in Rust and linked as an archive, with a copy of std of its own.

use std::collections::HashMap;

/// How many different bytes there are; -1 if it panicked, which both copies of std must catch for themselves.
///
/// # Safety
/// `text` points at `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn other_count(text: *const u8, length: usize) -> i64 {
    // SAFETY: as the caller promises.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    std::panic::catch_unwind(|| {
        assert!(!text.is_empty(), "nothing to count");
        let mut seen: HashMap<u8, usize> = HashMap::new();
        for byte in text {
            *seen.entry(*byte).or_default() += 1;
        }
        std::thread::spawn(move || seen.len() as i64).join().unwrap_or(-2)
    })
    .unwrap_or(-1)
}
