//! The contract: what the header promises, checked through the exported functions as a C program calls them.
//! One module for each part of it. What measures the whole process (descriptors, memory) is in `tests/cycles.rs`.

mod addresses;
mod borrowed;
mod close;
mod datagrams;
mod descriptors;
mod endings;
mod flat;
mod handles;
mod handshake;
mod kinds;
mod library;
mod many;
mod messages;
mod modes;
mod names;
mod native;
mod own;
mod peers;
mod pieces;
mod pipes;
mod poller;
mod queue;
mod readiness;
mod sandbox;
mod select;
mod send_file;
mod support;
mod system_timeouts;
mod transfer;
