//! Options by name: setting, reading, and keeping those that were set before there was a descriptor, or
//! that a second one will need. Not here: the table of options, and the systems' numbers (`sys::option`).

mod multicast;
mod own;
mod table;

#[cfg(test)]
mod tests;

pub use own::Own;
pub use table::{Access, Row, Scope, Source, Systems, TABLE, Value};

use super::error::{Error, Result, System};
use super::kind::{Kind, Net};
use super::readiness;
use super::side::{self, Side};
use super::socket::{build, get_settled};
use super::table::{Phase, Ref, flag, get as slot_of};
use super::transfer::Room;
use crate::sys::option::{self, Native};
use crate::sys::{self, Fd};
use socket2::Domain;

/// An option that was set, to be set again on another descriptor.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// By name, to a number.
    Number(&'static Row, i64),
    /// By name, to a text.
    Text(&'static Row, String),
    /// By the system's numbers.
    Raw { level: i32, name: i32, value: Vec<u8> },
}

impl Setting {
    /// Whether it is of this option.
    fn is_of(&self, row: &Row) -> bool {
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
    fn scope(&self) -> Scope {
        match self {
            Self::Number(row, _) | Self::Text(row, _) => row.scope,
            Self::Raw { .. } => Scope::Socket,
        }
    }

    fn apply(&self, fd: Fd) -> Result<()> {
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

fn apply_text(fd: Fd, row: &Row, text: &str) -> Result<()> {
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
    fn check(self, kind: Kind, family: Option<Domain>) -> Result<()> {
        let internet = kind.is_socket() && family != Some(Domain::UNIX);
        let fits = match self {
            Self::Any => return Ok(()),
            Self::Handle if kind.net != Net::Poller => return Ok(()),
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
        };
        if fits { Ok(()) } else { Err(Error::ENOPROTOOPT) }
    }

    /// The family without which there is no such option.
    const fn family(self) -> Option<Domain> {
        match self {
            Self::Ip | Self::Multicast => Some(Domain::IPV4),
            Self::Ipv6 | Self::Multicast6 => Some(Domain::IPV6),
            _ => None,
        }
    }
}

impl Row {
    /// The system's numbers.
    fn native(&self) -> Result<Native> {
        match self.source {
            Source::Kernel(Some(native)) => Ok(native),
            _ => Err(Error::EOPNOTSUPP),
        }
    }

    fn check(&self, text: bool, refused: Access) -> Result<()> {
        match (self.value.is_text() == text, self.access == refused) {
            (false, _) => Err(Error::EINVAL),
            (_, true) => Err(Error::EACCES),
            _ => Ok(()),
        }
    }
}

impl Side {
    /// Whether the option was set by the caller, by name or by number.
    #[must_use]
    pub fn has_setting(&self, name: &str) -> bool {
        find(name).is_ok_and(|row| self.settings.iter().any(|setting| setting.is_of(row)))
    }

    fn record(&mut self, setting: Setting) {
        self.settings.retain(|earlier| !setting.replaces(earlier));
        self.settings.push(setting);
    }
}

/// The option of that name: `ENOPROTOOPT` if there is none, `EOPNOTSUPP` if this system lacks it.
fn find(name: &str) -> Result<&'static Row> {
    let row = TABLE.iter().find(|row| row.name == name).ok_or(Error::ENOPROTOOPT)?;
    if row.is_on(System::HOST) { Ok(row) } else { Err(Error::EOPNOTSUPP) }
}

/// Whether there is an option of that name, and this system has it.
#[must_use]
pub fn is_supported(name: &str) -> bool {
    find(name).is_ok()
}

fn look_up(number: i64, name: &str) -> Result<(Ref, &'static Row)> {
    let slot = slot_of(number)?;
    let row = find(name)?;
    row.scope.check(slot.kind(), slot.family())?;
    Ok((slot, row))
}

/// The table says that this system has the option: a kernel that does not know it is too old, or was
/// built without.
fn plainly(error: Error) -> Error {
    if error == Error::ENOPROTOOPT { Error::EOPNOTSUPP } else { error }
}

/// Sets an option that is a number.
pub fn set(number: i64, name: &str, value: i64) -> Result<()> {
    let (slot, row) = look_up(number, name)?;
    row.check(false, Access::Read)?;
    if !row.value.takes(value) {
        return Err(Error::EINVAL);
    }
    match row.source {
        Source::Own(own) if own != Own::Inherit => own::set(&slot, own, value),
        _ => store(&slot, Setting::Number(row, value)).map_err(plainly),
    }
}

/// Sets an option that is a text.
pub fn set_text(number: i64, name: &str, value: &str) -> Result<()> {
    let (slot, row) = look_up(number, name)?;
    row.check(true, Access::Read)?;
    store(&slot, Setting::Text(row, value.to_owned())).map_err(plainly)
}

/// Sets an option by the system's own numbers.
pub fn set_raw(number: i64, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let slot = get_settled(number)?;
    // The kernel looks at the memory first: it may not be there.
    sys::set_option(slot.fd(), level, name, value)?;
    readiness::option_set(&slot);
    if is_replayed(&slot) {
        let setting = Setting::Raw { level, name, value: value.to_owned() };
        side::with(slot.handle().index, |side| side.record(setting));
    }
    Ok(())
}

/// Reads an option that is a number.
pub fn get(number: i64, name: &str) -> Result<i64> {
    let (slot, row) = look_up(number, name)?;
    row.check(false, Access::Write)?;
    let value = match row.source {
        Source::Own(Own::Inherit) => on_fd(&slot, row.scope, |fd| Ok(sys::inherit(fd)?.into())),
        Source::Own(own) => own::get(&slot, own),
        Source::Kernel(_) => ask(&slot, row, |fd, native| Ok(option::get_number(fd, native)?)),
    }?;
    // Some kernels answer with the flag's bit.
    Ok(if row.value == Value::Switch { i64::from(value != 0) } else { value })
}

/// Reads an option that is a text.
pub fn get_text(number: i64, name: &str) -> Result<String> {
    let (slot, row) = look_up(number, name)?;
    row.check(true, Access::Write)?;
    match (row.source, row.value) {
        (Source::Own(own), _) => own::get_text(&slot, own),
        _ if row.name == "tcp.state" => tcp_state(&slot, row),
        (_, Value::Interface) => {
            ask(&slot, row, |fd, native| multicast::format(option::get_interface(fd, native)?))
        }
        _ => ask(&slot, row, |fd, native| Ok(option::get_text(fd, native)?)),
    }
}

/// Reads an option by the system's own numbers: how many bytes it has filled in.
pub fn get_raw(number: i64, level: i32, name: i32, value: &mut Room) -> Result<usize> {
    let slot = get_settled(number)?;
    let length = sys::get_option_into(slot.fd(), level, name, value)?;
    Ok(length.min(value.len()))
}

/// Not every system tells the state of a socket that has no connection; attempts to several addresses
/// have descriptors of their own.
fn tcp_state(slot: &Ref, row: &'static Row) -> Result<String> {
    match slot.phase() {
        Phase::Fresh => Ok("closed".to_owned()),
        Phase::Racing => Ok("syn_sent".to_owned()),
        Phase::Listening => Ok("listen".to_owned()),
        _ => ask(slot, row, |fd, native| Ok(option::get_text(fd, native)?)),
    }
}

/// Whether the kernel is carrying out a connect, as far as it tells.
#[must_use]
pub fn is_connecting(fd: Fd) -> bool {
    let native = find("tcp.state").and_then(Row::native);
    native.is_ok_and(|native| option::get_text(fd, native).is_ok_and(|state| state == "syn_sent"))
}

/// Asks the kernel. A socket without a peer has nobody on the other side to tell of.
fn ask<T>(slot: &Ref, row: &'static Row, body: impl FnOnce(Fd, Native) -> Result<T>) -> Result<T> {
    let native = row.native()?;
    if row.scope == Scope::Unix && !matches!(slot.phase(), Phase::Arrived | Phase::Connected) {
        return Err(Error::ENOTCONN);
    }
    on_fd(slot, row.scope, |fd| body(fd, native)).map_err(plainly)
}

/// Sets it where there is a descriptor, and keeps it where there will be another.
fn store(slot: &Ref, setting: Setting) -> Result<()> {
    if !slot.has(flag::UNSETTLED) {
        setting.apply(slot.fd())?;
        readiness::option_set(slot);
        if is_replayed(slot) {
            side::with(slot.handle().index, |side| side.record(setting));
        }
        return Ok(());
    }
    on_fd(slot, setting.scope(), |fd| setting.apply(fd))?;
    let late = side::with(slot.handle().index, |side| {
        side.record(setting.clone());
        !slot.has(flag::UNSETTLED)
    });
    // The family was settled before that, without this setting.
    if late { setting.apply(slot.fd()) } else { Ok(()) }
}

/// Whether another descriptor may yet take the place of the handle's own.
fn is_replayed(slot: &Ref) -> bool {
    slot.kind().is_connected_kind() && slot.phase() == Phase::Fresh
}

/// Runs `body` on the handle's descriptor, or while there is none on one that is as the handle's would be.
fn on_fd<T>(slot: &Ref, scope: Scope, body: impl FnOnce(Fd) -> Result<T>) -> Result<T> {
    if !slot.has(flag::UNSETTLED) {
        return body(slot.fd());
    }
    let fd = match scope.family() {
        Some(family) => build(slot, family)?,
        None => build(slot, Domain::IPV4).or_else(|_| build(slot, Domain::IPV6))?,
    };
    let outcome = body(fd);
    sys::close(fd);
    outcome
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
