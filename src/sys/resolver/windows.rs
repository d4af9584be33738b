//! The system's resolver (GetAddrInfoW) and its list of interfaces (GetAdaptersAddresses), on Windows. Not here: Unix (`unix`).

use crate::sys::start;
use crate::sys::{Interface, OUT_OF_MEMORY, OsError, ResolveError, Result, copy_address};
use socket2::{Domain, SockAddr, Type};
use std::ffi::{CStr, CString};
use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::{ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper as ip;
use windows_sys::Win32::NetworkManagement::Ndis::{IF_MAX_STRING_SIZE, IfOperStatusUp};
use windows_sys::Win32::Networking::WinSock as ws;

fn wide(text: &CStr) -> Vec<u16> {
    text.to_string_lossy().encode_utf16().chain([0]).collect()
}

/// Resolves a host and a service, as `GetAddrInfoW`. Blocks without a limit, as the system's resolver does: not for a thread
/// that has a deadline.
pub fn resolve(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: Option<Domain>,
    kind: Type,
) -> std::result::Result<Vec<SockAddr>, ResolveError> {
    start();
    let hints = ws::ADDRINFOW {
        ai_family: family.map_or(ws::AF_UNSPEC.into(), i32::from),
        ai_socktype: kind.into(),
        ..Default::default()
    };
    let (host, service) = (host.map(wide), service.map(wide));
    let start_of = |text: &Option<Vec<u16>>| text.as_ref().map_or(null(), |text| text.as_ptr());
    let mut list = null_mut();
    // SAFETY: both texts are NUL-terminated or absent, and `list` receives a list that is freed below.
    match unsafe { ws::GetAddrInfoW(start_of(&host), start_of(&service), &hints, &mut list) } {
        0 => {}
        code => return Err(ResolveError::Resolver(code)),
    }
    let mut addresses = Vec::new();
    let mut entry = list.cast_const();
    // SAFETY: the list is the resolver's own and ends with a null pointer.
    while let Some(info) = unsafe { entry.as_ref() } {
        // SAFETY: the resolver gives whole addresses of the family that it names.
        addresses.extend(unsafe { copy_address(info.ai_addr.cast(), info.ai_family.into()) });
        entry = info.ai_next;
    }
    // SAFETY: the list came from GetAddrInfoW and is freed once.
    unsafe { ws::FreeAddrInfoW(list) };
    Ok(addresses)
}

/// The number of the interface of that name.
pub fn interface_index(name: &str) -> Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    // SAFETY: the text is NUL-terminated.
    match unsafe { ip::if_nametoindex(name.as_ptr().cast()) } {
        0 => Ok(None),
        index => Ok(Some(index)),
    }
}

/// The path of the machine's own list of names.
pub(crate) fn hosts_file() -> std::path::PathBuf {
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| "C:\\Windows".into());
    std::path::Path::new(&root).join("System32\\drivers\\etc\\hosts")
}

/// The name of the interface of that number: `ethernet_32769`, not the one with blanks that users see.
#[must_use]
pub fn interface_name(index: u32) -> Option<String> {
    let mut name = [0; IF_MAX_STRING_SIZE as usize + 1];
    // SAFETY: the buffer has the size that the function demands.
    if unsafe { ip::if_indextoname(index, name.as_mut_ptr()) }.is_null() {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok().map(|name| name.to_string_lossy().into_owned())
}

type Adapter = ip::IP_ADAPTER_ADDRESSES_LH;

type Unicast = ip::IP_ADAPTER_UNICAST_ADDRESS_LH;

/// The machine's interfaces, a row for each address.
pub fn interfaces() -> Result<Vec<Interface>> {
    let list = adapters()?;
    let mut rows = Vec::new();
    let mut next: *const Adapter = if list.is_empty() { null() } else { list.as_ptr().cast() };
    // SAFETY: the system has filled in a list that lies in this memory and ends with a null pointer.
    while let Some(adapter) = unsafe { next.as_ref() } {
        let mut address: *const Unicast = adapter.FirstUnicastAddress;
        // SAFETY: as above.
        while let Some(unicast) = unsafe { address.as_ref() } {
            rows.try_reserve(1).map_err(|_| OUT_OF_MEMORY)?;
            rows.push(describe_interface(adapter, unicast));
            address = unicast.Next;
        }
        next = adapter.Next;
    }
    Ok(rows)
}

/// The list of adapters, in memory of the alignment that it needs.
fn adapters() -> Result<Vec<u64>> {
    let flags = ip::GAA_FLAG_SKIP_ANYCAST | ip::GAA_FLAG_SKIP_MULTICAST | ip::GAA_FLAG_SKIP_DNS_SERVER;
    // The first size that Microsoft's reference recommends.
    let mut size = 15_000;
    loop {
        let words = size as usize / size_of::<u64>() + 1;
        let mut list = Vec::<u64>::new();
        list.try_reserve_exact(words).map_err(|_| OUT_OF_MEMORY)?;
        list.resize(words, 0);
        // SAFETY: the list has room for the size that is given.
        let code = unsafe {
            let family = ws::AF_UNSPEC.into();
            ip::GetAdaptersAddresses(family, flags, null(), list.as_mut_ptr().cast(), &mut size)
        };
        match code {
            NO_ERROR => return Ok(list),
            ERROR_NO_DATA => return Ok(Vec::new()),
            ERROR_BUFFER_OVERFLOW => {}
            code => return Err(OsError(code as i32)),
        }
    }
}

fn describe_interface(adapter: &Adapter, unicast: &Unicast) -> Interface {
    let address = unicast.Address.lpSockaddr;
    // SAFETY: the system gives a whole address of the family that it names.
    let address = unsafe { copy_address(address.cast(), i32::from((*address).sa_family).into()) };
    let address = address.and_then(|address| Some(address.as_socket()?.ip()));
    // SAFETY: both members of the union are plain numbers.
    let (index, flags) = unsafe { (adapter.Anonymous1.Anonymous.IfIndex, adapter.Anonymous2.Flags) };
    let index = if index == 0 { adapter.Ipv6IfIndex } else { index };
    Interface {
        name: interface_name(index).unwrap_or_else(|| index.to_string()),
        index,
        up: adapter.OperStatus == IfOperStatusUp,
        loopback: adapter.IfType == ip::IF_TYPE_SOFTWARE_LOOPBACK,
        multicast: flags & ip::IP_ADAPTER_NO_MULTICAST == 0,
        address,
        prefix: unicast.OnLinkPrefixLength.into(),
    }
}
