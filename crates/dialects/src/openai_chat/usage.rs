//! Token counts between OpenAI's wire form, with the spellings of its many imitators, and the
//! normalised form.

use domain::Usage;
use serde::de::MapAccess;

use crate::json::{Members, Object, Shape, skip};

/// A `usage` object as written.
#[derive(Debug, Default)]
pub(crate) struct WireUsage {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl<'de> Members<'de> for WireUsage {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match name {
            "prompt_tokens" => &mut self.prompt,
            "completion_tokens" => &mut self.completion,
            "total_tokens" => &mut self.total,
            // DeepSeek, Mistral and Hugging Face write the cached part beside the sums.
            "prompt_cache_hit_tokens" | "num_cached_tokens" | "cached_tokens" => &mut self.cached,
            "prompt_tokens_details" | "completion_tokens_details" => {
                if let Object(Some(details)) = map.next_value::<Object<Details>>()? {
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

#[derive(Debug, Default)]
struct Details {
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl<'de> Members<'de> for Details {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match name {
            "cached_tokens" => &mut self.cached,
            "cache_write_tokens" => &mut self.cache_write,
            "reasoning_tokens" => &mut self.reasoning,
            _ => return skip(map),
        };
        *place = map.next_value::<Shape<'de>>()?.as_u64();
        Ok(())
    }
}

impl WireUsage {
    /// The normalised counts; `None` if the object tells neither prompt nor completion.
    pub(crate) fn normalised(&self) -> Option<Usage> {
        if self.prompt.is_none() && self.completion.is_none() {
            return None;
        }
        let prompt = self.prompt.unwrap_or(0);
        let completion = self.completion.unwrap_or(0);
        // xAI and Gemini leave the reasoning out of `completion_tokens` and only the total has it.
        let unsaid = self
            .total
            .and_then(|total| total.checked_sub(prompt)?.checked_sub(completion))
            .unwrap_or(0);
        let output = completion.saturating_add(unsaid);
        let cache_read = self.cached.unwrap_or(0).min(prompt);
        let cache_write = self.cache_write.unwrap_or(0).min(prompt - cache_read);
        Some(Usage {
            input_uncached: prompt - cache_read - cache_write,
            cache_read,
            cache_write,
            output,
            reasoning: self.reasoning.unwrap_or(0).max(unsaid).min(output),
            cache_write_hour: 0,
            estimated: false,
        })
    }
}

/// The counts in OpenAI's form, as a JSON object. Written cache is told as OpenRouter does, and
/// only where there is some.
pub(crate) fn write_usage(usage: &Usage) -> String {
    let (input, output) = (usage.input(), usage.output);
    let total = input.saturating_add(output);
    let (cached, reasoning) = (usage.cache_read, usage.reasoning);
    let written = match usage.cache_write {
        0 => String::new(),
        count => format!(r#","cache_write_tokens":{count}"#),
    };
    format!(
        r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached}{written}}},"completion_tokens_details":{{"reasoning_tokens":{reasoning}}}}}"#
    )
}
