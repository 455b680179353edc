//! What must hold for any bytes: nothing panics, what is written is JSON that its own dialect reads,
//! and a stream says the same at every split of its bytes. Memory and time are the caller's to
//! watch.

use bytes::Bytes;
use dialects::{
    Ask, Envelope, Order, Reading, Refusal, RefusalKind, StreamReader, Unbearable, Vendor, of,
};
use domain::{
    Dialect, Event, Fault, Framing, ModelCard, Operation, Outline, Piece, Request, Sight,
};
use http::HeaderMap;
use serde::de::IgnoredAny;

use super::Kind;
use super::mutate::Dice;

const VENDORS: [(Dialect, Vendor); 8] = [
    (Dialect::OpenAiChat, Vendor::OpenAi),
    (Dialect::OpenAiChat, Vendor::Compatible),
    (Dialect::OpenAiChat, Vendor::Perplexity),
    (Dialect::OpenAiResponses, Vendor::OpenAi),
    (Dialect::OpenAiResponses, Vendor::Azure),
    (Dialect::OpenAiResponses, Vendor::Perplexity),
    (Dialect::Anthropic, Vendor::Anthropic),
    (Dialect::Gemini, Vendor::Gemini),
];
const OPERATIONS: [Operation; 5] = [
    Operation::Generate,
    Operation::Generate,
    Operation::Generate,
    Operation::Embed,
    Operation::CountTokens,
];
/// What is written may be so many times as long as what was read: each byte may have to be escaped.
const WRITTEN_TIMES_MAX: usize = 8;
/// What an answer or a request has around its content.
const WRITTEN_BYTES_FIXED: usize = 16 * 1024;

pub(super) fn check(dialect: Dialect, kind: Kind, input: &[u8], mut dice: Dice) {
    match kind {
        Kind::Request => request(dialect, input, &mut dice),
        Kind::Answer => answer(dialect, input, &mut dice),
        Kind::Stream => stream(dialect, input, &mut dice),
    }
}

fn is_json(body: &[u8], what: &str) {
    let read = serde_json::from_slice::<IgnoredAny>(body);
    assert!(read.is_ok(), "{what} is no JSON: {}", String::from_utf8_lossy(body));
}

fn is_bounded(written: usize, read: usize, what: &str) {
    let most = WRITTEN_BYTES_FIXED + WRITTEN_TIMES_MAX * read;
    assert!(written <= most, "{what}: {written} bytes were made of {read}");
}

fn request(dialect: Dialect, input: &[u8], dice: &mut Dice) {
    let operation = *dice.pick(&OPERATIONS);
    let in_path = (dialect == Dialect::Gemini || dice.below(4) == 0).then_some("harbour");
    let ask =
        Ask { operation, body: input, model_in_path: in_path, stream_in_path: dice.below(2) == 0 };
    let body = Bytes::copy_from_slice(input);
    // It may be refused here; the full reader must bear it all the same.
    let outline = of(dialect).read_outline(&ask);
    if outline.is_ok() {
        let unbearable = Unbearable { proofs: dice.below(2) == 0, additions: dice.below(2) == 0 };
        if let Some(left) = of(dialect).leave_out(&body, unbearable) {
            is_json(&left.body, "what is left of a request");
            assert!(!left.losses.is_empty(), "something is left out in silence");
            let ask = Ask { body: &left.body, ..ask };
            assert!(of(dialect).read_outline(&ask).is_ok(), "what is left is no request");
        }
    }
    let mut request = Request::new(dialect, body, outline.unwrap_or_default());
    request.operation = operation;
    drop(of(dialect).rewrite(&request, "a \"name\"", dice.below(2) == 0));
    let Ok(full) = of(dialect).read_full(&request) else { return };
    let card = ModelCard { reasons: Some(dice.below(2) == 0), ..ModelCard::default() };
    for (to, vendor) in VENDORS {
        let stream = dice.below(2) == 0;
        let order = Order { operation, full: &full, model: "m-1", stream, vendor, card: &card };
        let written = of(to).write_request(&order);
        let what = format!("a request of {dialect} for {to}");
        is_json(&written.body, &what);
        is_bounded(written.body.len(), input.len(), &what);
        // Strangers' names and schemas go on as they are, so its own reader may refuse it.
        let again = Request::new(to, written.body.clone(), Outline::default());
        drop(of(to).read_full(&again));
    }
}

fn envelope(dice: &mut Dice) -> Envelope {
    let framing = if dice.below(2) == 0 { Framing::Events } else { Framing::JsonArray };
    Envelope {
        id: "made".to_owned(),
        model: "a \"model\"".to_owned(),
        created_unix: 1_717_484_400,
        include_usage: dice.below(2) == 0,
        framing,
        base64: dice.below(2) == 0,
        batch: dice.below(2) == 0,
        hosted_tools: false,
    }
}

fn answer(dialect: Dialect, input: &[u8], dice: &mut Dice) {
    let operation = *dice.pick(&OPERATIONS);
    let status = *dice.pick(&[400_u16, 401, 404, 413, 429, 500, 503, 529]);
    let body = Bytes::copy_from_slice(input);
    drop(of(dialect).read_refusal(status, &HeaderMap::new(), &body, 1_700_000_000.0));
    drop(of(dialect).see_whole(operation, input));
    let Ok((reply, _)) = of(dialect).read_whole(operation, input) else { return };
    for to in Dialect::ALL {
        let written = of(to).write_whole(&reply, &envelope(dice));
        let what = format!("an answer of {dialect} for {to}");
        is_json(&written.body, &what);
        is_bounded(written.body.len(), input.len(), &what);
        drop(of(to).read_whole(operation, &written.body));
    }
}

/// Everything that a reader gives for one stream.
#[derive(Debug, Default, PartialEq)]
struct Told {
    events: Vec<Event>,
    bytes: Vec<u8>,
    chars: u32,
    deltas: u32,
    malformed: u32,
    fault: Option<Fault>,
}

impl Told {
    fn take(&mut self, step: Result<Piece, Fault>) {
        assert!(self.fault.is_none(), "something follows a fault");
        match step {
            Ok(Piece::Native(event)) => self.events.push(event),
            Ok(Piece::Relayed { bytes, sight }) => self.see(&bytes, &sight),
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn must_be(&self, parts: &Self, cuts: &[usize]) {
        let text = |told: &Self| String::from_utf8_lossy(&told.bytes).into_owned();
        assert!(self.bytes == parts.bytes, "cut at {cuts:?}: {} not {}", text(parts), text(self));
        assert!(self == parts, "cut at {cuts:?}: {parts:?} not {self:?}");
    }

    fn see(&mut self, bytes: &[u8], sight: &Sight) {
        self.bytes.extend_from_slice(bytes);
        self.chars += sight.text_chars;
        self.deltas += sight.content_deltas;
        self.malformed += sight.malformed;
    }
}

fn told(mut reader: Box<dyn StreamReader>, input: &[u8], cuts: &[usize]) -> Told {
    let mut told = Told::default();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([input.len()]) {
        reader.push(Bytes::copy_from_slice(&input[from..cut]));
        from = cut;
        while let Some(step) = reader.next_run() {
            told.take(step);
        }
    }
    while let Some(step) = reader.end() {
        told.take(step);
    }
    assert!(reader.next_run().is_none() && reader.end().is_none(), "the end is not the end");
    told
}

fn stream(dialect: Dialect, input: &[u8], dice: &mut Dice) {
    let mut cuts: Vec<_> = (0..dice.below(8)).map(|_| dice.below(input.len() + 1)).collect();
    cuts.sort_unstable();
    let hide_usage = dice.below(2) == 0;
    for reading in [Reading::Relay { hide_usage }, Reading::Translate] {
        let reader = || of(dialect).stream_reader(reading);
        let whole = told(reader(), input, &[]);
        let parts = told(reader(), input, &cuts);
        whole.must_be(&parts, &cuts);
        // An end that was forgotten may be added.
        assert!(whole.bytes.len() <= input.len() + 4, "more was relayed than came");
        if reading == Reading::Translate {
            rewritten(dialect, &whole, input.len(), dice);
        }
    }
}

/// Written in every dialect, a stream is one that its own reader takes.
fn rewritten(dialect: Dialect, whole: &Told, length: usize, dice: &mut Dice) {
    for to in Dialect::ALL {
        let envelope = envelope(dice);
        let mut writer = of(to).stream_writer(&envelope);
        let mut stream = writer.start().to_vec();
        whole.events.iter().for_each(|event| stream.extend_from_slice(&writer.event(event)));
        match &whole.fault {
            Some(_) => stream.extend_from_slice(&writer.break_off(&Refusal {
                status: 502,
                kind: RefusalKind::UpstreamFailed,
                message: "it broke".to_owned(),
                param: None,
                retry_after_s: None,
            })),
            None => stream.extend_from_slice(&writer.end()),
        }
        drop(writer.take_losses());
        // Each event of ours has a frame, and Responses tells the whole answer again at its end.
        let frames = 1_024 * (whole.events.len() + 16);
        assert!(
            stream.len() <= frames + 6 * WRITTEN_TIMES_MAX * length,
            "{} bytes were made of {length} for {to}",
            stream.len()
        );
        let again = told(of(to).stream_reader(Reading::Translate), &stream, &[]);
        match (&whole.fault, again.fault) {
            (None, Some(fault)) if fault.class != domain::FaultClass::Empty => {
                let stream = String::from_utf8_lossy(&stream);
                panic!("a stream of {dialect} for {to} is refused: {fault}: {stream}");
            }
            (Some(_), None) => panic!("a broken stream of {dialect} ends well for {to}"),
            _ => {}
        }
    }
}
