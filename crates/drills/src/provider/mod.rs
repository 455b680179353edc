//! Simulated providers: a machine room with a queue and a batch, an account's quota, faults that
//! come and go, the world's own load beside yours, and HTTP in front of it, in the dialect of
//! whoever asks.

mod engine;
mod limits;
mod mail;
mod plant;
mod quota;
mod serve;
mod speech;
mod world;

pub use engine::{Capacity, Engine, JobId, Milestone, QueueFull, Work};
pub use quota::QuotaSettings;
pub(crate) use quota::{Left, Quota, Refused};

pub(crate) use plant::{CELL_S, Cell, Plant, SharedPlant, Tries, cell_of};
pub(crate) use serve::converse;
pub(crate) use speech::{Asker, prompt};
pub(crate) use world::{WorldFlow, base_rate};
