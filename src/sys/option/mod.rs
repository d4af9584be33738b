//! The numbers under which this system knows options. Skeleton; being filled in.

use super::{Fd, Result, set_option};

/// Says whether an IPv6 socket takes IPv6 alone.
pub fn set_v6_only(fd: Fd, only: bool) -> Result<()> {
    set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &i32::from(only).to_ne_bytes())
}

/// What a listener has unless the caller says otherwise.
pub fn set_listener_default(fd: Fd) -> Result<()> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32.to_ne_bytes())
}
