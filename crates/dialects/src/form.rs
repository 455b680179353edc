//! The one door to all dialects: [`of`] gives the form of a dialect, which reads and writes
//! everything that is said in it. Callers of this crate never match on a dialect.

use std::fmt;

use bytes::Bytes;
use domain::{
    Dialect, Event, Fault, Framing, Full, Losses, ModelCard, Operation, Outline, Piece, Reply,
    Request, Sight,
};
use http::HeaderMap;

use crate::{Malformed, Refusal};

/// The form of a dialect.
pub fn of(dialect: Dialect) -> &'static dyn Form {
    match dialect {
        Dialect::OpenAiChat => &crate::openai_chat::OpenAiChat,
        Dialect::OpenAiResponses => &crate::openai_responses::OpenAiResponses,
        Dialect::Anthropic => &crate::anthropic::Anthropic,
        Dialect::Gemini => &crate::gemini::Gemini,
    }
}

/// A caller's request as it came: the body, and what its path says.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub operation: Operation,
    pub body: &'a [u8],
    /// The model that the path names (Gemini, Azure's deployments).
    pub model_in_path: Option<&'a str>,
    /// The path asks for a stream (Gemini).
    pub stream_in_path: bool,
}

/// Whose server a written request is for; each bears something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    OpenAi,
    Azure,
    Anthropic,
    Gemini,
    Perplexity,
    /// Some server that speaks OpenAI's forms.
    Compatible,
}

/// A request to be written.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub operation: Operation,
    pub full: &'a Full,
    /// The model's name as the provider knows it.
    pub model: &'a str,
    pub stream: bool,
    pub vendor: Vendor,
    pub card: &'a ModelCard,
}

/// Something written, and what it could not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub body: Bytes,
    pub losses: Losses,
}

/// What a server cannot bear of a request that goes to it in the caller's own bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unbearable {
    /// Proofs of thinking that it did not write itself.
    pub proofs: bool,
    /// Members that another server has added to the dialect.
    pub additions: bool,
}

/// What an answer of ours carries beside its content.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a wish of the caller's own that hangs on no other"
)]
pub struct Envelope {
    /// The id without a dialect's prefix: characters that every client bears.
    pub id: String,
    /// The model that answered, as the caller is told.
    pub model: String,
    /// Seconds since 1970.
    pub created_unix: u64,
    /// The stream tells the usage at its end.
    pub include_usage: bool,
    /// How the stream's events are framed.
    pub framing: Framing,
    /// The caller wants vectors as base64.
    pub base64: bool,
    /// The caller asked for vectors in a batch (Gemini's `batchEmbedContents`), which is another
    /// form of answer.
    pub batch: bool,
    /// The caller offered a tool that the provider runs, as a search of the web.
    pub hosted_tools: bool,
}

/// A model in a list of models.
#[derive(Debug, Clone, Copy)]
pub struct ModelEntry<'a> {
    pub id: &'a str,
    pub context_tokens_max: Option<u64>,
    pub output_tokens_max: Option<u64>,
}

/// How a provider's stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Its bytes go through; they are only looked at. `hide_usage` leaves out what tells nothing
    /// but usage, for a caller who did not ask for it.
    Relay { hide_usage: bool },
    /// It becomes events of the internal form.
    Translate,
}

/// Reads a provider's stream. [`push`](Self::push) bytes as they come, take
/// [`next_run`](Self::next_run) until it gives none, and at the upstream's clean end take
/// [`end`](Self::end) until it gives none. The same events come out at every split of the bytes.
pub trait StreamReader: Send + fmt::Debug {
    /// Takes the next bytes from upstream.
    fn push(&mut self, bytes: Bytes);

    /// The next run of whole events; `None` until more bytes come.
    ///
    /// # Errors
    /// The fault that the provider wrote into its stream, or `Malformed` if a line or an event is
    /// over its bound or too many events in a row cannot be read. Nothing follows it.
    fn next_run(&mut self) -> Option<Result<Piece, Fault>>;

    /// The upstream has ended its body: what is left, then the fault if the answer is not
    /// complete, then `None`.
    ///
    /// # Errors
    /// `Cut` if content came and no finish, `Empty` if neither came, `Malformed` if nothing could
    /// be read.
    fn end(&mut self) -> Option<Result<Piece, Fault>>;
}

/// Writes one answer as a stream: [`start`](Self::start), each event, then [`end`](Self::end) or
/// [`break_off`](Self::break_off). Any of them may give no bytes.
pub trait StreamWriter: Send + fmt::Debug {
    /// What comes before all events.
    fn start(&mut self) -> Bytes;

    /// One event.
    fn event(&mut self, event: &Event) -> Bytes;

    /// The end of a complete answer.
    fn end(&mut self) -> Bytes;

    /// The end of an answer that will not be complete, in a form that the dialect's official
    /// clients raise as an error.
    fn break_off(&mut self, refusal: &Refusal) -> Bytes;

    /// What could not be said so far; it is taken out.
    fn take_losses(&mut self) -> Losses;
}

/// Everything that is said in one dialect.
pub trait Form: Send + Sync + fmt::Debug {
    /// Which one it is.
    fn dialect(&self) -> Dialect;

    /// What routing needs to know of a request, in one pass over borrowed bytes.
    ///
    /// # Errors
    /// A sentence for the caller.
    fn read_outline(&self, ask: &Ask<'_>) -> Result<Outline, Malformed>;

    /// The whole request in the internal form.
    ///
    /// # Errors
    /// A sentence for the caller.
    fn read_full(&self, request: &Request) -> Result<Full, Malformed>;

    /// The caller's own bytes for a provider of the same dialect: the model's name is another and,
    /// if `ask_usage` is set, a stream is asked to tell its usage. Everything else keeps its bytes.
    fn rewrite(&self, request: &Request, model: &str, ask_usage: bool) -> Bytes;

    /// The body of a request in this dialect without what its server cannot bear, and what that was;
    /// `None` if there is nothing of the kind in it.
    fn leave_out(&self, _body: &Bytes, _unbearable: Unbearable) -> Option<Written> {
        None
    }

    /// True if proofs of thinking hold good at the account alone that made them, so that no other
    /// provider need be asked whether it can read them.
    fn seals_for_one_account(&self) -> bool {
        false
    }

    /// A request in this dialect, from the internal form.
    fn write_request(&self, order: &Order<'_>) -> Written;

    /// Looks at the body of a whole success that goes through as it is.
    ///
    /// # Errors
    /// `Malformed`, `Empty`, or the class of an error inside it.
    fn see_whole(&self, operation: Operation, body: &[u8]) -> Result<Sight, Fault>;

    /// Reads the body of a whole success, and names what the internal form cannot hold.
    ///
    /// # Errors
    /// As for [`see_whole`](Self::see_whole).
    fn read_whole(&self, operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault>;

    /// A whole answer in this dialect.
    fn write_whole(&self, reply: &Reply, envelope: &Envelope) -> Written;

    /// A reader at the start of a provider's stream.
    fn stream_reader(&self, reading: Reading) -> Box<dyn StreamReader>;

    /// A writer at the start of a stream for a caller.
    fn stream_writer(&self, envelope: &Envelope) -> Box<dyn StreamWriter>;

    /// A writer that goes on with a stream of which `told` was relayed to the caller, whole events
    /// as the provider wrote them: everything that it writes follows on them, under the same id,
    /// with the next number and in the block that is open. `None` if it cannot. What the dialect
    /// tells at the start is not said again, so [`start`](StreamWriter::start) is not to be called.
    fn resume(&self, envelope: &Envelope, told: &Bytes) -> Option<Box<dyn StreamWriter>>;

    /// Reads an answer that is not a success; never fails, since the status can always be judged.
    fn read_refusal(&self, status: u16, headers: &HeaderMap, body: &Bytes, now: f64) -> Fault {
        crate::provider_error::read_refusal(self.dialect(), (status, headers), body, now)
    }

    /// A refusal of ours as a body; `request_id` is told where the dialect has a place for it.
    fn write_refusal(&self, refusal: &Refusal, request_id: &str) -> Bytes;

    /// A refusal of ours as the last event of a stream whose bytes were relayed.
    fn write_stream_refusal(&self, refusal: &Refusal, framing: Framing) -> Bytes;

    /// What a complete relayed stream ends with if its provider forgot it; empty if the dialect
    /// has no end mark of its own that could be added.
    fn end_mark(&self) -> &'static [u8] {
        b""
    }

    /// The header in which this dialect's official clients look for the request's id.
    fn request_id_header(&self) -> Option<&'static str> {
        Some("x-request-id")
    }

    /// True if this dialect's official clients can read comment lines in an event stream.
    fn bears_comments(&self) -> bool {
        true
    }

    /// The list of models.
    fn write_models(&self, models: &[ModelEntry<'_>], created_unix: u64) -> Bytes;

    /// One model by itself.
    fn write_model(&self, model: &ModelEntry<'_>, created_unix: u64) -> Bytes;
}
