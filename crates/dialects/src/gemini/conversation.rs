//! Reads the full form of a request, for an upstream that does not speak the dialect, and for
//! counting tokens. What turns are made of is in `turns`.

use domain::{About, Content, Conversation, Json, Operation, Role, Turn};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::config::Config;
use super::fields::{camel, text};
use super::part::Parts;
use super::tools::{ToolConfig, Tools};
use super::turns::Turns;
use crate::Malformed;
use crate::body::read_object;
use crate::json::{Array, Elements, Members, Object, Shape};
use crate::raw::{object, present};

/// Reads a request for an answer or for a count of its tokens.
///
/// # Errors
/// A sentence for the caller that names the place.
pub(super) fn read_conversation(
    operation: Operation,
    body: &[u8],
) -> Result<Conversation, Malformed> {
    let top: Top<'_> = read_object(body)?;
    let inner = top.inner.filter(|_| operation == Operation::CountTokens);
    match inner.and_then(object::<Top<'_>>) {
        Some(inner) => inner.read(),
        None => top.read(),
    }
}

/// The members at the top of a request.
#[derive(Debug, Default)]
struct Top<'de> {
    contents: Option<Contents<'de>>,
    contents_are_wrong: bool,
    system: Option<&'de RawValue>,
    tools: Option<&'de RawValue>,
    tool_config: Option<&'de RawValue>,
    config: Option<Config<'de>>,
    /// The whole request inside one that counts tokens.
    inner: Option<&'de RawValue>,
    about: About,
    unmapped: Vec<Box<str>>,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "contents" => {
                let Array(contents) = map.next_value::<Array<Contents<'de>>>()?;
                self.contents_are_wrong = contents.is_none();
                self.contents = contents;
            }
            "systemInstruction" => self.system = present(map.next_value()?),
            "tools" => self.tools = present(map.next_value()?),
            "toolConfig" => self.tool_config = present(map.next_value()?),
            "generationConfig" => self.config = map.next_value::<Object<Config<'de>>>()?.0,
            "generateContentRequest" => self.inner = present(map.next_value()?),
            "model" => crate::json::skip(map)?,
            // Labels are what others call metadata: texts by names of the caller's.
            "labels" => {
                let labels = present(map.next_value()?);
                self.about.metadata = labels.map(|labels| Json::new(labels.get()));
            }
            "serviceTier" => {
                let tier = text(map.next_value()?);
                self.about.service_tier = tier.map(|tier| tier.to_ascii_lowercase().into());
            }
            "store" => {
                if let Shape::Bool(store) = map.next_value::<Shape<'de>>()? {
                    self.about.store = Some(store);
                }
            }
            other => {
                if map.next_value::<Shape<'de>>()? != Shape::Null {
                    self.unmapped.push(Box::from(other));
                }
            }
        }
        Ok(())
    }
}

impl Top<'_> {
    fn read(self) -> Result<Conversation, Malformed> {
        let wrong = if self.contents_are_wrong { "must be an array" } else { "is missing" };
        let Some(contents) = self.contents else {
            return Err(Malformed::new(format!("`contents` {wrong}"), "contents"));
        };
        let mut turns = Turns::default();
        if let Some(system) = self.system {
            read_system(system, &mut turns)
                .map_err(|wrong| Malformed::new(wrong, "systemInstruction"))?;
        }
        for (at, content) in contents.0.into_iter().enumerate() {
            read_content(content, &format!("contents[{at}]"), &mut turns)
                .map_err(|wrong| Malformed::new(wrong, "contents"))?;
        }
        let mut conversation = Conversation {
            turns: turns.list,
            needs: turns.needs,
            about: self.about,
            unmapped: self.unmapped,
            ..Conversation::default()
        };
        let note = |conversation: &mut Conversation, names: Vec<Box<str>>| {
            names.into_iter().for_each(|name| {
                if !conversation.unmapped.contains(&name) {
                    conversation.unmapped.push(name);
                }
            });
        };
        note(&mut conversation, turns.unmapped);
        if let Some(mut config) = self.config {
            conversation.needs |= config.all_needs();
            conversation.format = config.format();
            conversation.sampling = config.sampling();
            conversation.reasoning = config.reasoning;
            note(&mut conversation, config.unmapped);
        }
        if let Some(tools) = self.tools {
            let tools = Tools::read(tools).map_err(|wrong| Malformed::new(wrong, "tools"))?;
            conversation.tools = tools.tools;
            conversation.needs |= tools.needs;
            note(&mut conversation, tools.unmapped);
        }
        if let Some(config) = self.tool_config.and_then(object::<ToolConfig>) {
            let (choice, unmapped) = config.read();
            conversation.tool_choice = choice;
            note(&mut conversation, unmapped.into_iter().map(Into::into).collect());
        }
        Ok(conversation)
    }
}

/// All contents; one that is no object is `None`.
#[derive(Debug, Default)]
struct Contents<'de>(Vec<Option<Said<'de>>>);

impl<'de> Elements<'de> for Contents<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(said)) = seq.next_element::<Object<Said<'de>>>()? else {
            return Ok(false);
        };
        self.0.push(said);
        Ok(true)
    }
}

/// One content: who speaks, and the parts of what is said.
#[derive(Debug, Default)]
struct Said<'de> {
    role: Option<String>,
    parts: Parts<'de>,
    parts_are_wrong: bool,
}

impl<'de> Members<'de> for Said<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "role" => {
                let role = map.next_value::<Shape<'de>>()?;
                self.role = role.as_text().map(str::to_ascii_lowercase);
            }
            "parts" => {
                // An empty answer that was kept as history has no parts at all.
                let Array(parts) = map.next_value::<Array<Parts<'de>>>()?;
                self.parts_are_wrong = parts.is_none();
                self.parts = parts.unwrap_or_default();
            }
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

fn read_content(content: Option<Said<'_>>, place: &str, turns: &mut Turns) -> Result<(), String> {
    let Some(said) = content else {
        return Err(format!("`{place}` must be an object"));
    };
    if said.parts_are_wrong {
        return Err(format!("`{place}.parts` must be an array"));
    }
    match said.role.as_deref() {
        Some("model") => turns.model_says(said.parts.0, place),
        None | Some("user" | "function" | "") => turns.user_says(said.parts.0, place),
        Some(_) => Err(format!("`{place}.role` must be `user` or `model`")),
    }
}

/// A content without a role, or a mere text.
fn read_system(system: &RawValue, turns: &mut Turns) -> Result<(), String> {
    if let Ok(text) = serde_json::from_str::<String>(system.get()) {
        turns.list.push(Turn::new(Role::System, vec![Content::text(text)]));
        return Ok(());
    }
    let Some(said) = object::<Said<'_>>(system).filter(|said| !said.parts_are_wrong) else {
        return Err("`systemInstruction` must be an object with `parts`".to_owned());
    };
    turns.system_says(said.parts.0, "systemInstruction")
}
