//! The timings of both profiles, on virtual time: in-memory streams and a paused runtime.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Tick};
use domain::Secret;
use drills::wall::{Profile, TEXT, Wall, WallSettings};
use tokio::io::DuplexStream;
use tokio::time::Instant;

use crate::client::{Client, End, now};
use crate::{CHAT, asked};

/// Tells the paused runtime's time.
#[derive(Debug)]
pub(crate) struct RuntimeClock(Instant);

impl RuntimeClock {
    pub(crate) fn new() -> Self {
        Self(now())
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Tick {
        Tick::default() + now().duration_since(self.0)
    }

    fn unix_seconds(&self) -> f64 {
        1_717_459_200.0
    }
}

fn wall(profile: Profile) -> Wall {
    let settings = WallSettings { profile, expect_key: None };
    Wall::new(settings, Arc::new(RuntimeClock(now())))
}

fn connect(wall: &Wall) -> Client<DuplexStream> {
    let (client, server) = tokio::io::duplex(64 << 10);
    let wall = wall.clone();
    tokio::spawn(async move { wall.converse(server).await });
    Client::new(client)
}

/// A wall of full length on virtual time.
pub(crate) struct Stage(Wall);

impl Stage {
    pub(crate) fn new(expect_key: Option<&str>) -> Self {
        let settings =
            WallSettings { profile: Profile::Full, expect_key: expect_key.map(Secret::new) };
        Self(Wall::new(settings, Arc::new(RuntimeClock(now()))))
    }

    pub(crate) fn fast() -> Self {
        Self(wall(Profile::Fast))
    }

    pub(crate) fn wall(&self) -> Wall {
        self.0.clone()
    }

    pub(crate) fn connect(&self) -> Client<DuplexStream> {
        connect(&self.0)
    }
}

const MS: Duration = Duration::from_millis(1);

/// Virtual time is exact but for the timer's grain of a millisecond a wait.
fn near(found: Duration, expected_ms: u64) {
    let expected = Duration::from_millis(expected_ms);
    assert!(found + MS >= expected && found <= expected + 70 * MS, "{found:?} for {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn words_come_one_by_one() {
    for (profile, between_ms) in [(Profile::Full, 15), (Profile::Fast, 5)] {
        let reply = connect(&wall(profile)).post(CHAT, &asked("fb-ok", true), "").await;
        assert_eq!((reply.end, reply.streamed_text().as_str()), (End::Whole, TEXT));
        // An opening, sixty words, a finish and the mark.
        assert_eq!(reply.data().len(), 63);
        near(reply.took, 59 * between_ms);
        let slow = connect(&wall(profile)).post(CHAT, &asked("fb-ok-slow", true), "").await;
        near(slow.took, 29 * 200);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_lasts_and_ends_without_a_byte() {
    for (profile, silence_ms) in [(Profile::Full, 120_000), (Profile::Fast, 15_000)] {
        for stream in [true, false] {
            let reply = connect(&wall(profile)).post(CHAT, &asked("fb-s06", stream), "").await;
            assert_eq!(reply.end, End::Nothing);
            near(reply.took, silence_ms);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_word_is_late_but_the_head_is_not() {
    for (profile, late_ms) in [(Profile::Full, 20_000), (Profile::Fast, 3_000)] {
        let reply = connect(&wall(profile)).post(CHAT, &asked("fb-s07", true), "").await;
        assert_eq!(reply.streamed_text(), TEXT);
        near(reply.times[0], 0);
        near(reply.times[1], late_ms);
        let reply = connect(&wall(profile)).post(CHAT, &asked("fb-s07", false), "").await;
        assert_eq!(reply.whole_text(), TEXT);
        near(reply.took, late_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_begins_after_twenty_words_and_ends_in_a_cut() {
    for (profile, stall_ms) in [(Profile::Full, 30_000), (Profile::Fast, 4_000)] {
        let reply = connect(&wall(profile)).post(CHAT, &asked("fb-s09", true), "").await;
        assert_eq!((reply.end, reply.data().len()), (End::Cut, 21));
        assert!(TEXT.starts_with(&reply.streamed_text()));
        near(reply.took - reply.times[20], stall_ms);
        let reply = connect(&wall(profile)).post(CHAT, &asked("fb-s09", false), "").await;
        assert_eq!(reply.end, End::Cut);
        near(reply.took, stall_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn the_outage_lasts_from_a_start_or_reset() {
    for (profile, down_ms) in [(Profile::Full, 60_000), (Profile::Fast, 6_000)] {
        let wall = wall(profile);
        let mut client = connect(&wall);
        let ask = asked("fb-s15", false);
        for _ in 0..2 {
            assert_eq!(client.post(CHAT, &ask, "").await.status, 503);
            tokio::time::sleep(Duration::from_millis(down_ms - 10)).await;
            let reply = client.post(CHAT, &ask, "").await;
            assert_eq!((reply.status, reply.code().as_str()), (503, "overloaded"));
            tokio::time::sleep(10 * MS).await;
            assert_eq!(client.post(CHAT, &ask, "").await.status, 200);
            assert_eq!(client.post("/control/reset", "", "").await.status, 200);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_times() {
    let wall = wall(Profile::Full);
    tokio::time::sleep(100 * MS).await;
    connect(&wall).post(CHAT, &asked("fb-s09", true), "").await;
    tokio::task::yield_now().await;
    let log = connect(&wall).get("/control/log").await.json();
    let attempt = &log["attempts"][0];
    near(Duration::from_millis(attempt["t_ms"].as_u64().unwrap()), 100);
    near(Duration::from_millis(attempt["ended_ms"].as_u64().unwrap()), 100 + 19 * 15 + 30_000);
    assert_eq!(attempt["end"], "stalled");
    assert_eq!(attempt["pieces_sent"], 20);
}
