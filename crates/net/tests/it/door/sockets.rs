//! What only real sockets show.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use net::{ConnectionCounts, Listener, Server, ServerLimits, Shutdown, TcpDoor};
use tokio::runtime::Builder;

use super::rig::ByPath;

/// A server on a thread and a runtime of its own, as in the product.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    shutdown: Shutdown,
    counts: Arc<ConnectionCounts>,
    thread: thread::JoinHandle<()>,
}

impl Served {
    pub(crate) fn new(limits: ServerLimits) -> Self {
        let door = TcpDoor::bind(([127, 0, 0, 1], 0).into(), true).unwrap();
        let addr = door.local_addr().unwrap();
        let (shutdown, counts) = (Shutdown::new(), ConnectionCounts::new(&limits));
        let server = Server {
            listener: Box::new(door),
            tls: None,
            limits: Arc::new(limits),
            counts: counts.clone(),
            handler: ByPath::default(),
            shutdown: shutdown.clone(),
        };
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.run()).unwrap();
        });
        Self { addr, shutdown, counts, thread }
    }

    /// Shuts it down; gives the connections that are open after that.
    pub(crate) fn end(self) -> usize {
        self.shutdown.trigger();
        self.thread.join().unwrap();
        self.counts.open()
    }
}

/// The kernel answers bytes that nobody reads with a reset, and a reset destroys what the caller
/// has not read yet.
#[test]
fn a_caller_in_the_middle_of_an_upload_reads_why_it_was_refused() {
    let served = Served::new(ServerLimits { body_bytes_max: 1_000, ..ServerLimits::default() });
    for _ in 0..5 {
        let mut stream = TcpStream::connect(served.addr).unwrap();
        let head = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 8000000\r\n\r\n";
        stream.write_all(head).unwrap();
        for _ in 0..80 {
            stream.write_all(&[b'x'; 100_000]).unwrap();
        }
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    assert_eq!(served.end(), 0);
}

#[test]
fn a_port_is_shared_only_if_both_doors_want_it() {
    let any = ([127, 0, 0, 1], 0).into();
    let first = TcpDoor::bind(any, true).unwrap();
    let addr = first.local_addr().unwrap();
    assert_eq!(TcpDoor::bind(addr, true).unwrap().local_addr().unwrap(), addr);
    let taken = TcpDoor::bind(addr, false).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}
