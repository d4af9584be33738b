//! Interfaces and multicast groups as text. Not here: joining them (`options`).

use crate::core::error::{Error, Result};
use crate::core::name::address;
use crate::core::settings::catalogue::Value;
use crate::sys::option::{InterfaceId, InterfaceIds, Membership};
use crate::sys::{self, Interface};
use socket2::Domain;
use std::net::{IpAddr, Ipv4Addr};

/// Looks an interface up by its name, its number or one of its addresses; an empty text is no interface. `ENODEV` if there
/// is none of that name. Does not block.
pub fn interface(text: &str) -> Result<InterfaceIds> {
    if text.is_empty() {
        return Ok(InterfaceIds { name: String::new(), index: 0, address: Ipv4Addr::UNSPECIFIED });
    }
    let rows = sys::interfaces()?;
    let index = index_of(&rows, text)?.ok_or(Error::ENODEV)?;
    let name = sys::interface_name(index).ok_or(Error::ENODEV)?;
    Ok(InterfaceIds { name, index, address: address_of(&rows, index) })
}

fn index_of(rows: &[Interface], text: &str) -> Result<Option<u32>> {
    let with_address = || {
        let address = text.parse::<IpAddr>().ok()?;
        rows.iter().find(|row| row.address == Some(address)).map(|row| row.index)
    };
    Ok(address::interface(text)?.or_else(with_address))
}

fn address_of(rows: &[Interface], index: u32) -> Ipv4Addr {
    let address = |row: &Interface| match row.address {
        Some(IpAddr::V4(address)) if row.index == index => Some(address),
        _ => None,
    };
    rows.iter().find_map(address).unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// The text of an interface: its name, or what it goes by if it has none; empty for no interface.
pub fn format(interface_id: InterfaceId) -> Result<String> {
    match interface_id {
        InterfaceId::Name(name) => Ok(name),
        InterfaceId::Index(0) => Ok(String::new()),
        InterfaceId::Index(index) => Ok(sys::interface_name(index).unwrap_or_else(|| index.to_string())),
        InterfaceId::Address(address) => {
            let rows = sys::interfaces()?;
            let found = rows.into_iter().find(|row| row.address == Some(address.into()));
            Ok(found.map_or_else(|| address.to_string(), |row| row.name))
        }
    }
}

/// Parses `group` or `group%interface` for [`Value::Group`], `source@group` or `source@group%interface` for
/// [`Value::SourceGroup`]. `EINVAL` for another text or an address of another family; `ENODEV` for an unknown interface.
pub fn membership(text: &str, value: Value, family: Domain) -> Result<Membership> {
    let (source, rest) = match (text.split_once('@'), value) {
        (Some((source, rest)), Value::SourceGroup) => (Some(address(source, family)?), rest),
        (None, Value::Group) => (None, text),
        _ => return Err(Error::EINVAL),
    };
    let (group, link) = match rest.split_once('%') {
        Some((_, "")) => return Err(Error::EINVAL),
        Some((group, link)) => (group, link),
        None => (rest, ""),
    };
    let group = address(group, family)?;
    if !group.is_multicast() {
        return Err(Error::EINVAL);
    }
    Ok(Membership { group, source, link: interface(link)? })
}

fn address(text: &str, family: Domain) -> Result<IpAddr> {
    match text.parse() {
        Ok(address @ IpAddr::V4(_)) if family == Domain::IPV4 => Ok(address),
        Ok(address @ IpAddr::V6(_)) if family == Domain::IPV6 => Ok(address),
        _ => Err(Error::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Interface {
        sys::interfaces().unwrap().into_iter().find(|row| row.loopback).unwrap()
    }

    #[test]
    fn an_interface_goes_by_name_number_and_address() {
        let loopback = loopback();
        for text in [loopback.name.clone(), loopback.index.to_string(), "127.0.0.1".to_owned()] {
            let link = interface(&text).unwrap();
            assert_eq!((&link.name, link.index), (&loopback.name, loopback.index), "{text}");
            assert_eq!(link.address, Ipv4Addr::LOCALHOST, "{text}");
        }
        assert_eq!(interface("").unwrap().index, 0);
        for text in ["no such thing", "4000000000", "0", "192.0.2.1"] {
            assert_eq!(interface(text).unwrap_err(), Error::ENODEV, "{text}");
        }
    }

    #[test]
    fn an_interface_reads_as_its_name() {
        let Interface { name, index, .. } = loopback();
        assert_eq!(format(InterfaceId::Index(index)).as_ref(), Ok(&name));
        assert_eq!(format(InterfaceId::Address(Ipv4Addr::LOCALHOST)).as_ref(), Ok(&name));
        assert_eq!(format(InterfaceId::Name(name.clone())), Ok(name));
        assert_eq!(format(InterfaceId::Index(0)), Ok(String::new()));
        let foreign = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(format(InterfaceId::Address(foreign)), Ok("192.0.2.1".to_owned()));
    }

    #[test]
    fn memberships_are_read_whole() {
        let Interface { name, index, .. } = loopback();
        let text = format!("192.0.2.1@232.1.2.3%{name}");
        let membership = membership(&text, Value::SourceGroup, Domain::IPV4).unwrap();
        assert_eq!(membership.group, IpAddr::from([232, 1, 2, 3]));
        assert_eq!(membership.source, Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(membership.link.index, index);
    }

    #[test]
    fn what_is_no_membership_is_refused() {
        for text in ["", "239.1.2", "239.1.2.3%", "127.0.0.1", "ff02::1", "@239.1.2.3", "::1@239.1.2.3"] {
            let error = membership(text, Value::Group, Domain::IPV4).unwrap_err();
            assert_eq!(error, Error::EINVAL, "{text}");
        }
        for text in ["", "232.1.2.3", "@232.1.2.3", "192.0.2.1@", "2001:db8::1@232.1.2.3", "a@b@c"] {
            let error = membership(text, Value::SourceGroup, Domain::IPV4).unwrap_err();
            assert_eq!(error, Error::EINVAL, "{text}");
        }
        assert_eq!(membership("ff02::1", Value::Group, Domain::IPV6).unwrap().source, None);
        let nowhere = membership("239.1.2.3%no-such", Value::Group, Domain::IPV4);
        assert_eq!(nowhere.unwrap_err(), Error::ENODEV);
    }
}
