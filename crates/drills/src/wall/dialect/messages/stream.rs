//! The events and the body of a message: content blocks are opened, filled and closed in order.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Citation, Finish, Piece};
use super::super::super::refusal::Cause;
use super::super::{Envelope, STRAY, Script, garbled_event, named_event};
use super::{headers, refuse};

/// Writes one message.
pub(in super::super) struct Stream<'a> {
    envelope: Envelope,
    answer: &'a Answer,
    /// The blocks that are closed, as a whole body shows them.
    closed: Vec<Value>,
    open: Option<Block>,
}

/// A content block that is being filled.
enum Block {
    Thinking { thought: String, signature: String },
    Text { text: String },
    Tool { index: usize, name: String, arguments: String },
}

impl Block {
    /// The block as a whole body shows it.
    fn finished(self, citation: Option<Citation>) -> Value {
        match self {
            Self::Thinking { thought, signature } => {
                json!({"type": "thinking", "thinking": thought, "signature": signature})
            }
            Self::Text { text } => match citation {
                Some(citation) => {
                    json!({"type": "text", "text": text, "citations": [location(&citation)]})
                }
                None => json!({"type": "text", "text": text}),
            },
            Self::Tool { index, name, arguments } => {
                let input: Value = serde_json::from_str(&arguments).unwrap_or_else(|_| json!({}));
                tool_use(index, &name, &input)
            }
        }
    }

    /// The block as it is announced, still empty.
    fn announced(&self, citation: Option<Citation>) -> Value {
        match self {
            Self::Thinking { .. } => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Self::Text { .. } if citation.is_some() => {
                json!({"type": "text", "text": "", "citations": []})
            }
            Self::Text { .. } => json!({"type": "text", "text": ""}),
            Self::Tool { index, name, .. } => tool_use(*index, name, &json!({})),
        }
    }
}

fn call_id(index: usize) -> String {
    format!("toolu_wall_{}", index + 1)
}

fn tool_use(index: usize, name: &str, input: &Value) -> Value {
    json!({
        "type": "tool_use", "id": call_id(index), "name": name, "input": input,
        "caller": {"type": "direct"},
    })
}

fn location(citation: &Citation) -> Value {
    json!({
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.quote,
        "encrypted_index": "d2FsbC1pbmRleA==",
    })
}

impl<'a> Stream<'a> {
    pub(in super::super) fn new(envelope: Envelope, answer: &'a Answer) -> Self {
        Self { envelope, answer, closed: Vec::new(), open: None }
    }

    fn delta(&self, delta: &Value) -> String {
        named_event("content_block_delta", &json!({"index": self.closed.len(), "delta": delta}))
    }

    /// Closes what is open and opens another block; the first one is followed by a ping.
    fn begin(&mut self, block: Block) -> Vec<String> {
        let mut events = self.end();
        let index = self.closed.len();
        let citation = self.answer.citation();
        let block_start = json!({"index": index, "content_block": block.announced(citation)});
        events.push(named_event("content_block_start", &block_start));
        if index == 0 {
            events.push(named_event("ping", &json!({})));
        }
        if let (Block::Text { .. }, Some(citation)) = (&block, citation) {
            let citation = location(&citation);
            events.push(self.delta(&json!({"type": "citations_delta", "citation": citation})));
        }
        self.open = Some(block);
        events
    }

    fn end(&mut self) -> Vec<String> {
        let Some(block) = self.open.take() else { return Vec::new() };
        let event = named_event("content_block_stop", &json!({"index": self.closed.len()}));
        self.closed.push(block.finished(self.answer.citation()));
        vec![event]
    }

    fn usage(&self, output: usize) -> Value {
        let tokens = self.answer.tokens;
        json!({
            "input_tokens": tokens.input - tokens.cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": tokens.cached,
            "output_tokens": output,
        })
    }

    /// The fields that say how the message ended.
    fn stop(&self) -> Value {
        let (reason, details) = match self.answer.finish {
            Finish::Stop => ("end_turn", Value::Null),
            Finish::Tools => ("tool_use", Value::Null),
            Finish::Length => ("max_tokens", Value::Null),
            Finish::Filtered | Finish::Refused => {
                let explanation = "The wall refuses this request on purpose.";
                let details =
                    json!({"type": "refusal", "category": "cyber", "explanation": explanation});
                ("refusal", details)
            }
        };
        json!({"stop_reason": reason, "stop_sequence": null, "stop_details": details})
    }

    /// The message with its content so far.
    fn message(&self, stop: &Value, usage: &Value) -> Value {
        json!({
            "id": format!("msg_wall_{}", self.envelope.serial),
            "type": "message",
            "role": "assistant",
            "model": self.envelope.model,
            "content": self.closed,
            "stop_reason": stop["stop_reason"],
            "stop_sequence": null,
            "stop_details": stop["stop_details"],
            "usage": usage,
        })
    }
}

impl Script for Stream<'_> {
    fn headers(&self) -> String {
        headers(&self.envelope)
    }

    fn opening(&mut self) -> Vec<String> {
        let message = self.message(&json!({}), &self.usage(1));
        vec![named_event("message_start", &json!({ "message": message }))]
    }

    fn piece(&mut self, piece: &Piece) -> Vec<String> {
        let mut events = match (piece, &self.open) {
            (Piece::Text(_), Some(Block::Text { .. })) => Vec::new(),
            (Piece::Text(_), _) => self.begin(Block::Text { text: String::new() }),
            (Piece::Thought(_), Some(Block::Thinking { .. })) => Vec::new(),
            (Piece::Thought(_), _) => {
                let (thought, signature) = (String::new(), String::new());
                self.begin(Block::Thinking { thought, signature })
            }
            (Piece::Call { index, name }, _) => {
                let (index, name) = (*index, name.clone());
                self.begin(Block::Tool { index, name, arguments: String::new() })
            }
            _ => Vec::new(),
        };
        let delta = match (piece, &mut self.open) {
            (Piece::Text(word), Some(Block::Text { text })) => {
                text.push_str(word);
                json!({"type": "text_delta", "text": word})
            }
            (Piece::Thought(word), Some(Block::Thinking { thought, .. })) => {
                thought.push_str(word);
                json!({"type": "thinking_delta", "thinking": word})
            }
            (Piece::Signature(seal), Some(Block::Thinking { signature, .. })) => {
                signature.push_str(seal);
                json!({"type": "signature_delta", "signature": seal})
            }
            (Piece::Call { .. }, Some(Block::Tool { .. })) => {
                json!({"type": "input_json_delta", "partial_json": ""})
            }
            (Piece::Arguments { part, .. }, Some(Block::Tool { arguments, .. })) => {
                arguments.push_str(part);
                json!({"type": "input_json_delta", "partial_json": part})
            }
            // The citation came with its block, and a refusal is told by how the message stops.
            _ => return events,
        };
        events.push(self.delta(&delta));
        events
    }

    fn malformed(&self) -> String {
        garbled_event("content_block_delta")
    }

    fn idle(&mut self) -> String {
        named_event("ping", &json!({}))
    }

    fn aside(&mut self, padding: &str) -> String {
        named_event("message_news", &json!({ "news": padding }))
    }

    fn stray(&mut self) -> String {
        let delta = json!({"type": "text_delta", "text": STRAY});
        named_event("content_block_delta", &json!({"index": 7, "delta": delta}))
    }

    fn failure(&mut self, cause: &Cause) -> Vec<String> {
        let data = refuse(cause, &self.envelope).body;
        vec![format!("event: error\ndata: {data}\n\n")]
    }

    fn closing(&mut self) -> Vec<String> {
        let mut events = self.end();
        let usage = self.usage(self.answer.tokens.output);
        events.push(named_event("message_delta", &json!({"delta": self.stop(), "usage": usage})));
        events
    }

    fn mark(&mut self) -> Vec<String> {
        vec![named_event("message_stop", &json!({}))]
    }

    fn whole(&mut self) -> String {
        for piece in &self.answer.pieces {
            self.piece(piece);
        }
        self.end();
        self.message(&self.stop(), &self.usage(self.answer.tokens.output)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::answer::SIGNATURE;
    use super::super::super::super::ask::{Ask, Offer};
    use super::super::super::super::catalogue::Scene;
    use super::super::super::super::compose::compose;
    use super::*;

    fn names(scene: Scene, ask: &Ask) -> Vec<String> {
        let answer = compose(scene, ask, b"");
        let mut script = Stream::new(Envelope::default(), &answer);
        let mut events = script.opening();
        answer.pieces.iter().for_each(|piece| events.extend(script.piece(piece)));
        events.extend(script.closing());
        events.extend(script.mark());
        let mut names: Vec<String> = Vec::new();
        for event in events {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            let name = name.strip_prefix("event: ").unwrap();
            assert_eq!(data["type"], name);
            let kind = data.pointer("/delta/type").and_then(Value::as_str);
            let name = kind.unwrap_or(name).to_owned();
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        names
    }

    #[test]
    fn blocks_are_opened_filled_and_closed_in_order() {
        assert_eq!(
            names(Scene::Thinking, &Ask::default()),
            [
                "message_start",
                "content_block_start",
                "ping",
                "thinking_delta",
                "signature_delta",
                "content_block_stop",
                "content_block_start",
                "text_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ]
        );
        let offer = Offer { name: "weather".to_owned(), schema: None };
        let ask = Ask { tools: vec![offer], ..Ask::default() };
        assert_eq!(
            names(Scene::ParallelTools, &ask),
            [
                "message_start",
                "content_block_start",
                "ping",
                "input_json_delta",
                "content_block_stop",
                "content_block_start",
                "input_json_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ]
        );
        assert_eq!(
            names(Scene::Refusal, &Ask::default()),
            ["message_start", "message_delta", "message_stop"]
        );
    }

    #[test]
    fn a_whole_message_has_the_same_blocks() {
        let whole = |scene, ask: &Ask| -> Value {
            let answer = compose(scene, ask, b"");
            serde_json::from_str(&Stream::new(Envelope::default(), &answer).whole()).unwrap()
        };
        let ask = Ask { prompt_words: 3, ..Ask::default() };
        let thinking = whole(Scene::Thinking, &ask);
        assert_eq!(thinking["content"][0]["signature"], SIGNATURE);
        assert_eq!(thinking["content"][1]["type"], "text");
        let cited = whole(Scene::Citations, &ask);
        let citation = &cited["content"][0]["citations"][0];
        assert_eq!(citation["type"], "web_search_result_location");
        let cached = whole(Scene::Cached, &ask);
        assert_eq!(cached["usage"]["cache_read_input_tokens"], 1024);
        assert_eq!(cached["usage"]["input_tokens"], 3);
        let refused = whole(Scene::Refusal, &ask);
        assert_eq!((&refused["content"], &refused["stop_reason"]), (&json!([]), &json!("refusal")));
        assert_eq!(whole(Scene::Length, &ask)["stop_reason"], "max_tokens");
        let filtered = whole(Scene::FilterMid, &ask);
        assert_eq!(filtered["stop_details"]["type"], "refusal");
    }
}
