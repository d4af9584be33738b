//! Peers that behave badly on purpose, ports that are surely closed, and child processes with a view of the machine
//! that is their own. Not here: any expectation about the library.

use crate::support::*;
use std::ffi::c_char;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// A child holds copies of all descriptors until it becomes another program: for that long nothing is closed.
static CHILDREN: RwLock<()> = RwLock::new(());

/// As long as the guard lives no test starts a child, so that what is closed is closed.
pub fn no_children() -> RwLockReadGuard<'static, ()> {
    CHILDREN.read().unwrap_or_else(PoisonError::into_inner)
}

/// As long as the guard lives a child may be started: until it is another program, it has copies of what others close.
pub fn a_child() -> RwLockWriteGuard<'static, ()> {
    CHILDREN.write().unwrap_or_else(PoisonError::into_inner)
}

/// A listener whose port stays free once it is closed. Whoever asks for any port may get it, on a busy machine soon; so on Linux,
/// where the loopback has more addresses than one, it has one to itself.
pub fn lone_listener() -> Own {
    static COUNT: AtomicU8 = AtomicU8::new(2);
    let listener = open("tcp4");
    if cfg!(target_os = "linux") {
        let [.., high, low] = std::process::id().to_be_bytes();
        let last = COUNT.fetch_add(1, Ordering::Relaxed);
        expect(bind(*listener, &format!("127.{high}.{low}.{last}:0")));
    } else {
        expect(bind(*listener, &free_address("tcp4")));
    }
    expect(anysock_listen(*listener, 0));
    listener
}

/// A test that this machine can't run says so, past the harness, which shows nothing of a test that passes.
pub fn skip(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("skipped: {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Whether the system has the kind of which the test is. Without it the caller leaves its test out, and says so.
pub fn need(kind: &str) -> bool {
    let there = has(kind) == 1;
    if !there {
        skip(&format!("no {kind}"));
    }
    there
}

/// Whether the system's own sockets tell that a connection was reset. Wine loses it; `kinds` says who must not.
pub fn resets_are_told() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        client.read(&mut [0]).is_err()
    })
}

/// As [`need`], for resets.
pub fn need_resets() -> bool {
    if !resets_are_told() {
        skip("the system loses resets");
    }
    resets_are_told()
}

/// Whether the system's own sockets tell at once that a datagram was refused.
pub fn refusals_are_told() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| {
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(nobody).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        client.send(b"anybody?").unwrap();
        let error = client.recv(&mut [0]).unwrap_err().kind();
        [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset].contains(&error)
    })
}

/// As [`need`], for refusals of datagrams.
pub fn need_refusals() -> bool {
    if !refusals_are_told() {
        skip("the system does not tell of refused datagrams at once");
    }
    refusals_are_told()
}

/// Opens a datagram socket that tells when a datagram of its own was refused: on Windows that must be asked for.
#[track_caller]
pub fn open_told(kind: &str) -> Own {
    let socket = open(kind);
    if cfg!(windows) {
        expect(set(*socket, "udp.connection_reset", 1));
    }
    socket
}

/// The same, connected to a port that was somebody's a moment ago.
#[track_caller]
pub fn connected_to_nobody(kind: &str) -> Own {
    let gone = bound(kind);
    let client = open_told(kind);
    expect(connect(*client, &local_address(*gone)));
    client
}

/// Whether `[::1]` is there. Without it the caller leaves its IPv6 part out, and says so.
pub fn has_ipv6() -> bool {
    let there = bind(*open("tcp6"), "[::1]:0") == 0;
    if !there {
        skip("no IPv6");
    }
    there
}

/// The stream kinds that this machine has.
pub fn stream_kinds() -> Vec<&'static str> {
    let mut kinds = here(&["tcp", "tcp4", "unix", "unixpacket"]);
    if has_ipv6() {
        kinds.push("tcp6");
    }
    kinds
}

/// What a call gave, and how long it took.
pub fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = call();
    (outcome, start.elapsed())
}

/// The call must fail with `ETIMEDOUT`, and not before its time.
#[track_caller]
pub fn expect_timeout(timeout_us: i64, call: impl FnOnce() -> i64) {
    expect_timed_out(timeout_us, timed(call));
}

/// As [`expect_timeout`], of a call that was made already.
#[track_caller]
pub fn expect_timed_out(timeout_us: i64, (outcome, took): (i64, Duration)) {
    expect_error(outcome, "ETIMEDOUT");
    assert!(took >= Duration::from_micros(timeout_us as u64), "after {took:?} already");
    assert!(took < LONG / 2, "only after {took:?}");
}

/// A call that gives out a text must cut it to the memory that there is, end it, and tell its whole length.
#[track_caller]
pub fn expect_cut(whole: &str, call: impl Fn(*mut c_char, usize) -> i64) {
    let whole = whole.as_bytes();
    for capacity in 0..whole.len() + 3 {
        let mut room = vec![0x7f_u8; whole.len() + 8];
        let out = if capacity == 0 { null_mut() } else { room.as_mut_ptr().cast() };
        assert_eq!(call(out, capacity), whole.len() as i64);
        let kept = whole.len().min(capacity.saturating_sub(1));
        assert_eq!(room[..kept], whole[..kept]);
        assert!(capacity == 0 || room[kept] == 0, "no end at {kept}");
        let end = if capacity == 0 { 0 } else { kept + 1 };
        assert!(room[end..].iter().all(|byte| *byte == 0x7f), "written past the end");
    }
    let mut byte = 0;
    expect_error(call(null_mut(), 1), "EFAULT");
    expect_error(call(&mut byte, usize::MAX), "EINVAL");
}

/// The port of an address.
pub fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// `[::1]` and `127.0.0.1` with one port, bound but not listening: who connects is refused.
pub fn same_port() -> (Own, Own, String) {
    loop {
        let (six, four) = (bound("tcp6"), open("tcp4"));
        let port = port(&local_address(*six));
        if bind(*four, &format!("127.0.0.1:{port}")) == 0 {
            return (six, four, format!(":{port}"));
        }
    }
}

/// A listener that answers nobody: its queue is full, so that the system drops further requests to connect.
pub struct Silent {
    pub listener: Own,
    pub queued: Vec<Own>,
}

impl Silent {
    /// On a free address.
    #[track_caller]
    pub fn new(kind: &str) -> Self {
        Self::on(bound(kind), kind)
    }

    /// Makes one of a socket that is bound.
    #[track_caller]
    pub fn on(listener: Own, kind: &str) -> Self {
        expect(anysock_listen(*listener, 1));
        let address = local_address(*listener);
        let queued: Vec<_> = (0..2).map(|_| open(kind)).collect();
        for client in &queued {
            expect(connect(**client, &address));
        }
        #[cfg(target_os = "linux")]
        if kind.starts_with("tcp") {
            until("a full queue", || waiting(*listener) == queued.len() as i64);
        }
        Self { listener, queued }
    }

    /// Its address.
    pub fn address(&self) -> String {
        local_address(*self.listener)
    }

    /// Makes room in the queue: from now on it is a listener like any other.
    #[track_caller]
    pub fn wake(&mut self) {
        for _ in self.queued.drain(..) {
            drop(own(expect(anysock_accept(*self.listener))));
        }
    }
}

/// How many connections a listener of TCP has not accepted yet. Where an emulator lacks `tcp.unacked`, a table of the network
/// says it in the place of the bytes that other sockets have not read.
#[cfg(target_os = "linux")]
fn waiting(listener: i64) -> i64 {
    get(listener, "tcp.unacked").unwrap_or_else(|_| {
        let queues = &line_of_the_network(listener)[4];
        let (_, unread) = queues.split_once(':').unwrap();
        i64::from_str_radix(unread, 16).unwrap()
    })
}

/// A child process that runs the calling test once more, and `body` in it.
#[cfg(unix)]
pub mod child {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    const INSIDE: &str = "ANYSOCK_TEST_INSIDE";

    /// What the child has for itself.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum View {
        /// Nothing but its signals and descriptors.
        Process,
        /// A network with nothing but a loopback that is up.
        #[cfg(target_os = "linux")]
        Network,
        /// Such a network, and files that can be put in the place of others.
        #[cfg(target_os = "linux")]
        NetworkAndFiles,
    }

    /// Runs `body` in a child. `test` is the name of the calling test.
    #[track_caller]
    pub fn run(test: &str, view: View, body: impl FnOnce()) {
        if std::env::var_os(INSIDE).is_some_and(|inside| inside == test) {
            prepare(view);
            return body();
        }
        let mut command = crate::support::this_program();
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(INSIDE, test);
        // SAFETY: the closure makes one system call and nothing else.
        unsafe { command.pre_exec(move || detach(view)) };
        let child = match start(&mut command) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return skip("it needs a network of its own, which this user may not have");
            }
            child => child.unwrap(),
        };
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.success(), "in the child: {}\n{text}", output.status);
        assert!(text.contains("1 passed"), "the child has run no test named {test}\n{text}");
    }

    /// Returns when the child is another program.
    fn start(command: &mut Command) -> std::io::Result<Child> {
        let _alone = a_child();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }

    #[cfg(target_os = "linux")]
    fn detach(view: View) -> std::io::Result<()> {
        let spaces = match view {
            View::Process => return Ok(()),
            View::Network => libc::CLONE_NEWNET,
            View::NetworkAndFiles => libc::CLONE_NEWNET | libc::CLONE_NEWNS,
        };
        // SAFETY: takes no memory.
        match unsafe { libc::unshare(spaces) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn detach(_view: View) -> std::io::Result<()> {
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn prepare(view: View) {
        if view != View::Process {
            loopback(true);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn prepare(_view: View) {}

    /// Turns the loopback of the child's network on or off.
    #[cfg(target_os = "linux")]
    pub fn loopback(up: bool) {
        // SAFETY: plain numbers, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = if up { libc::IFF_UP as libc::c_short } else { 0 };
        let socket = datagram_socket();
        // SAFETY: the request is what the call expects, and outlives it.
        let outcome = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request) };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is this function's own.
        unsafe { libc::close(socket) };
    }

    #[cfg(target_os = "linux")]
    fn datagram_socket() -> libc::c_int {
        // SAFETY: takes no memory.
        let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) };
        assert!(socket >= 0);
        socket
    }

    /// Puts a file with this content in the place of another, for the child alone.
    #[cfg(target_os = "linux")]
    pub fn cover(path: &str, content: &str) {
        use std::ffi::CString;
        let unique = format!("anysock-{}-{}", std::process::id(), path.replace('/', "-"));
        let source = std::env::temp_dir().join(unique);
        std::fs::write(&source, content).unwrap();
        let text = |text: &str| CString::new(text).unwrap();
        let mount = |from: &str, to: &str, flags| {
            let (from, to) = (text(from), text(to));
            let nothing = std::ptr::null();
            // SAFETY: the texts are NUL-terminated, and such a mount needs neither type nor data.
            let outcome = unsafe { libc::mount(from.as_ptr(), to.as_ptr(), nothing, flags, nothing.cast()) };
            assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        };
        mount("none", "/", libc::MS_REC | libc::MS_PRIVATE);
        mount(source.to_str().unwrap(), path, libc::MS_BIND);
        std::fs::remove_file(&source).unwrap();
    }
}
