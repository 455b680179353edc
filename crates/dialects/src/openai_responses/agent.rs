//! What Perplexity's agent API has added to the form. Its own server alone bears it: OpenAI refuses
//! members and tools that it does not know.

use serde::de::MapAccess;

use crate::json::{Members, Object, Shape, skip};
use crate::outline::Kind;

/// Members at the top of a request.
const MEMBERS: [&str; 5] =
    ["language_preference", "max_steps", "models", "preset", "response_format"];
/// Types of tools.
const TOOLS: [&str; 4] = ["fetch_url", "people_search", "finance_search", "sandbox"];
/// Tools of its own server, those that OpenAI has as well included.
const ALL_TOOLS: [&str; 6] =
    ["web_search", "fetch_url", "people_search", "finance_search", "sandbox", "mcp"];

/// True if it has added this member.
pub(super) fn adds_member(name: &str) -> bool {
    MEMBERS.contains(&name)
}

/// True if a member that it has added has no place in the internal form, and goes to its own server
/// as it is.
pub(super) fn passes(name: &str) -> bool {
    matches!(name, "language_preference" | "max_steps")
}

/// True if it has added tools of this type.
pub(super) fn adds_tool(kind: &str) -> bool {
    TOOLS.contains(&kind)
}

/// True if it bears tools of this type that are run by the provider.
pub(super) fn bears_tool(kind: &str) -> bool {
    ALL_TOOLS.contains(&kind)
}

/// True if a tool is written as it alone bears it, by its type or by its settings.
pub(super) fn extends(tool: &str) -> bool {
    let read = serde_json::from_str::<Object<Offered<'_>>>(tool);
    read.is_ok_and(|Object(tool)| tool.is_some_and(|tool| tool.is_extended()))
}

/// A tool as a request offers it.
#[derive(Default)]
pub(super) struct Offered<'de> {
    kind: Kind<'de>,
    /// Settings stand in it that a search of OpenAI's does not have.
    search: bool,
}

impl Offered<'_> {
    /// The tool's type.
    pub(super) fn kind(&self) -> Option<&str> {
        self.kind.kind.as_text()
    }

    /// See [`extends`].
    pub(super) fn is_extended(&self) -> bool {
        self.kind()
            .is_some_and(|kind| adds_tool(kind) || (self.search && kind.starts_with("web_search")))
    }
}

impl<'de> Members<'de> for Offered<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "max_tokens" | "max_tokens_per_page" => {
                self.search |= map.next_value::<Shape<'de>>()? != Shape::Null;
            }
            "filters" | "user_location" => {
                let inner = map.next_value::<Object<Settings>>()?.0.unwrap_or_default();
                self.search |= inner.0;
            }
            _ => self.kind.member(name, map)?,
        }
        Ok(())
    }
}

/// Settings of a search; true if one of them is its own.
#[derive(Default)]
struct Settings(bool);

impl<'de> Members<'de> for Settings {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0 |= name.starts_with("search_")
            || name.starts_with("last_updated_")
            || matches!(name, "latitude" | "longitude");
        skip(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_known_by_type_and_settings() {
        for tool in [
            r#"{"type":"fetch_url","max_urls":2}"#,
            r#"{"max_tokens":9,"type":"web_search"}"#,
            r#"{"type":"web_search","filters":{"search_recency_filter":"week"}}"#,
            r#"{"type":"web_search","filters":{"last_updated_after_filter":"1/1/2026"}}"#,
            r#"{"type":"web_search","user_location":{"latitude":1.5}}"#,
        ] {
            assert!(extends(tool), "{tool}");
        }
        for tool in [
            r#"{"type":"web_search","max_tokens":null,"filters":{"allowed_domains":["a.example"]}}"#,
            r#"{"type":"web_search","user_location":{"type":"approximate","country":"DE"}}"#,
            r#"{"type":"file_search","filters":{"search_key":"a"},"max_num_results":2}"#,
            r#"{"type":"function","name":"sandbox"}"#,
            "[]",
        ] {
            assert!(!extends(tool), "{tool}");
        }
    }
}
