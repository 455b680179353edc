//! The wire forms. A dialect reads its requests into an [`Ask`], writes an answer as a script of
//! events, and has its own words for a refusal. What is said and when it breaks is decided
//! elsewhere, once for all of them: by the wall's scenes, and by the simulated providers of drills.
//! Nothing here is shared with what either of them tests.

mod chat;
mod gemini;
mod messages;
mod models;
mod responses;

use serde_json::Value;

pub(crate) use models::{list as models_list, one as models_one};

use super::answer::{Answer, Piece};
use super::ask::{Ask, Delivery};
use super::date;
use super::http::{KeyPlace, Received};
use super::refusal::Cause;
use super::vectors::Wanted;

/// Whose wire form is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    /// OpenAI's chat completions, and its embeddings.
    Chat,
    /// The same as Azure serves them.
    Azure,
    /// Anthropic's messages.
    Messages,
    Gemini,
    /// OpenAI's responses.
    Responses,
    /// Perplexity's agent: responses in a shape of its own.
    Agent,
}

/// What a path asks of a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Answer,
    Count,
    Embed,
    /// Several contents in one request, which only Gemini tells apart.
    EmbedBatch,
}

/// A request that was read.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) ask: Ask,
    pub(crate) wish: Wish,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Answer,
    Count,
    Embed(Wanted),
    EmbedBatch(Wanted),
}

/// What every event and body of one answer carries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    pub(crate) serial: u64,
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    /// Whether a stream of chat completions ends with its usage; its other events then say
    /// `"usage":null`.
    pub(crate) usage_asked: bool,
    /// Whether an agent answers after a search.
    pub(crate) searched: bool,
}

/// An error answer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Header lines, each with its end.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Refused {
    fn json(status: u16, headers: String, body: &Value) -> Self {
        Self { status, content_type: "application/json", headers, body: body.to_string() }
    }
}

/// Writes one answer in one dialect. The functions return whole events, ready to be sent, and are
/// called in the order in which they stand here; of a stream that breaks, only the first ones.
pub(crate) trait Script: Send {
    /// Header lines, each with its end.
    fn headers(&self) -> String;

    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// What comes before the first piece.
    fn opening(&mut self) -> Vec<String>;

    fn piece(&mut self, piece: &Piece) -> Vec<String>;

    /// An event that cannot be read: it breaks off in the middle of a text.
    fn malformed(&self) -> String;

    /// The provider's own error in the middle of a stream.
    fn failure(&mut self, cause: &Cause) -> Vec<String>;

    /// What keeps a connection alive and says nothing.
    fn idle(&mut self) -> String;

    /// An event of a kind that nobody knows, with so much in it.
    fn aside(&mut self, padding: &str) -> String;

    /// A word for a choice, block or item that was never opened.
    fn stray(&mut self) -> String;

    /// What comes after the last piece, without the mark.
    fn closing(&mut self) -> Vec<String>;

    /// The event by which a client knows that the answer is whole.
    fn mark(&mut self) -> Vec<String>;

    /// The body of an answer that is not streamed; called instead of all of the above.
    fn whole(&mut self) -> String;
}

impl Dialect {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Azure => "azure",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Responses => "responses",
            Self::Agent => "agent",
        }
    }

    /// Where this provider looks for a key.
    pub(crate) fn key_places(self) -> &'static [KeyPlace] {
        match self {
            Self::Chat | Self::Responses | Self::Agent => &[KeyPlace::Bearer],
            Self::Azure => &[KeyPlace::ApiKey, KeyPlace::Bearer],
            Self::Messages => &[KeyPlace::XApiKey, KeyPlace::Bearer],
            Self::Gemini => &[KeyPlace::XGoogApiKey, KeyPlace::Query, KeyPlace::Bearer],
        }
    }

    /// Whether a refused prompt is told in an answer with status 200.
    pub(crate) fn refuses_in_band(self) -> bool {
        self == Self::Gemini
    }

    /// Reads a request; the error tells what the provider would not take.
    pub(crate) fn read(
        self,
        service: Service,
        model: Option<&str>,
        received: &Received,
    ) -> Result<Order, Cause> {
        let body = &received.body;
        let read = match (self, service) {
            (Self::Messages, _) => messages::read(service, received),
            (Self::Gemini, _) => gemini::read(service, model.unwrap_or_default(), body),
            (Self::Responses, Service::Count) => {
                responses::read(body).map(|order| Order { wish: Wish::Count, ..order })
            }
            (Self::Responses, _) => responses::read(body),
            (Self::Agent, _) => responses::read_agent(body),
            (Self::Chat | Self::Azure, Service::Embed) => chat::read_embeddings(model, body),
            (Self::Chat | Self::Azure, _) => chat::read(model, body),
        };
        read.map_err(Cause::Invalid)
    }

    pub(crate) fn script<'a>(
        self,
        wish: &'a Wish,
        envelope: Envelope,
        answer: &'a Answer,
    ) -> Box<dyn Script + 'a> {
        match (self, wish) {
            (Self::Gemini, Wish::Answer) => Box::new(gemini::Stream::new(envelope, answer)),
            (Self::Messages, Wish::Answer) => Box::new(messages::Stream::new(envelope, answer)),
            (Self::Responses, Wish::Answer) => Box::new(responses::Stream::new(envelope, answer)),
            (Self::Agent, Wish::Answer) => Box::new(responses::Agent::new(envelope, answer)),
            (Self::Chat, Wish::Answer) => Box::new(chat::Stream::new(envelope, answer, false)),
            (Self::Azure, Wish::Answer) => Box::new(chat::Stream::new(envelope, answer, true)),
            (Self::Gemini, wish) => {
                let body = gemini::side_body(wish, answer.tokens.input);
                Box::new(Fixed { headers: gemini::headers(), body })
            }
            (Self::Messages, _) => {
                let headers = messages::headers(&envelope);
                Box::new(Fixed { headers, body: messages::count(answer.tokens.input) })
            }
            (_, wish) => {
                let body = chat::side_body(wish, &envelope, answer.tokens.input);
                Box::new(Fixed { headers: chat::headers(&envelope, self == Self::Azure), body })
            }
        }
    }

    pub(crate) fn refuse(self, cause: &Cause, envelope: &Envelope) -> Refused {
        match self {
            Self::Chat | Self::Responses => chat::refuse(cause, envelope),
            Self::Azure => chat::refuse_azure(cause, envelope),
            Self::Messages => messages::refuse(cause, envelope),
            Self::Gemini => gemini::refuse(cause, envelope),
            Self::Agent => responses::refuse_agent(cause, envelope),
        }
    }
}

/// A body that is known from the start.
struct Fixed {
    headers: String,
    body: String,
}

impl Script for Fixed {
    fn headers(&self) -> String {
        self.headers.clone()
    }

    fn opening(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn piece(&mut self, _: &Piece) -> Vec<String> {
        Vec::new()
    }

    fn malformed(&self) -> String {
        String::new()
    }

    fn failure(&mut self, _: &Cause) -> Vec<String> {
        Vec::new()
    }

    fn idle(&mut self) -> String {
        String::new()
    }

    fn aside(&mut self, _: &str) -> String {
        String::new()
    }

    fn stray(&mut self) -> String {
        String::new()
    }

    fn closing(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn mark(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn whole(&mut self) -> String {
        std::mem::take(&mut self.body)
    }
}

/// The word of S70.
const STRAY: &str = " stray";

/// A wait in the header as a date.
fn until(envelope: &Envelope, seconds: u32) -> String {
    let at = envelope.created.saturating_add(u64::from(seconds));
    format!("retry-after: {}\r\n", date::http(at))
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An object whose `type` stands first, as providers write it; `rest` holds the other fields.
fn typed(kind: &str, rest: &Value) -> String {
    let rest = rest.to_string();
    match rest.strip_prefix('{') {
        Some("}") | None => format!("{{\"type\":{}}}", quoted(kind)),
        Some(rest) => format!("{{\"type\":{},{rest}", quoted(kind)),
    }
}

/// An event with a name, whose data says the same name again.
fn named_event(kind: &str, rest: &Value) -> String {
    format!("event: {kind}\ndata: {}\n\n", typed(kind, rest))
}

/// A named event that breaks off in the middle of a text.
fn garbled_event(kind: &str) -> String {
    format!(
        "event: {kind}\ndata: {{\"type\":\"{kind}\",\"index\":0,\"delta\":{{\"text\":\" garbled\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_type_stands_first() {
        assert_eq!(typed("ping", &json!({})), r#"{"type":"ping"}"#);
        assert_eq!(typed("z", &json!({"a": 1})), r#"{"type":"z","a":1}"#);
        assert!(serde_json::from_str::<Value>(&typed("a\"b", &json!({"a": 1}))).is_ok());
    }
}
