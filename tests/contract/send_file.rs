//! Files sent by the system: what arrives, what is counted, where the file's position is afterwards, and what ends
//! a call early. Everything is done on each way that the bytes may take: the kernel's, and that of a system which
//! refuses to move them.

use crate::own::number_of;
use crate::support::*;
use std::fs::File;
#[cfg(unix)]
use std::io::Read;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

const STREAMS: &[&str] = &["tcp4", "tcp6", "unix"];

/// As `anysock_send_file`.
fn send_file(h: i64, file: &File, offset: i64, length: i64) -> i64 {
    anysock_send_file(h, number_of(file), offset, length)
}

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place.wrapping_mul(31) ^ place >> 8) as u8).collect()
}

/// A file without a name, that has these bytes and is at its start.
fn file_of(data: &[u8]) -> File {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("anysock-file-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path: PathBuf = std::env::temp_dir().join(unique);
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(data).unwrap();
    file.rewind().unwrap();
    file
}

#[cfg(unix)]
fn pipe() -> (File, File) {
    use std::os::fd::{FromRawFd, OwnedFd};
    let mut fds = [0; 2];
    // SAFETY: there is room for both descriptors, and each is owned once.
    unsafe {
        assert_eq!(libc::pipe(fds.as_mut_ptr()), 0);
        let [reader, writer] = fds.map(|fd| OwnedFd::from_raw_fd(fd));
        (reader.into(), writer.into())
    }
}

/// Runs `body` in a thread of its own as it is, and then where the kernel says to each attempt at moving bytes by
/// itself that it can't, in each of the ways in which kernels say so.
fn on_every_way(body: fn()) {
    std::thread::spawn(body).join().unwrap();
    #[cfg(target_os = "linux")]
    for error in [libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::EPERM] {
        std::thread::spawn(move || {
            crate::sandbox::refuse(&[libc::SYS_sendfile, libc::SYS_splice], error);
            body();
        })
        .join()
        .unwrap();
    }
}

/// Sends until there is no room, which a call that has moved nothing says by this error; how many bytes have gone. When the
/// window of TCP is too small for a segment, the kernel sends what fits after a while, and what was full has room again.
#[track_caller]
fn send_file_until_full(h: i64, file: &File, error: &str) -> i64 {
    let mut total = 0;
    loop {
        match send_file(h, file, -1, -1) {
            sent if sent > 0 => total += sent,
            code => break expect_error(code, error),
        }
    }
    total
}

/// What has come, when the sender has closed.
fn drain(h: i64) -> Vec<u8> {
    let (mut all, mut room) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match expect(read(h, &mut room)) as usize {
            0 => return all,
            count => all.extend(&room[..count]),
        }
    }
}

#[test]
fn sends_a_whole_file() {
    on_every_way(|| {
        let data = pattern(3_000_000);
        for kind in here(STREAMS) {
            let (one, other) = connected(kind);
            let reader = Call::start(move || drain(*other));
            assert_eq!(send_file(*one, &file_of(&data), 0, -1), data.len() as i64, "{kind}");
            drop(one);
            assert!(reader.result() == data, "{kind}: other bytes have come");
        }
    });
}

#[test]
fn an_offset_leaves_the_position_alone_and_none_moves_it() {
    on_every_way(|| {
        let data = pattern(1000);
        let (one, other) = pair("unix");
        let mut room = [0; 1000];
        let mut file = file_of(&data);
        file.seek(SeekFrom::Start(7)).unwrap();
        assert_eq!(send_file(*one, &file, 100, 50), 50);
        assert_eq!(read(*other, &mut room), 50);
        assert_eq!(room[..50], data[100..150]);
        assert_eq!(file.stream_position().unwrap(), 7);
        assert_eq!(send_file(*one, &file, -1, 20), 20);
        assert_eq!(read(*other, &mut room), 20);
        assert_eq!(room[..20], data[7..27]);
        assert_eq!(file.stream_position().unwrap(), 27);
        assert_eq!(send_file(*one, &file, -1, -1), 973);
        assert_eq!(read(*other, &mut room), 973);
        assert_eq!(room[..973], data[27..]);
        assert_eq!(file.stream_position().unwrap(), 1000);
    });
}

#[test]
fn the_end_of_the_file_ends_the_call() {
    on_every_way(|| {
        let (one, other) = connected("tcp4");
        let file = file_of(&pattern(100));
        assert_eq!(send_file(*one, &file, 60, 1000), 40);
        assert_eq!(send_file(*one, &file, 100, 1000), 0);
        assert_eq!(send_file(*one, &file, 5000, -1), 0);
        assert_eq!(send_file(*one, &file, i64::MAX, i64::MAX), 0);
        assert_eq!(send_file(*one, &file, 0, 0), 0);
        assert_eq!(read_full(*other, &mut [0; 40]), 40);
        expect_error(recv(*other, &mut [0; 1], ANYSOCK_FLAG_DONT_WAIT), "EAGAIN");
    });
}

#[test]
fn a_file_that_shrinks_ends_early() {
    on_every_way(|| {
        let length = 64 << 20;
        let file = file_of(&[]);
        file.set_len(length).unwrap();
        let (one, other) = pair("unix");
        let (handle, same) = (*one, file.try_clone().unwrap());
        let call = Call::blocked(move || send_file(handle, &same, 0, -1));
        file.set_len(100).unwrap();
        let reader = Call::start(move || drain(*other).len() as i64);
        let sent = call.result();
        assert!(sent > 0 && sent < length as i64, "{sent}");
        drop(one);
        assert_eq!(reader.result(), sent);
    });
}

#[test]
fn a_timeout_is_for_the_whole_call_and_what_has_gone_is_counted() {
    on_every_way(|| {
        let data = pattern(4 << 20);
        for kind in here(STREAMS) {
            let (one, other) = pair(kind);
            let mut file = file_of(&data);
            // No buffers take as much; behind the data there are zeros.
            let length = 256 << 20;
            file.set_len(length).unwrap();
            expect(set(*one, "write_timeout", 30 * ANYSOCK_MILLISECOND));
            let sent = expect(send_file(*one, &file, -1, -1));
            assert!(sent > 0 && sent < length as i64, "{kind}: {sent}");
            assert_eq!(file.stream_position().unwrap(), sent as u64, "{kind}");
            fill(*one);
            let mut more = send_file_until_full(*one, &file, "ETIMEDOUT");
            expect(set(*one, "write_timeout", 0));
            more += send_file_until_full(*one, &file, "EAGAIN");
            assert_eq!(file.stream_position().unwrap(), (sent + more) as u64, "{kind}");
            drop(one);
            let known = data.len().min(sent as usize);
            assert!(drain(*other)[..known] == data[..known], "{kind}");
        }
    });
}

#[test]
fn goes_on_when_there_is_room_again() {
    on_every_way(|| {
        let data = pattern(8 << 20);
        let (one, other) = pair("unix");
        let (handle, file) = (*one, file_of(&data));
        let call = Call::blocked(move || send_file(handle, &file, 0, -1));
        let mut room = vec![0; data.len()];
        assert_eq!(read_full(*other, &mut room), data.len() as i64);
        assert_eq!(call.result(), data.len() as i64);
        assert!(room == data);
    });
}

#[test]
fn close_ends_it_with_the_count_so_far() {
    on_every_way(|| {
        for kind in here(STREAMS) {
            let (one, _other) = pair(kind);
            let (handle, file) = (*one, file_of(&pattern(8 << 20)));
            let call = Call::blocked(move || send_file(handle, &file, 0, -1));
            expect(anysock_close(handle));
            let sent = expect(call.result());
            assert!(sent > 0 && sent < 8 << 20, "{kind}: {sent}");
            expect_error(anysock_send_file(handle, 0, 0, 1), "EBADF");
        }
    });
}

#[test]
fn a_peer_that_is_gone_is_epipe_and_no_signal() {
    on_every_way(|| {
        let data = pattern(4 << 20);
        let is_over = |code: i64| code < 0 && ["EPIPE", "ECONNRESET"].contains(&name(code).as_str());
        for kind in here(&["unix", "tcp4"]) {
            let (one, other) = pair(kind);
            drop(other);
            let file = file_of(&data);
            until("the end of the connection", || is_over(without_sigpipe(|| send_file(*one, &file, 0, -1))));
            assert!(is_over(without_sigpipe(|| send_file(*one, &file, 0, -1))), "{kind}");
            let (one, _other) = pair(kind);
            expect(anysock_shutdown(*one, ANYSOCK_SHUT_WRITE));
            expect_error(without_sigpipe(|| send_file(*one, &file, 0, -1)), "EPIPE");
            // In the middle of a call, of which some has worked.
            let (one, other) = pair(kind);
            let (handle, length) = (*one, 256 << 20);
            file.set_len(length).unwrap();
            let call = Call::blocked(move || without_sigpipe(|| send_file(handle, &file, 0, -1)));
            drop(other);
            let sent = expect(call.result());
            assert!(sent > 0 && sent < length as i64, "{kind}: {sent}");
        }
    });
}

/// Runs a call that must not raise the signal in its thread.
#[cfg(unix)]
fn without_sigpipe(body: impl FnOnce() -> i64) -> i64 {
    use std::cell::Cell;
    thread_local! {
        static RAISED: Cell<bool> = const { Cell::new(false) };
    }
    extern "C" fn note(_signal: i32) {
        RAISED.set(true);
    }
    let handler = note as extern "C" fn(i32) as libc::sighandler_t;
    // SAFETY: the handler only writes to a number of its own thread.
    unsafe { libc::signal(libc::SIGPIPE, handler) };
    let result = body();
    assert!(!RAISED.get(), "SIGPIPE");
    result
}

/// A file that is opened for reads that end later may have a completion port, to which nothing comes of ours; and whoever
/// else reads from it at the same time disturbs nobody.
#[cfg(windows)]
#[test]
fn what_is_read_to_be_sent_is_told_to_no_completion_port() {
    use std::os::windows::fs::OpenOptionsExt;
    use std::os::windows::io::AsRawHandle;
    use windows_sys::Win32::Foundation::{CloseHandle, INVALID_HANDLE_VALUE};
    use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;
    use windows_sys::Win32::System::IO::{CreateIoCompletionPort, GetQueuedCompletionStatus};

    let data = pattern(10_000);
    let path = std::env::temp_dir().join(format!("anysock-port-{}", std::process::id()));
    std::fs::write(&path, &data).unwrap();
    let file = File::options().read(true).custom_flags(FILE_FLAG_OVERLAPPED).open(&path).unwrap();
    // SAFETY: takes no memory.
    let port = unsafe { CreateIoCompletionPort(file.as_raw_handle(), std::ptr::null_mut(), 0, 0) };
    assert!(!port.is_null() && port != INVALID_HANDLE_VALUE);
    let (one, other) = pair("tcp4");
    let reader = Call::start(move || drain(*other));
    assert_eq!(send_file(*one, &file, 100, -1), 9_900);
    drop(one);
    assert!(reader.result() == data[100..], "other bytes have come");
    let (mut count, mut key, mut request) = (0, 0, std::ptr::null_mut());
    // SAFETY: the places outlive the call; the port is closed once.
    unsafe {
        assert_eq!(GetQueuedCompletionStatus(port, &mut count, &mut key, &mut request, 0), 0);
        CloseHandle(port);
    }
    assert!(request.is_null());
    drop(file);
    std::fs::remove_file(&path).unwrap();
}

/// Windows has no such signal.
#[cfg(windows)]
fn without_sigpipe(body: impl FnOnce() -> i64) -> i64 {
    body()
}

#[test]
fn what_cannot_be_sent_or_sent_to_is_told() {
    let file = file_of(b"data");
    let (one, _other) = pair("unix");
    expect_error(anysock_send_file(*one, -1, 0, 1), "EBADF");
    expect_error(anysock_send_file(*one, 1 << 40, 0, 1), "EBADF");
    expect_error(anysock_send_file(*one, 1_000_000, 0, 1), "EBADF");
    expect_error(send_file(*one, &file, -2, 1), "EINVAL");
    expect_error(send_file(*one, &file, 0, -2), "EINVAL");
    #[cfg(unix)]
    {
        expect_error(send_file(*one, &File::open("/").unwrap(), 0, 1), "EISDIR");
        let (_reader, writer) = pipe();
        expect_error(send_file(*one, &writer, -1, 1), "EBADF");
        let write_only = File::options().write(true).open("/dev/null").unwrap();
        expect_error(send_file(*one, &write_only, -1, 1), "EBADF");
    }
    for kind in here(&["udp4", "unixgram", "unixpacket"]) {
        let (one, _other) = connected(kind);
        expect_error(send_file(*one, &file, 0, 1), "EOPNOTSUPP");
    }
    for kind in here(&["tcp", "tcp4", "unix"]) {
        expect_error(send_file(*open(kind), &file, 0, 1), "ENOTCONN");
    }
    expect_error(send_file(*listener("tcp4"), &file, 0, 1), "ENOTCONN");
    expect_error(send_file(*poller(), &file, 0, 1), "ENOTSOCK");
    #[cfg(unix)]
    {
        let (_reader, writer) = pipe();
        let adopted = own(expect(anysock_adopt(number_of(&writer))));
        std::mem::forget(writer);
        expect_error(send_file(*adopted, &file, 0, 1), "ENOTSOCK");
    }
}

#[cfg(unix)]
mod pipes {
    use super::*;

    #[test]
    fn a_pipe_is_sent_until_its_writers_are_gone() {
        on_every_way(|| {
            let data = pattern(300_000);
            let (one, other) = pair("unix");
            let (source, mut writer) = pipe();
            let reader = Call::start(move || drain(*other));
            let handle = *one;
            let call = Call::blocked(move || send_file(handle, &source, -1, -1));
            for part in data.chunks(10_000) {
                writer.write_all(part).unwrap();
            }
            drop(writer);
            assert_eq!(call.result(), data.len() as i64);
            drop(one);
            assert!(reader.result() == data);
        });
    }

    #[test]
    fn close_wakes_a_call_that_waits_for_a_pipe() {
        on_every_way(|| {
            let (one, _other) = pair("unix");
            let (source, _writer) = pipe();
            let handle = *one;
            let call = Call::blocked(move || send_file(handle, &source, -1, -1));
            expect(anysock_close(handle));
            expect_error(call.result(), "ECANCELED");
        });
    }

    #[test]
    fn nothing_is_taken_from_a_pipe_for_a_full_socket_or_a_dead_one() {
        on_every_way(|| {
            let (mut source, mut writer) = pipe();
            writer.write_all(b"precious").unwrap();
            let (full, _other) = pair("unix");
            fill(*full);
            expect(set(*full, "write_timeout", 0));
            expect_error(send_file(*full, &source, -1, -1), "EAGAIN");
            let (dead, other) = pair("unix");
            drop(other);
            until_broken(|| write(*dead, b"x"));
            expect_error(send_file(*dead, &source, -1, -1), "EPIPE");
            let fresh = open("tcp4");
            expect(set(*fresh, "timeout", 0));
            expect_error(send_file(*fresh, &source, -1, -1), "ENOTCONN");
            drop(writer);
            let mut room = [0; 8];
            source.read_exact(&mut room).unwrap();
            assert_eq!(&room, b"precious");
        });
    }

    #[test]
    fn of_a_pipe_no_more_is_taken_than_was_asked_for() {
        on_every_way(|| {
            let (one, other) = connected("tcp4");
            let (mut source, mut writer) = pipe();
            writer.write_all(b"0123456789").unwrap();
            assert_eq!(send_file(*one, &source, -1, 4), 4);
            let mut room = [0; 6];
            assert_eq!(read_full(*other, &mut room[..4]), 4);
            assert_eq!(&room[..4], b"0123");
            source.read_exact(&mut room).unwrap();
            assert_eq!(&room, b"456789");
            expect_error(send_file(*one, &source, 0, 4), "ESPIPE");
            expect(set(*one, "write_timeout", 0));
            expect_error(send_file(*one, &source, -1, 4), "EAGAIN");
            expect(set(*one, "write_timeout", 20 * ANYSOCK_MILLISECOND));
            expect_error(send_file(*one, &source, -1, 4), "ETIMEDOUT");
        });
    }
}

#[cfg(target_os = "linux")]
mod signals {
    use super::*;

    #[test]
    fn end_only_an_interruptible_one() {
        on_every_way(|| {
            let (one, _other) = pair("unix");
            fill(*one);
            expect(set(*one, "interruptible", 1));
            let (handle, file) = (*one, file_of(&pattern(1000)));
            let call = Call::blocked_for_signals(true, move || send_file(handle, &file, 0, -1));
            expect_error(call.result_under_signals(), "EINTR");
            expect(set(*one, "interruptible", 0));
            let file = file_of(&pattern(1000));
            let call = Call::blocked_for_signals(true, move || send_file(handle, &file, 0, -1));
            for _ in 0..10 {
                call.signal();
            }
            call.until_blocked();
            expect(anysock_close(handle));
            expect_error(call.result(), "ECANCELED");
        });
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// Devices have no end, and their bytes no places.
    #[test]
    fn a_device_gives_as_much_as_was_asked_for() {
        on_every_way(|| {
            let (one, other) = pair("unix");
            let zeros = File::open("/dev/zero").unwrap();
            assert_eq!(send_file(*one, &zeros, -1, 10_000), 10_000);
            let mut room = [1; 10_000];
            assert_eq!(read_full(*other, &mut room), 10_000);
            assert!(room.iter().all(|byte| *byte == 0));
        });
    }
}
