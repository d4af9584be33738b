//! How an option looks to the system: its level and name, and how its value is encoded in bytes. Not here: reading and setting
//! one (`access`).

/// An option as setsockopt(2) takes it.
#[derive(Clone, Copy, Debug)]
pub struct SockOpt {
    /// The protocol layer, such as `SOL_SOCKET`.
    pub level: i32,
    /// The number of the option at that level.
    pub name: i32,
    /// How its value is encoded.
    pub encoding: Encoding,
}

/// How the value of an option is encoded in bytes. Times are microseconds on this library's side, and rounded up for a coarser
/// clock.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each system has some of them")]
pub enum Encoding {
    /// An `int`.
    Int,
    /// An `unsigned int`.
    Unsigned,
    /// One byte.
    Byte,
    /// An `int` that is 0 or 1, of an option that is a count on other systems: any other value than 0 sets 1.
    Flag,
    /// An `int` that counts seconds.
    Seconds,
    /// An `int` that counts milliseconds.
    Millis,
    /// `struct linger`: a time in microseconds on this library's side, -1 for off.
    Linger,
    /// An `int` whose first value here means off and the second on.
    Either(i32, i32),
    /// An `int` that is set for this second name as well.
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

/// The type that a value of some [`Encoding`] has on this library's side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueType {
    Number,
    Text,
    Interface,
    Membership,
}

impl Encoding {
    /// Which of the functions of `access` read and set it.
    #[must_use]
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Text | Self::Word(..) => ValueType::Text,
            Self::DeviceName | Self::DeviceIndex(..) => ValueType::Interface,
            Self::Mreqn | Self::Address | Self::IndexAsAddress | Self::Index => ValueType::Interface,
            Self::Group | Self::SourceGroup | Self::Mreq | Self::Mreq6 => ValueType::Membership,
            _ => ValueType::Number,
        }
    }
}

/// Where in a structure a number is, and what it has to be multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    offset: usize,
    size: usize,
    unit: i64,
    /// The offset of a 32-bit number that multiplies the first.
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

    /// The same, counted in units whose size is the 32-bit number at offset `factor`.
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
