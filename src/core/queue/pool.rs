//! The buffers of a queue: memory that stays mapped for as long as the process lives, and numbers of which none is given
//! out twice. A buffer is free, the queue's (something is or was received into it, or is sent from it), or the caller's.
//! Not here: what is received into them (`receives`) and sent from them (`sending`).

use crate::core::error::{Error, Result};
use crate::core::lock::{Mutex, Rank};
use crate::core::memory;
use crate::core::name::flat::{Flat, SIZE};
use crate::sys::{Bytes, Region, Target};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Room behind each buffer, for an address.
const BESIDE: usize = SIZE;
/// How many numbers each buffer of a queue has until the queue fetches more.
const ROUNDS: i64 = 1 << 10;
/// No number is beyond what a double holds.
const LAST: i64 = (1 << 53) - 1;

/// The first number that no queue has fetched. Above 2^32, so that a binding that cuts one fails at once.
static NEXT: AtomicI64 = AtomicI64::new(1 << 32);

/// Memory of queues that are closed, for later ones. Nobody waits for this lock: what can't be had or kept at once is made
/// or left behind, so that no fork can catch it in the wrong moment.
static SPARE: Mutex<Vec<Region>> = Mutex::new(Rank::Spare, Vec::new());

/// Which buffers the caller holds: their numbers, or 0. Outside of the queue's lock, for a forked child to find.
pub type Held = Arc<[AtomicI64]>;

/// One buffer that is the queue's.
#[derive(PartialEq, Eq, Debug)]
pub struct Lease(u32);

#[derive(Debug)]
pub struct Pool {
    region: Region,
    buffers: Buffers,
    free: Vec<u32>,
    /// The number that each gets next.
    next: Vec<i64>,
    held: Held,
    /// The numbers that were fetched last.
    block: i64,
    /// From one buffer to the next, and from one number of a buffer to the next.
    stride: usize,
    span: i64,
}

impl Buffers {
    /// From one buffer to the next.
    const fn stride(self) -> usize {
        self.size.next_multiple_of(Region::ALIGNMENT) + BESIDE
    }

    fn length(self) -> Result<usize> {
        self.count.checked_mul(self.stride()).ok_or(Error::ENOMEM)
    }

    /// A power of two, so that a number's lowest bits say which buffer it is.
    const fn span(self) -> i64 {
        self.count.next_power_of_two() as i64
    }

    /// Fetches numbers.
    fn fetch(self) -> Result<i64> {
        let size = self.span() * ROUNDS;
        let start = |next: i64| next.next_multiple_of_positive(size);
        let fetch = |next: i64| Some(start(next) + size).filter(|end| *end <= LAST);
        NEXT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fetch).map(start).map_err(|_| Error::ENOMEM)
    }
}

trait Multiple {
    fn next_multiple_of_positive(self, size: Self) -> Self;
}

impl Multiple for i64 {
    fn next_multiple_of_positive(self, size: Self) -> Self {
        (self + size - 1) / size * size
    }
}

/// Memory for the buffers, that of a closed queue if there is some.
pub fn map(buffers: Buffers) -> Result<Region> {
    let length = buffers.length()?;
    if let Some(mut spare) = SPARE.try_lock() {
        if let Some(place) = spare.iter().position(|region| region.length() == length) {
            return Ok(spare.swap_remove(place));
        }
    }
    Ok(Region::new(length)?)
}

/// Keeps memory for a later queue.
pub fn unmap(region: Region) {
    if let Some(mut spare) = SPARE.try_lock() {
        spare.push(region);
    }
}

/// A list of numbers, with no buffer held by the caller.
pub fn held(buffers: Buffers) -> Result<Held> {
    let mut held = Vec::new();
    memory::grow_exactly(&mut held, buffers.count)?;
    held.resize_with(buffers.count, || AtomicI64::new(0));
    Ok(held.into())
}

impl Pool {
    /// A pool in which the buffers are free that the caller does not hold.
    pub fn new(region: Region, buffers: Buffers, held: Held) -> Result<Self> {
        let block = buffers.fetch()?;
        let (mut free, mut next) = (Vec::new(), Vec::new());
        memory::grow_exactly(&mut free, buffers.count)?;
        memory::grow_exactly(&mut next, buffers.count)?;
        let indices = 0..buffers.count as u32;
        // The first is used first, and the last that was used next: it is in the processor's cache.
        free.extend(indices.clone().rev().filter(|index| held[*index as usize].load(Ordering::SeqCst) == 0));
        next.extend(indices.map(|index| block + i64::from(index)));
        let (stride, span) = (buffers.stride(), buffers.span());
        Ok(Self { region, buffers, free, next, held, block, stride, span })
    }

    /// How many bytes are received where so many are asked for, or 0 for what there is room for.
    pub fn length(&self, wanted: usize) -> usize {
        if wanted == 0 { self.buffers.size } else { wanted.min(self.buffers.size) }
    }

    /// Whether none is free.
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Takes a free one.
    #[inline]
    pub fn take(&mut self) -> Option<Lease> {
        self.free.pop().map(Lease)
    }

    /// Gives one back.
    #[inline]
    pub fn give(&mut self, lease: Lease) {
        debug_assert!(self.free.len() < self.buffers.count, "a buffer came back that was never taken");
        self.free.push(lease.0);
    }

    const fn at(&self, index: u32) -> usize {
        index as usize * self.stride
    }

    /// Its first bytes, to be written.
    #[inline]
    pub fn room(&mut self, lease: &Lease, length: usize) -> &mut [MaybeUninit<u8>] {
        let length = length.min(self.buffers.size);
        self.region.room(self.at(lease.0), length)
    }

    /// The same, for the system to write.
    pub fn target(&self, lease: &Lease, length: usize) -> Target {
        self.region.target(self.at(lease.0), length.min(self.buffers.size))
    }

    /// Where it lies.
    #[inline]
    pub const fn address(&self, lease: &Lease) -> i64 {
        (self.region.address() + self.at(lease.0)) as i64
    }

    /// Writes an address behind its bytes; where.
    pub fn put_address(&mut self, lease: &Lease, address: &Flat) -> i64 {
        let at = self.at(lease.0) + self.stride - BESIDE;
        for (place, byte) in self.region.room(at, BESIDE).iter_mut().zip(address.to_bytes()) {
            place.write(byte);
        }
        (self.region.address() + at) as i64
    }

    /// The number under which the caller gets to know it.
    #[inline(always)]
    pub fn name(&mut self, lease: Lease) -> i64 {
        let Some(next) = self.next.get_mut(lease.0 as usize) else { return 0 };
        let number = *next;
        *next = number + self.span;
        if *next & (self.span * ROUNDS - 1) < self.span {
            self.number_anew(lease, number);
        }
        number
    }

    /// A buffer's numbers are used up. Others may have fetched more since it got them.
    #[cold]
    fn number_anew(&mut self, lease: Lease, last: i64) {
        if last & -(self.span * ROUNDS) == self.block {
            // There are more than a program can use in a hundred years.
            self.block = self.buffers.fetch().unwrap_or(self.block);
        }
        self.next[lease.0 as usize] = self.block + i64::from(lease.0);
    }

    #[inline]
    const fn index(&self, number: i64) -> usize {
        (number & (self.span - 1)) as usize
    }

    /// The caller has it from now on.
    #[inline]
    pub fn hand_out(&self, number: i64) {
        if let Some(held) = self.held.get(self.index(number)) {
            debug_assert_eq!(held.load(Ordering::Relaxed), 0, "the caller has the buffer already");
            held.store(number, Ordering::Release);
        }
    }

    /// The one of that number, which the caller must hold.
    #[inline]
    fn find(&self, number: i64) -> Result<u32> {
        let index = self.index(number);
        let is_held = |held: &AtomicI64| number != 0 && held.load(Ordering::Relaxed) == number;
        if self.held.get(index).is_some_and(is_held) { Ok(index as u32) } else { Err(Error::EINVAL) }
    }

    /// Takes it from the caller.
    #[inline]
    pub fn take_back(&mut self, number: i64) -> Result<Lease> {
        let index = self.find(number)?;
        self.held[index as usize].store(0, Ordering::Release);
        Ok(Lease(index))
    }

    /// Takes it from the caller with bytes that lie in it. If they don't, it stays the caller's.
    #[inline]
    pub fn take_bytes(&mut self, number: i64, address: i64, length: i64) -> Result<(Lease, Bytes)> {
        let at = self.at(self.find(number)?);
        let first = (self.region.address() + at) as i64;
        let offset = usize::try_from(address.wrapping_sub(first)).map_err(|_| Error::EINVAL)?;
        let length = usize::try_from(length).map_err(|_| Error::EINVAL)?;
        let end = offset.checked_add(length).ok_or(Error::EINVAL)?;
        if end > self.buffers.size {
            return Err(Error::EINVAL);
        }
        Ok((self.take_back(number)?, self.region.bytes(at + offset, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn pool(count: usize, size: usize) -> Pool {
        let buffers = Buffers { count, size };
        Pool::new(map(buffers).unwrap(), buffers, held(buffers).unwrap()).unwrap()
    }

    fn hand_out(pool: &mut Pool) -> i64 {
        let lease = pool.take().unwrap();
        let number = pool.name(lease);
        pool.hand_out(number);
        number
    }

    #[test]
    fn no_number_is_given_out_twice_by_any_queue() {
        let mut seen = HashSet::new();
        let mut pools = [pool(3, 10), pool(1, 1), pool(4, 64)];
        for _ in 0..4 * ROUNDS {
            for pool in &mut pools {
                let number = hand_out(pool);
                assert!((1..=LAST).contains(&number));
                assert!(seen.insert(number), "{number}");
                let lease = pool.take_back(number).unwrap();
                pool.give(lease);
            }
        }
    }

    #[test]
    fn a_buffer_comes_back_once() {
        let mut pool = pool(3, 10);
        let number = hand_out(&mut pool);
        for forged in [0, -1, 1, number + 1, number - 1, number + 4, number << 1, i64::MAX, i64::MIN] {
            assert_eq!(pool.take_back(forged), Err(Error::EINVAL), "{forged}");
        }
        let lease = pool.take_back(number).unwrap();
        assert_eq!(pool.take_back(number), Err(Error::EINVAL));
        pool.give(lease);
        assert_ne!(hand_out(&mut pool), number);
        assert_eq!(pool.take_back(number), Err(Error::EINVAL));
    }

    #[test]
    fn bytes_must_lie_in_their_buffer() {
        let mut pool = pool(2, 10);
        let number = hand_out(&mut pool);
        let first = pool.region.address() as i64;
        for (address, length) in
            [(first - 1, 1), (first, 11), (first + 10, 1), (first, -1), (0, 1), (first, i64::MAX)]
        {
            assert_eq!(
                pool.take_bytes(number, address, length).unwrap_err(),
                Error::EINVAL,
                "{address} {length}"
            );
        }
        let (_, bytes) = pool.take_bytes(number, first + 2, 8).unwrap();
        assert_eq!(bytes.length(), 8);
        assert_eq!(pool.take_bytes(number, first + 2, 8).unwrap_err(), Error::EINVAL);
    }

    #[test]
    fn a_child_has_those_that_the_caller_does_not_hold() {
        let mut parent = pool(3, 10);
        let number = hand_out(&mut parent);
        let _in_use = parent.take().unwrap();
        let mut child = Pool::new(parent.region.twin(), parent.buffers, Arc::clone(&parent.held)).unwrap();
        assert_eq!(child.free.len(), 2);
        assert!(child.take_back(number).is_ok());
    }

    #[test]
    fn the_memory_of_a_closed_queue_serves_a_later_one() {
        let buffers = Buffers { count: 5, size: 4_321 };
        let region = map(buffers).unwrap();
        let address = region.address();
        // Another test may be at the lock: then it is left behind.
        let is_again = || {
            unmap(Region::twin(&region));
            map(buffers).unwrap().address() == address
        };
        assert!((0..1000).any(|_| is_again()));
    }
}

/// How many buffers there are, and how large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffers {
    pub count: usize,
    pub size: usize,
}
