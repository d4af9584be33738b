//! The operations that go on: a slab of them, in lines (those of one handle, first come, first served) and by token.
//! Not here: what they do.

use crate::core::memory;
use crate::core::queue::chains::Chains;
pub use crate::core::queue::chains::NONE;
use crate::core::queue::connecting::{Connecting, Question};
use crate::core::queue::record::{Head, Verb};
use crate::core::queue::sending::Sending;
use std::time::{Duration, Instant};

/// What an operation needs to know besides.
#[derive(Debug)]
pub enum Detail {
    /// At most so many bytes, of which there were so many before.
    Receive {
        length: u32,
        brought: u64,
    },
    Accept,
    Send(Box<Sending>),
    Shutdown(i32),
    Close,
    Connect(Box<Connecting>),
    Poll(i32),
    /// Once, or every so often.
    Timer(Option<Box<Ticks>>),
    Resolve(Box<Question>),
}

/// A timer that goes on.
#[derive(Debug)]
pub struct Ticks {
    pub next: Instant,
    /// In microseconds.
    pub period: u64,
}

/// Of an operation that may not wait for ever.
#[derive(Debug)]
pub struct TimeLimit {
    /// How many microseconds it may wait, and until when; of a read that waits for a buffer there is no end.
    pub timeout: i64,
    pub deadline: Option<Instant>,
    /// What was left of the time when it began to wait for a buffer.
    pub paused: Option<Duration>,
}

/// What is to be remembered of an operation that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    None,
    /// Others send before it.
    AwaitsTurn,
    /// It had an event in this run.
    Served,
}

/// An operation that goes on.
#[derive(Debug)]
pub struct Work {
    token: i64,
    handle: i64,
    pub detail: Detail,
    /// When it was taken: no other operation has the same.
    pub stamp: u64,
    /// Nothing of one that may wait for ever.
    pub time_limit: Option<Box<TimeLimit>>,
    /// Whose it is, or `NONE`.
    pub member: u32,
    verb: Verb,
    multi: bool,
    quiet: bool,
    pub mark: Mark,
    line: Links,
    /// Those whose tokens have the same hash.
    chain: Links,
}

impl Work {
    /// What its events say.
    #[inline]
    pub const fn head(&self) -> Head {
        let Self { token, handle, verb, multi, quiet, .. } = *self;
        Head { token, handle, verb, multi, quiet }
    }

    /// What it sends, if it is a transfer.
    pub fn into_sending(self) -> Option<(Head, Sending)> {
        let head = self.head();
        match self.detail {
            Detail::Send(sending) => Some((head, *sending)),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    after: u32,
}

impl Links {
    const fn is_alone(&self) -> bool {
        self.before == NONE && self.after == NONE
    }
}

const ALONE: Links = Links { before: NONE, after: NONE };

/// The first of a line. What stands before it by its links is the last; behind that is nothing.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub first: u32,
}

impl Line {
    pub const EMPTY: Self = Self { first: NONE };

    pub const fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

#[derive(Debug)]
enum Place {
    Taken(Work),
    Free(u32),
}

/// All of a queue's.
#[derive(Debug)]
pub struct Works {
    places: Vec<Place>,
    free: u32,
    count: usize,
    tokens: Chains,
}

impl Works {
    pub fn new() -> Self {
        Self { places: Vec::new(), free: NONE, count: 0, tokens: Chains::new() }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Makes room for so many more; whether there is memory for them.
    pub fn reserve(&mut self, more: usize) -> bool {
        let count = self.count + more;
        if count > self.places.capacity() {
            // Not twice as many: an idle connection costs a place.
            let more = (count - self.places.len()).max(self.places.len() / 8);
            if memory::grow_exactly(&mut self.places, more).is_err() {
                return false;
            }
        }
        self.tokens.are_enough(count) || self.chain_anew(count)
    }

    #[cold]
    fn chain_anew(&mut self, count: usize) -> bool {
        let is_made = self.tokens.make_for(count);
        if is_made {
            (0..self.places.len() as u32).for_each(|id| self.chain(id));
        }
        is_made
    }

    /// Puts one at the beginning of its token's chain.
    #[inline]
    fn chain(&mut self, id: u32) {
        let Some(token) = self.get(id).map(|work| work.token) else { return };
        let first = self.tokens.first(token);
        if let Some(first) = self.get_mut(first) {
            first.chain.before = id;
        }
        if let Some(work) = self.get_mut(id) {
            work.chain = Links { before: NONE, after: first };
        }
        self.tokens.set_first(token, id);
    }

    #[inline]
    pub fn get(&self, id: u32) -> Option<&Work> {
        match self.places.get(id as usize) {
            Some(Place::Taken(work)) => Some(work),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Work> {
        match self.places.get_mut(id as usize) {
            Some(Place::Taken(work)) => Some(work),
            _ => None,
        }
    }

    /// Adds one, in no line yet.
    pub fn insert(&mut self, head: Head, detail: Detail, member: u32, stamp: u64) -> u32 {
        let Head { token, handle, verb, multi, quiet } = head;
        let work = Work {
            token,
            handle,
            detail,
            stamp,
            time_limit: None,
            member,
            verb,
            multi,
            quiet,
            mark: Mark::None,
            line: ALONE,
            chain: ALONE,
        };
        let id = match self.free {
            NONE => {
                debug_assert!(self.places.len() < self.places.capacity(), "room was reserved for it");
                self.places.push(Place::Taken(work));
                self.places.len() as u32 - 1
            }
            free => {
                if let Place::Free(next) =
                    std::mem::replace(&mut self.places[free as usize], Place::Taken(work))
                {
                    self.free = next;
                }
                free
            }
        };
        self.count += 1;
        self.chain(id);
        id
    }

    /// Takes one out that is in no line.
    pub fn remove(&mut self, id: u32) -> Option<Work> {
        let place = self.places.get_mut(id as usize).filter(|place| matches!(place, Place::Taken(_)))?;
        let Place::Taken(work) = std::mem::replace(place, Place::Free(self.free)) else { return None };
        debug_assert!(work.line.is_alone(), "it is still in a line");
        self.free = id;
        self.count -= 1;
        let Links { before, after } = work.chain;
        match self.get_mut(before) {
            Some(before) => before.chain.after = after,
            None => self.tokens.set_first(work.token, after),
        }
        if let Some(after) = self.get_mut(after) {
            after.chain.before = before;
        }
        Some(work)
    }

    /// Takes all of them out.
    pub fn drain(&mut self) -> impl Iterator<Item = Work> + '_ {
        self.tokens.clear();
        self.count = 0;
        self.free = NONE;
        self.places.drain(..).filter_map(|place| match place {
            Place::Taken(work) => Some(work),
            Place::Free(_) => None,
        })
    }

    /// Those of a token, in no order.
    pub fn of_token(&self, token: i64) -> impl Iterator<Item = u32> + '_ {
        let after = |id: &u32| self.get(*id).map(|work| work.chain.after);
        let chain = std::iter::successors(Some(self.tokens.first(token)), after);
        chain.filter(move |id| self.get(*id).is_some_and(|work| work.token == token))
    }

    /// The last of a line, or `NONE`.
    pub fn last(&self, line: &Line) -> u32 {
        self.get(line.first).map_or(NONE, |first| first.line.before)
    }

    /// Puts one at the end of a line.
    pub fn push_back(&mut self, line: &mut Line, id: u32) {
        debug_assert!(self.get(id).is_none_or(|work| work.line.is_alone()), "it is in a line already");
        let last = self.last(line);
        match self.get_mut(last) {
            Some(last) => last.line.after = id,
            None => line.first = id,
        }
        self.set_line(id, Links { before: last, after: NONE });
        self.set_before(line.first, id);
    }

    /// Puts one at the front of a line.
    pub fn push_front(&mut self, line: &mut Line, id: u32) {
        debug_assert!(self.get(id).is_none_or(|work| work.line.is_alone()), "it is in a line already");
        let last = self.last(line);
        self.set_line(id, Links { before: last, after: line.first });
        self.set_before(line.first, id);
        line.first = id;
        if last == NONE {
            self.set_before(id, id);
        }
    }

    fn set_line(&mut self, id: u32, links: Links) {
        if let Some(work) = self.get_mut(id) {
            work.line = links;
        }
    }

    fn set_before(&mut self, id: u32, before: u32) {
        if let Some(work) = self.get_mut(id) {
            work.line.before = before;
        }
    }

    /// Takes one out of its line.
    pub fn unlink(&mut self, line: &mut Line, id: u32) {
        let Some(Links { before, after }) = self.get(id).map(|work| work.line) else { return };
        if line.first == id {
            line.first = after;
        } else if let Some(before) = self.get_mut(before) {
            before.line.after = after;
        }
        // Behind the last stands the first, as far as this is concerned.
        self.set_before(if after == NONE { line.first } else { after }, before);
        self.set_line(id, ALONE);
    }

    /// The one behind it in its line, or `NONE`.
    pub fn after(&self, id: u32) -> u32 {
        self.get(id).map_or(NONE, |work| work.line.after)
    }

    /// The whole line.
    pub fn line(&self, line: &Line) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors((!line.is_empty()).then_some(line.first), |id| {
            Some(self.after(*id)).filter(|id| *id != NONE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::queue::record::Op;

    fn insert(works: &mut Works, token: i64) -> u32 {
        let op = Op { token, ..Op::default() };
        assert!(works.reserve(1));
        works.insert(Head::new(&op, Verb::Accept), Detail::Accept, NONE, 0)
    }

    #[test]
    fn a_line_keeps_its_order_whoever_leaves_it() {
        let mut works = Works::new();
        let mut line = Line::EMPTY;
        let ids: Vec<_> = (0..5).map(|token| insert(&mut works, token)).collect();
        ids[1..].iter().for_each(|id| works.push_back(&mut line, *id));
        works.push_front(&mut line, ids[0]);
        assert!(works.line(&line).eq(ids.iter().copied()));
        for (gone, left) in
            [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3]), (1, vec![3]), (3, vec![])]
        {
            works.unlink(&mut line, ids[gone]);
            assert!(works.remove(ids[gone]).is_some());
            assert!(works.remove(ids[gone]).is_none());
            assert!(works.line(&line).eq(left.iter().map(|place| ids[*place])));
        }
        assert!(line.is_empty() && works.len() == 0);
    }

    #[test]
    fn an_idle_read_takes_little_memory() {
        // A connection that waits for bytes has one of these, and a member.
        assert!(size_of::<Place>() <= 72, "{}", size_of::<Place>());
    }

    #[test]
    fn a_token_finds_all_of_its_own() {
        let mut works = Works::new();
        let ids: Vec<_> = [7, 8, 7, 7].into_iter().map(|token| insert(&mut works, token)).collect();
        let of_token = |works: &Works, token| {
            let mut found: Vec<_> = works.of_token(token).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(of_token(&works, 7), [ids[0], ids[2], ids[3]]);
        works.remove(ids[2]);
        assert_eq!(of_token(&works, 7), [ids[0], ids[3]]);
        works.remove(ids[3]);
        assert_eq!(of_token(&works, 7), [ids[0]]);
        assert_eq!(of_token(&works, 9), []);
        works.remove(ids[0]);
        assert_eq!(of_token(&works, 7), []);
        assert_eq!(of_token(&works, 8), [ids[1]]);
    }
}
