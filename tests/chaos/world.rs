//! The world that all threads share, and the lots that they draw. Not here: what the lots stand for.

use crate::children;
use crate::lanes::Lane;
use crate::pairs::{self, Place, Side};
use crate::support::*;
use crate::waits::{self, Watched};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: u64 = 8;
const PLACES: usize = 24;
const POLLERS: usize = 3;
const LANES: usize = 2;
/// Of so many lots one is a fork.
const FORKS: usize = 500;

/// Everything that is shared.
pub struct World {
    pub places: Vec<Place>,
    pub pollers: Vec<Mutex<std::sync::Arc<Watched>>>,
    pub lanes: Vec<Lane>,
    pub listeners: Vec<(&'static str, Own)>,
    pub done: Done,
    /// A thread has failed: the others end.
    is_over: AtomicBool,
}

/// What was done, by its kinds.
#[derive(Default, Debug)]
pub struct Done {
    pub deeds: AtomicU64,
    pub opens: AtomicU64,
    pub bytes: AtomicU64,
    pub events: AtomicU64,
    pub completions: AtomicU64,
    pub forks: AtomicU64,
}

impl fmt::Display for Done {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deeds, opens, bytes, events, completions, forks } = self;
        let [deeds, opens, bytes, events, completions, forks] =
            [deeds, opens, bytes, events, completions, forks].map(|count| count.load(Ordering::Relaxed));
        write!(
            formatter,
            "{THREADS} threads, {deeds} deeds, {opens} connections, {bytes} bytes checked, {events} events, "
        )?;
        write!(formatter, "{completions} completions, {forks} forks")
    }
}

pub fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// How many descriptors the process has that are no pipes: there is none here, but those by which a sanitizer asks another
/// program for names.
fn descriptors() -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let names = all.map(|entry| std::fs::read_link(entry.path()).unwrap_or_default());
    names.filter(|name| !name.to_string_lossy().starts_with("pipe:")).count()
}

/// Lives for a time; what was done.
pub fn run(seed: u64, time: Duration) -> String {
    // What is made once for a process is there before it is counted.
    drop(World::new());
    waits::warm_up();
    let before = descriptors();
    let world = World::new();
    let end = Instant::now() + time;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let world = &world;
            scope.spawn(move || {
                world.live(Random((seed * THREADS + thread + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)), end)
            });
        }
    });
    let told = world.done.to_string();
    drop(world);
    until("that no descriptor is left", || descriptors() == before);
    told
}

impl World {
    fn new() -> Self {
        let listeners = ["tcp4", "unix"].map(|kind| (kind, listener(kind)));
        for (_, listener) in &listeners {
            // Whoever accepts has connected before.
            expect(set(**listener, "accept_timeout", LONG_US));
        }
        Self {
            places: (0..PLACES).map(Place::new).collect(),
            pollers: (0..POLLERS).map(|_| Mutex::new(Watched::open())).collect(),
            lanes: (0..LANES).map(|_| Lane::open()).collect(),
            listeners: listeners.into(),
            done: Done::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// A side of some pair.
    pub fn some_side(&self, random: &mut Random) -> Side {
        self.places[random.below(PLACES)].get()
    }

    /// A thread's life.
    fn live(&self, mut random: Random, end: Instant) {
        let _involved = Involved(&self.is_over);
        while Instant::now() < end && !self.is_over.load(Ordering::Relaxed) {
            self.draw(&mut random);
            count(&self.done.deeds, 1);
        }
    }

    fn draw(&self, random: &mut Random) {
        if random.below(FORKS) == 0 {
            return children::fork(self);
        }
        let place = &self.places[random.below(PLACES)];
        match random.below(100) {
            0..24 => pairs::write_some(self, &place.get(), random),
            24..50 => pairs::read_some(self, &place.get(), random),
            50..56 => place.renew(self, random),
            56..58 => place.get().shut(random),
            58..64 => pairs::set_options(&place.get(), random),
            64..68 => pairs::connect_and_talk(self, random),
            68..74 => waits::select_some(self, random),
            74..82 => waits::register(self, random),
            82..88 => waits::wait(self, random),
            88..89 => waits::renew(self, random),
            89..98 => self.lanes[random.below(LANES)].run(self, random),
            _ => self.lanes[random.below(LANES)].disturb(random),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.places.iter().for_each(Place::close);
        self.pollers.iter().for_each(|poller| poller.lock().unwrap().close());
        self.lanes.iter().for_each(Lane::close);
    }
}

/// Has the others end if its thread fails.
struct Involved<'a>(&'a AtomicBool);

impl Drop for Involved<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
