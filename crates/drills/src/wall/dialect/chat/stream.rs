//! The chunks and the body of a chat completion. Azure puts its filter's findings into each.

use serde_json::{Value, json};

use super::super::super::answer::{Answer, Citation, Finish, Piece};
use super::super::super::refusal::Cause;
use super::super::{Envelope, STRAY, Script, quoted};
use super::refusals::{filter_results, headers, prompt_results, refuse};

/// Writes one chat completion.
pub(in super::super) struct Stream<'a> {
    envelope: Envelope,
    answer: &'a Answer,
    azure: bool,
}

impl<'a> Stream<'a> {
    pub(in super::super) fn new(envelope: Envelope, answer: &'a Answer, azure: bool) -> Self {
        Self { envelope, answer, azure }
    }

    /// A chunk with one choice; `delta` and `finish` are JSON.
    fn chunk(&self, delta: &str, finish: &str) -> String {
        let start = self.start("chat.completion.chunk");
        let usage = if self.envelope.usage_asked { ",\"usage\":null" } else { "" };
        // Only what has been said was looked at, and what was stopped.
        let looked = delta.starts_with("{\"content\"") || finish == "\"content_filter\"";
        let filter = match (self.azure, looked) {
            (true, true) => self.filter(finish == "\"content_filter\""),
            (true, false) => ",\"content_filter_results\":{}".to_owned(),
            (false, _) => String::new(),
        };
        format!(
            "data: {start},\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\
             \"finish_reason\":{finish}{filter}}}]{usage}}}\n\n"
        )
    }

    /// The opening of an object, without a comma or brace at its end.
    fn start(&self, object: &str) -> String {
        let Envelope { serial, created, model, .. } = &self.envelope;
        format!(
            r#"{{"id":"chatcmpl-wall-{serial}","object":"{object}","created":{created},"model":{},"system_fingerprint":"fp_wall""#,
            quoted(model),
        )
    }

    /// What Azure adds to a choice.
    fn filter(&self, filtered: bool) -> String {
        if self.azure {
            format!(",\"content_filter_results\":{}", filter_results(filtered))
        } else {
            String::new()
        }
    }

    fn finish(&self) -> &'static str {
        match self.answer.finish {
            Finish::Stop | Finish::Refused => "stop",
            Finish::Tools => "tool_calls",
            Finish::Length => "length",
            Finish::Filtered => "content_filter",
        }
    }

    fn usage(&self) -> Value {
        let tokens = self.answer.tokens;
        let mut usage = json!({
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.total(),
        });
        if let (Some(usage), true) = (usage.as_object_mut(), self.azure || tokens.cached > 0) {
            let details = json!({"cached_tokens": tokens.cached, "audio_tokens": 0});
            usage.insert("prompt_tokens_details".to_owned(), details);
        }
        if let (Some(usage), true) = (usage.as_object_mut(), self.azure || tokens.reasoning > 0) {
            let details = json!({
                "reasoning_tokens": tokens.reasoning, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            });
            usage.insert("completion_tokens_details".to_owned(), details);
        }
        usage
    }

    fn message(&self) -> Value {
        let (mut text, mut refusal, mut thought) = (String::new(), String::new(), String::new());
        let mut calls: Vec<(&str, String)> = Vec::new();
        let mut annotations: Vec<Value> = Vec::new();
        for piece in &self.answer.pieces {
            match piece {
                Piece::Text(word) => text.push_str(word),
                Piece::Refusal(word) => refusal.push_str(word),
                Piece::Thought(word) => thought.push_str(word),
                Piece::Call { name, .. } => calls.push((name, String::new())),
                Piece::Arguments { index, part, .. } => {
                    if let Some((_, arguments)) = calls.get_mut(*index) {
                        arguments.push_str(part);
                    }
                }
                Piece::Citation(citation) => annotations.push(annotation(citation)),
                Piece::Signature(_) => {}
            }
        }
        let refused = self.answer.finish == Finish::Refused;
        let content = if refused || !calls.is_empty() { Value::Null } else { json!(text) };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        let mut put = |name: &str, value: Value| {
            if let Some(message) = message.as_object_mut() {
                message.insert(name.to_owned(), value);
            }
        };
        if refused {
            put("refusal", json!(refusal));
        }
        if !thought.is_empty() {
            put("reasoning_content", json!(thought));
        }
        if !annotations.is_empty() {
            put("annotations", json!(annotations));
        }
        if !calls.is_empty() {
            let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
                json!({
                    "id": call_id(index),
                    "type": "function",
                    "function": {"name": name, "arguments": arguments},
                })
            });
            put("tool_calls", calls.collect());
        }
        message
    }
}

fn call_id(index: usize) -> String {
    format!("call_wall_{}", index + 1)
}

fn annotation(citation: &Citation) -> Value {
    let Citation { url, title, start, end, .. } = citation;
    json!({
        "type": "url_citation",
        "url_citation": {"url": url, "title": title, "start_index": start, "end_index": end},
    })
}

impl Script for Stream<'_> {
    fn headers(&self) -> String {
        headers(&self.envelope, self.azure)
    }

    fn opening(&mut self) -> Vec<String> {
        let role = self.chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null");
        if !self.azure {
            return vec![role];
        }
        let results = json!([{"prompt_index": 0, "content_filter_results": prompt_results()}]);
        let first = format!(
            "data: {{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\
             \"prompt_filter_results\":{results}}}\n\n"
        );
        vec![first, role]
    }

    fn piece(&mut self, piece: &Piece) -> Vec<String> {
        let delta = match piece {
            Piece::Text(text) => format!(r#"{{"content":{}}}"#, quoted(text)),
            Piece::Thought(text) => format!(r#"{{"reasoning_content":{}}}"#, quoted(text)),
            Piece::Refusal(text) => format!(r#"{{"refusal":{}}}"#, quoted(text)),
            Piece::Call { index, name } => format!(
                r#"{{"tool_calls":[{{"index":{index},"id":"{}","type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
                call_id(*index),
                quoted(name),
            ),
            Piece::Arguments { index, part, .. } => format!(
                r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{}}}}}]}}"#,
                quoted(part),
            ),
            Piece::Citation(citation) => json!({"annotations": [annotation(citation)]}).to_string(),
            // There is no place for a seal here.
            Piece::Signature(_) => return Vec::new(),
        };
        vec![self.chunk(&delta, "null")]
    }

    fn malformed(&self) -> String {
        let start = self.start("chat.completion.chunk");
        format!("data: {start},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" garbled\n\n")
    }

    fn failure(&mut self, cause: &Cause) -> Vec<String> {
        vec![format!("data: {}\n\n", refuse(cause, &self.envelope).body)]
    }

    fn idle(&mut self) -> String {
        ": keep-alive\n\n".to_owned()
    }

    fn aside(&mut self, padding: &str) -> String {
        let start = self.start("chat.completion.news");
        format!("data: {start},\"news\":\"{padding}\"}}\n\n")
    }

    fn stray(&mut self) -> String {
        let delta = format!(r#"{{"content":{}}}"#, quoted(STRAY));
        self.chunk(&delta, "null").replacen("\"index\":0", "\"index\":7", 1)
    }

    fn closing(&mut self) -> Vec<String> {
        let mut events = vec![self.chunk("{}", &quoted(self.finish()))];
        if self.envelope.usage_asked {
            let start = self.start("chat.completion.chunk");
            let usage = self.usage();
            events.push(format!("data: {start},\"choices\":[],\"usage\":{usage}}}\n\n"));
        }
        events
    }

    fn mark(&mut self) -> Vec<String> {
        vec!["data: [DONE]\n\n".to_owned()]
    }

    fn whole(&mut self) -> String {
        let finish = self.finish();
        let prompt = if self.azure {
            let results = prompt_results();
            format!(
                ",\"prompt_filter_results\":{}",
                json!([{"prompt_index": 0, "content_filter_results": results}])
            )
        } else {
            String::new()
        };
        format!(
            r#"{},"choices":[{{"index":0,"message":{},"logprobs":null,"finish_reason":"{finish}"{}}}],"usage":{}{prompt}}}"#,
            self.start("chat.completion"),
            self.message(),
            self.filter(self.answer.finish == Finish::Filtered),
            self.usage(),
        )
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
        Ask { prompt_words: 2, tools: vec![offer], ..Ask::default() }
    }

    fn envelope() -> Envelope {
        Envelope { model: "a\"b".to_owned(), usage_asked: true, ..Envelope::default() }
    }

    #[test]
    fn every_form_but_the_malformed_is_json() {
        let answer = compose(Scene::Tools, &ask(), b"");
        let mut script = Stream::new(envelope(), &answer, false);
        let mut events = script.opening();
        answer.pieces.iter().for_each(|piece| events.extend(script.piece(piece)));
        events.extend(script.closing());
        let mut arguments = String::new();
        let mut last = Value::Null;
        for event in events {
            let data = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
            last = serde_json::from_str(data).unwrap();
            let part = last.pointer("/choices/0/delta/tool_calls/0/function/arguments");
            arguments.push_str(part.and_then(Value::as_str).unwrap_or(""));
        }
        assert_eq!(arguments, r#"{"city":"Lagos"}"#);
        assert_eq!(last["usage"]["total_tokens"], 6);
        assert_eq!(last["model"], "a\"b");

        let whole: Value = serde_json::from_str(&script.whole()).unwrap();
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        let call = &whole["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call, &json!({"name": "weather", "arguments": arguments}));

        let broken = script.malformed();
        assert!(broken.starts_with("data: ") && broken.ends_with("\n\n"));
        assert_eq!(broken.matches('\n').count(), 2);
        assert!(serde_json::from_str::<Value>(broken.trim_start_matches("data: ")).is_err());
    }

    #[test]
    fn the_new_ends_have_their_fields() {
        let whole = |scene| -> Value {
            let answer = compose(scene, &ask(), b"");
            serde_json::from_str(&Stream::new(envelope(), &answer, true).whole()).unwrap()
        };
        let refused = whole(Scene::Refusal);
        assert_eq!(refused["choices"][0]["message"]["content"], Value::Null);
        assert!(refused["choices"][0]["message"]["refusal"].is_string());
        let filtered = whole(Scene::FilterMid);
        assert_eq!(filtered["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(filtered["choices"][0]["content_filter_results"]["hate"]["filtered"], true);
        assert_eq!(filtered["prompt_filter_results"][0]["prompt_index"], 0);
        let cached = whole(Scene::Cached);
        assert_eq!(cached["usage"]["prompt_tokens"], 1026);
        assert_eq!(cached["usage"]["prompt_tokens_details"]["cached_tokens"], 1024);
        let cited = whole(Scene::Citations);
        let citation = &cited["choices"][0]["message"]["annotations"][0]["url_citation"];
        assert_eq!(citation["end_index"], 52);
        let thinking = whole(Scene::Thinking);
        assert_eq!(thinking["usage"]["completion_tokens_details"]["reasoning_tokens"], 12);
        let calls = whole(Scene::ParallelTools);
        assert_eq!(calls["choices"][0]["message"]["tool_calls"][1]["id"], "call_wall_2");
    }
}
