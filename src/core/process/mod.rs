//! What the library has in a process besides handles: its threads, its panic hook, sections during which no fork happens. Not
//! here: what is done around a fork (`fork`), which must know every lock.

pub mod cancellation;
pub mod panics;
pub mod section;
pub mod workers;
