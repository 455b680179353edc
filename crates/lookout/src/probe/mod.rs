//! Asks models questions whose answers can be checked, cheaply and not too often, and asks hosts
//! that have nothing to do with any provider whether our own network stands. What it means is
//! `detection`'s affair.

mod canary;
mod judge;
mod order;
mod question;
mod runner;
mod schedule;

pub use canary::{Canaries, CanaryHost, CanaryReading, CanarySink, Network};
pub use judge::{Heard, ProbeOutcome, judge};
pub use question::Question;
pub use runner::{ProbeReport, ProbeSink, ProbeTarget, Prober};
pub use schedule::{ProbeSettings, Schedule};
