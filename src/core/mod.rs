//! The engine: safe Rust that knows nothing of C. `ffi` calls it, it calls `sys`.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `handle`, `table` | the numbers that stand for sockets, and the slots behind them |
//! | `side` | what only some handles have, under locks that survive `fork` |
//! | `deadline`, `wait` | how long to wait, and how a waiting call is woken by a close |
//! | `kind`, `address`, `resolve` | names as text |
//! | `flat` | addresses as flat memory |
//! | `socket`, `server`, `connect`, `transfer` | the life of a socket: open, serve, connect, bytes |
//! | `native` | handles of which nothing is known but what the system says |
//! | `hint` | whether the next read is likely to wait |
//! | `datagrams` | many datagrams at once |
//! | `message` | bytes with what goes beside them: addresses, control data, handles |
//! | `send_file` | bytes of a file |
//! | `readiness`, `select`, `poller` | which sockets are ready |
//! | `options` | the one table of options |
//! | `error` | Linux's numbers on every system |
//! | `fork` | what a child process must forget |

pub mod address;
pub mod connect;
pub mod datagrams;
pub mod deadline;
pub mod error;
pub mod feature;
pub mod flat;
pub mod fork;
pub mod handle;
pub mod hint;
pub mod kind;
pub mod message;
pub mod native;
pub mod options;
pub mod os;
pub mod poller;
pub mod readiness;
pub mod resolve;
pub mod select;
pub mod send_file;
pub mod server;
pub mod side;
pub mod socket;
pub mod table;
pub mod transfer;
pub mod wait;
