//! Says something to an echo server, and waits no longer than ten seconds for each step.
//!
//!     cargo run --example echo_client -- ADDRESS TEXT

use std::io::{Read, Result, Write};
use std::net::Shutdown;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let [address, text] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        eprintln!("usage: echo_client ADDRESS TEXT");
        std::process::exit(2);
    };
    let mut peer = anysock::connect_timeout("tcp", address, LIMIT)?;
    peer.set_timeout(Some(LIMIT))?;
    peer.write_all(text.as_bytes())?;
    // The server sees the end, sends back what is left and closes.
    peer.shutdown(Shutdown::Write)?;
    let mut echo = String::new();
    peer.read_to_string(&mut echo)?;
    println!("{echo}");
    Ok(())
}
