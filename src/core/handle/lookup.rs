//! Lookups that accept certain classes of handles. Each names all classes, with the error for those that it refuses, so that a new
//! class can't slip through to a system call. All fail with `EBADF` for a number that is no open handle; none blocks. Not here:
//! looking up a handle of any class (`table`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::flag;
use crate::core::handle::table::{self, Ref};
use crate::core::name::kind::Class;

/// A socket; else `ENOTSOCK`.
pub fn socket(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.class() {
        Class::Socket => Ok(slot),
        Class::Stream | Class::File | Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

/// A socket whose family is settled, so that it has a descriptor; else `ENOTCONN`, or `ENOTSOCK` for another class.
pub fn settled(number: i64) -> Result<Ref> {
    let slot = socket(number)?;
    if slot.has(flag::UNSETTLED) { Err(Error::ENOTCONN) } else { Ok(slot) }
}

/// A socket or stream with a descriptor; else `ENOTCONN` for an unsettled socket, `ENOTSOCK` for a poller or queue.
pub fn descriptor(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.class() {
        Class::Socket if slot.has(flag::UNSETTLED) => Err(Error::ENOTCONN),
        Class::Socket | Class::Stream | Class::File => Ok(slot),
        Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

/// What can be waited for; else `EOPNOTSUPP`.
pub fn pollable(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    check_pollable(slot.class())?;
    Ok(slot)
}

/// `Ok` if handles of this class can be waited for; else `EOPNOTSUPP`.
pub const fn check_pollable(class: Class) -> Result<()> {
    match class {
        Class::Socket | Class::Stream => Ok(()),
        Class::File | Class::Poller | Class::Queue => Err(Error::EOPNOTSUPP),
    }
}

/// A batch queue, without a reference; else `EINVAL`.
pub fn queue(number: i64) -> Result<Handle> {
    match peek(number)? {
        (handle, Class::Queue) => Ok(handle),
        (_, Class::Socket | Class::Stream | Class::File | Class::Poller) => Err(Error::EINVAL),
    }
}

/// A poller, without a reference; else `EINVAL`.
pub fn poller(number: i64) -> Result<Handle> {
    match peek(number)? {
        (handle, Class::Poller) => Ok(handle),
        (_, Class::Socket | Class::Stream | Class::File | Class::Queue) => Err(Error::EINVAL),
    }
}

/// The handle and its class, without a reference.
pub fn peek(number: i64) -> Result<(Handle, Class)> {
    let (handle, slot) = table::peek(number)?;
    Ok((handle, slot.class_of(handle).ok_or(Error::EBADF)?))
}
