//! The real listener: a TCP socket, one for each core if the kernel shares the port out.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::{BoxFuture, BoxIo, Listener};

/// Connections that the kernel keeps while the accept loop waits.
const BACKLOG: i32 = 1_024;

/// A bound TCP port.
#[derive(Debug)]
pub struct TcpDoor {
    socket: Option<std::net::TcpListener>,
    /// Made of the socket at the first accept, on the runtime that accepts.
    listener: Option<TcpListener>,
}

impl TcpDoor {
    /// Binds `addr` and listens; needs no runtime yet. With `reuse_port` several doors of this
    /// process share the port, and the kernel spreads connections over them.
    ///
    /// # Errors
    /// Those of the socket; above all, that the address is taken.
    pub fn bind(addr: SocketAddr, reuse_port: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if reuse_port {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket: Some(socket.into()), listener: None })
    }
}

impl Listener for TcpDoor {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, SocketAddr)>> {
        Box::pin(async {
            if let Some(socket) = self.socket.take() {
                self.listener = Some(TcpListener::from_std(socket)?);
            }
            let Some(listener) = &self.listener else {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "the door is gone"));
            };
            let (stream, addr) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxIo, addr))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match (&self.socket, &self.listener) {
            (Some(socket), _) => socket.local_addr(),
            (None, Some(listener)) => listener.local_addr(),
            (None, None) => Err(io::Error::new(io::ErrorKind::NotConnected, "the door is gone")),
        }
    }
}
