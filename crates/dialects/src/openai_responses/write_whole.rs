//! Writes a whole answer as a response object.

use bytes::Bytes;
use domain::{Completion, Content, Finish, Loss, Losses, Reply, Text, Thinking, ToolCall};

use super::item::own_foreign;
use super::output::{self, CallText, Head};
use crate::form::{Envelope, Written};

/// The answer in this dialect.
pub(super) fn write_whole(reply: &Reply, envelope: &Envelope) -> Written {
    let mut losses = Losses::default();
    let body = match reply {
        Reply::Completion(completion) => write_completion(completion, envelope, &mut losses),
        Reply::InputTokens { count, .. } => {
            format!(r#"{{"object":"response.input_tokens","input_tokens":{count}}}"#)
        }
        // Vectors are asked for in the dialect of chat completions only.
        Reply::Embeddings(_) => {
            losses.dropped("embeddings");
            "{}".to_owned()
        }
    };
    Written { body: Bytes::from(body), losses }
}

fn write_completion(completion: &Completion, envelope: &Envelope, losses: &mut Losses) -> String {
    let head = Head::new(envelope);
    if completion.choices.len() > 1 {
        losses.dropped("n");
    }
    let none = domain::Choice::default();
    let choice = completion.choices.first().unwrap_or(&none);
    let declined = choice.content.iter().any(|said| matches!(said, Content::Refusal(_)));
    let finish = choice.finish.clone().unwrap_or(Finish::Stop);
    let status = output::status_of(&finish, declined, losses);
    let mut items = Items {
        head: &head,
        output: Vec::new(),
        parts: Vec::new(),
        logprobs: choice.logprobs.iter().map(output::logprob).collect(),
        losses,
        call_status: "completed",
    };
    let last = choice.content.len().saturating_sub(1);
    for (place, content) in choice.content.iter().enumerate() {
        if place == last {
            items.call_status = status.of_last_item();
        }
        items.add(content);
    }
    items.close_message(status.of_last_item());
    let written = items.output;
    head.response(status, &written, completion.usage.as_ref())
}

/// The output as it grows.
struct Items<'a> {
    head: &'a Head,
    output: Vec<String>,
    /// The parts of the open message.
    parts: Vec<String>,
    /// For the next part of text.
    logprobs: Vec<String>,
    losses: &'a mut Losses,
    /// How far the call got that is added next.
    call_status: &'static str,
}

impl Items<'_> {
    fn add(&mut self, content: &Content) {
        match content {
            Content::Text(text) => self.add_text(text),
            Content::Refusal(text) => self.parts.push(output::refusal_part(text)),
            other => {
                self.close_message("completed");
                self.add_item(other);
            }
        }
    }

    fn add_text(&mut self, text: &Text) {
        let chars = u64::try_from(text.text.chars().count()).unwrap_or(u64::MAX);
        let cited = text.citations.iter();
        let annotations: Vec<String> =
            cited.filter_map(|cited| output::citation(cited, chars, self.losses)).collect();
        let logprobs = std::mem::take(&mut self.logprobs);
        self.parts.push(output::text_part(&text.text, &annotations, &logprobs));
    }

    fn close_message(&mut self, status: &str) {
        if !self.parts.is_empty() {
            let id = self.id("msg");
            let parts = std::mem::take(&mut self.parts);
            self.output.push(output::message(&id, status, &parts));
        }
    }

    fn id(&self, prefix: &str) -> String {
        self.head.item_id(prefix, self.output.len())
    }

    fn add_item(&mut self, content: &Content) {
        match content {
            Content::Thinking(thinking) => self.add_thinking(thinking),
            Content::ToolCall(call) => self.add_call(call),
            Content::SearchResults(_) if !self.head.tells_searches() => {
                self.losses.dropped("search_results");
            }
            Content::SearchResults(results) => {
                let id = self.id("ws");
                self.output.push(output::search(&id, results, self.losses));
            }
            Content::Media(media) => {
                let id = self.id("ig");
                self.output.extend(output::image(&id, media, self.losses));
            }
            Content::ToolResult(_) => self.losses.dropped("tool_result"),
            Content::Foreign(foreign) => match own_foreign(content) {
                Some(own) => self.output.push(own.json.as_str().to_owned()),
                None => self.losses.add(Loss::unmapped(&foreign.kind)),
            },
            Content::Text(_) | Content::Refusal(_) => {}
        }
    }

    fn add_thinking(&mut self, thinking: &Thinking) {
        let proof = thinking.proof.as_ref();
        let sealed = proof.and_then(|proof| output::sealed(proof, self.losses));
        if thinking.text.is_empty() && sealed.is_none() {
            return;
        }
        let own_id = sealed.and(proof).and_then(|proof| proof.id.clone());
        let id = own_id.map_or_else(|| self.id("rs"), String::from);
        let summary = output::summary(&thinking.text);
        self.output.push(output::reasoning(&id, &summary, sealed));
    }

    fn add_call(&mut self, call: &ToolCall) {
        if call.signature.is_some() {
            self.losses.dropped("thought_signature");
        }
        let (id, fallback) = (self.id("fc"), self.id("call"));
        let call_id = if call.id.is_empty() { &fallback } else { &*call.id };
        // Clients parse the arguments of a function, and nothing at all is no JSON.
        let blank = call.arguments.is_empty() && !call.free_text;
        let written = CallText {
            id: &id,
            call_id,
            name: &call.name,
            free_text: call.free_text,
            arguments: if blank { "{}" } else { &call.arguments },
        };
        self.output.push(output::call(&written, self.call_status));
    }
}
