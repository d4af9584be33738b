//! Readiness: select and the poller. Not here: what ready means (`core::readiness`).

use crate::core::error::Error;
use crate::core::{poller, select};
use crate::ffi::types::{anysock_event, anysock_handles, anysock_t};
use crate::ffi::{argument, call};

/// Waits until a socket of three sets is ready, and leaves in the sets just those that are; as select(2), without its
/// limit on how many.
///
/// Ready to read: data is queued, the peer has finished sending or this side has shut reading, a listener has a
/// connection, an error is pending. Ready to write: the send buffer has room, this side has shut writing, a
/// non-blocking connect has finished, well or badly, an error is pending. Exceptional: urgent data, a non-blocking
/// connect has failed. A stream that was never connected is never ready.
///
/// @param readable    (inout, nullable) Handles to watch for reading. Each of the three may be NULL or empty; with all of
///                    them empty it sleeps.
/// @param writable    (inout, nullable) Handles to watch for writing.
/// @param exceptional (inout, nullable) Handles to watch for what is exceptional.
/// @param timeout_us  Microseconds; -1 waits for ever, 0 never.
/// @return How many handles are left in all, each set in its old order and without repetition; 0 at the timeout, with the
///         sets emptied. `ANYSOCK_EBADF` for a handle that is none, `ANYSOCK_ECANCELED` when one is closed during the wait,
///         `ANYSOCK_EOPNOTSUPP` for a poller, `ANYSOCK_EINVAL` for another negative timeout, a negative count or two sets
///         over one array, `ANYSOCK_EINTR` if a handle has option "interruptible", `ANYSOCK_EFAULT`, `ANYSOCK_ENOMEM`.
///         On an error the sets are untouched.
///
/// Blocks (bounded=timeout_us, woken=close|signal). The sets must not be changed by another thread during the call. A set
/// that a thread hands over again and again is remembered: then the cost of a call depends on how many are ready and not on how
/// many are watched. The results are the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_select(
    readable: *mut anysock_handles,
    writable: *mut anysock_handles,
    exceptional: *mut anysock_handles,
    timeout_us: i64,
) -> i64 {
    call(|| {
        let sets = [readable, writable, exceptional];
        // SAFETY: the caller vouches for the sets and their arrays.
        let counts = select::select(&mut unsafe { argument::sets(sets) }?, timeout_us)?;
        for (set, count) in sets.into_iter().zip(counts) {
            if !set.is_null() {
                // SAFETY: the caller vouches for the set; only its count is changed.
                unsafe { (&raw mut (*set).count).write_unaligned(count as i64) };
            }
        }
        Ok(counts.iter().sum::<usize>())
    })
}

/// Whether a handle is in a set: 1 or 0, and 0 for NULL.
///
/// @param set (in, nullable) The set; NULL has none.
/// @param h   The handle to look for.
/// @return 1 or 0; `ANYSOCK_EINVAL` for a negative count, `ANYSOCK_EFAULT` for a count without an array.
///
/// Does not block, and does not look whether the handle is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_handles_has(set: *const anysock_handles, h: anysock_t) -> i64 {
    // SAFETY: the caller vouches for the set and its array.
    call(|| Ok(unsafe { argument::handles_of(set) }?.contains(&h)))
}

/// Opens a poller: sockets are registered once, and the cost of a wait depends on how many are ready, not on how many are
/// registered, as with epoll(7) and kqueue(2).
///
/// @return A handle, to be closed with `anysock_close`. `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`, `ANYSOCK_ENOMEM`.
///
/// Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_poller_open() -> i64 {
    call(poller::open)
}

/// Registers a socket with a poller, changes what it is watched for, or takes it out.
///
/// @param poller The poller.
/// @param h      A socket, pipe or terminal. It may be registered before it is connected, and leaves by itself when closed.
/// @param events (group=EVENT) `ANYSOCK_EVENT_READ`, `ANYSOCK_EVENT_WRITE`, `ANYSOCK_EVENT_EXCEPT` added up, and
///               `ANYSOCK_EVENT_EDGE` or `ANYSOCK_EVENT_ONESHOT`; without these two a socket is reported as long as it is
///               ready (level-triggered). 0 takes it out.
/// @param token  Any number; the wait gives it back.
/// @return 0. `ANYSOCK_ENOENT` for taking out what is not registered, `ANYSOCK_EINVAL` for other events or a `poller` that is
///         none, `ANYSOCK_EOPNOTSUPP` for a poller as `h`, `ANYSOCK_ECANCELED` when `h` is closed during the call,
///         `ANYSOCK_EBADF`, `ANYSOCK_ENOMEM`, `ANYSOCK_ENOSPC`.
///
/// Does not block; may be called while other threads wait. Setting a one-shot registration anew arms it again.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_poller_set(poller: anysock_t, h: anysock_t, events: i32, token: i64) -> i64 {
    call(|| poller::set(poller, h, events, token))
}

/// Waits until something registered is ready. What ready means is said at `anysock_select`.
///
/// @param poller     The poller.
/// @param events     (out, length=capacity) Receives the events: each socket once, with all that it is ready for.
/// @param capacity   How many it holds, at least 1. When more is ready, successive waits reach all of it.
/// @param timeout_us Microseconds; -1 waits for ever, 0 never.
/// @return How many events; 0 at the timeout, or after `anysock_poller_wake`. `ANYSOCK_ECANCELED` when the poller or a
///         registered socket is closed during the wait; `ANYSOCK_EINTR` if the poller or a registered socket has option
///         "interruptible"; `ANYSOCK_EINVAL` for no capacity, another negative timeout or a `poller` that is none;
///         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOMEM`.
///
/// Blocks (bounded=timeout_us, woken=close|signal|wake). Several threads may wait on one poller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_poller_wait(
    poller: anysock_t,
    events: *mut anysock_event,
    capacity: usize,
    timeout_us: i64,
) -> i64 {
    call(|| {
        if capacity == 0 {
            return Err(Error::EINVAL);
        }
        if events.is_null() {
            return Err(Error::EFAULT);
        }
        let mut place = events;
        poller::wait(poller, capacity, timeout_us, |report| {
            let poller::Report { token, handle, events } = report;
            let event = anysock_event { token, handle, events: events.0, reserved: 0 };
            // SAFETY: the caller vouches for `capacity` places, and a wait reports no more events than that.
            unsafe {
                place.write_unaligned(event);
                place = place.add(1);
            }
        })
    })
}

/// Makes one wait on the poller return early: the one that waits now, or else the next. From any thread and from a signal
/// handler, whatever the handler has interrupted; never lost, though wakes before a wait may count as one.
///
/// @param poller The poller.
/// @return 0. `ANYSOCK_EINVAL` for a handle that is no poller, `ANYSOCK_EBADF`.
///
/// Does not block, and takes no lock. In a forked child it wakes the child's waits only. As all calls it may change `errno`.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_poller_wake(poller: anysock_t) -> i64 {
    call(|| poller::wake(poller))
}
