//! The background: it empties queues by itself, loses the log before anything else, and ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use telemetry::{Gauge, LogTo, RequestLogSettings};

use crate::{Bench, answered, bench, quiet};

#[test]
fn the_worker_ends_when_nobody_is_left() {
    let Bench { telemetry, worker, .. } = bench(quiet());
    let running = worker.spawn().unwrap();
    drop(telemetry);
    running.stop();
}

#[test]
fn many_threads_feed_and_nothing_is_counted_twice() {
    let Bench { telemetry, worker, .. } = bench(quiet());
    let running = worker.spawn().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let telemetry = telemetry.clone();
            scope.spawn(move || (0..2_000).for_each(|_| telemetry.receipt(answered())));
        }
        for _ in 0..5 {
            telemetry.render();
        }
    });
    running.stop();
    let text = telemetry.render();
    assert!(text.contains("\nseawall_attempts_per_request_count 8000\n"), "{text}");
}

/// A pipe that is full and that nobody reads.
#[cfg(target_os = "linux")]
#[test]
fn a_stuck_log_loses_lines_but_no_receipt() {
    use std::process::{Command, Stdio};
    let mut reader = Command::new("sleep").arg("60").stdin(Stdio::piped()).spawn().unwrap();
    let stuck = {
        use std::os::fd::AsRawFd;
        let fd = reader.stdin.as_ref().unwrap().as_raw_fd();
        std::path::PathBuf::from(format!("/proc/{}/fd/{fd}", std::process::id()))
    };
    let settings = RequestLogSettings { to: LogTo::File(stuck), ..RequestLogSettings::default() };
    let Bench { telemetry, worker, .. } = bench(settings);
    let running = worker.spawn().unwrap();
    for _ in 0..40_000 {
        telemetry.receipt(answered());
    }
    let text = telemetry.render();
    assert!(text.contains("\nseawall_attempts_per_request_count 40000\n"));
    assert!(!text.contains("\nseawall_log_lines_dropped_total 0\n"), "{text}");
    running.stop();
    reader.kill().unwrap();
    reader.wait().unwrap();
}

#[test]
fn a_gauge_may_ask_telemetry_itself() {
    let Bench { telemetry, .. } = bench(quiet());
    static READ: AtomicU32 = AtomicU32::new(0);
    let inner = telemetry.clone();
    telemetry.register_gauge(Gauge::ReserveQueue, &[], move || {
        READ.fetch_add(1, Ordering::Relaxed);
        inner.receipt(answered());
        assert_eq!(inner.snapshot().minute.requests, 1);
        Duration::from_secs(2).as_secs_f64()
    });
    assert!(telemetry.render().contains("\nseawall_reserve_queue 2.0\n"));
    assert_eq!(READ.load(Ordering::Relaxed), 1);
}

#[test]
fn a_stop_breaks_the_circle_of_gauges() {
    let Bench { telemetry, worker, clock } = bench(quiet());
    let running = worker.spawn().unwrap();
    let inner = telemetry.clone();
    telemetry.register_gauge(Gauge::ReserveReady, &[], move || {
        f64::from(u8::from(inner.snapshot().lost == 0))
    });
    running.stop();
    drop(telemetry);
    // Only the bench itself still holds the clock.
    assert_eq!(std::sync::Arc::strong_count(&clock), 1);
}
