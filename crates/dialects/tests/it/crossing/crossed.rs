//! One exchange on its way from one dialect into another, by the public door only.

use bytes::Bytes;
use dialects::{Ask, Envelope, Order, Reading, Refusal, RefusalKind, Vendor, of};
use domain::{
    Completion, Dialect, Event, Fault, Framing, Full, Gatherer, Losses, ModelCard, Operation,
    Piece, Reply, Request,
};

/// Whose servers speak a dialect.
pub(super) fn vendors(dialect: Dialect) -> &'static [Vendor] {
    match dialect {
        Dialect::OpenAiChat => {
            &[Vendor::OpenAi, Vendor::Azure, Vendor::Compatible, Vendor::Perplexity]
        }
        Dialect::OpenAiResponses => &[Vendor::OpenAi, Vendor::Azure, Vendor::Perplexity],
        Dialect::Anthropic => &[Vendor::Anthropic],
        Dialect::Gemini => &[Vendor::Gemini],
    }
}

/// A model that its provider knows.
pub(super) fn model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => "gpt-5-mini",
        Dialect::Anthropic => "claude-sonnet-4-5",
        Dialect::Gemini => "gemini-2.5-flash",
    }
}

/// True if there is anything to be asked in both.
pub(super) fn has_meaning(operation: Operation, to: Dialect) -> bool {
    match operation {
        Operation::Generate => true,
        Operation::Embed => matches!(to, Dialect::OpenAiChat | Dialect::Gemini),
        Operation::CountTokens => to != Dialect::OpenAiChat,
    }
}

/// A caller's request, read whole.
pub(super) fn read_request(
    dialect: Dialect,
    operation: Operation,
    body: &[u8],
) -> Result<(Full, bool), String> {
    let in_path = (dialect == Dialect::Gemini).then_some("harbour");
    let ask = Ask { operation, body, model_in_path: in_path, stream_in_path: false };
    let outline = of(dialect).read_outline(&ask).map_err(|malformed| malformed.to_string())?;
    let stream = outline.stream;
    let mut request = Request::new(dialect, Bytes::copy_from_slice(body), outline);
    request.operation = operation;
    let full = of(dialect).read_full(&request).map_err(|malformed| malformed.to_string())?;
    Ok((full, stream))
}

/// The request as it goes to a provider.
pub(super) fn write_request(
    (full, stream): &(Full, bool),
    operation: Operation,
    (to, vendor): (Dialect, Vendor),
) -> (Bytes, Losses) {
    let card = ModelCard::default();
    let (model, stream) = (model(to), *stream);
    let written =
        of(to).write_request(&Order { operation, full, model, stream, vendor, card: &card });
    (written.body, written.losses)
}

/// What our own answers carry around their content.
pub(super) fn envelope(framing: Framing) -> Envelope {
    Envelope {
        id: "made".to_owned(),
        model: "harbour".to_owned(),
        created_unix: 1_717_484_400,
        include_usage: true,
        framing,
        base64: false,
        batch: true,
        hosted_tools: true,
    }
}

/// The events of a provider's stream, and the fault at its end.
pub(super) fn read_stream(from: Dialect, stream: &[u8]) -> (Vec<Event>, Option<Fault>) {
    let mut reader = of(from).stream_reader(Reading::Translate);
    let mut events = Vec::new();
    let mut fault = None;
    reader.push(Bytes::copy_from_slice(stream));
    let mut take = |step: Result<Piece, Fault>| match step {
        Ok(Piece::Native(event)) => events.push(event),
        Ok(Piece::Relayed { .. }) => panic!("not in a translation"),
        Err(found) => fault = Some(found),
    };
    while let Some(step) = reader.next_run() {
        take(step);
    }
    while let Some(step) = reader.end() {
        take(step);
    }
    (events, fault)
}

/// The stream as a caller gets it; one that failed is broken off.
pub(super) fn write_stream(
    to: Dialect,
    events: &[Event],
    failed: bool,
    framing: Framing,
) -> (Vec<u8>, Losses) {
    let mut writer = of(to).stream_writer(&envelope(framing));
    let mut stream = writer.start().to_vec();
    events.iter().for_each(|event| stream.extend_from_slice(&writer.event(event)));
    stream.extend_from_slice(&if failed {
        writer.break_off(&Refusal {
            status: 502,
            kind: RefusalKind::UpstreamFailed,
            message: "the provider's answer broke off".to_owned(),
            param: None,
            retry_after_s: None,
        })
    } else {
        writer.end()
    });
    let mut losses = writer.take_losses();
    let lost = events.iter().filter_map(|event| match event {
        Event::Lost(loss) => Some(loss.clone()),
        _ => None,
    });
    lost.for_each(|loss| losses.add(loss));
    (stream, losses)
}

/// The events as a whole answer.
pub(super) fn gathered(events: Vec<Event>) -> Completion {
    let mut gatherer = Gatherer::default();
    events.into_iter().for_each(|event| gatherer.take(event));
    gatherer.finish().0
}

/// A whole answer that generates.
pub(super) fn completion(from: Dialect, body: &[u8]) -> (Completion, Losses) {
    match of(from).read_whole(Operation::Generate, body) {
        Ok((Reply::Completion(completion), losses)) => (completion, losses),
        other => panic!("{from}: {other:?} from {}", String::from_utf8_lossy(body)),
    }
}
