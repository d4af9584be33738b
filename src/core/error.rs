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
mod os_text;
mod resolver;
mod windows;

#[cfg(test)]
mod tests;

pub use codes::{ALIASES, TABLE};

/// What can go wrong: a negative code, the same on every system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error(i64);

/// The result of anything that can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// A count or an error in one word, for ways on which two would have to be saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packed(i64);

impl From<Result<usize>> for Packed {
    #[inline(always)]
    fn from(result: Result<usize>) -> Self {
        Self(result.map_or_else(Error::code, |count| count as i64))
    }
}

impl Packed {
    /// What was packed.
    #[inline(always)]
    pub fn unpack(self) -> Result<usize> {
        Error::from_code(self.0).map_or(Ok(self.0 as usize), Err)
    }
}

/// A code with its texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The number that a caller sees: negative for an error.
    pub code: i64,
    /// The symbol, as `ETIMEDOUT`.
    pub name: &'static CStr,
    /// What it means, in lower case and without a full stop.
    pub message: &'static CStr,
}

/// A second name for a code that [`TABLE`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alias {
    /// The second symbol, as `EWOULDBLOCK`.
    pub name: &'static CStr,
    /// The error that it names.
    pub error: Error,
}

/// A system with numbers of its own. All tables are compiled everywhere, so that every host tests
/// all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// Linux and Android with the numbers of most architectures: the numbers that [`Error`] uses.
    Linux,
    /// Linux on MIPS, which took over the numbers of System V.
    LinuxMips,
    /// Linux on SPARC, which took over the numbers of SunOS.
    LinuxSparc,
    /// macOS, iOS and their siblings.
    Apple,
    /// FreeBSD.
    FreeBsd,
    /// NetBSD.
    NetBsd,
    /// OpenBSD.
    OpenBsd,
    /// DragonFly BSD.
    DragonFly,
    /// Windows: Winsock's codes and the Win32 codes that socket calls return.
    Windows,
}

/// Pairs of a system's number and its [`Error`], sorted by number.
type Map = &'static [(i32, Error)];

/// An operating system's error `n` that has no equivalent is `-(OS_BASE + n)`.
const OS_BASE: i64 = 20_000;

const SUCCESS: Row = Row { code: 0, name: c"OK", message: c"success" };

impl Error {
    /// The negative number that a caller sees.
    pub const fn code(self) -> i64 {
        self.0
    }

    /// The error that a kept code stands for; `None` for a code that is none.
    pub const fn from_code(code: i64) -> Option<Self> {
        if code < 0 { Some(Self(code)) } else { None }
    }

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

    /// The error for what `getaddrinfo` returned.
    ///
    /// `EAI_SYSTEM` says that `errno` knows more; a caller who asks here instead gets
    /// [`Error::EAI_FAIL`]. Windows has no such code, because its resolver returns any Winsock code
    /// itself.
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

fn describe(code: i64) -> Row {
    if code == 0 {
        return SUCCESS;
    }
    // The table counts downwards, from -1.
    if let Ok(index) = TABLE.binary_search_by(|row| code.cmp(&row.code)) {
        return TABLE[index];
    }
    os_text::row(code).unwrap_or(Row { code, name: c"EUNKNOWN", message: c"unknown error" })
}

fn find(map: Map, number: i32) -> Option<Error> {
    let index = map.binary_search_by_key(&number, |&(number, _)| number);
    Some(map[index.ok()?].1)
}
