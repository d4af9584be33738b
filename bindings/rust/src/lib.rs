//! The same sockets on every system: a safe layer over the anysock library, without another dependency.
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let mut peer = anysock::connect_timeout("tcp", "example.com:80", Duration::from_secs(10))?;
//! peer.set_timeout(Some(Duration::from_secs(10)))?;
//! peer.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
//! let mut page = String::new();
//! peer.read_to_string(&mut page)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A [`Socket`] and a [`Poller`] close when they are dropped. All methods take `&self`, from any thread: [`Handle::close`] wakes the
//! threads that wait. Failures are [`std::io::Error`] with the standard's kinds; the [`Error`] inside has the library's name and number.
//! Times are `Option<Duration>`, where `None` is for ever.
//!
//! What the library promises is in its manual. What is not here is in [`abi`]: messages with handles, flat addresses, many datagrams at
//! once; [`Handle::number`] is what its functions take. [`call`] is between the two: numbers, but Rust's texts and slices.

// Its functions are those that `abi` declares.
#[cfg(feature = "bundled")]
extern crate library as _;

#[rustfmt::skip]
pub mod abi;
pub mod call;
mod error;
mod handle;
mod names;
mod poller;
mod queue;
mod select;
mod socket;
mod text;

pub use error::{Error, code};
pub use handle::Handle;
pub use names::{has, interfaces, resolve};
pub use poller::{Event, Events, Poller};
pub use queue::{Batch, Buffer, Completion, Queue};
pub use select::{HandleSet, select};
pub use socket::{Incoming, Socket, connect, connect_timeout, listen, pair};
pub use text::Text;
