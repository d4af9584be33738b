//! The batch queue: one call hands over what a program wants done on all its sockets, and brings back what has happened. Not here: what
//! the operations do (the manual).

use crate::error::{Error, answer, check, done};
use crate::handle::Handle;
use crate::poller::Events;
use crate::socket::Socket;
use crate::text::microseconds;
use crate::{abi, call};
use std::ffi::CString;
use std::io;
use std::marker::PhantomData;
use std::net::Shutdown;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many events one run brings at the most. More come with the next.
const MOST: usize = 128;

/// Operations on their way to a queue, which takes them in their order. What they point at is borrowed until they are handed over.
///
/// `again` is for operations that go on after their event.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    operations: Vec<abi::anysock_op>,
    /// What the operations point at, and nobody else keeps.
    texts: Vec<CString>,
    /// Buffers that go along with a write: the queue's from when it is taken.
    buffers: Vec<Buffer>,
    /// Where events are told.
    room: Vec<abi::anysock_done>,
    borrowed: PhantomData<&'a [u8]>,
}

// SAFETY: what the addresses in the operations stand for is borrowed, or owned by the batch, and may be read by any thread.
unsafe impl Send for Batch<'_> {}

impl<'a> Batch<'a> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Any operation.
    ///
    /// # Safety
    ///
    /// What its numbers point at must be as the manual says until the operation is handed over.
    pub unsafe fn add(&mut self, operation: abi::anysock_op) {
        self.operations.push(operation);
    }

    fn push(&mut self, op: i64, handle: &Handle, token: i64) -> &mut abi::anysock_op {
        let handle = handle.number();
        self.operations.push(abi::anysock_op { op, handle, token, ..NOTHING });
        self.operations.last_mut().expect("it was just pushed")
    }

    /// Takes the next connection: it is the event's `socket`.
    pub fn accept(&mut self, listener: &Handle, token: i64, again: bool) {
        self.push(abi::ANYSOCK_OP_ACCEPT, listener, token).flags = multi(again);
    }

    /// Connects; what is handed over for the socket behind it waits for it.
    pub fn connect(&mut self, socket: &Handle, address: &str, token: i64) -> io::Result<()> {
        let text = CString::new(address).map_err(|_| Error::from_code(abi::ANYSOCK_EINVAL))?;
        self.push(abi::ANYSOCK_OP_CONNECT, socket, token).data = text.as_ptr().expose_provenance() as i64;
        self.texts.push(text);
        Ok(())
    }

    /// Reads: the bytes come in the event's buffer. Without one, the stream has ended.
    pub fn read(&mut self, socket: &Handle, token: i64, again: bool) {
        self.push(abi::ANYSOCK_OP_READ, socket, token).flags = multi(again);
    }

    /// Writes all of it.
    pub fn write(&mut self, socket: &Handle, data: &'a [u8], token: i64) {
        let operation = self.push(abi::ANYSOCK_OP_WRITE, socket, token);
        (operation.data, operation.length) = (data.as_ptr().expose_provenance() as i64, data.len() as i64);
    }

    /// Writes what was received, without a copy.
    pub fn write_buffer(&mut self, socket: &Handle, buffer: Buffer, token: i64) {
        let operation = self.push(abi::ANYSOCK_OP_WRITE, socket, token);
        (operation.data, operation.length) = (buffer.data.expose_provenance() as i64, buffer.length as i64);
        operation.buffer = buffer.number;
        self.buffers.push(buffer);
    }

    /// Receives datagrams; who sent one is [`Completion::sender`].
    pub fn receive_from(&mut self, socket: &Handle, token: i64, again: bool) {
        self.push(abi::ANYSOCK_OP_RECEIVE_FROM, socket, token).flags = multi(again);
    }

    /// Sends a datagram.
    pub fn send_to(
        &mut self,
        socket: &Handle,
        data: &'a [u8],
        address: &'a abi::anysock_address,
        token: i64,
    ) {
        let operation = self.push(abi::ANYSOCK_OP_SEND_TO, socket, token);
        (operation.data, operation.length) = (data.as_ptr().expose_provenance() as i64, data.len() as i64);
        operation.value = (&raw const *address).expose_provenance() as i64;
    }

    /// Waits until it is ready, which the event's `result` says; with `again` in every run.
    pub fn poll(&mut self, socket: &Handle, events: Events, token: i64, again: bool) {
        let operation = self.push(abi::ANYSOCK_OP_POLL, socket, token);
        (operation.value, operation.flags) = (events.bits().into(), multi(again));
    }

    /// An event in so much time; with `again` every so often.
    pub fn timer(&mut self, time: Duration, token: i64, again: bool) {
        let operation = abi::anysock_op { op: abi::ANYSOCK_OP_TIMER, token, flags: multi(again), ..NOTHING };
        self.operations.push(abi::anysock_op { value: microseconds(Some(time)), ..operation });
    }

    /// Ends the operations that have this token.
    pub fn cancel(&mut self, which: i64, token: i64) {
        self.operations.push(abi::anysock_op { op: abi::ANYSOCK_OP_CANCEL, token, value: which, ..NOTHING });
    }

    /// Shuts one half of a connection or both, after the writes before it.
    pub fn shutdown(&mut self, socket: &Handle, how: Shutdown, token: i64) {
        self.push(abi::ANYSOCK_OP_SHUTDOWN, socket, token).value = crate::socket::halves(how).into();
    }

    /// Closes a handle, after the writes before it.
    pub fn close(&mut self, handle: &Handle, token: i64) {
        self.push(abi::ANYSOCK_OP_CLOSE, handle, token);
    }

    /// Forgets what the queue has taken over.
    fn taken(&mut self) {
        self.operations.clear();
        self.texts.clear();
        for buffer in self.buffers.drain(..) {
            buffer.forget();
        }
    }
}

const NOTHING: abi::anysock_op =
    abi::anysock_op { token: 0, handle: 0, op: 0, flags: 0, data: 0, length: 0, value: 0, buffer: 0 };

const fn multi(again: bool) -> i64 {
    if again { abi::ANYSOCK_QUEUE_MULTI } else { 0 }
}

/// Received bytes, in a buffer of the queue. It is given back when it is dropped, with the next run.
#[derive(Debug)]
pub struct Buffer {
    queue: Arc<Inner>,
    number: i64,
    data: *const u8,
    length: usize,
}

// SAFETY: as long as the buffer is not given back, nobody writes there.
unsafe impl Send for Buffer {}
// SAFETY: as above; through a shared one it is only read.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Drops it without giving it back: a write does.
    fn forget(mut self) {
        self.number = 0;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the queue wrote so many bytes there, keeps the memory while this holds it, and writes nothing more before it is given
        // back.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.number != 0 {
            self.queue.given().push(self.number);
        }
    }
}

/// What has happened.
#[derive(Debug)]
pub struct Completion {
    /// That of the operation.
    pub token: i64,
    /// The handle's number.
    pub number: abi::anysock_t,
    /// The operation, [`abi::ANYSOCK_OP_READ`] and its like.
    pub op: i64,
    /// What came of it.
    pub result: io::Result<i64>,
    /// Whether further events of the operation will follow.
    pub more: bool,
    /// The connection that was accepted.
    pub socket: Option<Socket>,
    buffer: Option<Buffer>,
    value: i64,
}

impl Completion {
    fn new(queue: &Arc<Inner>, event: &abi::anysock_done) -> Self {
        let abi::anysock_done { token, handle: number, op, flags, result, data, value, buffer } = *event;
        let accepted = op == abi::ANYSOCK_OP_ACCEPT && result > 0;
        Self {
            token,
            number,
            op,
            result: check(result),
            more: flags & abi::ANYSOCK_QUEUE_MORE != 0,
            // SAFETY: it was just made, and nobody else has it.
            socket: accepted.then(|| Socket::from_handle(unsafe { Handle::from_number(result) })),
            buffer: (buffer != 0).then(|| Buffer {
                queue: Arc::clone(queue),
                number: buffer,
                data: std::ptr::with_exposed_provenance(data as usize),
                length: result.max(0) as usize,
            }),
            value,
        }
    }

    /// The bytes that were received; none at the end of a stream.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_deref().unwrap_or_default()
    }

    /// The buffer in which they lie; `None` at the end of a stream.
    #[must_use]
    pub fn into_buffer(self) -> Option<Buffer> {
        self.buffer
    }

    /// Of a datagram, who sent it; empty without an address.
    pub fn sender(&self) -> io::Result<String> {
        if self.op != abi::ANYSOCK_OP_RECEIVE_FROM || self.buffer.is_none() {
            return Ok(String::new());
        }
        let address: *const abi::anysock_address = std::ptr::with_exposed_provenance(self.value as usize);
        // SAFETY: the address lies in the buffer, which is still held.
        answer(call::address_format(unsafe { &*address }))
    }
}

#[derive(Debug)]
struct Inner {
    handle: Handle,
    /// Buffers to be given back with the next run.
    given: Mutex<Vec<i64>>,
}

impl Inner {
    fn given(&self) -> MutexGuard<'_, Vec<i64>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch queue. It closes when it and the last buffer are dropped. Several threads may run it, each with a batch of its own.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Inner>);

impl Queue {
    /// With the usual buffers: 256 of 4,096 bytes.
    pub fn new() -> io::Result<Self> {
        Self::with_buffers(0, 0)
    }

    /// With so many buffers of that size.
    pub fn with_buffers(count: usize, size: usize) -> io::Result<Self> {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let opened = check(abi::anysock_queue_open(number(count), number(size)))?;
        // SAFETY: it was just made, and nobody else has it.
        let handle = unsafe { Handle::from_number(opened) };
        Ok(Self(Arc::new(Inner { handle, given: Mutex::default() })))
    }

    /// Hands the operations over, does what can be done, and waits if nothing has happened. What has is added to `events`; how many.
    ///
    /// The batch is empty afterwards, unless an error says that nothing was taken: any but `EINTR` and `ECANCELED`. `EINVAL` is one with
    /// another queue's buffer in it, too.
    pub fn run(
        &self,
        batch: &mut Batch<'_>,
        events: &mut Vec<Completion>,
        time: Option<Duration>,
    ) -> io::Result<usize> {
        if batch.buffers.iter().any(|buffer| !Arc::ptr_eq(&buffer.queue, &self.0)) {
            return Err(Error::from_code(abi::ANYSOCK_EINVAL).into());
        }
        let wanted = batch.len();
        let given = std::mem::take(&mut *self.0.given());
        let give = |buffer: &i64| abi::anysock_op { op: abi::ANYSOCK_OP_GIVE, buffer: *buffer, ..NOTHING };
        batch.operations.extend(given.iter().map(give));
        batch.room.reserve(MOST);
        let (operations, count) = (batch.operations.as_ptr(), batch.operations.len());
        let (room, time) = (batch.room.as_mut_ptr(), microseconds(time));
        // SAFETY: the batch keeps what its operations point at, and has room for so many events.
        let result = unsafe { abi::anysock_queue_run(self.number(), operations, count, room, MOST, time) };
        if result >= 0 || result == abi::ANYSOCK_EINTR || result == abi::ANYSOCK_ECANCELED {
            batch.taken();
        } else {
            batch.operations.truncate(wanted);
            self.0.given().extend(given);
        }
        let count = check(result)? as usize;
        // SAFETY: the library has filled so many.
        let told = unsafe { std::slice::from_raw_parts(room, count) };
        events.extend(told.iter().map(|event| Completion::new(&self.0, event)));
        Ok(count)
    }

    /// Ends one run early: the one that waits now, or the next. May be called in a signal handler.
    pub fn wake(&self) -> io::Result<()> {
        done(abi::anysock_queue_wake(self.number()))
    }

    /// The number, for the functions of [`abi`].
    #[must_use]
    pub fn number(&self) -> abi::anysock_t {
        self.0.handle.number()
    }

    /// On Unix a descriptor that is readable when a run would report something, for other event loops.
    pub fn descriptor(&self) -> io::Result<i64> {
        self.0.handle.descriptor()
    }
}
