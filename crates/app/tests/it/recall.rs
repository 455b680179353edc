//! Answers that are given again: kept from any dialect's plain answers and streams, given plain and
//! streamed in an outage, and never to anybody else.

use std::time::Duration;

use domain::{Choice, Completion, Content, Delta, Dialect, Event, Finish, Reply, Usage};
use serde_json::{Value, json};

use crate::caller::{Got, ask};
use crate::house::{House, open};
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{chunks, ladder, read, request, says, theirs};

const TEXT: &str = "The harbour wakes before the town does, and the gulls with it.";
const CHAT: Dialect = Dialect::OpenAiChat;

/// The same words as one body.
fn whole(dialect: Dialect) -> Act {
    let choice = Choice {
        content: vec![Content::text(TEXT)],
        finish: Some(Finish::Stop),
        logprobs: Vec::new(),
    };
    let usage = Usage { input_uncached: 10, output: 12, ..Usage::default() };
    let completion = Completion {
        model: Some("their-model".into()),
        choices: vec![choice],
        usage: Some(usage),
        ..Completion::default()
    };
    let written = dialects::of(dialect).write_whole(&Reply::Completion(completion), &theirs());
    Act::whole(200, "application/json", &written.body)
}

fn down() -> Act {
    Act::whole(503, "application/json", b"{\"error\":{\"message\":\"overloaded\"}}")
}

struct Shop {
    house: House,
    provider: Provider,
}

impl Shop {
    /// One provider of this dialect that answers once and is then down.
    fn new(provider: Dialect, answer: Act, recall: &str) -> Self {
        let network = Network::default();
        let playing = Provider::start(&network, 9001, vec![answer, down()]);
        let house = open(&network, &ladder(&[provider], recall));
        Self { house, provider: playing }
    }

    async fn ask_as(&self, key: &str, dialect: Dialect, stream: bool, extra: &Value) -> Got {
        let (mut path, body) = request(dialect, extra);
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        if !stream {
            path = path.replace(":streamGenerateContent?alt=sse", ":generateContent");
            let members = body.as_object_mut().unwrap();
            members.remove("stream");
            members.remove("stream_options");
        }
        let headers = [("content-type", "application/json"), ("authorization", key)];
        ask(&self.house, "POST", &path, &headers, body.to_string().as_bytes()).await
    }

    async fn ask(&self, dialect: Dialect, stream: bool) -> Got {
        self.ask_as("Bearer sk-one", dialect, stream, &json!({})).await
    }

    fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.house.telemetry.render();
        let line = metrics.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

const KEPT: &str = "[recall]\nenabled = true\n";

/// What is said in a whole answer or a stream, and how it ended.
fn said(dialect: Dialect, stream: bool, got: &Got) -> (String, Option<Finish>, Option<Usage>) {
    assert_eq!(got.status, 200, "{}", got.text());
    if stream {
        let read = read(dialect, got);
        assert!(read.fault.is_none(), "{}", read.raw);
        return (read.text, read.finish.first().cloned(), read.usage);
    }
    let body = bytes::Bytes::from(got.body.clone());
    let form = dialects::of(dialect);
    match form.read_whole(domain::Operation::Generate, &body).unwrap().0 {
        Reply::Completion(completion) => {
            let finish = completion.choices[0].finish.clone();
            (completion.text(), finish, completion.usage)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_outlives_its_provider_in_every_dialect_plain_and_streamed() {
    for caller in Dialect::ALL {
        for provider in Dialect::ALL {
            for first_streams in [false, true] {
                let answer = if first_streams { says(provider, TEXT) } else { whole(provider) };
                let shop = Shop::new(provider, answer, KEPT);
                let story = format!("{caller} from {provider}, streamed: {first_streams}");
                let first = shop.ask(caller, first_streams).await;
                assert_eq!(said(caller, first_streams, &first).0, TEXT, "{story}");
                assert_eq!(first.header("age"), None, "{story}");
                tokio::time::sleep(Duration::from_secs(5)).await;
                for again_streams in [false, true] {
                    let again = shop.ask(caller, again_streams).await;
                    let (text, finish, usage) = said(caller, again_streams, &again);
                    assert_eq!((text.as_str(), finish), (TEXT, Some(Finish::Stop)), "{story}");
                    assert_eq!(usage.map(|usage| usage.input()), Some(10), "{story}");
                    assert_eq!(again.header("seawall-served-by"), Some("recall/model1"), "{story}");
                    let why = again.header("seawall-why").unwrap();
                    assert!(
                        why.contains("fake1/model1 was asked the same ")
                            && why.ends_with("; recall/model1 served"),
                        "{story}: {why}"
                    );
                    let age: u64 = again.header("age").unwrap().parse().unwrap();
                    assert!((5..30).contains(&age), "{story}: {age}");
                }
                let served =
                    "seawall_served_total{provider=\"recall\",model=\"model1\",rung=\"recall\"}";
                assert_eq!(shop.metric(served), Some(2.0), "{story}");
                assert_eq!(shop.metric("seawall_recall_answers"), Some(1.0), "{story}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_what_another_was_told() {
    let keys = "[auth]\nkeys = [\n\
        { name = \"one\", hash = \"sha256:456f1612bd25c6c8455039437bf441f43aa3b7d1c0b0047c712d5036dfebef0d\" },\n\
        { name = \"two\", hash = \"sha256:5e31278545505db1d65bf1dd696e8eaa1edfb00ba455e21c83200c04ef643c91\" },\n]\n";
    let no_line = "[waiting_room]\nwaiters_max = 0\n";
    let settings = format!("{KEPT}fresh_ms_max = 60000\n{keys}{no_line}");
    let shop = Shop::new(CHAT, says(CHAT, TEXT), &settings);
    assert_eq!(shop.ask(CHAT, true).await.status, 200);
    for stream in [false, true] {
        let other = shop.ask_as("Bearer sk-two", CHAT, stream, &json!({})).await;
        assert_eq!(other.status, 503, "{}", other.text());
        assert!(!other.text().contains("harbour"));
    }
    let own = shop.ask(CHAT, true).await;
    assert_eq!(own.header("seawall-served-by"), Some("recall/model1"));
    // Neither is another question of one's own answered with it.
    let more = shop.ask_as("Bearer sk-one", CHAT, true, &json!({"user": "somebody"})).await;
    assert_eq!(more.status, 503);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_unless_it_is_asked_for() {
    for off in ["", "[recall]\nenabled = false\n"] {
        let shop = Shop::new(CHAT, says(CHAT, TEXT), off);
        assert_eq!(shop.ask(CHAT, true).await.status, 200);
        assert_eq!(shop.ask(CHAT, true).await.status, 503);
        assert_eq!(shop.metric("seawall_recall_answers"), Some(0.0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_answer_spares_the_provider_only_where_that_is_wanted() {
    let shop =
        Shop::new(CHAT, says(CHAT, TEXT), &format!("{KEPT}fresh_ms_max = 5000\nstale = false\n"));
    shop.ask(CHAT, true).await;
    let again = shop.ask(CHAT, false).await;
    assert_eq!(said(CHAT, false, &again).0, TEXT);
    assert_eq!(again.header("seawall-attempts"), Some("0"));
    assert_eq!(shop.provider.seen().len(), 1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(shop.ask(CHAT, true).await.status, 503, "it is stale, which is not allowed");

    let shop = Shop::new(CHAT, says(CHAT, TEXT), KEPT);
    shop.provider.play(vec![says(CHAT, TEXT)]);
    shop.ask(CHAT, true).await;
    shop.ask(CHAT, true).await;
    assert_eq!(shop.provider.seen().len(), 2, "a provider that is well is asked");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_old_is_none() {
    let shop = Shop::new(CHAT, says(CHAT, TEXT), &format!("{KEPT}stale_ms_max = 10000\n"));
    shop.ask(CHAT, true).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(shop.ask(CHAT, true).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_end_well_is_not_kept() {
    let call = |delta| Event::Delta { choice: 0, delta };
    let called = vec![
        Event::text("Let me see."),
        call(Delta::ToolCall {
            index: 0,
            id: "c".into(),
            name: "f".into(),
            free_text: false,
            signature: None,
        }),
        call(Delta::Arguments { index: 0, text: "{}".into() }),
        Event::finish(Finish::ToolCalls),
    ];
    let filtered = vec![Event::text("Well"), Event::finish(Finish::ContentFilter("x".into()))];
    let at_its_limit = vec![Event::text("Well"), Event::finish(Finish::Length)];
    let stream = |events: &[Event]| Act::stream(chunks(CHAT, events, true));
    let cut = Act { cut: true, ..Act::stream(chunks(CHAT, &[Event::text("Well")], false)) };
    for act in [stream(&called), stream(&filtered), stream(&at_its_limit), cut] {
        let shop = Shop::new(CHAT, act.clone(), KEPT);
        assert_eq!(shop.ask(CHAT, true).await.status, 200);
        assert_eq!(shop.metric("seawall_recall_answers"), Some(0.0), "{act:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_the_callers_own_stays_one() {
    let shop = Shop::new(CHAT, says(CHAT, TEXT), KEPT);
    shop.ask(CHAT, true).await;
    let body = br#"{"error":{"message":"no such parameter","type":"invalid_request_error"}}"#;
    shop.provider.play(vec![Act::whole(400, "application/json", body)]);
    assert_eq!(shop.ask(CHAT, true).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_goes_before_the_reserve() {
    let network = Network::default();
    let _provider = Provider::start(&network, 9001, vec![says(CHAT, TEXT), down()]);
    let settings =
        ladder(&[CHAT], KEPT).replace("model1\"]", "model1\", \"reserve/smollm2-135m\"]");
    let house = open(&network, &settings);
    let (path, body) = request(CHAT, &json!({}));
    for served in ["fake1/model1", "recall/model1"] {
        let got = ask(&house, "POST", &path, &[], &body).await;
        assert_eq!(got.header("seawall-served-by"), Some(served), "{}", got.text());
        assert!(!got.header("seawall-why").unwrap().contains("reserve"));
    }
}

#[tokio::test(start_paused = true)]
async fn vectors_are_given_again_in_the_form_that_is_wanted() {
    let network = Network::default();
    let answer = br#"{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    let acts = vec![Act::whole(200, "application/json", answer), down()];
    let _provider = Provider::start(&network, 9001, acts);
    let house = open(&network, &ladder(&[CHAT], KEPT));
    let body = br#"{"model":"m","input":"harbour"}"#;
    let first = ask(&house, "POST", "/v1/embeddings", &[], body).await;
    let again = ask(&house, "POST", "/v1/embeddings", &[], body).await;
    assert_eq!(again.header("seawall-served-by"), Some("recall/model1"), "{}", again.text());
    let vector = |got: &Got| -> Vec<Option<f64>> {
        let numbers = got.json()["data"][0]["embedding"].clone();
        numbers.as_array().unwrap().iter().map(Value::as_f64).collect()
    };
    assert_eq!(vector(&first), vector(&again));
}
