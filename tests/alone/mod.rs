//! For programs of tests whose process is theirs alone (it forks, or it is measured): runs them one after the other in
//! the first thread, and says so as cargo's own harness does. Not here: any test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// A test and its name.
pub type Test = (&'static str, fn());

/// Runs those tests whose name contains an argument of the command line, or all of them if there is none.
pub fn run(tests: &[Test]) -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests.iter().filter(|(name, _)| is_wanted(name)) {
        let start = Instant::now();
        let good = catch_unwind(AssertUnwindSafe(test)).is_ok();
        println!(
            "test {name} ... {} ({:.1} s)",
            if good { "ok" } else { "FAILED" },
            start.elapsed().as_secs_f32()
        );
        if good { passed += 1 } else { failed += 1 }
    }
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed",
        if failed == 0 { "ok" } else { "FAILED" }
    );
    ExitCode::from(u8::from(failed > 0))
}
