//! Who is refused when the system has no memory. What a call needs to come to its end it is lent (`sys::reserve`), so that none
//! ends the process and none stops in the middle. So that this is enough, nobody begins meanwhile what keeps memory or takes
//! much of it: making a handle, keeping an option for later, registering, starting a thread. Not here: the reserve.

use crate::core::error::{Error, Result};
use crate::sys;

/// For what keeps memory, before anything is done: an error while the system has none.
#[inline]
pub fn check() -> Result<()> {
    if sys::is_memory_short() { Err(Error::ENOMEM) } else { Ok(()) }
}

/// A list of its own of so many, which may be too many.
pub fn copy<T: Clone>(list: &[T]) -> Result<Vec<T>> {
    let mut copy = room(list.len())?;
    copy.extend_from_slice(list);
    Ok(copy)
}

/// A list of what comes, which may be too many.
pub fn list<T>(items: impl Iterator<Item = T>) -> Result<Vec<T>> {
    let mut list = Vec::new();
    for item in items {
        list.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        list.push(item);
    }
    Ok(list)
}

/// One text a line, which may be too much.
pub fn lines(texts: impl Iterator<Item = String>) -> Result<String> {
    let mut lines = String::new();
    for text in texts {
        check()?;
        lines.try_reserve(text.len() + 1).map_err(|_| Error::ENOMEM)?;
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&text);
    }
    Ok(lines)
}

/// A text of its own, which may be too long.
pub fn text(text: &str) -> Result<String> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| Error::ENOMEM)?;
    copy.push_str(text);
    Ok(copy)
}

/// An empty list with room for so many, which may be too many.
pub fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| Error::ENOMEM)?;
    Ok(list)
}
