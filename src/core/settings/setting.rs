//! Options that a handle keeps, to set them again on another descriptor: a socket whose family is not settled has none yet,
//! and a connect to several addresses opens one for each. Not here: which options there are (`catalogue`), and setting and
//! reading one (`options`).

use crate::core::error::{Error, Result, System};
use crate::core::handle::extras::{self, Part};
use crate::core::handle::table::Ref;
use crate::core::name::kind::{Class, Kind, Net};
use crate::core::settings::catalogue::{Access, OPTIONS, OptionSpec, Scope, Source, Value};
use crate::core::settings::multicast;
use crate::sys::option::{self, SockOpt};
use crate::sys::{self, Fd};
use socket2::Domain;

/// The options that were set before the connection, in order: replayed on every descriptor opened in place of the handle's own.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Settings(pub(in crate::core) Vec<Setting>);

impl Part for Settings {}

/// One option that was set, and its value.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// By name; a number.
    Number(&'static OptionSpec, i64),
    /// By name; a text.
    Text(&'static OptionSpec, String),
    /// By the system's level and name (`anysock_set_raw`).
    Raw { level: i32, name: i32, value: Vec<u8> },
}

impl Setting {
    /// Whether it sets this option.
    pub fn is_of(&self, row: &OptionSpec) -> bool {
        match (self, row.source) {
            (Self::Number(own, _) | Self::Text(own, _), _) => *own == row,
            (Self::Raw { level, name, .. }, Source::Kernel(Some(sockopt))) => {
                (*level, *name) == (sockopt.level, sockopt.name)
            }
            _ => false,
        }
    }

    /// Whether it makes an earlier one obsolete. A group membership does not: each is joined beside the others.
    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Text(row, _), _) if matches!(row.value, Value::Group | Value::SourceGroup) => false,
            (Self::Number(row, _) | Self::Text(row, _), _) => earlier.is_of(row),
            (Self::Raw { level, name, .. }, Self::Raw { level: other_level, name: other_name, .. }) => {
                (level, name) == (other_level, other_name)
            }
            _ => false,
        }
    }

    /// Which handles can have it.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Number(row, _) | Self::Text(row, _) => row.scope,
            Self::Raw { .. } => Scope::Socket,
        }
    }

    /// Sets it on a descriptor. The system's errors. Does not block.
    pub fn apply(&self, fd: Fd) -> Result<()> {
        match self {
            Self::Number(row, value) => match row.source {
                Source::Own(_) => Ok(sys::set_inherit(fd, *value != 0)?),
                Source::Kernel(_) => Ok(option::set_number(fd, row.sockopt()?, *value)?),
            },
            Self::Text(row, text) => apply_text(fd, row, text),
            Self::Raw { level, name, value } => Ok(sys::set_option(fd, *level, *name, value)?),
        }
    }
}

fn apply_text(fd: Fd, row: &OptionSpec, text: &str) -> Result<()> {
    let sockopt = row.sockopt()?;
    match row.value {
        Value::Interface => option::set_interface(fd, sockopt, &multicast::interface(text)?)?,
        Value::Group | Value::SourceGroup => {
            let family = row.scope.family().unwrap_or(Domain::IPV4);
            option::set_membership(fd, sockopt, &multicast::membership(text, row.value, family)?)?;
        }
        _ => option::set_text(fd, sockopt, text)?,
    }
    Ok(())
}

impl Scope {
    /// `Ok` if a handle of this kind has the option; `family` is the settled one, if there is one. Else `ENOTSOCK` for what
    /// is no socket, `ENOPROTOOPT` for another kind of socket.
    pub fn check(self, kind: Kind, family: Option<Domain>) -> Result<()> {
        let internet = kind.is_socket() && family != Some(Domain::UNIX);
        let fits = match self {
            Self::Any => return Ok(()),
            Self::Handle if !matches!(kind.class(), Class::Poller | Class::Queue) => return Ok(()),
            Self::Queue if kind.class() == Class::Queue => return Ok(()),
            _ if kind.class() == Class::Queue => false,
            _ if !kind.is_socket() => return Err(Error::ENOTSOCK),
            Self::Handle | Self::Socket => true,
            Self::Internet => internet,
            Self::Tcp => kind.is_tcp(),
            Self::Udp => kind.is_udp(),
            // A `tcp` or `udp` socket serves IPv4 even where its descriptor is an IPv6 one.
            Self::Ip => internet && kind.family() != Some(Domain::IPV6),
            Self::Ipv6 => internet && family != Some(Domain::IPV4),
            Self::Multicast => !kind.is_tcp() && Self::Ip.check(kind, family).is_ok(),
            Self::Multicast6 => !kind.is_tcp() && Self::Ipv6.check(kind, family).is_ok(),
            Self::Unix => matches!(kind.net, Net::Unix | Net::Unixpacket),
            Self::Local => kind.family() == Some(Domain::UNIX),
            Self::Queue => false,
        };
        if fits { Ok(()) } else { Err(Error::ENOPROTOOPT) }
    }

    /// The family that a socket must have for the option; `None` if it does not matter.
    pub const fn family(self) -> Option<Domain> {
        match self {
            Self::Ip | Self::Multicast => Some(Domain::IPV4),
            Self::Ipv6 | Self::Multicast6 => Some(Domain::IPV6),
            _ => None,
        }
    }
}

impl OptionSpec {
    /// Its level, name and encoding on this system; `EOPNOTSUPP` for an option of the library's own.
    pub fn sockopt(&self) -> Result<SockOpt> {
        match self.source {
            Source::Kernel(Some(sockopt)) => Ok(sockopt),
            _ => Err(Error::EOPNOTSUPP),
        }
    }

    /// `EINVAL` if it is a text and `text` is false, or the other way round; `EACCES` if its access is the `refused` one.
    pub fn check(&self, text: bool, refused: Access) -> Result<()> {
        match (self.value.is_text() == text, self.access == refused) {
            (false, _) => Err(Error::EINVAL),
            (_, true) => Err(Error::EACCES),
            _ => Ok(()),
        }
    }
}

impl Settings {
    /// A copy of those that a handle keeps.
    #[must_use]
    pub fn of(slot: &Ref) -> Self {
        extras::peek(slot.handle().index, |settings| settings.cloned().unwrap_or_default())
    }

    /// Whether the option was set by the caller, by name or by number.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        find(name).is_ok_and(|row| self.0.iter().any(|setting| setting.is_of(row)))
    }

    /// Sets them on a descriptor of this family.
    pub fn replay(&self, fd: Fd, family: Domain) -> Result<()> {
        self.0.iter().try_for_each(|setting| replay(fd, family, setting))
    }

    /// Keeps a setting, in place of an earlier one of the same option.
    pub fn record(&mut self, setting: Setting) {
        self.0.retain(|earlier| !setting.replaces(earlier));
        self.0.push(setting);
    }
}

/// The option of that name: `ENOPROTOOPT` if there is none, `EOPNOTSUPP` if this system lacks it.
pub fn find(name: &str) -> Result<&'static OptionSpec> {
    let row = OPTIONS.iter().find(|row| row.name == name).ok_or(Error::ENOPROTOOPT)?;
    if row.is_on(System::HOST) { Ok(row) } else { Err(Error::EOPNOTSUPP) }
}

/// Sets it on another descriptor. An option of the other IP version is skipped; an IPv6 socket, which may serve IPv4 too, gets
/// IPv4 options on a best-effort basis.
pub fn replay(fd: Fd, family: Domain, setting: &Setting) -> Result<()> {
    match setting.scope().family() {
        Some(other) if other != family => {
            if other == Domain::IPV4 {
                let _ = setting.apply(fd);
            }
            Ok(())
        }
        _ => setting.apply(fd),
    }
}
