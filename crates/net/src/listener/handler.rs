//! What answers the requests of a listener.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};

use super::RequestBody;

/// Any error that may cross threads.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address as the socket tells it; headers that claim another are not looked at.
    pub addr: SocketAddr,
    /// The connection speaks TLS.
    pub tls: bool,
}

/// What answers requests of one listener on one core; cloned for each request.
pub trait Handler: Clone + Send + 'static {
    /// The answer's body. It is dropped early when the caller leaves or stops reading.
    type Body: http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static;

    /// Answers one request, whose `Host` was found valid. The future is dropped when the caller
    /// leaves before there is an answer.
    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
