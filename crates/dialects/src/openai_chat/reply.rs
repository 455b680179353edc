//! Writes whole answers.

use bytes::Bytes;
use domain::{Choice, Completion, Content, Losses, SearchResult, Text};

use super::said::{CallHead, FinishWords, audio, call_id, image};
use super::shared::{
    write_annotation, write_logprobs, write_reasoning_detail, write_search_results,
};
use super::turns::{foreign_loss, media_word};
use super::usage::write_usage;
use crate::form::{Envelope, Written};
use crate::object::{ObjectText, array};

/// The answer as a `chat.completion` object.
pub(super) fn write_completion(completion: &Completion, envelope: &Envelope) -> Written {
    let mut losses = Losses::default();
    let mut found = Vec::new();
    let choices: Vec<String> = completion
        .choices
        .iter()
        .enumerate()
        .map(|(place, choice)| write_choice((place, choice), envelope, &mut found, &mut losses))
        .collect();
    let mut body = ObjectText::new();
    body.text("id", &format!("{ID_PREFIX}{}", envelope.id));
    body.text("object", "chat.completion").whole("created", envelope.created_unix);
    body.text("model", &envelope.model).list("choices", &choices);
    body.raw("usage", &completion.usage.as_ref().map_or("null".to_owned(), write_usage));
    if !found.is_empty() {
        let (citations, results) = write_search_results(&found);
        body.raw("citations", &citations).raw("search_results", &results);
    }
    Written { body: Bytes::from(body.end()), losses }
}

/// How the ids of answers begin.
pub(super) const ID_PREFIX: &str = "chatcmpl-";

/// What a message says, gathered from its parts.
#[derive(Default)]
struct Message {
    text: String,
    text_chars: u64,
    refusal: String,
    thinking: String,
    details: Vec<String>,
    calls: Vec<String>,
    annotations: Vec<String>,
    images: Vec<String>,
    audio: Option<String>,
}

fn write_choice(
    (place, choice): (usize, &Choice),
    envelope: &Envelope,
    found: &mut Vec<SearchResult>,
    losses: &mut Losses,
) -> String {
    let mut said = Message::default();
    for one in &choice.content {
        said.take(one, (place, envelope), found, losses);
    }
    let words = FinishWords::of(
        choice.finish.as_ref(),
        (!said.calls.is_empty(), !said.refusal.is_empty()),
        losses,
    );
    let mut written = ObjectText::new();
    written.raw("index", &place.to_string()).raw("message", &said.write());
    written.raw("logprobs", &write_logprobs(&choice.logprobs));
    words.write(&mut written);
    written.end()
}

impl Message {
    fn take(
        &mut self,
        one: &Content,
        (place, envelope): (usize, &Envelope),
        found: &mut Vec<SearchResult>,
        losses: &mut Losses,
    ) {
        match one {
            Content::Text(text) => self.take_text(text, losses),
            Content::Refusal(words) => self.refusal.push_str(words),
            Content::Thinking(thinking) => {
                self.thinking.push_str(&thinking.text);
                let detail = |proof| write_reasoning_detail(proof, &thinking.text);
                match thinking.proof.as_ref().map(detail) {
                    None => {}
                    Some(Some(detail)) => self.details.push(detail),
                    Some(None) => losses.dropped("thinking.signature"),
                }
            }
            Content::ToolCall(call) => {
                let id = call_id(&call.id, &envelope.id, place, self.calls.len());
                let head = CallHead {
                    index: None,
                    id: &id,
                    name: &call.name,
                    free_text: call.free_text,
                    signature: call.signature.as_deref(),
                };
                self.calls.push(head.write(&call.arguments));
            }
            Content::Media(media) => match (image(media), audio(media, &envelope.id)) {
                (Some(image), _) => self.images.push(image),
                (None, Some(audio)) if self.audio.is_none() => self.audio = Some(audio),
                _ => losses.dropped(media_word(media.kind)),
            },
            Content::SearchResults(results) => found.extend(results.iter().cloned()),
            Content::ToolResult(_) => losses.dropped("tool_result"),
            Content::Foreign(foreign) => losses.add(foreign_loss(&foreign.kind)),
        }
    }

    /// Texts follow one another without anything between, as the deltas of a stream would.
    fn take_text(&mut self, text: &Text, losses: &mut Losses) {
        for citation in &text.citations {
            match write_annotation(citation, self.text_chars) {
                Some(annotation) => self.annotations.push(annotation),
                None => losses.dropped("citations"),
            }
        }
        self.text.push_str(&text.text);
        self.text_chars += text.text.chars().count() as u64;
    }

    fn write(&self) -> String {
        let mut message = ObjectText::new();
        message.text("role", "assistant");
        // Where something else is said in its place, there is no text rather than an empty one.
        let instead = !self.calls.is_empty() || !self.refusal.is_empty() || self.audio.is_some();
        if !self.text.is_empty() || !instead {
            message.text("content", &self.text);
        } else {
            message.raw("content", "null");
        }
        if self.refusal.is_empty() {
            message.raw("refusal", "null");
        } else {
            message.text("refusal", &self.refusal);
        }
        if !self.thinking.is_empty() {
            message.text("reasoning_content", &self.thinking);
        }
        for (name, values) in [
            ("reasoning_details", &self.details),
            ("tool_calls", &self.calls),
            ("annotations", &self.annotations),
            ("images", &self.images),
        ] {
            if !values.is_empty() {
                message.raw(name, &array(values));
            }
        }
        if let Some(audio) = &self.audio {
            message.raw("audio", audio);
        }
        message.end()
    }
}
