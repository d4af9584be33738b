//! macOS and its siblings, where they lack what `posix` has: its counterpart. Not here: kqueue (`bsd`),
//! and polling (`select`), because this `poll(2)` calls the end of a stream urgent data.

use super::unix::check;
use super::{Events, Fd, Result, Timeout, own, with};
use libc::{c_int, fd_set, timeval};
use socket2::{Socket, Type};

/// No socket is born non-blocking.
pub(super) fn non_blocking(kind: Type) -> Type {
    kind
}

/// socket2 has seen to close-on-exec and SIGPIPE.
pub(super) fn settle(socket: &Socket) -> Result<()> {
    Ok(socket.set_nonblocking(true)?)
}

/// Takes the next connection of a listener.
pub fn accept(fd: Fd) -> Result<Fd> {
    let (connection, _) = with(fd, Socket::accept)?;
    settle(&connection)?;
    Ok(own(connection))
}

/// Descriptors as `select` takes them: a bit for each number.
#[derive(Default)]
pub(super) struct Set(Vec<u32>);

impl Set {
    pub(super) fn insert(&mut self, fd: Fd) {
        let (word, bit) = place(fd);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    pub(super) fn contains(&self, fd: Fd) -> bool {
        let (word, bit) = place(fd);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// Of no descriptor, a place that no set has.
fn place(fd: Fd) -> (usize, u32) {
    (fd.0 as usize / 32, 1 << (fd.0 as u32 % 32))
}

/// In which sets a descriptor is put for what was asked.
pub(super) fn sets_for(_fd: Fd, asked: Events) -> Events {
    asked
}

/// What it means to be found in these sets.
pub(super) fn meaning(_fd: Fd, _asked: Events, found: Events) -> Events {
    found
}

unsafe extern "C" {
    /// `select` without the limit of FD_SETSIZE: `_DARWIN_UNLIMITED_SELECT`.
    #[link_name = "select$DARWIN_EXTSN"]
    fn unlimited_select(
        count: c_int,
        read: *mut fd_set,
        write: *mut fd_set,
        except: *mut fd_set,
        time: *mut timeval,
    ) -> c_int;
}

/// Waits until a member of a set is ready, and leaves those that are.
pub(super) fn select(sets: &mut [Set; 3], timeout: Timeout) -> Result<()> {
    let words = sets.iter().map(|set| set.0.len()).max().unwrap_or(0);
    for set in sets.iter_mut() {
        set.0.resize(words, 0);
    }
    let [read, write, except] = sets.each_mut().map(|set| set.0.as_mut_ptr().cast::<fd_set>());
    let mut time = timeout.map(|timeout| {
        let (seconds, micros) = super::select::parts(timeout);
        timeval { tv_sec: seconds.into(), tv_usec: micros }
    });
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: each set has a bit for every number below the count, and all outlive the call.
    check(unsafe { unlimited_select(words as c_int * 32, read, write, except, time) }).map(drop)
}
