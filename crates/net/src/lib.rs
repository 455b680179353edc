//! The listeners, TLS and the only HTTP client. Whatever touches a socket is here, behind two
//! seams: [`Listener`] for connections that come in and [`Connector`] for those that go out.
//! What the bytes mean is not known here.

mod limits;
mod seam;

pub use limits::{ServerLimits, TlsFiles};
pub use seam::{BoxIo, Connector, Io, Listener, Origin};
