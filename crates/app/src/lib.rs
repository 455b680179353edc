//! Builds the running whole from `Settings` and `Doors`, reloads it and shuts it down. What runs
//! is made here once; how it behaves is decided in the rooms below.

mod build;
mod doors;
mod observe;
mod reload;
mod run;
mod serve;

pub use build::{App, BuildError};
pub use doors::{Doors, NobodyKnown, OpenListener, TcpListeners};
pub use lookout::web::SystemResolver;
pub use observe::{ReplayError, Replayed, Seat, replay};
pub use reload::{Load, Reloader};
pub use run::{RunError, run};
pub use serve::Serving;
