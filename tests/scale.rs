//! Very many at once: ten thousand connections in one process and what each costs, a poller and a select of fifteen
//! thousand sockets of which few are active, a handle table under many threads. Times and sizes are printed, not judged;
//! what is judged is that nothing is lost, nothing is left and nobody gets another's. A program of its own, because it
//! is measured. Its peers are processes of their own, so that the descriptors suffice: this program with an argument.

#[cfg(any(target_os = "linux", windows))]
#[path = "alone/mod.rs"]
mod alone;
#[cfg(any(target_os = "linux", windows))]
#[path = "alone/measure.rs"]
mod measure;
#[cfg(any(target_os = "linux", windows))]
#[path = "contract/support.rs"]
mod support;

/// It counts descriptors and memory, which others tell otherwise.
#[cfg(not(any(target_os = "linux", windows)))]
fn main() {}

#[cfg(any(target_os = "linux", windows))]
fn main() -> std::process::ExitCode {
    use many::*;
    let arguments: Vec<_> = std::env::args().collect();
    allow_descriptors();
    if let [_, role, address, count] = arguments.as_slice() {
        if role == PEER {
            be_peer(address, count.parse().unwrap());
            return std::process::ExitCode::SUCCESS;
        }
    }
    alone::run(&[
        ("ten_thousand_connections_and_what_each_costs", ten_thousand_connections),
        ("ten_rounds_of_thousands_leave_nothing", ten_rounds),
        ("a_hundredth_of_fifteen_thousand_is_reported_and_no_other", few_of_many),
        ("eight_threads_open_and_close_and_nobody_gets_anothers", eight_threads),
    ])
}

#[cfg(any(target_os = "linux", windows))]
mod many {
    use crate::measure::{descriptors, memory};
    use crate::support::*;
    use std::collections::HashSet;
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Instant;

    pub const PEER: &str = "peer-of-the-scale-test";

    /// Windows has as many as there is memory for; but under Wine, which is where these tests are run, all of what they do
    /// goes through one server.
    #[cfg(windows)]
    pub fn allow_descriptors() -> usize {
        1_200
    }

    /// As many descriptors as the system lets the process have; how many that is.
    #[cfg(unix)]
    pub fn allow_descriptors() -> usize {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the place lives through the call.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        limit.rlim_cur as usize
    }

    /// So many, or as many as there are descriptors for.
    fn at_most(wanted: usize) -> usize {
        let possible = allow_descriptors() - 200;
        if possible < wanted {
            println!("    {possible} instead of {wanted}: there are no more descriptors");
        }
        wanted.min(possible)
    }

    fn nanoseconds_each(start: Instant, count: usize) -> u128 {
        start.elapsed().as_nanos() / count as u128
    }

    /// A process that holds the other ends.
    struct Peer(Child);

    impl Peer {
        /// Connects so many times to the address; ends when its input does.
        fn start(address: &str, count: usize) -> Self {
            let program = std::env::current_exe().unwrap();
            let mut command = Command::new(program);
            command.args([PEER, address, &count.to_string()]);
            Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
        }

        /// Has it write a byte to each of its connections.
        fn write_to_all(&mut self) {
            self.0.stdin.as_mut().unwrap().write_all(b"write\n").unwrap();
        }

        fn end(mut self) {
            drop(self.0.stdin.take());
            assert!(self.0.wait().unwrap().success(), "the peer has failed");
        }
    }

    pub fn be_peer(address: &str, count: usize) {
        let clients: Vec<_> = (0..count)
            .map(|_| {
                let client = open("tcp4");
                expect(connect(*client, address));
                client
            })
            .collect();
        for _ in BufReader::new(std::io::stdin()).lines() {
            for client in &clients {
                assert_eq!(write(**client, b"!"), 1);
            }
        }
    }

    /// How much memory something takes for each of so many.
    fn measure<T>(what: &str, count: usize, body: impl FnOnce() -> T) -> T {
        let (before, start) = (memory(), Instant::now());
        let made = body();
        let time = nanoseconds_each(start, count);
        let bytes = memory().saturating_sub(before) as f64 / count as f64;
        println!("    {what}: {bytes:.0} bytes, {time} ns each");
        made
    }

    pub fn ten_thousand_connections() {
        let count = at_most(10_000);
        let listener = listener("tcp4");
        let mut peer = Peer::start(&local_address(*listener), count);
        // What the test itself keeps is in memory before anything is measured.
        let mut handles = vec![-1; count];
        measure("a connection, accepted", count, || {
            for handle in &mut handles {
                *handle = expect(anysock_accept(*listener));
            }
        });
        assert_eq!(handles.iter().collect::<HashSet<_>>().len(), count);
        let poller = measure("registered in a poller", count, || {
            let poller = poller();
            for handle in &handles {
                expect(anysock_poller_set(*poller, *handle, ANYSOCK_EVENT_READ, -handle));
            }
            poller
        });
        let empty = [vec![], vec![], vec![]];
        let mut sets = [handles.clone(), vec![], vec![]];
        measure("in a set that comes again", count, || {
            for _ in 0..AGAIN {
                sets[0].clear();
                sets[0].extend_from_slice(&handles);
                assert_eq!(select(&mut sets, 0), 0);
            }
        });
        assert_eq!(sets, empty);
        peer.write_to_all();
        for handle in &handles {
            assert_eq!(read(*handle, &mut [0; 2]), 1);
        }
        measure("closed", count, || {
            for handle in &handles {
                expect(anysock_close(*handle));
            }
        });
        assert_eq!(poller_wait_code(*poller, 8, 0), 0);
        peer.end();
    }

    pub fn ten_rounds() {
        let count = at_most(8_000) / 2;
        let round = || {
            let poller = poller();
            let pairs: Vec<_> = (0..count).map(|_| pair("unix")).collect();
            let handles: Vec<_> = pairs.iter().map(|(one, _)| **one).collect();
            for handle in &handles {
                expect(anysock_poller_set(*poller, *handle, ANYSOCK_EVENT_READ, 0));
            }
            for _ in 0..AGAIN {
                assert_eq!(select(&mut [handles.clone(), vec![], vec![]], 0), 0);
            }
            assert_eq!(poller_wait_code(*poller, 8, 0), 0);
        };
        // What is kept for good is there after a few.
        (0..3).for_each(|_| round());
        let (fds, bytes) = (descriptors(), memory());
        (0..10).for_each(|_| round());
        assert_eq!(descriptors(), fds, "descriptors are left");
        let more = memory().saturating_sub(bytes);
        println!("    {more} bytes more after ten rounds of {count} pairs");
        // Five bytes for each handle would be more, and of few handles more than chance.
        assert!(more < (10 * 2 * count * 5).max(1 << 17), "{more} bytes are left");
    }

    pub fn few_of_many() {
        let pairs: Vec<_> = (0..at_most(15_000) / 2).map(|_| pair("unix")).collect();
        let all: Vec<_> =
            pairs.iter().flat_map(|(one, other)| [(**one, **other), (**other, **one)]).collect();
        let poller = poller();
        for (handle, _) in &all {
            expect(anysock_poller_set(*poller, *handle, ANYSOCK_EVENT_READ, -handle));
        }
        let watched: Vec<_> = all.iter().map(|(handle, _)| *handle).collect();
        let mut random = Random(9);
        let mut active = HashSet::new();
        for _ in 0..AGAIN {
            while active.len() < all.len() / 100 {
                active.insert(all[random.below(all.len())]);
            }
            for (_, other) in &active {
                assert_eq!(write(*other, b"data"), 4);
            }
            let right: HashSet<_> = active.iter().map(|(handle, _)| *handle).collect();
            let mut told = HashSet::new();
            while told.len() < right.len() {
                let events = poller_wait(*poller, all.len(), LONG_US).unwrap();
                assert!(!events.is_empty(), "{} of {} are told", told.len(), right.len());
                told.extend(events.iter().map(|event| event.handle));
                assert!(events.iter().all(|event| event.token == -event.handle));
            }
            assert!(told == right, "the poller reports others");
            let mut sets = [watched.clone(), vec![], vec![]];
            assert_eq!(select(&mut sets, LONG_US) as usize, right.len());
            let in_order = watched.iter().copied().filter(|handle| right.contains(handle));
            assert!(in_order.eq(sets[0].iter().copied()), "select tells others, or in another order");
            for (handle, _) in active.drain() {
                assert_eq!(read(handle, &mut [0; 8]), 4);
            }
        }
        assert_eq!(poller_wait_code(*poller, 8, 0), 0);
        assert_eq!(select(&mut [watched, vec![], vec![]], 0), 0);
    }

    const THREADS: usize = 8;
    const ROUNDS: usize = if cfg!(windows) { 2_000 } else { 20_000 };

    /// Each handle gets the number of its thread and round as a timeout; whoever looks finds that, or that it is closed.
    pub fn eight_threads() {
        let shown: Arc<Vec<_>> = Arc::new((0..THREADS).map(|_| AtomicI64::new(0)).collect());
        let start = Instant::now();
        let calls: Vec<_> = (0..THREADS)
            .map(|thread| {
                let shown = Arc::clone(&shown);
                Call::start(move || open_and_close(thread, &shown))
            })
            .collect();
        let numbers: Vec<_> = calls.into_iter().flat_map(Call::result).collect();
        println!("    {} ns for each opened, looked up and closed", nanoseconds_each(start, numbers.len()));
        let distinct: HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "a number came twice");
    }

    fn open_and_close(thread: usize, shown: &[AtomicI64]) -> Vec<i64> {
        let mut numbers = Vec::with_capacity(ROUNDS);
        let mut kept = Vec::new();
        for round in 0..ROUNDS {
            // It has no descriptor yet: what is tried is the table.
            let socket = open("udp");
            let mark = (round * THREADS + thread + 1) as i64;
            expect(set(*socket, "read_timeout", mark));
            numbers.push(*socket);
            shown[thread].store(*socket, Ordering::SeqCst);
            let theirs = shown[(thread + round) % THREADS].load(Ordering::SeqCst);
            match get(theirs, "read_timeout") {
                Ok(-1 | 0) => panic!("a handle that has nothing yet is known to nobody"),
                Ok(found) => assert_eq!((found - 1) as usize % THREADS, (thread + round) % THREADS),
                Err(code) => expect_error(code, "EBADF"),
            }
            kept.push((socket, mark));
            if kept.len() > 32 {
                let (gone, mark) = kept.swap_remove(round % kept.len());
                assert_eq!(get(*gone, "read_timeout"), Ok(mark), "another's");
                let number = *gone;
                drop(gone);
                expect_error(anysock_fd(number), "EBADF");
            }
        }
        numbers
    }
}
