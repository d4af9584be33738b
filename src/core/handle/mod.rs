//! The numbers that stand for sockets, and the slots behind them. Not here: what is done with a socket.

pub mod chunks;
pub mod extras;
mod free_list;
pub mod lookup;
pub mod number;
pub mod read_guess;
pub mod slot;
pub mod table;
pub mod watchers;
