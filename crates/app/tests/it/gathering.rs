//! Events that are there together go out together: what a burst of them costs in pieces, each of which
//! is a write, an HTTP chunk and a packet. It is what most of the time of a translated stream was
//! spent on.

use std::time::Duration;

use domain::{Dialect, Event, Finish};
use serde_json::json;

use crate::caller::{Got, ask};
use crate::house::open;
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{chunks, ladder, read, request};

const DIALECTS: [Dialect; 4] =
    [Dialect::OpenAiChat, Dialect::OpenAiResponses, Dialect::Anthropic, Dialect::Gemini];
const WORDS: usize = 200;
/// Events are gathered up to about so many bytes; a piece may begin just below that.
const PIECE_BYTES: usize = 8 * 1024;

/// What a caller of `to` gets of a provider of `from` that says `WORDS` words in so many pieces, one
/// every `wait`.
async fn told(from: Dialect, to: Dialect, (pieces, wait): (usize, Duration)) -> Got {
    let network = Network::default();
    let mut events: Vec<Event> = (0..WORDS).map(|at| Event::text(format!("word{at} "))).collect();
    events.push(Event::finish(Finish::Stop));
    let written = chunks(from, &events, true);
    let together = written.chunks(written.len().div_ceil(pieces)).map(<[_]>::concat).collect();
    let act = Act { chunk_wait: wait, ..Act::stream(together) };
    let _provider = Provider::start(&network, 9001, vec![act]);
    let house = open(&network, &ladder(&[from], ""));
    let (path, body) = request(to, &json!({}));
    let got = ask(&house, "POST", &path, &[], &body).await;
    let text = read(to, &got).text;
    assert_eq!(text.split_whitespace().count(), WORDS, "{from:?} to {to:?}: {text}");
    got
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_is_no_burst_of_writes() {
    for from in DIALECTS {
        for to in DIALECTS {
            let got = told(from, to, (1, Duration::ZERO)).await;
            // What a writer opens and ends with, and what the provider's own bytes are cut into by
            // the buffers on their way, stands beside the full pieces.
            let enough = got.body.len().div_ceil(PIECE_BYTES) + 6;
            assert!(got.chunks <= enough, "{from:?} to {to:?}: {} pieces", got.chunks);
            assert!(enough * 8 < WORDS, "{from:?} to {to:?}: a test that cannot fail");
        }
    }
}

/// Nothing is held back for the sake of it: what comes alone goes out alone.
#[tokio::test(start_paused = true)]
async fn what_comes_piece_by_piece_is_told_piece_by_piece() {
    for to in DIALECTS {
        let got = told(Dialect::Anthropic, to, (40, Duration::from_millis(20))).await;
        assert!((30..60).contains(&got.chunks), "{to:?}: {} pieces", got.chunks);
    }
}
