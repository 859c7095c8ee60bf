//! Sockets and the packet thread around the packet core: all `unsafe` of the media core is here.

mod core;
mod directory;
mod queue;
mod senders;
mod socket;
mod stats;
mod sys;
mod worker;

pub use crate::core::{Config, Core, Error};
pub use directory::CommandError;
pub use queue::Notice;
pub use stats::{SocketCounters, Stats};
