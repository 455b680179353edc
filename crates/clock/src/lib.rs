//! The only door to time and chance: the system's clock and one that tests turn by hand, seeded
//! dice, the maker of request ids, and the calendar by which instants are spelled. Waiting is not
//! done here: that is the runtime's business.

pub mod calendar;

mod dice;
mod id;
mod time;

pub use dice::Dice;
pub use id::{IdMaker, RequestId};
pub use time::{Clock, ManualClock, SystemClock, Tick, UnixMs};
