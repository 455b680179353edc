//! Every limit in time, on a clock that is turned by the runtime.

use std::time::Duration;

use net::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::{Answer, Rig, closes_after, limits, now, read_one};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

fn near(seconds: f64, expected: f64) {
    assert!((seconds - expected).abs() < 0.1, "{seconds} s instead of {expected} s");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed() {
    let rig = Rig::new(limits());
    near(closes_after(&mut rig.call().await).await, 10.0);
    assert_eq!(rig.counts.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_cut_off_however_steadily_it_comes() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(b"GET / HTTP/1.1\r\nHost: a.example\r\n").await;
    let started = now();
    while stream.write_all(b"x: y\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!((now() - started).as_secs() < 60, "still open");
    }
    let seconds = (now() - started).as_secs_f64();
    assert!((10.0..11.9).contains(&seconds), "{seconds}");
    assert_eq!(rig.seen.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_later_request_has_its_own_limit() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(GET).await;
    read_one(&mut stream).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    near(closes_after(&mut stream).await, 10.0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_75_seconds_after_its_last_answer() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(GET).await;
    for _ in 0..4 {
        read_one(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(70)).await;
        stream.write_all(GET).await.unwrap();
    }
    read_one(&mut stream).await;
    near(closes_after(&mut stream).await, 75.0);
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_no_idleness() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(b"GET /trickle HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    // Five pieces, fifty seconds apart, then the idle time.
    near(closes_after(&mut stream).await, 250.0 + 75.0);
    assert_eq!(rig.seen.broken_off(), 0);
}

/// Sends a piece each `pause` after the head and gives the answer and when it came.
async fn drip_body(limits: ServerLimits, piece: &[u8], pause: Duration) -> (Answer, f64) {
    let rig = Rig::new(limits);
    let head = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n";
    let mut stream = rig.say(head).await;
    let started = now();
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let mut first = [0_u8; 512];
    let dripping = async {
        loop {
            tokio::time::sleep(pause).await;
            _ = write.write_all(piece).await;
        }
    };
    let length = tokio::select! {
        read = read.read(&mut first) => read.unwrap(),
        () = dripping => unreachable!("it drips forever"),
    };
    let text = String::from_utf8_lossy(&first[..length]).into_owned();
    let status = text.get(9..12).unwrap().parse().unwrap();
    (Answer { status, text, closed: false }, (now() - started).as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_refused_after_the_grace() {
    let (answer, seconds) = drip_body(limits(), b"x", Duration::from_millis(100)).await;
    assert_eq!(answer.status, 408);
    assert!(answer.text.contains("too slowly"), "{}", answer.text);
    near(seconds, 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_slows_down_is_refused_when_its_average_falls_below_the_rate() {
    // 12 KiB at once are worth twelve seconds at 1 KiB/s.
    let rig = Rig::new(limits());
    let mut request =
        b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    request.extend_from_slice(&[b'x'; 12 * 1024]);
    let started = now();
    let mut stream = rig.say(&request).await;
    let mut first = [0_u8; 512];
    let length = stream.read(&mut first).await.unwrap();
    assert!(String::from_utf8_lossy(&first[..length]).contains(" 408 "));
    near((now() - started).as_secs_f64(), 12.0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_meets_its_deadline() {
    let (answer, seconds) = drip_body(limits(), &[b'x'; 1_400], Duration::from_secs(1)).await;
    assert_eq!(answer.status, 408);
    assert!(answer.text.contains("did not end in time"), "{}", answer.text);
    near(seconds, 60.0);
}

#[tokio::test(start_paused = true)]
async fn a_steady_body_is_read_to_its_end() {
    let rig = Rig::new(limits());
    let head = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 30000\r\n\r\n";
    let mut stream = rig.say(head).await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(&[b'x'; 1_500]).await.unwrap();
    }
    assert!(read_one(&mut stream).await.ends_with("30000 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let small = ServerLimits { body_bytes_max: 1_000, ..limits() };
    let rig = Rig::new(small.clone());
    let said = b"POST /read HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\
        Content-Length: 1001\r\n\r\n";
    let answer = rig.ask(said).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert!(!answer.text.contains("100 Continue"));

    let mut chunked =
        b"POST /read HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        chunked.extend_from_slice(b"190\r\n");
        chunked.extend_from_slice(&[b'x'; 0x190]);
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = Rig::new(small).ask(&chunked).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert!(answer.closed);
}

/// A caller in the middle of a large upload must be able to read why it was refused.
#[tokio::test(start_paused = true)]
async fn a_refused_upload_is_taken_in_for_a_while() {
    let rig = Rig::new(ServerLimits { body_bytes_max: 1_000, ..limits() });
    let head = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 500000\r\n\r\n";
    let mut stream = rig.say(head).await;
    stream.write_all(&vec![b'x'; 500_000]).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 413);

    let mut stubborn = rig.say(head).await;
    let started = now();
    while stubborn.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!((now() - started).as_secs() < 60, "still taken in");
    }
    near((now() - started).as_secs_f64(), 2.1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_read_is_cut_off_and_its_answer_dropped() {
    let rig = Rig::new(limits());
    let _stream = rig.say(b"GET /flood HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(rig.seen.broken_off(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.seen.broken_off(), 1);
    assert_eq!(rig.counts.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_makes_progress_is_served() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(b"GET /flood HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    let mut buffer = vec![0_u8; 4_096];
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
    assert_eq!(rig.seen.broken_off(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_handler_is_dropped_when_the_caller_leaves() {
    let rig = Rig::new(limits());
    let stream = rig.say(b"GET /never HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((rig.seen.requests(), rig.seen.broken_off()), (1, 0));
    drop(stream);
    rig.settle().await;
    assert_eq!(rig.seen.broken_off(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_holds_for_a_caller_that_does_not_read_is_bounded() {
    let rig = Rig::new(limits());
    let mut stream = rig.say(b"GET /flood HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(35)).await;
    let mut held = Vec::new();
    _ = stream.read_to_end(&mut held).await;
    // The pipe was full, and nothing of the rest was sent.
    assert!(held.len() <= super::rig::PIPE_BYTES, "{}", held.len());
}
