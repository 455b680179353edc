//! Reads the full form of a request, for an upstream that does not speak the dialect.

use domain::{Content, Conversation, Needs, Role, Sampling, Turn};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::outline::{read_need, read_object};
use crate::Malformed;
use crate::json::{Array, Elements, Members, Object, Shape, skip};

/// Reads turns, sampling and needs, those inside the turns as well.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, or if
/// `messages` or one of them cannot be understood.
pub fn read_conversation(body: &[u8]) -> Result<Conversation, Malformed> {
    let whole: Whole = read_object(body)?;
    let Some(list) = whole.turns else {
        return Err(Malformed::new("`messages` must be an array", "messages"));
    };
    if let Some(wrong) = list.wrong {
        return Err(Malformed::new(wrong, "messages"));
    }
    Ok(Conversation {
        turns: list.turns,
        sampling: Sampling {
            output_tokens_max: whole.completion_tokens_max.or(whole.tokens_max),
            ..whole.sampling
        },
        needs: whole.needs | list.needs,
    })
}

#[derive(Default)]
struct Whole {
    turns: Option<Turns>,
    sampling: Sampling,
    tokens_max: Option<u64>,
    completion_tokens_max: Option<u64>,
    needs: Needs,
}

impl<'de> Members<'de> for Whole {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let sampling = &mut self.sampling;
        match name {
            "messages" => self.turns = map.next_value::<Array<Turns>>()?.0,
            "temperature" => sampling.temperature = map.next_value::<Shape<'de>>()?.as_f64(),
            "top_p" => sampling.top_p = map.next_value::<Shape<'de>>()?.as_f64(),
            "seed" => sampling.seed = map.next_value::<Shape<'de>>()?.as_u64(),
            "stop" => sampling.stop = read_stop(map.next_value()?),
            "max_tokens" => self.tokens_max = map.next_value::<Shape<'de>>()?.as_u64(),
            "max_completion_tokens" => {
                self.completion_tokens_max = map.next_value::<Shape<'de>>()?.as_u64();
            }
            _ => self.needs |= read_need(name, map)?,
        }
        Ok(())
    }
}

/// One stop string or several; anything else is none.
fn read_stop(stop: &RawValue) -> Vec<String> {
    if let Ok(one) = serde_json::from_str::<String>(stop.get()) {
        return vec![one];
    }
    serde_json::from_str::<Vec<String>>(stop.get()).unwrap_or_default()
}

#[derive(Default)]
struct Turns {
    turns: Vec<Turn>,
    needs: Needs,
    /// The first thing that could not be understood.
    wrong: Option<String>,
}

impl<'de> Elements<'de> for Turns {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(message)) = seq.next_element::<Object<Message<'de>>>()? else {
            return Ok(false);
        };
        let place = self.turns.len();
        match message.map(Message::into_turn) {
            None => self.note(format!("`messages[{place}]` must be an object")),
            Some(Err(wrong)) => self.note(format!("`messages[{place}]`: {wrong}")),
            Some(Ok((turn, needs))) => {
                self.turns.push(turn);
                self.needs |= needs;
            }
        }
        Ok(true)
    }
}

impl Turns {
    fn note(&mut self, wrong: String) {
        self.wrong.get_or_insert(wrong);
    }
}

#[derive(Default)]
struct Message<'de> {
    role: Shape<'de>,
    content: Option<&'de RawValue>,
    refusal: Shape<'de>,
    calls_tools: bool,
}

impl<'de> Members<'de> for Message<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "role" => self.role = map.next_value()?,
            "content" => self.content = Some(map.next_value()?),
            "refusal" => self.refusal = map.next_value()?,
            "tool_calls" | "function_call" => {
                let call = map.next_value::<Shape<'de>>()?;
                self.calls_tools |= matches!(call, Shape::Array(1..) | Shape::Object);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Message<'_> {
    fn into_turn(self) -> Result<(Turn, Needs), String> {
        let (role, mut needs) = match self.role.as_text() {
            Some("system") => (Role::System, Needs::default()),
            Some("developer") => (Role::Developer, Needs::default()),
            Some("user") => (Role::User, Needs::default()),
            Some("assistant") => (Role::Assistant, Needs::default()),
            Some("tool" | "function") => (Role::Tool, Needs::TOOLS),
            Some(_) => return Err("the role is not known".to_owned()),
            None => return Err("the role is missing".to_owned()),
        };
        if self.calls_tools {
            needs |= Needs::TOOLS;
        }
        let mut content = self.content.map_or(Ok(Vec::new()), read_content)?;
        if let Some(refusal) = self.refusal.as_text() {
            content.push(Content::Text(refusal.to_owned()));
        }
        for part in &content {
            needs |= match part {
                Content::Text(_) | Content::Unknown(_) => Needs::default(),
                Content::Image => Needs::IMAGES,
                Content::Audio => Needs::AUDIO,
                Content::Document => Needs::DOCUMENTS,
            };
        }
        Ok((Turn { role, content }, needs))
    }
}

/// A text, null, or an array of parts.
fn read_content(content: &RawValue) -> Result<Vec<Content>, String> {
    let text = content.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(text)
            .map(|text| vec![Content::Text(text)])
            .map_err(|_| "the content has a broken escape".to_owned()),
        Some(b'n') => Ok(Vec::new()),
        Some(b'[') => match serde_json::from_str::<Array<Parts>>(text) {
            Ok(Array(Some(Parts { parts, wrong: None }))) => Ok(parts),
            Ok(Array(Some(Parts { wrong: Some(wrong), .. }))) => Err(wrong),
            _ => Err("the content cannot be read".to_owned()),
        },
        _ => Err("the content must be a string or an array of parts".to_owned()),
    }
}

#[derive(Default)]
struct Parts {
    parts: Vec<Content>,
    wrong: Option<String>,
}

impl<'de> Elements<'de> for Parts {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(part)) = seq.next_element::<Object<Part<'de>>>()? else {
            return Ok(false);
        };
        let Some(part) = part else {
            self.wrong.get_or_insert("a part of the content must be an object".to_owned());
            return Ok(true);
        };
        match part.into_content() {
            Ok(content) => self.parts.push(content),
            Err(wrong) => {
                self.wrong.get_or_insert(wrong);
            }
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Part<'de> {
    kind: Shape<'de>,
    text: Shape<'de>,
    refusal: Shape<'de>,
}

impl<'de> Members<'de> for Part<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "text" => self.text = map.next_value()?,
            "refusal" => self.refusal = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Part<'_> {
    fn into_content(self) -> Result<Content, String> {
        let Some(kind) = self.kind.as_text() else {
            return Err("a part of the content has no `type`".to_owned());
        };
        let said = match kind {
            "text" => &self.text,
            "refusal" => &self.refusal,
            "image_url" | "image" | "input_image" => return Ok(Content::Image),
            "input_audio" | "audio" => return Ok(Content::Audio),
            "file" | "document" | "input_file" => return Ok(Content::Document),
            other => return Ok(Content::Unknown(other.to_owned())),
        };
        match said.as_text() {
            Some(text) => Ok(Content::Text(text.to_owned())),
            None => Err(format!("a part of type `{kind}` has no text")),
        }
    }
}
