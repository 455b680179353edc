//! A search of the web as Perplexity's agent bears it. OpenAI's has settings of its own, and the
//! agent refuses a request for a setting that it does not know.

use domain::Json;
use serde_json::value::RawValue;

use crate::object::ObjectText;
use crate::raw::{elements, members_of, says_nothing};

/// Filters that its search has under the names which they had in chats of the Sonar API.
const SONAR_FILTERS: [&str; 7] = [
    "last_updated_after_filter",
    "last_updated_before_filter",
    "search_after_date_filter",
    "search_before_date_filter",
    "search_domain_filter",
    "search_language_filter",
    "search_recency_filter",
];
/// Domains that its filter takes.
const DOMAINS_MAX: usize = 20;

/// True if a member of a chat is a filter of the search.
pub(super) fn is_filter(name: &str) -> bool {
    SONAR_FILTERS.contains(&name)
}

/// A search with the filters that stood in a chat; `None` if none did.
pub(super) fn filtered(additions: &[(Box<str>, Json)]) -> Option<String> {
    let mut filters = ObjectText::new();
    for (name, value) in additions.iter().filter(|(name, _)| is_filter(name)) {
        filters.foreign(name, value.as_str());
    }
    let any = !filters.is_empty();
    any.then(|| ObjectText::of("web_search").raw("filters", &filters.end()).end())
}

/// The tool as the agent bears it, and whether anything had to be left out; `None` if it is no
/// object.
pub(super) fn borne(tool: &str) -> Option<(String, bool)> {
    let tool = serde_json::from_str::<&RawValue>(tool).ok()?;
    let mut lost = false;
    let mut written = ObjectText::of("web_search");
    for (name, value) in members_of(tool)? {
        let inner = match &*name {
            "type" => continue,
            "max_tokens" | "max_tokens_per_page" => Some(value.get().to_owned()),
            "filters" => filters(value, &mut lost),
            "user_location" => place(value, &mut lost),
            _ => {
                lost |= !says_nothing(value);
                None
            }
        };
        if let Some(inner) = inner {
            written.foreign(&name, &inner);
        }
    }
    Some((written.end(), lost))
}

/// OpenAI's list of allowed domains is the agent's filter of domains.
fn filters(value: &RawValue, lost: &mut bool) -> Option<String> {
    let mut written = ObjectText::new();
    for (name, value) in members_of(value)? {
        match &*name {
            "allowed_domains" => {
                let domains = elements(value).unwrap_or_default();
                *lost |= domains.len() > DOMAINS_MAX;
                let kept: Vec<&str> =
                    domains.iter().take(DOMAINS_MAX).map(|domain| domain.get()).collect();
                written.list_if("search_domain_filter", &kept);
            }
            name if name.starts_with("search_") || name.starts_with("last_updated_") => {
                written.foreign(name, value.get());
            }
            _ => *lost |= !says_nothing(value),
        }
    }
    (!written.is_empty()).then(|| written.end())
}

fn place(value: &RawValue, lost: &mut bool) -> Option<String> {
    let mut written = ObjectText::new();
    for (name, value) in members_of(value)? {
        match &*name {
            "country" | "region" | "city" | "latitude" | "longitude" => {
                if !says_nothing(value) {
                    written.foreign(&name, value.get());
                }
            }
            // OpenAI knows one type of place only.
            "type" => {}
            _ => *lost |= !says_nothing(value),
        }
    }
    (!written.is_empty()).then(|| written.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_openai_become_the_agents_or_are_left_out() {
        let theirs = r#"{"type":"web_search","search_context_size":"high","filters":{"allowed_domains":["a.example"]},"user_location":{"type":"approximate","country":"DE","timezone":"Europe/Berlin"}}"#;
        let ours = r#"{"type":"web_search","filters":{"search_domain_filter":["a.example"]},"user_location":{"country":"DE"}}"#;
        assert_eq!(borne(theirs), Some((ours.to_owned(), true)));
    }

    #[test]
    fn its_own_settings_stay() {
        let own = r#"{"type":"web_search","max_tokens":9,"filters":{"search_recency_filter":"week"},"user_location":{"latitude":1.5}}"#;
        assert_eq!(borne(own), Some((own.to_owned(), false)));
        assert_eq!(borne("[]"), None);
    }
}
