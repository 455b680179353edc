//! Updates and parts of an incident where engines differ in names only: one way from what was spelt
//! to what was told. Which field has which name is each engine's own affair.

use super::bounds::{Many, bounded};
use super::reading::{Doubts, FeedPart, FeedUpdate};
use super::statuspage::{kept, moment};
use super::{html, words};

/// An update as it was spelt.
#[derive(Debug, Default)]
pub(super) struct Spelt {
    pub(super) id: Option<String>,
    pub(super) at: Option<String>,
    /// How far it is. Planned work has words of its own, and none of an incident.
    pub(super) status: Option<String>,
    /// Markup or plain text.
    pub(super) message: Option<String>,
    pub(super) parts: Vec<FeedPart>,
}

/// All updates, newest first, whatever their order was.
pub(super) fn updates<T>(
    many: Option<Many<T>>,
    is_planned: bool,
    doubts: &mut Doubts,
    spelt: impl Fn(T, &mut Doubts) -> Spelt,
) -> Vec<FeedUpdate> {
    let many = many.unwrap_or_default();
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for update in many.items {
        let Spelt { id, at, status, message, parts } = spelt(update, doubts);
        let word = status.as_deref().filter(|_| !is_planned);
        read.push(FeedUpdate {
            id: kept(id.as_deref()),
            at: moment(at.as_deref(), doubts),
            phase: word.and_then(|word| words::phase(word, doubts)),
            text: bounded(&html::text(message.as_deref().unwrap_or_default())),
            parts,
        });
    }
    read.sort_by_key(|update| std::cmp::Reverse(update.at));
    read
}

/// Parts that are named with or without their condition: id, name, word.
pub(super) fn parts<T>(
    many: Many<T>,
    doubts: &mut Doubts,
    spelt: impl Fn(&T) -> (Option<&str>, Option<&str>, Option<&str>),
) -> Vec<FeedPart> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for part in many.items {
        let (id, name, word) = spelt(&part);
        read.push(FeedPart {
            id: kept(id),
            name: bounded(name.unwrap_or_default()),
            from: None,
            to: word.map(|word| words::condition(word, doubts)),
        });
    }
    read
}
