//! The batch queue: everything that a program wants done on all its sockets, and everything that happened, in one call.
//! No thread, no callback. Here is who may do what at a time, and how a run waits; what it does is under `queue/`.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `record` | what crosses the boundary: operations, events, which fields each has |
//! | `state`, `event_list` | operations are taken and ended, events wait |
//! | `sends`, `reads`, `datagrams`, `connecting`, `closes` | operations are carried out |
//! | `watching`, `timing`, `resting` | what is ready, what is due, what is called ready in vain |
//! | `sending`, `turn` | what is sent, and whose turn it is |
//! | `member`, `work`, `chains`, `clock` | handles, operations, finding them by number, deadlines |
//! | `pool` | the buffers, and their numbers |
//! | `engine` | how a run waits |
//! | `mailbox` | what others post to a queue |
//!
//! Locks: a queue's own is taken before those that a fork takes (`lock`), and those of two queues never at a time.
//! What another thread has to say to a queue it posts (`mailbox`), so that it needs not wait for the queue's lock; only
//! a close takes it, because it must not return before the queue has let go.

mod chains;

mod clock;

mod closes;

mod connecting;

mod datagrams;

mod engine;

mod event_list;

mod mailbox;

mod member;

mod pool;

mod reads;

mod record;

mod resting;

mod sending;

mod sends;

mod state;

mod timing;

mod turn;

mod watching;

mod work;

pub use crate::sys::Bytes;

pub use record::{Caller, Done, Op, flag};

use crate::core::deadline::{self, Deadline};
use crate::core::error::{Error, Result};
use crate::core::handle::extras::{self, Holder, Part};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{New, Phase, Slot, flag as switch};
use crate::core::handle::watchers::Callbacks;
use crate::core::handle::{chunks, lookup, table, table as slots};
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::core::name::kind::{Class, Net};
use crate::core::poller::wakeup::{self, Wakeup};
use crate::core::process::section::{self, Section};
use crate::core::queue::pool::Buffers;
use crate::core::socket::close::{self, wait_until};
use crate::core::socket::life;
use crate::core::{fork, poller};
use crate::sys::{self, Call, Fd, Region, ThreadLocal, Timeout};
use engine::{Engine, Found, Kind};
use mailbox::Mailbox;
use once_cell::race::OnceBox;
use pool::{Held, Pool};
use state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;
use turn::Ticket;

/// The most buffers of a queue, and the most bytes of one.
const MOST_BUFFERS: i64 = 1 << 20;

const LARGEST_BUFFER: i64 = 1 << 30;

/// What a queue has that asks for nothing else.
const USUAL: Buffers = Buffers { count: 256, size: 4_096 };

/// How many bytes of a handle may wait, unless the program says otherwise.
const SEND_LIMIT: usize = 16 << 20;

/// How many reports one look at the kernel takes.
const REPORTS: std::ops::RangeInclusive<usize> = 64..=1_024;

/// What others post to a queue.
#[derive(Clone, Copy, Debug)]
enum Notice {
    /// The handle is not what it was.
    Changed(i64),
    /// It may be ready although nothing has come.
    Again(i64),
    /// It is the turn of the handle's operation with this stamp.
    Granted(i64, u64),
    /// That operation can't go any more.
    Broken(i64, u64),
    /// A name was looked up for an operation.
    Answered(u32, u64),
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    handle: Handle,
    slot: &'static Slot,
    wakeup: &'static Wakeup,
    /// Which engine is wanted: its number, or that none was asked for.
    wanted: AtomicU8,
    engine: OnceBox<Engine>,
    /// The memory once more, for a forked child.
    memory: Region,
    buffers: Buffers,
    held: Held,
    limit: AtomicUsize,
    mailbox: Mailbox<Notice>,
    /// Other loops wait for its descriptor.
    is_exposed: AtomicBool,
    state: Mutex<State>,
    epoch: u32,
}

/// The queue at the side of its handle.
#[derive(Debug)]
struct Own(Arc<Queue>);

impl Part for Own {
    fn ends_at_close(&self) -> bool {
        true
    }

    /// Its handles: a close of one of them waits for the queue, which so must be found until it has none.
    fn holder(&self) -> Option<Arc<dyn Holder>> {
        Some(Arc::clone(&self.0) as Arc<dyn Holder>)
    }

    fn close(self: Box<Self>, _slot: &Slot, section: Section) -> bool {
        drop(section);
        self.0.close()
    }

    /// The child has it empty.
    fn after_fork(&mut self) -> bool {
        match self.0.anew() {
            Ok(queue) => {
                // What vanished threads were in the middle of can't be taken apart.
                std::mem::forget(std::mem::replace(&mut self.0, Arc::new(queue)));
                true
            }
            Err(_) => false,
        }
    }
}

impl Holder for Queue {
    fn let_go(&self) {
        let mut state = self.lock();
        state.close(self);
    }
}

/// What a queue does for a handle that it has operations of.
static CALLBACKS: Callbacks = Callbacks {
    changed: |queue, slot| {
        let _ = post(queue, Notice::Changed(slot.handle().encode()));
    },
    look_again: |queue, slot| {
        let _ = post(queue, Notice::Again(slot.handle().encode()));
    },
    closed: |queue, slot| {
        if let Some(queue) = of(queue) {
            queue.handle_closed(slot.handle().encode());
        }
    },
};

fn of(queue: Handle) -> Option<Arc<Queue>> {
    let is_it = |own: &mut Own| (own.0.handle == queue).then(|| Arc::clone(&own.0));
    extras::find(queue.index, is_it).flatten()
}

/// Posts a notice to a queue; whether there is such a one.
fn post(queue: Handle, notice: Notice) -> bool {
    of(queue).is_some_and(|queue| {
        queue.post(notice);
        true
    })
}

/// It is an operation's turn to send; whether its queue is there to hear it.
fn granted(slot: &Slot, ticket: Ticket) -> bool {
    post(ticket.queue, Notice::Granted(slot.handle().encode(), ticket.stamp))
}

/// What an operation would continue has ended in the middle.
fn broken(slot: &Slot, ticket: Ticket) {
    post(ticket.queue, Notice::Broken(slot.handle().encode(), ticket.stamp));
}

/// Opens a queue; 0 asks for the usual number or size.
pub fn open(count: i64, size: i64) -> Result<i64> {
    let choose = |wanted: i64, most: i64, usual: usize| match wanted {
        0 => Ok(usual),
        wanted if (1..=most).contains(&wanted) => Ok(wanted as usize),
        _ => Err(Error::EINVAL),
    };
    let count = choose(count, MOST_BUFFERS, USUAL.count)?;
    let buffers = Buffers { count, size: choose(size, LARGEST_BUFFER, USUAL.size)? };
    let vacancy = table::reserve(fork::install()?)?;
    let held = pool::held(buffers)?;
    let handle = vacancy.handle();
    let wakeup = wakeup::make(handle.index)?;
    let queue = Queue::new(handle, wakeup, buffers, pool::map(buffers)?, held)?;
    let new = New { kind: Net::Queue.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 };
    let section = Section::begin();
    // First the handle's extras, then the handle: whoever guesses its number finds all of it.
    extras::insert(handle.index, Box::new(Own(Arc::new(queue))))?;
    Ok(vacancy.fill(&new, &section).encode())
}

/// Where the buffers lie, and how many bytes they are.
pub fn memory(number: i64) -> Result<(i64, i64)> {
    let queue = find(number)?;
    Ok((queue.memory.address() as i64, queue.memory.length() as i64))
}

/// Takes operations, does what can be done, waits if nothing has happened, and reports what has.
pub fn run(
    number: i64,
    caller: &impl Caller,
    capacity: usize,
    timeout_us: i64,
    report: impl FnMut(Done),
) -> Result<usize> {
    let deadline = Deadline::after(deadline::check(timeout_us)?);
    find(number)?.run(caller, capacity, deadline, report)
}

/// Ends one wait, or the next. Safe in a signal handler: no lock is taken.
pub fn wake(number: i64) -> Result<()> {
    let queue = lookup::queue(number)?;
    let wakeup = wakeup::of(queue.index).ok_or(Error::EBADF)?;
    if wakeup.wake(|| slots::peek(number).is_ok()) { Ok(()) } else { Err(Error::EBADF) }
}

/// The system's own descriptor of any handle, lent.
pub fn fd_of(number: i64) -> Result<i64> {
    let fd = match lookup::peek(number)?.1 {
        Class::Poller => poller::fd(number)?,
        Class::Queue => fd(number)?,
        Class::Socket | Class::Stream | Class::File => return life::fd(number),
    };
    // A close that comes meanwhile takes it away.
    if fd.is_none() { Err(Error::EBADF) } else { Ok(fd.to_raw()) }
}

/// A descriptor that is readable whenever a run with timeout 0 would report something.
pub fn fd(number: i64) -> Result<Fd> {
    let queue = find(number)?;
    let fd = queue.start()?.fd()?;
    queue.is_exposed.store(true, Ordering::SeqCst);
    // What is due by now is said at once.
    let mut state = queue.lock();
    queue.expose(&mut state);
    Ok(fd)
}

/// How many bytes of a handle may wait; 0 is no limit.
pub fn send_limit(number: i64) -> Result<i64> {
    Ok(find(number)?.send_limit() as i64)
}

/// Says how many.
pub fn set_send_limit(number: i64, bytes: i64) -> Result<()> {
    let bytes = usize::try_from(bytes).map_err(|_| Error::EINVAL)?;
    find(number)?.limit.store(bytes, Ordering::Relaxed);
    Ok(())
}

/// The engine that is used, or would be.
pub fn engine(number: i64) -> Result<&'static str> {
    let queue = find(number)?;
    match queue.engine() {
        Some(engine) => Ok(engine.kind().name()),
        // Found by trying it, as the first run will do.
        None => Ok(Engine::new(queue.choice())?.kind().name()),
    }
}

/// Asks for an engine, before the first run.
pub fn set_engine(number: i64, name: &str) -> Result<()> {
    let kind = Kind::parse(name)?;
    let queue = find(number)?;
    if queue.engine().is_some() {
        return Err(Error::EBUSY);
    }
    queue.wanted.store(kind.code(), Ordering::SeqCst);
    Ok(())
}

/// A queue that the thread has looked up. No other handle will ever have its number.
struct Known {
    number: i64,
    queue: Arc<Queue>,
}

/// The queue that the thread ran last: most have but one.
static LAST: ThreadLocal<Option<Known>> = ThreadLocal::new();

/// Looks a queue up.
#[inline]
fn find(number: i64) -> Result<Arc<Queue>> {
    let known = LAST.find(|last| {
        let known = last.as_ref().filter(|known| known.number == number)?;
        let is_it = known.queue.slot.stands_for(number) && known.queue.epoch == section::epoch();
        is_it.then(|| Arc::clone(&known.queue))
    });
    known.flatten().map_or_else(|| look_up(number), Ok)
}

#[cold]
fn look_up(number: i64) -> Result<Arc<Queue>> {
    let queue = of(lookup::queue(number)?).ok_or(Error::EBADF)?;
    // In a child of which nothing told the library it is the parent's.
    if queue.epoch != section::epoch() {
        return Err(Error::ENOTRECOVERABLE);
    }
    let known = Known { number, queue: Arc::clone(&queue) };
    let before = LAST.with(|last| last.replace(known));
    drop(before);
    Ok(queue)
}

impl Queue {
    fn new(
        handle: Handle,
        wakeup: &'static Wakeup,
        buffers: Buffers,
        region: Region,
        held: Held,
    ) -> Result<Self> {
        let slot = chunks::slot_of(handle.encode()).ok_or(Error::EINTERNAL)?;
        let memory = region.twin();
        let pool = Pool::new(region, buffers, Arc::clone(&held))?;
        Ok(Self {
            handle,
            slot,
            wakeup,
            wanted: AtomicU8::new(0),
            engine: OnceBox::new(),
            memory,
            buffers,
            held,
            limit: AtomicUsize::new(SEND_LIMIT),
            mailbox: Mailbox::new(),
            is_exposed: AtomicBool::new(false),
            state: Mutex::new(Rank::Queue, State::new(pool)),
            epoch: section::epoch(),
        })
    }

    /// In a forked child: the same queue without its operations.
    fn anew(&self) -> Result<Self> {
        self.wakeup.after_fork();
        if let Some(engine) = self.engine() {
            engine.close();
        }
        if let Some(mut state) = self.state.try_lock() {
            state.abandon();
        }
        let queue =
            Self::new(self.handle, self.wakeup, self.buffers, self.memory.twin(), Arc::clone(&self.held))?;
        queue.wanted.store(self.wanted.load(Ordering::SeqCst), Ordering::SeqCst);
        queue.limit.store(self.send_limit(), Ordering::SeqCst);
        Ok(queue)
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// How many bytes of a handle may wait; 0 is no limit.
    fn send_limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How it waits, once it has run.
    #[inline]
    fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    fn carry_out(&self, calls: &mut [Call]) {
        if let Some(engine) = self.engine() {
            engine.carry_out(calls);
        }
    }

    fn choice(&self) -> Kind {
        Kind::of_code(self.wanted.load(Ordering::SeqCst))
    }

    /// Its engine, which is made for the first run.
    #[inline]
    fn start(&self) -> Result<&Engine> {
        match self.engine() {
            Some(engine) => Ok(engine),
            None => self.start_anew(),
        }
    }

    #[cold]
    fn start_anew(&self) -> Result<&Engine> {
        let section = Section::begin();
        let engine = self.engine.get_or_try_init(|| Engine::new(self.choice()).map(Box::new))?;
        drop(section);
        // Not behind a close, which has disconnected it.
        let state = self.lock();
        if state.is_closed {
            return Err(Error::EBADF);
        }
        engine.connect(self.wakeup);
        Ok(engine)
    }

    fn post(&self, notice: Notice) {
        self.mailbox.post(notice);
        self.kick();
    }

    /// Has a run that waits look again.
    fn kick(&self) {
        if self.mailbox.is_awaited() || self.is_exposed.load(Ordering::SeqCst) {
            // Without the lock: the queue may be closed meanwhile, and with it what would be written to.
            self.wakeup.nudge(|| self.slot.is_open_as(self.handle));
        }
    }

    /// What others have posted meanwhile.
    #[inline]
    fn read_mail(&self, state: &mut State) {
        while let Some(notices) = self.mailbox.take() {
            state.handle_notices(self, notices);
        }
    }

    fn handle_closed(&self, number: i64) {
        let mut state = self.lock();
        state.closed(self, number);
        drop(state);
        self.kick();
    }

    /// Its handle is closed, and it has let go of all others.
    fn close(&self) -> bool {
        let unreported = self.lock().unreported();
        self.wakeup.disconnect();
        wait_until(|| self.wakeup.is_idle());
        if let Some(engine) = self.engine() {
            engine.wake();
        }
        let have_left = wait_until(|| !self.mailbox.is_awaited());
        for connection in unreported {
            let _ = close::close(connection);
        }
        // A wait that is still in the kernel, or a signal handler in the middle of a wake: better a descriptor too many than
        // one of somebody else's.
        let state = self.lock();
        if !self.mailbox.is_awaited() && self.wakeup.is_idle() {
            if let Some(engine) = self.engine() {
                engine.close();
            }
        }
        drop(state);
        pool::unmap(self.memory.twin());
        have_left
    }

    fn run(
        &self,
        caller: &impl Caller,
        capacity: usize,
        deadline: Deadline,
        mut report: impl FnMut(Done),
    ) -> Result<usize> {
        let engine = self.start()?;
        let mut state = self.lock();
        if state.is_closed {
            return Err(Error::EBADF);
        }
        let count = caller.count();
        state.reserve(count)?;
        state.has_ring = engine.ring().is_some();
        let next = state.next_due();
        for place in 0..count {
            state.take(self, &caller.op(place), caller);
        }
        state.flush(self);
        let (mut state, outcome) = self.serve_and_wait(state, engine, capacity, deadline);
        let reported = match outcome {
            Ok(()) => Ok(state.report(capacity, &mut report)),
            Err(error) => Err(error),
        };
        let sooner = state.next_due().min(next) != next;
        if self.is_exposed.load(Ordering::SeqCst) {
            self.expose(&mut state);
        }
        let is_left = !state.is_idle() || sooner || state.is_closed || self.wakeup.is_pending();
        // Under the lock, without which no wait ends: the engine is open.
        if is_left && self.mailbox.is_awaited() {
            engine.wake();
        }
        reported
    }

    /// Says by the descriptor what is left to be reported, or will be due.
    #[cold]
    fn expose(&self, state: &mut State) {
        let Some(engine) = self.engine().filter(|_| !state.is_closed) else { return };
        if !state.is_idle() || self.mailbox.is_any() {
            engine.wake();
        }
        let next = state.next_due();
        if state.alarm != next {
            state.alarm = next;
            engine.set_alarm(next.remaining());
        }
    }

    /// Serves until there is something to report, or a reason to report nothing.
    fn serve_and_wait<'a>(
        &'a self,
        mut state: Guard<'a, State>,
        engine: &Engine,
        capacity: usize,
        deadline: Deadline,
    ) -> (Guard<'a, State>, Result<()>) {
        loop {
            self.read_mail(&mut state);
            state = self.finish_closes(state);
            let rests = capacity > 0 && state.is_idle();
            let waits = rests && deadline != Deadline::Now;
            if waits && self.wakeup.take_one() {
                return (state, Ok(()));
            }
            let until = if waits { deadline.min(state.next_due()) } else { Deadline::Now };
            let (after, outcome) = self.look(state, engine, capacity, until, waits);
            state = after;
            if state.is_closed {
                return (state, Err(Error::ECANCELED));
            }
            self.read_mail(&mut state);
            state.serve(self, capacity);
            // What is there by now is not too late, however long this thread was away.
            state.fire(self);
            state.end_impatient(self);
            state = self.finish_closes(state);
            if !state.events.is_empty() {
                state.resting.count_event();
                return (state, Ok(()));
            }
            if capacity == 0 || deadline == Deadline::Now {
                return (state, Ok(()));
            }
            match outcome {
                Err(sys::INTERRUPTED) if self.slot.has(switch::INTERRUPTIBLE) => {
                    return (state, Err(Error::EINTR));
                }
                Ok(_) | Err(sys::INTERRUPTED) if deadline.passed() => return (state, Ok(())),
                Ok(true) if self.wakeup.take_one() => return (state, Ok(())),
                Ok(_) | Err(sys::INTERRUPTED) => {}
                Err(error) => return (state, Err(error.into())),
            }
        }
    }

    /// Looks what is ready. If it waits for that, it does so without the lock.
    #[inline]
    fn look<'a>(
        &'a self,
        mut state: Guard<'a, State>,
        engine: &Engine,
        capacity: usize,
        until: Deadline,
        waits: bool,
    ) -> (Guard<'a, State>, sys::Result<bool>) {
        let mut found = state.found.take().unwrap_or_else(Found::new);
        let reports = capacity.clamp(*REPORTS.start(), *REPORTS.end());
        let outcome = if waits {
            let is_quiet = self.mailbox.begin_wait();
            drop(state);
            lock::check_free();
            // Whoever has posted something since has seen that somebody waits, or is heard now.
            let timeout: Timeout = if is_quiet { until.remaining() } else { Some(Duration::ZERO) };
            let outcome = engine.wait(&mut found, reports, timeout);
            state = self.lock();
            self.mailbox.end_wait();
            outcome
        } else {
            engine.wait(&mut found, reports, Some(Duration::ZERO))
        };
        state.note_found(self, &found);
        state.found = Some(found);
        (state, outcome)
    }

    /// Tells others of handles that a CLOSE has taken, without the lock, and then that it is done.
    #[inline]
    fn finish_closes<'a>(&'a self, mut state: Guard<'a, State>) -> Guard<'a, State> {
        if state.closing.is_empty() {
            return state;
        }
        let closing = std::mem::take(&mut state.closing);
        drop(state);
        for state::Closing { slot, done, is_last } in closing {
            close::leave(&slot);
            if is_last {
                let _ = close::finish_or_abandon(slot);
            }
            if let Some(done) = done {
                self.lock().emit(done);
            }
        }
        self.lock()
    }
}

#[cfg(test)]
mod tests;
