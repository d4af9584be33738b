//! The system's resolver (getaddrinfo(3)) and its list of interfaces (getifaddrs(3)), on Unix. Not here: Windows (`windows`).

use crate::sys::{
    Interface, OUT_OF_MEMORY, OsError, ResolveError, Result, check, close, copy_address, has_memory,
    is_memory_short, open, own_spelling, uncancelled,
};
use libc::c_int;
use socket2::{Domain, SockAddr, Type};
use std::ffi::{CStr, CString};
use std::mem::offset_of;

/// Resolves a host and a service, as getaddrinfo(3). Blocks without a limit, as the system's resolver does: not for a thread
/// that has a deadline.
pub fn resolve(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: Option<Domain>,
    kind: Type,
) -> std::result::Result<Vec<SockAddr>, ResolveError> {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family.map_or(libc::AF_UNSPEC, c_int::from);
    hints.ai_socktype = c_int::from(kind);
    let mut list = std::ptr::null_mut();
    // musl compares with hosts(5) by letter case, and would ask the network for a name that is there in another case.
    let spelt = if cfg!(target_env = "musl") { host.and_then(own_spelling) } else { None };
    let host = spelt.as_deref().or(host).map_or(std::ptr::null(), CStr::as_ptr);
    let service = service.map_or(std::ptr::null(), CStr::as_ptr);
    // Some resolvers end the process when they get no memory.
    check_memory()?;
    // SAFETY: both texts are NUL-terminated or absent, and `list` receives a list that is freed below.
    match uncancelled(|| unsafe { libc::getaddrinfo(host, service, &hints, &mut list) }) {
        0 => {}
        libc::EAI_SYSTEM => return Err(ResolveError::Os(OsError::last())),
        // Out of memory or descriptors, some report that there is no such name.
        code => return Err(shortage().unwrap_or(ResolveError::Resolver(code))),
    }
    let addresses = copy_addresses(list);
    // SAFETY: the list came from getaddrinfo and is freed once.
    unsafe { libc::freeaddrinfo(list) };
    addresses.map_err(ResolveError::Os)
}

/// How much memory a resolver may need: it loads libraries, reads files and keeps answers.
const RESOLVER_MEMORY: usize = 256 << 10;

fn check_memory() -> std::result::Result<(), ResolveError> {
    if has_memory(RESOLVER_MEMORY) { Ok(()) } else { Err(ResolveError::Os(OUT_OF_MEMORY)) }
}

/// What a resolver may have failed for want of.
fn shortage() -> Option<ResolveError> {
    check_memory().err().or_else(|| can_ask().err().map(ResolveError::Os))
}

/// Copies a resolver's addresses, as far as they are of the internet families.
fn copy_addresses(list: *const libc::addrinfo) -> Result<Vec<SockAddr>> {
    let mut addresses = Vec::new();
    let mut entry = list;
    // SAFETY: the list is the resolver's own and ends with a null pointer.
    while let Some(info) = unsafe { entry.as_ref() } {
        addresses.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        addresses.extend(copy_sockaddr(info.ai_addr));
        entry = info.ai_next;
    }
    Ok(addresses)
}

/// Copies a `sockaddr` of one of the internet families.
fn copy_sockaddr(address: *const libc::sockaddr) -> Option<SockAddr> {
    // SAFETY: the caller's list holds a whole address, or none.
    unsafe {
        let family = c_int::from(address.as_ref()?.sa_family);
        copy_address(address.cast(), family.into())
    }
}

/// The number of the interface of that name, as if_nametoindex(3); `None` if there is none. An error if the system could not
/// look it up, for example out of descriptors.
pub fn interface_index(name: &str) -> Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    // SAFETY: the text is NUL-terminated.
    match uncancelled(|| unsafe { libc::if_nametoindex(name.as_ptr()) }) {
        0 => can_ask().map(|()| None),
        index => Ok(Some(index)),
    }
}

/// `Ok` if a descriptor can be opened: getaddrinfo(3) and if_nametoindex(3) need one, and do not say whether they got one.
fn can_ask() -> Result<()> {
    match open(Domain::UNIX, Type::DGRAM, 0) {
        Ok(fd) => close(fd),
        Err(error @ OsError(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS)) => {
            return Err(error);
        }
        Err(_) => {}
    }
    Ok(())
}

/// The name of the interface of that number, as if_indextoname(3).
#[must_use]
pub fn interface_name(index: u32) -> Option<String> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size that the function demands.
    let found = uncancelled(|| unsafe { libc::if_indextoname(index, name.as_mut_ptr()) });
    if found.is_null() {
        return None;
    }
    // SAFETY: on success the buffer holds a NUL-terminated name.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Some(name.to_string_lossy().into_owned())
}

/// The machine's interfaces, a row for each address, as getifaddrs(3).
pub fn interfaces() -> Result<Vec<Interface>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: `list` receives a list that is freed below.
    uncancelled(|| check(unsafe { libc::getifaddrs(&mut list) }))?;
    let rows = describe_interfaces(list);
    // SAFETY: the list came from getifaddrs and is freed once.
    unsafe { libc::freeifaddrs(list) };
    rows
}

fn describe_interfaces(list: *const libc::ifaddrs) -> Result<Vec<Interface>> {
    let mut rows = Vec::new();
    let mut entry = list;
    // SAFETY: the list is the system's own and ends with a null pointer.
    while let Some(info) = unsafe { entry.as_ref() } {
        if is_memory_short() {
            return Err(OUT_OF_MEMORY);
        }
        rows.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
        rows.push(describe_interface(info));
        entry = info.ifa_next;
    }
    Ok(rows)
}

fn describe_interface(info: &libc::ifaddrs) -> Interface {
    // SAFETY: the system gives every row a NUL-terminated name.
    let name = unsafe { CStr::from_ptr(info.ifa_name) };
    let has = |flag: c_int| info.ifa_flags as c_int & flag != 0;
    Interface {
        name: name.to_string_lossy().into_owned(),
        // SAFETY: the name is NUL-terminated.
        index: uncancelled(|| unsafe { libc::if_nametoindex(info.ifa_name) }),
        up: has(libc::IFF_UP),
        loopback: has(libc::IFF_LOOPBACK),
        multicast: has(libc::IFF_MULTICAST),
        address: copy_sockaddr(info.ifa_addr).and_then(|address| Some(address.as_socket()?.ip())),
        prefix: prefix(info),
    }
}

/// Counts the ones of a netmask. The BSDs leave its family empty, and may cut off the zeros at its end.
fn prefix(info: &libc::ifaddrs) -> u32 {
    if info.ifa_netmask.is_null() {
        return 0;
    }
    // SAFETY: the system gives a whole address, or none.
    let family =
        unsafe { info.ifa_addr.as_ref() }.map_or(libc::AF_UNSPEC, |address| address.sa_family.into());
    let (offset, length) = match family {
        libc::AF_INET => (offset_of!(libc::sockaddr_in, sin_addr), 4),
        libc::AF_INET6 => (offset_of!(libc::sockaddr_in6, sin6_addr), 16),
        _ => return 0,
    };
    // SAFETY: the mask is there, and begins with its length.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let length = length.min(usize::from(unsafe { (*info.ifa_netmask).sa_len }).saturating_sub(offset));
    // SAFETY: the mask has as many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(info.ifa_netmask.cast::<u8>().add(offset), length) };
    bytes.iter().map(|byte| byte.count_ones()).sum()
}
