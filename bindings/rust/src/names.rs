//! Names: hosts, interfaces, features. Not here: addresses of a socket.

use crate::call;
use crate::error::answer;
use crate::text::{Text, microseconds};
use std::io;
use std::time::Duration;

/// The addresses that a text stands for, best first, within a time; `None` is for ever. `kind` decides on families.
pub fn resolve(kind: impl Text, address: impl Text, time: Option<Duration>) -> io::Result<Vec<String>> {
    let all = answer(call::resolve(&kind, &address, microseconds(time)))?;
    Ok(all.lines().map(str::to_owned).collect())
}

/// The machine's interfaces: a line for each address, "eth0 2 up,multicast 192.0.2.7/24".
pub fn interfaces() -> io::Result<Vec<String>> {
    let all = answer(call::interfaces())?;
    Ok(all.lines().map(str::to_owned).collect())
}

/// Whether this library on this system has a feature: a kind, an option, "unix.abstract" and the like.
#[must_use]
pub fn has(feature: impl Text) -> bool {
    call::has(&feature) == 1
}
