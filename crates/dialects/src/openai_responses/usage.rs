//! Token counts between the dialect's form and the normalised one.

use domain::Usage;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::json::{Members, Object, Shape, skip};
use crate::raw::object;

/// A `usage` object as written.
#[derive(Debug, Default)]
struct WireUsage {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl<'de> Members<'de> for WireUsage {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match name {
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            // Perplexity writes its own names beside OpenAI's.
            "cached_tokens" | "cache_read_input_tokens" => &mut self.cached,
            "cache_write_tokens" | "cache_creation_input_tokens" => &mut self.cache_write,
            "reasoning_tokens" => &mut self.reasoning,
            "input_tokens_details" | "output_tokens_details" => {
                if let Object(Some(details)) = map.next_value::<Object<Self>>()? {
                    self.cached = details.cached.or(self.cached);
                    self.cache_write = details.cache_write.or(self.cache_write);
                    self.reasoning = details.reasoning.or(self.reasoning);
                }
                return Ok(());
            }
            _ => return skip(map),
        };
        *place = map.next_value::<Shape<'de>>()?.as_u64().or(*place);
        Ok(())
    }
}

/// The normalised counts; `None` if the object tells neither input nor output.
pub(super) fn read_usage(raw: &RawValue) -> Option<Usage> {
    let usage = object::<WireUsage>(raw)?;
    if usage.input.is_none() && usage.output.is_none() {
        return None;
    }
    // `input_tokens` includes what came from the cache and what was written into it.
    let input = usage.input.unwrap_or(0);
    let output = usage.output.unwrap_or(0);
    let cache_read = usage.cached.unwrap_or(0).min(input);
    let cache_write = usage.cache_write.unwrap_or(0).min(input - cache_read);
    Some(Usage {
        input_uncached: input - cache_read - cache_write,
        cache_read,
        cache_write,
        output,
        reasoning: usage.reasoning.unwrap_or(0).min(output),
        cache_write_hour: 0,
        estimated: false,
    })
}

/// The counts as a JSON object.
pub(super) fn write_usage(usage: &Usage) -> String {
    let (input, output) = (usage.input(), usage.output);
    let total = input.saturating_add(output);
    let (read, written, reasoning) = (usage.cache_read, usage.cache_write, usage.reasoning);
    format!(
        r#"{{"input_tokens":{input},"input_tokens_details":{{"cache_write_tokens":{written},"cached_tokens":{read}}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{reasoning}}},"total_tokens":{total}}}"#
    )
}
