//! Opening a socket's descriptor for a kind and a family, with the options that were set; settling the family of `tcp` and
//! `udp`. Not here: making handles (`life`, `adopt`).

use crate::core::error::{Error, Result};
use crate::core::handle::extras;
use crate::core::handle::table::Ref;
use crate::core::name::kind::Kind;
use crate::core::process::section::Section;
use crate::core::readiness;
use crate::core::settings::setting::Settings;
use crate::sys::{self, Fd};
use socket2::{Domain, Type};

/// A descriptor that is closed when dropped, unless it is kept.
pub struct Owned(pub Fd);

impl Owned {
    /// Hands the descriptor over to the caller.
    pub fn keep(self) -> Fd {
        let fd = self.0;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        sys::close(self.0);
    }
}

/// Opens a descriptor for a kind, with the library's defaults. The system's errors. Does not block.
pub fn create(kind: Kind, family: Domain) -> Result<Fd> {
    let fd = Owned(sys::open(family, kind.transport(), kind.protocol_number())?);
    if kind.transport() == Type::DGRAM {
        sys::set_datagram_default(fd.0);
    }
    if family == Domain::IPV6 && kind.transport() != Type::RAW {
        // `tcp6` is IPv6 alone; `tcp` takes both where the system can.
        let only = kind.family().is_some();
        let dual = sys::set_v6_only(fd.0, only);
        if only {
            dual?;
        }
    }
    Ok(fd.keep())
}

/// Opens a descriptor with the options that were set on the slot, not bound.
pub fn build(slot: &Ref, family: Domain) -> Result<Fd> {
    build_with(slot, family, &Settings::of(slot))
}

fn build_with(slot: &Ref, family: Domain, settings: &Settings) -> Result<Fd> {
    let fd = Owned(create(slot.kind(), family)?);
    settings.replay(fd.0, family)?;
    Ok(fd.keep())
}

/// Gives another descriptor the options that were set on the slot so far.
pub fn apply_settings(slot: &Ref, fd: Fd, family: Domain) -> Result<()> {
    Settings::of(slot).replay(fd, family)
}

/// Settles the family of a `tcp` or `udp` socket by opening its descriptor, unless it is settled; returns the settled family.
pub fn settle_family(slot: &Ref, family: Domain) -> Result<Domain> {
    loop {
        if let Some(settled) = slot.family() {
            return Ok(settled);
        }
        if family == Domain::UNIX {
            return Err(Error::EAFNOSUPPORT);
        }
        let settings = Settings::of(slot);
        let section = Section::begin();
        let fd = Owned(build_with(slot, family, &settings)?);
        extras::peek(slot.handle().index, |current: Option<&Settings>| {
            // If an option was set meanwhile the descriptor lacks it: repeat, with the option.
            let is_current = current.map_or(settings == Settings::default(), |current| *current == settings);
            if slot.family().is_none() && is_current {
                slot.set_fd_and_family(fd.keep(), family);
            }
        });
        drop(section);
        readiness::changed(slot);
    }
}
