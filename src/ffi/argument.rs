//! From C arguments to Rust ones and back. What can be checked without touching the memory is checked; data is not touched
//! here, so that the kernel finds a bad pointer (`EFAULT`). Not here: the layout of messages (`message_layout`).

use crate::core::error::{Error, Result};
use crate::core::name::flat::Flat;
use crate::core::socket::datagrams::{self, Arrival, Departure, Room};
use crate::core::socket::transfer::{Flags, Piece};
use crate::ffi::types::{
    anysock_address, anysock_buffer, anysock_datagram, anysock_done, anysock_handles, anysock_op, anysock_t,
};
use std::ffi::{CStr, c_char, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::str::{from_utf8, from_utf8_unchecked};

/// A text: `EFAULT` for NULL, `EINVAL` if it is not UTF-8. The caller vouches for its NUL.
pub unsafe fn text<'a>(text: *const c_char) -> Result<&'a str> {
    if text.is_null() {
        return Err(Error::EFAULT);
    }
    // SAFETY: the caller of the exported function vouches for a NUL-terminated text.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    // Nearly all are ASCII, which is much quicker to check than UTF-8.
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { from_utf8_unchecked(bytes) });
    }
    from_utf8(bytes).map_err(|_| Error::EINVAL)
}

/// Whether it is memory with bytes in it: not NULL, and of a length that a Rust slice can have (1 to `isize::MAX`).
#[inline(always)]
fn is_memory<T>(data: *const T, length: usize) -> bool {
    !data.is_null() && length as isize > 0
}

#[inline]
fn check_memory<T>(data: *const T, length: usize) -> Result<()> {
    if is_memory(data, length) { Ok(()) } else { check_nothing(data.is_null(), length) }
}

/// For what is no such memory: NULL is fine for no bytes, and `EFAULT` for some; `EINVAL` for a length that no memory has.
#[cold]
fn check_nothing(is_null: bool, length: usize) -> Result<()> {
    match isize::try_from(length) {
        Err(_) => Err(Error::EINVAL),
        Ok(1..) if is_null => Err(Error::EFAULT),
        Ok(_) => Ok(()),
    }
}

/// Memory to be written.
#[inline(always)]
pub unsafe fn room<'a>(data: *mut c_void, length: usize) -> Result<&'a mut [MaybeUninit<u8>]> {
    if is_memory(data, length) {
        // SAFETY: the caller vouches for `length` writable bytes; neither NULL nor an absurd length is memory.
        return Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) });
    }
    check_nothing(data.is_null(), length)?;
    Ok(&mut [])
}

/// Memory to be read.
#[inline(always)]
pub unsafe fn bytes<'a>(data: *const c_void, length: usize) -> Result<&'a [u8]> {
    if is_memory(data, length) {
        // SAFETY: the caller vouches for `length` readable bytes; neither NULL nor an absurd length is memory.
        return Ok(unsafe { std::slice::from_raw_parts(data.cast(), length) });
    }
    check_nothing(data.is_null(), length)?;
    Ok(&[])
}

/// The caller's pieces of memory, copied. What they point at is checked by the kernel. Errors as for [`room`]; `ENOMEM`.
pub unsafe fn pieces(buffers: *const anysock_buffer, count: usize) -> Result<Vec<Piece>> {
    check_memory(buffers, count)?;
    let mut pieces = Vec::new();
    pieces.try_reserve_exact(count).map_err(|_| Error::ENOMEM)?;
    let mut total = 0_usize;
    for place in 0..count {
        // SAFETY: the caller vouches for `count` buffers; an unaligned array is no harm.
        let buffer = unsafe { buffers.add(place).read_unaligned() };
        total = total.saturating_add(buffer.length);
        check_memory(buffer.data, buffer.length)?;
        check_memory(buffers, total)?;
        pieces.push(Piece::new(buffer.data.cast(), buffer.length));
    }
    Ok(pieces)
}

/// `EFAULT` for NULL, `EINVAL` for an array longer than memory can be.
pub fn check_array<T>(array: *const T, count: usize) -> Result<()> {
    check_memory(array, count.checked_mul(size_of::<T>()).ok_or(Error::EINVAL)?)
}

/// Runs `body` on each member of an array, which may be unaligned.
pub unsafe fn each<T: Copy>(
    array: *const T,
    count: usize,
    mut body: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    check_array(array, count)?;
    // SAFETY: the caller vouches for `count` members.
    (0..count).try_for_each(|place| body(unsafe { array.add(place).read_unaligned() }))
}

// Callers in other languages rely on the offsets.
const _: () = assert!(size_of::<anysock_address>() == 128 && offset_of!(anysock_address, bytes) == 16);

const _: () = assert!(size_of::<anysock_op>() == 64 && size_of::<anysock_done>() == 64);

impl From<Flat> for anysock_address {
    #[inline]
    fn from(flat: Flat) -> Self {
        let Flat { family, port, length, scope, reserved, bytes } = flat;
        Self { family, port, length, scope, reserved, bytes }
    }
}

impl From<anysock_address> for Flat {
    #[inline]
    fn from(address: anysock_address) -> Self {
        let anysock_address { family, port, length, scope, reserved, bytes } = address;
        Self { family, port, length, scope, reserved, bytes }
    }
}

/// The caller's address, which may be unaligned.
#[inline]
pub unsafe fn address(address: *const anysock_address) -> Result<Flat> {
    if address.is_null() {
        return Err(Error::EFAULT);
    }
    // SAFETY: the caller vouches for the address, which is not NULL.
    Ok(unsafe { address.read_unaligned() }.into())
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<anysock_datagram>() == 40 && offset_of!(anysock_datagram, segment) == 36);

/// The caller's array of datagrams, which may be unaligned, as may what it points at.
pub struct Datagrams {
    first: *mut anysock_datagram,
    count: usize,
}

impl Datagrams {
    /// The caller vouches for `count` datagrams, for the addresses that they point at, and that these are not touched by
    /// others while this lives.
    pub unsafe fn new(first: *mut anysock_datagram, count: usize) -> Result<Self> {
        let length = count.checked_mul(size_of::<anysock_datagram>()).ok_or(Error::EINVAL)?;
        check_memory(first, length)?;
        Ok(Self { first, count })
    }

    #[inline]
    fn place(&self, place: usize) -> *mut anysock_datagram {
        assert!(place < self.count);
        // SAFETY: the caller of `new` has vouched for so many.
        unsafe { self.first.add(place) }
    }

    #[inline]
    fn get(&self, place: usize) -> Result<(anysock_datagram, Piece)> {
        // SAFETY: the caller of `new` has vouched for it.
        let datagram = unsafe { self.place(place).read_unaligned() };
        check_memory(datagram.data, datagram.length)?;
        Ok((datagram, Piece::new(datagram.data.cast(), datagram.length)))
    }
}

impl datagrams::Datagrams for Datagrams {
    #[inline]
    fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn room(&self, place: usize) -> Result<Room> {
        let (datagram, piece) = self.get(place)?;
        Ok(Room { piece, with_sender: !datagram.address.is_null() })
    }

    #[inline]
    fn arrived(&mut self, place: usize, arrival: &Arrival) {
        let datagram = self.place(place);
        // SAFETY: the caller of `new` has vouched for the datagram and the address.
        unsafe {
            (&raw mut (*datagram).result).write_unaligned(arrival.length as i64);
            (&raw mut (*datagram).flags).write_unaligned(if arrival.cut { Flags::TRUNC.0 } else { 0 });
            (&raw mut (*datagram).segment).write_unaligned(arrival.segment.into());
            let address = (&raw const (*datagram).address).read_unaligned();
            if !address.is_null() {
                address.write_unaligned(arrival.sender.into());
            }
        }
    }

    #[inline]
    fn departure(&self, place: usize) -> Result<Departure> {
        let (datagram, piece) = self.get(place)?;
        let address = match datagram.address.is_null() {
            true => None,
            // SAFETY: the caller of `new` has vouched for the address, which is not NULL.
            false => Some(unsafe { address(datagram.address) }?).filter(|address| !address.is_none()),
        };
        Ok(Departure { piece, address, segment: datagram.segment })
    }

    #[inline]
    fn departed(&mut self, place: usize, sent: usize) {
        let datagram = self.place(place);
        // SAFETY: the caller of `new` has vouched for the datagram.
        unsafe { (&raw mut (*datagram).result).write_unaligned(sent as i64) };
    }
}

/// The flags of a receive or send of many datagrams; `EINVAL` for one that is not `allowed`.
pub fn many_flags(flags: i32, allowed: Flags) -> Result<Flags> {
    if flags & !allowed.0 == 0 { Ok(Flags(flags)) } else { Err(Error::EINVAL) }
}

/// Where a text goes: may be NULL when `capacity` is 0.
#[derive(Clone, Copy)]
pub struct TextOut {
    text: *mut c_char,
    capacity: usize,
}

impl TextOut {
    /// Checks the place before the call, so that no result is lost because there is nowhere to store it.
    pub fn new(text: *mut c_char, capacity: usize) -> Result<Self> {
        check_memory(text, capacity)?;
        Ok(Self { text, capacity })
    }

    /// Writes the text, cut at a character's border if it must be, and its NUL; the full length without the NUL.
    pub unsafe fn put(self, text: &str) -> usize {
        let Some(most) = self.capacity.checked_sub(1) else { return text.len() };
        let cut = (0..=most.min(text.len())).rev().find(|cut| text.is_char_boundary(*cut)).unwrap_or(0);
        // SAFETY: the caller of the exported function vouches for `capacity` bytes, and `cut < capacity`.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.text.cast(), cut);
            self.text.add(cut).write(0);
        }
        text.len()
    }
}

/// Where up to `capacity` values go, one after the other; they may be unaligned. Errors as for [`check_array`].
pub fn places<T>(first: *mut T, capacity: usize) -> Result<*mut T> {
    check_memory(first, capacity.checked_mul(size_of::<T>()).ok_or(Error::EINVAL)?)?;
    Ok(first)
}

/// Where one value goes.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    pub fn new(place: *mut T) -> Result<Self> {
        if place.is_null() { Err(Error::EFAULT) } else { Ok(Self(place)) }
    }

    pub unsafe fn put(self, value: T) {
        // SAFETY: the caller of the exported function vouches for the place; it may be unaligned.
        unsafe { self.0.write_unaligned(value) };
    }
}

/// Flags of a receive.
#[inline(always)]
pub fn receive_flags(flags: i32) -> Result<Flags> {
    check_flags(flags, Flags::KNOWN.without(Flags::MORE))
}

/// Flags of a send.
#[inline(always)]
pub fn send_flags(flags: i32) -> Result<Flags> {
    check_flags(flags, Flags::OOB.or(Flags::DONT_WAIT).or(Flags::MORE))
}

/// Most calls have no flag, or `DONT_WAIT` alone.
#[inline(always)]
fn check_flags(flags: i32, allowed: Flags) -> Result<Flags> {
    if flags & !Flags::DONT_WAIT.0 == 0 { Ok(Flags(flags)) } else { check_rare_flags(flags, allowed) }
}

#[cold]
fn check_rare_flags(flags: i32, allowed: Flags) -> Result<Flags> {
    many_flags(flags, allowed)
}

/// The handles of a set; none for NULL. Not a reference yet, because two sets could be the same array.
unsafe fn handles(set: *const anysock_handles) -> Result<*mut [anysock_t]> {
    let nothing = std::ptr::slice_from_raw_parts_mut(std::ptr::dangling_mut(), 0);
    if set.is_null() {
        return Ok(nothing);
    }
    // SAFETY: the caller vouches for the set; it may be unaligned.
    let anysock_handles { count, handles } = unsafe { set.read_unaligned() };
    let length = usize::try_from(count).map_err(|_| Error::EINVAL)?;
    check_memory(handles, length.checked_mul(size_of::<anysock_t>()).ok_or(Error::EINVAL)?)?;
    match length {
        0 => Ok(nothing),
        _ if !handles.is_aligned() => Err(Error::EINVAL),
        _ => Ok(std::ptr::slice_from_raw_parts_mut(handles, length)),
    }
}

/// The three sets of a select; `EINVAL` if two of them share memory.
pub unsafe fn sets<'a>(sets: [*mut anysock_handles; 3]) -> Result<[&'a mut [anysock_t]; 3]> {
    let [first, second, third] = sets;
    // SAFETY: the caller vouches for each set.
    let arrays = unsafe { [handles(first)?, handles(second)?, handles(third)?] };
    let [first, second, third] = arrays;
    if overlap(first, second) || overlap(second, third) || overlap(first, third) {
        return Err(Error::EINVAL);
    }
    // SAFETY: the caller vouches for the arrays; they are aligned, not NULL and, as just checked, apart.
    Ok(arrays.map(|array| unsafe { &mut *array }))
}

fn overlap(one: *mut [anysock_t], other: *mut [anysock_t]) -> bool {
    let range = |array: *mut [anysock_t]| {
        let start = array.cast::<u8>() as usize;
        // A count is only a claim: the array may reach beyond the last address.
        (start, start.saturating_add(array.len() * size_of::<anysock_t>()))
    };
    let ((one, one_end), (other, other_end)) = (range(one), range(other));
    one < other_end && other < one_end
}

/// A small array of arguments that is only read.
pub unsafe fn handles_of<'a>(set: *const anysock_handles) -> Result<&'a [anysock_t]> {
    // SAFETY: the caller vouches for the set and its array.
    Ok(unsafe { &*handles(set)? })
}
