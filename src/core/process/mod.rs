//! What the library has in a process besides handles: its threads, and sections that no fork comes into. Not here: what is
//! done around a fork (`fork`), which knows all that stands above this.

pub mod cancellation;
pub mod panics;
pub mod section;
pub mod workers;
