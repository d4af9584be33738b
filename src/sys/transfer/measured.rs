//! The real length of a datagram that did not fit, on systems that do not return it. Not here: Linux, which does (`linux`).

use crate::sys::{Flags, MAX_PIECES, Message, OUT_OF_MEMORY, Piece, Result};
use std::mem::MaybeUninit;

/// No datagram of the internet protocols is longer.
const LONGEST: usize = 1 << 16;

/// Receives a datagram into a buffer that is large enough for any, and copies what fits into `data`.
#[allow(dead_code, reason = "Linux reports the length")]
pub(in crate::sys) fn measured<T>(
    data: &mut [MaybeUninit<u8>],
    receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<(usize, T)>,
) -> Result<(usize, T)> {
    let mut whole = Vec::<u8>::new();
    whole.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    let whole = whole.spare_capacity_mut();
    let (length, sender) = receive(whole)?;
    let kept = length.min(data.len());
    data[..kept].copy_from_slice(&whole[..kept]);
    Ok((length, sender))
}

/// As [`measured`], for a message in several pieces: what does not fit goes into an additional one.
#[allow(dead_code, reason = "Linux reports the length")]
pub(in crate::sys) fn measured_message(
    pieces: &[Piece],
    receive: impl FnOnce(&[Piece]) -> Result<Message>,
) -> Result<Message> {
    let (mut rest, mut all) = (Vec::<u8>::new(), Vec::new());
    rest.try_reserve_exact(LONGEST).map_err(|_| OUT_OF_MEMORY)?;
    all.try_reserve_exact(pieces.len() + 1).map_err(|_| OUT_OF_MEMORY)?;
    all.extend(pieces.iter().take(MAX_PIECES - 1));
    all.push(Piece::new(rest.as_mut_ptr(), LONGEST));
    let mut message = receive(&all)?;
    if Piece::total(pieces).is_some_and(|room| message.count > room) {
        message.flags = message.flags.or(Flags::TRUNC);
    }
    Ok(message)
}
