//! Sets that are selected again and again while the world changes, each with a poller that is kept in step, and the
//! comparison of what they say with the model. Not here: what happens to the sockets (`world`).

use crate::model::{R, W, X};
use crate::support::*;
use crate::world::World;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The kernel may need a moment: what differs for longer is wrong.
const SETTLES: Duration = Duration::from_secs(60);
/// So many sets there are.
const WATCHES: usize = 3;
/// Members of a set at the most.
const MOST: usize = 300;

type Sets = [Vec<i64>; 3];

/// Three sets, and a poller with the same sockets.
struct Watch {
    sets: Sets,
    poller: Own,
    registered: HashMap<i64, i32>,
}

impl Watch {
    fn new() -> Self {
        Self { sets: [vec![], vec![], vec![]], poller: poller(), registered: HashMap::new() }
    }

    /// Each member once.
    fn members(&self) -> Vec<i64> {
        let mut seen = HashSet::new();
        self.sets.iter().flatten().copied().filter(|member| seen.insert(*member)).collect()
    }

    /// Draws new sets: mostly of idle sockets, or of any.
    fn draw(&mut self, world: &mut World) {
        let most = world.one_of(&[3, 10, 20, 50, 100, MOST]);
        let size = 1 + world.random.below(most);
        let idle_only = world.random.below(4) > 0;
        let handles: Vec<_> = world.sockets.iter().map(|socket| *socket.own).collect();
        let ready = world.ready(&handles);
        self.sets = [R, W, X].map(|asked| {
            let share = if asked == R { size } else { world.random.below(size + 1) };
            let mut set = Vec::new();
            for _ in 0..2 * share {
                let drawn = world.random.below(handles.len());
                let welcome = !idle_only || ready[drawn] & asked == 0 || world.random.below(10) == 0;
                if welcome && set.len() < share {
                    set.push(handles[drawn]);
                }
            }
            set
        });
    }

    /// Changes a little.
    fn change(&mut self, world: &mut World) {
        let newcomer = world.random.below(world.sockets.len());
        let newcomer = *world.sockets[newcomer].own;
        let set = &mut self.sets[world.random.below(3)];
        match world.random.below(5) {
            0 | 1 if set.len() < MOST => set.insert(world.random.below(set.len() + 1), newcomer),
            2 if !set.is_empty() => drop(set.remove(world.random.below(set.len()))),
            3 if !set.is_empty() => {
                let place = world.random.below(set.len());
                set[place] = newcomer;
            }
            _ => {
                for place in (1..set.len()).rev() {
                    set.swap(place, world.random.below(place + 1));
                }
            }
        }
    }

    /// Those are closed: select refuses them until they are taken out.
    fn forget(&mut self, closed: &[i64]) {
        let is_closed = |member: &i64| closed.contains(member);
        if self.sets.iter().flatten().any(is_closed) {
            for timeout in [0, -1] {
                let mut sets = self.sets.clone();
                expect_error(select(&mut sets, timeout), "EBADF");
                assert_eq!(sets, self.sets, "the sets of a select that was refused");
            }
        }
        for set in &mut self.sets {
            set.retain(|member| !is_closed(member));
        }
        self.registered.retain(|member, _| !is_closed(member));
    }

    /// Has the poller watch what the sets ask for.
    fn register(&mut self) {
        let mut asked: HashMap<i64, i32> = HashMap::new();
        for (set, event) in self.sets.iter().zip([R, W, X]) {
            for member in set {
                *asked.entry(*member).or_default() |= event;
            }
        }
        for gone in self.registered.keys().filter(|member| !asked.contains_key(member)) {
            expect(anysock_poller_set(*self.poller, *gone, 0, 0));
        }
        for (member, events) in &asked {
            if self.registered.get(member) != Some(events) {
                expect(anysock_poller_set(*self.poller, *member, *events, -member));
            }
        }
        self.registered = asked;
    }

    /// What the model says is ready of the sets.
    fn expected(&self, world: &World) -> Sets {
        let members = self.members();
        let ready: HashMap<_, _> = members.iter().zip(world.ready(&members)).collect();
        let mut which = [R, W, X].into_iter();
        self.sets.each_ref().map(|set| {
            let event = which.next().unwrap();
            let mut told = HashSet::new();
            set.iter().copied().filter(|member| ready[member] & event != 0 && told.insert(*member)).collect()
        })
    }

    /// What select says, waiting for it if the model says that there is something to come, or a little.
    fn selected(&self, expected: &Sets, patient: bool) -> Sets {
        let any = expected.iter().any(|set| !set.is_empty());
        let timeout = match (patient, any) {
            (false, _) => 0,
            (true, true) => LONG_US,
            (true, false) => 200,
        };
        let mut sets = self.sets.clone();
        let count = select(&mut sets, timeout);
        assert!(count >= 0, "{} of a select of {:?}", name(count), self.sets);
        assert_eq!(count as usize, sets.iter().map(Vec::len).sum::<usize>());
        sets
    }

    /// What the poller says, as sets in the order of its own.
    fn reported(&self) -> Sets {
        let capacity = 2 * self.registered.len() + 2;
        let events = poller_wait(*self.poller, capacity, 0).unwrap_or_else(|code| panic!("{}", name(code)));
        assert!(events.iter().all(|event| event.token == -event.handle), "a token that is another's");
        let told: HashSet<_> = events.iter().map(|event| event.handle).collect();
        assert_eq!(told.len(), events.len(), "one wait reports a socket twice");
        [R, W, X].map(|event| {
            events.iter().filter(|found| found.events & event != 0).map(|found| found.handle).collect()
        })
    }

    /// Compares until both agree, which they do at once unless the kernel is not at rest.
    fn compare(&self, world: &World, patient: bool) {
        let sorted = |sets: &Sets| {
            sets.clone().map(|mut set| {
                set.sort_unstable();
                set
            })
        };
        self.agree(world, "select", |expected| (self.selected(expected, patient), expected.clone()));
        self.agree(world, "poller", |expected| (sorted(&self.reported()), sorted(expected)));
    }

    fn agree(&self, world: &World, who: &str, look: impl Fn(&Sets) -> (Sets, Sets)) {
        let start = Instant::now();
        loop {
            let (said, right) = look(&self.expected(world));
            if said == right {
                return;
            }
            if start.elapsed() > SETTLES {
                self.complain(world, who, &said, &right);
            }
            std::thread::yield_now();
        }
    }

    fn complain(&self, world: &World, who: &str, said: &Sets, right: &Sets) -> ! {
        let mut lines = Vec::new();
        let mut wrong = Vec::new();
        for ((said, right), what) in said.iter().zip(right).zip(["read", "write", "except"]) {
            let odd = said.iter().filter(|member| !right.contains(member));
            let missing = right.iter().filter(|member| !said.contains(member));
            for (member, verb) in
                odd.map(|member| (member, "is")).chain(missing.map(|member| (member, "is not")))
            {
                lines.push(format!("{who}: {member} {verb} ready to {what}; {:?}", world.state(*member)));
                wrong.push(*member);
            }
        }
        let size = self.members().len();
        panic!("of {size}:\n{}\n\nWhat happened:\n{}", lines.join("\n"), world.tell(&wrong));
    }
}

/// A world that goes on, and those who look at it.
pub struct Life {
    seed: u64,
    step: usize,
    pub world: World,
    watches: Vec<Watch>,
    current: usize,
}

impl Life {
    pub fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let watches = (0..WATCHES).map(|_| Watch::new()).collect();
        Self { seed, step: 0, world, watches, current: 0 }
    }

    /// Lets so much happen, and looks after each.
    pub fn go_on(&mut self, operations: usize) {
        for _ in 0..operations {
            self.step += 1;
            self.world.happen();
            self.forget();
            self.turn();
            self.look(self.current);
            // The others see something else than the last time, and not after each change.
            if self.world.random.below(16) == 0 {
                let other = self.world.random.below(WATCHES);
                self.look(other);
            }
        }
    }

    /// Nothing is under way any more that only this process can go on with.
    pub fn rest(&mut self) {
        self.world.come_to_rest();
        self.forget();
    }

    fn forget(&mut self) {
        let closed = self.world.take_closed();
        for watch in &mut self.watches {
            watch.forget(&closed);
        }
    }

    /// All of them look.
    pub fn look_all(&mut self) {
        (0..WATCHES).for_each(|which| self.look(which));
    }

    fn look(&mut self, which: usize) {
        let patient = self.world.random.below(8) == 0;
        let watch = &mut self.watches[which];
        watch.register();
        watch.compare(&self.world, patient);
        // The same set comes again, and nothing has changed.
        if self.world.random.below(256) == 0 {
            for _ in 0..AGAIN {
                watch.compare(&self.world, false);
            }
        }
    }

    /// Mostly the same sets are looked at, with or without a little change.
    fn turn(&mut self) {
        let Self { world, watches, current, .. } = self;
        match world.random.below(100) {
            0 => *current = world.random.below(WATCHES),
            1 | 2 => watches[*current].draw(world),
            3..20 => watches[*current].change(world),
            _ => {}
        }
        if watches[*current].sets.iter().all(Vec::is_empty) {
            watches[*current].draw(world);
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ANYSOCK_SEED={} repeats it; it took {} operations", self.seed, self.step);
        }
    }
}
