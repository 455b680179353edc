//! How the store in memory finds what is asked for.

use std::collections::BTreeMap;

use clock::UnixMs;
use detection::{ComponentId, Incident, Maintenance};

use super::{Memory, Spot};
use crate::{Bin, Counts, IncidentQuery, Span, Subscriber, SubscriberKey, Tally};

impl Memory {
    pub(super) fn find_incidents(&self, wanted: &IncidentQuery) -> Vec<Incident> {
        let mut found: Vec<_> =
            self.incidents.values().filter(|incident| wanted.wants(incident)).collect();
        found.sort_by_key(|incident| std::cmp::Reverse((incident.started_at, &incident.id)));
        found.into_iter().take(wanted.limit).cloned().collect()
    }

    pub(super) fn find_maintenances(&self, span: Span, limit: usize) -> Vec<Maintenance> {
        let within = |work: &&Maintenance| span.meets(work.starts_at, Some(work.ends_at));
        let mut found: Vec<_> = self.maintenances.values().filter(within).collect();
        found.sort_by_key(|work| (work.starts_at, &work.id));
        found.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn count(&self) -> Counts {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Counts {
            incidents: count(self.incidents.len()),
            timelines: count(self.timelines.len()),
            maintenances: count(self.maintenances.len()),
            minutes: count(self.minutes.len()),
            days: count(self.days.len()),
            verdicts: count(self.verdicts.len()),
            evidence: count(self.evidence.len()),
            report_bins: count(self.report_bins.len()),
            subscribers: count(self.subscribers.len()),
            outgoing: count(self.outgoing.len()),
            feeds: count(self.feeds.len()),
            caller_keys: count(self.caller_keys.len()),
            settings: count(self.settings_kept.len()),
        }
    }
}

pub(super) fn bins(
    from: &BTreeMap<Spot, Tally>,
    component: &ComponentId,
    span: Span,
    limit: usize,
) -> Vec<Bin> {
    let bin = |((component, start), tally): (&Spot, &Tally)| Bin {
        component: component.clone(),
        start: *start,
        tally: *tally,
    };
    at_spots(from, component, span).map(bin).take(limit).collect()
}

/// What lies at a component's spots within the span, oldest first.
pub(super) fn at_spots<'m, T>(
    from: &'m BTreeMap<Spot, T>,
    component: &ComponentId,
    span: Span,
) -> impl Iterator<Item = (&'m Spot, &'m T)> {
    let first = (component.clone(), span.from);
    let component = component.clone();
    from.range(first..).take_while(move |((of, at), _)| *of == component && *at < span.until)
}

/// The same, where a word tells several at one spot apart.
pub(super) fn at_worded_spots<'m, T>(
    from: &'m BTreeMap<(Spot, &'static str), T>,
    component: &ComponentId,
    span: Span,
) -> impl Iterator<Item = &'m T> {
    let first = ((component.clone(), span.from), "");
    let component = component.clone();
    let within = move |of: &ComponentId, at: UnixMs| *of == component && at < span.until;
    from.range(first..).take_while(move |(((of, at), _), _)| within(of, *at)).map(|(_, it)| it)
}

pub(super) fn has_key(subscriber: &Subscriber, key: SubscriberKey<'_>) -> bool {
    match key {
        SubscriberKey::Id(id) => *subscriber.id == *id,
        SubscriberKey::Confirm(hash) => subscriber.confirm_hash.as_ref() == Some(hash),
        SubscriberKey::Unsubscribe(hash) => subscriber.unsubscribe_hash == *hash,
        SubscriberKey::Address(channel, hash) => {
            subscriber.channel == channel && subscriber.address_hash == *hash
        }
    }
}
