//! One thread and one poller, which send back whatever their many clients say.
//!
//!     cargo run --example echo_server -- [ADDRESS]      default 127.0.0.1:7000; port 0 takes a free one
//!
//! The first line tells the address. A client that does not take its echo is not read from until it does, and holds up nobody.

use anysock::{Event, Events, Poller, Socket};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Result, Write};
use std::time::Duration;

struct Client {
    socket: Socket,
    /// What is read and not yet sent back.
    pending: Vec<u8>,
}

impl Client {
    /// Reads once, and sends back what the client takes; whether the client is still there.
    fn echo(&mut self) -> Result<bool> {
        if self.pending.is_empty() {
            let mut data = [0; 4096];
            let count = self.socket.read(&mut data)?;
            if count == 0 {
                return Ok(false);
            }
            self.pending.extend_from_slice(&data[..count]);
        }
        let count = self.socket.write(&self.pending)?;
        self.pending.drain(..count);
        Ok(true)
    }

    /// What to wait for next.
    fn interest(&self) -> Events {
        if self.pending.is_empty() { Events::READ } else { Events::WRITE }
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let listener = anysock::listen("tcp", address)?;
    listener.set_timeout(Some(Duration::ZERO))?;
    println!("listening on {}", listener.local_address()?);
    let poller = Poller::new()?;
    poller.set(&listener, Events::READ, 0)?;
    let mut clients = HashMap::new();
    let mut events = [Event::default(); 256];
    loop {
        let count = poller.wait(&mut events, None)?;
        for event in &events[..count] {
            if event.number() == listener.number() {
                welcome(&listener, &poller, &mut clients)?;
            } else {
                attend(event.number(), &poller, &mut clients)?;
            }
        }
    }
}

/// Takes the connections that are there.
fn welcome(listener: &Socket, poller: &Poller, clients: &mut HashMap<i64, Client>) -> Result<()> {
    for socket in listener.incoming() {
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        socket.set_timeout(Some(Duration::ZERO))?;
        poller.set(&socket, Events::READ, 0)?;
        clients.insert(socket.number(), Client { socket, pending: Vec::new() });
    }
    Ok(())
}

/// A client that fails is gone, and nobody else minds.
fn attend(number: i64, poller: &Poller, clients: &mut HashMap<i64, Client>) -> Result<()> {
    let Some(client) = clients.get_mut(&number) else { return Ok(()) };
    let stays = client.echo().unwrap_or_else(|error| error.kind() == ErrorKind::WouldBlock);
    if stays {
        return poller.set(&client.socket, client.interest(), 0);
    }
    clients.remove(&number);
    Ok(())
}
