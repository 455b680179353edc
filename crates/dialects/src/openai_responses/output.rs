//! Writes the response object and the items of its output. Their order in a stream is the
//! business of the stream's writer.

use domain::{Citation, Finish, LogProb, Losses, Media, MediaKind, MediaSource, SearchResult};
use domain::{Dialect, Proof, ProofKind, Usage};

use super::usage::write_usage;
use crate::form::Envelope;
use crate::object::{ObjectText, array, spelled};

/// What stays the same in all response objects of one answer.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// With its prefix.
    id: String,
    /// Without one, for the ids of items.
    bare_id: String,
    model: String,
    created_unix: u64,
    hosted_tools: bool,
}

/// How an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status<'a> {
    InProgress,
    Completed,
    /// For this reason, and the provider's own word behind it.
    Incomplete(&'a str, &'a str),
    /// With this code and sentence.
    Failed(&'a str, &'a str),
}

impl Status<'_> {
    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(..) => "incomplete",
            Self::Failed(..) => "failed",
        }
    }

    /// The word for an item that was open when the answer ended so.
    pub(super) fn of_last_item(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(..) | Self::Failed(..) => "incomplete",
        }
    }
}

/// How a finish is told. `declined` is true if the model's own words of refusal were told.
pub(super) fn status_of<'a>(finish: &'a Finish, declined: bool, losses: &mut Losses) -> Status<'a> {
    match finish {
        Finish::Stop | Finish::ToolCalls => Status::Completed,
        Finish::StopSequence(_) => {
            losses.approximated("stop_sequence");
            Status::Completed
        }
        Finish::Paused => {
            losses.approximated("finish_reason");
            Status::Completed
        }
        Finish::Refusal if declined => Status::Completed,
        // Without words of its own a refusal would look like a complete answer.
        Finish::Refusal => Status::Incomplete("content_filter", "refusal"),
        Finish::Length => Status::Incomplete("max_output_tokens", ""),
        Finish::ContentFilter(why) => Status::Incomplete("content_filter", why),
        Finish::Other(word) => Status::Incomplete(word, ""),
    }
}

impl Head {
    pub(super) fn new(envelope: &Envelope) -> Self {
        Self {
            id: format!("resp_{}", envelope.id),
            bare_id: envelope.id.clone(),
            model: envelope.model.clone(),
            created_unix: envelope.created_unix,
            hosted_tools: envelope.hosted_tools,
        }
    }

    /// Whether a search of the provider's may be told as an item. Clients that offered no such tool
    /// look the name up among those that they offered, and fall.
    pub(super) fn tells_searches(&self) -> bool {
        self.hosted_tools
    }

    /// The id of the item at this place.
    pub(super) fn item_id(&self, prefix: &str, output_index: usize) -> String {
        format!("{prefix}_{}_{output_index}", self.bare_id)
    }

    /// The whole object. What it would echo of the request is not known here and is told as unset;
    /// nothing is stored, and that is said.
    pub(super) fn response(
        &self,
        status: Status<'_>,
        output: &[String],
        usage: Option<&Usage>,
    ) -> String {
        let error = match status {
            Status::Failed(code, message) => {
                ObjectText::new().text("code", code).text("message", message).end()
            }
            _ => "null".to_owned(),
        };
        let incomplete = match status {
            Status::Incomplete(reason, why) => ObjectText::new()
                .text("reason", reason)
                .text_if("provider_reason", Some(why).filter(|why| !why.is_empty()))
                .end(),
            _ => "null".to_owned(),
        };
        ObjectText::new()
            .text("id", &self.id)
            .text("object", "response")
            .whole("created_at", self.created_unix)
            .text("status", status.as_str())
            .flag("background", false)
            .raw("completed_at", "null")
            .raw("error", &error)
            .raw("incomplete_details", &incomplete)
            .raw("instructions", "null")
            .raw("max_output_tokens", "null")
            .raw("max_tool_calls", "null")
            .text("model", &self.model)
            .raw("output", &array(output))
            .flag("parallel_tool_calls", true)
            .raw("previous_response_id", "null")
            .raw("prompt_cache_key", "null")
            .raw("reasoning", r#"{"effort":null,"summary":null}"#)
            .raw("safety_identifier", "null")
            .raw("service_tier", "null")
            .flag("store", false)
            .raw("temperature", "null")
            .raw("text", r#"{"format":{"type":"text"}}"#)
            .text("tool_choice", "auto")
            .raw("tools", "[]")
            .raw("top_logprobs", "0")
            .raw("top_p", "null")
            .text("truncation", "disabled")
            .raw("usage", &usage.map_or("null".to_owned(), write_usage))
            .raw("user", "null")
            .raw("metadata", "{}")
            .end()
    }
}

/// A part of text.
pub(super) fn text_part(text: &str, annotations: &[String], logprobs: &[String]) -> String {
    ObjectText::of("output_text")
        .raw("annotations", &array(annotations))
        .raw("logprobs", &array(logprobs))
        .text("text", text)
        .end()
}

/// A part in which the model declines.
pub(super) fn refusal_part(text: &str) -> String {
    ObjectText::of("refusal").text("refusal", text).end()
}

/// A message of the assistant.
pub(super) fn message(id: &str, status: &str, parts: &[String]) -> String {
    ObjectText::of("message")
        .text("id", id)
        .text("status", status)
        .text("role", "assistant")
        .raw("content", &array(parts))
        .end()
}

/// The summary of some thinking, as a list of parts.
pub(super) fn summary(text: &str) -> String {
    if text.is_empty() { "[]".to_owned() } else { array(&[summary_part(text)]) }
}

/// One part of a summary.
pub(super) fn summary_part(text: &str) -> String {
    ObjectText::of("summary_text").text("text", text).end()
}

/// Thinking, with what seals it.
pub(super) fn reasoning(id: &str, summary: &str, sealed: Option<&str>) -> String {
    ObjectText::of("reasoning")
        .text("id", id)
        .raw("summary", summary)
        .text_if("encrypted_content", sealed)
        .end()
}

/// What may go back into this dialect of a proof; the loss if it may not.
pub(super) fn sealed<'a>(proof: &'a Proof, losses: &mut Losses) -> Option<&'a str> {
    let own = proof.dialect == Dialect::OpenAiResponses && proof.kind == ProofKind::Sealed;
    if !own {
        losses.dropped("thinking.signature");
    }
    own.then_some(&*proof.data)
}

/// A call as the caller is to run it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallText<'a> {
    pub(super) id: &'a str,
    pub(super) call_id: &'a str,
    pub(super) name: &'a str,
    pub(super) free_text: bool,
    pub(super) arguments: &'a str,
}

/// The item of a call.
pub(super) fn call(call: &CallText<'_>, status: &str) -> String {
    let (kind, arguments) =
        if call.free_text { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
    ObjectText::of(kind)
        .text("id", call.id)
        .text("status", status)
        .text("call_id", call.call_id)
        .text("name", call.name)
        .text(arguments, call.arguments)
        .end()
}

/// A search that the provider made, in OpenAI's form for its own; it has room for the addresses.
pub(super) fn search(id: &str, results: &[SearchResult], losses: &mut Losses) -> String {
    if results.iter().any(|found| found.title.is_some() || found.snippet.is_some()) {
        losses.approximated("search_results");
    }
    let source = |found: &SearchResult| ObjectText::of("url").text("url", &found.url).end();
    let sources: Vec<String> = results.iter().map(source).collect();
    let action = ObjectText::of("search").text("query", "").list("sources", &sources).end();
    ObjectText::of("web_search_call")
        .text("id", id)
        .text("status", "completed")
        .raw("action", &action)
        .end()
}

/// An image that the model made; other media have no counterpart.
pub(super) fn image(id: &str, media: &Media, losses: &mut Losses) -> Option<String> {
    let MediaSource::Base64(data) = &media.source else {
        losses.dropped(media_name(media.kind));
        return None;
    };
    if media.kind != MediaKind::Image {
        losses.dropped(media_name(media.kind));
        return None;
    }
    let format = media.mime.as_deref().and_then(|mime| mime.strip_prefix("image/"));
    let image = ObjectText::of("image_generation_call")
        .text("id", id)
        .text("status", "completed")
        .text_if("output_format", format.filter(|format| *format != "png"))
        .text("result", data)
        .end();
    Some(image)
}

/// How a medium is called in a list of losses.
pub(super) fn media_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
    }
}

/// A citation of an address; one without has no counterpart. Of one that does not say which words
/// it belongs to, the place is the end of the text so far, `chars`: official clients want one.
pub(super) fn citation(citation: &Citation, chars: u64, losses: &mut Losses) -> Option<String> {
    if citation.quote.is_some() {
        losses.dropped("citations.quote");
    }
    let Some(url) = citation.url.as_deref() else {
        losses.dropped("citations");
        return None;
    };
    if citation.span.is_none() {
        losses.approximated("citations.span");
    }
    let (start, end) = citation.span.unwrap_or((chars, chars));
    let title = citation.title.as_deref().unwrap_or(url);
    let written = ObjectText::of("url_citation")
        .whole("start_index", start)
        .whole("end_index", end)
        .text("url", url)
        .text("title", title)
        .end();
    Some(written)
}

/// One token's probability.
pub(super) fn logprob(logprob: &LogProb) -> String {
    let token = |token: &str, number: f64| {
        let bytes: Vec<String> = token.bytes().map(|byte| byte.to_string()).collect();
        let mut object = ObjectText::new();
        object.text("token", token).list("bytes", &bytes).raw("logprob", &spelled(number));
        object
    };
    let top: Vec<String> =
        logprob.top.iter().map(|(text, number)| token(text, *number).end()).collect();
    token(&logprob.token, logprob.logprob).list("top_logprobs", &top).end()
}
