//! An error as the operating system numbers it. Not here: which numbers have a meaning to the library (`unix`, `windows`).

/// An error as the operating system numbers it (`errno`, `WSAGetLastError`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OsError(pub i32);

/// The result of a system call.
pub type Result<T> = std::result::Result<T, OsError>;

/// A failure of `getaddrinfo`: the resolver has numbers of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolveError {
    /// One of the system's `EAI_*` numbers.
    Resolver(i32),
    /// `EAI_SYSTEM`: the cause is an ordinary system error.
    Os(OsError),
}
