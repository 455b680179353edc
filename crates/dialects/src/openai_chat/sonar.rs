//! What Perplexity's Sonar API had added to chat completions. Its callers still send it; no server
//! but its own bears it, and some refuse a whole request for a member that they do not know.

use std::ops::Range;

use bytes::Bytes;
use domain::Losses;

use crate::form::Written;
use crate::json::members;
use crate::rewrite::{apply, cut};

/// Members at the top of a request.
const MEMBERS: [&str; 19] = [
    "disable_search",
    "enable_search_classifier",
    "image_domain_filter",
    "image_format_filter",
    "language_preference",
    "last_updated_after_filter",
    "last_updated_before_filter",
    "media_response",
    "num_search_results",
    "return_images",
    "return_related_questions",
    "return_videos",
    "search_after_date_filter",
    "search_before_date_filter",
    "search_domain_filter",
    "search_language_filter",
    "search_mode",
    "search_recency_filter",
    "web_search_sources",
];

/// True if Sonar has added this member.
pub(super) fn adds_member(name: &str) -> bool {
    MEMBERS.contains(&name)
}

/// The body without what Sonar has added; `None` if nothing of it is there.
pub(super) fn without_sonar(body: &Bytes) -> Option<Written> {
    let top = members(body);
    let added = |index: usize| {
        let member = top.get(index)?;
        MEMBERS.into_iter().find(|name| member.is_named(body, name))
    };
    let mut losses = Losses::default();
    (0..top.len()).filter_map(added).for_each(|name| losses.dropped(name));
    if losses.is_empty() {
        return None;
    }
    let places: Vec<Range<usize>> =
        top.iter().map(|member| member.name.start..member.value.end).collect();
    let changes = cut(&places, |index| added(index).is_some());
    Some(Written { body: apply(body, changes), losses })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sonar_has_added_is_left_out() {
        let body = Bytes::from_static(
            br#"{"search_mode":"web","model":"m", "top_p": 0.70,"return_images":true,"search_x":1}"#,
        );
        let written = without_sonar(&body).unwrap();
        assert_eq!(written.body, &br#"{"model":"m", "top_p": 0.70,"search_x":1}"#[..]);
        assert_eq!(written.losses.header(), "search_mode,return_images");
        assert!(without_sonar(&written.body).is_none());
    }
}
