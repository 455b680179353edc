//! Reads the outline of a request. The model and the wish for a stream stand in the path; the body
//! tells what is needed beyond plain text.

use domain::{Needs, Operation, Outline};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::config::Config;
use super::fields::camel;
use crate::Malformed;
use crate::body::{place_in, read_object};
use crate::form::Ask;
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::outline::{Twice, check_array};

/// Reads what routing needs; all ranges are places in the body.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, if what the
/// operation is about is missing or of a wrong type, or if it stands there twice.
pub(super) fn read_outline(ask: &Ask<'_>) -> Result<Outline, Malformed> {
    let top: Top<'_> = read_object(ask.body)?;
    top.twice.check()?;
    top.inner.as_ref().map_or(Ok(()), |inner| inner.twice.check())?;
    let model_at = top.model.and_then(|model| place_in(ask.body, model.get()));
    let model = match (ask.model_in_path, top.model) {
        (Some(model), _) => bare_name(model).to_owned(),
        (None, Some(raw)) => match serde_json::from_str::<String>(raw.get()) {
            Ok(model) => bare_name(&model).to_owned(),
            Err(_) => return Err(Malformed::new("`model` must be a string", "model")),
        },
        (None, None) => return Err(Malformed::new("the path names no model", "model")),
    };
    if model.is_empty() {
        return Err(Malformed::new("the model's name must not be empty", "model"));
    }
    top.check(ask.operation)?;
    let inner = top.inner.unwrap_or_default();
    Ok(Outline {
        model: model.into(),
        model_at,
        stream: ask.stream_in_path,
        usage_in_stream: true,
        stream_options_at: None,
        needs: top.needs | inner.needs,
        output_tokens_max: top.tokens_max.or(inner.tokens_max),
        extended: false,
    })
}

/// The name without the collection that it stands in.
pub(super) fn bare_name(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// The members at the top of a request that routing looks at.
#[derive(Default)]
struct Top<'de> {
    model: Option<&'de RawValue>,
    contents: Option<Shape<'de>>,
    content: Option<Shape<'de>>,
    requests: Option<Shape<'de>>,
    /// The whole request inside one that counts tokens.
    inner: Option<Box<Top<'de>>>,
    needs: Needs,
    tokens_max: Option<u64>,
    twice: Twice,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "model" => self.twice.read("model", &mut self.model, map)?,
            "contents" => self.twice.read("contents", &mut self.contents, map)?,
            "content" => self.twice.read("content", &mut self.content, map)?,
            "requests" => self.twice.read("requests", &mut self.requests, map)?,
            "generateContentRequest" => {
                let inner = map.next_value::<Object<Self>>()?.0.map(Box::new);
                let before = std::mem::replace(&mut self.inner, inner);
                self.twice.note("generateContentRequest", before.is_some());
            }
            "generationConfig" => {
                let config = map.next_value::<Object<Config<'de>>>()?.0.unwrap_or_default();
                self.needs |= config.all_needs();
                self.tokens_max = config.sampling.output_tokens_max;
            }
            "tools" => {
                self.needs |= map.next_value::<Array<Offers>>()?.0.unwrap_or_default().needs;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Top<'_> {
    /// True if what the operation is about is there and of the right type.
    fn check(&self, operation: Operation) -> Result<(), Malformed> {
        let inner = self.inner.as_ref().and_then(|inner| inner.contents.as_ref());
        match operation {
            Operation::Generate => check_array("contents", self.contents.as_ref()),
            Operation::CountTokens => check_array("contents", self.contents.as_ref().or(inner)),
            Operation::Embed => match (&self.requests, &self.content) {
                (Some(_), _) => check_array("requests", self.requests.as_ref()),
                (None, Some(Shape::Object)) => Ok(()),
                (None, Some(_)) => Err(Malformed::new("`content` must be an object", "content")),
                (None, None) => Err(Malformed::new("`content` is missing", "content")),
            },
        }
    }
}

/// What the elements of `tools` offer.
#[derive(Default)]
struct Offers {
    needs: Needs,
}

impl<'de> Elements<'de> for Offers {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(offer)) = seq.next_element::<Object<Offer>>()? else {
            return Ok(false);
        };
        self.needs |= offer.unwrap_or_default().needs;
        Ok(true)
    }
}

#[derive(Default)]
struct Offer {
    needs: Needs,
}

impl<'de> Members<'de> for Offer {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let is_function = camel(name) == "functionDeclarations";
        match map.next_value::<Shape<'de>>()? {
            Shape::Array(1..) if is_function => self.needs |= Needs::TOOLS,
            Shape::Null => {}
            _ if !is_function => self.needs |= Needs::HOSTED_TOOLS,
            _ => {}
        }
        Ok(())
    }
}
