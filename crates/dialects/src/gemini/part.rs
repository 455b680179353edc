//! One part of what is said, as it stands on the wire: the same form serves requests and answers.
//! What it becomes in the internal form is told elsewhere.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::{camel, present, text};
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::object::ObjectText;

/// A part. Which of its members is there tells what it is. The large ones are boxed, for a stranger
/// may send a hundred thousand parts of two bytes each.
#[derive(Debug, Default)]
pub(super) struct Part<'de> {
    pub(super) text: Option<Cow<'de, str>>,
    /// The text is what the model thought.
    pub(super) thought: bool,
    pub(super) signature: Option<Cow<'de, str>>,
    pub(super) inline: Option<Box<Blob<'de>>>,
    pub(super) file: Option<Box<Blob<'de>>>,
    pub(super) call: Option<Box<Call<'de>>>,
    pub(super) result: Option<Box<CallResult<'de>>>,
    /// Members that have no place above.
    pub(super) strange: Vec<(String, &'de RawValue)>,
    /// The text is there and is none.
    pub(super) text_is_wrong: bool,
}

impl<'de> Members<'de> for Part<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "text" => match map.next_value::<Shape<'de>>()? {
                Shape::Text(text) => self.text = Some(text),
                Shape::Null => {}
                _ => self.text_is_wrong = true,
            },
            "thought" => self.thought = map.next_value::<Shape<'de>>()? == Shape::Bool(true),
            "thoughtSignature" => self.signature = text(map.next_value()?),
            "inlineData" => self.inline = map.next_value::<Object<Blob<'de>>>()?.0.map(Box::new),
            "fileData" => self.file = map.next_value::<Object<Blob<'de>>>()?.0.map(Box::new),
            "functionCall" => self.call = map.next_value::<Object<Call<'de>>>()?.0.map(Box::new),
            "functionResponse" => {
                self.result = map.next_value::<Object<CallResult<'de>>>()?.0.map(Box::new);
            }
            other => {
                if let Some(value) = present(map.next_value()?) {
                    self.strange.push((other.to_owned(), value));
                }
            }
        }
        Ok(())
    }
}

/// Members that tell something about a part beside what it is.
const MODIFIERS: [&str; 5] =
    ["videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing", "audioTranscription"];

impl Part<'_> {
    /// The name of a stranger that is the part itself.
    pub(super) fn stranger(&self) -> Option<&str> {
        let names = self.strange.iter().map(|(name, _)| name.as_str());
        names.into_iter().find(|name| !MODIFIERS.contains(name))
    }

    /// Names of strangers that only modify the part.
    pub(super) fn modifiers(&self) -> impl Iterator<Item = &'static str> {
        MODIFIERS.into_iter().filter(|name| self.strange.iter().any(|(strange, _)| strange == name))
    }

    /// The whole part of a stranger's type, its values as they were written.
    pub(super) fn whole(&self) -> String {
        let mut object = ObjectText::new();
        object.text_if("text", self.text.as_deref());
        for (name, value) in &self.strange {
            object.foreign(name, value.get());
        }
        if self.thought {
            object.raw("thought", "true");
        }
        object.text_if("thoughtSignature", self.signature.as_deref());
        object.end()
    }
}

/// All parts of a content; an element that is no object is `None`.
#[derive(Debug, Default)]
pub(super) struct Parts<'de>(pub(super) Vec<Option<Part<'de>>>);

impl<'de> Elements<'de> for Parts<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(part)) = seq.next_element::<Object<Part<'de>>>()? else {
            return Ok(false);
        };
        self.0.push(part);
        Ok(true)
    }
}

/// Bytes, or where they are.
#[derive(Debug, Default)]
pub(super) struct Blob<'de> {
    pub(super) mime: Option<Cow<'de, str>>,
    /// Base64, or the address.
    pub(super) data: Option<Cow<'de, str>>,
    pub(super) name: Option<Cow<'de, str>>,
}

impl<'de> Members<'de> for Blob<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "mimeType" => self.mime = text(map.next_value()?),
            "data" | "fileUri" => self.data = text(map.next_value()?),
            "displayName" => self.name = text(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A function that the model asks for.
#[derive(Debug, Default)]
pub(super) struct Call<'de> {
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) name: Option<Cow<'de, str>>,
    pub(super) args: Option<&'de RawValue>,
    /// Arguments that come piece by piece (Vertex).
    pub(super) pieces: Vec<Piece<'de>>,
    pub(super) goes_on: bool,
}

impl<'de> Members<'de> for Call<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "id" => self.id = text(map.next_value()?).filter(|id| !id.is_empty()),
            "name" => self.name = text(map.next_value()?).filter(|name| !name.is_empty()),
            "args" => self.args = present(map.next_value()?),
            "partialArgs" => {
                self.pieces = map.next_value::<Array<Pieces<'de>>>()?.0.unwrap_or_default().0;
            }
            "willContinue" => self.goes_on = map.next_value::<Shape<'de>>()? == Shape::Bool(true),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A piece of a call's arguments: a place and a value, or more of the text at that place.
#[derive(Debug, Default)]
pub(super) struct Piece<'de> {
    pub(super) place: Option<Cow<'de, str>>,
    pub(super) text: Option<Cow<'de, str>>,
    /// A number, true, false or null, as JSON.
    pub(super) raw: Option<&'de str>,
}

impl<'de> Members<'de> for Piece<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "jsonPath" => self.place = text(map.next_value()?),
            "stringValue" => self.text = text(map.next_value()?),
            "numberValue" | "boolValue" => {
                self.raw = present(map.next_value::<&'de RawValue>()?).map(RawValue::get);
            }
            "nullValue" => {
                skip(map)?;
                self.raw = Some("null");
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Pieces<'de>(Vec<Piece<'de>>);

impl<'de> Elements<'de> for Pieces<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(piece)) = seq.next_element::<Object<Piece<'de>>>()? else {
            return Ok(false);
        };
        self.0.extend(piece);
        Ok(true)
    }
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct CallResult<'de> {
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) name: Option<Cow<'de, str>>,
    pub(super) response: Option<&'de RawValue>,
    pub(super) parts: Vec<Option<Part<'de>>>,
    /// Members that have no place above.
    pub(super) strange: bool,
}

impl<'de> Members<'de> for CallResult<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "id" => self.id = text(map.next_value()?).filter(|id| !id.is_empty()),
            "name" => self.name = text(map.next_value()?).filter(|name| !name.is_empty()),
            "response" => self.response = present(map.next_value()?),
            "parts" => self.parts = map.next_value::<Array<Parts<'de>>>()?.0.unwrap_or_default().0,
            _ => self.strange |= map.next_value::<Shape<'de>>()? != Shape::Null,
        }
        Ok(())
    }
}
