//! Real sockets: six hundred slow callers at once, and one healthy one beside them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use net::{ConnectionCounts, Listener, Server, ServerLimits, Shutdown, TcpDoor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use super::rig::{ByPath, now};

/// A third of them have a slow body.
const SLOW_HEADS: usize = 400;
const SLOW_BODIES: usize = 200;
const BETWEEN_ATTACKERS: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(1);
const ROUNDS_MAX: usize = 3;

fn limits() -> ServerLimits {
    ServerLimits {
        header_ms_max: 1_000,
        body_grace_ms_max: 1_000,
        ..ServerLimits::default()
    }
}

/// A server on a thread and a runtime of its own, as in the product.
fn serve() -> (
    SocketAddr,
    Shutdown,
    Arc<ConnectionCounts>,
    thread::JoinHandle<()>,
) {
    let door = TcpDoor::bind(([127, 0, 0, 1], 0).into(), true).unwrap();
    let addr = door.local_addr().unwrap();
    let (shutdown, counts) = (Shutdown::new(), ConnectionCounts::new(&limits()));
    let server = Server {
        listener: Box::new(door),
        tls: None,
        limits: Arc::new(limits()),
        counts: counts.clone(),
        handler: ByPath::default(),
        shutdown: shutdown.clone(),
    };
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(server.run()).unwrap();
    });
    (addr, shutdown, counts, thread)
}

/// Sends a little each 200 ms until the server closes.
async fn attack(addr: SocketAddr, start: &'static [u8], drip: &'static [u8]) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(start).await.unwrap();
    let mut buffer = [0_u8; 256];
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                if stream.write_all(drip).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Asks on one connection for `span`; gives the sorted times.
async fn healthy(addr: SocketAddr, span: Duration) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    let until = now() + span;
    let mut buffer = [0_u8; 512];
    while now() < until {
        let asked = now();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await
            .unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
        times.push(now() - asked);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times.sort();
    times
}

fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}

/// One siege: the healthy p99 before and during it, and how long after its timeout the last
/// attacker was gone.
fn besiege(addr: SocketAddr) -> (Duration, Duration, Duration) {
    let attackers = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(1_000)).await;
            let mut tasks = tokio::task::JoinSet::new();
            for nth in 0..SLOW_HEADS + SLOW_BODIES {
                if nth % 3 == 0 {
                    let head =
                        b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9999\r\n\r\n";
                    tasks.spawn(attack(addr, head, b"x"));
                } else {
                    tasks.spawn(attack(
                        addr,
                        b"GET / HTTP/1.1\r\nHost: a.example\r\n",
                        b"x: y\r\n",
                    ));
                }
                tokio::time::sleep(BETWEEN_ATTACKERS).await;
            }
            // The last one has just come.
            let started = now();
            let count = tasks.len();
            assert_eq!(tasks.join_all().await.len(), count);
            (now() - started).saturating_sub(TIMEOUT)
        })
    });
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (calm, besieged) = runtime.block_on(async {
        let calm = healthy(addr, Duration::from_millis(900)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        (calm, healthy(addr, Duration::from_millis(2_500)).await)
    });
    (p99(&calm), p99(&besieged), attackers.join().unwrap())
}

/// Noise of the machine can only add to the difference, so the best of a few rounds counts.
#[test]
fn six_hundred_slow_callers_go_and_a_healthy_one_does_not_feel_them() {
    let (addr, shutdown, counts, server) = serve();
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS_MAX {
        let (calm, besieged, gone_after) = besiege(addr);
        let added = besieged.saturating_sub(calm);
        println!("p99 {calm:?}, besieged {besieged:?}; gone {gone_after:?} after the timeout");
        assert!(gone_after < Duration::from_secs(15));
        best = best.min(added);
        if best < Duration::from_millis(5) {
            break;
        }
    }
    assert!(
        best < Duration::from_millis(5),
        "the healthy p99 rose by {best:?}"
    );
    shutdown.trigger();
    server.join().unwrap();
    assert_eq!(counts.open(), 0);
}
