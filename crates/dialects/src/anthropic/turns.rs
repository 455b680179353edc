//! Writes the turns of a conversation as messages: roles take turns, all results of one turn's
//! calls stand first in the message behind it, and every call has a result. What the conversation
//! lacks for that is supplied and named as a loss, for Anthropic refuses it otherwise.

use std::collections::BTreeSet;

use domain::{
    Content, Conversation, Dialect, Json, Loss, Losses, ProofKind, Role, Text, Thinking, ToolCall,
    ToolResult, Turn,
};
use serde_json::value::RawValue;

use super::generation::Generation;
use super::media::write_media;
use crate::object::{ObjectText, array};

/// Ids that were changed begin with it.
const CHANGED_ID: &str = "id_x_";

/// One message: the results of tools come first.
#[derive(Debug)]
pub(super) struct Message {
    role: &'static str,
    results: Vec<String>,
    blocks: Vec<String>,
    thinks_first: bool,
}

/// All messages, and what is told apart from them.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) system: Vec<String>,
    list: Vec<Message>,
    /// Names of the tools that were called.
    pub(super) called: Vec<Box<str>>,
    open: Vec<OpenCall>,
    ids: BTreeSet<String>,
    losses: Losses,
}

/// A call of the last assistant's message.
#[derive(Debug)]
struct OpenCall {
    id: Box<str>,
    name: Box<str>,
    written: String,
    answered: bool,
}

impl Messages {
    /// Writes all turns.
    pub(super) fn write(read: &Conversation, generation: Generation, losses: &mut Losses) -> Self {
        let mut messages = Self::default();
        for (at, turn) in read.turns.iter().enumerate() {
            let rest = read.turns.get(at + 1..).unwrap_or_default();
            if turn.name.is_some() {
                messages.losses.dropped("messages.name");
            }
            match turn.role {
                Role::System | Role::Developer => messages.take_system(turn, rest, generation),
                Role::User => {
                    let blocks = messages.blocks(&turn.content, Role::User);
                    messages.push("user", blocks);
                }
                Role::Assistant => messages.take_assistant(turn, rest),
                Role::Tool => messages.take_results(turn),
            }
        }
        messages.answer_open_calls();
        messages.have_a_beginning();
        losses.extend(std::mem::take(&mut messages.losses));
        messages
    }

    /// True if the last message answers calls in front of which there is no thinking.
    pub(super) fn has_headless_calls(&self) -> bool {
        let mut from_last = self.list.iter().rev();
        let answers = from_last.next().is_some_and(|last| !last.results.is_empty());
        answers && from_last.next().is_some_and(|calls| !calls.thinks_first)
    }

    /// Has the model go on by a user's turn if it does not by itself.
    pub(super) fn end_with_user(&mut self, continues: bool, losses: &mut Losses) {
        let Some(last) = self.list.last() else { return };
        if last.role == "assistant" && !continues {
            losses.approximated("messages.prefill");
            let words = "Go on from where your last message ends, without saying it again.";
            self.push("user", vec![text_block(words)]);
        }
    }

    /// The messages as an array.
    pub(super) fn close(&self) -> String {
        let list: Vec<String> = self
            .list
            .iter()
            .map(|message| {
                let blocks: Vec<&str> =
                    message.results.iter().chain(&message.blocks).map(String::as_str).collect();
                let content = array(&blocks);
                ObjectText::new().text("role", message.role).raw("content", &content).end()
            })
            .collect();
        array(&list)
    }

    fn push(&mut self, role: &'static str, blocks: Vec<String>) {
        if blocks.is_empty() {
            return;
        }
        self.message(role).blocks.extend(blocks);
    }

    /// The last message if it is of this role, else a new one.
    fn message(&mut self, role: &'static str) -> &mut Message {
        if self.list.last().is_none_or(|last| last.role != role) {
            self.list.push(Message {
                role,
                results: Vec::new(),
                blocks: Vec::new(),
                thinks_first: false,
            });
        }
        self.list.last_mut().expect("one was pushed if there was none")
    }

    /// A late system turn keeps its place where the model bears it there; else its words go to
    /// the front, where they keep their weight.
    fn take_system(&mut self, turn: &Turn, rest: &[Turn], generation: Generation) {
        let blocks = self.blocks(&turn.content, Role::System);
        let Some(last) = self.list.last() else {
            self.system.extend(blocks);
            return;
        };
        let mut later =
            rest.iter().filter(|turn| !matches!(turn.role, Role::System | Role::Developer));
        let next = later.next().map(|turn| turn.role);
        let in_place = matches!(last.role, "user" | "system")
            && matches!(next, None | Some(Role::Assistant))
            && self.open.iter().all(|call| call.answered);
        if in_place && generation.takes_late_system() {
            self.push("system", blocks);
            return;
        }
        self.losses.approximated("messages.system");
        if next.is_none() && last.role == "assistant" {
            self.answer_open_calls();
            self.push("user", blocks);
        } else {
            self.system.extend(blocks);
        }
    }

    fn take_assistant(&mut self, turn: &Turn, rest: &[Turn]) {
        // Calls may be told in several turns before their results come.
        if self.list.last().is_none_or(|last| last.role != "assistant") {
            self.answer_open_calls();
        }
        let thinks_first = matches!(turn.content.first(), Some(Content::Thinking(_)));
        let mut blocks = match turn.content.split_last() {
            Some((Content::Text(text), before)) if rest.is_empty() => {
                // A text to be continued must not end with white space.
                let kept = text.text.trim_end();
                if kept.len() < text.text.len() {
                    self.losses.approximated("messages.content");
                }
                let trimmed = Text { text: kept.to_owned(), ..text.clone() };
                let mut blocks = self.blocks(before, Role::Assistant);
                blocks.extend(self.block(&Content::Text(trimmed), Role::Assistant));
                blocks
            }
            _ => self.blocks(&turn.content, Role::Assistant),
        };
        // Thinking must not be the last of a message.
        let goes_on = rest.first().is_some_and(|next| next.role == Role::Assistant);
        while !goes_on && blocks.pop_if(|block| is_thinking(block)).is_some() {
            self.losses.dropped("thinking");
        }
        let new = self.list.last().is_none_or(|last| last.role != "assistant");
        if new && blocks.first().is_some_and(|block| thinks_first && is_thinking(block)) {
            self.message("assistant").thinks_first = true;
        }
        self.push("assistant", blocks);
    }

    fn take_results(&mut self, turn: &Turn) {
        for part in &turn.content {
            let Content::ToolResult(result) = part else {
                let blocks = self.blocks(std::slice::from_ref(part), Role::User);
                self.push("user", blocks);
                continue;
            };
            let content = self.blocks(&result.content, Role::Tool);
            match self.called_by(result) {
                Some(id) => {
                    let block = result_block(&id, &content, result);
                    self.message("user").results.push(block);
                }
                None => {
                    // Nobody called for it as far as one can see: its words are told all the same.
                    self.losses.approximated("messages.tool_result");
                    self.push("user", content);
                }
            }
        }
    }

    /// The written id of the call that this result answers: by its id, else the first open one of
    /// its name, else the first open one.
    fn called_by(&mut self, result: &ToolResult) -> Option<String> {
        let anonymous = result.id.is_empty();
        let by_name = |call: &OpenCall| {
            anonymous && result.name.as_ref().is_none_or(|name| *name == call.name)
        };
        let open = &mut self.open;
        let at = open
            .iter()
            .position(|call| !call.answered && !anonymous && call.id == result.id)
            .or_else(|| open.iter().position(|call| !call.answered && by_name(call)))?;
        let call = open.get_mut(at)?;
        call.answered = true;
        Some(call.written.clone())
    }

    /// Calls that nobody answered get a result that says so.
    fn answer_open_calls(&mut self) {
        let open = std::mem::take(&mut self.open);
        for call in open.into_iter().filter(|call| !call.answered) {
            self.losses.approximated("messages.tool_calls");
            let block = ObjectText::of("tool_result")
                .text("tool_use_id", &call.written)
                .text("content", "No result was given.")
                .raw("is_error", "true")
                .end();
            self.message("user").results.push(block);
        }
    }

    /// The first message must be the user's.
    fn have_a_beginning(&mut self) {
        match self.list.first() {
            None => {
                let Some(words) = self.system.pop() else { return };
                self.losses.approximated("messages.system");
                self.push("user", vec![words]);
            }
            Some(first) if first.role != "user" => {
                self.losses.approximated("messages.role");
                let beginning = Message {
                    role: "user",
                    results: Vec::new(),
                    blocks: vec![text_block("(The conversation begins here.)")],
                    thinks_first: false,
                };
                self.list.insert(0, beginning);
            }
            Some(_) => {}
        }
    }

    fn blocks(&mut self, content: &[Content], role: Role) -> Vec<String> {
        content.iter().filter_map(|part| self.block(part, role)).collect()
    }

    fn block(&mut self, part: &Content, role: Role) -> Option<String> {
        let losses = &mut self.losses;
        match part {
            Content::Text(text) => write_text(text, losses),
            Content::Media(_) if role == Role::Assistant => {
                losses.dropped("messages.media");
                None
            }
            Content::Media(_) if role == Role::System => {
                losses.dropped("messages.system.media");
                None
            }
            Content::Media(media) => write_media(media, losses),
            Content::ToolCall(call) if role == Role::Assistant => Some(self.call(call)),
            Content::ToolCall(_) => {
                losses.dropped("messages.tool_calls");
                None
            }
            Content::ToolResult(_) => {
                losses.dropped("messages.tool_result");
                None
            }
            Content::Thinking(thinking) if role == Role::Assistant => {
                write_thinking(thinking, losses)
            }
            Content::Thinking(_) => {
                losses.dropped("thinking");
                None
            }
            Content::Refusal(text) => {
                losses.approximated("messages.refusal");
                (!text.trim().is_empty()).then(|| text_block(text))
            }
            Content::SearchResults(_) => {
                losses.dropped("search_results");
                None
            }
            Content::Foreign(foreign) if foreign.dialect == Dialect::Anthropic => {
                Some(foreign.json.as_str().to_owned())
            }
            Content::Foreign(foreign) => {
                losses.add(Loss::unmapped(&format!("messages.{}", foreign.kind)));
                None
            }
        }
    }

    fn call(&mut self, call: &ToolCall) -> String {
        if call.signature.is_some() {
            self.losses.dropped("thought_signature");
        }
        let input = if call.free_text {
            self.losses.approximated("tools.custom");
            ObjectText::new().text("input", &call.arguments).end()
        } else {
            write_input(&call.arguments, &mut self.losses)
        };
        let base = fitting_id(&call.id);
        let mut written = base.clone();
        let mut more = 2;
        // A provider that counts its calls anew in each turn gives the same id twice.
        while written.is_empty() || !self.ids.insert(written.clone()) {
            written =
                if base.is_empty() { format!("call_{more}") } else { format!("{base}_{more}") };
            more += 1;
        }
        let block = ObjectText::of("tool_use")
            .text("id", &written)
            .text("name", &call.name)
            .raw("input", &input)
            .end();
        if !self.called.contains(&call.name) {
            self.called.push(call.name.clone());
        }
        let (id, name) = (call.id.clone(), call.name.clone());
        self.open.push(OpenCall { id, name, written, answered: false });
        block
    }
}

fn is_thinking(block: &str) -> bool {
    block.starts_with(r#"{"type":"thinking""#)
        || block.starts_with(r#"{"type":"redacted_thinking""#)
}

pub(super) fn text_block(text: &str) -> String {
    ObjectText::of("text").text("text", text).end()
}

/// Anthropic refuses texts without a word.
fn write_text(text: &Text, losses: &mut Losses) -> Option<String> {
    if !text.citations.is_empty() {
        losses.dropped("citations");
    }
    if text.text.trim().is_empty() {
        if !text.text.is_empty() {
            losses.approximated("messages.content");
        }
        return None;
    }
    let mut block = ObjectText::of("text");
    block.text("text", &text.text);
    Some(block.raw_if("cache_control", text.cache.as_ref().map(Json::as_str)).end())
}

/// Thinking is worth something with Anthropic's own proof alone.
fn write_thinking(thinking: &Thinking, losses: &mut Losses) -> Option<String> {
    match &thinking.proof {
        Some(proof) if proof.dialect == Dialect::Anthropic => Some(match proof.kind {
            ProofKind::Signature => ObjectText::of("thinking")
                .text("thinking", &thinking.text)
                .text("signature", &proof.data)
                .end(),
            ProofKind::Sealed => {
                ObjectText::of("redacted_thinking").text("data", &proof.data).end()
            }
        }),
        Some(_) => {
            losses.dropped("thinking.signature");
            if !thinking.text.is_empty() {
                losses.dropped("thinking");
            }
            None
        }
        None => {
            losses.dropped("thinking");
            None
        }
    }
}

fn result_block(id: &str, content: &[String], result: &ToolResult) -> String {
    let mut object = ObjectText::of("tool_result");
    object.text("tool_use_id", id).list_if("content", content);
    if result.is_error {
        object.flag("is_error", true);
    }
    object.raw_if("cache_control", result.cache.as_ref().map(Json::as_str)).end()
}

/// Arguments must be an object; what is none goes under a name.
fn write_input(arguments: &str, losses: &mut Losses) -> String {
    let text = arguments.trim();
    if text.is_empty() {
        return "{}".to_owned();
    }
    if text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
        return text.to_owned();
    }
    losses.approximated("messages.tool_calls.arguments");
    ObjectText::new().text("arguments", arguments).end()
}

/// An id of letters, digits, `_` and `-` stays as it is. Any other gets a head and each byte beside
/// letters, digits and `-` becomes `_` and two hex digits, so that no two ids become one.
fn fitting_id(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.bytes().all(|byte| plain(byte) || byte == b'_') && !id.starts_with(CHANGED_ID) {
        return id.to_owned();
    }
    let mut text = String::from(CHANGED_ID);
    for byte in id.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("_{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_apart() {
        assert_eq!(fitting_id("call_1-a"), "call_1-a");
        let odd = ["a.b", "a_2eb", "id_x_a_2eb", "a:b", "ä", "a b"];
        let written: BTreeSet<String> = odd.iter().map(|id| fitting_id(id)).collect();
        assert_eq!(written.len(), odd.len());
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(written.iter().all(|id| id.chars().all(fits)));
    }
}
