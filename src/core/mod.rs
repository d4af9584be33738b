//! The engine: safe Rust that knows nothing of C. `ffi` calls it, it calls `sys`.
//!
//! The floors, top first. A file uses only what stands below its floor, and files of one floor do not depend on each
//! other in a circle (`tests/layers.rs` checks both):
//!
//! | floor | what it holds |
//! | --- | --- |
//! | `feature` | what this build and this system can do (`anysock_has`) |
//! | `options` | setting and reading an option |
//! | `queue` | the batch queue: everything a program wants done, in one call |
//! | `select` | which members of a set are ready |
//! | `poller` | which of many registered sockets are ready, and how a poller or a queue is woken |
//! | `socket` | what a program does with one: open, serve, connect, bytes, datagrams, messages |
//! | `settings` | what options there are, and those that a handle keeps for its next descriptor |
//! | `readiness` | what ready means |
//! | `fork` | which locks a fork takes, and what the child does |
//! | `wait` | how a thread waits, and how it is woken |
//! | `handle` | the numbers that stand for sockets, and the slots that hold their state |
//! | `process` | the library's own threads, and sections that no fork may interrupt |
//! | `sync` | atomics, which loom replaces to test every interleaving |
//! | `lock` | locks with ranks, so that they are taken in one order |
//! | `name` | kinds and addresses, as text and as memory |
//! | `memory` | allocation that fails with ENOMEM instead of ending the program |
//! | `deadline` | how long to wait |
//! | `error` | error numbers (Linux's, on every system), and the system's errors translated to them |

pub mod deadline;
pub mod error;
pub mod feature;
pub mod fork;
pub mod handle;
pub mod lock;
pub mod memory;
pub mod name;
pub mod options;
pub mod poller;
pub mod process;
pub mod queue;
pub mod readiness;
pub mod select;
pub mod settings;
pub mod socket;
pub mod sync;
pub mod wait;
