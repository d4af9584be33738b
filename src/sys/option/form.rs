//! How an option looks to the system: its numbers, and the form of its value. Not here: reading and setting one (`access`).

/// An option as the system knows it.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    /// The first number: the layer.
    pub level: i32,
    /// The second number.
    pub name: i32,
    /// What its bytes are.
    pub form: Form,
}

/// The bytes of an option. Times are microseconds on our side; coarser clocks round up.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each system has some of them")]
pub enum Form {
    /// An `int`.
    Int,
    /// An `unsigned int`.
    Unsigned,
    /// One byte.
    Byte,
    /// An `int` that is 0 or 1, where others count.
    Flag,
    /// An `int` that counts seconds.
    Seconds,
    /// An `int` that counts milliseconds.
    Millis,
    /// `struct linger`; its seconds.
    Linger,
    /// An `int` of which these two values are off and on.
    Either(i32, i32),
    /// An `int`, the same for another name.
    Both(i32),
    /// A number somewhere in a structure.
    Field(Field),
    /// A number somewhere in a structure that stands for one of these words.
    Word(Field, &'static [&'static str]),
    /// A text without a NUL.
    Text,
    /// An interface by its name.
    DeviceName,
    /// An interface by its number; the same for IPv6 by another level and name.
    DeviceIndex(i32, i32),
    /// An interface for IPv4 multicast: `struct ip_mreqn`.
    Mreqn,
    /// An interface for IPv4 multicast by its address.
    Address,
    /// An interface for IPv4 multicast by its number in network byte order.
    IndexAsAddress,
    /// An interface for IPv6 multicast by its number.
    Index,
    /// A multicast group: `struct group_req`.
    Group,
    /// A multicast group and a sender: `struct group_source_req`.
    SourceGroup,
    /// An IPv4 multicast group: `struct ip_mreq`.
    Mreq,
    /// An IPv6 multicast group: `struct ipv6_mreq`.
    Mreq6,
}

/// What the value of a [`Form`] is on our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nature {
    Number,
    Text,
    Interface,
    Membership,
}

impl Form {
    /// Which of the functions below serve it.
    #[must_use]
    pub const fn nature(self) -> Nature {
        match self {
            Self::Text | Self::Word(..) => Nature::Text,
            Self::DeviceName | Self::DeviceIndex(..) => Nature::Interface,
            Self::Mreqn | Self::Address | Self::IndexAsAddress | Self::Index => Nature::Interface,
            Self::Group | Self::SourceGroup | Self::Mreq | Self::Mreq6 => Nature::Membership,
            _ => Nature::Number,
        }
    }
}

/// Where in a structure a number stands, and what it has to be multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    offset: usize,
    size: usize,
    unit: i64,
    /// Where a second number stands that multiplies the first.
    factor: Option<usize>,
}

#[allow(dead_code, reason = "each system has some of them")]
impl Field {
    /// A number of `size` bytes.
    pub(super) const fn new(offset: usize, size: usize) -> Self {
        Self { offset, size, unit: 1, factor: None }
    }

    pub(super) const fn byte(offset: usize) -> Self {
        Self::new(offset, 1)
    }

    pub(super) const fn word(offset: usize) -> Self {
        Self::new(offset, 4)
    }

    pub(super) const fn long(offset: usize) -> Self {
        Self::new(offset, 8)
    }

    /// The same, counted in milliseconds.
    pub(super) const fn millis(self) -> Self {
        Self { unit: MILLISECOND, ..self }
    }

    /// The same, counted in units whose size is the 32-bit number over there.
    pub(super) const fn times(self, factor: usize) -> Self {
        Self { factor: Some(factor), ..self }
    }

    /// The number; `None` if the structure ends before it, as an older kernel's does.
    pub(super) fn read(self, bytes: &[u8]) -> Option<i64> {
        let value = match self.size {
            1 => i64::from(*bytes.get(self.offset)?),
            4 => i64::from(u32::from_ne_bytes(bytes_at(bytes, self.offset)?)),
            _ => i64::from_ne_bytes(bytes_at(bytes, self.offset)?),
        };
        let factor = match self.factor {
            Some(offset) => i64::from(u32::from_ne_bytes(bytes_at(bytes, offset)?)),
            None => 1,
        };
        Some(value.saturating_mul(self.unit).saturating_mul(factor))
    }
}

pub(super) fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

pub(super) const MILLISECOND: i64 = 1_000;

pub(super) const SECOND: i64 = 1_000_000;
