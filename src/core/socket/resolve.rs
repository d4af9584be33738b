//! Resolving names to addresses. getaddrinfo(3) blocks without a limit, so it runs on the library's own threads, and the caller
//! waits for them with its deadline, its signals and its handle's close. Not here: the threads (`workers`), and the resolver
//! (`sys::resolver`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::fork;
use crate::core::handle::slot::Slot;
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

/// What the address is for: it decides what an address without a host (":80") means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// To bind: all interfaces (the wildcard address).
    Local,
    /// To connect or send to: this machine (the loopback address).
    Peer,
}

/// One call of the resolver, and its answer once it is there.
#[derive(Debug)]
struct Question {
    host: Option<CString>,
    /// None for raw kinds: resolvers refuse a service that the type of socket does not have.
    service: Option<CString>,
    family: Option<Domain>,
    transport: Type,
    answer: OnceBox<Result<Vec<SockAddr>>>,
    asker: Option<Weak<Waker>>,
}

/// The lane of a lookup: services, numeric hosts and names in the machine's own list need no network.
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
        let service = (kind.transport() != Type::RAW).then_some(service);
        Ok(Arc::new(Self {
            host: host.map(text).transpose()?,
            service: service.map(text).transpose()?,
            family: kind.family(),
            transport: kind.transport(),
            answer: OnceBox::new(),
            asker,
        }))
    }

    fn ask(&self) {
        let answer = sys::resolve(self.host.as_deref(), self.service.as_deref(), self.family, self.transport);
        let _ = self.answer.set(Box::new(answer.map_err(Error::from)));
        if let Some(asker) = &self.asker {
            wait::wake(asker);
        }
    }
}

/// Who waits for the answer, which decides what may end the waiting.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// A call without a handle: only the deadline.
    Caller,
    /// A call on a handle: the deadline, the handle's close, and signals if it is interruptible.
    Handle(&'a Ref),
    /// A thread of the library's, which calls the resolver itself.
    Worker,
}

/// The kind whose addresses a handle takes: of a `tcp6` or `udp6` socket whose option `ipv6.only` is 0 those of IPv4 too.
pub fn kind_for(slot: &Slot, text: &str) -> Kind {
    let kind = slot.kind();
    let is_foreign = || Address::parse(kind, text) == Err(Error::EAFNOSUPPORT);
    kind.of_both_families().filter(|_| is_foreign() && !sys::is_v6_only(slot.fd())).unwrap_or(kind)
}

/// The addresses of an address text: at least one, best first. Blocks until the deadline while a name is resolved; `EAGAIN` for a
/// deadline that is `Now` and a name.
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

/// The addresses of a text, if they are known without the resolver.
#[derive(Debug)]
pub enum Lookup {
    Found(Vec<SockAddr>),
    /// It is a name: [`look_up`] resolves it, which blocks.
    Needed,
}

/// Parses the text, and returns its addresses if it has no name. Does not block.
pub fn begin(kind: Kind, text: &str, role: Role) -> Result<Lookup> {
    let is_number = |service: &str| service.parse::<u16>().is_ok();
    match Address::parse(kind, text)? {
        Address::Name { .. } => Ok(Lookup::Needed),
        Address::Any { service } if !is_number(&service) => Ok(Lookup::Needed),
        Address::Any { .. } | Address::Literal(_) => look_up(kind, text, role).map(Lookup::Found),
    }
}

/// As [`lookup`], on a thread that may block as long as the system's resolver does.
pub fn look_up(kind: Kind, text: &str, role: Role) -> Result<Vec<SockAddr>> {
    lookup(kind, text, role, Asker::Worker, Deadline::Never)
}

/// Has one of the library's threads resolve a name and pass the outcome to `then`; without a thread it is done here, which blocks.
/// Dropping the returned token gives the lookup up.
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
    // Without this, the result of a call that does not wait would depend on the resolver's speed.
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

/// Hands the question to a thread. If none can be started it is answered here: then neither deadline nor close can interrupt
/// it, but names can still be resolved.
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

/// Resolves an address text to one address a line, best first, for `timeout_us` microseconds at the longest. Errors and
/// blocking as in the header (`anysock_resolve`).
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

/// The machine's interfaces, a line for each address: `name index flags address/prefix`. Does not block.
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

/// Tries addresses in order until one succeeds; else returns the first error.
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
