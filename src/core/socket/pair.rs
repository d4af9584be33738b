//! Two handles that are connected to each other, as socketpair(2), for TCP over the loopback. Not here: bytes (`transfer`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::fork;
use crate::core::handle::slot::{New, Phase, flag};
use crate::core::handle::table::{self, Vacancy};
use crate::core::name::address;
use crate::core::name::kind::{Kind, Net};
use crate::core::process::section::{Section, UnownedFd};
use crate::core::socket::backlog::{SkipLimit, accept_next};
use crate::core::socket::family::create;
use crate::sys::{self, Events, Fd, Origin, PollFd};
use socket2::Domain;
use std::time::Duration;

/// Opens two handles that are connected to each other. Errors as in the header (`anysock_pair`). Over the loopback it may take
/// up to ten seconds where a packet filter interferes.
pub fn pair(kind: &str) -> Result<(i64, i64)> {
    let kind = Kind::parse(kind)?;
    let vacancies = (table::reserve(fork::install()?)?, table::reserve(fork::install()?)?);
    let family = match kind.net {
        Net::Unix | Net::Unixgram | Net::Unixpacket if sys::HAS_UNIX_PAIR => {
            let section = Section::begin();
            let ends = sys::pair(kind.transport())?;
            return Ok(fill_pair(vacancies, kind, ends, &section));
        }
        Net::Tcp | Net::Tcp4 | Net::Unix => Domain::IPV4,
        Net::Tcp6 => Domain::IPV6,
        _ => return Err(Error::EOPNOTSUPP),
    };
    let (kind, (client, server)) = (tcp(family), loopback_pair(family)?);
    let section = Section::begin();
    let ends = (client.give(&section), server.give(&section));
    Ok(fill_pair(vacancies, kind, ends, &section))
}

fn fill_pair(vacancies: (Vacancy, Vacancy), kind: Kind, ends: (Fd, Fd), section: &Section) -> (i64, i64) {
    let new = |fd| New { kind, fd, phase: Phase::Connected, flags: flag::NONBLOCKING };
    let fill = |vacancy: Vacancy, fd| vacancy.fill(&new(fd), section).encode();
    (fill(vacancies.0, ends.0), fill(vacancies.1, ends.1))
}

fn tcp(family: Domain) -> Kind {
    Kind::from(if family == Domain::IPV6 { Net::Tcp6 } else { Net::Tcp4 })
}

/// How long the two ends of a pair may take to connect over the loopback: long only if a packet filter interferes, or many other
/// programs connect to the same port.
const MEETING: Duration = Duration::from_secs(10);

/// The pause after many connections of other programs that have died in the queue.
const BETWEEN_STRANGERS: Duration = Duration::from_millis(10);

/// A pair over the loopback. Connections of other programs to the listener are closed: only the own end has the address that the
/// accepted connection must come from.
fn loopback_pair(family: Domain) -> Result<(UnownedFd, UnownedFd)> {
    let listener = UnownedFd::open(|| create(tcp(family), family))?;
    sys::set_listener_default(listener.fd())?;
    sys::bind(listener.fd(), &address::loopback(family, 0))?;
    sys::listen(listener.fd(), i32::MAX)?;
    pair_over(listener.fd(), family, Deadline::after_duration(MEETING))
}

fn pair_over(listener: Fd, family: Domain, deadline: Deadline) -> Result<(UnownedFd, UnownedFd)> {
    let client = UnownedFd::open(|| create(tcp(family), family))?;
    sys::connect(client.fd(), &sys::local(listener)?)?;
    await_ready(client.fd(), Events::WRITE, deadline)?;
    sys::peer(client.fd())?;
    let own = sys::local(client.fd())?;
    let mut skips = SkipLimit::default();
    loop {
        await_ready(listener, Events::READ, deadline)?;
        let server = match UnownedFd::open(|| Ok(accept_next(listener, &Origin::new(), &mut skips)?)) {
            // Connections of other programs that have died in the queue: pause, as there may be many.
            Err(Error::EAGAIN) if !deadline.passed() => {
                sys::sleep(BETWEEN_STRANGERS);
                continue;
            }
            other => other?,
        };
        if sys::peer(server.fd()).is_ok_and(|peer| peer.as_socket() == own.as_socket()) {
            return Ok((client, server));
        }
    }
}

fn await_ready(fd: Fd, events: Events, deadline: Deadline) -> Result<()> {
    loop {
        match sys::poll(&mut [PollFd::new(fd, events)], deadline.remaining()) {
            Ok(0) if deadline.passed() => return Err(deadline.error()),
            Ok(0) | Err(sys::INTERRUPTED) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::socket::family::Owned;
    use std::io::Read;
    use std::net::{SocketAddr, TcpStream};

    #[cfg(target_os = "linux")]
    mod linux {
        use super::*;

        /// A listener whose queue is full of strangers: the own end never arrives.
        #[test]
        fn a_pair_that_does_not_meet_gives_up() {
            let family = Domain::IPV4;
            let open = || Owned(create(tcp(family), family).unwrap());
            let listener = open();
            sys::bind(listener.0, &address::loopback(family, 0)).unwrap();
            sys::listen(listener.0, 0).unwrap();
            let strangers: Vec<_> = (0..4).map(|_| open()).collect();
            for stranger in &strangers {
                sys::connect(stranger.0, &sys::local(listener.0).unwrap()).unwrap();
            }
            let outcome = pair_over(listener.0, family, Deadline::after_duration(Duration::from_millis(50)));
            assert_eq!(outcome.map(drop), Err(Error::ETIMEDOUT));
        }
    }

    /// Whoever was in the queue first: the ends of a pair are each other's, and the strangers are sent away.
    #[test]
    fn no_stranger_takes_the_place_of_an_end() {
        for family in [Domain::IPV4, Domain::IPV6] {
            let listener = Owned(create(tcp(family), family).unwrap());
            sys::bind(listener.0, &address::loopback(family, 0)).unwrap();
            sys::listen(listener.0, 8).unwrap();
            let address: SocketAddr = sys::local(listener.0).unwrap().as_socket().unwrap();
            let strangers: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
            let (one, other) = pair_over(listener.0, family, Deadline::Never).unwrap();
            assert_eq!(sys::peer(other.fd()).unwrap().as_socket(), sys::local(one.fd()).unwrap().as_socket());
            assert_eq!(sys::peer(one.fd()).unwrap().as_socket(), sys::local(other.fd()).unwrap().as_socket());
            for mut stranger in strangers {
                assert!(matches!(stranger.read(&mut [0]), Ok(0) | Err(_)));
            }
        }
    }
}
