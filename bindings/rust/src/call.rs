//! The functions of [`abi`] with Rust's texts and slices in place of addresses: numbers go in, numbers come out, and none is anybody's
//! to close. Safe with any number, as one that is no handle is `EBADF`. For programs that keep handles as numbers, and what all the rest
//! of the crate is made of. Not here: owners (`handle`), errors of Rust (`error`).

use crate::abi::*;
use crate::text::{Text, filled};
use std::ffi::{CStr, c_char};
use std::io::{IoSlice, IoSliceMut};
use std::ptr::{null, null_mut};

/// More than the text of any address has.
const ADDRESS: usize = 640;

/// As `anysock_open`.
pub fn open(kind: &(impl Text + ?Sized)) -> i64 {
    // SAFETY: the text is one.
    kind.with(|kind| unsafe { anysock_open(kind) })
}

/// As `anysock_pair`: both ends, or the error.
pub fn pair(kind: &(impl Text + ?Sized)) -> Result<(anysock_t, anysock_t), i64> {
    let (mut first, mut second) = (0, 0);
    // SAFETY: the text is one, and there are places for both.
    match kind.with(|kind| unsafe { anysock_pair(kind, &raw mut first, &raw mut second) }) {
        error if error < 0 => Err(error),
        _ => Ok((first, second)),
    }
}

/// As `anysock_bind`.
pub fn bind(h: anysock_t, address: &(impl Text + ?Sized)) -> i64 {
    // SAFETY: the text is one.
    address.with(|address| unsafe { anysock_bind(h, address) })
}

/// As `anysock_connect`.
pub fn connect(h: anysock_t, address: &(impl Text + ?Sized)) -> i64 {
    // SAFETY: the text is one.
    address.with(|address| unsafe { anysock_connect(h, address) })
}

/// As `anysock_accept_many`: fills the places from the beginning; how many.
pub fn accept_many(h: anysock_t, places: &mut [anysock_t]) -> i64 {
    // SAFETY: there are so many places.
    unsafe { anysock_accept_many(h, places.as_mut_ptr(), places.len()) }
}

/// As `anysock_local_address`.
pub fn local_address(h: anysock_t) -> Result<String, i64> {
    // SAFETY: there is as much room as is said.
    filled(|room, capacity| unsafe { anysock_local_address(h, room, capacity) })
}

/// As `anysock_peer_address`.
pub fn peer_address(h: anysock_t) -> Result<String, i64> {
    // SAFETY: there is as much room as is said.
    filled(|room, capacity| unsafe { anysock_peer_address(h, room, capacity) })
}

/// As `anysock_read`.
pub fn read(h: anysock_t, room: &mut [u8]) -> i64 {
    // SAFETY: the slice is writable for its length.
    unsafe { anysock_read(h, room.as_mut_ptr().cast(), room.len()) }
}

/// As `anysock_write`.
pub fn write(h: anysock_t, data: &[u8]) -> i64 {
    // SAFETY: the slice is readable for its length.
    unsafe { anysock_write(h, data.as_ptr().cast(), data.len()) }
}

/// As `anysock_read_full`.
pub fn read_full(h: anysock_t, room: &mut [u8]) -> i64 {
    // SAFETY: the slice is writable for its length.
    unsafe { anysock_read_full(h, room.as_mut_ptr().cast(), room.len()) }
}

/// As `anysock_write_all`.
pub fn write_all(h: anysock_t, data: &[u8]) -> i64 {
    // SAFETY: the slice is readable for its length.
    unsafe { anysock_write_all(h, data.as_ptr().cast(), data.len()) }
}

/// As `anysock_recv`.
pub fn recv(h: anysock_t, room: &mut [u8], flags: i32) -> i64 {
    // SAFETY: the slice is writable for its length.
    unsafe { anysock_recv(h, room.as_mut_ptr().cast(), room.len(), flags) }
}

/// As `anysock_send`.
pub fn send(h: anysock_t, data: &[u8], flags: i32) -> i64 {
    // SAFETY: the slice is readable for its length.
    unsafe { anysock_send(h, data.as_ptr().cast(), data.len(), flags) }
}

/// As `anysock_recv_from`, without asking for the address.
pub fn recv_from(h: anysock_t, room: &mut [u8], flags: i32) -> i64 {
    // SAFETY: the slice is writable for its length; no memory is given for the address.
    unsafe { anysock_recv_from(h, room.as_mut_ptr().cast(), room.len(), flags, null_mut(), 0) }
}

/// As `anysock_recv_from`: how many bytes, and who sent them.
pub fn recv_from_whom(h: anysock_t, room: &mut [u8], flags: i32) -> Result<(usize, String), i64> {
    // A datagram can't be read twice: there is room for every address at once.
    let mut address = [0_u8; ADDRESS];
    let (data, length) = (room.as_mut_ptr().cast(), room.len());
    // SAFETY: there is as much room as is said, for both.
    match unsafe { anysock_recv_from(h, data, length, flags, address.as_mut_ptr().cast(), ADDRESS) } {
        error if error < 0 => Err(error),
        count => {
            let text = CStr::from_bytes_until_nul(&address).unwrap_or_default();
            Ok((count as usize, text.to_string_lossy().into_owned()))
        }
    }
}

/// As `anysock_send_to`.
pub fn send_to(h: anysock_t, data: &[u8], flags: i32, address: &(impl Text + ?Sized)) -> i64 {
    let (data, length) = (data.as_ptr().cast(), data.len());
    // SAFETY: the slice is readable for its length, the text is one.
    address.with(|address| unsafe { anysock_send_to(h, data, length, flags, address) })
}

/// As `anysock_readv`.
pub fn readv(h: anysock_t, rooms: &mut [IoSliceMut<'_>]) -> i64 {
    let pieces = rooms.iter_mut().map(|room| (room.as_mut_ptr(), room.len()));
    // SAFETY: each piece is memory that the caller has borrowed.
    with_pieces(pieces, |pieces| unsafe { anysock_readv(h, pieces.as_ptr(), pieces.len()) })
}

/// As `anysock_writev`.
pub fn writev(h: anysock_t, data: &[IoSlice<'_>]) -> i64 {
    let pieces = data.iter().map(|data| (data.as_ptr().cast_mut(), data.len()));
    // SAFETY: each piece is memory that the caller has borrowed, and is only read.
    with_pieces(pieces, |pieces| unsafe { anysock_writev(h, pieces.as_ptr(), pieces.len()) })
}

/// Up to so many pieces are handed over without an allocation.
const PIECES: usize = 16;

/// Pieces as C has them. The standard's own have another order on Windows.
fn with_pieces(
    pieces: impl ExactSizeIterator<Item = (*mut u8, usize)>,
    call: impl FnOnce(&[anysock_buffer]) -> i64,
) -> i64 {
    let piece = |(data, length): (*mut u8, usize)| anysock_buffer { data: data.cast(), length };
    let mut few = [anysock_buffer { data: null_mut(), length: 0 }; PIECES];
    let count = pieces.len();
    if count > PIECES {
        return call(&pieces.map(piece).collect::<Vec<_>>());
    }
    few.iter_mut().zip(pieces).for_each(|(place, given)| *place = piece(given));
    call(&few[..count])
}

/// As `anysock_set`.
pub fn set(h: anysock_t, option: &(impl Text + ?Sized), value: i64) -> i64 {
    // SAFETY: the text is one.
    option.with(|option| unsafe { anysock_set(h, option, value) })
}

/// As `anysock_get`: the value, or the error.
pub fn get(h: anysock_t, option: &(impl Text + ?Sized)) -> Result<i64, i64> {
    let mut value = 0;
    // SAFETY: the text is one, and there is a place for the number.
    match option.with(|option| unsafe { anysock_get(h, option, &raw mut value) }) {
        0 => Ok(value),
        error => Err(error),
    }
}

/// As `anysock_set_text`.
pub fn set_text(h: anysock_t, option: &(impl Text + ?Sized), value: &(impl Text + ?Sized)) -> i64 {
    // SAFETY: the texts are such.
    option.with(|option| value.with(|value| unsafe { anysock_set_text(h, option, value) }))
}

/// As `anysock_get_text`: the value, or the error.
pub fn get_text(h: anysock_t, option: &(impl Text + ?Sized)) -> Result<String, i64> {
    // SAFETY: the text is one, and there is as much room as is said.
    filled(|room, capacity| option.with(|option| unsafe { anysock_get_text(h, option, room, capacity) }))
}

/// As `anysock_select`, with the readable, the writable and the exceptional; each is left with those that are ready.
pub fn select(sets: &mut [Vec<anysock_t>; 3], timeout_us: i64) -> i64 {
    let view =
        |set: &mut Vec<anysock_t>| anysock_handles { count: set.len() as i64, handles: set.as_mut_ptr() };
    let mut views = sets.each_mut().map(view);
    let [readable, writable, exceptional] = &mut views;
    // SAFETY: each view is of a vector that is borrowed alone for as long.
    let ready = unsafe { anysock_select(readable, writable, exceptional, timeout_us) };
    for (set, view) in sets.iter_mut().zip(views) {
        set.truncate(view.count as usize);
    }
    ready
}

/// As `anysock_poller_wait`: fills the places from the beginning; how many.
pub fn poller_wait(poller: anysock_t, places: &mut [anysock_event], timeout_us: i64) -> i64 {
    // SAFETY: there are so many places.
    unsafe { anysock_poller_wait(poller, places.as_mut_ptr(), places.len(), timeout_us) }
}

/// As `anysock_has`: 1, 0, or an error.
pub fn has(feature: &(impl Text + ?Sized)) -> i64 {
    // SAFETY: the text is one.
    feature.with(|feature| unsafe { anysock_has(feature) })
}

/// As `anysock_resolve`: a line for each address.
pub fn resolve(
    kind: &(impl Text + ?Sized),
    address: &(impl Text + ?Sized),
    timeout_us: i64,
) -> Result<String, i64> {
    filled(|room, capacity| {
        kind.with(|kind| {
            // SAFETY: the texts are such, and there is as much room as is said.
            address.with(|address| unsafe { anysock_resolve(kind, address, timeout_us, room, capacity) })
        })
    })
}

/// As `anysock_interfaces`: a line for each address.
pub fn interfaces() -> Result<String, i64> {
    // SAFETY: there is as much room as is said.
    filled(|room, capacity| unsafe { anysock_interfaces(room, capacity) })
}

/// As `anysock_address_format`.
pub fn address_format(address: &anysock_address) -> Result<String, i64> {
    // SAFETY: the address is whole, and there is as much room as is said.
    filled(|room, capacity| unsafe { anysock_address_format(address, room, capacity) })
}

/// As `anysock_error_name`.
#[must_use]
pub fn error_name(code: i64) -> &'static str {
    static_text(anysock_error_name(code))
}

/// As `anysock_error_message`.
#[must_use]
pub fn error_message(code: i64) -> &'static str {
    static_text(anysock_error_message(code))
}

fn static_text(text: *const c_char) -> &'static str {
    debug_assert_ne!(text, null());
    // SAFETY: the library's texts are NUL-terminated, and live as long as it does.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}
