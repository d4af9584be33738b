//! The peer's address of an accepted connection: room for an address of the internet families, which accept(2) fills in. Not here:
//! paths of AF_UNIX, which are longer, and which getpeername(2) returns as long as the connection exists.

use crate::sys::{copy_address, unix_address};
use socket2::{Domain, SockAddr};
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(unix)]
type Header = libc::sockaddr;

#[cfg(windows)]
type Header = windows_sys::Win32::Networking::WinSock::SOCKADDR;

/// The length of a `sockaddr_in6` in 32-bit words.
const WORDS: usize = 7;

/// The beginning of a system's address, as long as one of the internet protocols.
///
/// It is written while nobody reads it, and then read by any thread.
#[derive(Default, Debug)]
pub struct Origin([AtomicU32; WORDS]);

impl Origin {
    /// Its length in bytes.
    pub(in crate::sys) const LENGTH: usize = size_of::<Self>();

    /// No address.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; WORDS])
    }

    /// Removes the address: the first word, which has the family, is enough.
    #[inline(always)]
    pub fn clear(&self) {
        self.0[0].store(0, Ordering::Relaxed);
    }

    /// Where the system writes it.
    #[inline(always)]
    pub(in crate::sys) const fn as_ptr<T>(&self) -> *mut T {
        self.0.as_ptr().cast_mut().cast()
    }

    /// Stores an address, as much of it as there is room for.
    #[allow(dead_code, reason = "where it does not write here itself")]
    pub(in crate::sys) fn keep(&self, address: &SockAddr) {
        let length = (address.len() as usize).min(Self::LENGTH);
        // SAFETY: the address has as many bytes, and so has the room, in words that may change when they are shared.
        unsafe { std::ptr::copy_nonoverlapping(address.as_ptr().cast::<u8>(), self.as_ptr(), length) };
    }

    /// The address, if it is one of the internet protocols.
    #[must_use]
    pub fn address(&self) -> Option<SockAddr> {
        let words = self.words();
        // SAFETY: the words hold a whole address of each family of which this makes one.
        unsafe { copy_address(words.as_ptr().cast(), family(&words)) }
    }

    /// The address of an AF_UNIX client that has none.
    #[must_use]
    pub fn unnamed(&self) -> Option<SockAddr> {
        let words = self.words();
        let path = words[0].to_ne_bytes()[offset_of!(Header, sa_data)];
        (family(&words) == Domain::UNIX && path == 0).then(|| unix_address(&[]).ok())?
    }

    fn words(&self) -> [u32; WORDS] {
        self.0.each_ref().map(|word| word.load(Ordering::Relaxed))
    }
}

fn family(words: &[u32; WORDS]) -> Domain {
    // SAFETY: the words are longer than the header, which is plain numbers.
    let family = unsafe { words.as_ptr().cast::<Header>().read_unaligned().sa_family };
    i32::from(family).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, SocketAddrV6};

    fn kept(address: &SockAddr) -> Origin {
        let origin = Origin::new();
        origin.keep(address);
        origin
    }

    #[test]
    fn an_address_is_what_it_was() {
        for text in ["127.0.0.1:80", "255.254.253.252:65535", "[::1]:1", "[fe80:1:2:3:4:5:6:7]:443"] {
            let address = SockAddr::from(text.parse::<SocketAddr>().unwrap());
            let origin = kept(&address);
            assert_eq!(origin.address(), Some(address), "{text}");
            origin.clear();
            assert_eq!(origin.address(), None);
            assert_eq!(origin.unnamed(), None);
        }
        let local = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 7);
        assert_eq!(kept(&local.into()).address().unwrap().as_socket(), Some(local.into()));
    }

    #[test]
    fn only_an_unnamed_address_of_af_unix_is_known() {
        let unnamed = kept(&unix_address(&[]).unwrap());
        assert_eq!(unnamed.address(), None);
        assert!(unnamed.unnamed().is_some_and(|address| crate::sys::unix_name(&address).is_none()));
        let named = kept(&unix_address(b"/tmp/a path that is longer than the room").unwrap());
        assert_eq!(named.address(), None);
        assert_eq!(named.unnamed(), None);
    }
}
