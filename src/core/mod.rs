//! The engine: safe Rust that knows nothing of C. `ffi` calls it, it calls `sys`.
//!
//! The floors, top first. A file uses only what stands below its floor, and files of one floor go in no circle
//! (`tests/layers.rs` sees to it):
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
//! | `fork` | what is done around a fork |
//! | `wait` | how a waiting call is woken |
//! | `handle` | the numbers that stand for sockets, and the slots behind them |
//! | `process` | the library's own threads, and sections that no fork comes into |
//! | `sync` | atomics, of which models try every order |
//! | `lock` | locks that know in which order they are taken |
//! | `name` | kinds and addresses, as text and as memory |
//! | `memory` | who is refused when the system has no memory |
//! | `deadline` | how long to wait |
//! | `error` | Linux's numbers on every system, and how an error of the system becomes one |

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
