//! What the lookout asks of the web: one exchange with an address that somebody else chose. All of it
//! goes through the client and the seams of `net`.

mod address;
mod exchange;
mod guard;

pub use address::{AddressError, WebAddress};
pub(crate) use exchange::{Ask, Bounds, ExchangeError, exchange};
pub use guard::{Guarded, Resolver, SystemResolver, is_public};
