//! In place of io_uring on systems without it: no ring can be made, and the caller transfers one by one.

use crate::sys::{Bytes, Fd, Result, Target, UNSUPPORTED};

/// No ring: no value of it exists.
#[derive(Debug)]
pub struct Ring(std::convert::Infallible);

/// One transfer, which is never carried out.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The result; stays `None`.
    pub outcome: Option<Result<usize>>,
}

impl Call {
    /// A send.
    #[must_use]
    pub const fn send(_fd: Fd, _bytes: Bytes) -> Self {
        Self { outcome: None }
    }

    /// A receive.
    #[must_use]
    pub const fn receive(_fd: Fd, _target: Target) -> Self {
        Self { outcome: None }
    }
}

impl Ring {
    /// Always [`UNSUPPORTED`].
    pub const fn new() -> Result<Self> {
        Err(UNSUPPORTED)
    }

    /// Never called.
    pub fn carry_out(&self, _calls: &mut [Call]) -> Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn close(&self) {
        match self.0 {}
    }
}
