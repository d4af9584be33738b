//! Fallbacks for system calls that a sandbox or container runtime refuses: it returns `EPERM` or `ENOSYS` for calls that it does
//! not know, and an older call does the same. Not here: how each is done (next to the call, mostly in a file `older`).
//!
//! | refused | instead |
//! | --- | --- |
//! | `accept4` | `accept`, then `fcntl` |
//! | `ppoll` | `poll`, in milliseconds |
//! | more entries for `ppoll` than RLIMIT_NOFILE | `pselect`, with sets as long as they must be |
//! | `epoll_pwait2` | `epoll_wait`, in milliseconds |
//! | `epoll_create1` | `epoll_create`, then `fcntl` |
//! | `eventfd2` | a datagram socket that is connected to itself |
//! | `recvmmsg`, `sendmmsg` | `recvmsg`, `sendmsg`, one by one |
//! | `preadv2`, `pwritev2` | `poll`, then `readv`, `writev` (`file/stream`) |
//! | `sendfile`, `splice` | reads and writes (`core`) |
//! | `clone3` | the C library's; without a thread `core` does without |
//! | `getrandom` | the standard library's |

use crate::sys::OsError;

/// Whether an error may mean that the call itself is refused.
pub(in crate::sys) const fn is_refusal(error: OsError) -> bool {
    matches!(error.0, libc::ENOSYS | libc::EPERM)
}
