//! What select and the poller say of very many sockets in very many states, against what poll(2) says of their
//! descriptors at the same moment and the few corrections that the manual makes to it. Everything that happens is drawn
//! by chance from a seed, which a failure tells; `ANYSOCK_SEED` repeats it, `ANYSOCK_OPERATIONS` says for how long.
//!
//! `world` holds the sockets and what can happen to them, `model` the manual's table, `watch` the sets and the
//! comparison, `threads` what may be said while another thread closes. A program of its own, because it forks.

#[cfg(target_os = "linux")]
#[path = "../alone/mod.rs"]
mod alone;
#[cfg(target_os = "linux")]
mod fork;
#[cfg(target_os = "linux")]
#[path = "../contract/queue/kit.rs"]
mod kit;
#[cfg(target_os = "linux")]
mod model;
#[cfg(target_os = "linux")]
#[path = "../contract/queue/random.rs"]
mod queue;
#[cfg(target_os = "linux")]
#[path = "../contract/support.rs"]
mod support;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
mod world;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    alone::run(&[
        ("a_random_life_is_seen_as_poll_sees_it", random_lives),
        ("a_forked_child_and_its_parent_go_on_with_the_same_sets", fork::children),
        ("threads_are_told_what_is_right_or_that_it_is_closed", threads::closing_and_looking),
        ("queues_do_what_they_are_told_once_and_in_order", queue_lives),
    ])
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the model asks poll(2), whose answers are Linux's");
}

/// A number from the environment, or else this one.
#[cfg(target_os = "linux")]
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// The seeds to be tried: those known to be worth it, or the one that is asked for.
#[cfg(target_os = "linux")]
fn seeds() -> Vec<u64> {
    match std::env::var("ANYSOCK_SEED") {
        Ok(text) => vec![text.parse().unwrap()],
        Err(_) => vec![1, 2, 3, 4],
    }
}

#[cfg(target_os = "linux")]
fn queue_lives() {
    for seed in seeds() {
        queue::lives(seed, number("ANYSOCK_OPERATIONS", 600), true);
    }
}

#[cfg(target_os = "linux")]
fn random_lives() {
    for seed in seeds() {
        watch::Life::new(seed).go_on(number("ANYSOCK_OPERATIONS", 3_000) as usize);
    }
}
