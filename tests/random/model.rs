//! When a socket is ready, once more and from the manual alone: what poll(2) says of the descriptor, and what the manual
//! says otherwise. Shares nothing with the library but the descriptor.

use crate::support::*;

pub const R: i32 = ANYSOCK_EVENT_READ;
pub const W: i32 = ANYSOCK_EVENT_WRITE;
pub const X: i32 = ANYSOCK_EVENT_EXCEPT;
pub const ALL: i32 = R | W | X;

/// Where a socket stands, by what it was told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stance {
    /// A stream that was never connected.
    Fresh,
    /// A stream whose connect waits for a place in the backlog.
    Waiting,
    /// A stream whose connect has failed, or will.
    Failed,
    /// Everything of which the kernel's word counts: connections, also those under way that will come about, listeners,
    /// pipes.
    Plain,
    /// Datagrams need no connection.
    Datagrams,
}

/// What is known of a handle besides its descriptor.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub stance: Stance,
    /// Own halves that were shut through this handle.
    pub shut: i32,
    /// An error that the kernel has told already, and that the handle keeps.
    pub kept: bool,
}

/// What poll(2) says, in the table's words: what is over can be read from and written to without waiting.
fn in_words(found: i16) -> i32 {
    let has = |bits: i16| found & bits != 0;
    let over = has(libc::POLLHUP | libc::POLLERR);
    let when = |so: bool, event: i32| if so { event } else { 0 };
    when(over || has(libc::POLLIN), R) | when(over || has(libc::POLLOUT), W) | when(has(libc::POLLPRI), X)
}

/// What poll(2) says of each handle's descriptor; nothing of one that has none yet.
pub fn polled(handles: &[i64]) -> Vec<i32> {
    let entry = |handle: &i64| {
        let fd = i32::try_from(anysock_fd(*handle)).unwrap_or(-1);
        libc::pollfd { fd, events: libc::POLLIN | libc::POLLOUT | libc::POLLPRI, revents: 0 }
    };
    let mut entries: Vec<_> = handles.iter().map(entry).collect();
    // SAFETY: the list is writable for its length.
    let count = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, 0) };
    assert!(count >= 0, "poll: {}", std::io::Error::last_os_error());
    entries.iter().map(|entry| in_words(entry.revents)).collect()
}

/// For what a socket is ready.
pub fn ready(state: &State, polled: i32, settled: bool) -> i32 {
    // The bits of the halves are those of the events.
    let own = state.shut | if state.kept { R | W } else { 0 };
    match state.stance {
        Stance::Fresh | Stance::Waiting => 0,
        Stance::Failed => ALL,
        Stance::Plain => polled | own,
        Stance::Datagrams => polled | own | if settled { 0 } else { W },
    }
}
