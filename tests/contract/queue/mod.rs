//! The batch queue, on every engine that the machine has.

mod cancelling;
mod closing;
mod connecting;
#[cfg(unix)]
mod elsewhere;
mod endings;
mod fields;
#[cfg(unix)]
mod forking;
#[cfg(unix)]
mod generations;
mod kinds;
mod kit;
#[cfg(unix)]
mod memory;
mod order;
mod pausing;
mod random;
mod reading;
mod rules;
mod running;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(unix)]
mod signals;
mod timing;
mod writing;
