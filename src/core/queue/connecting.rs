//! What a CONNECT knows of how far it has come, and a RESOLVE of its answer. Not here: how they go on (`connects`).

use crate::core::error::Result;
use crate::core::name::kind::Kind;
use crate::core::process::workers::Awaited;
use crate::core::queue::engine::Engine;
use crate::core::socket::race::Race;
use crate::sys::{Events, Fd};
use once_cell::race::OnceBox;
use socket2::SockAddr;
use std::sync::Arc;

pub type Answer = Arc<OnceBox<Result<Vec<SockAddr>>>>;

/// A RESOLVE that goes on.
#[derive(Debug)]
pub struct Question {
    pub kind: Kind,
    pub answer: Answer,
    /// Dropped when nobody waits for it any more.
    pub awaited: Option<Awaited>,
}

/// A CONNECT that goes on.
#[derive(Debug)]
pub struct Connecting {
    pub stage: Stage,
    /// Its event was reported, with `EINPROGRESS`: the attempt goes on for the next CONNECT to find.
    pub is_reported: bool,
}

#[derive(Debug)]
pub enum Stage {
    /// Waits for the CONNECT before it.
    Behind(Target),
    Asking(Answer, Option<Awaited>),
    /// The kernel connects, or another call.
    UnderWay,
    /// Of a native handle, whose end is only looked at.
    Native(SockAddr),
    /// The listener's backlog is full, so often.
    Full(SockAddr, u32),
    Racing(Race, Vec<(Fd, u64)>),
    Over,
}

#[derive(Debug)]
pub enum Target {
    Text(String),
    Addresses(Vec<SockAddr>),
}

/// A tag of an attempt: the bit, a number among the attempts, and whose it is.
pub const ATTEMPT: u64 = 1 << 63;

/// Whose attempt a tag stands for.
pub fn owner(tag: u64) -> Option<u32> {
    (tag & ATTEMPT != 0).then_some(tag as u32)
}

/// Has the engine watch attempts no more.
pub fn unwatch(engine: Option<&Engine>, watched: &mut Vec<(Fd, u64)>) {
    if let Some(engine) = engine {
        for (fd, tag) in watched.drain(..) {
            let _ = engine.watch(fd, tag, Events::WRITE, Events::NONE);
        }
    }
}
