//! The memory of the slots: chunks that never move, found by an index that a child of an unnoticed fork finds empty. Not here:
//! what a slot is (`slot`), and which are free (`free_list`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::{self, Handle, MAX_CHUNKS, MAX_PLACES, MAX_SLOTS};
use crate::core::handle::slot::Slot;
use crate::core::lock::{Guard, Mutex, Rank};
use crate::core::memory;
use crate::sys::{self, Wiped};
use once_cell::race::{OnceNonZeroUsize, OnceRef};
use std::num::NonZeroUsize;

/// How many slots a chunk has. The index has a place for every chunk that can be, but its untouched pages take no memory.
const CHUNK: usize = MAX_PLACES as usize;

type Chunk = [Slot; CHUNK];

/// The index of the chunks. A child made by a fork that runs no handlers (`_Fork`) finds it wiped by the kernel: there no
/// number is a handle, so that no call touches what is shared with the parent, at no cost for a lookup.
static CHUNKS: Wiped<[OnceRef<'static, Chunk>; MAX_CHUNKS as usize]> =
    Wiped::new([const { OnceRef::new() }; MAX_CHUNKS as usize]);

/// Has the kernel wipe the index in forked children; called before there is a chunk.
pub fn wipe_in_forks() {
    CHUNKS.wipe_in_forks();
}

/// The slot of a number, whether or not the number is an open handle.
#[inline(always)]
pub fn slot_of(number: i64) -> Option<&'static Slot> {
    slot_at(Handle::chunk(number), Handle::place(number))
}

#[inline(always)]
fn slot_at(chunk: u16, place: u8) -> Option<&'static Slot> {
    Some(&CHUNKS[usize::from(chunk)].get()?[usize::from(place)])
}

pub(super) fn slot(index: u32) -> Option<&'static Slot> {
    slot_at(u16::try_from(index / MAX_PLACES).ok()?, (index % MAX_PLACES) as u8)
}

/// The first generation of every slot: that of a range which no other copy of the library in this process has. If no range can be
/// claimed, one that another copy is unlikely to have.
pub(super) fn first_generation() -> u32 {
    static FIRST: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let first = FIRST.get_or_init(|| {
        let likely = (&raw const FIRST as usize >> 12) % number::RANGES.count() + 1;
        let range = sys::claim(number::RANGES).unwrap_or(likely as u32);
        NonZeroUsize::new(number::first_generation(range) as usize).unwrap_or(NonZeroUsize::MIN)
    });
    first.get() as u32
}

/// Makes a chunk, whose slots have the indexes from `chunk * CHUNK` on.
fn make_chunk(chunk: usize) -> Result<&'static Chunk> {
    let mut slots = Vec::new();
    memory::grow_exactly(&mut slots, CHUNK)?;
    let generation = first_generation();
    slots.extend((0..CHUNK).map(|place| Slot::new((chunk * CHUNK + place) as u32, generation)));
    Ok(Box::leak(Box::<Chunk>::try_from(slots).map_err(|_| Error::EINTERNAL)?))
}

/// The index of the first slot that was never used, and the chunks that were made.
#[derive(Debug)]
pub struct Fresh {
    pub(super) next: u32,
    chunks: Vec<&'static Chunk>,
}

static FRESH: Mutex<Fresh> = Mutex::new(Rank::Table, Fresh { next: 0, chunks: Vec::new() });

/// Takes the lock on the slots that were never used.
pub fn lock() -> Guard<'static, Fresh> {
    FRESH.lock()
}

/// The same, if it is free.
pub(super) fn try_lock() -> Option<Guard<'static, Fresh>> {
    FRESH.try_lock()
}

impl Fresh {
    #[cold]
    pub(super) fn take(&mut self) -> Result<u32> {
        if self.next == MAX_SLOTS {
            return Err(Error::EMFILE);
        }
        self.grow()?;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Makes the chunk that holds the next slot.
    fn grow(&mut self) -> Result<()> {
        let chunk = self.next as usize / CHUNK;
        if chunk == self.chunks.len() {
            memory::grow(&mut self.chunks, 1)?;
            self.chunks.push(make_chunk(chunk)?);
            let _ = CHUNKS[chunk].set(self.chunks[chunk]);
        }
        Ok(())
    }

    /// In a forked child: restores the index, which the kernel has wiped.
    pub fn restore(&self) {
        for (place, chunk) in CHUNKS.iter().zip(&self.chunks) {
            let _ = place.set(chunk);
        }
    }
}
