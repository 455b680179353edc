//! Slack, Teams and Discord. Lengths are those that they take; what a provider or an operator wrote
//! can neither mention anyone nor break out of its place.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Language;
use super::super::story::{PageFacts, Story, words};
use super::super::subscription::ChannelKind;
use super::statuspage::colour;
use super::{cut, set};
use crate::feeds::moment::to_rfc3339;

/// Characters of a section of Slack, of a text of Teams, of an embed of Discord.
const SLACK_CHARS_MAX: usize = 3_000;
const TEAMS_CHARS_MAX: usize = 4_000;
const DISCORD_CHARS_MAX: usize = 4_096;
/// Lines about what was told too late.
const HISTORY_LINES_MAX: usize = 12;

fn newest(story: &Story) -> &str {
    story.newest().map_or("", |update| &update.body)
}

fn parts(story: &Story, page: &PageFacts) -> String {
    let names: Vec<_> = story.components.iter().map(|id| page.name_of(id)).collect();
    names.join(", ")
}

fn slack_safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack_section(text: &str) -> Value {
    let text = cut(text, SLACK_CHARS_MAX);
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

/// Blocks, and a text for where blocks are not shown.
pub(super) fn slack(story: &Story, page: &PageFacts) -> Value {
    let line = slack_safe(&story.line(Language::English));
    let mut blocks = vec![slack_section(&format!("*{line}*"))];
    let told = slack_safe(newest(story));
    if !told.is_empty() {
        blocks.push(slack_section(&told));
    }
    let (parts, name) = (slack_safe(&cut(&parts(story, page), 1_000)), slack_safe(&page.name));
    let text = format!("{parts} · <{}|{}>", story.url(page), cut(&name, 200));
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}));
    json!({"text": cut(&line, SLACK_CHARS_MAX), "blocks": blocks})
}

/// Text blocks read Markdown; a link that someone else wrote is no link here.
fn teams_block(text: &str) -> Value {
    let text = cut(&text.replace('[', "\\["), TEAMS_CHARS_MAX);
    json!({"type": "TextBlock", "text": text, "wrap": true})
}

/// A message with an Adaptive Card, as Workflows take it.
pub(super) fn teams(story: &Story, page: &PageFacts) -> Value {
    let mut first = teams_block(&story.line(Language::English));
    set(&mut first, "weight", "Bolder".into());
    let mut blocks = vec![first];
    if !newest(story).is_empty() {
        blocks.push(teams_block(newest(story)));
    }
    let parts = cut(&parts(story, page).replace('[', "\\["), 1_000);
    let facts = json!([
        {"title": "Status", "value": words(story.status)},
        {"title": "Affected", "value": parts},
    ]);
    blocks.push(json!({"type": "FactSet", "facts": facts}));
    let title = cut(&page.name, 100);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": blocks,
                "actions": [{"type": "Action.OpenUrl", "title": title, "url": story.url(page)}],
            },
        }],
    })
}

/// One embed. Nobody is mentioned, whatever the text says.
pub(super) fn discord(story: &Story, page: &PageFacts) -> Value {
    let mut embed = json!({
        "title": cut(&story.line(Language::English), 256),
        "description": cut(newest(story), DISCORD_CHARS_MAX),
        "url": story.url(page),
        "color": colour(story.impact, story.is_over),
        "timestamp": to_rfc3339(story.updated_at()),
        "footer": {"text": cut(&page.name, 200)},
    });
    // Empty values are refused.
    if !story.components.is_empty() {
        let parts = cut(&parts(story, page), 1_024);
        set(&mut embed, "fields", json!([{"name": "Affected", "value": parts}]));
    }
    json!({"embeds": [embed], "allowed_mentions": {"parse": []}})
}

/// Puts the lines of what was told too late into a body of one of the three. `None` if the body is
/// none of theirs.
pub(super) fn with_history(kind: ChannelKind, earlier: &[Arc<str>], body: &str) -> Option<String> {
    let skipped = earlier.len().saturating_sub(HISTORY_LINES_MAX);
    let lines = earlier.iter().skip(skipped).map(|line| format!("• {line}")).collect::<Vec<_>>();
    let mut body: Value = serde_json::from_str(body).ok()?;
    match kind {
        ChannelKind::Slack => {
            let history = slack_section(&format!("Before:\n{}", slack_safe(&lines.join("\n"))));
            body.pointer_mut("/blocks")?.as_array_mut()?.push(history);
        }
        ChannelKind::Teams => {
            let history = teams_block(&format!("Before:\n\n{}", lines.join("\n\n")));
            body.pointer_mut("/attachments/0/content/body")?.as_array_mut()?.push(history);
        }
        ChannelKind::Discord => {
            let text = cut(&format!("Before:\n{}", lines.join("\n")), 2_000);
            set(&mut body, "content", text.into());
        }
        ChannelKind::Webhook | ChannelKind::PagerDuty | ChannelKind::Email => return None,
    }
    Some(body.to_string())
}
