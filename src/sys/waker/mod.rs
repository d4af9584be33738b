//! Wakers, by which one thread ends the poll of another. Not here: selectors' wake-ups from signal handlers (`readiness/trigger`).

#[cfg(all(any(target_os = "linux", target_os = "android"), not(kqueue_model)))]
mod eventfd;
#[cfg(all(any(target_os = "linux", target_os = "android"), not(kqueue_model)))]
pub use eventfd::*;

#[cfg(all(unix, any(not(any(target_os = "linux", target_os = "android")), kqueue_model)))]
mod pair;
#[cfg(all(unix, any(not(any(target_os = "linux", target_os = "android")), kqueue_model)))]
pub use pair::*;

#[cfg(windows)]
mod event;
#[cfg(windows)]
pub use event::*;
