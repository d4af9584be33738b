//! Options that this library carries out itself, alike on every system. Not here: those of the kernel.

use crate::core::error::{Error, Result};
use crate::core::table::{Phase, Ref, Wait, flag};
use crate::core::{native, readiness, side};
use crate::sys;
use socket2::{Domain, Type};
use std::sync::atomic::Ordering;

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Own {
    Timeout(Wait),
    Interruptible,
    Native,
    /// Belongs to the descriptor, so that it is kept and replayed as the kernel's options are.
    Inherit,
    Kind,
    Family,
    Type,
    Protocol,
    Error,
    Available,
    Listening,
}

/// Sets one. The value is in range.
pub fn set(slot: &Ref, own: Own, value: i64) -> Result<()> {
    match own {
        Own::Timeout(wait) => slot.set_timeout(wait, value),
        Own::Interruptible if value == 0 => slot.clear_flags(flag::INTERRUPTIBLE),
        Own::Interruptible => slot.set_flags(flag::INTERRUPTIBLE),
        // What such a handle has not kept can't be known later.
        Own::Native if value == 0 && slot.has(flag::NATIVE) => return Err(Error::EINVAL),
        Own::Native if value == 0 => {}
        Own::Native => native::turn_on(slot)?,
        _ => return Err(Error::EACCES),
    }
    Ok(())
}

/// Reads one that is a number.
pub fn get(slot: &Ref, own: Own) -> Result<i64> {
    match own {
        Own::Timeout(wait) => Ok(slot.timeout(wait)),
        Own::Interruptible => Ok(i64::from(slot.has(flag::INTERRUPTIBLE))),
        Own::Native => Ok(i64::from(slot.has(flag::NATIVE))),
        Own::Family => Ok(slot.family().map_or(0, family)),
        Own::Type => Ok(kind(slot.kind().transport())),
        Own::Protocol => Ok(slot.kind().protocol_number().into()),
        Own::Error => Ok(error(slot)),
        Own::Available => available(slot),
        Own::Listening => Ok(i64::from(slot.phase() == Phase::Listening)),
        Own::Kind | Own::Inherit => Err(Error::EINVAL),
    }
}

/// Reads one that is a text.
pub fn get_text(slot: &Ref, own: Own) -> Result<String> {
    match own {
        Own::Kind => Ok(slot.kind().text()),
        _ => Err(Error::EINVAL),
    }
}

/// Linux's `AF_*`.
fn family(family: Domain) -> i64 {
    match family {
        Domain::UNIX => 1,
        Domain::IPV4 => 2,
        _ => 10,
    }
}

/// Linux's `SOCK_*`.
fn kind(kind: Type) -> i64 {
    match kind {
        Type::STREAM => 1,
        Type::DGRAM => 2,
        Type::RAW => 3,
        _ => 5,
    }
}

/// The error that stays, or that the next transfer will report. The kernel tells an error only once: what
/// it tells here is kept for the others who want to know.
fn error(slot: &Ref) -> i64 {
    if slot.error().is_none() && !slot.has(flag::STREAM | flag::UNSETTLED) {
        harvest(slot);
    }
    slot.error().map_or(0, Error::code)
}

fn harvest(slot: &Ref) {
    let connection = slot.kind().is_connected_kind();
    match readiness::advance_connect(slot) {
        Phase::Arrived | Phase::Connected => {}
        _ if !connection => {}
        // A connect that goes on belongs to `connect`, and an error of a listener to no connection.
        _ => return,
    }
    // Under the lock: a read that meets the end of the stream meanwhile looks there for the error that ended it.
    let told = side::locked(slot.handle().index, || {
        let told = sys::pending_error(slot.fd()).ok().flatten();
        told.inspect(|error| slot.keep_error((*error).into())).is_some()
    });
    if !told {
        return;
    }
    if !connection {
        slot.set_flags(flag::PENDING);
    }
    readiness::changed(slot);
}

fn available(slot: &Ref) -> Result<i64> {
    if slot.has(flag::UNSETTLED) || slot.phase() == Phase::Listening {
        return Ok(0);
    }
    let queued = sys::available(slot.fd())? as u64;
    let readable = match slot.has(flag::SHUT_READ) {
        true if slot.kind().is_connected_kind() => queued.min(slot.read_left.load(Ordering::SeqCst)),
        true => 0,
        false => queued,
    };
    i64::try_from(readable).map_err(|_| Error::EOVERFLOW)
}
