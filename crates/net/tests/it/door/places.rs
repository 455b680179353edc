//! Caps on connections, and accepts that fail.

use std::io;
use std::time::Duration;

use net::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::{Rig, closes_after, limits, now, read_one};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn beyond_the_cap_a_caller_waits_for_another_to_leave() {
    let rig = Rig::new(ServerLimits { connections_max: 2, ..limits() });
    let mut first = rig.say(GET).await;
    let mut second = rig.say(GET).await;
    read_one(&mut first).await;
    read_one(&mut second).await;
    assert_eq!(rig.counts.open(), 2);
    let mut third = rig.say(GET).await;
    let early = tokio::time::timeout(Duration::from_secs(5), third.read_u8()).await;
    assert!(early.is_err(), "it was served beyond the cap");
    drop(first);
    assert!(read_one(&mut third).await.contains(" 200 "));
    assert_eq!(rig.counts.open(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_beyond_its_share_is_closed_at_once_and_others_are_served() {
    let rig = Rig::new(ServerLimits { connections_per_source_max: 2, ..limits() });
    let kept = [rig.say(GET).await, rig.say(GET).await];
    let mut refused = rig.call().await;
    assert!(closes_after(&mut refused).await < 0.1);
    assert_eq!(rig.counts.refused(), 1);

    let mut other = rig.call_from("198.51.100.8:1").await;
    other.write_all(GET).await.unwrap();
    assert!(read_one(&mut other).await.contains(" 200 "));

    drop(kept);
    rig.settle().await;
    let mut again = rig.say(GET).await;
    assert!(read_one(&mut again).await.contains(" 200 "));
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_source_is_its_64_and_a_mapped_address_is_its_ipv4() {
    let rig = Rig::new(ServerLimits { connections_per_source_max: 1, ..limits() });
    let _kept = rig.call_from("[2001:db8:1:2::1]:1").await;
    let _kept_too = rig.call_from("198.51.100.9:1").await;
    for same in ["[2001:db8:1:2:ffff::9]:1", "[::ffff:198.51.100.9]:1"] {
        assert!(closes_after(&mut rig.call_from(same).await).await < 0.1, "{same}");
    }
    let mut other = rig.call_from("[2001:db8:1:3::1]:1").await;
    other.write_all(GET).await.unwrap();
    assert!(read_one(&mut other).await.contains(" 200 "));
}

#[tokio::test(start_paused = true)]
async fn loopback_is_one_source_only_if_asked() {
    for (count_loopback, refused) in [(true, 1), (false, 0)] {
        let rig = Rig::new(ServerLimits {
            connections_per_source_max: 1,
            count_loopback,
            ..ServerLimits::default()
        });
        let _kept = [rig.call_from("127.0.0.1:1").await, rig.call_from("127.0.0.1:2").await];
        rig.settle().await;
        assert_eq!(rig.counts.refused(), refused);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_accepts_neither_spin_nor_stop_the_server() {
    let rig = Rig::new(limits());
    let started = now();
    for _ in 0..8 {
        rig.callers.send(Err(io::Error::from_raw_os_error(24))).await.unwrap();
    }
    let mut stream = rig.say(GET).await;
    assert!(read_one(&mut stream).await.contains(" 200 "));
    // 50 + 100 + 200 + 400 + 4 x 500 ms.
    let waited = (now() - started).as_millis();
    assert!((2_700..2_800).contains(&waited), "{waited} ms");

    rig.callers.send(Err(io::ErrorKind::ConnectionAborted.into())).await.unwrap();
    let before = now();
    let mut next = rig.say(GET).await;
    read_one(&mut next).await;
    assert!((now() - before).as_millis() < 10, "one caller's fault made the next one wait");
}
