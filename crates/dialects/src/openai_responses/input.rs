//! Reads the items of a request's input into turns: what one assistant said, thought and called
//! stands in one turn, and all results that answer it stand together behind it, in whatever order
//! the items came.

use std::collections::BTreeMap;

use domain::{
    Content, Dialect, Needs, Proof, ProofKind, Role, Text, Thinking, ToolCall, ToolResult, Turn,
};
use serde_json::value::RawValue;

use super::parts::{foreign, need_of, read_content};
use crate::Malformed;
use crate::raw::{elements, object, raw_members, text, word};

raw_members! {
    /// An item of the input.
    Item {
        kind = "type",
        id = "id",
        role = "role",
        content = "content",
        status = "status",
        call_id = "call_id",
        name = "name",
        arguments = "arguments",
        input = "input",
        output = "output",
        summary = "summary",
        encrypted_content = "encrypted_content",
    }
}

/// A turn and the results that answer it.
#[derive(Debug)]
struct Slot {
    turn: Turn,
    results: Vec<Content>,
}

/// The turns of a request, gathered item by item.
#[derive(Debug, Default)]
pub(super) struct Turns {
    slots: Vec<Slot>,
    /// Of each call the slot that it stands in and its name.
    calls: BTreeMap<Box<str>, (usize, Box<str>)>,
    /// Names of members that have no place.
    pub(super) lost: Vec<Box<str>>,
    pub(super) needs: Needs,
}

impl Turns {
    /// Takes a turn that stands by itself.
    pub(super) fn push(&mut self, role: Role, content: Vec<Content>) {
        for part in &content {
            self.needs |= need_of(part);
        }
        self.slots.push(Slot { turn: Turn::new(role, content), results: Vec::new() });
    }

    /// Reads the whole `input`.
    ///
    /// # Errors
    /// A sentence with the place of what cannot be understood.
    pub(super) fn read_input(&mut self, input: &RawValue) -> Result<(), Malformed> {
        if let Some(whole) = text(input) {
            self.push(Role::User, vec![Content::text(whole)]);
            return Ok(());
        }
        let Some(items) = elements(input) else {
            let sentence = "`input` must be a string or an array of items";
            return Err(Malformed::new(sentence, "input"));
        };
        for (at, item) in items.into_iter().enumerate() {
            self.read_item(item).map_err(|wrong| {
                Malformed::new(format!("`input[{at}]{wrong}").replacen(' ', "` ", 1), "input")
            })?;
        }
        Ok(())
    }

    /// All turns in their order.
    pub(super) fn into_turns(self) -> Vec<Turn> {
        let mut turns = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            turns.push(slot.turn);
            if !slot.results.is_empty() {
                turns.push(Turn::new(Role::Tool, slot.results));
            }
        }
        turns
    }

    fn read_item(&mut self, raw: &RawValue) -> Result<(), String> {
        let Some(item) = object::<Item<'_>>(raw) else {
            return Err(" must be an object".to_owned());
        };
        let kind = word(item.kind);
        let kind = match kind.as_deref() {
            Some(kind) => kind,
            None if item.role.is_some() => "message",
            None if item.id.is_some() => "item_reference",
            None => return Err(" has no `type`".to_owned()),
        };
        match kind {
            "message" => self.read_message(&item)?,
            "function_call" | "custom_tool_call" => self.read_call(&item, kind)?,
            "function_call_output" | "custom_tool_call_output" => self.read_result(&item)?,
            "reasoning" => self.read_reasoning(&item),
            "item_reference" => {
                return Err(" names an item that is stored at OpenAI, and no other provider has \
                            it; send the item itself"
                    .to_owned());
            }
            other => self.say(Content::Foreign(foreign(other, raw))),
        }
        if matches!(kind, "message" | "function_call" | "custom_tool_call" | "reasoning") {
            self.lost.extend(item.rest.iter().map(|name| format!("input.{name}").into_boxed_str()));
        }
        Ok(())
    }

    fn read_message(&mut self, item: &Item<'_>) -> Result<(), String> {
        let role = match word(item.role).as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some(_) => return Err(".role is not known".to_owned()),
            None => return Err(".role is missing".to_owned()),
        };
        let content = match item.content {
            Some(content) => read_content(content).map_err(|wrong| format!(".content{wrong}"))?,
            None if role == Role::Assistant => Vec::new(),
            None => return Err(".content is missing".to_owned()),
        };
        if role != Role::Assistant {
            self.push(role, content);
            return Ok(());
        }
        // Two messages of the assistant stay two: a client may have marked where one ended.
        let said = |content: &Content| matches!(content, Content::Text(_) | Content::Refusal(_));
        let last = self.slots.last().and_then(|slot| slot.turn.content.last());
        if last.is_some_and(said) && !content.is_empty() {
            self.push(Role::Assistant, Vec::new());
        }
        let is_blank = |content: &Content| matches!(content, Content::Text(Text { text, .. }) if text.is_empty());
        content.into_iter().filter(|part| !is_blank(part)).for_each(|part| self.say(part));
        Ok(())
    }

    /// Adds to what the assistant says in the open turn, or opens one.
    fn say(&mut self, content: Content) {
        self.needs |= need_of(&content);
        let open = self
            .slots
            .last_mut()
            .filter(|slot| slot.turn.role == Role::Assistant && slot.results.is_empty());
        match open {
            Some(slot) => slot.turn.content.push(content),
            None => self.slots.push(Slot {
                turn: Turn::new(Role::Assistant, vec![content]),
                results: Vec::new(),
            }),
        }
    }

    fn read_call(&mut self, item: &Item<'_>, kind: &str) -> Result<(), String> {
        let free_text = kind == "custom_tool_call";
        let name: Box<str> = word(item.name).ok_or(".name is missing")?.into();
        let id: Box<str> =
            word(item.call_id).or_else(|| word(item.id)).ok_or(".call_id is missing")?.into();
        let spelled = if free_text { item.input } else { item.arguments };
        // Some clients send the arguments as an object.
        let arguments = spelled
            .map(|raw| text(raw).map_or_else(|| raw.get().to_owned(), |text| text.into_owned()));
        self.say(Content::ToolCall(ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: arguments.unwrap_or_default(),
            free_text,
            signature: None,
        }));
        self.calls.insert(id, (self.slots.len() - 1, name));
        Ok(())
    }

    fn read_result(&mut self, item: &Item<'_>) -> Result<(), String> {
        let id: Box<str> = match (word(item.call_id), word(item.name)) {
            (Some(id), _) => id.into(),
            (None, Some(_)) => Box::default(),
            (None, None) => return Err(".call_id is missing".to_owned()),
        };
        let output = item.output.ok_or(".output is missing")?;
        let content = read_content(output).map_err(|wrong| format!(".output{wrong}"))?;
        let call = self.calls.get(&id);
        let name = call.map(|(_, name)| name.clone()).or_else(|| word(item.name).map(Box::from));
        let slot = call.map(|(slot, _)| *slot);
        let result =
            Content::ToolResult(ToolResult { id, name, content, is_error: false, cache: None });
        self.needs |= need_of(&result);
        match slot.and_then(|slot| self.slots.get_mut(slot)) {
            Some(slot) => slot.results.push(result),
            // Its call is not in this request.
            None => match self.slots.last_mut().filter(|slot| slot.turn.role == Role::Tool) {
                Some(slot) => slot.turn.content.push(result),
                None => self.push(Role::Tool, vec![result]),
            },
        }
        Ok(())
    }

    fn read_reasoning(&mut self, item: &Item<'_>) {
        let text = read_thoughts(item.summary, item.content);
        let proof = read_proof(item.encrypted_content, item.id);
        if text.is_empty() && proof.is_none() {
            // Only its id is left, which means something where it is stored and nowhere else.
            self.lost.push("input.reasoning".into());
            return;
        }
        self.say(Content::Thinking(Thinking { text, proof }));
    }
}

/// The summary's parts, or if there are none the thinking itself, a blank line between two.
pub(super) fn read_thoughts(summary: Option<&RawValue>, content: Option<&RawValue>) -> String {
    let joined = |list: Option<&RawValue>| {
        let parts = list.map(read_content).and_then(Result::ok).unwrap_or_default();
        let texts = parts.into_iter().filter_map(|part| match part {
            Content::Text(part) if !part.text.is_empty() => Some(part.text),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n\n")
    };
    let shown = joined(summary);
    if shown.is_empty() { joined(content) } else { shown }
}

/// The sealed thinking of a reasoning item.
pub(super) fn read_proof(sealed: Option<&RawValue>, id: Option<&RawValue>) -> Option<Proof> {
    let data = word(sealed)?;
    Some(Proof {
        dialect: Dialect::OpenAiResponses,
        kind: ProofKind::Sealed,
        id: word(id).map(Box::from),
        data: data.into(),
    })
}
