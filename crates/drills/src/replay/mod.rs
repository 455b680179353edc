//! Plays a scenario under a policy: one paused runtime, the network in memory, the whole product
//! or a simple router between crowds and providers.

mod clock;
mod house;
mod network;
mod outside;
mod run;
mod setup;
mod study;

pub(crate) use clock::VirtualClock;
pub(crate) use network::Network;
pub use run::{Played, Policy, Progress, play};
pub use setup::{Setup, SetupError, builtin, of_user};
pub(crate) use study::herd_study;
pub use study::{HerdPoint, HerdStudy};
