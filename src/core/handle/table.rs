//! The handle table: looking a number up, references, and closing when the last one is dropped.
//!
//! A call takes a reference to the slot, so that the descriptor stays open (and its number taken) until the last call is done,
//! whoever closes meanwhile. Looking up takes no lock. Not here: the slot's word and fields (`slot`), what only some handles have
//! (`extras`).
//!
//! A lookup adds its reference first and then checks whether the word is that of the handle; if it is not, it drops the reference
//! again. So that such a failed lookup never drops the last one, a vacant slot holds a reference of its own, which the next handle
//! takes over.

use crate::core::error::{Error, Result};
use crate::core::handle::chunks::{self, slot, slot_of};
use crate::core::handle::number::{self, Handle};
use crate::core::handle::slot::{CLOSED, GENERATION, New, OWNER, Phase, REFERENCE, Slot, VACANT, flag};
use crate::core::handle::{extras, free_list};
use crate::core::lock;
use crate::core::memory;
use crate::core::process::section::{ForkAware, Section};
use crate::core::sync::atomic::Ordering;
use crate::sys::{self, Fd, Origin};
use std::ops::Deref;

/// A reference to an open handle. While one lives, the descriptor stays open. Dropping the last one closes it.
#[derive(Debug)]
pub struct Ref {
    slot: &'static Slot,
}

impl Ref {
    /// The slot itself, which never moves. What is read from it is valid only while the handle is known to be open.
    pub const fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// Takes a reference; `Err`, also with one, if the slot is not that generation's.
    #[inline(always)]
    fn take(slot: &'static Slot, generation: i64) -> std::result::Result<Self, Self> {
        let word = slot.word.fetch_add(REFERENCE, Ordering::SeqCst);
        let found = Self { slot };
        // One comparison checks all: the generation, not closed, not vacant.
        if word & OWNER == generation { Ok(found) } else { Err(found) }
    }

    /// As [`close`].
    fn close(self) -> Option<Self> {
        let before = self.slot.word.fetch_or(CLOSED, Ordering::SeqCst);
        (before & CLOSED == 0).then(|| Self { slot: self.slot })
    }

    /// Another reference to the same slot.
    #[must_use]
    pub fn again(&self) -> Self {
        let before = self.slot.word.fetch_add(REFERENCE, Ordering::SeqCst);
        debug_assert!(before >= 0, "a reference without one to come from");
        Self { slot: self.slot }
    }

    /// Drops the reference and returns the call's result, which so need not be kept in a register meanwhile.
    #[inline(always)]
    pub fn done<T>(self, answer: T) -> T {
        lock::check_free();
        let slot = self.slot;
        std::mem::forget(self);
        if slot.leave() { done_last(slot, answer) } else { answer }
    }
}

impl Deref for Ref {
    type Target = Slot;

    #[inline]
    fn deref(&self) -> &Slot {
        self.slot
    }
}

impl Drop for Ref {
    #[inline]
    fn drop(&mut self) {
        lock::check_free();
        if self.slot.leave() {
            left_by_all(self.slot);
        }
    }
}

/// A reserved slot: reserved before a descriptor is opened, so that this can't fail afterwards. Dropping it frees the slot.
#[derive(Debug)]
pub struct Vacancy(&'static Slot);

/// Reserves a slot. `EMFILE`, `ENOMEM`. Does not block.
#[inline(always)]
pub fn reserve(_aware: ForkAware) -> Result<Vacancy> {
    memory::check()?;
    let vacancy = Vacancy(free_list::pop()?);
    if vacancy.0.has(flag::HAS_EXTRAS) {
        forget_extras(vacancy.0);
    }
    Ok(vacancy)
}

/// Drops the extras that the last owner left.
#[cold]
fn forget_extras(slot: &Slot) {
    slot.clear_flags(flag::HAS_EXTRAS);
    extras::forget(slot.index);
}

impl Vacancy {
    /// Where to store the address of a peer that is about to be accepted. Nobody reads it before there is a handle.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The handle that it will become. Until then its number is `EBADF`.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.0.handle()
    }

    /// Makes a handle of it, in the section in which its descriptor was opened, or given to the library.
    pub fn fill(self, new: &New, _section: &Section) -> Handle {
        self.0.fill(new);
        self.publish()
    }

    /// Makes a handle of a listener's next connection, in the section in which it was taken.
    #[inline]
    pub fn fill_as_accepted(self, listener: &Slot, fd: Fd, _section: &Section) -> Handle {
        self.0.fill_as_accepted(listener, fd);
        self.publish()
    }

    #[inline]
    fn publish(self) -> Handle {
        let slot = self.0;
        std::mem::forget(self);
        let handle = slot.handle();
        // Publishing the word publishes the fields.
        let before = slot.word.fetch_sub(VACANT, Ordering::SeqCst);
        debug_assert_eq!(before & (CLOSED | VACANT), VACANT, "a handle was made of a slot that has one");
        handle
    }
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        // A fork copies memory page by page, and the stack is linked through many.
        let _section = Section::begin();
        free_list::push(self.0);
    }
}

/// Looks a number up and takes a reference; `EBADF` if it is no open handle. Does not block.
#[inline(always)]
pub fn get(number: i64) -> Result<Ref> {
    let Some(slot) = slot_of(number) else { return Err(give_back(None)) };
    Ref::take(slot, Handle::generation(number)).map_err(|found| give_back(Some(found)))
}

/// Drops the reference of a failed lookup.
#[cold]
#[inline(never)]
fn give_back(found: Option<Ref>) -> Error {
    drop(found);
    Error::EBADF
}

/// Looks a number up without taking a reference; `EBADF` if it is no open handle. The slot may get another owner at any time,
/// so what is read from it is valid only if [`Slot::is_open_as`] still holds afterwards.
#[inline]
pub fn peek(number: i64) -> Result<(Handle, &'static Slot)> {
    let slot = slot_of(number).filter(|slot| slot.stands_for(number)).ok_or(Error::EBADF)?;
    Ok((Handle { index: slot.index, generation: Handle::generation(number) as u32 }, slot))
}

/// Marks the handle closed; `EBADF` if it is no open handle. Only one caller succeeds. It gets the reference that the open
/// handle held: dropping it closes the descriptor, unless calls still run.
pub fn close(number: i64) -> Result<Ref> {
    get(number)?.close().ok_or(Error::EBADF)
}

/// Undoes a close that nobody else has acted upon yet.
pub fn reopen(last: Ref) {
    let before = last.slot.word.fetch_and(!CLOSED, Ordering::SeqCst);
    debug_assert_eq!(before & (CLOSED | VACANT), CLOSED, "a close was taken back that is none, or over");
    // The reference is the open handle's again.
    std::mem::forget(last);
}

/// Whether nobody but the holder of `last` uses the slot.
pub fn is_last(last: &Ref) -> bool {
    last.slot.word.load(Ordering::SeqCst) < REFERENCE
}

/// Whether the handle's descriptor is gone.
pub fn is_retired(handle: Handle) -> bool {
    let Some(slot) = slot(handle.index) else { return true };
    let owner = slot.owner();
    owner & GENERATION != i64::from(handle.generation) || owner & (CLOSED | VACANT) == VACANT
}

#[cold]
#[inline(never)]
fn done_last<T>(slot: &'static Slot, answer: T) -> T {
    left_by_all(slot);
    answer
}

/// A drop has left the slot without a reference. If it is closed, the thread that adds the vacant slot's own reference retires
/// it, as failed lookups may add and drop references at the same time. If it is open, it was a drop too many: of a call that a
/// signal handler has interrupted to fork, after which the child has reset the count.
#[cold]
fn left_by_all(slot: &'static Slot) {
    let _section = Section::begin();
    let vacate = |word: i64| if word & CLOSED == 0 { word } else { word | VACANT };
    let hold = |word: i64| (word < 0).then(|| vacate(word) + REFERENCE);
    if let Ok(word) = slot.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, hold) {
        if word & (CLOSED | VACANT) == CLOSED {
            retire(slot);
        }
    }
}

/// Closes the descriptor now if nobody but the holder of `last` uses the slot; else returns `last`. Blocks while the close lingers
/// (SO_LINGER): so the closer waits for that, and not a call that it has woken.
pub fn finish(last: Ref) -> std::result::Result<(), Ref> {
    let section = Section::begin();
    let slot = last.slot;
    // The closer's reference becomes the vacant slot's.
    let vacate = |word: i64| (word < REFERENCE && word & VACANT == 0).then_some(word | VACANT);
    if slot.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, vacate).is_err() {
        drop(section);
        return Err(last);
    }
    std::mem::forget(last);
    retire(slot);
    Ok(())
}

/// Closes the descriptor and frees the slot, in a section. The handle's extras stay until the slot is used again.
fn retire(slot: &'static Slot) {
    let handle = slot.handle();
    if !slot.fd().is_none() && !slot.has(flag::RELEASED) {
        sys::close(slot.fd());
    }
    if !Fd::from_kept(slot.replaced.load(Ordering::SeqCst)).is_none() {
        close_replaced(slot);
    }
    // After the close: while it lingers, a fork looks here whether the process still has the descriptor.
    slot.fd.store(Fd::NONE.to_raw(), Ordering::SeqCst);
    pass_on(slot, handle);
}

#[cold]
fn close_replaced(slot: &Slot) {
    sys::close(Fd::from_kept(slot.replaced.swap(Fd::NONE.to_raw(), Ordering::SeqCst)));
}

/// How many closes are lingering: their slots are being retired, and their descriptors are out of the process already.
#[cold]
pub fn lingering() -> usize {
    let used = chunks::try_lock().map_or(0, |fresh| fresh.next);
    let lingers = |slot: &&Slot| {
        let is_closing = slot.owner() & (CLOSED | VACANT) == CLOSED | VACANT;
        is_closing && !slot.fd().is_none() && !sys::is_open(slot.fd())
    };
    (0..used).filter_map(slot).filter(lingers).count()
}

/// Frees the slot for its next generation; after the last generation it is never used again. Only once: in a forked child the
/// thread that was about to do it may be the one that forked, and go on after `close_orphans` has done it.
fn pass_on(slot: &'static Slot, handle: Handle) {
    let generation = i64::from(handle.generation);
    let is_used_up = number::is_last_generation(handle.generation);
    let next = VACANT | if is_used_up { generation } else { generation + 1 };
    let pass = |word: i64| (word & OWNER == generation | CLOSED | VACANT).then_some(word & !OWNER | next);
    let passed = slot.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, pass).is_ok();
    if passed && !is_used_up {
        slot.origin.clear();
        free_list::push(slot);
    }
}

/// In a forked child, which has only the forking thread: drops the references of all other threads. Returns the slots that
/// these were about to close.
pub fn after_fork() -> Vec<&'static Slot> {
    let used = chunks::lock().next;
    let slots = (0..used).filter_map(slot);
    slots.filter(|slot| count_anew(slot)).collect()
}

/// Resets the count to the one reference of the open handle or vacant slot; whether the slot is to be retired.
fn count_anew(slot: &Slot) -> bool {
    let owner = slot.owner();
    let is_closed = owner & CLOSED != 0;
    slot.clear_flags(flag::MODE_HELD | flag::SENDING | flag::SENDERS_WAIT);
    if owner & (CLOSED | VACANT) == CLOSED | VACANT {
        // The close has begun, and the fork has waited until the descriptor was out of the process.
        slot.fd.store(Fd::NONE.to_raw(), Ordering::SeqCst);
        slot.replaced.store(Fd::NONE.to_raw(), Ordering::SeqCst);
    }
    slot.word.store(if is_closed { owner | VACANT } else { owner }, Ordering::SeqCst);
    if owner & (CLOSED | VACANT) == 0 && slot.advance(Phase::Racing, Phase::Failed) {
        slot.keep_error(Error::ECONNABORTED);
    }
    is_closed
}

/// In a forked child: retires the slots that threads of the parent were about to close.
pub fn close_orphans(orphans: Vec<&'static Slot>) {
    orphans.into_iter().for_each(retire);
}

#[cfg(all(test, loom))]
pub mod models;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::handle::chunks::first_generation;
    use crate::core::handle::number::MAX_SLOTS;
    use crate::core::name::kind::{Class, Net};
    use std::sync::atomic::AtomicI64;

    fn nothing() -> New {
        New { kind: Net::Tcp.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 }
    }

    fn fill(vacancy: Vacancy) -> i64 {
        vacancy.fill(&nothing(), &Section::begin()).encode()
    }

    fn reserve() -> Result<Vacancy> {
        super::reserve(crate::core::fork::install()?)
    }

    fn insert() -> i64 {
        fill(reserve().unwrap())
    }

    #[test]
    fn numbers_that_are_no_handles_are_not_found() {
        let number = insert();
        let beyond = [
            number | 1 << 53,
            number | 1 << 61,
            number | i64::MIN,
            -number,
            number & 0xFF_FFFF,
            number + (1 << 24),
        ];
        for number in beyond.into_iter().chain([0, -1, i64::MIN, i64::MAX, i64::from(MAX_SLOTS) - 1]) {
            assert_eq!(get(number).unwrap_err(), Error::EBADF, "{number}");
        }
        drop(close(number).unwrap());
    }

    #[test]
    fn a_slot_is_shared_while_another_call_runs() {
        let number = insert();
        let call = get(number).unwrap();
        assert!(soon(|| !call.is_shared()));
        let other = get(number).unwrap();
        assert!(call.is_shared());
        let closer = close(number).unwrap();
        drop(call);
        assert!(closer.is_shared());
        drop(other);
        assert!(soon(|| !closer.is_shared()));
    }

    #[test]
    fn a_closed_handle_is_never_found_again() {
        let number = insert();
        drop(get(number).unwrap());
        drop(close(number).unwrap());
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        let next = insert();
        assert_ne!(next, number);
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        drop(close(next).unwrap());
    }

    #[test]
    fn a_look_that_comes_too_late_is_told_no_class() {
        let number = insert();
        let (handle, slot) = peek(number).unwrap();
        assert_eq!(slot.class_of(handle), Some(Class::Socket));
        drop(close(number).unwrap());
        assert_eq!(slot.class_of(handle), None);
    }

    #[test]
    fn a_running_call_keeps_the_slot() {
        let number = insert();
        let call = get(number).unwrap();
        let closer = close(number).unwrap();
        assert_eq!(close(number).unwrap_err(), Error::EBADF);
        assert!(!is_last(&closer));
        drop(closer);
        assert!(call.is_closed());
        assert!(!is_retired(call.handle()));
        let handle = call.handle();
        drop(call);
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_vacancy_that_is_not_filled_goes_back() {
        let index = reserve().unwrap().0.index;
        let again: Vec<_> = std::iter::from_fn(|| reserve().ok()).take(8).collect();
        assert!(again.iter().any(|vacancy| vacancy.0.index == index));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let vacancy = reserve().unwrap();
        let (index, slot) = (vacancy.0.index, vacancy.0);
        let last = first_generation() + (number::first_generation(1) - 1);
        assert!(number::is_last_generation(last));
        slot.word.fetch_or(i64::from(last), Ordering::SeqCst);
        let number = fill(vacancy);
        assert_eq!(Handle::decode(number), Some(Handle { index, generation: last }));
        let last = get(number).unwrap().handle();
        assert!(!is_retired(last));
        drop(close(number).unwrap());
        assert!(soon(|| is_retired(last)));
        assert_eq!(get(number).unwrap_err(), Error::EBADF);
        assert_eq!(slot.owner(), VACANT | i64::from(last.generation));
        assert_eq!(times_free(index), 0);
    }

    /// How often the slot is among the first that are free.
    fn times_free(index: u32) -> usize {
        let held: Vec<_> = std::iter::from_fn(|| reserve().ok()).take(1024).collect();
        held.iter().filter(|vacancy| vacancy.0.index == index).count()
    }

    /// Whether something is so, or becomes so: the other tests look up in vain, and then a slot has a reference more
    /// for a moment.
    fn soon(is_so: impl Fn() -> bool) -> bool {
        (0..100_000).any(|_| {
            std::thread::yield_now();
            is_so()
        })
    }

    fn has_references(slot: &Slot, expected: i64) -> bool {
        soon(|| (slot.word.load(Ordering::SeqCst) >> REFERENCE.trailing_zeros()) + 1 == expected)
    }

    #[test]
    fn a_lookup_of_a_vacant_slot_finds_nothing_and_leaves_nothing() {
        let vacancy = reserve().unwrap();
        let slot = vacancy.0;
        let number = vacancy.handle().encode();
        assert!(has_references(slot, 1));
        let made_up = (24..64).map(|bit| number ^ 1 << bit).chain([number | 3 << 53]);
        for number in made_up.chain([number, number & 0xFF_FFFF, number - (1 << 24), number + (1 << 24)]) {
            assert_eq!(get(number).unwrap_err(), Error::EBADF);
            assert_eq!(peek(number).unwrap_err(), Error::EBADF);
            assert_eq!(close(number).unwrap_err(), Error::EBADF);
        }
        assert!(has_references(slot, 1));
        assert_eq!(fill(vacancy), number);
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    #[test]
    fn one_who_looks_a_closed_handle_up_in_vain_may_be_the_last() {
        let number = insert();
        let closer = close(number).unwrap();
        let handle = closer.handle();
        // As a lookup does it that has taken its reference and not looked yet.
        closer.slot.word.fetch_add(REFERENCE, Ordering::SeqCst);
        let in_vain = Ref { slot: closer.slot };
        drop(closer);
        assert!(!is_retired(handle));
        assert_eq!(give_back(Some(in_vain)), Error::EBADF);
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_vacancy_keeps_the_references_of_those_who_look_in_vain() {
        let vacancy = reserve().unwrap();
        vacancy.0.word.fetch_add(REFERENCE, Ordering::SeqCst);
        let in_vain = Ref { slot: vacancy.0 };
        let number = fill(vacancy);
        assert!(has_references(in_vain.slot, 2));
        let slot = in_vain.slot;
        drop(in_vain);
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    /// As the child of a fork does it that came from a signal handler in the middle of a call.
    fn fork_in_the_middle_of(slot: &'static Slot) {
        if count_anew(slot) {
            close_orphans(vec![slot]);
        }
    }

    #[test]
    fn a_drop_too_many_after_a_fork_is_given_back() {
        let number = insert();
        let interrupted = get(number).unwrap();
        let slot = interrupted.slot;
        fork_in_the_middle_of(slot);
        assert!(has_references(slot, 1));
        drop(interrupted);
        assert!(has_references(slot, 1));
        let handle = get(number).unwrap().handle();
        drop(close(number).unwrap());
        assert!(soon(|| is_retired(handle)));
    }

    #[test]
    fn a_drop_too_many_leaves_a_vacant_slot_and_its_next_owner_alone() {
        let vacancy = reserve().unwrap();
        let slot = vacancy.0;
        drop(Ref { slot });
        assert!(has_references(slot, 1));
        let number = fill(vacancy);
        drop(Ref { slot });
        assert!(has_references(slot, 1));
        assert!(get(number).is_ok());
        drop(close(number).unwrap());
    }

    #[test]
    fn what_a_vanished_thread_was_closing_is_closed_by_the_child() {
        let number = insert();
        let closer = close(number).unwrap();
        let (handle, slot) = (closer.handle(), closer.slot);
        fork_in_the_middle_of(slot);
        assert!(soon(|| is_retired(handle)));
        // It was not a vanished thread but the one that forked: it goes on, and finds that all is done.
        drop(closer);
        pass_on(slot, handle);
        assert!(has_references(slot, 1));
        assert!(times_free(handle.index) <= 1);
    }

    /// A part that stays at the side of a closed handle.
    #[derive(Default, Debug)]
    struct Note(Option<Handle>);

    impl extras::Part for Note {}

    #[test]
    fn the_next_owner_of_a_slot_finds_nothing_at_its_side() {
        let number = insert();
        let handle = get(number).unwrap().handle();
        extras::with(handle.index, |note: &mut Note| note.0 = Some(handle)).unwrap();
        assert!(extras::find(handle.index, |_: &mut Note| ()).is_some());
        drop(close(number).unwrap());
        let is_remembered = || extras::find(handle.index, |note: &mut Note| note.0) == Some(Some(handle));
        // Whoever sets the slot aside, this test or another.
        assert!(soon(|| times_free(handle.index) <= 1 && !is_remembered()));
    }

    #[test]
    fn no_slot_is_set_aside_for_two_of_eight_threads() {
        const THREADS: usize = 8;
        const ROUNDS: usize = 5_000;
        let set_aside = || {
            for round in 0..ROUNDS {
                let vacancies: Vec<_> = (0..round % 4).map(|_| reserve().unwrap()).collect();
                // A mark that only its holder makes and takes away.
                let mark = |vacancy: &Vacancy| vacancy.0.error.swap(1, Ordering::SeqCst);
                assert!(vacancies.iter().all(|vacancy| mark(vacancy) != 1));
                vacancies.iter().for_each(|vacancy| vacancy.0.error.store(0, Ordering::SeqCst));
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(set_aside))));
    }

    /// Threads look numbers up, right and stale ones, and close them, while others are opened in the same slots.
    #[test]
    fn eight_threads_find_a_handle_until_it_is_closed_and_never_another_instead() {
        const THREADS: usize = 8;
        const ROUNDS: i64 = 2_000;
        let current = AtomicI64::new(insert());
        let (closes, finds) = (AtomicI64::new(0), AtomicI64::new(0));
        let work = || {
            let mut stale = 0;
            while closes.load(Ordering::SeqCst) < ROUNDS {
                let number = current.load(Ordering::SeqCst);
                assert!(stale == number || get(stale).is_err());
                if let Ok(found) = get(number) {
                    assert_eq!(found.handle().encode(), number);
                    finds.fetch_add(1, Ordering::SeqCst);
                }
                if let Ok(last) = close(number) {
                    assert_eq!(last.handle().encode(), number);
                    drop(last);
                    closes.fetch_add(1, Ordering::SeqCst);
                    current.store(insert(), Ordering::SeqCst);
                    stale = number;
                }
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
        assert!(finds.load(Ordering::SeqCst) > 0);
        let handle = get(current.load(Ordering::SeqCst)).unwrap().handle();
        drop(close(handle.encode()).unwrap());
        assert!(soon(|| is_retired(handle)));
    }
}
