//! PagerDuty's events, version 2. The routing key is a secret and is added where it is sent.

use detection::Impact;
use serde_json::{Value, json};

use super::super::Language;
use super::super::story::{PageFacts, Story};
use super::cut;

pub(super) fn pager(story: &Story, page: &PageFacts) -> Value {
    let action = if story.is_over { "resolve" } else { "trigger" };
    let severity = match story.impact {
        Impact::Critical => "critical",
        Impact::Major => "error",
        Impact::Minor => "warning",
        Impact::None | Impact::Maintenance => "info",
    };
    let parts: Vec<_> = story.components.iter().map(|id| page.name_of(id)).collect();
    json!({
        "event_action": action,
        // All events of one incident are one alert.
        "dedup_key": story.id,
        "client": page.name,
        "client_url": page.url,
        "payload": {
            "summary": cut(&story.line(Language::English), 1_024),
            "source": page.name,
            "severity": severity,
            "component": cut(&parts.join(", "), 1_024),
            "custom_details": {
                "status": story.status,
                "latest": story.newest().map_or("", |update| &update.body),
            },
        },
        "links": [{"href": story.url(page), "text": "Incident"}],
    })
}
