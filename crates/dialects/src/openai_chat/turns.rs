//! Writes the turns of a conversation as messages. Whatever a message cannot carry is left out and
//! named; nothing becomes an empty text.

use std::collections::VecDeque;

use domain::{
    Content, Conversation, Dialect, Loss, Losses, Media, MediaKind, MediaSource, OutputFormat,
    ProofKind, Role, Text, Thinking, ToolCall, ToolResult, Turn,
};

use super::call_ids::fit_id;
use super::order::Whom;
use super::parts_out::{text_part, write_foreign, write_media};
use super::shared::write_reasoning_detail;
use crate::form::Vendor;
use crate::object::{ObjectText, array};

/// The messages, each as JSON.
pub(super) fn write_turns(
    whom: Whom<'_>,
    conversation: &Conversation,
    losses: &mut Losses,
) -> Vec<String> {
    let mut writer = TurnWriter { whom, losses, written: Vec::new(), open: VecDeque::new() };
    let last = conversation.turns.len().saturating_sub(1);
    for (place, turn) in conversation.turns.iter().enumerate() {
        match turn.role {
            Role::System | Role::Developer => writer.instruction(turn),
            Role::User => writer.user(turn),
            Role::Assistant => writer.assistant(turn, place, place == last),
            Role::Tool => writer.results(turn),
        }
    }
    let mut written = writer.written;
    let says_json = |turn: &Turn| turn.text().to_ascii_lowercase().contains("json");
    if conversation.format == OutputFormat::JsonObject && !conversation.turns.iter().any(says_json)
    {
        // The mode is refused if the word stands nowhere in the messages.
        losses.approximated("response_format");
        written.insert(0, r#"{"role":"system","content":"Answer with a JSON object."}"#.to_owned());
    }
    written
}

struct TurnWriter<'a> {
    whom: Whom<'a>,
    losses: &'a mut Losses,
    written: Vec<String>,
    /// Calls whose results are awaited: the tool's name and the id that was written.
    open: VecDeque<(Box<str>, String)>,
}

/// A part of a message as JSON, and its text if it is nothing else.
pub(super) struct Part {
    pub(super) json: String,
    pub(super) text: Option<String>,
}

impl TurnWriter<'_> {
    fn instruction(&mut self, turn: &Turn) {
        let developer = turn.role == Role::Developer
            && (self.whom.vendor == Vendor::OpenAi
                || (self.whom.vendor == Vendor::Azure && self.whom.reasons == Some(true)));
        let parts = self.parts(&turn.content);
        let role = if developer { "developer" } else { "system" };
        self.message(role, turn, parts);
    }

    fn user(&mut self, turn: &Turn) {
        let parts = self.parts(&turn.content);
        self.message("user", turn, parts);
    }

    /// Writes a message, unless nothing is left of what the turn had.
    fn message(&mut self, role: &str, turn: &Turn, parts: Vec<Part>) {
        if parts.is_empty() && !turn.content.is_empty() {
            return;
        }
        let mut message = ObjectText::new();
        message.text("role", role);
        self.content(&mut message, parts);
        self.name(&mut message, turn);
        self.written.push(message.end());
    }

    /// A mere text where that says all: not every server bears parts.
    fn content(&self, message: &mut ObjectText, parts: Vec<Part>) {
        let texts: Option<Vec<&str>> = parts.iter().map(|part| part.text.as_deref()).collect();
        match texts {
            Some(texts) if texts.len() < 2 || !self.whom.is_original() => {
                message.text("content", &texts.join("\n"));
            }
            _ => {
                let parts: Vec<String> = parts.into_iter().map(|part| part.json).collect();
                message.raw("content", &array(&parts));
            }
        }
    }

    fn name(&mut self, message: &mut ObjectText, turn: &Turn) {
        let Some(name) = turn.name.as_deref() else { return };
        let borne = |c: char| !c.is_whitespace() && !"<|\\/>".contains(c);
        if name.chars().all(borne) && !self.whom.is_mistral() {
            message.text("name", name);
        } else {
            self.losses.dropped("messages.name");
        }
    }

    /// Parts of a system's, a developer's or a user's turn.
    fn parts(&mut self, content: &[Content]) -> Vec<Part> {
        let mut parts = Vec::new();
        for one in content {
            match one {
                Content::Text(text) => parts.push(text_part(text, self.losses)),
                Content::Media(media) => parts.extend(write_media(self.whom, media, self.losses)),
                Content::Foreign(foreign) => parts.extend(write_foreign(foreign, self.losses)),
                Content::Refusal(words) => {
                    self.losses.approximated("refusal");
                    parts.push(text_part(
                        &Text { text: words.clone(), ..Text::default() },
                        self.losses,
                    ));
                }
                Content::Thinking(thinking) => self.lose_thinking(thinking),
                Content::SearchResults(_) => self.losses.dropped("search_results"),
                Content::ToolCall(_) => self.losses.dropped("tool_calls"),
                Content::ToolResult(_) => self.losses.dropped("tool_result"),
            }
        }
        parts
    }

    fn lose_thinking(&mut self, thinking: &Thinking) {
        if !thinking.text.is_empty() {
            self.losses.dropped("thinking");
        }
        if let Some(proof) = &thinking.proof {
            self.losses.dropped(match proof.kind {
                ProofKind::Signature => "thinking.signature",
                ProofKind::Sealed => "reasoning.encrypted_content",
            });
        }
    }

    fn assistant(&mut self, turn: &Turn, place: usize, last: bool) {
        let mut said = Said::default();
        for one in &turn.content {
            self.take_said(one, place, &mut said);
        }
        let nothing = said.parts.is_empty()
            && said.calls.is_empty()
            && said.refusal.is_empty()
            && said.audio.is_none();
        if nothing && !turn.content.is_empty() {
            return;
        }
        let mut message = ObjectText::new();
        message.text("role", "assistant");
        if nothing || !said.parts.is_empty() {
            self.content(&mut message, said.parts);
        } else {
            message.raw("content", "null");
        }
        if !said.refusal.is_empty() {
            message.text("refusal", &said.refusal);
        }
        if let Some(id) = said.audio {
            let mut audio = ObjectText::new();
            audio.text("id", &id);
            message.raw("audio", &audio.end());
        }
        if !said.details.is_empty() {
            message.list("reasoning_details", &said.details);
        }
        if let Some(signature) = said.signature {
            message.raw("extra_content", &google(&signature));
        }
        let asks = !said.calls.is_empty();
        if asks {
            message.list("tool_calls", &said.calls);
        }
        if last && !asks {
            // The answer is to go on from here.
            if self.whom.is_mistral() {
                message.raw("prefix", "true");
            } else if !self.whom.continues_prefill {
                self.losses.approximated("messages.prefill");
            }
        }
        self.name(&mut message, turn);
        self.written.push(message.end());
    }

    fn take_said(&mut self, one: &Content, place: usize, said: &mut Said) {
        match one {
            Content::Text(text) => said.parts.push(text_part(text, self.losses)),
            Content::Refusal(words) if self.whom.is_original() => said.refusal.push_str(words),
            Content::Refusal(words) => {
                self.losses.approximated("refusal");
                let text = Text { text: words.clone(), ..Text::default() };
                said.parts.push(text_part(&text, self.losses));
            }
            Content::ToolCall(call) => {
                let call = self.call(call, place, said.calls.len());
                said.calls.push(call);
            }
            Content::Thinking(thinking) => self.take_thinking(thinking, said),
            Content::Media(Media {
                kind: MediaKind::Audio,
                source: MediaSource::File(Dialect::OpenAiChat, id),
                ..
            }) if self.whom.is_original() => said.audio = Some(id.to_string()),
            Content::Media(media) => self.losses.dropped(media_word(media.kind)),
            Content::SearchResults(_) => self.losses.dropped("search_results"),
            Content::ToolResult(_) => self.losses.dropped("tool_result"),
            Content::Foreign(foreign) => said.parts.extend(write_foreign(foreign, self.losses)),
        }
    }

    /// Thinking goes back only with a proof, and only to whom the proof belongs.
    fn take_thinking(&mut self, thinking: &Thinking, said: &mut Said) {
        let Some(proof) = &thinking.proof else { return self.lose_thinking(thinking) };
        if self.whom.vendor == Vendor::Compatible
            && let Some(detail) = write_reasoning_detail(proof, &thinking.text)
        {
            said.details.push(detail);
            if proof.kind == ProofKind::Sealed && !thinking.text.is_empty() {
                self.losses.dropped("thinking");
            }
            return;
        }
        let googles = proof.dialect == Dialect::Gemini && proof.kind == ProofKind::Signature;
        if googles && self.whom.is_google() && said.signature.is_none() {
            said.signature = Some(proof.data.clone());
            if !thinking.text.is_empty() {
                self.losses.dropped("thinking");
            }
            return;
        }
        self.lose_thinking(thinking);
    }

    fn call(&mut self, call: &ToolCall, place: usize, number: usize) -> String {
        let id = match &*call.id {
            "" => fit_id(self.whom, &format!("call_{place}_{number}")),
            id => fit_id(self.whom, id),
        };
        let custom = call.free_text && self.whom.is_original();
        let mut inner = ObjectText::new();
        inner.text("name", &call.name);
        if custom {
            inner.text("input", &call.arguments);
        } else if call.free_text {
            self.losses.approximated("tools.custom");
            let mut input = ObjectText::new();
            input.text("input", &call.arguments);
            inner.text("arguments", &input.end());
        } else {
            let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
            inner.text("arguments", arguments);
        }
        let kind = if custom { "custom" } else { "function" };
        let mut written = ObjectText::new();
        written.text("id", &id).text("type", kind).raw(kind, &inner.end());
        if let Some(signature) = &call.signature {
            if self.whom.is_google() {
                written.raw("extra_content", &google(signature));
            } else {
                self.losses.dropped("thought_signature");
            }
        }
        self.open.push_back((call.name.clone(), id));
        written.end()
    }

    /// The results of one assistant's turn, each a message; what a result may not hold follows
    /// behind all of them in a user's turn.
    fn results(&mut self, turn: &Turn) {
        let mut behind = Vec::new();
        for one in &turn.content {
            match one {
                Content::ToolResult(result) => self.result(result, &mut behind),
                other => behind.extend(self.parts(std::slice::from_ref(other))),
            }
        }
        self.open.clear();
        if !behind.is_empty() {
            let mut message = ObjectText::new();
            message.text("role", "user");
            self.content(&mut message, behind);
            self.written.push(message.end());
        }
    }

    fn result(&mut self, result: &ToolResult, behind: &mut Vec<Part>) {
        if result.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        let id = self.answered(result);
        let (media, rest): (Vec<_>, Vec<_>) = result
            .content
            .iter()
            .cloned()
            .partition(|one| matches!(one, Content::Media(_) | Content::Foreign(_)));
        let texts = self.parts(&rest);
        let words: Vec<&str> = texts.iter().filter_map(|part| part.text.as_deref()).collect();
        let mut words = words.join("\n");
        let shown = self.parts(&media);
        if !shown.is_empty() {
            self.losses.approximated("tool_result.content");
            if words.is_empty() {
                words.push_str("What the tool returned is in the next message.");
            }
            let head = Text { text: format!("Returned by the tool call {id}:"), ..Text::default() };
            behind.push(text_part(&head, self.losses));
            behind.extend(shown);
        }
        if result.is_error {
            self.losses.approximated("is_error");
            words.insert_str(0, if words.is_empty() { "Error" } else { "Error: " });
        }
        let mut message = ObjectText::new();
        message.text("role", "tool").text("tool_call_id", &id).text("content", &words);
        self.written.push(message.end());
    }

    /// The id of the call that a result answers. Where there is none, the first open call of the
    /// tool's name is meant.
    fn answered(&mut self, result: &ToolResult) -> String {
        if !result.id.is_empty() {
            return fit_id(self.whom, &result.id);
        }
        let same = |(name, _): &(Box<str>, String)| Some(name) == result.name.as_ref();
        let place = self.open.iter().position(same).unwrap_or(0);
        self.open.remove(place).map_or_else(|| fit_id(self.whom, "call_unknown"), |(_, id)| id)
    }
}

/// What an assistant's message has.
#[derive(Default)]
struct Said {
    parts: Vec<Part>,
    refusal: String,
    calls: Vec<String>,
    audio: Option<String>,
    details: Vec<String>,
    signature: Option<Box<str>>,
}

fn google(signature: &str) -> String {
    let mut google = ObjectText::new();
    google.text("thought_signature", signature);
    let mut extra = ObjectText::new();
    extra.raw("google", &google.end());
    extra.end()
}

/// The word by which a medium is named among the losses.
pub(super) fn media_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
    }
}

/// A stranger's part by its type's name.
pub(super) fn foreign_loss(kind: &str) -> Loss {
    Loss::unmapped(&format!("content.{kind}"))
}
