//! What a program does with one socket, a file for each activity. Not here: options (`options`), and readiness of many sockets
//! (`select`, `poller`).

pub mod adopt;
pub mod backlog;
pub mod close;
pub mod connect;
pub mod datagrams;
pub mod family;
pub mod judge;
pub mod life;
pub mod listen;
pub mod message;
pub mod mode;
pub mod native;
pub mod pair;
pub mod pieces;
pub mod race;
pub mod resolve;
pub mod retry;
pub mod send_file;
pub mod transfer;
