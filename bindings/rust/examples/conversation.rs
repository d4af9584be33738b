//! Both ends of the conversation that every language has with every other (tests/languages/README.md).
//!
//!     cargo run --example conversation -- listen 127.0.0.1:0
//!     cargo run --example conversation -- talk ADDRESS NOBODY      where the server is, and where nobody listens

use anysock::{HandleSet, Socket};
use std::io::{Read, Result, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const MEBIBYTE: usize = 1 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["listen", address] => serve(address),
        ["talk", address, nobody] => talk(address, nobody),
        _ => {
            eprintln!("usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY");
            std::process::exit(2);
        }
    }
}

/// RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1, 0);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

/// The name of the error that a call had.
fn failure<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "nothing".to_owned(),
        Err(error) => anysock::Error::from_code(anysock::code(&error).unwrap_or_default()).name().to_owned(),
    }
}

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

fn serve(address: &str) -> Result<()> {
    let listener = anysock::listen("tcp", address)?;
    println!("listening on {}", listener.local_address()?);
    loop {
        if let Err(error) = answer(&mut listener.accept()?) {
            eprintln!("conversation: {error}");
        }
    }
}

fn answer(client: &mut Socket) -> Result<()> {
    let mut all = Vec::new();
    client.read_to_end(&mut all)?;
    writeln!(client, "{} {}", all.len(), adler32(&all))?;
    client.write_all(&all)
}

// The client: a line for each step.

fn talk(address: &str, nobody: &str) -> Result<()> {
    println!("refused {}", failure(anysock::connect("tcp", nobody)));
    let port = address.rsplit(':').next().unwrap_or_default();
    let mut server = anysock::connect_timeout("tcp", format!("localhost:{port}"), PATIENCE)?;
    println!("connected {}", server.peer_address()?);
    server.set_timeout(Some(Duration::from_millis(50)))?;
    println!("silence {}", failure(server.read(&mut [0])));
    server.set_timeout(Some(PATIENCE))?;
    let data: Vec<u8> = (0..MEBIBYTE).map(|i| (i % 251) as u8).collect();
    server.write_all(&data)?;
    server.shutdown(Shutdown::Write)?;
    println!("ready{}", ready(&server)?);
    hear(&mut server)?;
    println!("cancelled {}", cancelled()?);
    server.close()?;
    println!("gone {}", failure(server.read(&mut [0])));
    Ok(())
}

/// Which of two has something to read: one to whom nobody speaks, or the server.
fn ready(server: &Socket) -> Result<String> {
    let (idle, _other) = anysock::pair("tcp")?;
    let mut set = HandleSet::new();
    set.insert(&idle);
    set.insert(server);
    anysock::select(&mut set, &mut HandleSet::new(), &mut HandleSet::new(), Some(PATIENCE))?;
    let named = [(" idle", &idle), (" server", server)];
    Ok(named.into_iter().filter(|(_, socket)| set.contains(socket)).map(|(name, _)| name).collect())
}

fn hear(server: &mut Socket) -> Result<()> {
    let mut all = Vec::new();
    server.read_to_end(&mut all)?;
    let mut parts = all.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    let echo = parts.next().unwrap_or_default();
    println!("answer {}\necho {} {}", String::from_utf8_lossy(line), echo.len(), adler32(echo));
    Ok(())
}

fn cancelled() -> Result<String> {
    loop {
        let (idle, _other) = anysock::pair("tcp")?;
        let name = thread::scope(|scope| -> Result<String> {
            let reader = scope.spawn(|| failure((&idle).read(&mut [0])));
            thread::sleep(Duration::from_millis(20));
            idle.close()?;
            Ok(reader.join().expect("the thread does not panic"))
        })?;
        // Else the thread came too late to be blocked.
        if name != "EBADF" {
            return Ok(name);
        }
    }
}
