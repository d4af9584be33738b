//! The machine's own list of names, hosts(5). Not here: asking the resolver (`unix`, `windows`).

use crate::sys::{hosts_file, uncancelled};
use std::ffi::{CStr, CString};
use std::net::IpAddr;

/// Whether the host is an IP address, or a name in the machine's own list: the resolver then usually asks no server. Reads the
/// list anew each time.
#[must_use]
pub fn is_own_name(host: &CStr) -> bool {
    host.to_str().is_ok_and(|host| host.parse::<IpAddr>().is_ok()) || own_spelling(host).is_some()
}

/// The name with the capitals that it has in the machine's own list; `None` if it is not there.
pub(in crate::sys) fn own_spelling(host: &CStr) -> Option<CString> {
    let list = uncancelled(|| std::fs::read(hosts_file())).unwrap_or_default();
    let mut names = list.split(|byte| *byte == b'\n').flat_map(names_in);
    names.find(|name| name.eq_ignore_ascii_case(host.to_bytes())).and_then(|name| CString::new(name).ok())
}

/// The names of a line of hosts(5): an address, then its names, then perhaps a comment.
fn names_in(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1)
}
