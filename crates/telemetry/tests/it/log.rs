//! The request log: what a line says, what it never says, and its file.

use std::fs;

use bytes::Bytes;
use serde_json::Value;
use telemetry::{LogTo, RequestLogSettings};

use crate::{Bench, answered, bench, failed_over, refused};

fn to_file(path: &std::path::Path) -> RequestLogSettings {
    RequestLogSettings { to: LogTo::File(path.to_owned()), ..RequestLogSettings::default() }
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the log is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn a_line_tells_all_of_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.log");
    let Bench { telemetry, worker, .. } = bench(to_file(&path));
    let running = worker.spawn().unwrap();
    let mut receipt = failed_over();
    let detail = "gave 503: key sk-canary-4711 Bearer canary99 \u{1b}[31m\n\"quoted\"";
    receipt.attempts[0].detail = detail.into();
    receipt.answer.payloads = Some((Bytes::from("asked"), Bytes::from("answered")));
    telemetry.receipt(receipt);
    telemetry.receipt(refused("gpt-9"));
    telemetry.flush();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("canary") && !text.contains('\u{1b}'), "{text}");
    assert!(!text.contains("asked\"") && !text.contains("\"request\""), "payloads unasked: {text}");
    let lines = lines(&path);
    assert_eq!(lines.len(), 2);
    let line = &lines[0];
    assert_eq!(line["time"], "2024-06-04T14:40:00.250Z");
    assert!(line["id"].as_str().unwrap().starts_with("req_"));
    assert_eq!((&line["caller"], &line["model"]), (&"shop".into(), &"assistant".into()));
    assert_eq!(line["served_by"], "bolt/small");
    assert_eq!(line["attempts"][0]["fault"], "overloaded");
    assert_eq!(line["attempts"][0]["status"], 503);
    assert_eq!(line["attempts"][1]["fault"], Value::Null);
    assert_eq!(line["attempts"][1]["target"], "bolt/small");
    assert_eq!((&line["tokens"]["input"], &line["tokens"]["output"]), (&30.into(), &60.into()));
    assert_eq!((&line["first_token_ms"], &line["gap_max_ms"]), (&125.0.into(), &80.0.into()));
    assert_eq!(line["outcome"], "answered");
    assert_eq!(
        (&lines[1]["reason"], &lines[1]["status"]),
        (&"model_not_found".into(), &404.into())
    );
    running.stop();
}

#[test]
fn payloads_are_written_only_if_asked_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.log");
    let settings = RequestLogSettings { payloads: true, payload_bytes_max: 9, ..to_file(&path) };
    let Bench { telemetry, worker, .. } = bench(settings);
    let running = worker.spawn().unwrap();
    let mut receipt = answered();
    receipt.answer.payloads = Some((Bytes::from("ask"), Bytes::from("naïve €€€ and more")));
    telemetry.receipt(receipt);
    running.stop();
    let line = &lines(&path)[0];
    assert_eq!((&line["request"], &line["answer"]), (&"ask".into(), &"naïve ".into()));
    assert_eq!(line["payloads_cut"], true);
}

#[test]
fn a_rotated_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("requests.log"), folder.path().join("requests.log.1"));
    let Bench { telemetry, worker, .. } = bench(to_file(&path));
    let running = worker.spawn().unwrap();
    telemetry.receipt(answered());
    telemetry.flush();
    fs::rename(&path, &old).unwrap();
    telemetry.reopen_log();
    telemetry.receipt(answered());
    telemetry.receipt(answered());
    running.stop();
    assert_eq!((lines(&old).len(), lines(&path).len()), (1, 2));
    telemetry.receipt(answered());
    telemetry.flush();
    assert_eq!(lines(&path).len(), 2, "after the stop nothing is logged");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let Bench { worker, .. } = bench(to_file(&folder.path().join("no/such/folder.log")));
    assert!(worker.spawn().is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let Bench { telemetry, worker, .. } = bench(to_file(std::path::Path::new("/dev/full")));
    let running = worker.spawn().unwrap();
    telemetry.receipt(answered());
    telemetry.flush();
    let text = telemetry.render();
    assert!(text.contains("\nseawall_log_lines_dropped_total 1\n"), "{text}");
    assert!(text.contains("fault=\"none\"} 1"));
    running.stop();
}

#[cfg(unix)]
#[test]
fn others_may_not_read_the_log() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.log");
    let Bench { worker, .. } = bench(to_file(&path));
    worker.spawn().unwrap().stop();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
}
