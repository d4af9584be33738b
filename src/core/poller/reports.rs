//! What a wait must know of a registration to report it, readable without a lock: a record for each, protected by a seqlock,
//! with the interest and the token. The kernel's tag for a registration names its record. Written under the lock of the
//! poller's extras; a reader that races with a writer gets nothing. Not here: the rest of a registration (`registry`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::MAX_SLOTS;
use crate::core::memory;
use crate::core::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering, fence};
use crate::sys::Events;
use std::sync::OnceLock;

/// The content of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The socket's handle.
    pub number: i64,
    /// The caller's token.
    pub token: i64,
    pub interest: Events,
}

/// A record. Aligned so that two share a cache line and none spans two.
#[derive(Default, Debug)]
#[repr(align(32))]
struct Record {
    /// The sequence number: which of all registrations the record is about; 0 for none, and while it is written.
    serial: AtomicU32,
    interest: AtomicI32,
    number: AtomicI64,
    token: AtomicI64,
}

impl Record {
    /// Its content, if it is about this registration from the beginning to the end of the reading.
    #[inline]
    fn read(&self, serial: u32) -> Option<Registration> {
        if self.serial.load(Ordering::Acquire) != serial {
            return None;
        }
        let registration = Registration {
            number: self.number.load(Ordering::Relaxed),
            token: self.token.load(Ordering::Relaxed),
            interest: Events(self.interest.load(Ordering::Relaxed)),
        };
        // Pairs with the fence of `clear`: a reader of any later field sees the changed serial.
        fence(Ordering::Acquire);
        (self.serial.load(Ordering::Relaxed) == serial).then_some(registration)
    }

    fn clear(&self) {
        self.serial.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    fn write(&self, serial: u32, registration: &Registration) {
        self.clear();
        self.number.store(registration.number, Ordering::Relaxed);
        self.token.store(registration.token, Ordering::Relaxed);
        self.interest.store(registration.interest.0, Ordering::Relaxed);
        self.serial.store(serial, Ordering::Release);
    }
}

/// How many records the first chunk has. Each further one has twice as many as the one before.
const FIRST: u32 = 64;
/// How many chunks have a record for every handle that there can be.
const CHUNKS: usize = (MAX_SLOTS / FIRST).ilog2() as usize + 1;

/// The records of a poller, in chunks that never move.
#[derive(Debug)]
pub struct Records([OnceLock<Box<[Record]>>; CHUNKS]);

/// The position of a record: in the lower bits its place in its chunk, in the upper the chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place(u32);

/// The last chunk has half of all places, and so needs one bit less than all have.
const CHUNK_SHIFT: u32 = MAX_SLOTS.ilog2();

const _: () = assert!(CHUNKS <= 1 << (u32::BITS - CHUNK_SHIFT) && FIRST << (CHUNKS - 1) <= 1 << CHUNK_SHIFT);

impl Place {
    /// The place of the record with this index.
    const fn of(count: u32) -> Self {
        let chunk = (count / FIRST + 1).ilog2();
        Self(chunk << CHUNK_SHIFT | (count - FIRST * ((1 << chunk) - 1)))
    }

    #[inline]
    const fn chunk(self) -> usize {
        (self.0 >> CHUNK_SHIFT) as usize
    }

    #[inline]
    const fn within(self) -> usize {
        (self.0 & ((1 << CHUNK_SHIFT) - 1)) as usize
    }
}

const fn tag(place: Place, serial: u32) -> u64 {
    place.0 as u64 | (serial as u64) << 32
}

const fn place(tag: u64) -> Place {
    Place(tag as u32)
}

const fn serial(tag: u64) -> u32 {
    (tag >> 32) as u32
}

impl Records {
    pub const fn new() -> Self {
        Self([const { OnceLock::new() }; CHUNKS])
    }

    /// The registration of a tag; `None` if it has been changed or removed since.
    #[inline]
    pub fn read(&self, tag: u64) -> Option<Registration> {
        self.record(place(tag))?.read(serial(tag))
    }

    #[inline]
    fn record(&self, place: Place) -> Option<&Record> {
        self.0.get(place.chunk())?.get()?.get(place.within())
    }

    /// Writes a record for a registration that has its tag already.
    pub fn write(&self, tag: u64, registration: &Registration) -> Result<()> {
        self.grow(place(tag))?;
        let record = self.record(place(tag)).ok_or(Error::EINTERNAL)?;
        record.write(serial(tag), registration);
        Ok(())
    }

    /// Makes the chunk that holds the record.
    fn grow(&self, place: Place) -> Result<()> {
        let room = self.0.get(place.chunk()).ok_or(Error::EINTERNAL)?;
        if room.get().is_none() {
            let size = (FIRST as usize) << place.chunk();
            let mut records = Vec::new();
            memory::grow_exactly(&mut records, size)?;
            records.resize_with(size, Record::default);
            // No other thread makes one, as the lock is held.
            let _ = room.set(records.into_boxed_slice());
        }
        Ok(())
    }
}

/// Allocates the places of a poller's records.
#[derive(Default, Debug)]
pub struct RecordPlaces {
    /// The last serial. When they wrap around after 2^32, no wait still uses such an old one.
    serial: u32,
    /// How many places were ever allocated.
    fresh: u32,
    /// Places that were freed.
    free: Vec<Place>,
}

impl RecordPlaces {
    /// Writes a record for a registration, in the place of the one that it replaces, and returns its tag. The old tag becomes
    /// invalid: the caller must register the new one with the selector.
    pub fn put(&mut self, records: &Records, old: Option<u64>, registration: &Registration) -> Result<u64> {
        let place = match old {
            Some(old) => place(old),
            None => self.place(records)?,
        };
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        let tag = tag(place, self.serial);
        records.write(tag, registration)?;
        Ok(tag)
    }

    fn place(&mut self, records: &Records) -> Result<Place> {
        if let Some(place) = self.free.pop() {
            return Ok(place);
        }
        // Room for all of them, so that freeing one can't fail.
        memory::grow(&mut self.free, self.fresh as usize + 1)?;
        let place = Place::of(self.fresh);
        records.grow(place)?;
        self.fresh += 1;
        Ok(place)
    }

    /// Frees the record of a removed registration.
    pub fn free(&mut self, records: &Records, tag: u64) {
        if let Some(record) = records.record(place(tag)) {
            record.clear();
        }
        self.free.push(place(tag));
    }
}

/// Seen to fail without either fence, and with a serial that is written before the rest.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::sync::model;
    use loom::sync::Arc;
    use loom::thread;

    fn about(serial: u32) -> Registration {
        Registration { number: serial.into(), token: -i64::from(serial), interest: Events(serial as i32) }
    }

    #[test]
    fn a_reader_sees_one_registration_or_none() {
        model(|| {
            let record = Arc::new(Record::default());
            record.write(1, &about(1));
            let writer = record.clone();
            let thread = thread::spawn(move || {
                writer.write(2, &about(2));
                writer.clear();
            });
            for serial in [1, 2] {
                assert!(record.read(serial).is_none_or(|read| read == about(serial)));
            }
            thread.join().unwrap();
            assert_eq!((record.read(1), record.read(2)), (None, None));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn about(number: i64) -> Registration {
        Registration { number, token: -number, interest: Events(number as i32) }
    }

    #[test]
    fn every_place_has_one_card() {
        let mut next = (0, 0);
        for count in 0..100 * FIRST {
            let place = Place::of(count);
            assert_eq!((place.chunk(), place.within()), next, "{count}");
            next =
                if next.1 + 1 == (FIRST as usize) << next.0 { (next.0 + 1, 0) } else { (next.0, next.1 + 1) };
        }
        assert_eq!(Place::of(MAX_SLOTS - 1).chunk(), CHUNKS - 1);
        assert!(Place(u32::MAX).chunk() >= CHUNKS);
    }

    #[test]
    fn a_card_says_what_was_written_until_another_is_dealt_in_its_place() {
        let (records, mut places) = (Records::new(), RecordPlaces::default());
        let first = places.put(&records, None, &about(1)).unwrap();
        let other = places.put(&records, None, &about(2)).unwrap();
        assert_eq!((records.read(first), records.read(other)), (Some(about(1)), Some(about(2))));
        let changed = places.put(&records, Some(first), &about(3)).unwrap();
        assert_eq!(place(changed), place(first));
        assert_eq!((records.read(first), records.read(changed)), (None, Some(about(3))));
        places.free(&records, changed);
        assert_eq!((records.read(changed), records.read(other)), (None, Some(about(2))));
        let next = places.put(&records, None, &about(4)).unwrap();
        assert_eq!(place(next), place(first));
        assert_eq!((records.read(changed), records.read(next)), (None, Some(about(4))));
    }

    #[test]
    fn thousands_of_cards_stay_what_they_are_while_more_are_dealt() {
        let (records, mut places) = (Records::new(), RecordPlaces::default());
        let tags: Vec<_> = (1..5_000).map(|n| places.put(&records, None, &about(n)).unwrap()).collect();
        assert!(tags.iter().zip(1..).all(|(tag, number)| records.read(*tag) == Some(about(number))));
    }

    #[test]
    fn no_card_is_read_for_a_tag_that_was_never_dealt() {
        let (records, mut places) = (Records::new(), RecordPlaces::default());
        places.put(&records, None, &about(1)).unwrap();
        let [first, next, far] = [0, 1, FIRST].map(Place::of);
        for never in [tag(first, 2), tag(next, 1), tag(far, 1), tag(Place(FIRST), 1), u64::MAX] {
            assert_eq!(records.read(never), None, "{never:#x}");
        }
    }

    #[test]
    fn serials_begin_anew_without_the_one_that_means_none() {
        let (records, mut places) =
            (Records::new(), RecordPlaces { serial: u32::MAX, ..RecordPlaces::default() });
        let tag = places.put(&records, None, &about(1)).unwrap();
        assert_eq!((serial(tag), records.read(tag)), (1, Some(about(1))));
    }

    /// Readers guess the serials, as many times as it takes to have read some.
    #[test]
    fn no_reader_sees_half_of_a_registration() {
        const READINGS: usize = 20_000;
        let records = Records::new();
        let done = AtomicBool::new(false);
        let read = || {
            let (mut readings, mut serial) = (0, 1);
            while readings < READINGS {
                match records.read(tag(Place::of(0), serial)) {
                    Some(registration) => {
                        assert_eq!(registration, about(i64::from(serial)));
                        readings += 1;
                    }
                    None => {
                        serial = records
                            .record(Place::of(0))
                            .map_or(1, |record| record.serial.load(Ordering::Relaxed))
                            .max(1)
                    }
                }
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut places = RecordPlaces::default();
                let mut old = None;
                while !done.load(Ordering::Relaxed) {
                    let next = about(i64::from(places.serial) + 1);
                    old = Some(places.put(&records, old, &next).unwrap());
                }
            });
            let readers = [scope.spawn(read), scope.spawn(read)];
            let outcomes = readers.map(|reader| reader.join());
            done.store(true, Ordering::Relaxed);
            assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
        });
    }
}

/// One report of a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The caller's token from the registration.
    pub token: i64,
    /// Which socket.
    pub handle: i64,
    /// What is ready.
    pub events: Events,
}
