//! Names to addresses. `getaddrinfo` blocks for as long as it likes, so threads of our own ask it, and
//! the caller waits for them with its deadline, its signals and its handle's close.

use super::address::{self, Address};
use super::deadline::Deadline;
use super::error::{Error, Result};
use super::kind::Kind;
use super::table::Ref;
use super::wait::{self, SlotWatch, Waker, Watch};
use crate::sys;
use once_cell::sync::OnceCell;
use socket2::{Domain, SockAddr, Type};
use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What the address is for: it decides what "every interface" means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// To be bound: the wildcard.
    Local,
    /// To be connected or sent to: this machine.
    Peer,
}

/// More resolver threads than this never run; further questions wait their turn.
const MAX_THREADS: usize = 32;
/// A thread without questions ends after this.
const IDLE: Duration = Duration::from_secs(10);

/// One question, and its answer once it is there.
#[derive(Debug)]
struct Question {
    host: Option<CString>,
    service: CString,
    family: Option<Domain>,
    transport: Type,
    answer: OnceCell<Result<Vec<SockAddr>>>,
    asker: Option<Weak<Waker>>,
}

impl Question {
    fn ask(&self) {
        let answer = sys::resolve(self.host.as_deref(), &self.service, self.family, self.transport);
        let _ = self.answer.set(answer.map_err(Error::from));
        if let Some(asker) = &self.asker {
            wait::wake(asker);
        }
    }
}

/// A piece of work for the library's own threads.
type Job = Box<dyn FnOnce() + Send>;

/// Work that waits for a thread, and how many threads there are.
#[derive(Default)]
pub struct Pool {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// In a forked child: the threads stayed behind, and so did those who asked.
    pub fn forget(&mut self) {
        // Jobs hold references whose owners are gone; leaking them is the only safe way to drop them.
        std::mem::forget(std::mem::take(&mut self.jobs));
        self.threads = 0;
        self.idle = 0;
    }
}

static POOL: Mutex<Pool> = Mutex::new(Pool { jobs: VecDeque::new(), threads: 0, idle: 0 });
static WORK: Condvar = Condvar::new();

/// The lock on the pool.
pub fn lock() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands work to a thread of the library.
pub fn run(job: Job) -> Result<()> {
    let mut pool = lock();
    pool.jobs.try_reserve(1).map_err(|_| Error::ENOMEM)?;
    if pool.idle <= pool.jobs.len() && pool.threads < MAX_THREADS {
        let builder = std::thread::Builder::new().name("anysock".to_owned());
        match builder.spawn(work) {
            Ok(_) => pool.threads += 1,
            // With another thread there the job only waits longer.
            Err(_) if pool.threads > 0 => {}
            Err(_) => return Err(Error::EAGAIN),
        }
    }
    pool.jobs.push_back(job);
    drop(pool);
    WORK.notify_one();
    Ok(())
}

/// Hands work that may take minutes to a thread of its own: questions must not queue behind it.
pub fn run_apart(job: Job) -> Result<()> {
    let quiet = || {
        sys::quiet_thread();
        job();
    };
    let started = std::thread::Builder::new().name("anysock".to_owned()).spawn(quiet);
    started.map(drop).map_err(|_| Error::EAGAIN)
}

fn work() {
    sys::quiet_thread();
    while let Some(job) = next_job() {
        // A panic must not take the thread's place in the count with it.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}

fn next_job() -> Option<Job> {
    let mut pool = lock();
    pool.idle += 1;
    let (mut pool, _) = WORK
        .wait_timeout_while(pool, IDLE, |pool| pool.jobs.is_empty())
        .unwrap_or_else(PoisonError::into_inner);
    pool.idle -= 1;
    let job = pool.jobs.pop_front();
    if job.is_none() {
        pool.threads -= 1;
    }
    job
}

/// For whom a question is asked: what may end the waiting.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Nobody but the deadline.
    Caller,
    /// The handle's close, and its signals if it hears them.
    Handle(&'a Ref),
}

/// The addresses that a text stands for: at least one, best first.
pub fn lookup(
    kind: Kind,
    text: &str,
    role: Role,
    asker: Asker<'_>,
    deadline: Deadline,
) -> Result<Vec<SockAddr>> {
    match Address::parse(kind, text)? {
        Address::Literal(address) if role == Role::Peer && address::is_wildcard(&address) => {
            let port = address.as_socket().map_or(0, |address| address.port());
            Ok(vec![address::loopback(address.domain(), port)])
        }
        Address::Literal(address) => Ok(vec![address]),
        Address::Any { service } => {
            let port = port_of(kind, service, asker, deadline)?;
            Ok(everywhere(kind, port, role))
        }
        Address::Name { host, service } => question(kind, Some(host), service, asker, deadline),
    }
}

/// A port that is a number needs no resolver.
fn port_of(kind: Kind, service: String, asker: Asker<'_>, deadline: Deadline) -> Result<u16> {
    if let Ok(port) = service.parse() {
        return Ok(port);
    }
    let answers = question(kind, None, service, asker, deadline)?;
    let address = answers.first().and_then(SockAddr::as_socket).ok_or(Error::EAI_SERVICE)?;
    Ok(address.port())
}

/// IPv6 first: its wildcard takes IPv4 as well where the system can.
fn everywhere(kind: Kind, port: u16, role: Role) -> Vec<SockAddr> {
    let families = match kind.family() {
        Some(family) => vec![family],
        None => vec![Domain::IPV6, Domain::IPV4],
    };
    let address = match role {
        Role::Local => address::wildcard,
        Role::Peer => address::loopback,
    };
    families.into_iter().map(|family| address(family, port)).collect()
}

fn question(
    kind: Kind,
    host: Option<String>,
    service: String,
    asker: Asker<'_>,
    deadline: Deadline,
) -> Result<Vec<SockAddr>> {
    // Whether an answer would come fast enough must not decide.
    if deadline == Deadline::Now {
        return Err(Error::EAGAIN);
    }
    match asker {
        Asker::Caller => {
            let watch = Watch::anything(false);
            let question = submit(kind, host, service, watch.waker())?;
            await_answer(&question, || watch.poll(&mut [watch.entry()], deadline))
        }
        Asker::Handle(slot) => {
            let watch = SlotWatch::new(slot);
            let question = submit(kind, host, service, watch.waker())?;
            await_answer(&question, || watch.poll(&mut [watch.entry()], deadline))
        }
    }
}

fn submit(
    kind: Kind,
    host: Option<String>,
    service: String,
    asker: Option<Weak<Waker>>,
) -> Result<Arc<Question>> {
    let text = |text: String| CString::new(text).map_err(|_| Error::EINVAL);
    let question = Arc::new(Question {
        host: host.map(text).transpose()?,
        service: text(service)?,
        family: kind.family(),
        transport: kind.transport(),
        answer: OnceCell::new(),
        asker,
    });
    let shared = Arc::clone(&question);
    run(Box::new(move || {
        // Nobody waits for an answer whose asker has gone.
        if Arc::strong_count(&shared) > 1 {
            shared.ask();
        }
    }))?;
    Ok(question)
}

fn await_answer(question: &Question, mut wait: impl FnMut() -> Result<usize>) -> Result<Vec<SockAddr>> {
    loop {
        match question.answer.get() {
            Some(Ok(addresses)) if addresses.is_empty() => return Err(Error::EAI_NONAME),
            Some(answer) => return answer.clone(),
            None => wait()?,
        };
    }
}

/// Resolves for the caller alone: one address a line, best first.
pub fn resolve(kind: &str, text: &str, timeout_us: i64) -> Result<String> {
    let kind = Kind::parse(kind)?;
    let deadline = Deadline::after(super::deadline::check(timeout_us)?);
    let addresses = lookup(kind, text, Role::Local, Asker::Caller, deadline)?;
    let lines: Vec<_> = addresses.iter().map(|address| address::format(kind, address)).collect();
    Ok(lines.join("\n"))
}

/// The machine's interfaces, a line for each address: `name index flags address/prefix`.
pub fn interfaces() -> Result<String> {
    let lines: Vec<_> = sys::interfaces()?
        .into_iter()
        .filter_map(|row| row.address.map(|address| (row, address)))
        .map(|(row, address)| {
            let flags = [(row.up, "up"), (row.loopback, "loopback"), (row.multicast, "multicast")];
            let flags: Vec<_> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
            let flags = if flags.is_empty() { "-".to_owned() } else { flags.join(",") };
            format!("{} {} {flags} {address}/{}", row.name, row.index, row.prefix)
        })
        .collect();
    Ok(lines.join("\n"))
}
