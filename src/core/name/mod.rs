//! Names: kinds and addresses, as text and as memory. Not here: asking a resolver (`socket/resolve`).

pub mod address;
pub mod kind;
pub mod packed;
