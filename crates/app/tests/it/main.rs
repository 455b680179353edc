//! The whole house in one process: real listener code, real line, real providers' code, over pipes
//! in memory and on a paused clock.

#![allow(
    clippy::disallowed_methods,
    reason = "the paused clock of the test's own runtime is the time here"
)]

#[cfg(test)]
mod caller;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod house;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod takeover;
mod waiting;
