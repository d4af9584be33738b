//! What a wait must know of a registration to report it, readable without a lock: a card for each, which says what was
//! asked and what to answer. The kernel's tag for a registration names its card. Written under the lock of the poller's
//! side; a reader that meets a writer learns that there is nothing to read. Not here: what else a registration is
//! (`registry`).

use crate::core::error::{Error, Result};
use crate::core::handle::MAX_SLOTS;
use crate::sys::Events;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering, fence};

/// What a card says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The socket's handle.
    pub number: i64,
    /// What the caller gave.
    pub token: i64,
    pub asked: Events,
}

/// Two of them share a cache line, and none lies in two.
#[derive(Default, Debug)]
#[repr(align(32))]
struct Card {
    /// Which of all registrations the card is about; 0 for none, also while it is written.
    serial: AtomicU32,
    asked: AtomicI32,
    number: AtomicI64,
    token: AtomicI64,
}

impl Card {
    /// What it says, if it is about this registration from the beginning to the end of the reading.
    #[inline]
    fn read(&self, serial: u32) -> Option<Registration> {
        if self.serial.load(Ordering::Acquire) != serial {
            return None;
        }
        let registration = Registration {
            number: self.number.load(Ordering::Relaxed),
            token: self.token.load(Ordering::Relaxed),
            asked: Events(self.asked.load(Ordering::Relaxed)),
        };
        // Whoever has read a word of a later registration sees that the serial is not what it was.
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
        self.asked.store(registration.asked.0, Ordering::Relaxed);
        self.serial.store(serial, Ordering::Release);
    }
}

/// How many cards the first chunk has. Each further one has twice as many as the one before.
const FIRST: u32 = 64;
/// So many chunks have a card for every handle that there can be.
const CHUNKS: usize = (MAX_SLOTS / FIRST).ilog2() as usize + 1;

/// The cards of a poller, in chunks that never move.
#[derive(Debug)]
pub struct Cards([OnceLock<Box<[Card]>>; CHUNKS]);

/// Where a card is: in the lower bits its place in its chunk, in the upper the chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place(u32);

/// The last chunk has half of all places, and so needs one bit less than all have.
const CHUNK_SHIFT: u32 = MAX_SLOTS.ilog2();

const _: () = assert!(CHUNKS <= 1 << (u32::BITS - CHUNK_SHIFT) && FIRST << (CHUNKS - 1) <= 1 << CHUNK_SHIFT);

impl Place {
    /// Of the so many-eth card.
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

impl Cards {
    pub const fn new() -> Self {
        Self([const { OnceLock::new() }; CHUNKS])
    }

    /// The registration that the kernel means, unless it has been changed or taken out since.
    #[inline]
    pub fn read(&self, tag: u64) -> Option<Registration> {
        self.card(place(tag))?.read(serial(tag))
    }

    #[inline]
    fn card(&self, place: Place) -> Option<&Card> {
        self.0.get(place.chunk())?.get()?.get(place.within())
    }

    /// Writes a card for a registration that has its tag already.
    pub fn write(&self, tag: u64, registration: &Registration) -> Result<()> {
        self.grow(place(tag))?;
        let card = self.card(place(tag)).ok_or(Error::EINTERNAL)?;
        card.write(serial(tag), registration);
        Ok(())
    }

    /// Makes the chunk that holds the card.
    fn grow(&self, place: Place) -> Result<()> {
        let room = self.0.get(place.chunk()).ok_or(Error::EINTERNAL)?;
        if room.get().is_none() {
            let size = (FIRST as usize) << place.chunk();
            let mut cards = Vec::new();
            cards.try_reserve_exact(size).map_err(|_| Error::ENOMEM)?;
            cards.resize_with(size, Card::default);
            // Nobody else makes one: the lock is held.
            let _ = room.set(cards.into_boxed_slice());
        }
        Ok(())
    }
}

/// Deals a poller's cards.
#[derive(Default, Debug)]
pub struct Dealer {
    /// The last serial. By the time they begin anew, no wait still holds one of the last round.
    serial: u32,
    /// How many places were ever dealt.
    fresh: u32,
    /// Places that were given back.
    free: Vec<Place>,
}

impl Dealer {
    /// Writes a card for a registration, in the place of the one that it replaces; its tag. With the old tag nothing
    /// can be read any more: the kernel must be told the new one, and then reports anew.
    pub fn deal(&mut self, cards: &Cards, old: Option<u64>, registration: &Registration) -> Result<u64> {
        let place = match old {
            Some(old) => place(old),
            None => self.place(cards)?,
        };
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        let tag = tag(place, self.serial);
        cards.write(tag, registration)?;
        Ok(tag)
    }

    fn place(&mut self, cards: &Cards) -> Result<Place> {
        if let Some(place) = self.free.pop() {
            return Ok(place);
        }
        // Room for all of them, so that giving one back can't fail.
        self.free.try_reserve(self.fresh as usize + 1).map_err(|_| Error::ENOMEM)?;
        let place = Place::of(self.fresh);
        cards.grow(place)?;
        self.fresh += 1;
        Ok(place)
    }

    /// Takes the card of a registration that is no more.
    pub fn take_back(&mut self, cards: &Cards, tag: u64) {
        if let Some(card) = cards.card(place(tag)) {
            card.clear();
        }
        self.free.push(place(tag));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn about(number: i64) -> Registration {
        Registration { number, token: -number, asked: Events(number as i32) }
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
        let (cards, mut dealer) = (Cards::new(), Dealer::default());
        let first = dealer.deal(&cards, None, &about(1)).unwrap();
        let other = dealer.deal(&cards, None, &about(2)).unwrap();
        assert_eq!((cards.read(first), cards.read(other)), (Some(about(1)), Some(about(2))));
        let changed = dealer.deal(&cards, Some(first), &about(3)).unwrap();
        assert_eq!(place(changed), place(first));
        assert_eq!((cards.read(first), cards.read(changed)), (None, Some(about(3))));
        dealer.take_back(&cards, changed);
        assert_eq!((cards.read(changed), cards.read(other)), (None, Some(about(2))));
        let next = dealer.deal(&cards, None, &about(4)).unwrap();
        assert_eq!(place(next), place(first));
        assert_eq!((cards.read(changed), cards.read(next)), (None, Some(about(4))));
    }

    #[test]
    fn thousands_of_cards_stay_what_they_are_while_more_are_dealt() {
        let (cards, mut dealer) = (Cards::new(), Dealer::default());
        let tags: Vec<_> = (1..5_000).map(|n| dealer.deal(&cards, None, &about(n)).unwrap()).collect();
        assert!(tags.iter().zip(1..).all(|(tag, number)| cards.read(*tag) == Some(about(number))));
    }

    #[test]
    fn no_card_is_read_for_a_tag_that_was_never_dealt() {
        let (cards, mut dealer) = (Cards::new(), Dealer::default());
        dealer.deal(&cards, None, &about(1)).unwrap();
        let [first, next, far] = [0, 1, FIRST].map(Place::of);
        for never in [tag(first, 2), tag(next, 1), tag(far, 1), tag(Place(FIRST), 1), u64::MAX] {
            assert_eq!(cards.read(never), None, "{never:#x}");
        }
    }

    #[test]
    fn serials_begin_anew_without_the_one_that_means_none() {
        let (cards, mut dealer) = (Cards::new(), Dealer { serial: u32::MAX, ..Dealer::default() });
        let tag = dealer.deal(&cards, None, &about(1)).unwrap();
        assert_eq!((serial(tag), cards.read(tag)), (1, Some(about(1))));
    }

    /// Readers guess the serials, as many times as it takes to have read some.
    #[test]
    fn no_reader_sees_half_of_a_registration() {
        const READINGS: usize = 20_000;
        let cards = Cards::new();
        let done = AtomicBool::new(false);
        let read = || {
            let (mut readings, mut serial) = (0, 1);
            while readings < READINGS {
                match cards.read(tag(Place::of(0), serial)) {
                    Some(registration) => {
                        assert_eq!(registration, about(i64::from(serial)));
                        readings += 1;
                    }
                    None => {
                        serial = cards
                            .card(Place::of(0))
                            .map_or(1, |card| card.serial.load(Ordering::Relaxed))
                            .max(1)
                    }
                }
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut dealer = Dealer::default();
                let mut old = None;
                while !done.load(Ordering::Relaxed) {
                    let next = about(i64::from(dealer.serial) + 1);
                    old = Some(dealer.deal(&cards, old, &next).unwrap());
                }
            });
            let readers = [scope.spawn(read), scope.spawn(read)];
            let outcomes = readers.map(|reader| reader.join());
            done.store(true, Ordering::Relaxed);
            assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
        });
    }
}
