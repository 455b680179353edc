//! The doors, from the caller's side of the wire.

mod h2;
mod heads;
mod places;
mod rig;
mod shutdown;
mod siege;
mod sockets;
mod times;
mod tls;
