//! The whole house in one process: real listener code, real line, real providers' code, over pipes
//! in memory and on a paused clock.

mod caller;
mod failover;
mod fixtures;
mod house;
mod memory;
mod provider;
