//! Reads the messages of a request into turns.

use std::collections::BTreeMap;

use domain::{Content, Dialect, Media, MediaKind, MediaSource, Needs, Role, Thinking, ToolCall};
use domain::{ToolResult, Turn};
use serde_json::value::RawValue;

use super::answer::google_signature;
use super::parts::read_content;
use super::raw::{Pair, elements, get, get_object, get_text, object, says_nothing, text};
use super::shared::{read_annotation, read_reasoning_detail};
use crate::Malformed;

/// The turns, and what was met in them.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) turns: Vec<Turn>,
    pub(super) needs: Needs,
    pub(super) unmapped: Vec<Box<str>>,
    /// Names of the tools by the ids of their calls, because results name the id alone.
    tools: BTreeMap<Box<str>, Box<str>>,
    /// The id that the last legacy function call was given.
    function_id: Box<str>,
}

/// Reads all messages. Results that follow one another become one turn.
///
/// # Errors
/// A sentence that says which message cannot be understood.
pub(super) fn read_messages(messages: &RawValue) -> Result<Turns, Malformed> {
    let Some(messages) = elements(messages) else {
        return Err(Malformed::new("`messages` must be an array", "messages"));
    };
    let mut turns = Turns::default();
    for (place, message) in messages.into_iter().enumerate() {
        let wrong = |wrong| Malformed::new(format!("`messages[{place}]`{wrong}"), "messages");
        let Some(pairs) = object(message) else {
            return Err(wrong(" must be an object".to_owned()));
        };
        turns.take(place, &pairs).map_err(|sentence| wrong(format!(": {sentence}")))?;
    }
    Ok(turns)
}

impl Turns {
    fn take(&mut self, place: usize, pairs: &[Pair<'_>]) -> Result<(), String> {
        let role = match get_text(pairs, "role").as_deref() {
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool" | "function") => Role::Tool,
            Some(_) => return Err("the role is not known".to_owned()),
            None => return Err("the role is missing".to_owned()),
        };
        self.note_strangers(role, pairs);
        if role == Role::Tool {
            return self.take_result(pairs);
        }
        let mut content = Vec::new();
        if role == Role::Assistant {
            read_thinking(pairs, &mut content);
        }
        if let Some(written) = get(pairs, "content") {
            content.extend(read_content(written)?);
        }
        if role == Role::Assistant {
            self.take_assistant(place, pairs, &mut content);
        }
        let needs = content.iter().map(need_of);
        self.needs = needs.fold(self.needs, |sum, need| sum | need);
        let name = get_text(pairs, "name").filter(|name| !name.is_empty()).map(Box::from);
        self.turns.push(Turn { role, content, name });
        Ok(())
    }

    fn take_assistant(&mut self, place: usize, pairs: &[Pair<'_>], content: &mut Vec<Content>) {
        let cited = get(pairs, "annotations").and_then(elements).unwrap_or_default();
        let texts = content.iter_mut().rev();
        let last = texts.filter_map(|part| match part {
            Content::Text(text) => Some(text),
            _ => None,
        });
        if let Some(text) = last.into_iter().next() {
            text.citations.extend(cited.into_iter().filter_map(read_annotation));
        }
        if let Some(refusal) = get_text(pairs, "refusal").filter(|words| !words.is_empty()) {
            content.push(Content::Refusal(refusal.into_owned()));
        }
        if let Some(id) = get_text(&get_object(pairs, "audio"), "id") {
            content.push(Content::Media(Media {
                kind: MediaKind::Audio,
                source: MediaSource::File(Dialect::OpenAiChat, id.into()),
                mime: None,
                name: None,
                detail: None,
                cache: None,
            }));
        }
        let calls = get(pairs, "tool_calls").and_then(elements).unwrap_or_default();
        for call in calls.into_iter().filter_map(object) {
            let call = read_call(&call);
            self.tools.insert(call.id.clone(), call.name.clone());
            content.push(Content::ToolCall(call));
        }
        let legacy = get_object(pairs, "function_call");
        if !legacy.is_empty() {
            self.function_id = format!("call_{place}").into();
            let id = self.function_id.clone();
            let call = ToolCall { id, ..call_text(&legacy, "arguments") };
            self.tools.insert(call.id.clone(), call.name.clone());
            content.push(Content::ToolCall(call));
            self.unmapped.push("function_call".into());
        }
    }

    fn take_result(&mut self, pairs: &[Pair<'_>]) -> Result<(), String> {
        let legacy = get_text(pairs, "role").as_deref() == Some("function");
        let id: Box<str> = match get_text(pairs, "tool_call_id") {
            Some(id) => id.into(),
            None if legacy => self.function_id.clone(),
            None => return Err("a result of a tool needs `tool_call_id`".to_owned()),
        };
        let content = get(pairs, "content").map_or(Ok(Vec::new()), read_content)?;
        self.needs |= Needs::TOOLS;
        self.needs = content.iter().map(need_of).fold(self.needs, |sum, need| sum | need);
        let named = get_text(pairs, "name").map(Box::from);
        let name = named.or_else(|| self.tools.get(&id).cloned());
        let result = ToolResult { id, name, content, is_error: false, cache: None };
        match self.turns.last_mut() {
            Some(turn) if turn.role == Role::Tool => turn.content.push(Content::ToolResult(result)),
            _ => self.turns.push(Turn::new(Role::Tool, vec![Content::ToolResult(result)])),
        }
        Ok(())
    }

    fn note_strangers(&mut self, role: Role, pairs: &[Pair<'_>]) {
        for (name, value) in pairs {
            let known = match name.as_ref() {
                "role" | "content" | "name" => true,
                "tool_call_id" => role == Role::Tool,
                "tool_calls" | "function_call" | "refusal" | "audio" | "annotations"
                | "reasoning" | "reasoning_content" | "reasoning_details" => {
                    role == Role::Assistant
                }
                "prefix" => value.get() == "false",
                _ => false,
            };
            if !known && !says_nothing(value) {
                self.unmapped.push(format!("messages.{name}").into());
            }
        }
    }
}

/// What an assistant thought, as the servers show it that show it.
fn read_thinking(pairs: &[Pair<'_>], content: &mut Vec<Content>) {
    let shown = get_text(pairs, "reasoning_content").or_else(|| get_text(pairs, "reasoning"));
    let shown = shown.unwrap_or_default().into_owned();
    let details = get(pairs, "reasoning_details").and_then(elements).unwrap_or_default();
    let mut details = details.into_iter().filter_map(read_reasoning_detail);
    let spoken = !shown.is_empty();
    let mut thought = vec![Thinking { text: shown, proof: None }];
    for (words, proof) in &mut details {
        let Some(last) = thought.last_mut() else { break };
        if last.proof.is_some() {
            let text = if spoken { String::new() } else { words };
            thought.push(Thinking { text, proof });
        } else {
            if !spoken {
                last.text.push_str(&words);
            }
            last.proof = proof;
        }
    }
    let told = thought.into_iter().filter(|one| !one.text.is_empty() || one.proof.is_some());
    content.extend(told.map(Content::Thinking));
}

fn read_call(call: &[Pair<'_>]) -> ToolCall {
    let custom = get_object(call, "custom");
    let free_text = !custom.is_empty();
    let read = if free_text {
        call_text(&custom, "input")
    } else {
        call_text(&get_object(call, "function"), "arguments")
    };
    ToolCall {
        id: get_text(call, "id").unwrap_or_default().into(),
        free_text,
        signature: get(call, "extra_content").and_then(google_signature).map(Box::from),
        ..read
    }
}

fn call_text(pairs: &[Pair<'_>], arguments: &str) -> ToolCall {
    let written = get(pairs, arguments);
    let arguments = match written.and_then(text) {
        Some(text) => text.into_owned(),
        // Some clients send the object itself.
        None => written
            .map(RawValue::get)
            .filter(|json| json.starts_with('{'))
            .map(str::to_owned)
            .unwrap_or_default(),
    };
    ToolCall {
        name: get_text(pairs, "name").unwrap_or_default().into(),
        arguments,
        ..ToolCall::default()
    }
}

fn need_of(content: &Content) -> Needs {
    match content {
        Content::Media(media) => match media.kind {
            MediaKind::Image => Needs::IMAGES,
            MediaKind::Audio => Needs::AUDIO,
            MediaKind::Video => Needs::VIDEO,
            MediaKind::Document => Needs::DOCUMENTS,
        },
        Content::ToolCall(_) | Content::ToolResult(_) => Needs::TOOLS,
        // A type that we do not know still tells by its name what it is about.
        Content::Foreign(part) => match part.kind.as_ref() {
            kind if kind.contains("image") => Needs::IMAGES,
            kind if kind.contains("audio") => Needs::AUDIO,
            kind if kind.contains("video") => Needs::VIDEO,
            kind if kind.contains("file") || kind.contains("document") => Needs::DOCUMENTS,
            _ => Needs::default(),
        },
        Content::Text(_)
        | Content::Thinking(_)
        | Content::Refusal(_)
        | Content::SearchResults(_) => Needs::default(),
    }
}
