//! Errors: what every fallible call returns on every system. Codes are Linux `errno` numbers
//! negated, resolver failures have numbers of their own, and an operating system's error without an
//! equivalent keeps its number, shifted out of the way. Not here: asking the system for its last
//! error (that is `sys`), and C strings beyond the static texts.

use std::ffi::CStr;
use std::fmt;

/// A table from a system's own numbers to [`Error`], sorted by number: `35 EAGAIN` where the name
/// says it all, `10035 WSAEWOULDBLOCK => EAGAIN` where the system calls it otherwise.
macro_rules! map {
    (@ $name:ident) => { Error::$name };
    (@ $name:ident $ours:ident) => { Error::$ours };
    ($($number:literal $name:ident $(=> $ours:ident)?),* $(,)?) => {
        &[$(($number, map!(@ $name $($ours)?))),*]
    };
}

mod bsd;

mod codes;

mod linux;

pub mod os;

mod os_text;

mod resolver;

mod windows;

#[cfg(test)]
mod tests;

mod number;

pub use codes::{ALIASES, NAMED};
pub use number::{Alias, CountOrError, Described, Error, Result, System};

use number::{Map, OS_BASE, SUCCESS};

impl Error {
    /// The error for a system's own number.
    ///
    /// A number that no system uses for a failure (zero, negative) is `EIO`: a call that failed
    /// never turns into a success.
    pub fn from_os(system: System, os_code: i32) -> Self {
        if os_code <= 0 {
            return Self::EIO;
        }
        system
            .errors()
            .into_iter()
            .find_map(|map| find(map, os_code))
            .unwrap_or(Self(-(OS_BASE + i64::from(os_code))))
    }

    /// The system's own number for the error, the lowest where there are several; that of `EIO` for an error that no system
    /// call returns.
    pub fn to_os(self, system: System) -> i32 {
        let mut known = system.errors().into_iter().flatten();
        match known.find(|(_, error)| *error == self) {
            Some((number, _)) => *number,
            None if self.0 < -OS_BASE => i32::try_from(-self.0 - OS_BASE).unwrap_or(i32::MAX),
            None => Self::EIO.to_os(system),
        }
    }

    /// The error for what `getaddrinfo` returned.
    ///
    /// `EAI_SYSTEM` means that the error is in `errno`, so that a caller should use [`Error::from_os`]; here it becomes
    /// [`Error::EAI_FAIL`]. Windows has no such code, because its resolver returns any Winsock code itself.
    pub fn from_resolver(system: System, code: i32) -> Self {
        if let Some(error) = find(system.resolver_errors(), code) {
            return error;
        }
        if system == System::Windows {
            return Self::from_os(system, code);
        }
        Self::EAI_FAIL
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&message(self.0).to_string_lossy())
    }
}

impl std::error::Error for Error {}

impl System {
    /// The system that this build runs on.
    pub const HOST: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_vendor = "apple") {
        Self::Apple
    } else if cfg!(target_os = "freebsd") {
        Self::FreeBsd
    } else if cfg!(target_os = "netbsd") {
        Self::NetBsd
    } else if cfg!(target_os = "openbsd") {
        Self::OpenBsd
    } else if cfg!(target_os = "dragonfly") {
        Self::DragonFly
    } else if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        panic!("the error numbers of this system are not known")
    } else if cfg!(any(
        target_arch = "mips",
        target_arch = "mips32r6",
        target_arch = "mips64",
        target_arch = "mips64r6"
    )) {
        Self::LinuxMips
    } else if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) {
        Self::LinuxSparc
    } else {
        Self::Linux
    };

    /// What systems share, then what this one adds.
    const fn errors(self) -> [Map; 2] {
        match self {
            Self::Linux => [codes::LINUX, linux::EXTRA],
            Self::LinuxMips => [linux::BASE, linux::MIPS],
            Self::LinuxSparc => [linux::BASE, linux::SPARC],
            Self::Apple => [bsd::BASE, bsd::APPLE],
            Self::FreeBsd => [bsd::BASE, bsd::FREEBSD],
            Self::NetBsd => [bsd::BASE, bsd::NETBSD],
            Self::OpenBsd => [bsd::BASE, bsd::OPENBSD],
            Self::DragonFly => [bsd::BASE, bsd::DRAGONFLY],
            Self::Windows => [windows::WINSOCK, windows::WIN32],
        }
    }

    const fn resolver_errors(self) -> Map {
        match self {
            Self::Linux | Self::LinuxMips | Self::LinuxSparc => resolver::LINUX,
            Self::Apple | Self::FreeBsd | Self::NetBsd | Self::DragonFly => resolver::BSD,
            Self::OpenBsd => resolver::OPENBSD,
            Self::Windows => resolver::WINDOWS,
        }
    }
}

/// The symbol of any number: `OK`, `ETIMEDOUT`, `EOS_n` for an operating system's own error,
/// `EUNKNOWN`.
pub fn name(code: i64) -> &'static CStr {
    describe(code).name
}

/// What any number means, in lower case and without a full stop.
pub fn message(code: i64) -> &'static CStr {
    describe(code).message
}

fn describe(code: i64) -> Described {
    if code == 0 {
        return SUCCESS;
    }
    // The table counts downwards, from -1.
    if let Ok(index) = NAMED.binary_search_by(|row| code.cmp(&row.code)) {
        return NAMED[index];
    }
    os_text::row(code).unwrap_or(Described { code, name: c"EUNKNOWN", message: c"unknown error" })
}

fn find(map: Map, number: i32) -> Option<Error> {
    let index = map.binary_search_by_key(&number, |&(number, _)| number);
    Some(map[index.ok()?].1)
}
