//! Failover as callers see it, told as stories on virtual time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::caller::{ask, chat};
use crate::house::{GATEWAY_PORT, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ASK_STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn event(delta: &str, finish: &str) -> Vec<u8> {
    format!("data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"x\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n").into_bytes()
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    let mut events = vec![event(r#"{"role":"assistant","content":""}"#, "null")];
    events.extend(words.iter().map(|word| event(&format!("{{\"content\":\"{word} \"}}"), "null")));
    events
}

fn full_stream() -> Act {
    let mut events = words(&["all", "is", "well"]);
    events.push(event("{}", "\"stop\""));
    events.push(b"data: [DONE]\n\n".to_vec());
    Act::stream(events)
}

fn fails(status: u16) -> Act {
    let body = br#"{"error":{"message":"provider's own words","type":"server_error","code":null}}"#;
    Act::whole(status, "application/json", body)
}

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_healthy_first_choice_is_asked_once_and_nobody_else() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let got = chat(&house, ASK).await;
    assert_eq!((got.status, got.text().as_str()), (200, WHOLE));
    assert_eq!(got.header("seawall-served-by"), Some("fake1/a"));
    assert_eq!(got.header("seawall-attempts"), Some("1"));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
    assert!(first.seen()[0].head.contains("Bearer sk-fake-canary"), "the provider's key is sent");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_stays_down_is_tried_twice_and_then_the_next_answers() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![fails(503)]);
    let second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let got = chat(&house, ASK).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.header("seawall-served-by"), Some("fake2/b"));
    assert_eq!((first.seen().len(), second.seen().len()), (2, 1));
    let why = got.header("seawall-why").unwrap();
    assert!(why.contains("fake1/a overloaded 503") && why.contains("fake2/b served"), "{why}");
    assert!(!why.contains("own words"), "no upstream text: {why}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_left_after_its_clock_and_never_asked_again_in_this_request() {
    let network = Network::default();
    let hang = Act { hang: true, ..Act::default() };
    let first = Provider::start(&network, 9001, vec![hang]);
    Provider::start(&network, 9002, vec![full_stream()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let started = tokio::time::Instant::now();
    let got = chat(&house, ASK_STREAM).await;
    let took = started.elapsed();
    assert_eq!(got.status, 200);
    assert!(got.text().contains("[DONE]"));
    assert_eq!(first.seen().len(), 1);
    assert_eq!(first.hung_up(), 1, "the silent call is cancelled");
    assert!((10.0..10.5).contains(&took.as_secs_f64()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn pings_and_empty_deltas_do_not_count_as_a_first_token() {
    let network = Network::default();
    let mut chunks = words(&[]);
    chunks.extend(std::iter::repeat_n(b": ping\n\n".to_vec(), 60));
    let pinging = Act { chunk_wait: Duration::from_secs(1), ..Act::stream(chunks) };
    let first = Provider::start(&network, 9001, vec![pinging]);
    Provider::start(&network, 9002, vec![full_stream()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let started = tokio::time::Instant::now();
    let got = chat(&house, ASK_STREAM).await;
    // The head was not held that long, so that what it would have told is a comment.
    let text = got.text();
    assert!(text.contains(": seawall answers served_by=fake2/b attempts=2 why="), "{text}");
    assert!(text.contains("slow_first_token"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(11));
    assert_eq!(first.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_inside_a_200_before_content_fails_over_unseen() {
    let network = Network::default();
    let mut chunks = words(&[]);
    chunks.push(
        b"data: {\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}\n\n".to_vec(),
    );
    Provider::start(&network, 9001, vec![Act::stream(chunks)]);
    Provider::start(&network, 9002, vec![full_stream()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let got = chat(&house, ASK_STREAM).await;
    assert_eq!(got.header("seawall-served-by"), Some("fake2/b"));
    assert!(!got.text().contains("error"));
    assert!(got.header("seawall-why").unwrap().contains("quota_exhausted"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_after_content_ends_in_an_error_and_never_as_a_success() {
    let network = Network::default();
    let cut = Act { cut: true, ..Act::stream(words(&["half", "an"])) };
    Provider::start(&network, 9001, vec![cut]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let got = chat(&house, ASK_STREAM).await;
    let text = got.text();
    assert!(text.contains("half ") && text.contains("an "), "{text}");
    assert!(text.trim_end().ends_with('}') && text.contains("data: {\"error\""), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
    let metrics = house.telemetry.render();
    assert!(metrics.contains("outcome=\"broken\""), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_cleanly_without_a_finish_is_cut_too() {
    let network = Network::default();
    Provider::start(&network, 9001, vec![Act::stream(words(&["half"]))]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let got = chat(&house, ASK_STREAM).await;
    assert!(got.text().contains("data: {\"error\""), "{}", got.text());
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_told_after_the_gap() {
    let network = Network::default();
    let stalls = Act { hang: true, ..Act::stream(words(&["half"])) };
    let first = Provider::start(&network, 9001, vec![stalls]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let started = tokio::time::Instant::now();
    let got = chat(&house, ASK_STREAM).await;
    let took = started.elapsed().as_secs_f64();
    assert!(got.text().contains("stopped sending"), "{}", got.text());
    assert!((10.0..10.5).contains(&took), "{took}");
    assert_eq!(first.hung_up(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_event_is_left_out_and_the_rest_kept() {
    let network = Network::default();
    let mut events = words(&["one", "two"]);
    events.insert(2, b"data: {\"choices\": [{\"delta\": BROKEN\n\n".to_vec());
    events.push(event("{}", "\"stop\""));
    Provider::start(&network, 9001, vec![Act::stream(events)]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let text = chat(&house, ASK_STREAM).await.text();
    assert!(text.contains("one ") && text.contains("two ") && !text.contains("BROKEN"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_end_mark_is_complete_once_it_finished() {
    let network = Network::default();
    let mut events = words(&["one"]);
    events.push(event("{}", "\"stop\""));
    let open_end = Act { hang: true, ..Act::stream(events) };
    Provider::start(&network, 9001, vec![open_end]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let started = tokio::time::Instant::now();
    let got = chat(&house, ASK_STREAM).await;
    let text = got.text();
    assert!(got.ended && !text.contains("error") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_callers_fault_goes_through_once_and_as_it_is() {
    let network = Network::default();
    let body = br#"{"error":{"message":"bad temperature","type":"invalid_request_error","param":"temperature","code":null}}"#;
    let refusal = Act::whole(400, "application/json", body);
    let first = Provider::start(&network, 9001, vec![refusal]);
    let second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let got = chat(&house, ASK).await;
    assert_eq!((got.status, got.body.as_slice()), (400, body.as_slice()));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_a_floor_when_there_is_nobody_else() {
    let network = Network::default();
    let mut limited = fails(429);
    limited.headers.push(("retry-after".to_owned(), "2".to_owned()));
    let first = Provider::start(&network, 9001, vec![limited, well()]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let got = chat(&house, ASK).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let seen = first.seen();
    assert_eq!(seen.len(), 2);
    let gap = seen[1].at - seen[0].at;
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_answer_the_refusal_is_ours_with_an_honest_wait() {
    let network = Network::default();
    Provider::start(&network, 9001, vec![fails(503)]);
    Provider::start(
        &network,
        9002,
        vec![Act::whole(500, "text/html", b"<html>stack trace</html>")],
    );
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    let got = chat(&house, ASK).await;
    assert_eq!(got.status, 503);
    let wait: u64 = got.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(!got.text().contains("html") && !got.text().contains("own words"), "{}", got.text());
    assert!(got.json()["error"]["message"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_cancels_the_call_upstream() {
    let network = Network::default();
    let stalls = Act { hang: true, ..Act::stream(words(&["half"])) };
    let first = Provider::start(&network, 9001, vec![stalls]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let mut io = network.dial(GATEWAY_PORT).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{ASK_STREAM}",
        ASK_STREAM.len()
    );
    io.write_all(head.as_bytes()).await.unwrap();
    let mut some = [0; 64];
    let read = io.read(&mut some).await.unwrap();
    assert!(read > 0);
    drop(io);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(first.hung_up(), 1);
    let metrics = house.telemetry.render();
    assert!(metrics.contains("outcome=\"hung_up\""), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_breaker_spares_a_dead_provider_and_comes_back_by_probe() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![fails(500)]);
    Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    for _ in 0..20 {
        let got = chat(&house, ASK).await;
        assert_eq!(got.status, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let during = first.seen().len();
    assert!(during <= 8, "{during} calls reached the dead provider");
    first.play(vec![well()]);
    let recovered = tokio::time::Instant::now();
    loop {
        let got = chat(&house, ASK).await;
        if got.header("seawall-served-by") == Some("fake1/a") {
            break;
        }
        assert!(recovered.elapsed() < Duration::from_secs(30), "not back after 30 s");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_everywhere_by_its_own_words_shuts_nobody_out() {
    let poison = r#"{"model":"m","messages":[{"role":"user","content":"poison"}]}"#;
    let network = Network::default();
    let bad = || fails(500);
    let first = Provider::start(&network, 9001, vec![bad(), bad(), bad(), well()]);
    let second = Provider::start(&network, 9002, vec![bad()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], ""));
    assert_eq!(chat(&house, poison).await.status, 503, "it may still be an outage");
    let got = chat(&house, poison).await;
    assert_eq!(got.status, 502, "{}", got.text());
    assert!(got.text().contains("this very request"), "{}", got.text());
    assert_eq!(got.header("x-should-retry"), Some("false"));
    assert_eq!(first.seen().len(), 3, "the second time no rung is asked twice");
    assert_eq!(second.seen().len(), 2);
    let got = chat(&house, ASK).await;
    assert_eq!(got.header("seawall-served-by"), Some("fake1/a"), "{}", got.text());
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_all_providers_is_no_request_s_own_fault() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![fails(500)]);
    Provider::start(&network, 9002, vec![fails(500)]);
    // Nobody stands in line, so that all come within seconds.
    let no_line = "[waiting_room]\nwaiters_max = 0\n";
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], no_line));
    for which in 0..30 {
        let ask = ASK.replace("hi", &format!("question {which}"));
        assert!(chat(&house, &ask).await.status >= 500);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let asked = first.seen().len();
    assert!(asked <= 16, "{asked} calls reached the dead provider");
}

#[tokio::test(start_paused = true)]
async fn models_keys_and_unknown_names() {
    let network = Network::default();
    Provider::start(&network, 9001, vec![well()]);
    let hash = admission::hash_text("sw-caller-canary");
    let auth = format!("[auth]\nkeys = [{{ name = \"shop\", hash = \"{hash}\" }}]");
    let house = open(&network, &settings(&["fake1/a"], &auth));
    let got = chat(&house, ASK).await;
    assert_eq!(got.status, 401, "{}", got.text());
    let key = [("authorization", "Bearer sw-caller-canary")];
    let path = "/v1/chat/completions";
    let got = ask(&house, "POST", path, &key, ASK.as_bytes()).await;
    assert_eq!(got.status, 200);
    let wrong = [("x-api-key", "sw-other")];
    assert_eq!(ask(&house, "POST", path, &wrong, ASK.as_bytes()).await.status, 401);
    let unknown = ask(&house, "POST", path, &key, ASK.replace("\"m\"", "\"zz\"").as_bytes()).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["code"], "model_not_found");
    let list = ask(&house, "GET", "/v1/models", &key, b"").await.json();
    assert!(list["data"].as_array().unwrap().iter().any(|model| model["id"] == "m"), "{list}");
    for got in [got.text(), unknown.text(), list.to_string(), house.telemetry.render()] {
        assert!(!got.contains("canary"), "{got}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_account_is_told_with_the_time_at_which_it_is_looked_at_again() {
    let network = Network::default();
    let spent = br#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    Provider::start(&network, 9001, vec![Act::whole(429, "application/json", spent)]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let wait = |got: &crate::caller::Got| {
        got.header("seawall-retry-after").unwrap().parse::<u64>().unwrap()
    };
    let first = chat(&house, ASK).await;
    assert_eq!(first.status, 429, "{}", first.text());
    assert!(wait(&first) > 30, "{}", wait(&first));
    assert_eq!(first.json()["error"]["retry_after_s"], wait(&first));
    // While its breaker is open the reason is still the purse, and not that it were overloaded.
    let second = chat(&house, ASK).await;
    assert_eq!((second.status, second.header("seawall-attempts")), (429, Some("0")));
    // Those who come again are spread over a while, and none is told to come too soon.
    let (first_s, second_s) = (wait(&first), wait(&second));
    assert!((first_s - 1..=first_s + first_s / 10).contains(&second_s), "{first_s} {second_s}");
}
