//! The only door to time and chance: the system's clock and one that tests turn by hand, seeded
//! dice, and the maker of request ids. Waiting is not done here: that is the runtime's business.

mod dice;
mod id;
mod time;

pub use dice::Dice;
pub use id::{IdMaker, RequestId};
pub use time::{Clock, ManualClock, SystemClock, Tick, UnixMs};
