//! Stories and properties of the whole room, through its public face.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod baseline;
mod cause;
mod drills;
mod fixtures;
mod judge;
mod keeper;
mod passive;
mod quarter;
mod replay;
mod stream;
mod uptime;
mod world;
