//! How the server ends.

use std::time::Duration;

use net::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::{Answer, Rig, limits, now, read_one};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const DRIP: &[u8] = b"GET /drip HTTP/1.1\r\nHost: a.example\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn idle_and_silent_connections_close_at_once_and_open_answers_end() {
    let rig = Rig::new(limits());
    let mut silent = rig.call().await;
    let mut idle = rig.say(GET).await;
    read_one(&mut idle).await;
    let mut streaming = rig.say(DRIP).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let started = now();
    rig.shutdown.trigger();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    assert!((now() - started).as_millis() < 10);
    let answer = Answer::read(&mut streaming).await;
    assert!(answer.closed);
    assert_eq!(answer.text.matches("xxxxxxxxxx").count(), 20);
    assert!(answer.text.ends_with("0\r\n\r\n"), "the stream was cut");
    rig.server.await.unwrap().unwrap();
    assert_eq!((now() - started).as_secs(), 17);
    assert_eq!(rig.seen.broken_off(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_open_at_the_limit_is_dropped() {
    let rig = Rig::new(ServerLimits { shutdown_ms_max: 5_000, ..limits() });
    let mut streaming = rig.say(DRIP).await;
    let _waiting = rig.say(b"GET /never HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    rig.settle().await;
    let started = now();
    rig.shutdown.trigger();
    rig.server.await.unwrap().unwrap();
    assert_eq!((now() - started).as_secs(), 5);
    assert_eq!(rig.seen.broken_off(), 2);
    assert_eq!(rig.counts.open(), 0);
    assert!(!Answer::read(&mut streaming).await.text.ends_with("0\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_request_on_an_open_connection_is_the_last() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(DRIP).await;
    stream.write_all(GET).await.unwrap();
    rig.settle().await;
    rig.shutdown.trigger();
    assert!(Answer::read(&mut stream).await.closed);
    rig.server.await.unwrap().unwrap();
    assert_eq!(rig.seen.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_server_that_waits_for_a_place_or_pauses() {
    let rig = Rig::new(ServerLimits { connections_max: 1, shutdown_ms_max: 10, ..limits() });
    let _kept = rig.say(GET).await;
    let _waits = rig.say(GET).await;
    rig.settle().await;
    rig.shutdown.trigger();
    let ended = tokio::time::timeout(Duration::from_secs(1), rig.server).await;
    ended.expect("it went on waiting").unwrap().unwrap();

    let rig = Rig::new(limits());
    rig.callers.send(Err(std::io::Error::from_raw_os_error(24))).await.unwrap();
    rig.settle().await;
    let started = now();
    rig.shutdown.trigger();
    rig.server.await.unwrap().unwrap();
    assert!((now() - started).as_millis() < 10);
}
