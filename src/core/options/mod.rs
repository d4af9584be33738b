//! Options by name: setting, reading, and recording those that another descriptor of the handle will need. Not here: the table
//! of options (`settings/catalogue`), and the systems' numbers (`sys::option`).

mod own;

#[cfg(test)]
mod tests;

pub use crate::core::settings::catalogue::{Access, OPTIONS, OptionSpec, Own, Scope, Source, Systems, Value};

use crate::core::error::{Error, Result, System};
use crate::core::handle::slot::{Phase, flag};
use crate::core::handle::table::{Ref, get as slot_of};
use crate::core::handle::{extras, lookup};
use crate::core::memory;
use crate::core::readiness;
use crate::core::settings::setting::{Setting, Settings, find};
use crate::core::settings::{multicast, system_time};
use crate::core::socket::family::build;
use crate::core::socket::judge;
use crate::core::socket::transfer::Room;
use crate::sys::option::{self, SockOpt};
use crate::sys::{self, Fd};
use socket2::Domain;

/// Whether there is an option of that name, and this system has it.
#[must_use]
pub fn is_supported(name: &str) -> bool {
    find(name).is_ok()
}

fn look_up(number: i64, name: &str) -> Result<(Ref, &'static OptionSpec)> {
    let slot = slot_of(number)?;
    let row = find(name)?;
    row.scope.check(slot.kind(), slot.family())?;
    Ok((slot, row))
}

/// The table says that this system has the option: a kernel that does not know it is too old, or was
/// built without it, which is another error than an option of another kind of socket.
fn lacking(error: Error) -> Error {
    if error == Error::ENOPROTOOPT { Error::EOPNOTSUPP } else { error }
}

/// Sets an option that is a number (a switch 0 or 1, a time in microseconds). Errors as in the header (`anysock_set`). Does not
/// block, as all functions here.
pub fn set(number: i64, name: &str, value: i64) -> Result<()> {
    let (slot, row) = look_up(number, name)?;
    row.check(false, Access::Read)?;
    if !row.value.takes(value) {
        return Err(Error::EINVAL);
    }
    match row.source {
        Source::Own(own) if own != Own::Inherit => own::set(&slot, own, value),
        _ => store(&slot, Setting::Number(row, value)).map_err(lacking),
    }
}

/// Sets an option that is a text.
pub fn set_text(number: i64, name: &str, value: &str) -> Result<()> {
    let (slot, row) = look_up(number, name)?;
    row.check(true, Access::Read)?;
    if let Source::Own(own) = row.source {
        return own::set_text(&slot, own, value);
    }
    store(&slot, Setting::Text(row, memory::text(value)?)).map_err(lacking)
}

/// Sets an option by the system's own numbers.
pub fn set_raw(number: i64, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let slot = lookup::settled(number)?;
    memory::check()?;
    // First, as the kernel checks the caller's memory (EFAULT) before it is copied here.
    sys::set_option(slot.fd(), level, name, value)?;
    if let Some(half) = sys::timeout_option(level, name) {
        system_time::take_over(&slot, half);
    }
    readiness::option_set(&slot);
    if is_replayed(&slot) {
        let setting = Setting::Raw { level, name, value: memory::copy(value)? };
        extras::with(slot.handle().index, |settings: &mut Settings| settings.record(setting))?;
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
        Source::Kernel(_) => ask(&slot, row, |fd, sockopt| Ok(option::get_number(fd, sockopt)?)),
    }?;
    // Some kernels return the flag's bit instead of 1.
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
            ask(&slot, row, |fd, sockopt| multicast::format(option::get_interface(fd, sockopt)?))
        }
        _ => ask(&slot, row, |fd, sockopt| Ok(option::get_text(fd, sockopt)?)),
    }
}

/// Reads an option by the system's own numbers: how many bytes it has filled in.
pub fn get_raw(number: i64, level: i32, name: i32, value: &mut Room) -> Result<usize> {
    let slot = lookup::settled(number)?;
    if (level, name) == sys::SO_ERROR && !judge::is_kernels_to_report(&slot) {
        return get_raw_error(&slot, value);
    }
    let length = sys::get_option_into(slot.fd(), level, name, value)?;
    Ok(length.min(value.len()))
}

/// SO_ERROR of a handle that may have taken the error from the kernel before the program asked for it.
fn get_raw_error(slot: &Ref, value: &mut Room) -> Result<usize> {
    // Has the kernel check the caller's memory, by reading an option without side effects.
    let (level, name) = sys::SO_TYPE;
    let length = sys::get_option_into(slot.fd(), level, name, value)?;
    let number = judge::take_unreported(slot).map_or(0, |error| error.to_os(System::HOST));
    for (place, byte) in value.iter_mut().zip(number.to_ne_bytes()).take(length) {
        place.write(byte);
    }
    Ok(length.min(value.len()))
}

/// The state of a socket without a connection, which not every system reports; and that of a handle whose attempts to several
/// addresses have descriptors of their own.
fn tcp_state(slot: &Ref, row: &'static OptionSpec) -> Result<String> {
    match slot.phase() {
        Phase::Fresh => Ok("closed".to_owned()),
        Phase::Racing => Ok("syn_sent".to_owned()),
        Phase::Listening => Ok("listen".to_owned()),
        _ => ask(slot, row, |fd, sockopt| Ok(option::get_text(fd, sockopt)?)),
    }
}

/// Reads from the kernel; `ENOTCONN` for an option about the peer if there is none.
fn ask<T>(slot: &Ref, row: &'static OptionSpec, body: impl FnOnce(Fd, SockOpt) -> Result<T>) -> Result<T> {
    let sockopt = row.sockopt()?;
    if row.scope == Scope::Unix && !matches!(slot.phase(), Phase::Arrived | Phase::Connected) {
        return Err(Error::ENOTCONN);
    }
    on_fd(slot, row.scope, |fd| body(fd, sockopt)).map_err(lacking)
}

/// Sets it where there is a descriptor, and keeps it where there will be another.
fn store(slot: &Ref, setting: Setting) -> Result<()> {
    memory::check()?;
    if !slot.has(flag::UNSETTLED) {
        setting.apply(slot.fd())?;
        readiness::option_set(slot);
        if is_replayed(slot) {
            extras::with(slot.handle().index, |settings: &mut Settings| settings.record(setting))?;
        }
        return Ok(());
    }
    on_fd(slot, setting.scope(), |fd| setting.apply(fd))?;
    let late = extras::with(slot.handle().index, |settings: &mut Settings| {
        settings.record(setting.clone());
        !slot.has(flag::UNSETTLED)
    })?;
    // Another thread has settled the family before the setting was recorded, and so without it.
    if late { setting.apply(slot.fd()) } else { Ok(()) }
}

/// Whether a connect may yet replace the handle's descriptor by another, which must have the same options.
fn is_replayed(slot: &Ref) -> bool {
    slot.kind().is_connected_kind() && slot.phase() == Phase::Fresh
}

/// Runs `body` on the handle's descriptor; while there is none, on a temporary one like that which the handle would get.
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
