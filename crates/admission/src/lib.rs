//! Who comes in. Today: which caller a key belongs to. No I/O, no async, no clock of its own.

mod caller;

pub use caller::{CallerKey, CallerKeys, Identity, NotAHash, hash_text, parse_hash_text};
