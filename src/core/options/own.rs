//! Options that this library carries out itself, alike on every system. Not here: those of the kernel.

use crate::core::error::{Error, Result};
use crate::core::handle::slot::{Phase, flag};
use crate::core::handle::table::Ref;
use crate::core::queue;
use crate::core::settings::catalogue::Own;
use crate::core::socket::judge::take_kernel_error;
use crate::core::socket::native;
use crate::sys;
use socket2::{Domain, Type};
use std::sync::atomic::Ordering;

/// Sets one that is a number; the value was checked against the option's range.
pub fn set(slot: &Ref, own: Own, value: i64) -> Result<()> {
    match own {
        Own::Timeout(wait) => slot.set_named_timeout(wait, value),
        Own::Interruptible if value == 0 => slot.clear_flags(flag::INTERRUPTIBLE),
        Own::Interruptible => slot.set_flags(flag::INTERRUPTIBLE),
        // A native handle has not recorded what the usual rules need, so there is no way back.
        Own::Native if value == 0 && slot.has(flag::NATIVE) => return Err(Error::EINVAL),
        Own::Native if value == 0 => {}
        Own::Native => native::turn_on(slot)?,
        Own::SendLimit => queue::set_send_limit(slot.handle().encode(), value)?,
        _ => return Err(Error::EACCES),
    }
    Ok(())
}

/// Reads one that is a number.
pub fn get(slot: &Ref, own: Own) -> Result<i64> {
    match own {
        Own::Timeout(wait) => Ok(slot.named_timeout(wait)),
        Own::Interruptible => Ok(i64::from(slot.has(flag::INTERRUPTIBLE))),
        Own::Native => Ok(i64::from(slot.has(flag::NATIVE))),
        Own::Family => Ok(slot.family().map_or(0, family)),
        Own::Type => Ok(kind(slot.kind().transport())),
        Own::Protocol => Ok(protocol(slot).into()),
        Own::Error => Ok(error(slot)),
        Own::Available => available(slot),
        Own::Listening => Ok(i64::from(slot.phase() == Phase::Listening)),
        Own::SendLimit => queue::send_limit(slot.handle().encode()),
        Own::Kind | Own::Inherit | Own::Engine => Err(Error::EINVAL),
    }
}

/// Reads one that is a text.
pub fn get_text(slot: &Ref, own: Own) -> Result<String> {
    match own {
        Own::Kind => Ok(slot.kind().text()),
        Own::Engine => Ok(queue::engine(slot.handle().encode())?.to_owned()),
        _ => Err(Error::EINVAL),
    }
}

/// Sets one that is a text.
pub fn set_text(slot: &Ref, own: Own, value: &str) -> Result<()> {
    match own {
        Own::Engine => queue::set_engine(slot.handle().encode(), value),
        _ => Err(Error::EACCES),
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

/// The system's answer first: an adopted socket's kind may have several protocols.
fn protocol(slot: &Ref) -> i32 {
    let found = if slot.has(flag::UNSETTLED) { None } else { sys::protocol(slot.fd()) };
    found.unwrap_or(slot.kind().protocol_number())
}

/// The error that ended the connection, or that the next transfer will report; one that has ended nothing, once. Reading
/// SO_ERROR clears it in the kernel, so what is read here is kept for the other calls that must report it.
fn error(slot: &Ref) -> i64 {
    let found = match slot.error() {
        None if !slot.has(flag::NO_SOCKET | flag::UNSETTLED) => take_kernel_error(slot),
        _ => None,
    };
    slot.error().or(found).map_or(0, Error::code)
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
