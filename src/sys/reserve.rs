//! The library's allocator: the system's, and when that fails, a small reserve in the library's own static memory. Rust's standard
//! library ends the process when an allocation fails; the reserve serves what a running call needs until it returns. Not here:
//! what is refused when the system has no memory (`core::memory`).

#![cfg_attr(not(feature = "reserve"), allow(dead_code, reason = "the program's allocator serves"))]

use crate::sys::{OUT_OF_MEMORY, Result};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The size of a block in bytes; each allocation gets a whole number of them.
const BLOCK: usize = 256;
/// The most blocks of an allocation, one for each bit of a word: what may be larger is allocated by [`grow`] or `try_reserve`.
const BLOCKS: usize = u64::BITS as usize;
const LARGEST: usize = BLOCKS * BLOCK;
const WORDS: usize = 64;
const SIZE: usize = WORDS * LARGEST;

/// How many bytes must be left for calls that have begun.
const LEAST: usize = SIZE / 2;
/// So many items are lent to a list that outlives the call, where a call could not go on without any.
const FEW: usize = 8;
/// The system has memory if it has this many bytes.
const PROBE: usize = 16 << 10;

/// Static memory of zeros, which takes up no page until it is used.
#[repr(align(256))]
struct Reserve(UnsafeCell<[u8; SIZE]>);

// SAFETY: each block belongs to whoever has taken its bit.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([0; SIZE]));
/// A bit for each block in use. Without a lock, as a fork or a signal handler may come at any time.
static TAKEN: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// How many bytes are in use.
static LENT: AtomicUsize = AtomicUsize::new(0);

/// The library's allocator. A program in Rust that links this crate gets it too, unless it disables the feature.
#[cfg_attr(feature = "reserve", global_allocator)]
static MEMORY: Memory = Memory;

/// The system's allocator, and the reserve.
struct Memory;

// SAFETY: the system's allocator keeps the rules, and a block of the reserve is large enough, aligned, and nobody else's until
// it is given back. None of it panics.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the rules.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { lend(layout) } else { memory }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the rules.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() { lend_zeroed(layout) } else { memory }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        match place_of(memory) {
            // SAFETY: the caller keeps the rules, and it is the system's.
            None => unsafe { System.dealloc(memory, layout) },
            Some(place) => free(place, layout),
        }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if place_of(memory).is_none() {
            // SAFETY: the caller keeps the rules, and it is the system's.
            let moved = unsafe { System.realloc(memory, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: as above; what is returned is large enough for what is copied, and another's than `memory`.
        unsafe { self.move_over(memory, layout, size) }
    }
}

impl Memory {
    /// To, from or within the reserve. Null, and all as it was, if there is no room.
    ///
    /// # Safety
    /// As for `realloc`.
    #[cold]
    unsafe fn move_over(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller of `realloc` vouches for the size; the alignment is that of a layout.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the size is not zero, as the caller of `realloc` vouches.
        let moved = unsafe { self.alloc(larger) };
        if !moved.is_null() {
            // SAFETY: both are that large, and they are apart; the old one is as its layout says.
            unsafe {
                moved.copy_from_nonoverlapping(memory, size.min(layout.size()));
                self.dealloc(memory, layout);
            }
        }
        moved
    }
}

/// The offset in the reserve, if the memory belongs to it.
#[inline]
fn place_of(memory: *mut u8) -> Option<usize> {
    let distance = memory.addr().wrapping_sub(RESERVE.0.get().addr());
    (distance < SIZE).then_some(distance)
}

/// A mask for the blocks of so many bytes, at the low end of a word.
const fn bits(bytes: usize) -> u64 {
    let blocks = if bytes == 0 { 1 } else { bytes.div_ceil(BLOCK) };
    u64::MAX >> (BLOCKS - blocks)
}

/// Allocates from the reserve; null if it has too little left, or the size or alignment is too large.
#[cold]
fn lend(layout: Layout) -> *mut u8 {
    if layout.size() > LARGEST || layout.align() > BLOCK {
        return null_mut();
    }
    let wanted = bits(layout.size());
    let place = TAKEN.iter().enumerate().find_map(|(at, word)| Some(at * BLOCKS + take(word, wanted)?));
    place.map_or(null_mut(), |place| {
        LENT.fetch_add(wanted.count_ones() as usize * BLOCK, Ordering::Relaxed);
        // SAFETY: the place lies in the reserve.
        unsafe { RESERVE.0.get().cast::<u8>().add(place * BLOCK) }
    })
}

#[cold]
fn lend_zeroed(layout: Layout) -> *mut u8 {
    let memory = lend(layout);
    if !memory.is_null() {
        // SAFETY: it is as large, and nobody else's.
        unsafe { memory.write_bytes(0, layout.size()) };
    }
    memory
}

/// Claims adjacent free bits of a word; the position of the first.
fn take(word: &AtomicU64, wanted: u64) -> Option<usize> {
    let last = wanted.leading_zeros();
    let mut taken = word.load(Ordering::Relaxed);
    loop {
        let at = (0..=last).find(|at| taken & wanted << at == 0)?;
        let more = taken | wanted << at;
        match word.compare_exchange_weak(taken, more, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Some(at as usize),
            Err(now) => taken = now,
        }
    }
}

#[cold]
fn free(distance: usize, layout: Layout) {
    let (place, lent) = (distance / BLOCK, bits(layout.size()));
    TAKEN[place / BLOCKS].fetch_and(!(lent << (place % BLOCKS)), Ordering::Release);
    LENT.fetch_sub(lent.count_ones() as usize * BLOCK, Ordering::Relaxed);
}

/// Whether memory is short: some of the reserve is in use, and the system has no memory, or too little of the reserve is left.
#[must_use]
#[inline]
pub fn is_memory_short() -> bool {
    LENT.load(Ordering::Relaxed) > 0 && is_short_now()
}

#[cold]
#[inline(never)]
fn is_short_now() -> bool {
    LENT.load(Ordering::Relaxed) > SIZE - LEAST || !has_memory(PROBE)
}

/// Whether the system can allocate so many bytes now.
#[must_use]
pub fn has_memory(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), 1) else { return false };
    // SAFETY: the size is not zero.
    let memory = black_box(unsafe { System.alloc(layout) });
    if memory.is_null() {
        return false;
    }
    // SAFETY: it has come from there with this layout.
    unsafe { System.dealloc(memory, layout) };
    true
}

/// Makes room for `more` items in a list that outlives the call. What is lent is for calls under way, as it comes back with their
/// end: such a list gets the system's memory, or stays as it is. `ENOMEM`.
#[inline]
pub fn grow<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    if list.capacity() - list.len() >= more {
        return Ok(());
    }
    enlarge(list, list.len().saturating_add(more).max(list.capacity() * 2))
}

/// The same, without room for those that may come later.
#[inline]
pub fn grow_exactly<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    if list.capacity() - list.len() >= more {
        return Ok(());
    }
    enlarge(list, list.len().saturating_add(more))
}

/// How many items, of those that are wanted, an empty list that outlives the call has room for: all; without memory fewer, those that
/// it has had room for, or a few that are lent. `ENOMEM`.
#[inline]
pub fn grow_up_to<T>(list: &mut Vec<T>, wanted: usize) -> Result<usize> {
    if list.capacity() >= wanted {
        return Ok(wanted);
    }
    enlarge_or_borrow(list, wanted)
}

#[cold]
fn enlarge_or_borrow<T>(list: &mut Vec<T>, wanted: usize) -> Result<usize> {
    if enlarge(list, wanted).is_err() && list.capacity() == 0 {
        list.try_reserve_exact(FEW).map_err(|_| OUT_OF_MEMORY)?;
    }
    Ok(wanted.min(list.capacity()))
}

#[cold]
fn enlarge<T>(list: &mut Vec<T>, capacity: usize) -> Result<()> {
    let mut larger = Vec::<T>::new();
    larger.try_reserve_exact(capacity).map_err(|_| OUT_OF_MEMORY)?;
    if place_of(larger.as_mut_ptr().cast()).is_some() {
        return Err(OUT_OF_MEMORY);
    }
    larger.append(list);
    *list = larger;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    /// Others may be lent something at the same time: only what is one's own can be looked at.
    #[test]
    fn what_is_lent_is_nobody_elses_and_comes_back() {
        let lent: Vec<_> = (1..200).map(|size| (lend(layout(size)), layout(size))).collect();
        for (memory, layout) in &lent {
            assert!(place_of(*memory).is_some() && memory.addr() % BLOCK == 0);
            // SAFETY: it was lent.
            unsafe { memory.write_bytes(layout.size() as u8, layout.size()) };
        }
        for (memory, layout) in lent {
            // SAFETY: it was lent, and written.
            let bytes = unsafe { std::slice::from_raw_parts(memory, layout.size()) };
            assert!(bytes.iter().all(|byte| usize::from(*byte) == layout.size()));
            // SAFETY: it has this layout.
            unsafe { MEMORY.dealloc(memory, layout) };
        }
    }

    #[test]
    fn it_lends_as_much_as_a_word_has_blocks_and_no_more() {
        assert!(lend(layout(LARGEST + 1)).is_null());
        assert!(lend(Layout::from_size_align(1, 2 * BLOCK).unwrap()).is_null());
        let memory = lend_zeroed(layout(LARGEST));
        let place = place_of(memory).unwrap();
        assert_eq!(place % LARGEST, 0);
        free(place, layout(LARGEST));
    }

    #[test]
    fn bits_lie_side_by_side_where_there_is_room() {
        let word = AtomicU64::new(0b1011);
        assert_eq!(take(&word, 0b11), Some(4));
        assert_eq!(take(&word, 0b1), Some(2));
        assert_eq!(take(&word, u64::MAX >> 6), Some(6));
        assert_eq!(take(&word, 0b1), None);
        assert_eq!([bits(0), bits(1), bits(BLOCK), bits(BLOCK + 1), bits(LARGEST)], [1, 1, 1, 3, u64::MAX]);
    }

    /// Into the reserve's memory and out of it what was written goes along.
    #[test]
    fn lent_memory_can_grow() {
        let lent = lend(layout(8));
        // SAFETY: it was lent, and each layout is that with which it was made.
        unsafe {
            lent.write_bytes(7, 8);
            let moved = MEMORY.realloc(lent, layout(8), 2 * LARGEST);
            assert!(place_of(moved).is_none());
            assert_eq!(std::slice::from_raw_parts(moved, 8), [7; 8]);
            MEMORY.dealloc(moved, layout(2 * LARGEST));
        }
    }

    #[test]
    fn a_list_grows_by_the_system_or_stays_as_it_is() {
        let mut list = vec![1_u8, 2];
        assert_eq!(grow(&mut list, 100), Ok(()));
        let room = list.capacity();
        assert!(room >= 102 && place_of(list.as_mut_ptr()).is_none());
        assert_eq!(grow(&mut list, isize::MAX as usize), Err(OUT_OF_MEMORY));
        assert_eq!((list.capacity(), list.as_slice()), (room, [1, 2].as_slice()));
        assert_eq!(grow_exactly(&mut list, room), Ok(()));
        assert_eq!((list.capacity(), list.as_slice()), (room + 2, [1, 2].as_slice()));
    }

    #[test]
    fn without_memory_a_list_has_room_for_a_few() {
        let mut list = Vec::<u32>::new();
        assert_eq!(grow_up_to(&mut list, isize::MAX as usize), Ok(FEW));
        assert_eq!(grow_up_to(&mut list, 100), Ok(100));
        assert_eq!(grow_up_to(&mut list, isize::MAX as usize), Ok(100));
    }

    #[test]
    fn the_system_is_asked_whether_it_has_memory() {
        assert!(has_memory(1) && !has_memory(isize::MAX as usize));
    }
}
