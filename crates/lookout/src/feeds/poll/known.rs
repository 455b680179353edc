//! The pages that are known without being told: where they are, and which of their parts are what.
//! Operators may add others and replace these.

use std::collections::BTreeMap;

use detection::{Capability, ComponentId};

use super::settings::{PageSettings, PartMatch, PartRule, SourceSettings};

use Capability::{App, Audio, Chat, Embeddings, Files, Images, Login, Other, Streaming};

/// One known page.
struct Known {
    name: &'static str,
    sources: &'static [&'static [&'static str]],
    /// `#id`, `=name`, `~words of the name`, `?words of a title`.
    parts: &'static [(Capability, &'static [&'static str])],
    tells_green: bool,
}

const KNOWN: &[Known] = &[
    Known {
        name: "openai",
        sources: &[
            &[
                "https://status.openai.com/proxy/status.openai.com",
                "https://status.openai.com/api/v2/summary.json",
                "https://status.openai.com/api/v2/components.json",
            ],
            &[
                "https://status.openai.com/api/v2/incidents.json",
                "https://status.openai.com/feed.atom",
                "https://status.openai.com/history.atom",
            ],
        ],
        parts: &[
            (Chat, &["=Chat Completions", "=Responses", "=API", "?on the API"]),
            (Streaming, &["=Chat Completions", "=Responses", "=API"]),
            (Embeddings, &["=Embeddings"]),
            (Images, &["=Images", "=Image Generation"]),
            (Audio, &["=Audio", "=Realtime"]),
            (Files, &["=Files", "=File uploads"]),
            // Nobody here calls it. When it falls its users go elsewhere within the hour. The rest
            // of its group does not count: a slow voice mode sends nobody away.
            (App, &["=ChatGPT", "=Conversations", "?ChatGPT"]),
            (Login, &["=Login"]),
        ],
        tells_green: true,
    },
    Known {
        name: "anthropic",
        sources: &[&[
            "https://status.claude.com/api/v2/summary.json",
            "https://anthropic.statuspage.io/api/v2/summary.json",
            "https://status.claude.com/history.atom",
            "https://status.claude.com/history.rss",
        ]],
        parts: &[
            (Chat, &["#k8w3r06qmzrp", "~api.anthropic.com", "?Claude API", "?errors for Claude"]),
            (Streaming, &["#k8w3r06qmzrp", "~api.anthropic.com"]),
            (App, &["#rwppv331jlwc", "=claude.ai", "?claude.ai"]),
            (Other, &["#0qbwn08sd68x", "~Console", "#yyzkbfz2thpt", "=Claude Code"]),
        ],
        tells_green: true,
    },
    Known {
        name: "gemini",
        sources: &[
            &[
                "https://status.cloud.google.com/incidents.json",
                "https://status.cloud.google.com/en/feed.atom",
            ],
            &["https://www.google.com/appsstatus/dashboard/incidents.json"],
        ],
        parts: &[
            (
                Chat,
                &[
                    "=Vertex Gemini API",
                    "=Gemini on Agent Platform",
                    "=Generative AI on Vertex AI",
                    "=Gemini API",
                    "?Gemini API",
                ],
            ),
            (App, &["=Gemini", "=Gemini app"]),
        ],
        tells_green: false,
    },
    Known {
        name: "azure",
        sources: &[&[
            "https://rssfeed.azure.status.microsoft/en-us/status/feed/",
            "https://azure.status.microsoft/en-us/status/feed/",
        ]],
        parts: &[(
            Chat,
            &["~Azure OpenAI", "~AI Foundry", "~Cognitive Services", "?Azure OpenAI", "?Foundry"],
        )],
        tells_green: false,
    },
    Known {
        name: "perplexity",
        sources: &[
            &[
                "https://status.perplexity.com/v2/components.json",
                "https://status.perplexity.com/api/v2/summary.json",
            ],
            &[
                "https://status.perplexity.com/summary.json",
                "https://status.perplexity.com/history.atom",
            ],
        ],
        parts: &[(Chat, &["=API", "~API"]), (App, &["=Website", "~Web", "~App"])],
        tells_green: false,
    },
    Known {
        name: "xai",
        sources: &[&["https://status.x.ai/feed.xml", "https://status.x.ai/api/v2/summary.json"]],
        parts: &[(Chat, &["~API", "?API"]), (App, &["~grok.com", "?grok.com", "?Grok app"])],
        tells_green: false,
    },
    // The two on whom others stand.
    Known {
        name: "cloudflare",
        sources: &[&[
            "https://www.cloudflarestatus.com/api/v2/summary.json",
            "https://www.cloudflarestatus.com/history.atom",
        ]],
        parts: &[(
            Other,
            &[
                "=CDN/Cache",
                "=Network",
                "=Workers",
                "=Workers KV",
                "=Access",
                "=Authoritative DNS",
                "=SSL/TLS",
            ],
        )],
        tells_green: true,
    },
    Known {
        name: "github",
        sources: &[&[
            "https://www.githubstatus.com/api/v2/summary.json",
            "https://www.githubstatus.com/history.atom",
        ]],
        parts: &[(Chat, &["=Copilot"]), (Other, &["=API Requests", "=Actions", "=Git Operations"])],
        tells_green: true,
    },
];

/// The names of the pages that are known.
pub fn known_pages() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.name)
}

/// A known page, its parts named as those of `provider`, such as `openai-eu/chat`.
pub fn known_page(name: &str, provider: &str) -> Option<PageSettings> {
    let known = KNOWN.iter().find(|known| known.name == name)?;
    let source =
        |urls: &&[&str]| SourceSettings { urls: urls.iter().map(|url| (*url).into()).collect() };
    let mut parts: BTreeMap<ComponentId, Vec<PartMatch>> = BTreeMap::new();
    for (capability, matches) in known.parts {
        let component = ComponentId::new(format!("{provider}/{}", capability.as_str()));
        parts
            .entry(component)
            .or_default()
            .extend(matches.iter().filter_map(|text| matching(text)));
    }
    Some(PageSettings {
        name: known.name.into(),
        sources: known.sources.iter().map(source).collect(),
        parts: parts
            .into_iter()
            .map(|(component, any_of)| PartRule { component, any_of })
            .collect(),
        tells_green: known.tells_green,
    })
}

fn matching(text: &str) -> Option<PartMatch> {
    let rest: Box<str> = text.get(1..)?.into();
    match text.as_bytes().first()? {
        b'#' => Some(PartMatch::Id(rest)),
        b'=' => Some(PartMatch::Name(rest)),
        b'~' => Some(PartMatch::NameHas(rest)),
        b'?' => Some(PartMatch::TitleHas(rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::WebAddress;

    #[test]
    fn every_known_page_has_addresses_and_parts_that_can_be_read() {
        for name in known_pages() {
            let page = known_page(name, "p").unwrap();
            let urls = page.sources.iter().flat_map(|source| &source.urls);
            assert!(urls.map(|url| WebAddress::parse(url).unwrap()).all(|a| a.origin().tls));
            let written = KNOWN.iter().find(|known| known.name == name).unwrap();
            let wanted: usize = written.parts.iter().map(|(_, matches)| matches.len()).sum();
            let read: usize = page.parts.iter().map(|rule| rule.any_of.len()).sum();
            assert_eq!(read, wanted, "{name}");
        }
        assert_eq!(known_page("nobody", "p"), None);
    }
}
