//! Many datagrams by one system call (recvmmsg(2), sendmmsg(2)), and segments that the kernel cuts and joins (UDP_SEGMENT and
//! UDP_GRO of udp(7)): Linux. Not here: other systems, even those that have calls of these names (`one_by_one`).

use crate::sys::batch::move_each;
use crate::sys::calls;
use crate::sys::{
    BATCH, Fd, Flags, Moved, PLATFORM_RECV, PLATFORM_SEND, Piece, Received, Result, count, is_refusal,
    system_flags,
};
use libc::{c_int, c_uint, cmsghdr, mmsghdr, socklen_t};
use socket2::{SockAddr, SockAddrStorage};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::ptr::{from_mut, null_mut};

/// Whether a single call can send a buffer in segments (UDP GSO) and learn how a received one was joined (UDP GRO).
pub const HAS_SEGMENTS: bool = true;

/// Room for the control messages of one datagram: its segment size, and those that the caller has switched on with
/// raw options, which may come first.
#[repr(C, align(8))]
struct Control([u8; 64]);

// SAFETY: no memory is touched.
const SEGMENT_LENGTH: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as c_uint) } as usize;

/// Datagrams for one call. The arrays stay uninitialized where no datagram needs them: zeroing 64 KiB would cost more
/// than the system call.
pub struct Batch {
    length: usize,
    /// How many headers the last call has initialized.
    written: usize,
    /// Whether a receive has room for the kernel's UDP_GRO control message.
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
    /// An empty one. `reports_segments` is for UDP sockets only: on a unix socket, room for control messages would let
    /// file descriptors in (SCM_RIGHTS).
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

    /// Removes all datagrams.
    pub const fn clear(&mut self) {
        self.length = 0;
        self.written = 0;
    }

    /// Adds room for a datagram, and for its sender if that is wanted. The batch must not be full.
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

    /// Adds a datagram: to an address or the connected peer, in segments of this many bytes or, with 0, as the socket's
    /// UDP_SEGMENT option says. The batch must not be full.
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

    /// What the last call has received at this place.
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
        // SAFETY: the first `written` headers are initialized.
        unsafe { self.headers[place].assume_init_ref() }
    }

    /// Points a datagram's header at its piece and its name. They must not move until the call is over.
    fn fill_header(&mut self, place: usize) -> &mut libc::msghdr {
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

    fn fill_receive_header(&mut self, place: usize) {
        let control = self.controls[place].as_mut_ptr();
        let reports_segments = self.reports_segments;
        let header = self.fill_header(place);
        if reports_segments {
            header.msg_control = control.cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
    }

    fn fill_send_header(&mut self, place: usize) {
        let segment = self.segments[place];
        if segment == 0 {
            self.fill_header(place);
            return;
        }
        let control = from_mut(self.controls[place].write(Control([0; 64])));
        let header = self.fill_header(place);
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

/// The size of the segments that the kernel has joined, from its UDP_GRO control message; 0 if it has joined none.
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

/// Receives what is queued, a datagram for each room of the batch at the most; never blocks.
///
/// The kernel keeps an error that comes after some datagrams, and reports it to the socket's next call.
pub fn recv_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    for place in 0..batch.length {
        batch.fill_receive_header(place);
    }
    batch.written = batch.length;
    let flags = PLATFORM_RECV | system_flags(flags);
    // SAFETY: `length` headers were initialized just now, and the parts that they point at outlive the call; the
    // kernel checks the caller's memory (EFAULT).
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

/// In place of `recvmmsg` and `sendmmsg` where a sandbox refuses them (seccomp(2)) and the kernel has the calls for one
/// datagram only.
#[cold]
fn one_by_one(
    batch: &mut Batch,
    from: usize,
    length: usize,
    mut call: impl FnMut(&mut libc::msghdr) -> Result<usize>,
) -> Result<Moved> {
    move_each(batch.headers[from..from + length].iter_mut(), |header| {
        // SAFETY: these headers were initialized for this call.
        let header = unsafe { header.assume_init_mut() };
        header.msg_len = call(&mut header.msg_hdr)? as c_uint;
        Ok(())
    })
}

/// Sends what the system has room for; never blocks, never raises SIGPIPE.
pub fn send_many(fd: Fd, batch: &mut Batch, flags: Flags) -> Result<Moved> {
    for place in 0..batch.length {
        batch.fill_send_header(place);
    }
    batch.written = batch.length;
    let flags = PLATFORM_SEND | system_flags(flags);
    let sent = send_from(fd, batch, 0, batch.length, flags)?;
    match sent == batch.length {
        true => Ok(Moved { count: sent, late_error: None }),
        false => Ok(after_short(fd, batch, sent, flags)),
    }
}

/// Tries the datagram at which `sendmmsg` has stopped once more, by itself.
///
/// The kernel does not say why it has stopped. If it was a pending error (an ICMP refusal of an earlier datagram), the
/// call has cleared and lost that error: the datagram itself can go, and goes now. Else it fails once more: there is
/// no room, or the error is its own and the caller's next call, which begins with it, reports it.
#[cold]
fn after_short(fd: Fd, batch: &mut Batch, sent: usize, flags: c_int) -> Moved {
    let more = send_from(fd, batch, sent, 1, flags).unwrap_or(0);
    Moved { count: sent + more, late_error: None }
}

fn send_from(fd: Fd, batch: &mut Batch, from: usize, length: usize, flags: c_int) -> Result<usize> {
    // SAFETY: these headers were initialized for this call, and the parts that they point at outlive it; the kernel checks
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
