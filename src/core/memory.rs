//! What is refused when the system has no memory. A call that has begun gets what it needs from a reserve (`sys::reserve`), so
//! that it neither ends the process nor stops half-way. So that the reserve is enough, nothing begins meanwhile that keeps
//! memory or needs much of it: making a handle, keeping an option, registering, starting a thread. Not here: the reserve.

use crate::core::error::{Error, Result};
use crate::sys;

/// `ENOMEM` while the system has no memory: called by what keeps memory, before it has done anything. Does not block.
#[inline]
pub fn check() -> Result<()> {
    if sys::is_memory_short() { Err(Error::ENOMEM) } else { Ok(()) }
}

/// Makes room for `more` items in a list that outlives the call, by the system's memory alone. `ENOMEM`, and the list as it was.
#[inline]
pub fn grow<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    Ok(sys::grow(list, more)?)
}

/// The same, without room for those that may come later.
#[inline]
pub fn grow_exactly<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    Ok(sys::grow_exactly(list, more)?)
}

/// A copy of a list; `ENOMEM` if it is too long.
pub fn copy<T: Clone>(list: &[T]) -> Result<Vec<T>> {
    let mut copy = room(list.len())?;
    copy.extend_from_slice(list);
    Ok(copy)
}

/// A list of all items; `ENOMEM` if there are too many.
pub fn list<T>(items: impl Iterator<Item = T>) -> Result<Vec<T>> {
    let mut list = Vec::new();
    for item in items {
        list.try_reserve(1).map_err(|_| Error::ENOMEM)?;
        list.push(item);
    }
    Ok(list)
}

/// All texts, one a line; `ENOMEM` if that is too long.
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

/// A copy of a text; `ENOMEM` if it is too long.
pub fn text(text: &str) -> Result<String> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| Error::ENOMEM)?;
    copy.push_str(text);
    Ok(copy)
}

/// An empty list with room for `count` items; `ENOMEM` if that is too many.
pub fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| Error::ENOMEM)?;
    Ok(list)
}
