//! Reads an answer that is no stream, and the response object that the last event of a stream
//! carries.

use domain::{
    Choice, Completion, Content, Event, Fault, FaultClass, Finish, Loss, Losses, Operation, Reply,
    Sight, Usage,
};
use serde_json::value::RawValue;

use super::item::read_item;
use super::usage::read_usage;
use crate::body::read_answer;
use crate::provider_error;
use crate::raw::{All, elements, is_true, object, raw_members, shape, word};

/// A reason's word is kept up to this length.
const WORD_CHARS_MAX: usize = 64;

raw_members! {
    /// A response object.
    Response {
        id = "id",
        model = "model",
        status = "status",
        output = "output",
        usage = "usage",
        error = "error",
        incomplete = "incomplete_details",
        input_tokens = "input_tokens",
        object = "object",
        content_filters = "content_filters",
    }
}

raw_members! {
    /// What one of Azure's filters found, or all of them for one text.
    Filter { results = "content_filter_results", filtered = "filtered" }
}

raw_members! {
    /// Why an answer is not complete.
    Incomplete { reason = "reason", provider_reason = "provider_reason" }
}

/// Reads the body of a whole success, and names what the internal form cannot hold.
///
/// # Errors
/// `Malformed` if the body is no response object, `Empty` if it says nothing, and the class of the
/// error if the provider wrote one into its success.
pub(super) fn read_whole(operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
    let response = read_response(body)?;
    if operation == Operation::CountTokens || response.is_count() {
        return match response.input_tokens.and_then(|raw| shape(raw).as_u64()) {
            Some(count) => Ok((Reply::InputTokens { count, estimated: false }, Losses::default())),
            None => Err(Fault::new(FaultClass::Malformed, "the body has no `input_tokens`")),
        };
    }
    let mut losses = Losses::default();
    let choice = response.choice(&mut losses);
    if choice.content.is_empty() && response.is_pending() {
        return Err(Fault::new(FaultClass::Empty, "the response is not ready"));
    }
    let completion = Completion {
        id: word(response.id).map(Box::from),
        model: word(response.model).map(Box::from),
        choices: vec![choice],
        usage: response.usage(),
    };
    Ok((Reply::Completion(completion), losses))
}

/// Looks at the body of a whole success that goes through as it is. One that runs in the
/// background and is to be fetched later is a good answer here.
///
/// # Errors
/// As for [`read_whole`].
pub(super) fn see_whole(operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
    let response = read_response(body)?;
    if operation == Operation::CountTokens || response.is_count() {
        return read_whole(Operation::CountTokens, body).map(|_| Sight::default());
    }
    let choice = response.choice(&mut Losses::default());
    let chars = choice.content.iter().map(|content| match content {
        Content::Text(text) => text.text.chars().count(),
        _ => 0,
    });
    let says = |content: &Content| match content {
        Content::Text(text) => !text.text.is_empty(),
        Content::Thinking(thinking) => !thinking.text.is_empty(),
        Content::SearchResults(_) | Content::Foreign(_) | Content::ToolResult(_) => false,
        Content::Media(_) | Content::ToolCall(_) | Content::Refusal(_) => true,
    };
    Ok(Sight {
        content_deltas: u32::from(choice.content.iter().any(says)),
        text_chars: u32::try_from(chars.sum::<usize>()).unwrap_or(u32::MAX),
        finish: choice.finish,
        usage: response.usage(),
        model: word(response.model).map(Box::from),
        end_mark: false,
        malformed: 0,
    })
}

fn read_response(body: &[u8]) -> Result<Response<'_>, Fault> {
    let response: Response<'_> = read_answer(body)?;
    if let Some(fault) = response.fault(body) {
        return Err(fault);
    }
    if response.output.and_then(elements).is_none() && !response.is_count() {
        // A server that answers with something else says so by having no output at all.
        let known = response.status.is_some() || response.object.is_some();
        let class = if known { FaultClass::Empty } else { FaultClass::Malformed };
        return Err(Fault::new(class, "the body has no `output`"));
    }
    Ok(response)
}

impl Response<'_> {
    fn is_count(&self) -> bool {
        word(self.object).is_some_and(|object| object == "response.input_tokens")
    }

    fn is_pending(&self) -> bool {
        word(self.status).is_some_and(|status| status == "queued" || status == "in_progress")
    }

    /// The failure that it tells, `text` being itself as written.
    pub(super) fn fault(&self, text: &[u8]) -> Option<Fault> {
        let says = |raw: &RawValue| !matches!(raw.get(), "false" | "\"\"" | "{}");
        let failed = word(self.status).is_some_and(|s| s == "failed" || s == "cancelled");
        if !failed && !self.error.is_some_and(says) {
            return None;
        }
        let plain = || Fault::new(FaultClass::ServerError, "the response failed without a reason");
        Some(provider_error::read_in_band(text).unwrap_or_else(plain))
    }

    /// The counts that it tells.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage.and_then(read_usage)
    }

    /// All that it says, with its finish.
    pub(super) fn choice(&self, losses: &mut Losses) -> Choice {
        let mut choice = Choice::default();
        for raw in self.output.and_then(elements).unwrap_or_default() {
            let said = read_item(raw, losses);
            choice.content.extend(said.content);
            choice.logprobs.extend(said.logprobs);
        }
        let calls = choice.content.iter().any(|said| matches!(said, Content::ToolCall(_)));
        let declines = choice.content.iter().any(|said| matches!(said, Content::Refusal(_)));
        choice.finish = Some(self.finish(calls, declines));
        choice
    }

    /// What Azure's filters found, by their names.
    fn filtered(&self) -> String {
        let filters = self.content_filters.and_then(elements).unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for filter in filters {
            let results = object::<Filter<'_>>(filter).and_then(|filter| filter.results);
            for (name, result) in results.and_then(object::<All<'_>>).unwrap_or_default().0 {
                let found = object::<Filter<'_>>(result).and_then(|result| result.filtered);
                if found.is_some_and(is_true) && !names.iter().any(|known| **known == *name) {
                    names.push(name.into());
                }
            }
        }
        names.join(",")
    }

    /// Why the model stopped; the dialect itself knows no word for calls and for refusals.
    pub(super) fn finish(&self, calls: bool, declines: bool) -> Finish {
        let bounded =
            |word: &str| word.chars().take(WORD_CHARS_MAX).collect::<String>().into_boxed_str();
        match word(self.status).as_deref() {
            Some("incomplete") => {
                let incomplete = self.incomplete.and_then(object::<Incomplete<'_>>);
                let incomplete = incomplete.unwrap_or_default();
                match word(incomplete.reason).as_deref() {
                    None | Some("max_output_tokens") => Finish::Length,
                    Some("content_filter") => {
                        let why = word(incomplete.provider_reason).map(String::from);
                        Finish::ContentFilter(bounded(&why.unwrap_or_else(|| self.filtered())))
                    }
                    Some(other) => Finish::Other(bounded(other)),
                }
            }
            Some("completed" | "requires_action") | None if calls => Finish::ToolCalls,
            Some("completed" | "requires_action") | None if declines => Finish::Refusal,
            Some("completed") | None => Finish::Stop,
            Some(other) => Finish::Other(bounded(other)),
        }
    }
}

/// The events that one piece of content is in a stream; calls are counted by `calls`.
pub(super) fn events_of(content: Content, calls: &mut u32, events: &mut Vec<Event>) {
    use domain::Delta;
    let mut tell = |delta| events.push(Event::Delta { choice: 0, delta });
    match content {
        Content::Text(text) => {
            if !text.text.is_empty() {
                tell(Delta::Text(text.text));
            }
            text.citations.into_iter().for_each(|citation| tell(Delta::Citation(citation)));
        }
        Content::Refusal(text) => tell(Delta::Refusal(text)),
        Content::Thinking(thinking) => {
            if !thinking.text.is_empty() {
                tell(Delta::Thinking(thinking.text));
            }
            thinking.proof.into_iter().for_each(|proof| tell(Delta::Proof(proof)));
        }
        Content::ToolCall(call) => {
            let index = *calls;
            *calls = calls.saturating_add(1);
            let (id, name, free_text) = (call.id, call.name, call.free_text);
            tell(Delta::ToolCall { index, id, name, free_text, signature: None });
            if !call.arguments.is_empty() {
                tell(Delta::Arguments { index, text: call.arguments });
            }
        }
        Content::SearchResults(results) => tell(Delta::SearchResults(results)),
        Content::Media(media) => tell(Delta::Media(media)),
        Content::Foreign(foreign) => events.push(Event::Lost(Loss::unmapped(&foreign.kind))),
        Content::ToolResult(_) => events.push(Event::Lost(Loss::dropped("tool_result"))),
    }
}
