//! Those who ask: when they come, how much they ask for, how they speak HTTP, how the official
//! SDKs try again, and when they lose patience.

mod arrivals;
mod dice;
mod hearing;
mod naive;
mod person;
mod sizes;
mod tongue;
mod wire;

pub use sizes::{Size, Sizes};

pub(crate) use arrivals::arrivals;
pub use dice::gamma;

pub(crate) use dice::{exponential, poisson};
pub(crate) use person::{Conversation, People, Route};
pub(crate) use wire::{Target, key_of};
