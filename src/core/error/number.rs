//! The types: an error, a row of the tables, a system. Not here: which errors there are (`codes`), and how systems number them
//! (`linux`, `bsd`, `windows`, `resolver`).

use std::ffi::CStr;

/// The result of anything that can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// A count or an error in one word. A `Result<usize>` takes two registers; on the paths of `recv` and `send` the second would
/// have to be saved and restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountOrError(i64);

impl From<Result<usize>> for CountOrError {
    #[inline(always)]
    fn from(result: Result<usize>) -> Self {
        Self(result.map_or_else(Error::code, |count| count as i64))
    }
}

impl CountOrError {
    /// Back to a `Result`.
    #[inline(always)]
    pub fn unpack(self) -> Result<usize> {
        Error::from_code(self.0).map_or(Ok(self.0 as usize), Err)
    }
}

/// A code with its texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Described {
    /// The number that a caller sees: negative for an error.
    pub code: i64,
    /// The symbol, as `ETIMEDOUT`.
    pub name: &'static CStr,
    /// What it means, in lower case and without a full stop.
    pub message: &'static CStr,
}

/// A second name for a code that `NAMED` holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alias {
    /// The second symbol, as `EWOULDBLOCK`.
    pub name: &'static CStr,
    /// The error that it names.
    pub error: Error,
}

/// Pairs of a system's number and its [`Error`], sorted by number.
pub(super) type Map = &'static [(i32, Error)];

/// An operating system's error `n` that has no equivalent is `-(OS_BASE + n)`.
pub(super) const OS_BASE: i64 = 20_000;

pub(super) const SUCCESS: Described = Described { code: 0, name: c"OK", message: c"success" };

/// What can go wrong: a negative code, the same on every system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error(pub(super) i64);

impl Error {
    /// The negative number that a caller sees.
    pub const fn code(self) -> i64 {
        self.0
    }

    /// The error of a code that [`Self::code`] gave; `None` for a code that is no error.
    pub const fn from_code(code: i64) -> Option<Self> {
        if code < 0 { Some(Self(code)) } else { None }
    }
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
