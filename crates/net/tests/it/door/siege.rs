//! Real sockets: six hundred slow callers at once, and a healthy one beside them. It asks a second,
//! quiet server by turns, so that what the machine is busy with otherwise counts on both sides.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use net::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::rig::now;
use super::sockets::Served;

/// A third of them have a slow body.
const SLOW_HEADS: usize = 400;
const SLOW_BODIES: usize = 200;
const BETWEEN_ATTACKERS: Duration = Duration::from_millis(1);
const SLOW_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n";
const SLOW_BODY: &[u8] = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9999\r\n\r\n";
const TIMEOUT: Duration = Duration::from_secs(1);
const ROUNDS_MAX: usize = 3;
/// What the siege may add to a healthy caller's time.
const ADDED_MAX: Duration = Duration::from_millis(5);

fn limits() -> ServerLimits {
    ServerLimits { header_ms_max: 1_000, body_grace_ms_max: 1_000, ..ServerLimits::default() }
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

/// Asks both servers by turns for `span`; gives the sorted times of each.
async fn healthy(addrs: [SocketAddr; 2], span: Duration) -> [Vec<Duration>; 2] {
    let mut streams = Vec::new();
    for addr in addrs {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let mut times = [Vec::new(), Vec::new()];
    let until = now() + span;
    let mut buffer = [0_u8; 512];
    while now() < until {
        for (stream, times) in streams.iter_mut().zip(&mut times) {
            let asked = now();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
            times.push(now() - asked);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times.map(|mut times| {
        times.sort();
        times
    })
}

/// The value that `percent` of the times are below.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[sorted.len() * percent / 100]
}

/// One siege: how long after its timeout the last attacker was gone.
fn besiege(addr: SocketAddr) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for nth in 0..SLOW_HEADS + SLOW_BODIES {
            if nth % 3 == 0 {
                tasks.spawn(attack(addr, SLOW_BODY, b"x"));
            } else {
                tasks.spawn(attack(addr, SLOW_HEAD, b"x: y\r\n"));
            }
            tokio::time::sleep(BETWEEN_ATTACKERS).await;
        }
        let last_came = now();
        tasks.join_all().await;
        (now() - last_came).saturating_sub(TIMEOUT)
    })
}

/// Noise of the machine falls on either side, so the best of a few rounds counts. Where even the
/// quiet server's 99th percentile is beyond the bound, the scheduler is measured and not we; such
/// a round can only be judged by its median.
#[test]
fn six_hundred_slow_callers_go_and_a_healthy_one_does_not_feel_them() {
    let besieged_one = Served::new(limits());
    let quiet_one = Served::new(limits());
    let (addr, quiet_addr) = (besieged_one.addr, quiet_one.addr);
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS_MAX {
        let attackers = thread::spawn(move || besiege(addr));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let [besieged, quiet] =
            runtime.block_on(healthy([addr, quiet_addr], Duration::from_millis(2_500)));
        let gone_after = attackers.join().unwrap();
        assert!(gone_after < Duration::from_secs(15), "{gone_after:?}");

        let judged_at = if at(&quiet, 99) < ADDED_MAX { 99 } else { 50 };
        let added = at(&besieged, judged_at).saturating_sub(at(&quiet, judged_at));
        println!(
            "p50 {:?} and quiet {:?}, p99 {:?} and quiet {:?}, judged at p{judged_at}; the last \
             attacker was gone {gone_after:?} after its timeout",
            at(&besieged, 50),
            at(&quiet, 50),
            at(&besieged, 99),
            at(&quiet, 99),
        );
        best = best.min(added);
        if judged_at == 99 && best < ADDED_MAX {
            break;
        }
    }
    assert!(best < ADDED_MAX, "the siege added {best:?}");
    assert_eq!(besieged_one.end(), 0);
    assert_eq!(quiet_one.end(), 0);
}
