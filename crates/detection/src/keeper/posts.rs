//! Posts on providers' pages: they are late, and some are written when all is over. A post is merged
//! into the incident that it speaks of; it never makes a second one, for a red page is evidence, and
//! evidence opens incidents.

use std::sync::Arc;

use clock::{IdMaker, UnixMs};

use super::entry::Entry;
use super::{Change, ChangeKind};
use crate::words;
use crate::{Author, ComponentId, Incident, OfficialPost};

/// A post may name a moment so long before anybody else saw the fall, in milliseconds: a reading of
/// the page comes late, and stated starts are rounded.
const EARLY_MS: u64 = 30 * 60_000;

/// One incident of a provider's page, as it stands there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub provider: Arc<str>,
    /// Components that it names; empty if it names none.
    pub components: Vec<ComponentId>,
    pub title: Box<str>,
    pub url: Option<Box<str>>,
    /// The moment that its first update carries.
    pub posted_at: UnixMs,
    /// When we first saw it.
    pub seen_at: UnixMs,
    pub resolved_at: Option<UnixMs>,
}

impl Post {
    /// When readers could know of it. A post that was over when it was first seen was written
    /// afterwards, whatever its date says.
    fn told_at(&self) -> UnixMs {
        let afterwards = self.resolved_at.is_some_and(|at| at <= self.seen_at);
        if afterwards { self.seen_at.max(self.posted_at) } else { self.posted_at }
    }
}

/// True if the post speaks of this incident.
pub(super) fn belongs(post: &Post, incident: &Incident, now: UnixMs, late_ms: u64) -> bool {
    let same = post.components.is_empty()
        || post.components.iter().any(|of| incident.components.contains(of));
    let known = incident.official.as_ref().is_some_and(|known| is_same(known, post));
    let end = incident.resolved_at.unwrap_or(now);
    let spans = post.posted_at >= incident.started_at.minus_ms(EARLY_MS)
        && post.posted_at <= end.plus_ms(late_ms);
    known || (same && spans)
}

/// Merges the post; gives nothing if nothing changed.
pub(super) fn attach(
    entry: &mut Entry,
    now: UnixMs,
    post: &Post,
    ids: &mut IdMaker,
) -> Option<Change> {
    let told = OfficialPost {
        posted_at: post.told_at(),
        title: post.title.clone(),
        url: post.url.clone(),
        resolved_at: post.resolved_at,
    };
    match &mut entry.incident.official {
        Some(known) if is_same(known, post) => {
            // What was first told stays: the lag is counted from it.
            let told = OfficialPost { posted_at: known.posted_at, ..told };
            if *known == told {
                return None;
            }
            *known = told;
            Some(entry.touch())
        }
        Some(_) => None,
        empty => {
            *empty = Some(told);
            let body = words::posted(&entry.incident, &post.provider);
            // Nobody waits for news of what is over.
            let kind = if entry.incident.phase.is_over() {
                ChangeKind::Touched
            } else {
                ChangeKind::Updated
            };
            Some(entry.tell(now, (kind, Author::Seawall), body, ids))
        }
    }
}

fn is_same(known: &OfficialPost, post: &Post) -> bool {
    match (&known.url, &post.url) {
        (Some(one), Some(other)) => one == other,
        _ => known.title == post.title,
    }
}
