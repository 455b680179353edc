//! The typed events and the body of an OpenAI response: items are added, filled and done in order,
//! and the last event repeats the whole.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Piece};
use super::super::super::refusal::Cause;
use super::super::{Envelope, Script, chat, garbled_event};
use super::form::{Sequence, annotation, call_id, ended, response, status, usage};

/// Writes one response.
pub(in super::super) struct Stream<'a> {
    envelope: Envelope,
    answer: &'a Answer,
    sequence: Sequence,
    /// The items that are done.
    done: Vec<Value>,
    open: Option<Item>,
}

/// An output item that is being filled.
enum Item {
    Reasoning { summary: String, seal: Option<&'static str> },
    Message { text: String, annotations: Vec<Value> },
    Refusal { text: String },
    Call { index: usize, name: String, arguments: String },
}

impl Item {
    fn id(&self, serial: u64, at: usize) -> String {
        let kind = match self {
            Self::Reasoning { .. } => "rs",
            Self::Message { .. } | Self::Refusal { .. } => "msg",
            Self::Call { .. } => "fc",
        };
        format!("{kind}_wall_{serial}_{}", at + 1)
    }

    /// The one part that a message has.
    fn part(&self) -> Option<Value> {
        match self {
            Self::Message { text, annotations } => Some(json!({
                "type": "output_text", "annotations": annotations, "logprobs": [], "text": text,
            })),
            Self::Refusal { text } => Some(json!({"type": "refusal", "refusal": text})),
            Self::Reasoning { .. } | Self::Call { .. } => None,
        }
    }

    /// The item as it stands, done or still empty.
    fn json(&self, id: &str, status: &str) -> Value {
        let done = status != "in_progress";
        match self {
            Self::Reasoning { summary, seal } => {
                let summary = json!([{"type": "summary_text", "text": summary}]);
                let summary = if done { summary } else { json!([]) };
                json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": seal})
            }
            Self::Message { .. } | Self::Refusal { .. } => {
                let content: Vec<Value> = self.part().into_iter().filter(|_| done).collect();
                json!({
                    "id": id, "type": "message", "status": status, "role": "assistant",
                    "content": content,
                })
            }
            Self::Call { index, name, arguments } => json!({
                "id": id, "type": "function_call", "status": status, "name": name,
                "call_id": call_id(*index), "arguments": arguments,
            }),
        }
    }
}

impl<'a> Stream<'a> {
    pub(in super::super) fn new(envelope: Envelope, answer: &'a Answer) -> Self {
        Self { envelope, answer, sequence: Sequence::default(), done: Vec::new(), open: None }
    }

    /// An event that belongs to the open item.
    fn item_event(&mut self, item: &Item, kind: &str, mut data: Value) -> String {
        let at = self.done.len();
        if let Some(data) = data.as_object_mut() {
            data.insert("item_id".to_owned(), json!(item.id(self.envelope.serial, at)));
            data.insert("output_index".to_owned(), json!(at));
            match item {
                Item::Reasoning { .. } => data.insert("summary_index".to_owned(), json!(0)),
                Item::Message { .. } | Item::Refusal { .. } => {
                    data.insert("content_index".to_owned(), json!(0))
                }
                Item::Call { .. } => None,
            };
        }
        self.sequence.event(kind, data)
    }

    /// Ends what is open and begins another item.
    fn begin(&mut self, item: Item) -> Vec<String> {
        let mut events = self.end("completed");
        let at = self.done.len();
        let shown = item.json(&item.id(self.envelope.serial, at), "in_progress");
        let added = json!({"output_index": at, "item": shown});
        events.push(self.sequence.event("response.output_item.added", added));
        if let Some(part) = item.part() {
            let data = json!({ "part": part });
            events.push(self.item_event(&item, "response.content_part.added", data));
        } else if let Item::Reasoning { .. } = item {
            let data = json!({"part": {"type": "summary_text", "text": ""}});
            events.push(self.item_event(&item, "response.reasoning_summary_part.added", data));
        }
        self.open = Some(item);
        events
    }

    fn end(&mut self, status: &str) -> Vec<String> {
        let Some(item) = self.open.take() else { return Vec::new() };
        let mut events = match &item {
            Item::Reasoning { summary, .. } => {
                let part = json!({"part": {"type": "summary_text", "text": summary}});
                let text = json!({ "text": summary });
                vec![
                    self.item_event(&item, "response.reasoning_summary_text.done", text),
                    self.item_event(&item, "response.reasoning_summary_part.done", part),
                ]
            }
            Item::Message { text, .. } => {
                let text = json!({"text": text, "logprobs": []});
                vec![self.item_event(&item, "response.output_text.done", text)]
            }
            Item::Refusal { text } => {
                let text = json!({ "refusal": text });
                vec![self.item_event(&item, "response.refusal.done", text)]
            }
            Item::Call { arguments, .. } => {
                let arguments = json!({ "arguments": arguments });
                vec![self.item_event(&item, "response.function_call_arguments.done", arguments)]
            }
        };
        if let Some(part) = item.part() {
            let data = json!({ "part": part });
            events.push(self.item_event(&item, "response.content_part.done", data));
        }
        let at = self.done.len();
        let shown = item.json(&item.id(self.envelope.serial, at), status);
        let data = json!({"output_index": at, "item": shown});
        events.push(self.sequence.event("response.output_item.done", data));
        self.done.push(shown);
        events
    }

    fn ended(&self) -> Value {
        ended(&self.envelope, self.answer, &self.done, &usage(self.answer.tokens))
    }

    /// The events that begin a piece's item, if it is not open already.
    fn lead(&mut self, piece: &Piece) -> Vec<String> {
        let item = match (piece, &self.open) {
            (Piece::Text(_), Some(Item::Message { .. }))
            | (Piece::Refusal(_), Some(Item::Refusal { .. }))
            | (Piece::Thought(_), Some(Item::Reasoning { .. })) => return Vec::new(),
            (Piece::Text(_), _) => Item::Message { text: String::new(), annotations: Vec::new() },
            (Piece::Refusal(_), _) => Item::Refusal { text: String::new() },
            (Piece::Thought(_), _) => Item::Reasoning { summary: String::new(), seal: None },
            (Piece::Call { index, name }, _) => {
                let (index, name) = (*index, name.clone());
                Item::Call { index, name, arguments: String::new() }
            }
            _ => return Vec::new(),
        };
        self.begin(item)
    }
}

impl Script for Stream<'_> {
    fn headers(&self) -> String {
        chat::headers(&self.envelope, false)
    }

    fn opening(&mut self) -> Vec<String> {
        self.sequence.opening(&self.envelope)
    }

    fn piece(&mut self, piece: &Piece) -> Vec<String> {
        let mut events = self.lead(piece);
        let Some(mut item) = self.open.take() else { return events };
        let (kind, data) = match (piece, &mut item) {
            (Piece::Text(word), Item::Message { text, .. }) => {
                text.push_str(word);
                ("response.output_text.delta", json!({"delta": word, "logprobs": []}))
            }
            (Piece::Refusal(word), Item::Refusal { text }) => {
                text.push_str(word);
                ("response.refusal.delta", json!({ "delta": word }))
            }
            (Piece::Thought(word), Item::Reasoning { summary, .. }) => {
                summary.push_str(word);
                ("response.reasoning_summary_text.delta", json!({ "delta": word }))
            }
            (Piece::Arguments { part, .. }, Item::Call { arguments, .. }) => {
                arguments.push_str(part);
                ("response.function_call_arguments.delta", json!({ "delta": part }))
            }
            (Piece::Citation(citation), Item::Message { annotations, .. }) => {
                let data = json!({
                    "annotation": annotation(citation), "annotation_index": annotations.len(),
                });
                annotations.push(annotation(citation));
                ("response.output_text.annotation.added", data)
            }
            (piece, item) => {
                // The seal is shown when its item is done.
                if let (Piece::Signature(given), Item::Reasoning { seal, .. }) = (piece, item) {
                    *seal = Some(given);
                }
                ("", Value::Null)
            }
        };
        if !kind.is_empty() {
            events.push(self.item_event(&item, kind, data));
        }
        self.open = Some(item);
        events
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
        let (kind, code, failed_code) = match cause {
            Cause::Spent => ("insufficient_quota", "insufficient_quota", "insufficient_quota"),
            Cause::Overloaded => {
                ("service_unavailable_error", "server_is_overloaded", "server_error")
            }
            _ => ("server_error", "server_error", "server_error"),
        };
        let error = json!({"type": kind, "code": code, "message": message, "param": null});
        let mut failed = response(&self.envelope, "failed", &self.done, &Value::Null);
        if let Some(failed) = failed.as_object_mut() {
            let error = json!({"code": failed_code, "message": message});
            failed.insert("error".to_owned(), error);
        }
        vec![
            self.sequence.event("error", json!({ "error": error })),
            self.sequence.event("response.failed", json!({ "response": failed })),
        ]
    }

    fn closing(&mut self) -> Vec<String> {
        let (status, _) = status(self.answer.finish);
        self.end(status)
    }

    fn mark(&mut self) -> Vec<String> {
        let (status, _) = status(self.answer.finish);
        let ended = json!({"response": self.ended()});
        vec![self.sequence.event(&format!("response.{status}"), ended)]
    }

    fn whole(&mut self) -> String {
        for piece in &self.answer.pieces {
            self.piece(piece);
        }
        self.closing();
        self.ended().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::ask::{Ask, Offer};
    use super::super::super::super::catalogue::Scene;
    use super::super::super::super::compose::compose;
    use super::*;

    fn ask() -> Ask {
        let offer = Offer { name: "weather".to_owned(), schema: None };
        Ask { prompt_words: 3, tools: vec![offer], ..Ask::default() }
    }

    /// The names of the events, repeated ones once, and the last event.
    fn streamed(scene: Scene) -> (Vec<String>, Value) {
        let answer = compose(scene, &ask(), b"");
        let mut script = Stream::new(Envelope::default(), &answer);
        let mut events = script.opening();
        answer.pieces.iter().for_each(|piece| events.extend(script.piece(piece)));
        events.extend(script.closing());
        events.extend(script.mark());
        let mut names: Vec<String> = Vec::new();
        let mut last = Value::Null;
        for (sequence, event) in events.iter().enumerate() {
            let (name, data) = event.split_once('\n').unwrap();
            last = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            let name = name.strip_prefix("event: response.").unwrap().to_owned();
            assert_eq!(last["type"], format!("response.{name}"));
            assert_eq!(last["sequence_number"], sequence);
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        (names, last)
    }

    #[test]
    fn events_come_in_the_order_that_clients_rely_on() {
        let (names, last) = streamed(Scene::Plain);
        assert_eq!(
            names,
            [
                "created",
                "in_progress",
                "output_item.added",
                "content_part.added",
                "output_text.delta",
                "output_text.done",
                "content_part.done",
                "output_item.done",
                "completed",
            ]
        );
        assert_eq!(last["response"]["usage"]["total_tokens"], 63);
        assert_eq!(last["response"]["output"][0]["status"], "completed");
        let (names, last) = streamed(Scene::ParallelTools);
        let call =
            ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done"];
        assert_eq!(names[2..5], call);
        assert_eq!(names[6..9], call);
        assert_eq!(last["response"]["output"][1]["arguments"], r#"{"city":"Oslo"}"#);
        let (names, last) = streamed(Scene::Thinking);
        assert_eq!(
            names[2..8],
            [
                "output_item.added",
                "reasoning_summary_part.added",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.done",
                "reasoning_summary_part.done",
                "output_item.done",
            ]
        );
        assert!(last["response"]["output"][0]["encrypted_content"].is_string());
    }

    #[test]
    fn the_ends_are_told() {
        let (names, last) = streamed(Scene::Length);
        assert_eq!(names.last().unwrap(), "incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
        assert_eq!(last["response"]["output"][0]["status"], "incomplete");
        let (_, last) = streamed(Scene::FilterMid);
        assert_eq!(last["response"]["incomplete_details"]["reason"], "content_filter");
        let (names, last) = streamed(Scene::Refusal);
        assert!(names.contains(&"refusal.delta".to_owned()));
        assert_eq!(last["response"]["output"][0]["content"][0]["type"], "refusal");
        let (names, last) = streamed(Scene::Citations);
        assert!(names.contains(&"output_text.annotation.added".to_owned()));
        let part = &last["response"]["output"][0]["content"][0];
        assert_eq!(part["annotations"][0]["end_index"], 52);
        let (_, last) = streamed(Scene::Cached);
        assert_eq!(last["response"]["usage"]["input_tokens_details"]["cached_tokens"], 1024);
    }

    #[test]
    fn the_whole_is_what_the_stream_ends_with() {
        for scene in [Scene::Plain, Scene::ParallelTools, Scene::Thinking, Scene::Length] {
            let answer = compose(scene, &ask(), b"");
            let whole = Stream::new(Envelope::default(), &answer).whole();
            let whole: Value = serde_json::from_str(&whole).unwrap();
            assert_eq!(whole, streamed(scene).1["response"]);
        }
    }
}
