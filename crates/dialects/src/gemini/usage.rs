//! Token counts between Google's wire form and the normalised form. The prompt's count includes
//! what came from the cache and excludes what tools of the provider's fed in; the candidates'
//! count excludes the thoughts.

use domain::Usage;
use serde::de::MapAccess;

use super::fields::{camel, whole};
use crate::json::{Members, Shape};
use crate::object::ObjectText;

/// A `usageMetadata` object as written.
#[derive(Debug, Default)]
pub(super) struct WireUsage {
    prompt: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    tools: Option<u64>,
    cached: Option<u64>,
    total: Option<u64>,
}

impl<'de> Members<'de> for WireUsage {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match &*camel(name) {
            "promptTokenCount" => &mut self.prompt,
            // The live and the newer services say response instead of candidates.
            "candidatesTokenCount" | "responseTokenCount" => &mut self.candidates,
            "thoughtsTokenCount" => &mut self.thoughts,
            "toolUsePromptTokenCount" => &mut self.tools,
            "cachedContentTokenCount" => &mut self.cached,
            "totalTokenCount" => &mut self.total,
            _ => return crate::json::skip(map),
        };
        *place = whole(&map.next_value::<Shape<'de>>()?);
        Ok(())
    }
}

impl WireUsage {
    /// The normalised counts; `None` if nothing is counted.
    pub(super) fn normalised(&self) -> Option<Usage> {
        if self.prompt.is_none() && self.candidates.is_none() && self.thoughts.is_none() {
            return None;
        }
        let prompt = self.prompt.unwrap_or(0);
        let thoughts = self.thoughts.unwrap_or(0);
        let tools = self.tools.unwrap_or(0);
        let candidates = self.candidates.unwrap_or_else(|| {
            let known = prompt.saturating_add(thoughts).saturating_add(tools);
            self.total.unwrap_or(0).saturating_sub(known)
        });
        let cache_read = self.cached.unwrap_or(0).min(prompt);
        Some(Usage {
            input_uncached: (prompt - cache_read).saturating_add(tools),
            cache_read,
            cache_write: 0,
            output: candidates.saturating_add(thoughts),
            reasoning: thoughts,
            cache_write_hour: 0,
            estimated: false,
        })
    }
}

/// The counts in Google's form, as a JSON object.
pub(super) fn write_usage(usage: &Usage) -> String {
    let mut written = ObjectText::new();
    let mut count = |name: &str, count: u64| {
        written.raw(name, &count.to_string());
    };
    count("promptTokenCount", usage.input());
    count("candidatesTokenCount", usage.output.saturating_sub(usage.reasoning));
    count("totalTokenCount", usage.input().saturating_add(usage.output));
    if usage.cache_read > 0 {
        count("cachedContentTokenCount", usage.cache_read);
    }
    if usage.reasoning > 0 {
        count("thoughtsTokenCount", usage.reasoning);
    }
    written.end()
}
