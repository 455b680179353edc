//! From a page's parts to our components. The page's own light is not looked at: it is yellow for
//! parts that nobody here uses.

use std::collections::BTreeMap;

use clock::UnixMs;
use detection::{ComponentId, Condition, Impact};

use super::SOURCES_MAX;
use super::settings::{PageSettings, PartMatch, PartRule};
use super::view::{PageIncident, PageMaintenance};
use crate::feeds::{FeedComponent, FeedIncident, FeedPart, FeedReading};

/// Incidents that are over are handed on for so long, so that late posts and their ends are met.
const OVER_KEPT_MS: u64 = 14 * 86_400_000;

/// What the documents of a page say of our components.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Only components of which something was told.
    pub(super) conditions: BTreeMap<ComponentId, Condition>,
    pub(super) incidents: Vec<PageIncident>,
    pub(super) maintenances: Vec<PageMaintenance>,
    pub(super) tells_incidents: bool,
}

/// Maps the readings of one page's documents; where one was never read, nothing is taken for green
/// because nobody spoke of it.
pub(super) fn map(page: &PageSettings, readings: &[&FeedReading], now: UnixMs) -> Mapped {
    let mut mapped = Mapped::default();
    let lists_parts = readings.iter().any(|reading| reading.components.is_some());
    for reading in readings {
        for component in reading.components.iter().flatten() {
            for rule in page.parts.iter().filter(|rule| is_of(rule, component)) {
                mapped.worsen(&rule.component, component.condition);
            }
        }
        for incident in reading.incidents.iter().flatten() {
            take_incident(&mut mapped, page, incident, (lists_parts, now));
        }
        mapped.tells_incidents |= reading.incidents.is_some();
        for planned in reading.maintenances.iter().flatten() {
            let components = named(page, planned.parts.as_deref(), &planned.title);
            let known =
                mapped.maintenances.iter().any(|known| known.maintenance.key == planned.key);
            if !components.is_empty() && !known {
                let maintenance = planned.clone();
                mapped.maintenances.push(PageMaintenance { components, maintenance });
            }
        }
    }
    let complete = readings.len() == page.sources.len().min(SOURCES_MAX)
        && readings.iter().all(|reading| reading.doubts.dropped == 0);
    if !lists_parts && mapped.tells_incidents && complete {
        // A page that has a list of incidents and nothing else is green where none is open.
        for rule in &page.parts {
            mapped.conditions.entry(rule.component.clone()).or_insert(Condition::Operational);
        }
    }
    mapped
}

fn take_incident(
    mapped: &mut Mapped,
    page: &PageSettings,
    incident: &FeedIncident,
    (lists_parts, now): (bool, UnixMs),
) {
    let components = named(page, incident.parts.as_deref(), &incident.title);
    if components.is_empty() {
        return;
    }
    if incident.is_open() {
        for component in &components {
            let told = condition_of(page, component, incident);
            match told {
                Some(condition) => mapped.worsen(component, condition),
                None if lists_parts => {}
                None => mapped.worsen(component, by_impact(incident.impact)),
            }
        }
    }
    let last = incident.resolved_at.or(incident.updated_at).or(incident.posted_at);
    let is_old = !incident.is_open() && last.is_some_and(|last| now.since(last) > OVER_KEPT_MS);
    match mapped.incidents.iter_mut().find(|known| known.incident.key == incident.key) {
        // The document that knows the parts is told by the first source mostly.
        Some(known) => {
            known.components.extend(components);
            known.components.sort();
            known.components.dedup();
        }
        None if is_old => {}
        None => mapped.incidents.push(PageIncident { components, incident: incident.clone() }),
    }
}

impl Mapped {
    /// The worst that was told counts; beside a word that nobody knows, good is not believed.
    fn worsen(&mut self, component: &ComponentId, told: Condition) {
        let worst = |known: Condition| match (known.min(told), known.max(told)) {
            (Condition::Unknown, Condition::Operational) => Condition::Unknown,
            (_, worse) => worse,
        };
        let known = self.conditions.get(component).copied();
        self.conditions.insert(component.clone(), known.map_or(told, worst));
    }
}

/// Our components that an incident concerns: those of its parts, or those of its title where it
/// names no part that is ours.
fn named(page: &PageSettings, parts: Option<&[FeedPart]>, title: &str) -> Vec<ComponentId> {
    let by_parts = |rule: &&PartRule| {
        parts.unwrap_or_default().iter().any(|part| names(rule, part.id.as_deref(), &part.name))
    };
    let mut found: Vec<_> =
        page.parts.iter().filter(by_parts).map(|rule| rule.component.clone()).collect();
    if found.is_empty() {
        let by_title = page.parts.iter().filter(|rule| {
            rule.any_of
                .iter()
                .any(|one| matches!(one, PartMatch::TitleHas(words) if has(title, words)))
        });
        found.extend(by_title.map(|rule| rule.component.clone()));
    }
    found.sort();
    found.dedup();
    found
}

fn condition_of(
    page: &PageSettings,
    component: &ComponentId,
    incident: &FeedIncident,
) -> Option<Condition> {
    let rules = || page.parts.iter().filter(|rule| rule.component == *component);
    let parts = incident.parts.iter().flatten();
    let ours = parts.filter(|part| rules().any(|rule| names(rule, part.id.as_deref(), &part.name)));
    ours.filter_map(|part| part.to).max()
}

/// An open incident whose weight is not told, or in a word that nobody knows, still is one.
fn by_impact(impact: Option<Impact>) -> Condition {
    match impact {
        Some(Impact::None) => Condition::Operational,
        Some(Impact::Maintenance) => Condition::UnderMaintenance,
        None | Some(Impact::Minor) => Condition::DegradedPerformance,
        Some(Impact::Major) => Condition::PartialOutage,
        Some(Impact::Critical) => Condition::MajorOutage,
    }
}

fn is_of(rule: &PartRule, component: &FeedComponent) -> bool {
    let in_group = |group: &str| {
        component.group_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(group))
    };
    names(rule, Some(&component.id), &component.name)
        || rule.any_of.iter().any(|one| matches!(one, PartMatch::Group(group) if in_group(group)))
}

fn names(rule: &PartRule, id: Option<&str>, name: &str) -> bool {
    rule.any_of.iter().any(|one| match one {
        PartMatch::Id(known) => id == Some(known),
        PartMatch::Name(known) => name.eq_ignore_ascii_case(known),
        PartMatch::NameHas(words) => has(name, words),
        PartMatch::Group(_) | PartMatch::TitleHas(_) => false,
    })
}

fn has(text: &str, words: &str) -> bool {
    text.to_lowercase().contains(&words.to_lowercase())
}
