//! The bodies that Statuspage sends to webhooks, which receivers know: `meta`, `page`, and either
//! `incident` or `component_update`.

use clock::UnixMs;
use detection::{Affected, ComponentId, Impact};
use serde_json::{Value, json};

use super::super::story::{PageFacts, PartChange, Story, StoryUpdate};
use crate::feeds::moment::to_rfc3339;

pub(super) fn statuspage(story: &Story, page: &PageFacts, now: UnixMs) -> Value {
    json!({"meta": meta(page, now), "page": head(page), "incident": incident(story, page)})
}

/// The other body that Statuspage sends: `component_update` and `component` for `incident`.
pub(in super::super) fn part_changed(change: &PartChange, page: &PageFacts, now: UnixMs) -> Value {
    json!({
        "meta": meta(page, now),
        "page": head(page),
        "component_update": {
            "id": change.id,
            "component_id": change.component.as_str(),
            "old_status": change.from.as_str(),
            "new_status": change.to.as_str(),
            "created_at": to_rfc3339(change.at),
        },
        "component": {
            "id": change.component.as_str(),
            "name": page.name_of(&change.component),
            "status": change.to.as_str(),
            "page_id": page.id,
            "group": false,
        },
    })
}

fn meta(page: &PageFacts, now: UnixMs) -> Value {
    json!({
        "unsubscribe": format!("{}/subscribe", page.url),
        "documentation": format!("{}/api/v2/summary.json", page.url),
        "generated_at": to_rfc3339(now),
    })
}

fn head(page: &PageFacts) -> Value {
    json!({
        "id": page.id,
        "status_indicator": page.indicator.as_str(),
        "status_description": page.description,
    })
}

fn incident(story: &Story, page: &PageFacts) -> Value {
    let moment = |at: Option<UnixMs>| at.map(to_rfc3339);
    let (from, to) = story.scheduled.unzip();
    let is_planned = story.scheduled.is_some();
    json!({
        "id": story.id,
        "name": story.title,
        "status": story.status,
        "impact": story.impact.as_str(),
        "impact_override": null,
        "created_at": to_rfc3339(story.created_at),
        "started_at": to_rfc3339(story.started_at),
        "updated_at": to_rfc3339(story.updated_at()),
        "monitoring_at": moment(story.monitoring_at()),
        "resolved_at": moment(story.resolved_at),
        "backfilled": false,
        "postmortem_body": null,
        "postmortem_body_last_updated_at": null,
        "postmortem_ignored": false,
        "postmortem_notified_subscribers": false,
        "postmortem_notified_twitter": false,
        "postmortem_published_at": null,
        "scheduled_auto_completed": false,
        "scheduled_auto_in_progress": false,
        "scheduled_for": moment(from),
        "scheduled_until": moment(to),
        "scheduled_remind_prior": is_planned,
        "scheduled_reminded_at": null,
        "shortlink": story.url(page),
        "page_id": page.id,
        "organization_id": page.id,
        "incident_updates":
            story.updates.iter().rev().map(|one| update(one, story, page)).collect::<Vec<_>>(),
        "components": story.components.iter().map(|id| component(id, page)).collect::<Vec<_>>(),
    })
}

fn update(update: &StoryUpdate, story: &Story, page: &PageFacts) -> Value {
    let at = to_rfc3339(update.at);
    json!({
        "id": update.id,
        "incident_id": story.id,
        "status": update.status,
        "body": update.body,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components":
            update.affected.iter().map(|one| affected(one, page)).collect::<Vec<_>>(),
        "deliver_notifications": true,
        "wants_twitter_update": false,
        "custom_tweet": null,
        "tweet_id": null,
    })
}

fn affected(affected: &Affected, page: &PageFacts) -> Value {
    json!({
        "code": affected.component.as_str(),
        "name": page.name_of(&affected.component),
        "old_status": affected.from.as_str(),
        "new_status": affected.to.as_str(),
    })
}

fn component(id: &ComponentId, page: &PageFacts) -> Value {
    let condition = page.part(id).map(|part| part.condition.as_str());
    json!({
        "id": id.as_str(),
        "name": page.name_of(id),
        "status": condition,
        "page_id": page.id,
        "group": false,
    })
}

/// The colour of an impact, for channels that have colours beside words.
pub(super) fn colour(impact: Impact, is_over: bool) -> u32 {
    match impact {
        _ if is_over => 0x002e_7d32,
        Impact::None => 0x0060_6060,
        Impact::Maintenance => 0x001a_5fb4,
        Impact::Minor => 0x00c9_8a00,
        Impact::Major => 0x00d3_5c00,
        Impact::Critical => 0x00b7_1c1c,
    }
}
