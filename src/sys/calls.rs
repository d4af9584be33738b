//! System calls that are no cancellation points, on Unix, so that pthread_cancel(3) takes effect after a call of the library and
//! never in it. The C library's functions of these names are cancellation points, and a thread that ends in one leaks all that the
//! call holds, or ends the process. Not here: what the calls are used for (`transfer`, `poll` and others).

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
use crate::sys::OsError;
use crate::sys::Result;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
use crate::sys::count;
use libc::{c_int, c_void, sockaddr, socklen_t};

#[cfg(not(any(all(target_os = "linux", target_pointer_width = "64"), target_vendor = "apple")))]
pub(super) use libc::ppoll;

/// recvfrom(2): receives, with the sender's address if there is room for one.
///
/// # Safety
/// The memory must be as recvfrom(2) wants it.
#[inline(always)]
pub(super) unsafe fn recvfrom(
    fd: c_int,
    (data, length): (*mut c_void, usize),
    flags: c_int,
    (name, name_length): (*mut sockaddr, *mut socklen_t),
) -> Result<usize> {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    // SAFETY: the caller vouches for the memory.
    return answered(unsafe {
        let arguments =
            [fd as usize, data as usize, length, flags as usize, name as usize, name_length as usize];
        direct::six(libc::SYS_recvfrom, arguments)
    });
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    // SAFETY: the caller vouches for the memory.
    count(unsafe { libc::recvfrom(fd, data, length as _, flags, name, name_length) as isize })
}

/// sendto(2): sends, to an address if there is one.
///
/// # Safety
/// The memory must be as sendto(2) wants it.
#[inline(always)]
pub(super) unsafe fn sendto(
    fd: c_int,
    (data, length): (*const c_void, usize),
    flags: c_int,
    (name, name_length): (*const sockaddr, socklen_t),
) -> Result<usize> {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    // SAFETY: the caller vouches for the memory.
    return answered(unsafe {
        let arguments =
            [fd as usize, data as usize, length, flags as usize, name as usize, name_length as usize];
        direct::six(libc::SYS_sendto, arguments)
    });
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    // SAFETY: the caller vouches for the memory.
    count(unsafe { libc::sendto(fd, data, length as _, flags, name, name_length) as isize })
}

/// accept4(2): accepts a connection, with the peer's address.
///
/// # Safety
/// The memory must be as accept4(2) wants it.
#[cfg(not(target_vendor = "apple"))]
#[inline(always)]
pub(super) unsafe fn accept4(
    fd: c_int,
    (name, name_length): (*mut sockaddr, *mut socklen_t),
    flags: c_int,
) -> Result<c_int> {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    // SAFETY: the caller vouches for the memory.
    return answered(unsafe {
        let arguments = [fd as usize, name as usize, name_length as usize, flags as usize, 0, 0];
        direct::six(libc::SYS_accept4, arguments)
    })
    .map(|fd| fd as c_int);
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    // SAFETY: the caller vouches for the memory.
    super::check(unsafe { libc::accept4(fd, name, name_length, flags) })
}

/// The kernel's result: a count, or an error as its negated number.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[inline(always)]
const fn answered(answer: isize) -> Result<usize> {
    if answer >= 0 { Ok(answer as usize) } else { Err(OsError(-answer as c_int)) }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub(super) use libc::{close, readv, recvmsg, sendmsg, writev};
#[cfg(any(target_os = "android", all(target_os = "linux", not(target_pointer_width = "64"))))]
pub(super) use libc::{epoll_wait, read, recvmmsg, sendmmsg, write};

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(super) use direct::*;

/// The calls themselves, by syscall(2), which is no cancellation point and sets `errno` as the C library's functions do.
///
/// Each is as unsafe as the C library's function of its name.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[cfg_attr(kqueue_model, allow(dead_code, reason = "what epoll and its waker use"))]
mod direct {
    use libc::{c_int, c_long, c_uint, c_void, epoll_event, iovec, mmsghdr, msghdr, nfds_t, pollfd};
    use libc::{sigset_t, size_t, ssize_t, syscall, timespec};

    /// The size of a mask of signals to the kernel.
    const MASK: usize = 8;

    /// A call with six arguments, by the shortest way: what the kernel answers, an error as its number negated.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub unsafe fn six(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        let answer;
        // SAFETY: this is how the kernel is called (syscall(2)); the caller vouches for the arguments.
        unsafe {
            std::arch::asm!(
                "syscall", inlateout("rax") number as isize => answer, in("rdi") first, in("rsi") second,
                in("rdx") third, in("r10") fourth, in("r8") fifth, in("r9") sixth,
                lateout("rcx") _, lateout("r11") _, options(nostack)
            );
        }
        answer
    }

    /// A call with six arguments, by the shortest way: what the kernel answers, an error as its number negated.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub unsafe fn six(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        let answer;
        // SAFETY: this is how the kernel is called (syscall(2)); the caller vouches for the arguments.
        unsafe {
            std::arch::asm!(
                "svc 0", in("x8") number, inlateout("x0") first as isize => answer, in("x1") second,
                in("x2") third, in("x3") fourth, in("x4") fifth, in("x5") sixth, options(nostack)
            );
        }
        answer
    }

    /// A call with six arguments: what the kernel answers, an error as its number negated.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub unsafe fn six(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        // SAFETY: the caller vouches for the arguments.
        match unsafe { syscall(number, first, second, third, fourth, fifth, sixth) } {
            -1 => -(crate::sys::OsError::last().0 as isize),
            answer => answer as isize,
        }
    }

    pub unsafe fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_recvmsg, fd, message, flags) as ssize_t }
    }

    pub unsafe fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_sendmsg, fd, message, flags) as ssize_t }
    }

    pub unsafe fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        count: c_uint,
        flags: c_int,
        time: *mut timespec,
    ) -> c_int {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_recvmmsg, fd, messages, count, flags, time) as c_int }
    }

    pub unsafe fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_sendmmsg, fd, messages, count, flags) as c_int }
    }

    /// Unlike the C library's, it writes to `time` what is left of it.
    #[inline(always)]
    pub unsafe fn ppoll(
        entries: *mut pollfd,
        count: nfds_t,
        time: *mut timespec,
        mask: *const sigset_t,
    ) -> c_int {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_ppoll, entries, count, time, mask, MASK) as c_int }
    }

    #[inline(always)]
    pub unsafe fn epoll_wait(
        epoll: c_int,
        list: *mut epoll_event,
        most: c_int,
        milliseconds: c_int,
    ) -> c_int {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for the memory.
        let found = unsafe { syscall(libc::SYS_epoll_wait, epoll, list, most, milliseconds) };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: the caller vouches for the memory; the thread's signals stay as they are.
        let found = unsafe {
            let mask = std::ptr::null::<sigset_t>();
            syscall(libc::SYS_epoll_pwait, epoll, list, most, milliseconds, mask, MASK)
        };
        found as c_int
    }

    #[inline(always)]
    pub unsafe fn close(fd: c_int) -> c_int {
        // SAFETY: takes no memory.
        unsafe { syscall(libc::SYS_close, fd) as c_int }
    }

    pub unsafe fn read(fd: c_int, data: *mut c_void, length: size_t) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_read, fd, data, length) as ssize_t }
    }

    pub unsafe fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_write, fd, data, length) as ssize_t }
    }

    pub unsafe fn readv(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_readv, fd, pieces, count) as ssize_t }
    }

    pub unsafe fn writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
        // SAFETY: the caller vouches for the memory.
        unsafe { syscall(libc::SYS_writev, fd, pieces, count) as ssize_t }
    }
}
