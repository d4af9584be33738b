//! The batch queue: everything that a program wants done on all its sockets, and everything that happened, in one call.
//! No thread, no callback. Here is who may do what at a time, and how a run waits; what it does is under `queue/`.
//!
//! Each file uses those of its floor and below:
//!
//! | floor | what it holds |
//! | --- | --- |
//! | `taking` | takes the operations of a run, in their order |
//! | `news`, `timing` | reacts to what the engine has found, to notices of other threads, and to deadlines |
//! | `reads`, `connects`, `closes` | carry operations out |
//! | `writes`, `datagrams` | send at once or queue a transfer; many datagrams at a time |
//! | `sends`, `receives` | the queued transfers of a handle; the result of a read |
//! | `watching` | what the engine watches |
//! | `ending` | ends operations, one or all of a handle |
//! | `starved`, `names` | members that wait for a buffer; lookups of names |
//! | `state` | the state under the queue's lock |
//! | `member`, `resting`, `pace` | a handle's state in the queue; spurious readiness; how many members a run serves |
//! | `work`, `event_list`, `clock` | operations in progress, events not reported yet, deadlines |
//! | `sending`, `connecting`, `turn` | the progress of a transfer and of a connect; which queue may send on a handle |
//! | `shared` | the part that needs no lock |
//! | `engine`, `mailbox` | how a run waits; notices of other threads |
//! | `record`, `pool`, `chains` | operations and events as the caller has them; the buffers; a hash table |
//!
//! When an operation ends, those behind it may start. If `ending` started them, the calls would form a circle: so it only lists the
//! member, and the caller that carried something out then goes through the list (`State::go_on`).
//!
//! Locks: a queue's own is taken before those that a fork takes (`lock`), and those of two queues never at a time.
//! Another thread posts a notice (`mailbox`) and does not wait for the queue's lock. Only a close takes the lock, because it must
//! not return while the queue still uses the handle.

mod chains;
mod clock;
mod closes;
mod connecting;
mod connects;
mod datagrams;
mod ending;
mod engine;
mod event_list;
mod mailbox;
mod member;
mod names;
mod news;
mod pace;
mod pool;
mod reads;
mod receives;
mod record;
mod resting;
mod sending;
mod sends;
mod shared;
mod starved;
mod state;
mod taking;
mod timing;
mod turn;
mod watching;
mod work;
mod writes;

pub use crate::sys::Bytes;

pub use record::{Caller, Done, Op, flag};

use crate::core::deadline::{self, Deadline};
use crate::core::error::{Error, Result};
use crate::core::handle::extras::{self, Holder, Part};
use crate::core::handle::number::Handle;
use crate::core::handle::slot::{New, Phase, Slot, flag as switch};
use crate::core::handle::table::Vacancy;
use crate::core::handle::watchers::{Callbacks, Watcher};
use crate::core::handle::{chunks, lookup, table, table as slots};
use crate::core::lock::{self, Guard, Mutex, Rank};
use crate::core::name::kind::{Class, Net};
use crate::core::poller::wakeup::{self, Wakeup};
use crate::core::process::section::{self, Section};
use crate::core::queue::pool::Buffers;
use crate::core::socket::close::{self, wait_until};
use crate::core::socket::life;
use crate::core::{fork, poller};
use crate::sys::{self, Fd, Region, ThreadLocal, Timeout};
use engine::{Engine, Found, Kind};
use pool::{Held, Pool};
use shared::{Notice, Shared};
use state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// The most buffers of a queue, and the most bytes of one.
const MOST_BUFFERS: i64 = 1 << 20;

const LARGEST_BUFFER: i64 = 1 << 30;

/// The buffers of a queue that was opened with 0 for number and size.
const USUAL: Buffers = Buffers { count: 256, size: 4_096 };

/// How many reports one wait takes from the kernel.
const REPORTS: std::ops::RangeInclusive<usize> = 64..=1_024;

/// A queue.
#[derive(Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    /// The engine that option "queue.engine" has chosen: its number, or that none was chosen.
    wanted: AtomicU8,
    /// The buffers' memory, for a forked child.
    memory: Region,
    buffers: Buffers,
    held: Held,
    state: Mutex<State>,
    epoch: u32,
}

/// The queue as one of its handle's extras.
#[derive(Debug)]
struct Own(Arc<Queue>);

impl Part for Own {
    fn ends_at_close(&self) -> bool {
        true
    }

    /// A close of one of its handles waits for the queue, which must be found until it has none left.
    fn holder(&self) -> Option<Arc<dyn Holder>> {
        Some(Arc::clone(&self.0) as Arc<dyn Holder>)
    }

    fn close(self: Box<Self>, _slot: &Slot, section: Section) -> bool {
        drop(section);
        self.0.close()
    }

    /// The child's copy is empty.
    fn after_fork(&mut self) -> bool {
        match self.0.anew() {
            Ok(queue) => {
                // Threads that the child lacks may have left it half-changed: it is leaked, not dropped.
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
        state.close();
        // It may have been given the turn to send on one of them, and not have run since.
        state.handle_notices(self.shared.mailbox.close());
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
    let is_it = |own: &mut Own| (own.0.shared.handle == queue).then(|| Arc::clone(&own.0));
    extras::find(queue.index, is_it).flatten()
}

/// Posts a notice to a queue; returns whether the queue exists.
fn post(queue: Handle, notice: Notice) -> bool {
    of(queue).is_some_and(|queue| queue.shared.post(notice))
}

/// Opens a queue; 0 is the usual number or size of buffers.
pub fn open(count: i64, size: i64) -> Result<i64> {
    let choose = |wanted: i64, most: i64, usual: usize| match wanted {
        0 => Ok(usual),
        wanted if (1..=most).contains(&wanted) => Ok(wanted as usize),
        _ => Err(Error::EINVAL),
    };
    let count = choose(count, MOST_BUFFERS, USUAL.count)?;
    let buffers = Buffers { count, size: choose(size, LARGEST_BUFFER, USUAL.size)? };
    let vacancy = table::reserve(fork::install()?)?;
    let region = pool::map(buffers)?;
    let spare = region.twin();
    open_over(region, buffers, vacancy).inspect_err(|_| pool::unmap(spare))
}

/// A queue whose buffers lie in this memory.
fn open_over(region: Region, buffers: Buffers, vacancy: Vacancy) -> Result<i64> {
    let handle = vacancy.handle();
    let wakeup = wakeup::make(handle.index)?;
    let queue = Queue::new(handle, wakeup, buffers, region, pool::held(buffers)?)?;
    let new = New { kind: Net::Queue.into(), fd: Fd::NONE, phase: Phase::Fresh, flags: 0 };
    let section = Section::begin();
    // First the handle's extras, then the handle: whoever guesses its number finds all of it.
    extras::insert(handle.index, Box::new(Own(Arc::new(queue))))?;
    Ok(vacancy.fill(&new, &section).encode())
}

/// The address of the buffers, and how many bytes they are.
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
    queue.shared.is_exposed.store(true, Ordering::SeqCst);
    // What is due by now is said at once.
    let mut state = queue.lock();
    queue.expose(&mut state);
    Ok(fd)
}

/// How many bytes of a handle may wait; 0 is no limit.
pub fn send_limit(number: i64) -> Result<i64> {
    Ok(find(number)?.shared.send_limit() as i64)
}

/// Says how many.
pub fn set_send_limit(number: i64, bytes: i64) -> Result<()> {
    let bytes = usize::try_from(bytes).map_err(|_| Error::EINVAL)?;
    find(number)?.shared.set_send_limit(bytes);
    Ok(())
}

/// The name of the engine that is used, or that the first run would use.
pub fn engine(number: i64) -> Result<&'static str> {
    let queue = find(number)?;
    match queue.shared.engine() {
        Some(engine) => Ok(engine.kind().name()),
        // Found by trying it, as the first run will do.
        None => Ok(Engine::new(queue.choice())?.kind().name()),
    }
}

/// Chooses an engine; only before the first run.
pub fn set_engine(number: i64, name: &str) -> Result<()> {
    let kind = Kind::parse(name)?;
    let queue = find(number)?;
    if queue.shared.engine().is_some() {
        return Err(Error::EBUSY);
    }
    queue.wanted.store(kind.code(), Ordering::SeqCst);
    Ok(())
}

/// A queue that the thread has looked up. No other handle will ever have its number.
struct Known {
    number: i64,
    slot: &'static Slot,
    queue: Arc<Queue>,
}

/// The queue that the thread ran last: most have but one.
static LAST: ThreadLocal<Option<Known>> = ThreadLocal::new();

/// Looks a queue up.
#[inline]
fn find(number: i64) -> Result<Arc<Queue>> {
    let known = LAST.find(|last| {
        let known = last.as_ref().filter(|known| known.number == number)?;
        let is_it = known.slot.stands_for(number) && known.queue.epoch == section::epoch();
        is_it.then(|| Arc::clone(&known.queue))
    });
    known.flatten().map_or_else(|| look_up(number), Ok)
}

#[cold]
fn look_up(number: i64) -> Result<Arc<Queue>> {
    let queue = of(lookup::queue(number)?).ok_or(Error::EBADF)?;
    // In a child of `_Fork`, which runs no handlers, it is the parent's.
    if queue.epoch != section::epoch() {
        return Err(Error::ENOTRECOVERABLE);
    }
    let known = Known { number, slot: queue.shared.slot, queue: Arc::clone(&queue) };
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
        let watcher = Watcher { handle, callbacks: &CALLBACKS };
        let shared = Arc::new(Shared::new(watcher, slot, wakeup, post));
        Ok(Self {
            shared: Arc::clone(&shared),
            wanted: AtomicU8::new(0),
            memory,
            buffers,
            held,
            state: Mutex::new(Rank::Queue, State::new(shared, pool)),
            epoch: section::epoch(),
        })
    }

    /// In a forked child: the same queue without its operations.
    fn anew(&self) -> Result<Self> {
        let shared = &self.shared;
        shared.wakeup.after_fork();
        if let Some(engine) = shared.engine() {
            engine.close();
        }
        if let Some(mut state) = self.state.try_lock() {
            state.abandon();
        }
        let queue = Self::new(
            shared.handle,
            shared.wakeup,
            self.buffers,
            self.memory.twin(),
            Arc::clone(&self.held),
        )?;
        queue.wanted.store(self.wanted.load(Ordering::SeqCst), Ordering::SeqCst);
        queue.shared.set_send_limit(shared.send_limit());
        Ok(queue)
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    fn choice(&self) -> Kind {
        Kind::of_code(self.wanted.load(Ordering::SeqCst))
    }

    /// Its engine, which is made for the first run.
    #[inline]
    fn start(&self) -> Result<&Engine> {
        match self.shared.engine() {
            Some(engine) => Ok(engine),
            None => self.start_anew(),
        }
    }

    #[cold]
    fn start_anew(&self) -> Result<&Engine> {
        let section = Section::begin();
        let engine = self.shared.engine.get_or_try_init(|| Engine::new(self.choice()).map(Box::new))?;
        drop(section);
        // Not behind a close, which has disconnected it.
        let state = self.lock();
        if state.is_closed {
            return Err(Error::EBADF);
        }
        engine.connect(self.shared.wakeup);
        Ok(engine)
    }

    /// Reacts to the notices of other threads.
    #[inline]
    fn read_mail(&self, state: &mut State) {
        if self.shared.mailbox.is_any() {
            self.handle_notices(state);
        }
    }

    #[cold]
    fn handle_notices(&self, state: &mut State) {
        while let Some(notices) = self.shared.mailbox.take() {
            state.handle_notices(notices);
        }
    }

    fn handle_closed(&self, number: i64) {
        let mut state = self.lock();
        state.closed(number);
        drop(state);
        self.shared.kick();
    }

    /// Closes the queue: its handle is closed already, and it gives up all others.
    fn close(&self) -> bool {
        let unreported = self.lock().unreported();
        self.shared.wakeup.disconnect();
        wait_until(|| self.shared.wakeup.is_idle());
        if let Some(engine) = self.shared.engine() {
            engine.wake();
        }
        let have_left = wait_until(|| !self.shared.mailbox.is_awaited());
        for connection in unreported {
            let _ = close::close(connection);
        }
        // A wait that is still in the kernel, or a signal handler in the middle of a wake: better a descriptor too many than
        // one of somebody else's.
        let state = self.lock();
        if !self.shared.mailbox.is_awaited() && self.shared.wakeup.is_idle() {
            if let Some(engine) = self.shared.engine() {
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
        let (shared, engine) = (&*self.shared, self.start()?);
        let mut state = self.lock();
        if state.is_closed {
            return Err(Error::EBADF);
        }
        let count = caller.count();
        state.reserve(count)?;
        state.has_ring = engine.ring().is_some();
        state.gathers = state.has_ring && count > pace::FEW;
        let next = state.next_due();
        for place in 0..count {
            state.take(&caller.op(place), caller);
        }
        state.flush();
        let (mut state, outcome) = self.serve_and_wait(state, engine, capacity, deadline);
        let reported = match outcome {
            Ok(()) => Ok(state.report(capacity, &mut report)),
            Err(error) => Err(error),
        };
        let sooner = state.next_due().min(next) != next;
        if shared.is_exposed.load(Ordering::SeqCst) {
            self.expose(&mut state);
        }
        let is_left = !state.is_idle() || sooner || state.is_closed || shared.wakeup.is_pending();
        // Under the lock, without which no wait ends: the engine is open.
        if is_left && shared.mailbox.is_awaited() {
            engine.wake();
        }
        reported
    }

    /// Makes the queue's descriptor readable if there is something to report, or when the next deadline comes.
    #[cold]
    fn expose(&self, state: &mut State) {
        let Some(engine) = self.shared.engine().filter(|_| !state.is_closed) else { return };
        if !state.is_idle() || self.shared.mailbox.is_any() {
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
        let shared = &*self.shared;
        loop {
            self.read_mail(&mut state);
            if !state.closing.is_empty() {
                state = self.finish_closes(state);
            }
            let rests = capacity > 0 && state.is_idle();
            let waits = rests && deadline != Deadline::Now;
            if waits && shared.wakeup.take_one() {
                return (state, Ok(()));
            }
            let until = if waits { deadline.min(state.next_due()) } else { Deadline::Now };
            let (after, outcome) = self.look(state, engine, capacity, until, waits);
            state = after;
            if state.is_closed {
                return (state, Err(Error::ECANCELED));
            }
            self.read_mail(&mut state);
            // A program that does not wait may call again much later: it gets all that is ready.
            let most = if deadline == Deadline::Now { usize::MAX } else { state.pace.next() };
            state.serve(capacity, most);
            // What is there by now is not too late, however long this thread was away.
            state.fire();
            state.end_impatient();
            state.go_on();
            if !state.closing.is_empty() {
                state = self.finish_closes(state);
            }
            if !state.events.is_empty() {
                state.resting.count_event();
                return (state, Ok(()));
            }
            if capacity == 0 || deadline == Deadline::Now {
                return (state, Ok(()));
            }
            match outcome {
                Err(sys::INTERRUPTED) if shared.slot.has(switch::INTERRUPTIBLE) => {
                    return (state, Err(Error::EINTR));
                }
                Ok(_) | Err(sys::INTERRUPTED) if deadline.passed() => return (state, Ok(())),
                Ok(true) if shared.wakeup.take_one() => return (state, Ok(())),
                Ok(_) | Err(sys::INTERRUPTED) => {}
                Err(error) => return (state, Err(error.into())),
            }
        }
    }

    /// Polls for readiness; if it has to wait, without the lock.
    #[inline]
    fn look<'a>(
        &'a self,
        mut state: Guard<'a, State>,
        engine: &Engine,
        capacity: usize,
        until: Deadline,
        waits: bool,
    ) -> (Guard<'a, State>, sys::Result<bool>) {
        let shared = &*self.shared;
        debug_assert!(
            state.ended.is_empty(),
            "something has ended, and what stood behind it has not gone on"
        );
        let mut found = state.found.take().unwrap_or_else(Found::new);
        let reports = capacity.clamp(*REPORTS.start(), *REPORTS.end());
        let glances = !waits || state.pace.wants_glance();
        let mut outcome =
            if glances { engine.wait(&mut found, reports, Some(Duration::ZERO)) } else { Ok(false) };
        let is_seen = outcome != Ok(false) || !found.list.is_empty();
        let sleeps = waits && !(glances && is_seen);
        if sleeps {
            let is_quiet = shared.mailbox.begin_wait();
            drop(state);
            lock::check_free();
            // A notice posted since either saw the waiting flag and woke the engine, or is taken now.
            let timeout: Timeout = if is_quiet { until.remaining() } else { Some(Duration::ZERO) };
            outcome = engine.wait(&mut found, reports, timeout);
            state = self.lock();
            shared.mailbox.end_wait();
        }
        if waits {
            state.pace.note_found(found.list.len(), glances && sleeps);
        }
        state.note_found(&found);
        state.found = Some(found);
        (state, outcome)
    }

    /// Tells others of handles that a CLOSE has taken, without the lock, and then that it is done.
    fn finish_closes<'a>(&'a self, mut state: Guard<'a, State>) -> Guard<'a, State> {
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
