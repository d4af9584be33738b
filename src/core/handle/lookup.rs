//! Handles looked up as what they must be. Each says which classes it accepts, and what it answers for the others, so
//! that a new class can't slip through. Not here: looking up whatever it is (`table`).

use crate::core::error::{Error, Result};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::flag;
use crate::core::handle::table::{self, Ref};
use crate::core::name::kind::Class;

/// A socket.
pub fn socket(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.class() {
        Class::Socket => Ok(slot),
        Class::Stream | Class::File | Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

/// A socket whose family is settled, so that it has a descriptor.
pub fn settled(number: i64) -> Result<Ref> {
    let slot = socket(number)?;
    if slot.has(flag::UNSETTLED) { Err(Error::ENOTCONN) } else { Ok(slot) }
}

/// Whatever has a descriptor of the caller's.
pub fn descriptor(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    match slot.class() {
        Class::Socket if slot.has(flag::UNSETTLED) => Err(Error::ENOTCONN),
        Class::Socket | Class::Stream | Class::File => Ok(slot),
        Class::Poller | Class::Queue => Err(Error::ENOTSOCK),
    }
}

/// What can be waited for.
pub fn pollable(number: i64) -> Result<Ref> {
    let slot = table::get(number)?;
    check_pollable(slot.class())?;
    Ok(slot)
}

/// Whether what is of this class can be waited for.
pub const fn check_pollable(class: Class) -> Result<()> {
    match class {
        Class::Socket | Class::Stream => Ok(()),
        Class::File | Class::Poller | Class::Queue => Err(Error::EOPNOTSUPP),
    }
}

/// A batch queue.
pub fn queue(number: i64) -> Result<Handle> {
    match peek(number)? {
        (handle, Class::Queue) => Ok(handle),
        (_, Class::Socket | Class::Stream | Class::File | Class::Poller) => Err(Error::EINVAL),
    }
}

/// A poller, which nobody needs to hold a reference to.
pub fn poller(number: i64) -> Result<Handle> {
    match peek(number)? {
        (handle, Class::Poller) => Ok(handle),
        (_, Class::Socket | Class::Stream | Class::File | Class::Queue) => Err(Error::EINVAL),
    }
}

/// The class of what nobody holds a reference to.
pub fn peek(number: i64) -> Result<(Handle, Class)> {
    let (handle, slot) = table::peek(number)?;
    Ok((handle, slot.class_of(handle).ok_or(Error::EBADF)?))
}
