//! Who comes in, and who waits: which caller a key belongs to, and the waiting room. No I/O, no
//! async, no clock of its own.

mod caller;
mod waiting_room;

pub use caller::{CallerKey, CallerKeys, Identity, NotAHash, hash_text, parse_hash_text};
pub use waiting_room::{
    Class, Entered, Eta, NoPlace, RoomSettings, Ticket, Turn, TurnedAwayWhy, Waiter, WaitingRoom,
};
