//! What options there are, and those that a handle keeps for its next descriptor. Not here: setting and reading them (`options`).

pub mod catalogue;
pub mod multicast;
pub mod setting;
pub mod system_time;
