//! What OpenAI's responses and Perplexity's agent write alike: events that are numbered, the response
//! around its output, and the parts of an item. Which events come, and when, is each one's own.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Citation, Finish, Tokens};
use super::super::{Envelope, STRAY, named_event};

/// The number of the next event.
#[derive(Debug, Default)]
pub(super) struct Sequence(u64);

impl Sequence {
    /// An event with its number.
    pub(super) fn event(&mut self, kind: &str, mut data: Value) -> String {
        if let Some(data) = data.as_object_mut() {
            data.insert("sequence_number".to_owned(), json!(self.0));
        }
        self.0 += 1;
        named_event(kind, &data)
    }

    /// The two events that begin a response.
    pub(super) fn opening(&mut self, envelope: &Envelope) -> Vec<String> {
        let begun = json!({"response": response(envelope, "in_progress", &[], &Value::Null)});
        vec![
            self.event("response.created", begun.clone()),
            self.event("response.in_progress", begun),
        ]
    }

    /// An event of a kind that nobody knows.
    pub(super) fn aside(&mut self, padding: &str) -> String {
        self.event("response.news.added", json!({ "news": padding }))
    }

    /// A word for an item that was never added.
    pub(super) fn stray(&mut self) -> String {
        let data = json!({
            "content_index": 0, "delta": STRAY, "item_id": "msg_wall_stray", "output_index": 7,
        });
        self.event("response.output_text.delta", data)
    }
}

/// The id of a call; `index` counts the calls of one answer.
pub(super) fn call_id(index: usize) -> String {
    format!("call_wall_{}", index + 1)
}

/// A citation as an annotation of the text.
pub(super) fn annotation(citation: &Citation) -> Value {
    let Citation { url, title, start, end, .. } = citation;
    json!({
        "type": "url_citation", "url": url, "title": title,
        "start_index": start, "end_index": end,
    })
}

/// What the answer took.
pub(super) fn usage(tokens: Tokens) -> Value {
    json!({
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total(),
    })
}

/// How a response ends: its status, and why it is not whole.
pub(super) fn status(finish: Finish) -> (&'static str, Value) {
    match finish {
        Finish::Stop | Finish::Tools | Finish::Refused => ("completed", Value::Null),
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Filtered => ("incomplete", json!({"reason": "content_filter"})),
    }
}

/// The response at its end.
pub(super) fn ended(
    envelope: &Envelope,
    answer: &Answer,
    output: &[Value],
    usage: &Value,
) -> Value {
    let (status, why) = status(answer.finish);
    let mut ended = response(envelope, status, output, usage);
    if let Some(ended) = ended.as_object_mut() {
        ended.insert("incomplete_details".to_owned(), why);
        ended.insert("completed_at".to_owned(), json!(envelope.created));
    }
    ended
}

/// The response object around an output, with every field that strict clients ask for.
pub(super) fn response(
    envelope: &Envelope,
    status: &str,
    output: &[Value],
    usage: &Value,
) -> Value {
    json!({
        "id": format!("resp_wall_{}", envelope.serial),
        "object": "response",
        "created_at": envelope.created,
        "status": status,
        "completed_at": null,
        "background": false,
        "error": null,
        "frequency_penalty": 0.0,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "model": envelope.model,
        "output": output,
        "parallel_tool_calls": true,
        "presence_penalty": 0.0,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": "default",
        "store": false,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": null,
        "metadata": {},
    })
}
