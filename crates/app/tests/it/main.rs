//! The whole house in one process: real listener code, real line, real providers' code, over pipes
//! in memory and on a paused clock.

#![allow(
    clippy::disallowed_methods,
    reason = "the paused clock of the test's own runtime is the time here"
)]

#[cfg(test)]
mod acting;
#[cfg(test)]
mod around;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod early;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod gathering;
#[cfg(test)]
mod hedging;
#[cfg(test)]
mod house;
#[cfg(test)]
mod judgement;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod ordering;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod recall;
#[cfg(test)]
mod takeover;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod waiting;
