//! Reads and fills in the flat message of the C interface, of every version and at any alignment. Not here: its fields (`types`),
//! and what they mean (`core::socket::message`).

use crate::core::error::{Error, Result};
use crate::core::name::flat::Flat;
use crate::core::socket::message::{Capacity, Control, Incoming, MOST_RIGHTS, Outgoing};
use crate::ffi::argument;
use crate::ffi::types::{
    ANYSOCK_CONTROL_CREDENTIALS, ANYSOCK_CONTROL_PACKET_INFO, ANYSOCK_CONTROL_TIMESTAMP, ANYSOCK_CONTROL_TOS,
    ANYSOCK_CONTROL_TTL, anysock_address, anysock_control, anysock_message,
};
use std::mem::{align_of, offset_of, size_of};
use std::net::{IpAddr, SocketAddr};

/// The size of the first version's required fields, which every version has.
const LEAST: usize = offset_of!(anysock_message, address);
/// A size above this is a mistake, of which the memory must not be read: no version will be longer.
const MOST: usize = 4096;

// Callers in other languages rely on the offsets.
const _: () = assert!(size_of::<anysock_control>() == 288 && offset_of!(anysock_control, destination) == 160);

/// The caller's message, which may be unaligned and of another version.
pub unsafe fn read(message: *const anysock_message) -> Result<anysock_message> {
    if message.is_null() {
        return Err(Error::EFAULT);
    }
    // SAFETY: the caller vouches for as much as the size says, which stands first.
    let size = unsafe { (&raw const (*message).size).read_unaligned() } as usize;
    match size {
        _ if size > MOST => return Err(Error::E2BIG),
        _ if size < LEAST || size % align_of::<anysock_message>() != 0 => return Err(Error::EINVAL),
        _ => {}
    }
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(message.cast::<u8>(), size) };
    let (known, rest) = bytes.split_at(size.min(size_of::<anysock_message>()));
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Error::E2BIG);
    }
    // SAFETY: plain numbers and pointers, for which zero is a value; no more than the whole is copied over it.
    unsafe {
        let mut whole: anysock_message = std::mem::zeroed();
        std::ptr::copy_nonoverlapping(known.as_ptr(), (&raw mut whole).cast(), known.len());
        Ok(whole)
    }
}

/// How much room there is; checked before anything is received, so that nothing is lost because there is nowhere to store it.
pub fn capacity(asked: &anysock_message) -> Result<Capacity> {
    argument::check_array(asked.controls, asked.control_count)?;
    argument::check_array(asked.handles, asked.handle_count)?;
    argument::check_array(asked.raw_control.cast::<u8>(), asked.raw_length)?;
    Ok(Capacity { controls: asked.control_count, rights: asked.handle_count, raw: asked.raw_length })
}

/// Stores what has come in those fields that the caller's version has, and of each array as much as there is room for, even if the
/// core should return more.
pub unsafe fn put(message: *mut anysock_message, asked: &anysock_message, incoming: &Incoming) {
    let knows = |offset| offset < asked.size as usize;
    let controls = first(&incoming.controls, asked.control_count);
    let handles = first(&incoming.handles, asked.handle_count);
    let raw = first(&incoming.raw, asked.raw_length);
    // SAFETY: the caller vouches for the message as far as its size goes, and for the arrays as far as their counts
    // did; no more is stored. All may be unaligned.
    unsafe {
        (&raw mut (*message).flags).write_unaligned(incoming.flags.0);
        if !asked.address.is_null() {
            asked.address.write_unaligned(incoming.sender.into());
        }
        for (place, control) in controls.iter().enumerate() {
            asked.controls.add(place).write_unaligned(control.into());
        }
        for (place, handle) in handles.iter().enumerate() {
            asked.handles.add(place).write_unaligned(*handle);
        }
        if !raw.is_empty() {
            std::ptr::copy_nonoverlapping(raw.as_ptr(), asked.raw_control.cast(), raw.len());
        }
        if knows(offset_of!(anysock_message, control_count)) {
            (&raw mut (*message).control_count).write_unaligned(controls.len());
        }
        if knows(offset_of!(anysock_message, handle_count)) {
            (&raw mut (*message).handle_count).write_unaligned(handles.len());
        }
        if knows(offset_of!(anysock_message, raw_length)) {
            (&raw mut (*message).raw_length).write_unaligned(raw.len());
        }
    }
}

fn first<T>(all: &[T], most: usize) -> &[T] {
    &all[..all.len().min(most)]
}

/// What goes beside the data.
pub unsafe fn outgoing<'a>(given: &anysock_message) -> Result<Outgoing<'a>> {
    if given.handle_count > MOST_RIGHTS {
        return Err(Error::EINVAL);
    }
    // SAFETY: the caller vouches for the arrays and the address.
    unsafe {
        let address = match given.address.is_null() {
            true => None,
            false => Some(argument::address(given.address)?).filter(|address| !address.is_none()),
        };
        let mut controls = Vec::new();
        argument::each(given.controls, given.control_count, |control| {
            controls.try_reserve(1).map_err(|_| Error::ENOMEM)?;
            controls.push(Control::try_from(control)?);
            Ok(())
        })?;
        let mut handles = Vec::new();
        argument::each(given.handles, given.handle_count, |handle| {
            handles.push(handle);
            Ok(())
        })?;
        Ok(Outgoing {
            address,
            controls,
            handles,
            raw: argument::bytes(given.raw_control, given.raw_length)?,
        })
    }
}

impl From<&Control> for anysock_control {
    fn from(control: &Control) -> Self {
        let nobody = anysock_address::from(Flat::NONE);
        let mut flat = Self {
            kind: 0,
            interface_index: 0,
            value: 0,
            pid: 0,
            uid: 0,
            gid: 0,
            reserved: 0,
            local_address: nobody,
            destination: nobody,
        };
        match *control {
            Control::Credentials { pid, uid, gid } => {
                (flat.kind, flat.pid, flat.uid, flat.gid) = (ANYSOCK_CONTROL_CREDENTIALS, pid, uid, gid);
            }
            Control::PacketInfo { interface, local, destination } => {
                (flat.kind, flat.interface_index) = (ANYSOCK_CONTROL_PACKET_INFO, interface);
                (flat.local_address, flat.destination) = (host(local), host(destination));
            }
            Control::Hops(hops) => (flat.kind, flat.value) = (ANYSOCK_CONTROL_TTL, hops.into()),
            Control::TrafficClass(class) => (flat.kind, flat.value) = (ANYSOCK_CONTROL_TOS, class.into()),
            Control::Timestamp(time) => (flat.kind, flat.value) = (ANYSOCK_CONTROL_TIMESTAMP, time),
        }
        flat
    }
}

/// An address without a port.
fn host(ip: Option<IpAddr>) -> anysock_address {
    ip.map_or(Flat::NONE, |ip| Flat::from(SocketAddr::from((ip, 0)))).into()
}

impl TryFrom<anysock_control> for Control {
    type Error = Error;

    fn try_from(flat: anysock_control) -> Result<Self> {
        let number = || i32::try_from(flat.value).map_err(|_| Error::EINVAL);
        match flat.kind {
            ANYSOCK_CONTROL_CREDENTIALS => {
                Ok(Self::Credentials { pid: flat.pid, uid: flat.uid, gid: flat.gid })
            }
            ANYSOCK_CONTROL_PACKET_INFO => {
                let local = ip(flat.local_address.into())?;
                Ok(Self::PacketInfo { interface: flat.interface_index, local, destination: None })
            }
            ANYSOCK_CONTROL_TTL => Ok(Self::Hops(number()?)),
            ANYSOCK_CONTROL_TOS => Ok(Self::TrafficClass(number()?)),
            ANYSOCK_CONTROL_TIMESTAMP => Ok(Self::Timestamp(flat.value)),
            _ => Err(Error::EINVAL),
        }
    }
}

/// The host that an address says, if it says one.
fn ip(address: Flat) -> Result<Option<IpAddr>> {
    if address.is_none() {
        return Ok(None);
    }
    let address = address.to_socket_address()?.as_socket().ok_or(Error::EAFNOSUPPORT)?;
    Ok(Some(address.ip()))
}
