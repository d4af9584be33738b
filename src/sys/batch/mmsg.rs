//! Many datagrams by one system call, and segments that the kernel makes and joins: Linux. Not here: other systems,
//! even those that have calls of these names (`one_by_one`).

use crate::sys::calls;
use crate::sys::{
    BATCH, Fd, Flags, Moved, PLATFORM_RECV, PLATFORM_SEND, Piece, Received, Result, WOULD_BLOCK, count,
    is_refusal, system_flags,
};
use libc::{c_int, c_uint, cmsghdr, mmsghdr, socklen_t};
use socket2::{SockAddr, SockAddrStorage};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::ptr::{from_mut, null_mut};

/// The kernel cuts a send into segments, and says of what it has received how it was cut.
pub const HAS_SEGMENTS: bool = true;

/// Room for the control messages of one datagram: its segments, and what the caller's raw options may put before them.
#[repr(C, align(8))]
struct Control([u8; 64]);

// SAFETY: no memory is touched.
const SEGMENT_LENGTH: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as c_uint) } as usize;

/// Datagrams for one call. Nothing of it is touched that no datagram needs.
pub struct Batch {
    length: usize,
    /// How many headers the last call has written.
    written: usize,
    /// Whether the kernel is asked how what it received was cut.
    reports_segments: bool,
    headers: [MaybeUninit<mmsghdr>; BATCH],
    pieces: [MaybeUninit<Piece>; BATCH],
    names: [MaybeUninit<SockAddrStorage>; BATCH],
    name_lengths: [socklen_t; BATCH],
    controls: [MaybeUninit<Control>; BATCH],
    segments: [u16; BATCH],
}

counted!(Batch);

impl Batch {
    /// An empty one. Only a UDP socket may be asked for segments: of others, control messages may bring descriptors.
    #[must_use]
    pub const fn new(reports_segments: bool) -> Self {
        Self {
            length: 0,
            written: 0,
            reports_segments,
            headers: [const { MaybeUninit::uninit() }; BATCH],
            pieces: [const { MaybeUninit::uninit() }; BATCH],
            names: [const { MaybeUninit::uninit() }; BATCH],
            name_lengths: [0; BATCH],
            controls: [const { MaybeUninit::uninit() }; BATCH],
            segments: [0; BATCH],
        }
    }

    /// Takes all out.
    pub const fn clear(&mut self) {
        self.length = 0;
        self.written = 0;
    }

    /// Adds room for a datagram, and for its sender if that is wanted.
    pub fn push_room(&mut self, piece: Piece, with_sender: bool) {
        let place = self.length;
        self.pieces[place].write(piece);
        self.name_lengths[place] = 0;
        if with_sender {
            self.names[place].write(SockAddrStorage::zeroed());
            self.name_lengths[place] = size_of::<SockAddrStorage>() as socklen_t;
        }
        self.length += 1;
    }

    /// Adds a datagram: to an address or the connected peer, in segments of a size or, with 0, as the socket has it.
    pub fn push(&mut self, piece: Piece, address: Option<SockAddr>, segment: u16) {
        let place = self.length;
        self.pieces[place].write(piece);
        self.segments[place] = segment;
        self.name_lengths[place] = address.as_ref().map_or(0, SockAddr::len);
        if let Some(address) = address {
            self.names[place].write(address.as_storage());
        }
        self.length += 1;
    }

    /// What the last call has received.
    #[must_use]
    pub fn received(&self, place: usize) -> Received {
        let header = self.header(place);
        let length = header.msg_hdr.msg_namelen.min(size_of::<SockAddrStorage>() as socklen_t);
        let sender = (length > 0).then(|| {
            // SAFETY: there is a name only where there was room for one, which was zero before the kernel wrote to it.
            unsafe { SockAddr::new(self.names[place].assume_init_read(), length) }
        });
        Received {
            length: header.msg_len as usize,
            cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            sender,
            segment: if self.reports_segments { segment(&header.msg_hdr) } else { 0 },
        }
    }

    /// How many bytes the last call has sent of a datagram.
    #[must_use]
    pub fn sent(&self, place: usize) -> usize {
        self.header(place).msg_len as usize
    }

    fn header(&self, place: usize) -> &mmsghdr {
        assert!(place < self.written);
        // SAFETY: so many were written.
        unsafe { self.headers[place].assume_init_ref() }
    }

    /// Points a datagram's header at its parts, which stay where they are until the call is over.
    fn address(&mut self, place: usize) -> &mut libc::msghdr {
        // SAFETY: plain numbers and pointers, for which zero is a value. Some C libraries have padding that must be zero.
        let header = self.headers[place].write(unsafe { zeroed() });
        header.msg_hdr.msg_iov = self.pieces[place].as_mut_ptr().cast();
        header.msg_hdr.msg_iovlen = 1;
        if self.name_lengths[place] > 0 {
            header.msg_hdr.msg_name = self.names[place].as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = self.name_lengths[place];
        }
        &mut header.msg_hdr
    }

    fn address_room(&mut self, place: usize) {
        let control = self.controls[place].as_mut_ptr();
        let reports_segments = self.reports_segments;
        let header = self.address(place);
        if reports_segments {
            header.msg_control = control.cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
    }

    fn address_datagram(&mut self, place: usize) {
        let segment = self.segments[place];
        if segment == 0 {
            self.address(place);
            return;
        }
        let control = from_mut(self.controls[place].write(Control([0; 64])));
        let header = self.address(place);
        header.msg_control = control.cast();
        header.msg_controllen = SEGMENT_LENGTH as _;
        // SAFETY: the control memory is large enough for one message with two bytes, and aligned for its header.
        unsafe {
            let message = control.cast::<cmsghdr>();
            (*message).cmsg_level = libc::SOL_UDP;
            (*message).cmsg_type = libc::UDP_SEGMENT;
            (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as c_uint) as _;
            libc::CMSG_DATA(message).cast::<u16>().write_unaligned(segment);
        }
    }
}

/// What the kernel says of the segments of a datagram; 0 if it is as it was sent.
fn segment(header: &libc::msghdr) -> u16 {
    // SAFETY: the kernel has filled in the control memory as far as the header says.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            if found.cmsg_level == libc::SOL_UDP && found.cmsg_type == libc::UDP_GRO {
                let size = libc::CMSG_DATA(message).cast::<c_int>().read_unaligned();
                return u16::try_from(size).unwrap_or(0);
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    0
}

/// Receives what is there, a datagram for each room of the batch at the most.
///
/// An error that comes after some datagrams stays with the socket: the kernel tells it next time.
pub fn recv_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    for place in 0..batch.length {
        batch.address_room(place);
    }
    batch.written = batch.length;
    let flags = PLATFORM_RECV | system_flags(flags);
    // SAFETY: so many headers were written just now, and the parts that they point at outlive the call; the kernel
    // checks the caller's memory (EFAULT).
    let received = count(unsafe {
        let headers = batch.headers.as_mut_ptr().cast();
        calls::recvmmsg(fd.0, headers, batch.length as c_uint, flags as _, null_mut()) as isize
    });
    match received {
        Err(error) if is_refusal(error) => one_by_one(batch, 0, batch.length, |header| {
            // SAFETY: as above.
            count(unsafe { calls::recvmsg(fd.0, header, flags) })
        }),
        received => Ok(Moved { count: received?, late_error: None }),
    }
}

/// For `recvmmsg` and `sendmmsg`. A receive that has an error after some datagrams has taken it, and tells it here.
#[cold]
fn one_by_one(
    batch: &mut Batch,
    from: usize,
    length: usize,
    mut call: impl FnMut(&mut libc::msghdr) -> Result<usize>,
) -> Result<Moved> {
    for (done, header) in batch.headers[from..from + length].iter_mut().enumerate() {
        // SAFETY: so many headers were written for this call.
        let header = unsafe { header.assume_init_mut() };
        match call(&mut header.msg_hdr) {
            Ok(bytes) => header.msg_len = bytes as c_uint,
            Err(error) if done == 0 => return Err(error),
            Err(error) => {
                return Ok(Moved { count: done, late_error: (error != WOULD_BLOCK).then_some(error) });
            }
        }
    }
    Ok(Moved { count: length, late_error: None })
}

/// Sends what there is room for; never raises SIGPIPE.
pub fn send_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    for place in 0..batch.length {
        batch.address_datagram(place);
    }
    batch.written = batch.length;
    let flags = PLATFORM_SEND | system_flags(flags);
    let sent = send_from(fd, batch, 0, batch.length, flags)?;
    match sent == batch.length {
        true => Ok(Moved { count: sent, late_error: None }),
        false => Ok(after_short(fd, batch, sent, flags)),
    }
}

/// The kernel does not say why it has stopped, and if it was the refusal of an earlier datagram, it has forgotten that now. The
/// datagram at which it has stopped is sent then, and its own refusal is there for the next call. If that does not go
/// either, there is no room, or its error comes again with it.
#[cold]
fn after_short(fd: Fd, batch: &mut Batch, sent: usize, flags: c_int) -> Moved {
    let more = send_from(fd, batch, sent, 1, flags).unwrap_or(0);
    Moved { count: sent + more, late_error: None }
}

fn send_from(fd: Fd, batch: &mut Batch, from: usize, length: usize, flags: c_int) -> Result<usize> {
    // SAFETY: these headers were written for this call, and the parts that they point at outlive it; the kernel checks
    // the caller's memory (EFAULT).
    let sent = count(unsafe {
        let headers = batch.headers[from..from + length].as_mut_ptr().cast();
        calls::sendmmsg(fd.0, headers, length as c_uint, flags as _) as isize
    });
    match sent {
        Err(error) if is_refusal(error) => one_by_one(batch, from, length, |header| {
            // SAFETY: as above.
            count(unsafe { calls::sendmsg(fd.0, header, flags) })
        })
        .map(|moved| moved.count),
        sent => sent,
    }
}
