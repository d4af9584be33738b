//! Select and pollers over handles that others close meanwhile. Nobody may be told of a stranger. Not here: whether what is told is
//! true, which `tests/random` compares with poll(2).

use crate::pairs::Side;
use crate::support::*;
use crate::world::{World, count};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const EVENTS: i32 = ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EXCEPT;
const REPORTED: i32 = EVENTS | ANYSOCK_EVENT_HANGUP | ANYSOCK_EVENT_ERROR;
const SHORT: usize = 3_000;

/// A poller that others may close.
pub struct Watched {
    handle: i64,
    is_closed: AtomicBool,
}

impl Watched {
    pub fn open() -> Arc<Self> {
        Arc::new(Self { handle: poller().into_number(), is_closed: AtomicBool::new(false) })
    }

    pub fn close(&self) {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            expect(anysock_close(self.handle));
        }
    }

    #[track_caller]
    fn check(&self, answer: i64, others: &[&str]) {
        let error = name(answer);
        let is_closed = self.is_closed.load(Ordering::SeqCst);
        assert!(
            answer >= 0
                || others.contains(&error.as_str())
                || is_closed && ["EBADF", "ECANCELED"].contains(&error.as_str()),
            "{error} of a poller"
        );
    }
}

/// The library's own threads and descriptors, which stay: a select that is large and comes again has a poller of its own.
pub fn warm_up() {
    let (one, other) = pair("unix");
    assert_eq!(select_one(*one, EVENTS, 0), ANYSOCK_EVENT_WRITE);
    drop((one, other));
}

fn some(world: &World, random: &mut Random) -> Vec<Side> {
    (0..random.below(20)).map(|_| world.some_side(random)).collect()
}

/// Selects among some.
pub fn select_some(world: &World, random: &mut Random) {
    let sides = [some(world, random), some(world, random), some(world, random)];
    let wanted = sides.each_ref().map(|sides| sides.iter().map(|side| side.own().handle).collect::<Vec<_>>());
    let mut ready = wanted.clone();
    let answer = select(&mut ready, random.below(SHORT) as i64);
    if answer < 0 {
        let is_ending = sides.iter().flatten().any(|side| side.pair.is_ending());
        let error = name(answer);
        assert!(is_ending && ["EBADF", "ECANCELED"].contains(&error.as_str()), "select: {error}");
        return assert_eq!(ready, wanted, "sets after an error");
    }
    assert_eq!(answer as usize, ready.iter().map(Vec::len).sum::<usize>());
    for (ready, wanted) in ready.iter().zip(&wanted) {
        assert!(ready.iter().all(|handle| wanted.contains(handle)), "{ready:?} of {wanted:?}");
    }
    count(&world.done.events, answer as usize);
}

fn a_poller(world: &World, random: &mut Random) -> Arc<Watched> {
    Arc::clone(&world.pollers[random.below(world.pollers.len())].lock().unwrap())
}

/// Registers a handle, changes what it is watched for, or takes it out. Its token says which it is.
pub fn register(world: &World, random: &mut Random) {
    let (poller, side) = (a_poller(world, random), world.some_side(random));
    let handle = side.own().handle;
    let modes = [0, ANYSOCK_EVENT_EDGE, ANYSOCK_EVENT_ONESHOT];
    let events = random.below(8) as i32;
    let events = if events == 0 { 0 } else { events | modes[random.below(3)] };
    let answer = anysock_poller_set(poller.handle, handle, events, !handle);
    let is_ending = side.pair.is_ending();
    poller.check(answer, if is_ending { &["EBADF", "ECANCELED", "ENOENT"] } else { &["ENOENT"] });
}

/// Waits, or wakes who waits.
pub fn wait(world: &World, random: &mut Random) {
    let poller = a_poller(world, random);
    if random.below(4) == 0 {
        return poller.check(anysock_poller_wake(poller.handle), &[]);
    }
    match poller_wait(poller.handle, 1 + random.below(16), random.below(SHORT) as i64) {
        // A registered socket may be closed at any time.
        Err(error) => poller.check(error, &["ECANCELED"]),
        Ok(events) => {
            for event in &events {
                assert_eq!(event.token, !event.handle, "{event:?}");
                assert!(event.events != 0 && event.events & !REPORTED == 0, "{event:?}");
            }
            count(&world.done.events, events.len());
        }
    }
}

/// Puts a new poller in another's place, and closes that.
pub fn renew(world: &World, random: &mut Random) {
    let place = &world.pollers[random.below(world.pollers.len())];
    let old = std::mem::replace(&mut *place.lock().unwrap(), Watched::open());
    old.close();
}
