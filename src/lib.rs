//! anysock: the same sockets for every language on every system.
//!
//! The three layers:
//!
//! - `ffi`, the interface: the exported C functions. They check arguments, call, convert; no logic.
//! - [`core`], the engine: handles, sockets, waiting, readiness, options. Safe Rust that knows nothing of C.
//! - [`sys`], the system layer: what differs between systems, a folder for each mechanism.
//!
//! Calls go one way, `ffi -> core -> sys`. All `unsafe` code is in `ffi` and `sys`.
//! The Rust paths are for the project's own tests and benchmarks; the stable interface is the C header.

#![deny(unsafe_op_in_unsafe_fn)]

#[deny(unsafe_code)]
pub mod core;
pub mod ffi;
pub mod sys;
