//! What is to be sent, and how much of it has gone. Not here: when it is its turn.

use crate::core::error::{Error, Result};
use crate::core::handle::slot::Slot;
use crate::core::handle::table::Ref;
use crate::core::memory;
use crate::core::name::flat::Flat;
use crate::core::queue::pool::Lease;
use crate::core::queue::record::Head;
use crate::core::socket::send_file::Portion;
use crate::core::socket::transfer;
use crate::sys::{self, Bytes};

/// Where bytes lie until they have gone.
#[derive(Debug)]
pub enum Payload {
    /// In the caller's memory: during the run in which they came, and no longer.
    Caller(Bytes),
    Copy(Vec<u8>),
    Buffer(Lease, Bytes),
}

impl Payload {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Caller(bytes) | Self::Buffer(_, bytes) => bytes.as_slice(),
            Self::Copy(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
enum What {
    Bytes(Payload),
    Datagram(Payload, Box<Flat>),
    File(Box<Portion>),
}

#[derive(Debug)]
pub struct Sending {
    what: What,
    /// How many bytes the system has.
    pub moved: usize,
    /// How many it shall have; of a file it may be fewer.
    length: usize,
    /// How many had gone before the first of those that are kept here.
    start: usize,
}

/// A transfer that is tried when all operations of the run are taken.
#[derive(Debug)]
pub struct Batched {
    pub at: u32,
    pub head: Head,
    pub sending: Sending,
}

/// What an attempt has come to.
#[derive(PartialEq, Eq, Debug)]
pub enum Progress {
    Complete,
    /// The rest must wait.
    Waits,
    Failed(Error),
}

impl Sending {
    #[inline]
    pub fn bytes(payload: Payload) -> Self {
        Self { length: payload.bytes().len(), what: What::Bytes(payload), moved: 0, start: 0 }
    }

    pub fn datagram(payload: Payload, to: Flat) -> Self {
        Self {
            length: payload.bytes().len(),
            what: What::Datagram(payload, Box::new(to)),
            moved: 0,
            start: 0,
        }
    }

    pub fn file(portion: Portion) -> Self {
        Self { what: What::File(Box::new(portion)), moved: 0, length: 0, start: 0 }
    }

    /// How many bytes of it count towards the limit while it waits.
    pub const fn weight(&self) -> usize {
        match &self.what {
            What::Bytes(Payload::Buffer(..)) | What::Datagram(Payload::Buffer(..), _) | What::File(_) => 0,
            What::Bytes(_) | What::Datagram(..) => self.length - self.moved,
        }
    }

    /// Whether so many bytes are all of it.
    #[inline]
    pub const fn is_whole(&self, count: usize) -> bool {
        count == self.length && self.moved == 0
    }

    /// How many bytes there are to send.
    #[inline]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The bytes and where they go, where a system call takes both.
    pub fn as_datagram(&self) -> Option<(&[u8], Option<&Flat>)> {
        match &self.what {
            What::Bytes(payload) => Some((payload.bytes(), None)),
            What::Datagram(payload, to) => Some((payload.bytes(), Some(to))),
            What::File(_) => None,
        }
    }

    /// All of it has gone.
    #[must_use]
    pub fn gone(self) -> Self {
        Self { moved: self.length, ..self }
    }

    /// Tries to send what is left, without waiting.
    #[inline]
    pub fn attempt(&mut self, slot: &Ref) -> Progress {
        let outcome = match &mut self.what {
            What::Bytes(payload) => {
                transfer::try_send(slot, payload.bytes().get(self.moved - self.start..).unwrap_or_default())
            }
            What::Datagram(payload, to) => transfer::try_send_datagram(slot, payload.bytes(), to),
            What::File(portion) => match portion.send(slot) {
                Ok((moved, ended)) => {
                    self.moved += moved;
                    return if ended { Progress::Complete } else { Progress::Waits };
                }
                Err(error) => Err(error),
            },
        };
        self.note(outcome, slot.kind().is_byte_stream())
    }

    /// The bytes that are left, if they are all that there is to send, and to the peer.
    #[inline]
    pub fn plain(&self) -> Option<Bytes> {
        let What::Bytes(payload) = &self.what else { return None };
        let bytes = match payload {
            Payload::Caller(bytes) | Payload::Buffer(_, bytes) => *bytes,
            Payload::Copy(_) => return None,
        };
        Some(bytes.from(self.moved - self.start)).filter(|left| left.length() > 0)
    }

    /// What has come of a transfer that was carried out elsewhere.
    pub fn carried_out(&mut self, slot: &Slot, outcome: sys::Result<usize>) -> Progress {
        let What::Bytes(payload) = &self.what else { return Progress::Failed(Error::EINTERNAL) };
        let left = payload.bytes().get(self.moved - self.start..).unwrap_or_default();
        let outcome = transfer::finish_send(slot, left, outcome);
        self.note(outcome, slot.kind().is_byte_stream())
    }

    /// What comes of a system call.
    pub fn note(&mut self, outcome: Result<usize>, is_stream: bool) -> Progress {
        match outcome {
            Ok(moved) => {
                self.moved += moved;
                // A datagram goes whole, whatever the system counts.
                if self.moved >= self.length || !is_stream { Progress::Complete } else { Progress::Waits }
            }
            Err(Error::EAGAIN) => Progress::Waits,
            Err(error) => Progress::Failed(error),
        }
    }

    /// Copies what lies in the caller's memory: the run is about to return.
    pub fn keep(&mut self) -> Result<()> {
        let payload = match &mut self.what {
            What::Bytes(payload) | What::Datagram(payload, _) => payload,
            What::File(portion) => return portion.keep(),
        };
        if let Payload::Caller(bytes) = payload {
            memory::check()?;
            *payload = Payload::Copy(memory::copy(bytes.from(self.moved).as_slice())?);
            self.start = self.moved;
        }
        Ok(())
    }

    /// The buffer in which it lies, if it does.
    #[inline]
    pub fn into_lease(self) -> Option<Lease> {
        match self.what {
            What::Bytes(Payload::Buffer(lease, _)) | What::Datagram(Payload::Buffer(lease, _), _) => {
                Some(lease)
            }
            What::Bytes(_) | What::Datagram(..) | What::File(_) => None,
        }
    }
}
