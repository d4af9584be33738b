//! Readiness of many descriptors, which are registered with the system. Not here: a few, which each call names (`poll`).

#[cfg(all(any(target_os = "linux", target_os = "android"), not(kqueue_model)))]
mod epoll;
#[cfg(all(any(target_os = "linux", target_os = "android"), not(kqueue_model)))]
pub use epoll::*;

#[cfg(all(unix, any(not(any(target_os = "linux", target_os = "android")), kqueue_model)))]
mod kqueue;
#[cfg(all(unix, any(not(any(target_os = "linux", target_os = "android")), kqueue_model)))]
pub use kqueue::*;

/// Where kqueue comes from: the C library, or in tests on Linux a model of it.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
use libc as system;
#[cfg(kqueue_model)]
#[path = "../../../tests/kqueue/model.rs"]
mod system;

#[cfg(unix)]
mod trigger;
#[cfg(unix)]
pub use trigger::*;

#[cfg(windows)]
mod completion_port;
#[cfg(windows)]
pub use completion_port::*;
