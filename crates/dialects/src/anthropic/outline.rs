//! Reads the outline of a request: what routing needs, in one pass over borrowed bytes. Only what
//! routing relies on is checked; the rest is the provider's to judge.

use domain::{Needs, Operation, Outline};
use serde::de::{MapAccess, SeqAccess};

use crate::Malformed;
use crate::body::read_object;
use crate::form::Ask;
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::outline::{Kind, Twice, check_array, read_model, read_stream};

/// Reads what routing needs; `model_at` is a place in the body.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, if `model`
/// or `messages` is missing or of a wrong type, or if a field that decides the route stands twice.
pub(super) fn read_outline(ask: &Ask<'_>) -> Result<Outline, Malformed> {
    let fields: Top<'_> = read_object(ask.body)?;
    fields.twice.check()?;
    let (model, model_at) = read_model(ask, fields.model)?;
    check_array("messages", fields.messages.as_ref())?;
    let stream = read_stream(ask, fields.stream.as_ref())?;
    Ok(Outline {
        model,
        model_at,
        stream: stream && ask.operation == Operation::Generate,
        usage_in_stream: true,
        stream_options_at: None,
        needs: fields.needs,
        output_tokens_max: fields.tokens_max,
        extended: false,
    })
}

/// The members at the top of a request that routing looks at.
#[derive(Default)]
struct Top<'de> {
    model: Option<Shape<'de>>,
    messages: Option<Shape<'de>>,
    stream: Option<Shape<'de>>,
    needs: Needs,
    tokens_max: Option<u64>,
    twice: Twice,
}

impl<'de> Members<'de> for Top<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.twice.read("model", &mut self.model, map)?,
            "messages" => self.twice.read("messages", &mut self.messages, map)?,
            "stream" => self.twice.read("stream", &mut self.stream, map)?,
            "max_tokens" => self.tokens_max = map.next_value::<Shape<'de>>()?.as_u64(),
            _ => self.needs |= read_need(name, map)?,
        }
        Ok(())
    }
}

/// What a member at the top of a request asks for beyond plain text; its value is read.
fn read_need<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Needs, A::Error> {
    let mut needs = Needs::default();
    match name {
        "tools" => needs = map.next_value::<Array<ToolKinds>>()?.0.unwrap_or_default().needs,
        "mcp_servers" => {
            if matches!(map.next_value::<Shape<'de>>()?, Shape::Array(1..)) {
                needs = Needs::HOSTED_TOOLS;
            }
        }
        "thinking" => {
            let thinking = map.next_value::<Object<Kind<'de>>>()?.0.unwrap_or_default();
            if matches!(thinking.kind.as_text(), Some("enabled" | "adaptive")) {
                needs = Needs::REASONING;
            }
        }
        "output_format" => {
            if map.next_value::<Shape<'de>>()? == Shape::Object {
                needs = Needs::JSON_OUTPUT;
            }
        }
        "output_config" => {
            let config = map.next_value::<Object<OutputConfig>>()?.0;
            if config.is_some_and(|config| config.has_format) {
                needs = Needs::JSON_OUTPUT;
            }
        }
        _ => skip(map)?,
    }
    Ok(needs)
}

#[derive(Default)]
struct ToolKinds {
    needs: Needs,
}

impl<'de> Elements<'de> for ToolKinds {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(tool)) = seq.next_element::<Object<Kind<'de>>>()? else {
            return Ok(false);
        };
        self.needs |= match tool.unwrap_or_default().kind.as_text() {
            None | Some("custom") => Needs::TOOLS,
            Some(_) => Needs::HOSTED_TOOLS,
        };
        Ok(true)
    }
}

#[derive(Default)]
struct OutputConfig {
    has_format: bool,
}

impl<'de> Members<'de> for OutputConfig {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "format" => self.has_format = map.next_value::<Shape<'de>>()? == Shape::Object,
            _ => skip(map)?,
        }
        Ok(())
    }
}
