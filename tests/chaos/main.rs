//! Chaos: threads open, connect, write, read, shut, close, select, poll, set options, run a queue and fork, all on the same
//! handles at the same time. Every byte is checked, every descriptor that a forked child finds behind a handle, every answer
//! against those that can be right; in the end nothing may be left. A program of its own, because it forks and is measured.
//!
//! `ANYSOCK_SEED` says what is drawn by chance (what the threads make of it, the scheduler says), `ANYSOCK_SECONDS` for how long.
//! `pairs` has the sockets and what can happen to them, `waits` select and pollers, `lanes` queues, `children` forks.

#[cfg(target_os = "linux")]
mod children;
#[cfg(target_os = "linux")]
mod lanes;
#[cfg(target_os = "linux")]
mod pairs;
#[cfg(target_os = "linux")]
#[path = "../contract/support.rs"]
mod support;
#[cfg(target_os = "linux")]
mod waits;
#[cfg(target_os = "linux")]
mod world;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: forked children compare SO_COOKIE, which is Linux's");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let seed = number("ANYSOCK_SEED", 1);
    let seconds = number("ANYSOCK_SECONDS", 4);
    watch_over(seconds);
    let good = std::panic::catch_unwind(|| world::run(seed, std::time::Duration::from_secs(seconds)));
    if let Ok(done) = &good {
        println!("chaos: seed {seed}, {done}, found nothing");
    }
    let (passed, failed) = (u8::from(good.is_ok()), u8::from(good.is_err()));
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed",
        if failed == 0 { "ok" } else { "FAILED" }
    );
    std::process::ExitCode::from(failed)
}

/// A number from the environment, or else this one.
#[cfg(target_os = "linux")]
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Ends a program that hangs, by SIGALRM.
#[cfg(target_os = "linux")]
fn watch_over(seconds: u64) {
    // SAFETY: takes no memory.
    unsafe { libc::alarm((seconds * 3 + 300) as u32) };
}
