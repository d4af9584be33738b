//! What crosses the boundary: an operation as the caller wrote it, an event as it is reported, and which fields and flags
//! each operation has. Not here: what the operations do.

use crate::core::error::{Error, Result};
use crate::core::name::flat::Flat;
use crate::sys::Bytes;

/// An operation that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Op {
    pub token: i64,
    pub handle: i64,
    pub op: i64,
    pub flags: i64,
    pub data: i64,
    pub length: i64,
    pub value: i64,
    pub buffer: i64,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Done {
    pub token: i64,
    pub handle: i64,
    pub op: i64,
    pub flags: i64,
    pub result: i64,
    pub data: i64,
    pub value: i64,
    pub buffer: i64,
}

/// The caller's memory, which is there during a run and no longer.
pub trait Caller {
    /// How many operations there are.
    fn count(&self) -> usize;
    /// One of them.
    fn op(&self, place: usize) -> Op;
    /// So many bytes.
    fn bytes(&self, address: i64, length: i64) -> Result<Bytes>;
    /// A text, which ends with a NUL if the length is 0.
    fn text(&self, address: i64, length: i64) -> Result<String>;
    /// An address in numbers.
    fn address(&self, address: i64) -> Result<Flat>;
}

/// Flags of an operation.
pub mod flag {
    pub const MULTI: i64 = 1;
    pub const QUIET: i64 = 2;
    pub const NOW: i64 = 4;
    pub const FLAT: i64 = 8;
    pub const ALL: i64 = 16;
    /// Of an event: further ones of the operation will follow.
    pub const MORE: i64 = 1;
    /// Of an event: something was longer than its room.
    pub const CUT: i64 = 2;
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    Nop = 1,
    Accept = 2,
    Connect = 3,
    Read = 4,
    Write = 5,
    ReceiveFrom = 6,
    SendTo = 7,
    SendFile = 8,
    Poll = 9,
    Timer = 10,
    Cancel = 11,
    Shutdown = 12,
    Close = 13,
    Give = 14,
    Resolve = 15,
}

impl Verb {
    /// Whether it may be kept for later, and brings no buffer that is to be taken in any case.
    pub const fn keeps_memory(self) -> bool {
        use Verb::{Accept, Connect, Poll, Read, ReceiveFrom, Resolve, Timer};
        matches!(self, Accept | Connect | Poll | Read | ReceiveFrom | Resolve | Timer)
    }
}

/// Which fields an operation takes; the others must be 0.
#[derive(Clone, Copy)]
struct Takes(u8);

const NOTHING: Takes = Takes(0);
const HANDLE: Takes = Takes(1);
const DATA: Takes = Takes(2);
const LENGTH: Takes = Takes(4);
const VALUE: Takes = Takes(8);
const BUFFER: Takes = Takes(16);

impl Takes {
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all that is set may be.
    fn allows(self, op: &Op) -> bool {
        let may = |field: Self, value: i64| value == 0 || self.0 & field.0 != 0;
        may(HANDLE, op.handle)
            && may(DATA, op.data)
            && may(LENGTH, op.length)
            && may(VALUE, op.value)
            && may(BUFFER, op.buffer)
    }
}

/// Verb, fields and flags, in the order of the numbers.
const VERBS: [(Verb, Takes, i64); 15] = [
    (Verb::Nop, NOTHING, flag::QUIET),
    (Verb::Accept, HANDLE, flag::MULTI),
    (Verb::Connect, HANDLE.and(DATA).and(LENGTH), flag::QUIET | flag::FLAT),
    (Verb::Read, HANDLE.and(LENGTH), flag::MULTI),
    (Verb::Write, HANDLE.and(DATA).and(LENGTH).and(BUFFER), flag::QUIET),
    (Verb::ReceiveFrom, HANDLE.and(LENGTH), flag::MULTI),
    (Verb::SendTo, HANDLE.and(DATA).and(LENGTH).and(VALUE).and(BUFFER), flag::QUIET),
    (Verb::SendFile, HANDLE.and(DATA).and(LENGTH).and(VALUE), flag::QUIET),
    (Verb::Poll, HANDLE.and(VALUE), flag::MULTI),
    (Verb::Timer, VALUE, flag::MULTI),
    (Verb::Cancel, HANDLE.and(VALUE), flag::QUIET | flag::ALL),
    (Verb::Shutdown, HANDLE.and(VALUE), flag::QUIET),
    (Verb::Close, HANDLE, flag::QUIET | flag::NOW),
    (Verb::Give, BUFFER, flag::QUIET),
    (Verb::Resolve, DATA.and(LENGTH).and(VALUE), 0),
];

impl Op {
    /// What it does; `EINVAL` for what is no operation, or has a field or a flag that means nothing for it.
    #[inline]
    pub fn verb(&self) -> Result<Verb> {
        let row = usize::try_from(self.op.wrapping_sub(1)).ok().and_then(|place| VERBS.get(place));
        match row {
            Some((verb, takes, flags)) if takes.allows(self) && self.flags & !flags == 0 => Ok(*verb),
            _ => Err(Error::EINVAL),
        }
    }

    /// Whether it is a WRITE all of whose fields and flags may be so.
    #[inline]
    pub const fn is_good_write(&self) -> bool {
        self.op == Verb::Write as i64 && self.value == 0 && self.flags & !flag::QUIET == 0
    }

    /// Whether it has the flag.
    pub const fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    /// Its event.
    pub const fn done(&self, result: i64) -> Done {
        let Self { token, handle, op, .. } = *self;
        Done { token, handle, op, flags: 0, result, data: 0, value: 0, buffer: 0 }
    }

    /// The event of its failure.
    pub fn failed(&self, error: Error) -> Done {
        self.done(error.code())
    }
}

/// What all events of an operation say.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub token: i64,
    pub handle: i64,
    pub verb: Verb,
    pub multi: bool,
    pub quiet: bool,
}

impl Head {
    pub const fn new(op: &Op, verb: Verb) -> Self {
        let (multi, quiet) = (op.has(flag::MULTI), op.has(flag::QUIET));
        Self { token: op.token, handle: op.handle, verb, multi, quiet }
    }

    /// Its event.
    pub const fn done(&self, result: i64) -> Done {
        let (token, handle, op) = (self.token, self.handle, self.verb as i64);
        Done { token, handle, op, flags: 0, result, data: 0, value: 0, buffer: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        for (place, (verb, ..)) in VERBS.iter().enumerate() {
            assert_eq!(*verb as usize, place + 1);
        }
    }

    #[test]
    fn a_good_write_is_what_the_table_says() {
        let write = Op { op: 5, handle: 1, data: 2, length: 3, buffer: 4, ..Op::default() };
        for value in 0..2 {
            for flags in 0..32 {
                let op = Op { value, flags, ..write };
                assert_eq!(op.is_good_write(), op.verb().is_ok(), "{op:?}");
            }
        }
        assert!(!Op { op: 7, ..write }.is_good_write());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let nop = Op { op: 1, ..Op::default() };
        assert_eq!(nop.verb(), Ok(Verb::Nop));
        for op in [
            Op { op: 0, ..nop },
            Op { op: 16, ..nop },
            Op { op: -1, ..nop },
            Op { op: i64::MIN, ..nop },
            Op { handle: 1, ..nop },
            Op { data: 1, ..nop },
            Op { length: 1, ..nop },
            Op { value: -1, ..nop },
            Op { buffer: 1, ..nop },
            Op { flags: flag::MULTI, ..nop },
            Op { flags: 32, ..nop },
            Op { op: 4, flags: flag::QUIET, ..nop },
            Op { op: 14, handle: 1, ..nop },
        ] {
            assert_eq!(op.verb(), Err(Error::EINVAL), "{op:?}");
        }
    }
}
