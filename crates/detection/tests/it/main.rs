//! Stories and properties of the whole room, through its public face.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod drills;
mod judge;
mod keeper;
mod passive;
mod quarter;
mod replay;
mod world;
