//! The batch queue: everything a program wants done, and everything that happened, in one call. Not here: what the operations do
//! (`core::queue`), and the numbers that name them (`types`).

use crate::core::error::{Error, Result};
use crate::core::memory;
use crate::core::name::flat::Flat;
use crate::core::queue::{self, Bytes, Caller, Done, Op};
use crate::ffi::argument::{self, Out};
use crate::ffi::call;
use crate::ffi::types::{anysock_address, anysock_done, anysock_op, anysock_t};
use std::ffi::c_char;

/// Opens a batch queue: a program hands over an array of operations, and gets an array of what has happened.
///
/// @param buffers     How many buffers for received bytes, 1 to 2^20; 0 is 256.
/// @param buffer_size How many bytes each takes, 1 to 2^30; 0 is 4,096.
/// @return A handle, to be closed with `anysock_close`. `ANYSOCK_EINVAL` for other numbers, `ANYSOCK_EMFILE`,
///         `ANYSOCK_ENOMEM`.
/// @since 0.2.0
///
/// Does not block. A buffer that is never received into takes up address space alone, where the system allows that.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_queue_open(buffers: i64, buffer_size: i64) -> i64 {
    call(|| queue::open(buffers, buffer_size))
}

/// The memory in which the buffers of a queue are. An event has the address of its bytes; this is for languages that make one
/// view of all buffers.
///
/// @param q       The queue.
/// @param address (out) Receives the address; the same for the queue's life. The memory stays mapped after it, too.
/// @param length  (out) Receives how many bytes.
/// @return 0. `ANYSOCK_EINVAL` for a handle that is no queue, `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`.
/// @since 0.2.0
///
/// Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_queue_memory(q: anysock_t, address: *mut i64, length: *mut i64) -> i64 {
    call(|| {
        let (address, length) = (Out::new(address)?, Out::new(length)?);
        let (first, bytes) = queue::memory(q)?;
        // SAFETY: the caller vouches for both places.
        unsafe {
            address.put(first);
            length.put(bytes);
        }
        Ok(())
    })
}

/// Hands operations over, does what can be done, waits if nothing has happened, and returns what has.
///
/// The memory of the caller is used during the call alone: the bytes of a write that could not go at once have been copied.
/// Received bytes come in the queue's buffers; a buffer is the program's until `ANYSOCK_OP_GIVE`, or a write from it. A bad
/// operation is an event with its error, and the others go on.
///
/// @param q          The queue.
/// @param ops        (in, length=count) The operations, taken in their order. May be NULL when `count` is 0.
/// @param count      How many.
/// @param done       (out, length=capacity) Receives the events; may be the memory of `ops`. May be NULL when `capacity` is 0.
/// @param capacity   How many it holds. What does not fit comes with later runs; with 0 nothing is waited for.
/// @param timeout_us Microseconds; -1 waits for ever, 0 never.
/// @return How many events; 0 at the timeout or after `anysock_queue_wake`. `ANYSOCK_EINTR` if the queue has option
///         "interruptible"; `ANYSOCK_ECANCELED` when it is closed meanwhile. Nothing was taken with `ANYSOCK_EINVAL` for
///         another negative timeout, for lengths that no memory has and for a handle that is no queue, and with
///         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`.
/// @since 0.2.0
///
/// Blocks (bounded=timeout_us, woken=close|signal|wake). Several threads may run one queue; each event goes to one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_queue_run(
    q: anysock_t,
    ops: *const anysock_op,
    count: usize,
    done: *mut anysock_done,
    capacity: usize,
    timeout_us: i64,
) -> i64 {
    call(|| {
        argument::check_array(ops, count)?;
        let mut place = argument::places(done, capacity)?;
        queue::run(q, &Ops { first: ops, count }, capacity, timeout_us, |done| {
            // SAFETY: the caller vouches for `capacity` places, and a run returns no more events than that.
            unsafe {
                place.write_unaligned(done.into());
                place = place.add(1);
            }
        })
    })
}

/// Makes one run return early: one that waits now, or else the next that would. From any thread and from a signal handler,
/// whatever the handler has interrupted; never lost.
///
/// @param q The queue.
/// @return 0. `ANYSOCK_EINVAL` for a handle that is no queue, `ANYSOCK_EBADF`.
/// @since 0.2.0
///
/// Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn anysock_queue_wake(q: anysock_t) -> i64 {
    call(|| queue::wake(q))
}

/// The caller's operations, which may be unaligned, and what they point at.
struct Ops {
    first: *const anysock_op,
    count: usize,
}

impl From<anysock_op> for Op {
    fn from(op: anysock_op) -> Self {
        let anysock_op { token, handle, op, flags, data, length, value, buffer } = op;
        Self { token, handle, op, flags, data, length, value, buffer }
    }
}

impl From<Done> for anysock_done {
    fn from(done: Done) -> Self {
        let Done { token, handle, op, flags, result, data, value, buffer } = done;
        Self { token, handle, op, flags, result, data, value, buffer }
    }
}

/// An address that crossed the boundary as a number.
fn pointer<T>(address: i64) -> Result<*const T> {
    let address = usize::try_from(address as u64).map_err(|_| Error::EFAULT)?;
    Ok(std::ptr::with_exposed_provenance(address))
}

impl Caller for Ops {
    fn count(&self) -> usize {
        self.count
    }

    fn op(&self, place: usize) -> Op {
        assert!(place < self.count);
        // SAFETY: the caller of the exported function vouches for `count` operations.
        unsafe { self.first.add(place).read_unaligned() }.into()
    }

    fn bytes(&self, address: i64, length: i64) -> Result<Bytes> {
        let data = pointer::<u8>(address)?;
        let length = usize::try_from(length).map_err(|_| Error::EINVAL)?;
        argument::check_array(data, length)?;
        // SAFETY: the caller of the exported function vouches for the bytes until it returns.
        Ok(unsafe { Bytes::new(data.addr(), length) })
    }

    fn text(&self, address: i64, length: i64) -> Result<String> {
        match length {
            // SAFETY: the caller of the exported function vouches for a NUL-terminated text.
            0 => memory::text(unsafe { argument::text(pointer::<c_char>(address)?) }?),
            _ => {
                let bytes = self.bytes(address, length)?;
                memory::text(std::str::from_utf8(bytes.as_slice()).map_err(|_| Error::EINVAL)?)
            }
        }
    }

    fn address(&self, address: i64) -> Result<Flat> {
        // SAFETY: the caller of the exported function vouches for the address.
        unsafe { argument::address(pointer::<anysock_address>(address)?) }
    }
}
