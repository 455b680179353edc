//! Requests for vectors: the outline, the internal form, and back.

use bytes::Bytes;
use domain::{EmbedInput, EmbedRequest, Loss, Losses, Outline};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::Malformed;
use crate::body::read_object;
use crate::form::{Ask, Order, Vendor, Written};
use crate::json::{Members, Shape, skip};
use crate::object::{ObjectText, array, push_quoted};
use crate::openai_chat::raw::{elements, says_nothing, text, whole};
use crate::outline::{Twice, read_model};

/// Reads what routing needs.
///
/// # Errors
/// A sentence for the caller.
pub(crate) fn read_outline(ask: &Ask<'_>) -> Result<Outline, Malformed> {
    let top: Top<'_> = read_object(ask.body)?;
    top.twice.check()?;
    let (model, model_at) = read_model(ask, top.model)?;
    match top.input {
        Some(Shape::Text(_) | Shape::Array(_)) => {}
        Some(_) => return Err(Malformed::new("`input` must be a string or an array", "input")),
        None => return Err(Malformed::new("`input` is missing", "input")),
    }
    Ok(Outline { model, model_at, ..Outline::default() })
}

#[derive(Default)]
struct Top<'de> {
    model: Option<Shape<'de>>,
    input: Option<Shape<'de>>,
    twice: Twice,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.twice.read("model", &mut self.model, map),
            "input" => self.twice.read("input", &mut self.input, map),
            _ => skip(map),
        }
    }
}

#[derive(Default)]
struct Whole<'de>(Vec<(Box<str>, &'de RawValue)>);

impl<'de> Members<'de> for Whole<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.push((name.into(), map.next_value()?));
        Ok(())
    }
}

/// Reads the whole request.
///
/// # Errors
/// A sentence for the caller.
pub(crate) fn read_request(body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let members: Whole<'_> = read_object(body)?;
    let mut read = EmbedRequest::default();
    let mut asked = false;
    for (name, value) in members.0 {
        if value.get() == "null" {
            continue;
        }
        match &*name {
            "model" => {}
            "input" => {
                asked = true;
                read.inputs = read_input(value).ok_or_else(|| {
                    let sentence = "`input` must be a string, an array of strings, an array of \
                                    token numbers or an array of such arrays";
                    Malformed::new(sentence, "input")
                })?;
            }
            "dimensions" => {
                let wrong = || Malformed::new("`dimensions` must be a whole number", "dimensions");
                read.dimensions = Some(whole(value).ok_or_else(wrong)?);
            }
            "encoding_format" => match text(value).as_deref() {
                Some("base64") => read.base64 = true,
                Some("float") => read.base64 = false,
                _ => {
                    let sentence = "`encoding_format` must be `float` or `base64`";
                    return Err(Malformed::new(sentence, "encoding_format"));
                }
            },
            "user" => read.user = text(value).map(Box::from),
            _ if says_nothing(value) => {}
            _ => read.unmapped.push(name),
        }
    }
    if asked { Ok(read) } else { Err(Malformed::new("`input` is missing", "input")) }
}

fn read_input(input: &RawValue) -> Option<Vec<EmbedInput>> {
    if let Some(one) = text(input) {
        return Some(vec![EmbedInput::Text(one.into_owned())]);
    }
    let listed = elements(input)?;
    // One list of numbers is one input.
    if listed.first().is_some_and(|first| whole(first).is_some()) {
        return Some(vec![tokens(input)?]);
    }
    let one = |element: &RawValue| match text(element) {
        Some(text) => Some(EmbedInput::Text(text.into_owned())),
        None => tokens(element),
    };
    listed.into_iter().map(one).collect()
}

fn tokens(list: &RawValue) -> Option<EmbedInput> {
    elements(list)?.into_iter().map(whole).collect::<Option<Vec<u64>>>().map(EmbedInput::Tokens)
}

/// Writes the request for a provider.
pub(crate) fn write_request(order: &Order<'_>, asked: &EmbedRequest) -> Written {
    let mut losses = Losses::default();
    let inputs: Vec<String> = asked
        .inputs
        .iter()
        .map(|input| match input {
            EmbedInput::Text(text) => {
                let mut written = String::with_capacity(text.len() + 2);
                push_quoted(&mut written, text);
                written
            }
            EmbedInput::Tokens(tokens) => {
                array(&tokens.iter().map(u64::to_string).collect::<Vec<_>>())
            }
        })
        .collect();
    let mut body = ObjectText::new();
    body.text("model", order.model).list("input", &inputs);
    let original = matches!(order.vendor, Vendor::OpenAi | Vendor::Azure);
    if original {
        // A third of the bytes, and the very numbers.
        body.text("encoding_format", "base64");
    }
    if let Some(dimensions) = asked.dimensions {
        body.whole("dimensions", dimensions);
    }
    match &asked.user {
        Some(user) if original => {
            body.text("user", user);
        }
        Some(_) => losses.dropped("user"),
        None => {}
    }
    if asked.task.is_some() {
        losses.dropped("task_type");
    }
    for name in &asked.unmapped {
        losses.add(Loss::unmapped(name));
    }
    Written { body: Bytes::from(body.end()), losses }
}
