//! Vectors and counts of tokens: requests and answers of `embedContent`, `batchEmbedContents` and
//! `countTokens`.

use domain::{EmbedInput, EmbedRequest, Embeddings, Fault, FaultClass, Losses, Sight, Usage};
use serde::de::{MapAccess, SeqAccess};

use super::fields::{camel, text, whole};
use super::part::Parts;
use super::usage::{WireUsage, write_usage};
use crate::Malformed;
use crate::body::read_object;
use crate::json::{Array, Elements, Members, Object, Shape, members, quoted};
use crate::object::{ObjectText, array};
use crate::provider_error;

/// True if a request for vectors has the form of `batchEmbedContents`. The answer must have the
/// like: a list of vectors instead of one.
pub fn embeds_batch(body: &[u8]) -> bool {
    members(body).iter().any(|member| member.is_named(body, "requests"))
}

/// Reads a request for vectors, single or batch.
///
/// # Errors
/// A sentence for the caller that names the place.
pub(super) fn read_request(body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let top: Single<'_> = read_object(body)?;
    let mut read = EmbedRequest::default();
    match top.requests {
        Some(requests) => {
            for (at, single) in requests.0.into_iter().enumerate() {
                let place = format!("requests[{at}]");
                let Some(single) = single else {
                    let wrong = format!("`{place}` must be an object");
                    return Err(Malformed::new(wrong, "requests"));
                };
                single
                    .add_to(&mut read, &place)
                    .map_err(|wrong| Malformed::new(wrong, "requests"))?;
            }
        }
        None => top.add_to(&mut read, "").map_err(|wrong| Malformed::new(wrong, "content"))?,
    }
    Ok(read)
}

#[derive(Debug, Default)]
struct Single<'de> {
    content: Option<Object<Content<'de>>>,
    task: Option<String>,
    dimensions: Option<u64>,
    requests: Option<Requests<'de>>,
    unmapped: Vec<Box<str>>,
}

impl<'de> Members<'de> for Single<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "content" => self.content = Some(map.next_value()?),
            "requests" => self.requests = map.next_value::<Array<Requests<'de>>>()?.0,
            "taskType" => self.task = text(map.next_value()?).map(std::borrow::Cow::into_owned),
            "outputDimensionality" => self.dimensions = whole(&map.next_value()?),
            "model" => crate::json::skip(map)?,
            // The newer form holds the settings in an object of their own.
            "embedContentConfig" => {
                if let Object(Some(config)) = map.next_value::<Object<Self>>()? {
                    self.task = config.task.or(self.task.take());
                    self.dimensions = config.dimensions.or(self.dimensions);
                    self.unmapped.extend(config.unmapped);
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

impl Single<'_> {
    fn add_to(self, read: &mut EmbedRequest, place: &str) -> Result<(), String> {
        let dot = if place.is_empty() { "" } else { "." };
        let Some(Object(Some(content))) = self.content else {
            return Err(format!("`{place}{dot}content` must be an object"));
        };
        let mut joined = String::new();
        for (at, part) in content.parts.0.into_iter().enumerate() {
            let Some(text) = part.and_then(|part| part.text) else {
                return Err(format!("`{place}{dot}content.parts[{at}]` is no text"));
            };
            if at > 0 {
                joined.push('\n');
            }
            joined.push_str(&text);
        }
        let task = self.task.map(String::into_boxed_str);
        // One wish holds for all inputs; that another one differs must be told.
        let mut names = self.unmapped;
        if !read.inputs.is_empty() && (read.task != task || read.dimensions != self.dimensions) {
            names.push("requests.taskType".into());
        } else {
            read.task = task;
            read.dimensions = self.dimensions;
        }
        for name in names {
            if !read.unmapped.contains(&name) {
                read.unmapped.push(name);
            }
        }
        read.inputs.push(EmbedInput::Text(joined));
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Requests<'de>(Vec<Option<Single<'de>>>);

impl<'de> Elements<'de> for Requests<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(single)) = seq.next_element::<Object<Single<'de>>>()? else {
            return Ok(false);
        };
        self.0.push(single);
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Content<'de> {
    parts: Parts<'de>,
}

impl<'de> Members<'de> for Content<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "parts" => self.parts = map.next_value::<Array<Parts<'de>>>()?.0.unwrap_or_default(),
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

/// A request for vectors, always in the form of `batchEmbedContents`.
pub(super) fn write_request(request: &EmbedRequest, model: &str, losses: &mut Losses) -> String {
    let mut written = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let EmbedInput::Text(text) = input else {
            // Tokens of a foreign tokenizer mean nothing here; without all inputs the vectors
            // would stand at wrong places, so that none is asked for.
            losses.dropped("input");
            written.clear();
            break;
        };
        let mut single = ObjectText::new();
        single.text("model", &format!("models/{model}"));
        single.raw("content", &format!(r#"{{"parts":[{{"text":{}}}]}}"#, quoted(text)));
        single.text_if("taskType", request.task.as_deref());
        single.whole_if("outputDimensionality", request.dimensions);
        written.push(single.end());
    }
    if request.user.is_some() {
        losses.dropped("user");
    }
    for name in &request.unmapped {
        losses.add(domain::Loss::unmapped(name));
    }
    format!(r#"{{"requests":{}}}"#, array(&written))
}

/// An answer with vectors or with a count.
#[derive(Debug, Default)]
struct Answer {
    vectors: Vec<Vec<f32>>,
    is_vectors: bool,
    tokens: Option<u64>,
    usage: Option<Usage>,
    error: bool,
}

impl<'de> Members<'de> for Answer {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "embedding" => {
                self.is_vectors = true;
                let vector = map.next_value::<Object<Vector>>()?.0.unwrap_or_default();
                self.vectors.push(vector.0);
            }
            "embeddings" => {
                self.is_vectors = true;
                self.vectors = map.next_value::<Array<Vectors>>()?.0.unwrap_or_default().0;
            }
            "totalTokens" => self.tokens = whole(&map.next_value()?),
            "usageMetadata" => {
                let usage = map.next_value::<Object<WireUsage>>()?.0;
                self.usage = usage.and_then(|usage| usage.normalised());
            }
            "error" => self.error = map.next_value::<Shape<'de>>()? != Shape::Null,
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Vector(Vec<f32>);

impl<'de> Members<'de> for Vector {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "values" => self.0 = map.next_value::<Array<Numbers>>()?.0.unwrap_or_default().0,
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Numbers(Vec<f32>);

impl<'de> Elements<'de> for Numbers {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(number) = seq.next_element::<f32>()? else {
            return Ok(false);
        };
        self.0.push(number);
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Vectors(Vec<Vec<f32>>);

impl<'de> Elements<'de> for Vectors {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(vector)) = seq.next_element::<Object<Vector>>()? else {
            return Ok(false);
        };
        self.0.push(vector.unwrap_or_default().0);
        Ok(true)
    }
}

/// Reads an answer that has vectors.
pub(super) fn read_vectors(body: &[u8]) -> Result<Embeddings, Fault> {
    let answer = read_answer(body)?;
    if !answer.is_vectors || answer.vectors.is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the answer has no vector"));
    }
    Ok(Embeddings { model: None, vectors: answer.vectors, usage: answer.usage })
}

/// Reads an answer that has a count.
pub(super) fn read_count(body: &[u8]) -> Result<u64, Fault> {
    let missing = || Fault::new(FaultClass::Empty, "the answer has no count of tokens");
    read_answer(body)?.tokens.ok_or_else(missing)
}

/// What a reader of such an answer sees in it.
pub(super) fn see(body: &[u8], vectors: bool) -> Result<Sight, Fault> {
    if vectors {
        let read = read_vectors(body)?;
        return Ok(Sight { content_deltas: 1, usage: read.usage, ..Sight::default() });
    }
    read_count(body).map(|_| Sight { content_deltas: 1, ..Sight::default() })
}

fn read_answer(body: &[u8]) -> Result<Answer, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::new(FaultClass::Empty, "the body is empty"));
    }
    let read = serde_json::from_slice::<Object<Answer>>(body).ok().and_then(|Object(read)| read);
    match read.filter(|answer| !answer.error) {
        Some(answer) => Ok(answer),
        None => {
            let plain = || Fault::new(FaultClass::Malformed, "the body cannot be read");
            Err(provider_error::read_in_band(body).unwrap_or_else(plain))
        }
    }
}

/// An answer with vectors, in the form that the caller asked for.
pub(super) fn write_vectors(answer: &Embeddings, batch: bool) -> String {
    let vectors: Vec<String> = answer.vectors.iter().map(|vector| write_vector(vector)).collect();
    let mut written = ObjectText::new();
    if batch {
        written.list("embeddings", &vectors);
    } else if let Some(vector) = vectors.first() {
        written.raw("embedding", vector);
    }
    written.raw_if("usageMetadata", answer.usage.as_ref().map(write_usage));
    written.end()
}

fn write_vector(vector: &[f32]) -> String {
    let numbers = serde_json::to_string(vector).unwrap_or_else(|_| "[]".to_owned());
    format!(r#"{{"values":{numbers}}}"#)
}
