//! Readiness of a few descriptors, which each call names, as poll(2). Not here: many, which are registered (`readiness`).

#[cfg(all(unix, not(target_vendor = "apple")))]
mod entry;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub use entry::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod posix;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub use posix::*;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod older;

#[cfg(target_vendor = "apple")]
mod select;
#[cfg(target_vendor = "apple")]
pub use select::*;

#[cfg(windows)]
pub(in crate::sys) mod afd;

#[cfg(windows)]
mod event;
#[cfg(windows)]
pub(in crate::sys) use event::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// Whether poll(2) reports a hang-up. Never on Apple's systems, where select(2) stands in for it.
#[cfg(unix)]
pub(in crate::sys) fn hangs_up(fd: crate::sys::Fd) -> bool {
    use crate::sys::Events;
    let mut entry = [PollFd::new(fd, Events::NONE)];
    poll(&mut entry, Some(std::time::Duration::ZERO)) == Ok(1) && entry[0].ready().any(Events::HANGUP)
}
