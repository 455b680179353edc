//! What stands around an answer and is no part of it: a byte order mark before it, words behind its
//! end mark.

use domain::{Dialect, Event, Finish};
use serde_json::json;

use crate::caller::{ask, chat};
use crate::house::{open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{chunks, ladder, request, stream};

const MARK: &[u8] = b"\xEF\xBB\xBF";
const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;

fn said() -> Vec<Event> {
    vec![Event::text("all "), Event::text("is well"), Event::finish(Finish::Stop)]
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_a_stream_is_read_over_in_every_dialect() {
    for caller in Dialect::ALL {
        for provider in Dialect::ALL {
            let mut joined = chunks(provider, &said(), true);
            joined[0] = [MARK, &joined[0]].concat();
            let mut apart = chunks(provider, &said(), true);
            apart.splice(0..0, MARK.iter().map(|byte| vec![*byte]));
            for sent in [joined, apart] {
                let network = Network::default();
                let first = Provider::start(&network, 9001, vec![Act::stream(sent)]);
                let house = open(&network, &ladder(&[provider], ""));
                let read = stream(&house, caller, &json!({})).await;
                assert_eq!(read.text, "all is well", "{caller} from {provider}: {}", read.raw);
                assert_eq!(read.finish, [Finish::Stop], "{caller} from {provider}");
                assert!(!read.raw.contains('\u{FEFF}'), "{caller} from {provider}: {}", read.raw);
                assert_eq!(first.seen().len(), 1);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_a_whole_body_is_read_over() {
    let network = Network::default();
    let body = [MARK, WHOLE.as_bytes()].concat();
    Provider::start(&network, 9001, vec![Act::whole(200, "application/json", &body)]);
    let house = open(&network, &settings(&["fake1/a"], ""));
    let marked = "\u{FEFF}{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    let got = chat(&house, marked).await;
    assert_eq!((got.status, got.body.as_slice()), (200, WHOLE.as_bytes()), "{}", got.text());
    let (path, body) = request(Dialect::Anthropic, &json!({"stream": false}));
    let headers = [("content-type", "application/json")];
    let got = ask(&house, "POST", &path, &headers, &body).await;
    assert_eq!(got.json()["content"][0]["text"], "hello", "{}", got.text());
}

#[tokio::test(start_paused = true)]
async fn words_behind_the_end_mark_are_told_to_nobody() {
    for provider in Dialect::ALL {
        for caller in Dialect::ALL {
            let mut sent = chunks(provider, &said(), true);
            sent.extend(chunks(provider, &[Event::text("and more")], false));
            let network = Network::default();
            Provider::start(&network, 9001, vec![Act::stream(sent)]);
            let house = open(&network, &ladder(&[provider], ""));
            let read = stream(&house, caller, &json!({})).await;
            assert_eq!(read.text, "all is well", "{caller} from {provider}: {}", read.raw);
            assert!(!read.raw.contains("and more"), "{caller} from {provider}: {}", read.raw);
        }
    }
}
