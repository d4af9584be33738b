//! Options that are kept, to be set again on another descriptor: those set before there was one, or that a second one will
//! need. Not here: which options there are (`catalogue`), and setting and reading one (`options`).

use crate::core::error::{Error, Result, System};
use crate::core::handle::extras::{self, Part};
use crate::core::handle::table::Ref;
use crate::core::name::kind::{Class, Kind, Net};
use crate::core::settings::catalogue::{Access, OPTIONS, OptionSpec, Scope, Source, Value};
use crate::core::settings::multicast;
use crate::sys::option::{self, Native};
use crate::sys::{self, Fd};
use socket2::Domain;

/// Options set before the connection, in order: replayed on every descriptor that stands in for the handle's own.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Settings(pub(in crate::core) Vec<Setting>);

impl Part for Settings {}

/// An option that was set, to be set again on another descriptor.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// By name, to a number.
    Number(&'static OptionSpec, i64),
    /// By name, to a text.
    Text(&'static OptionSpec, String),
    /// By the system's numbers.
    Raw { level: i32, name: i32, value: Vec<u8> },
}

impl Setting {
    /// Whether it is of this option.
    pub fn is_of(&self, row: &OptionSpec) -> bool {
        match (self, row.source) {
            (Self::Number(own, _) | Self::Text(own, _), _) => *own == row,
            (Self::Raw { level, name, .. }, Source::Kernel(Some(native))) => {
                (*level, *name) == (native.level, native.name)
            }
            _ => false,
        }
    }

    /// Whether it takes the place of an earlier one. A membership joins the others.
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

    pub fn apply(&self, fd: Fd) -> Result<()> {
        match self {
            Self::Number(row, value) => match row.source {
                Source::Own(_) => Ok(sys::set_inherit(fd, *value != 0)?),
                Source::Kernel(_) => Ok(option::set_number(fd, row.native()?, *value)?),
            },
            Self::Text(row, text) => apply_text(fd, row, text),
            Self::Raw { level, name, value } => Ok(sys::set_option(fd, *level, *name, value)?),
        }
    }
}

pub fn apply_text(fd: Fd, row: &OptionSpec, text: &str) -> Result<()> {
    let native = row.native()?;
    match row.value {
        Value::Interface => option::set_interface(fd, native, &multicast::interface(text)?)?,
        Value::Group | Value::SourceGroup => {
            let family = row.scope.family().unwrap_or(Domain::IPV4);
            option::set_membership(fd, native, &multicast::membership(text, row.value, family)?)?;
        }
        _ => option::set_text(fd, native, text)?,
    }
    Ok(())
}

impl Scope {
    /// Refuses a kind of handle, whose family is this by now, that lacks the option.
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
            // A socket of an open kind serves IPv4 even where it is an IPv6 one.
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

    /// The family without which there is no such option.
    pub const fn family(self) -> Option<Domain> {
        match self {
            Self::Ip | Self::Multicast => Some(Domain::IPV4),
            Self::Ipv6 | Self::Multicast6 => Some(Domain::IPV6),
            _ => None,
        }
    }
}

impl OptionSpec {
    /// The system's numbers.
    pub fn native(&self) -> Result<Native> {
        match self.source {
            Source::Kernel(Some(native)) => Ok(native),
            _ => Err(Error::EOPNOTSUPP),
        }
    }

    pub fn check(&self, text: bool, refused: Access) -> Result<()> {
        match (self.value.is_text() == text, self.access == refused) {
            (false, _) => Err(Error::EINVAL),
            (_, true) => Err(Error::EACCES),
            _ => Ok(()),
        }
    }
}

impl Settings {
    /// Those of a handle.
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

/// Sets it again on another descriptor. An option of the other family is passed over; an IPv6 socket that
/// serves IPv4 too gets what it takes of it.
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
