//! Vectors as a whole answer, read and written.

use bytes::Bytes;
use domain::{Embeddings, Fault, FaultClass, Losses, Reply, Sight, Usage};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::base64::{read_numbers, write_numbers};
use crate::form::{Envelope, Written};
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::object::ObjectText;
use crate::openai_chat::raw::text;
use crate::openai_chat::usage::WireUsage;
use crate::openai_chat::whole::{in_band, model_of, read_body};

/// The body of an answer.
#[derive(Default)]
struct Answer<'de> {
    data: Vectors<'de>,
    model: Shape<'de>,
    usage: Option<Usage>,
    failed: bool,
}

impl<'de> Members<'de> for Answer<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "data" => self.data = map.next_value::<Array<Vectors<'de>>>()?.0.unwrap_or_default(),
            "model" => self.model = map.next_value()?,
            "usage" => {
                let usage = map.next_value::<Object<WireUsage>>()?.0;
                self.usage = usage.and_then(|usage| usage.normalised());
            }
            "error" => {
                let error = map.next_value::<&'de RawValue>()?;
                self.failed = !matches!(error.get(), "null" | "false" | "\"\"");
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Vectors<'de>(Vec<Vector<'de>>);

impl<'de> Elements<'de> for Vectors<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(vector)) = seq.next_element::<Object<Vector<'de>>>()? else {
            return Ok(false);
        };
        self.0.extend(vector);
        Ok(true)
    }
}

#[derive(Default)]
struct Vector<'de> {
    index: Option<u64>,
    numbers: Option<&'de RawValue>,
}

impl<'de> Members<'de> for Vector<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "index" => self.index = map.next_value::<Shape<'de>>()?.as_u64(),
            "embedding" => self.numbers = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn read_answer(body: &[u8]) -> Result<Answer<'_>, Fault> {
    let answer: Answer<'_> = read_body(body)?;
    if answer.failed {
        return Err(in_band(body));
    }
    if answer.data.0.is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the answer has no vectors"));
    }
    Ok(answer)
}

/// Looks at an answer that goes through.
///
/// # Errors
/// `Malformed`, `Empty`, or the class of an error inside it.
pub(crate) fn see_whole(body: &[u8]) -> Result<Sight, Fault> {
    let answer = read_answer(body)?;
    Ok(Sight {
        content_deltas: 1,
        usage: answer.usage,
        model: model_of(&answer.model),
        ..Sight::default()
    })
}

/// Reads an answer, whichever of the two ways its numbers are written.
///
/// # Errors
/// As for [`see_whole`], and `Malformed` if a vector cannot be read.
pub(crate) fn read_whole(body: &[u8]) -> Result<(Reply, Losses), Fault> {
    let mut answer = read_answer(body)?;
    answer.data.0.sort_by_key(|vector| vector.index.unwrap_or(u64::MAX));
    let vectors: Option<Vec<Vec<f32>>> =
        answer.data.0.iter().map(|vector| read_vector(vector.numbers?)).collect();
    let Some(vectors) = vectors else {
        return Err(Fault::new(FaultClass::Malformed, "a vector cannot be read"));
    };
    let model = model_of(&answer.model);
    Ok((Reply::Embeddings(Embeddings { model, vectors, usage: answer.usage }), Losses::default()))
}

fn read_vector(numbers: &RawValue) -> Option<Vec<f32>> {
    match text(numbers) {
        Some(base64) => read_numbers(&base64),
        None => serde_json::from_str(numbers.get()).ok(),
    }
}

/// Writes vectors, as base64 if the caller wants them so.
pub(crate) fn write_whole(embeddings: &Embeddings, envelope: &Envelope) -> Written {
    let written: Vec<String> = embeddings
        .vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let mut object = ObjectText::new();
            object.text("object", "embedding").raw("index", &index.to_string());
            if envelope.base64 {
                object.text("embedding", &write_numbers(vector));
            } else {
                object.raw("embedding", &write_list(vector));
            }
            object.end()
        })
        .collect();
    let mut body = ObjectText::new();
    body.text("object", "list").list("data", &written).text("model", &envelope.model);
    // The official clients read the usage without asking whether it is there.
    let input = embeddings.usage.map_or(0, |usage| usage.input());
    let mut usage = ObjectText::new();
    usage.whole("prompt_tokens", input).whole("total_tokens", input);
    body.raw("usage", &usage.end());
    Written { body: Bytes::from(body.end()), losses: Losses::default() }
}

/// Each number in the shortest spelling that reads back as the same.
fn write_list(vector: &[f32]) -> String {
    let mut written = String::with_capacity(vector.len() * 12 + 2);
    written.push('[');
    for (place, number) in vector.iter().enumerate() {
        if place > 0 {
            written.push(',');
        }
        // Not a number and infinities have no spelling in JSON.
        let number = if number.is_finite() { *number } else { 0.0 };
        written.push_str(&number.to_string());
    }
    written.push(']');
    written
}
