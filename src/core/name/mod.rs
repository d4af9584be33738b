//! Kinds of sockets, and addresses as text and as memory. Not here: asking the resolver (`socket/resolve`).

pub mod address;
pub mod flat;
pub mod kind;
