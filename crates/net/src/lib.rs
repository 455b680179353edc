//! The listeners, TLS and the only HTTP client. Whatever touches a socket is here, behind two
//! seams: [`Listener`] for connections that come in and [`Connector`] for those that go out.
//! What the bytes mean is not known here.

mod client;
mod connector;
mod limits;
mod listener;
mod seam;

pub use client::{
    AnswerError, Client, ClientBody, ClientLimits, ClientParts, ClientTlsError, SendError,
    Unreadable, client_tls, sweep_idle,
};
pub use connector::TcpConnector;
pub use limits::{ServerLimits, TlsFiles};
pub use listener::{
    BodyFault, BoxError, ConnectionCounts, Handler, Peer, RequestBody, Server, ServerTls,
    ServerTlsError, Shutdown, TcpDoor,
};
pub use seam::{BoxFuture, BoxIo, Connector, Io, Listener, Origin};
