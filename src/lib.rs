//! anysock: the same sockets for every language on every system.
//!
//! A map of the house:
//!
//! - `ffi`, the only door: the exported C functions. They check arguments, call, convert; no logic.
//! - [`core`], the engine: handles, sockets, waiting, readiness, options. Safe Rust that knows nothing of C.
//! - [`sys`], the ground: what differs between systems, a folder for each mechanism.
//!
//! Everything flows one way, `ffi -> core -> sys`. All `unsafe` code sits at the two ends.
//! The Rust paths are for the project's own tests and benchmarks; the stable interface is the C header.

#![deny(unsafe_op_in_unsafe_fn)]

#[deny(unsafe_code)]
pub mod core;
pub mod ffi;
pub mod sys;
