//! The pieces and the body of generated content. A stream has no opening and no terminator: each
//! event is a whole answer with a few more words, and the last one says why it ends.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Citation, Finish, Piece, SIGNATURE};
use super::super::super::ask::{Delivery, words_in};
use super::super::super::refusal::Cause;
use super::super::{Envelope, Refused, STRAY, Script};
use super::{headers, refuse};

/// Writes one generated content.
pub(in super::super) struct Stream<'a> {
    envelope: Envelope,
    answer: &'a Answer,
    /// Events that were written.
    written: usize,
    said: usize,
    thought: usize,
    /// A seal that waits for the next part.
    seal: Option<&'static str>,
    /// A call is sent whole, so its arguments are gathered.
    name: String,
    arguments: String,
}

impl<'a> Stream<'a> {
    pub(in super::super) fn new(envelope: Envelope, answer: &'a Answer) -> Self {
        Self {
            envelope,
            answer,
            written: 0,
            said: 0,
            thought: 0,
            seal: None,
            name: String::new(),
            arguments: String::new(),
        }
    }

    /// The part that a piece makes, if it makes one by itself.
    fn part(&mut self, piece: &Piece) -> Option<Value> {
        match piece {
            Piece::Thought(text) => {
                self.thought += 1;
                Some(json!({"text": text, "thought": true}))
            }
            Piece::Text(text) => {
                // A drill's provider puts many words into one piece.
                self.said += words_in(text).max(1);
                Some(self.sealed(json!({ "text": text })))
            }
            Piece::Call { index, name } => {
                self.said += 1;
                name.clone_into(&mut self.name);
                // Of parallel calls only the first is sealed.
                self.seal = (*index == 0).then_some(SIGNATURE);
                None
            }
            Piece::Arguments { part, last, .. } => {
                self.said += 1;
                self.arguments.push_str(part);
                if !last {
                    return None;
                }
                let args: Value =
                    serde_json::from_str(&self.arguments).unwrap_or_else(|_| json!({}));
                self.arguments.clear();
                let part = json!({"functionCall": {"name": self.name, "args": args}});
                Some(self.sealed(part))
            }
            Piece::Signature(seal) => {
                self.seal = Some(seal);
                None
            }
            Piece::Refusal(_) | Piece::Citation(_) => None,
        }
    }

    fn sealed(&mut self, mut part: Value) -> Value {
        if let (Some(seal), Some(part)) = (self.seal.take(), part.as_object_mut()) {
            part.insert("thoughtSignature".to_owned(), json!(seal));
        }
        part
    }

    fn usage(&self) -> Value {
        let input = self.answer.tokens.input;
        let mut usage = json!({
            "promptTokenCount": input,
            "totalTokenCount": input + self.said + self.thought,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}],
        });
        let counts = [
            ("candidatesTokenCount", self.said),
            ("thoughtsTokenCount", self.thought),
            ("cachedContentTokenCount", self.answer.tokens.cached),
        ];
        // What is nought is left out, as Google leaves it out.
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            if let Some(usage) = usage.as_object_mut() {
                usage.insert(name.to_owned(), json!(count));
            }
        }
        usage
    }

    /// An answer with these parts; `end` is put into the candidate.
    fn response(&self, parts: &[Value], end: Value) -> Value {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
        if let (Some(candidate), Value::Object(end)) = (candidate.as_object_mut(), end) {
            candidate.extend(end);
        }
        self.enveloped(json!({ "candidates": [candidate] }))
    }

    fn enveloped(&self, mut response: Value) -> Value {
        if let Some(response) = response.as_object_mut() {
            response.insert("usageMetadata".to_owned(), self.usage());
            response.insert("modelVersion".to_owned(), json!(self.envelope.model));
            let id = format!("wall-{}", self.envelope.serial);
            response.insert("responseId".to_owned(), json!(id));
        }
        response
    }

    /// The fields of a candidate that say how it ended.
    fn end(&self) -> Value {
        let reason = match self.answer.finish {
            Finish::Stop | Finish::Tools => "STOP",
            Finish::Length => "MAX_TOKENS",
            Finish::Filtered | Finish::Refused => "SAFETY",
        };
        let mut end = json!({ "finishReason": reason });
        if let (Finish::Filtered, Some(end)) = (self.answer.finish, end.as_object_mut()) {
            let category = "HARM_CATEGORY_DANGEROUS_CONTENT";
            let rating = json!({"category": category, "probability": "HIGH", "blocked": true});
            end.insert("safetyRatings".to_owned(), json!([rating]));
        }
        if let (Some(citation), Some(end)) = (self.answer.citation(), end.as_object_mut()) {
            end.insert("groundingMetadata".to_owned(), grounding(&citation));
        }
        end
    }

    /// A prompt that is refused has no candidate at all.
    fn blocked(&self) -> Value {
        self.enveloped(json!({"promptFeedback": {"blockReason": "SAFETY"}}))
    }

    fn last(&self) -> Value {
        if self.answer.finish == Finish::Refused {
            self.blocked()
        } else {
            self.response(&[json!({"text": ""})], self.end())
        }
    }

    /// One event, or the next element of the array.
    fn event(&mut self, response: &Value) -> String {
        self.written += 1;
        match self.envelope.delivery {
            Delivery::Array if self.written == 1 => format!("[{response}\n"),
            Delivery::Array => format!(",\n{response}\n"),
            Delivery::Events | Delivery::Whole => format!("data: {response}\r\n\r\n"),
        }
    }
}

fn grounding(citation: &Citation) -> Value {
    let Citation { url, title, quote, start, end } = citation;
    let mut segment = json!({"endIndex": end, "text": quote});
    // A place at the very start is left out, as Google leaves out what is nought.
    if let (Some(segment), true) = (segment.as_object_mut(), *start > 0) {
        segment.insert("startIndex".to_owned(), json!(start));
    }
    json!({
        "webSearchQueries": ["harbour in the morning"],
        "groundingChunks": [{"web": {"uri": url, "title": title}}],
        "groundingSupports": [{
            "segment": segment,
            "groundingChunkIndices": [0],
        }],
    })
}

impl Script for Stream<'_> {
    fn headers(&self) -> String {
        headers()
    }

    fn stream_type(&self) -> &'static str {
        match self.envelope.delivery {
            Delivery::Array => "application/json; charset=UTF-8",
            Delivery::Events | Delivery::Whole => "text/event-stream",
        }
    }

    fn opening(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn piece(&mut self, piece: &Piece) -> Vec<String> {
        let Some(part) = self.part(piece) else { return Vec::new() };
        let response = self.response(&[part], json!({}));
        vec![self.event(&response)]
    }

    fn malformed(&self) -> String {
        let garbled = r#"{"candidates": [{"content": {"parts": [{"text": " garbled"#;
        match self.envelope.delivery {
            Delivery::Array => format!(",\n{garbled}\n"),
            Delivery::Events | Delivery::Whole => format!("data: {garbled}\r\n\r\n"),
        }
    }

    fn idle(&mut self) -> String {
        match self.envelope.delivery {
            // Blank space is all that an array bears.
            Delivery::Array => "\n".to_owned(),
            Delivery::Events | Delivery::Whole => ": keep-alive\r\n\r\n".to_owned(),
        }
    }

    fn aside(&mut self, padding: &str) -> String {
        self.event(&json!({ "news": padding }))
    }

    fn stray(&mut self) -> String {
        let content = json!({"parts": [{"text": STRAY}], "role": "model"});
        self.event(&json!({"candidates": [{"content": content, "index": 7}]}))
    }

    fn failure(&mut self, cause: &Cause) -> Vec<String> {
        let plain = Envelope { delivery: Delivery::Events, ..self.envelope.clone() };
        let Refused { body, .. } = refuse(cause, &plain);
        match self.envelope.delivery {
            Delivery::Array if self.written == 0 => vec![format!("[{body}\n]")],
            Delivery::Array => vec![format!(",\n{body}\n]")],
            // Google writes it into the stream as it is, without `data:` before it.
            Delivery::Events | Delivery::Whole => vec![format!("{body}\n")],
        }
    }

    fn closing(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn mark(&mut self) -> Vec<String> {
        let last = self.last();
        let mut events = vec![self.event(&last)];
        if self.envelope.delivery == Delivery::Array {
            events.push("]".to_owned());
        }
        events
    }

    fn whole(&mut self) -> String {
        let answer = self.answer;
        let parts: Vec<Value> = answer.pieces.iter().filter_map(|piece| self.part(piece)).collect();
        if answer.finish == Finish::Refused {
            return self.blocked().to_string();
        }
        self.response(&joined(parts), self.end()).to_string()
    }
}

/// Neighbouring texts of one kind become one part; a seal stays on what it came with.
fn joined(parts: Vec<Value>) -> Vec<Value> {
    let mut joined: Vec<Value> = Vec::new();
    for part in parts {
        let text = part.get("text").and_then(Value::as_str);
        let plain = part.get("thoughtSignature").is_none();
        let before =
            joined.last_mut().filter(|before| before.get("thought") == part.get("thought"));
        match (text, before.and_then(|before| before.get_mut("text"))) {
            (Some(text), Some(Value::String(before))) if plain => before.push_str(text),
            _ => joined.push(part),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::super::super::super::answer::TEXT;
    use super::super::super::super::ask::{Ask, Offer};
    use super::super::super::super::catalogue::Scene;
    use super::super::super::super::compose::compose;
    use super::*;

    fn ask() -> Ask {
        let offer = Offer { name: "weather".to_owned(), schema: None };
        Ask { prompt_words: 3, tools: vec![offer], ..Ask::default() }
    }

    fn streamed(scene: Scene, delivery: Delivery) -> String {
        let answer = compose(scene, &ask(), b"");
        let mut script = Stream::new(Envelope { delivery, ..Envelope::default() }, &answer);
        let mut events = script.opening();
        answer.pieces.iter().for_each(|piece| events.extend(script.piece(piece)));
        events.extend(script.closing());
        events.extend(script.mark());
        events.concat()
    }

    fn whole(scene: Scene) -> Value {
        let answer = compose(scene, &ask(), b"");
        serde_json::from_str(&Stream::new(Envelope::default(), &answer).whole()).unwrap()
    }

    #[test]
    fn events_end_in_two_line_ends_and_the_array_is_one_value() {
        let events = streamed(Scene::Plain, Delivery::Events);
        let of_events: Vec<Value> = events
            .split_terminator("\r\n\r\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        let array: Vec<Value> =
            serde_json::from_str(&streamed(Scene::Plain, Delivery::Array)).unwrap();
        assert_eq!(of_events, array);
        assert_eq!(array.len(), 61);
        let last = array.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert_eq!(last["usageMetadata"]["candidatesTokenCount"], 60);
        assert_eq!(last["usageMetadata"]["totalTokenCount"], 63);
    }

    #[test]
    fn calls_are_whole_and_the_first_is_sealed() {
        let found = whole(Scene::ParallelTools);
        let parts = found["candidates"][0]["content"]["parts"].as_array().unwrap();
        assert_eq!(parts[0]["functionCall"]["args"], json!({"city": "Lagos"}));
        assert_eq!(parts[0]["thoughtSignature"], SIGNATURE);
        assert_eq!(parts[1]["functionCall"]["args"], json!({"city": "Oslo"}));
        assert!(parts[1].get("thoughtSignature").is_none());
    }

    #[test]
    fn thoughts_stand_apart_from_the_text() {
        let found = whole(Scene::Thinking);
        let parts = found["candidates"][0]["content"]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((&parts[0]["thought"], &parts[1]["text"]), (&json!(true), &json!(TEXT)));
        assert_eq!(parts[1]["thoughtSignature"], SIGNATURE);
        assert_eq!(found["usageMetadata"]["thoughtsTokenCount"], 12);
    }

    #[test]
    fn the_ends_are_told() {
        let refused = whole(Scene::Refusal);
        assert_eq!(refused["promptFeedback"]["blockReason"], "SAFETY");
        assert!(refused.get("candidates").is_none());
        let reason = |scene| whole(scene)["candidates"][0]["finishReason"].clone();
        assert_eq!(reason(Scene::FilterMid), "SAFETY");
        assert_eq!(reason(Scene::Length), "MAX_TOKENS");
        assert_eq!(whole(Scene::Cached)["usageMetadata"]["cachedContentTokenCount"], 1024);
        let cited = whole(Scene::Citations);
        let grounding = &cited["candidates"][0]["groundingMetadata"];
        assert_eq!(grounding["groundingSupports"][0]["segment"]["endIndex"], 52);
    }
}
