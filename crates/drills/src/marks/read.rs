//! What an answer says, read from its bytes in each of four dialects, with what a caller who
//! believes it would make of it.

use std::time::Duration;

use serde_json::Value;

use super::super::wall::TEXT;
use super::ask::{CallerDialect, Extra};
use super::caller::{Ended, Raw};

/// What an answer amounts to, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Complete,
    CleanError,
    /// It broke off, and the caller can see that.
    Broken,
    /// Less or other than the answer, told as a success.
    Truncated,
    Garbage,
    Hang,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CleanError => "clean error",
            Self::Broken => "broken off",
            Self::Truncated => "truncated",
            Self::Garbage => "garbage",
            Self::Hang => "hang",
        }
    }
}

/// An answer, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) ended: Ended,
    pub(crate) text: String,
    /// The arguments of the tool call.
    pub(crate) arguments: String,
    pub(crate) called: Option<String>,
    pub(crate) model: String,
    /// The dialect's word for the end.
    pub(crate) finish: Option<String>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) error: Option<Value>,
    /// Lines and events that cannot be read.
    pub(crate) garbage: usize,
    /// How many events came after the mark of the end; none if that never came.
    pub(crate) after_mark: Option<usize>,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) why: Option<String>,
    pub(crate) head_at: Option<Duration>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn of(raw: &Raw, dialect: CallerDialect) -> Self {
        let mut answer = Self {
            status: raw.status,
            ended: raw.ended,
            retry_after_s: raw.header("retry-after").and_then(|wait| wait.parse().ok()),
            why: raw.header("seawall-why").map(str::to_owned),
            head_at: raw.head_at,
            took: raw.took,
            ..Self::default()
        };
        let streamed =
            raw.header("content-type").is_some_and(|kind| kind.contains("text/event-stream"));
        if streamed {
            answer.read_events(&String::from_utf8_lossy(&raw.body), dialect);
        } else {
            answer.read_whole(&raw.body);
        }
        answer
    }

    /// What the caller of a request makes of it.
    pub(crate) fn kind(&self, extra: Extra) -> Kind {
        if self.ended == Ended::Hang {
            return Kind::Hang;
        }
        if self.garbage > 0 || self.ended == Ended::Garbled {
            return Kind::Garbage;
        }
        if self.ended != Ended::Whole {
            return Kind::Broken;
        }
        if let Some(error) = &self.error {
            let told =
                error.get("message").and_then(Value::as_str).is_some_and(|it| !it.is_empty());
            return match (told, &self.finish) {
                // An error after a finish would be two endings.
                (true, None) => Kind::CleanError,
                (true, Some(_)) => Kind::Truncated,
                (false, _) => Kind::Broken,
            };
        }
        if self.status >= 400 {
            return Kind::Broken;
        }
        if self.is_complete(extra) { Kind::Complete } else { Kind::Truncated }
    }

    fn is_complete(&self, extra: Extra) -> bool {
        let finish = self.finish.as_deref().unwrap_or_default();
        let ended = matches!(finish, "stop" | "end_turn" | "STOP" | "completed");
        let called = matches!(finish, "tool_calls" | "tool_use" | "STOP" | "completed");
        let object = |text: &str| {
            serde_json::from_str::<Value>(text).is_ok_and(|value| value.get("city").is_some())
        };
        let whole = even(&self.text) == even(TEXT);
        match extra {
            // The spare may be a model that calls nothing.
            Extra::Tool if self.called.is_some() => called && object(&self.arguments),
            Extra::Json => ended && (object(&self.text) || whole),
            // No text is what such a limit leaves.
            Extra::Tiny => !finish.is_empty(),
            _ => ended && whole,
        }
    }

    fn read_whole(&mut self, body: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            self.garbage += usize::from(self.ended == Ended::Whole);
            return;
        };
        // Google writes an error within an array where the stream would be one.
        let value = value.get(0).unwrap_or(&value);
        self.error = value.get("error").filter(|error| !error.is_null()).cloned();
        if self.error.is_none() {
            // Everything here asks for streams.
            self.garbage += usize::from(self.status < 400);
        }
    }

    fn read_events(&mut self, body: &str, dialect: CallerDialect) {
        let body = body.replace("\r\n", "\n");
        // What stands behind the last blank line is no event yet, and is looked at only as long as
        // nothing else has told how it ended.
        let (whole, rest) = body.rsplit_once("\n\n").unwrap_or(("", &body));
        let events = whole.split("\n\n").map(|event| (event, true));
        for (event, is_whole) in events.chain([(rest, false)]) {
            if !is_whole && self.error.is_some() {
                break;
            }
            let mut data: Vec<&str> = Vec::new();
            for line in event.split('\n') {
                if let Some(rest) = line.strip_prefix("data:") {
                    data.push(rest.strip_prefix(' ').unwrap_or(rest));
                } else if !line.is_empty() && !known_field(line) {
                    self.read_bare(line);
                }
            }
            if !data.is_empty() {
                self.read_event(&data.join("\n"), dialect);
            }
        }
    }

    /// Google writes an error into a stream without `data:` before it; its clients look for that.
    fn read_bare(&mut self, line: &str) {
        match serde_json::from_str::<Value>(line) {
            Ok(value) if value.get("error").is_some() => self.error = value.get("error").cloned(),
            // The half line at the end of a cut stream is the cut's, not garbage of its own.
            _ => self.garbage += usize::from(self.ended == Ended::Whole),
        }
    }

    fn read_event(&mut self, data: &str, dialect: CallerDialect) {
        if let Some(count) = &mut self.after_mark {
            // Official clients stop reading at the mark.
            *count += 1;
            return;
        }
        if data == "[DONE]" {
            self.after_mark = Some(0);
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            self.garbage += usize::from(self.ended == Ended::Whole);
            return;
        };
        if let Some(error) = value.get("error").filter(|error| error.is_object()) {
            self.error = Some(error.clone());
            return;
        }
        match dialect {
            CallerDialect::Chat => self.chat(&value),
            CallerDialect::Anthropic => self.anthropic(&value),
            CallerDialect::Gemini => self.gemini(&value),
            CallerDialect::Responses => self.responses(&value),
        }
    }

    fn chat(&mut self, value: &Value) {
        self.heed_model(value.get("model"));
        self.heed_output(value.pointer("/usage/completion_tokens"));
        let choices = value.get("choices").and_then(Value::as_array);
        let first = |choice: &&Value| choice.get("index").and_then(Value::as_u64) == Some(0);
        for choice in choices.into_iter().flatten().filter(first) {
            self.say(choice.pointer("/delta/content"));
            if let Some(name) = text(choice.pointer("/delta/tool_calls/0/function/name")) {
                self.called = Some(name.to_owned());
            }
            let part = text(choice.pointer("/delta/tool_calls/0/function/arguments"));
            self.arguments.push_str(part.unwrap_or_default());
            self.heed_finish(choice.get("finish_reason"));
        }
    }

    fn anthropic(&mut self, value: &Value) {
        match text(value.get("type")).unwrap_or_default() {
            "message_start" => {
                self.heed_model(value.pointer("/message/model"));
                self.heed_output(value.pointer("/message/usage/output_tokens"));
            }
            "content_block_start"
                if text(value.pointer("/content_block/type")) == Some("tool_use") =>
            {
                self.called = text(value.pointer("/content_block/name")).map(str::to_owned);
            }
            "content_block_delta" => {
                if text(value.pointer("/delta/type")) == Some("text_delta") {
                    self.say(value.pointer("/delta/text"));
                }
                let part = text(value.pointer("/delta/partial_json"));
                self.arguments.push_str(part.unwrap_or_default());
            }
            "message_delta" => {
                self.heed_finish(value.pointer("/delta/stop_reason"));
                self.heed_output(value.pointer("/usage/output_tokens"));
            }
            "message_stop" => self.after_mark = Some(0),
            _ => {}
        }
    }

    fn gemini(&mut self, value: &Value) {
        self.heed_model(value.get("modelVersion"));
        self.heed_output(value.pointer("/usageMetadata/candidatesTokenCount"));
        let parts = value.pointer("/candidates/0/content/parts").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            if part.get("thought") != Some(&Value::Bool(true)) {
                self.say(part.get("text"));
            }
            if let Some(call) = part.get("functionCall") {
                self.called = text(call.get("name")).map(str::to_owned);
                self.arguments = call.get("args").map(Value::to_string).unwrap_or_default();
            }
        }
        let finish = value.pointer("/candidates/0/finishReason");
        self.heed_finish(finish.or(value.pointer("/promptFeedback/blockReason")));
        if self.finish.is_some() {
            self.after_mark = Some(0);
        }
    }

    fn responses(&mut self, value: &Value) {
        match text(value.get("type")).unwrap_or_default() {
            "response.output_text.delta" => self.say(value.get("delta")),
            "response.output_item.added"
                if text(value.pointer("/item/type")) == Some("function_call") =>
            {
                self.called = text(value.pointer("/item/name")).map(str::to_owned);
            }
            "response.function_call_arguments.delta" => {
                self.arguments.push_str(text(value.get("delta")).unwrap_or_default());
            }
            "response.completed" | "response.incomplete" => {
                self.heed_model(value.pointer("/response/model"));
                self.heed_output(value.pointer("/response/usage/output_tokens"));
                let reason = value.pointer("/response/incomplete_details/reason");
                let reason = reason.filter(|reason| reason.is_string());
                self.heed_finish(reason.or(value.pointer("/response/status")));
                self.after_mark = Some(0);
            }
            "response.failed" => {
                let error = value.pointer("/response/error").filter(|error| error.is_object());
                self.error = error.cloned().or(self.error.take());
            }
            // The older, flat form of an error.
            "error" => self.error = Some(value.clone()),
            _ => {}
        }
    }

    fn say(&mut self, words: Option<&Value>) {
        self.text.push_str(text(words).unwrap_or_default());
    }

    fn heed_model(&mut self, model: Option<&Value>) {
        if let Some(model) = text(model) {
            model.clone_into(&mut self.model);
        }
    }

    fn heed_finish(&mut self, finish: Option<&Value>) {
        if let Some(finish) = text(finish) {
            self.finish = Some(finish.to_owned());
        }
    }

    fn heed_output(&mut self, tokens: Option<&Value>) {
        self.output_tokens = tokens.and_then(Value::as_u64).or(self.output_tokens);
    }

    /// Whether the error, or how the answer ended, says that a filter was the reason.
    pub(crate) fn names_filter(&self) -> bool {
        let told = format!(
            "{} {}",
            self.error.as_ref().map(Value::to_string).unwrap_or_default(),
            self.finish.as_deref().unwrap_or_default()
        );
        let told = told.to_ascii_lowercase();
        [
            "content_filter",
            "content_policy",
            "content policy",
            "content filtering",
            "safety",
            "refusal",
        ]
        .iter()
        .any(|name| told.contains(name))
    }

    pub(crate) fn names_prefill(&self) -> bool {
        let told = self.error.as_ref().map(Value::to_string).unwrap_or_default();
        let told = told.to_ascii_lowercase();
        told.contains("prefill") || told.contains("ends with a user turn")
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn known_field(line: &str) -> bool {
    line.starts_with(':') || ["event:", "id:", "retry:"].iter().any(|field| line.starts_with(field))
}

/// White space made even.
fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
