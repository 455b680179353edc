//! Who comes in. Today: which caller a key belongs to. No I/O, no async, no clock of its own.

mod caller;

pub use caller::CallerKey;
