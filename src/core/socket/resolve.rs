//! Names to addresses. `getaddrinfo` blocks for as long as it likes, so threads of our own ask it, and
//! the caller waits for them with its deadline, its signals and its handle's close. Not here: the threads (`workers`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::fork;
use crate::core::handle::table::Ref;
use crate::core::memory;
use crate::core::name::address::{self, Address};
use crate::core::name::kind::Kind;
use crate::core::process::panics;
use crate::core::process::workers::{self, Awaited, Lane};
use crate::core::wait::{self, SlotWatch, Waker, Watch};
use crate::sys;
use once_cell::race::OnceBox;
use socket2::{Domain, SockAddr, Type};
use std::ffi::{CStr, CString};
use std::sync::{Arc, Weak};

/// What the address is for: it decides what "every interface" means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// To be bound: the wildcard.
    Local,
    /// To be connected or sent to: this machine.
    Peer,
}

/// One question, and its answer once it is there.
#[derive(Debug)]
struct Question {
    host: Option<CString>,
    service: CString,
    family: Option<Domain>,
    transport: Type,
    answer: OnceBox<Result<Vec<SockAddr>>>,
    asker: Option<Weak<Waker>>,
}

/// Services and numbers are no matter of the network, nor is a name in the machine's own list.
fn lane_of(host: Option<&CStr>) -> Lane {
    match host {
        Some(host) if !sys::is_own_name(host) => Lane::Network,
        _ => Lane::Local,
    }
}

impl Question {
    fn new(
        kind: Kind,
        host: Option<String>,
        service: String,
        asker: Option<Weak<Waker>>,
    ) -> Result<Arc<Self>> {
        let text = |text: String| CString::new(text).map_err(|_| Error::EINVAL);
        Ok(Arc::new(Self {
            host: host.map(text).transpose()?,
            service: text(service)?,
            family: kind.family(),
            transport: kind.transport(),
            answer: OnceBox::new(),
            asker,
        }))
    }

    fn ask(&self) {
        let answer = sys::resolve(self.host.as_deref(), &self.service, self.family, self.transport);
        let _ = self.answer.set(Box::new(answer.map_err(Error::from)));
        if let Some(asker) = &self.asker {
            wait::wake(asker);
        }
    }
}

/// For whom a question is asked: what may end the waiting.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Nobody but the deadline.
    Caller,
    /// The handle's close, and its signals if it hears them.
    Handle(&'a Ref),
    /// A thread of the library's, which asks by itself.
    Worker,
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

/// What a text stands for, as far as that is known without asking anybody.
#[derive(Debug)]
pub enum Lookup {
    Found(Vec<SockAddr>),
    /// It is a name: [`look_up`] asks, which blocks.
    Needed,
}

/// Finds the addresses if the text says them.
pub fn begin(kind: Kind, text: &str, role: Role) -> Result<Lookup> {
    let is_number = |service: &str| service.parse::<u16>().is_ok();
    match Address::parse(kind, text)? {
        Address::Name { .. } => Ok(Lookup::Needed),
        Address::Any { service } if !is_number(&service) => Ok(Lookup::Needed),
        Address::Any { .. } | Address::Literal(_) => look_up(kind, text, role).map(Lookup::Found),
    }
}

/// As [`lookup`], on a thread that may block for as long as the system's resolver likes.
pub fn look_up(kind: Kind, text: &str, role: Role) -> Result<Vec<SockAddr>> {
    lookup(kind, text, role, Asker::Worker, Deadline::Never)
}

/// Has one of the library's threads look a name up and say what comes of it; where there is none it is done here.
/// Somebody waits for it until what is returned is dropped.
pub fn ask(
    kind: Kind,
    text: String,
    role: Role,
    then: impl Fn(Result<Vec<SockAddr>>) + Send + Sync + 'static,
) -> Result<Option<Awaited>> {
    let lane = match Address::parse(kind, &text)? {
        Address::Name { host, .. } => lane_of(CString::new(host).ok().as_deref()),
        Address::Any { .. } | Address::Literal(_) => Lane::Local,
    };
    let work = Arc::new(move || then(look_up(kind, &text, role)));
    let shared = Arc::clone(&work);
    match workers::run(lane, Box::new(move || shared())) {
        Ok(awaited) => Ok(Some(awaited)),
        Err(workers::NO_THREAD) => {
            work();
            Ok(None)
        }
        Err(error) => Err(error),
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
        Asker::Worker => {
            let question = Question::new(kind, host, service, None)?;
            question.ask();
            await_answer(&question, || Err(Error::EINTERNAL))
        }
        Asker::Caller => {
            // Without it the wait has no waker.
            let _ = fork::install();
            let watch = Watch::anything(false);
            let (question, _awaited) = submit(kind, host, service, watch.waker())?;
            await_answer(&question, || watch.poll(&mut [watch.entry()], deadline))
        }
        Asker::Handle(slot) => {
            let watch = SlotWatch::new(slot);
            let (question, _awaited) = submit(kind, host, service, watch.waker())?;
            await_answer(&question, || watch.poll(&mut [watch.entry()], deadline))
        }
    }
}

/// Hands the question to a thread. Where none is to be had it is answered here and now: the system's resolver then keeps
/// neither to a deadline nor to anybody's close, but a name can be had.
fn submit(
    kind: Kind,
    host: Option<String>,
    service: String,
    asker: Option<Weak<Waker>>,
) -> Result<(Arc<Question>, Option<Awaited>)> {
    let question = Question::new(kind, host, service, asker)?;
    let shared = Arc::clone(&question);
    match workers::run(lane_of(question.host.as_deref()), Box::new(move || shared.ask())) {
        Ok(awaited) => Ok((question, Some(awaited))),
        Err(workers::NO_THREAD) => {
            question.ask();
            Ok((question, None))
        }
        Err(error) => Err(error),
    }
}

fn await_answer(question: &Question, mut wait: impl FnMut() -> Result<usize>) -> Result<Vec<SockAddr>> {
    loop {
        match question.answer.get() {
            Some(Ok(addresses)) if addresses.is_empty() => return Err(Error::EAI_NONAME),
            Some(Ok(addresses)) => return memory::copy(addresses),
            Some(Err(error)) => return Err(*error),
            None => wait()?,
        };
    }
}

/// Resolves for the caller alone: one address a line, best first.
pub fn resolve(kind: &str, text: &str, timeout_us: i64) -> Result<String> {
    panics::install();
    let kind = Kind::parse(kind)?;
    let deadline = Deadline::after(crate::core::deadline::check(timeout_us)?);
    let addresses = lookup(kind, text, Role::Local, Asker::Caller, deadline)?;
    lines(kind, &addresses)
}

/// One address a line.
pub fn lines(kind: Kind, addresses: &[SockAddr]) -> Result<String> {
    memory::lines(addresses.iter().map(|address| address::format(kind, address)))
}

/// The machine's interfaces, a line for each address: `name index flags address/prefix`.
pub fn interfaces() -> Result<String> {
    let lines = sys::interfaces()?
        .into_iter()
        .filter_map(|row| row.address.map(|address| (row, address)))
        .map(|(row, address)| {
            let flags = [(row.up, "up"), (row.loopback, "loopback"), (row.multicast, "multicast")];
            let flags: Vec<_> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
            let flags = if flags.is_empty() { "-".to_owned() } else { flags.join(",") };
            format!("{} {} {flags} {address}/{}", row.name, row.index, row.prefix)
        });
    memory::lines(lines)
}

/// Tries addresses in order; the first error is the one that matters.
pub fn first_that_works(
    candidates: &[SockAddr],
    mut attempt: impl FnMut(&SockAddr) -> Result<()>,
) -> Result<()> {
    let mut first = None;
    for candidate in candidates {
        match attempt(candidate) {
            Ok(()) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(Error::EAI_NONAME))
}
