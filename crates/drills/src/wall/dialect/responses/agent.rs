//! Perplexity's agent: the events of a response without the parts of a message, with a search
//! that begins as a call and is done as its results, and with an HTML page when it is over capacity.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Citation, Finish, Piece};
use super::super::super::refusal::Cause;
use super::super::{Envelope, Refused, Script, chat, garbled_event, until};
use super::form::{Sequence, annotation, call_id, ended, usage};

/// What was searched for and found, where the scene itself cites nothing.
const FOUND: Citation = Citation {
    url: "https://harbour.example/",
    title: "The harbour",
    quote: "A long stone wall takes the first blow of every wave.",
    start: 0,
    end: 0,
};

/// Writes one agent's response.
pub(in super::super) struct Agent<'a> {
    envelope: Envelope,
    answer: &'a Answer,
    sequence: Sequence,
    done: Vec<Value>,
    text: Option<String>,
    annotations: Vec<Value>,
    thinking: bool,
    name: String,
    arguments: String,
}

impl<'a> Agent<'a> {
    pub(in super::super) fn new(envelope: Envelope, answer: &'a Answer) -> Self {
        Self {
            envelope,
            answer,
            sequence: Sequence::default(),
            done: Vec::new(),
            text: None,
            annotations: Vec::new(),
            thinking: false,
            name: String::new(),
            arguments: String::new(),
        }
    }

    fn item_id(&self, kind: &str) -> String {
        format!("{kind}_wall_{}_{}", self.envelope.serial, self.done.len() + 1)
    }

    /// The search that the server makes by itself: added as a call, done as results.
    fn search(&mut self) -> Vec<String> {
        let found = match self.answer.citation() {
            Some(citation) => citation,
            None if self.envelope.searched && self.answer.finish != Finish::Tools => FOUND,
            None => return Vec::new(),
        };
        let queries = json!(["harbour in the morning"]);
        let call_id = "call_wall_search";
        let results = json!([{
            "id": 1, "url": found.url, "title": found.title, "snippet": found.quote,
            "source": "web", "date": "2024-06-04", "last_updated": "2024-06-04",
        }]);
        let call = json!({
            "id": self.item_id("fc"), "type": "function_call", "name": "search_web",
            "call_id": call_id, "status": "completed",
            "arguments": json!({ "queries": queries }).to_string(),
        });
        let item = json!({"type": "search_results", "queries": queries, "results": results});
        let index = self.done.len();
        let events = vec![
            self.sequence
                .event("response.output_item.added", json!({"output_index": index, "item": call})),
            self.sequence.event(
                "response.reasoning.search_queries",
                json!({"call_id": call_id, "queries": queries, "thought": "Searching the web..."}),
            ),
            self.sequence.event(
                "response.reasoning.search_results",
                json!({"call_id": call_id, "results": results, "thought": "Found 1 result"}),
            ),
            self.sequence
                .event("response.output_item.done", json!({"output_index": index, "item": item})),
        ];
        self.done.push(item);
        events
    }

    /// The message, once it is done; it is said to be so from its start.
    fn message(&self, content: &Value) -> Value {
        json!({
            "id": self.item_id("msg"), "type": "message", "role": "assistant",
            "status": "completed", "content": content,
        })
    }

    fn say(&mut self, word: &str) -> Vec<String> {
        let mut events = self.stop_thinking();
        let index = self.done.len();
        if self.text.is_none() {
            let item = self.message(&Value::Null);
            let data = json!({"output_index": index, "item": item});
            events.push(self.sequence.event("response.output_item.added", data));
        }
        self.text.get_or_insert_default().push_str(word);
        let id = self.item_id("msg");
        let data = json!({"content_index": 0, "delta": word, "item_id": id, "output_index": index});
        events.push(self.sequence.event("response.output_text.delta", data));
        events
    }

    fn stop_thinking(&mut self) -> Vec<String> {
        if !std::mem::take(&mut self.thinking) {
            return Vec::new();
        }
        vec![self.sequence.event("response.reasoning.stopped", json!({"thought": ""}))]
    }

    fn call(&mut self, index: usize) -> Vec<String> {
        let item = json!({
            "id": self.item_id("fc"), "type": "function_call", "name": self.name,
            "call_id": call_id(index), "status": "completed", "arguments": self.arguments,
        });
        self.arguments.clear();
        let data = json!({"output_index": self.done.len(), "item": item});
        let events = vec![
            self.sequence.event("response.output_item.added", data.clone()),
            self.sequence.event("response.output_item.done", data),
        ];
        self.done.push(item);
        events
    }

    fn ended(&self) -> Value {
        let mut usage = usage(self.answer.tokens);
        if let Some(usage) = usage.as_object_mut() {
            let cost = json!({
                "currency": "USD", "input_cost": 0.0, "output_cost": 0.0, "cache_read_cost": 0.0,
                "tool_calls_cost": 0.0, "tool_calls_cost_details": {}, "total_cost": 0.0,
            });
            usage.insert("tool_calls_details".to_owned(), json!({}));
            usage.insert("cost".to_owned(), cost);
            let cached = self.answer.tokens.cached;
            let details = json!({
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached,
                "cached_tokens": cached,
            });
            usage.insert("input_tokens_details".to_owned(), details);
        }
        ended(&self.envelope, self.answer, &self.done, &usage)
    }
}

impl Script for Agent<'_> {
    fn headers(&self) -> String {
        chat::headers(&self.envelope, false)
    }

    fn opening(&mut self) -> Vec<String> {
        let mut events = self.sequence.opening(&self.envelope);
        events.extend(self.search());
        events
    }

    fn piece(&mut self, piece: &Piece) -> Vec<String> {
        match piece {
            Piece::Text(word) | Piece::Refusal(word) => self.say(word),
            Piece::Thought(word) => {
                self.thinking = true;
                vec![self.sequence.event("response.reasoning.started", json!({ "thought": word }))]
            }
            Piece::Call { name, .. } => {
                name.clone_into(&mut self.name);
                self.stop_thinking()
            }
            Piece::Arguments { index, part, last } => {
                self.arguments.push_str(part);
                if *last { self.call(*index) } else { Vec::new() }
            }
            Piece::Citation(citation) => {
                self.annotations.push(annotation(citation));
                Vec::new()
            }
            Piece::Signature(_) => Vec::new(),
        }
    }

    fn malformed(&self) -> String {
        garbled_event("response.output_text.delta")
    }

    fn idle(&mut self) -> String {
        ": keep-alive\n\n".to_owned()
    }

    fn aside(&mut self, padding: &str) -> String {
        self.sequence.aside(padding)
    }

    fn stray(&mut self) -> String {
        self.sequence.stray()
    }

    fn failure(&mut self, cause: &Cause) -> Vec<String> {
        let message = cause.message();
        let (kind, code) = match cause {
            Cause::Spent => ("insufficient_quota", "insufficient_quota"),
            Cause::Overloaded => ("server_error", "overloaded"),
            _ => ("server_error", "internal_server_error"),
        };
        let error = json!({"type": kind, "code": code, "message": message});
        vec![self.sequence.event("response.failed", json!({ "error": error }))]
    }

    fn closing(&mut self) -> Vec<String> {
        let mut events = self.stop_thinking();
        let Some(text) = self.text.take() else { return events };
        let index = self.done.len();
        let annotations = std::mem::take(&mut self.annotations);
        let part = json!({"type": "output_text", "annotations": annotations, "text": text});
        let item = self.message(&json!([part]));
        let id = self.item_id("msg");
        let data = json!({"content_index": 0, "item_id": id, "output_index": index, "text": text});
        events.push(self.sequence.event("response.output_text.done", data));
        let data = json!({"output_index": index, "item": item});
        events.push(self.sequence.event("response.output_item.done", data));
        self.done.push(item);
        events
    }

    fn mark(&mut self) -> Vec<String> {
        let ended = json!({"response": self.ended()});
        vec![self.sequence.event("response.completed", ended)]
    }

    fn whole(&mut self) -> String {
        self.search();
        for piece in &self.answer.pieces {
            self.piece(piece);
        }
        self.closing();
        self.ended().to_string()
    }
}

/// An error as Perplexity sends it; over capacity it is a page of its edge, not JSON.
pub(in super::super) fn refuse(cause: &Cause, envelope: &Envelope) -> Refused {
    if matches!(cause, Cause::Overloaded | Cause::Unavailable) {
        return Refused {
            status: 503,
            content_type: "text/html",
            headers: String::new(),
            body: "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n\
                   <body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n\
                   </body>\r\n</html>\r\n"
                .to_owned(),
        };
    }
    let status = cause.status();
    let kind = match cause {
        Cause::BadKey => "invalid_api_key",
        Cause::RateLimited { .. }
        | Cause::LimitedUntil { .. }
        | Cause::LimitedInBody { .. }
        | Cause::Accelerated => "rate_limit_exceeded",
        Cause::Spent => "insufficient_quota",
        Cause::UnknownModel => "invalid_model",
        Cause::ServerError => "internal_server_error",
        _ => "bad_request",
    };
    let mut headers = chat::headers(envelope, false);
    if let Cause::LimitedUntil { seconds } = cause {
        headers.push_str(&until(envelope, *seconds));
    }
    if let Cause::RateLimited { retry_after_s: Some(seconds) } = cause {
        headers.push_str(&format!("retry-after: {seconds}\r\n"));
    }
    let body = json!({"error": {"message": cause.message(), "type": kind, "code": status}});
    Refused::json(status, headers, &body)
}

#[cfg(test)]
mod tests {
    use super::super::super::super::ask::{Ask, Offer};
    use super::super::super::super::catalogue::Scene;
    use super::super::super::super::compose::compose;
    use super::*;

    fn streamed(scene: Scene, searched: bool) -> Vec<Value> {
        let offer = Offer { name: "weather".to_owned(), schema: None };
        let ask = Ask { tools: vec![offer], ..Ask::default() };
        let answer = compose(scene, &ask, b"");
        let mut script = Agent::new(Envelope { searched, ..Envelope::default() }, &answer);
        let mut events = script.opening();
        answer.pieces.iter().for_each(|piece| events.extend(script.piece(piece)));
        events.extend(script.closing());
        events.extend(script.mark());
        let data = |event: &String| {
            let (_, data) = event.split_once("\ndata: ").unwrap();
            serde_json::from_str(data).unwrap()
        };
        events.iter().map(data).collect()
    }

    fn kinds(events: &[Value]) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for event in events {
            let kind = event["type"].as_str().unwrap().strip_prefix("response.").unwrap();
            if kinds.last() != Some(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    #[test]
    fn a_search_is_added_as_a_call_and_done_as_results() {
        let events = streamed(Scene::Plain, true);
        assert_eq!(
            kinds(&events),
            [
                "created",
                "in_progress",
                "output_item.added",
                "reasoning.search_queries",
                "reasoning.search_results",
                "output_item.done",
                "output_item.added",
                "output_text.delta",
                "output_text.done",
                "output_item.done",
                "completed",
            ]
        );
        assert_eq!(events[2]["item"]["name"], "search_web");
        assert_eq!(events[5]["item"]["type"], "search_results");
        assert_eq!(events[6]["item"]["content"], Value::Null);
        let output = &events.last().unwrap()["response"]["output"];
        assert_eq!(output[0]["type"], "search_results");
        assert_eq!(output[1]["content"][0]["type"], "output_text");
        assert_eq!(kinds(&streamed(Scene::Plain, false)).len(), 7);
    }

    #[test]
    fn calls_and_thoughts_have_events_of_their_own() {
        let events = streamed(Scene::ParallelTools, false);
        assert_eq!(events[2]["item"]["arguments"], r#"{"city":"Lagos"}"#);
        assert_eq!(events[5]["item"]["call_id"], "call_wall_2");
        let events = streamed(Scene::Thinking, false);
        assert_eq!(
            kinds(&events)[2..5],
            ["reasoning.started", "reasoning.stopped", "output_item.added"]
        );
    }

    #[test]
    fn over_capacity_is_a_page() {
        let envelope = Envelope::default();
        let refused = refuse(&Cause::Overloaded, &envelope);
        assert_eq!((refused.status, refused.content_type), (503, "text/html"));
        let refused = refuse(&Cause::BadKey, &envelope);
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(body["error"]["code"], 401);
    }
}
