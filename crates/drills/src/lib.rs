//! Drills and the fault wall: historic outages, crowds and faults, played against the whole product
//! on virtual time, and a provider that breaks on purpose. Nothing here decides anything for the
//! product; it only sends, breaks, counts and tells.

pub mod marks;
pub mod wall;

pub mod crowd;
mod drill;
pub mod provider;
mod replay;
mod report;
pub mod scenario;
pub mod score;

pub use drill::{Wish, drill};
pub use replay::{
    HerdPoint, HerdStudy, Played, Policy, Progress, Setup, SetupError, builtin, of_user, play,
};
pub use report::{Report, page, terminal};
pub use scenario::{Mistake, Scenario, Shipped, find, read, shipped};
