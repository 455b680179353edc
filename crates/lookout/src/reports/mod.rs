//! Takes users' reports: one per person, component and two hours, so many per network, so many in
//! all, at a constant cost and in a bounded memory. No address is kept, only keyed hashes of it that
//! are worth nothing without a salt that lives in memory alone. Reports are evidence; whether they
//! are more than usual is `detection`'s affair, and alone they never confirm anything.

mod desk;
mod person;
mod series;
mod sketch;

pub use desk::{Acceptance, ReportDesk, ReportSettings};
pub use person::{NoRandomness, Reporter, fresh_salt};
pub use series::{BIN_MS, BINS, ReportBin, ReportCounts};
pub(crate) use sketch::Sketch;
