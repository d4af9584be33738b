//! Texts for `-(20000 + n)`: an operating system's own error `n`. Callers get them for the life of the process, but hardly any
//! is ever needed: so they are made on first use, a page of a hundred at a time, and kept. Not the system's words, which vary
//! with its language.

use crate::core::error::number::{Described, OS_BASE};
use once_cell::race::OnceBox;
use std::ffi::CStr;
use std::io::Write;

/// How many operating system errors have texts: `1..LIMIT`.
const LIMIT: usize = 20_000;
const PAGE_ROWS: usize = 100;

/// A row is a name and a message, each padded with NULs to its width.
const NAME_WIDTH: usize = "EOS_19999\0".len();
const MESSAGE_WIDTH: usize = "operating system error 19999\0".len();
const ROW_WIDTH: usize = NAME_WIDTH + MESSAGE_WIDTH;

type Page = [u8; PAGE_ROWS * ROW_WIDTH];

/// Threads that race for a page may each make it, and one wins. None waits for another, so a `fork`
/// at any moment leaves nothing locked in the child.
static PAGES: [OnceBox<Page>; LIMIT / PAGE_ROWS] = [const { OnceBox::new() }; LIMIT / PAGE_ROWS];

/// The texts of `code`, if it is an operating system's own error. Out of memory, they lack the
/// number.
pub(super) fn row(code: i64) -> Option<Described> {
    let number = usize::try_from(code.checked_neg()?.checked_sub(OS_BASE)?).ok()?;
    if number == 0 || number >= LIMIT {
        return None;
    }
    Some(numbered(code, number).unwrap_or(Described {
        code,
        name: c"EOS",
        message: c"operating system error",
    }))
}

fn numbered(code: i64, number: usize) -> Option<Described> {
    let index = number / PAGE_ROWS;
    let page = PAGES[index].get_or_try_init(|| make(index).ok_or(())).ok()?;
    let row = page.chunks_exact(ROW_WIDTH).nth(number % PAGE_ROWS)?;
    let (name, message) = row.split_at(NAME_WIDTH);
    Some(Described {
        code,
        name: CStr::from_bytes_until_nul(name).ok()?,
        message: CStr::from_bytes_until_nul(message).ok()?,
    })
}

/// None if there is no memory: a text is not worth an abort.
fn make(index: usize) -> Option<Box<Page>> {
    let mut page = Vec::new();
    page.try_reserve_exact(size_of::<Page>()).ok()?;
    for number in index * PAGE_ROWS..(index + 1) * PAGE_ROWS {
        let start = page.len();
        write!(page, "EOS_{number}").ok()?;
        page.resize(start + NAME_WIDTH, 0);
        write!(page, "operating system error {number}").ok()?;
        page.resize(start + ROW_WIDTH, 0);
    }
    page.into_boxed_slice().try_into().ok()
}
