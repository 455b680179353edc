//! The bodies of the channels, each made of the same story. Pure: no time but the story's own, no
//! secrets.

mod chat;
mod mail;
mod pager;
mod statuspage;

use std::sync::Arc;

use clock::UnixMs;
use serde_json::Value;

use chat::{discord, slack, teams};
pub(super) use mail::{confirm_subject, confirm_text};
use pager::pager;
pub(super) use statuspage::part_changed;
use statuspage::statuspage;

use super::subscription::ChannelKind;
use super::{Language, PageFacts, Story};

/// The body of a story for a kind of channel, in a language that it is told in.
pub(super) fn body(
    (kind, language): (ChannelKind, Language),
    story: &Story,
    page: &PageFacts,
    now: UnixMs,
) -> String {
    match kind {
        ChannelKind::Webhook => statuspage(story, page, now).to_string(),
        ChannelKind::PagerDuty => pager(story, page).to_string(),
        ChannelKind::Email => mail::text(story, page, language),
        ChannelKind::Slack => slack(story, page).to_string(),
        ChannelKind::Teams => teams(story, page).to_string(),
        ChannelKind::Discord => discord(story, page).to_string(),
    }
}

/// What is sent for several letters of one topic: the newest state, which holds all that came
/// before, and for people the subjects of those that they did not get, oldest first.
pub(super) fn together(
    (kind, language): (ChannelKind, Language),
    earlier: &[Arc<str>],
    newest: &str,
) -> String {
    if earlier.is_empty() {
        return newest.to_owned();
    }
    match kind {
        ChannelKind::Webhook | ChannelKind::PagerDuty => newest.to_owned(),
        ChannelKind::Email => mail::with_history(earlier, newest, language),
        ChannelKind::Slack | ChannelKind::Teams | ChannelKind::Discord => {
            chat::with_history(kind, earlier, newest).unwrap_or_else(|| newest.to_owned())
        }
    }
}

/// Sets a member of an object; what is no object stays as it is.
pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// A text of at most so many characters, with a mark where it was cut.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}
