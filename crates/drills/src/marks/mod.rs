//! Plays a caller against a gateway whose ladders lead to the wall, and judges what came back by
//! the checks of the public Failover Bench and by those of the wall's further faults. What a
//! gateway tried is read from the wall's own ledger, so that it cannot look better than it was. It
//! asks one thing at a time, as the bench does; crowds belong to the drills.

mod ask;
mod caller;
mod checks;
mod config;
mod further;
mod read;
mod run;
mod scenarios;
mod table;

pub use ask::CallerDialect;
pub use caller::{Dial, TcpDial};
pub use checks::Verdict;
pub use config::gateway_config;
pub use run::{Score, Scorer};
pub use table::{Row, table_head};
