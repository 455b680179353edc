//! The doors: accepts connections, speaks TLS and HTTP/1.1 or HTTP/2 on them, and holds every
//! caller to the listener's limits. What a request means is the handler's business.
//!
//! A connection has one task, and each HTTP/2 stream another. Time limits cost nothing while a
//! caller behaves: a timer is armed only when something is waited for, and it is not moved when
//! the wait ends, but looked at again when it fires.

mod answer;
mod body;
mod connection;
mod counts;
mod door;
mod flood;
mod guard;
mod handler;
mod host;
mod server;
mod shutdown;
mod streams;
mod timer;
mod tls;
mod watch;

pub use body::{BodyFault, RequestBody};
pub use counts::ConnectionCounts;
pub use door::TcpDoor;
pub use handler::{BoxError, Handler, Peer};
pub use server::Server;
pub use shutdown::Shutdown;
pub use tls::{ServerTls, ServerTlsError};
