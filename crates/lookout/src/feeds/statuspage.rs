//! Atlassian's Statuspage v2 and the imitation of it that incident.io serves, which leaves out what
//! it likes: `incidents`, groups, time zones, parts of incidents.

use clock::UnixMs;
use serde::Deserialize;

use super::bounds::{Many, bounded};
use super::moment::{rfc3339, ulid_created};
use super::reading::{
    Doubts, Engine, FeedComponent, FeedIncident, FeedMaintenance, FeedPage, FeedPart, FeedReading,
    FeedUpdate,
};
use super::{FeedError, html, words};

/// A document: summary, status, components, incidents or maintenances, all of them objects.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    page: Option<Page>,
    status: Option<Status>,
    components: Option<Many<Component>>,
    incidents: Option<Many<Incident>>,
    scheduled_maintenances: Option<Many<Incident>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    id: Option<String>,
    name: Option<String>,
    url: Option<String>,
    time_zone: Option<String>,
    updated_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    indicator: Option<String>,
    description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Component {
    id: Option<String>,
    name: Option<String>,
    status: Option<String>,
    description: Option<String>,
    group_id: Option<String>,
    group: Option<bool>,
    position: Option<i64>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incident {
    id: Option<String>,
    name: Option<String>,
    status: Option<String>,
    impact: Option<String>,
    created_at: Option<String>,
    started_at: Option<String>,
    updated_at: Option<String>,
    monitoring_at: Option<String>,
    resolved_at: Option<String>,
    scheduled_for: Option<String>,
    scheduled_until: Option<String>,
    shortlink: Option<String>,
    incident_updates: Option<Many<Update>>,
    components: Option<Many<Component>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    id: Option<String>,
    status: Option<String>,
    body: Option<String>,
    created_at: Option<String>,
    display_at: Option<String>,
    affected_components: Option<Many<Affected>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Affected {
    code: Option<String>,
    name: Option<String>,
    old_status: Option<String>,
    new_status: Option<String>,
}

/// Reads an object.
pub(super) fn read(text: &str) -> Result<FeedReading, FeedError> {
    let document: Document = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "Statuspage v2", source })?;
    let is_imitation = document.page.as_ref().is_some_and(|page| {
        page.time_zone.is_none() && page.id.as_deref().is_some_and(|id| ulid_created(id).is_some())
    });
    let engine = if is_imitation { Engine::IncidentIo } else { Engine::Statuspage };
    let mut reading = FeedReading::of(engine);
    let doubts = &mut reading.doubts;
    reading.page = page(document.page, document.status, doubts);
    reading.components = document.components.map(|many| components(many, doubts));
    reading.incidents = document.incidents.map(|many| incidents(many, doubts));
    reading.maintenances = document.scheduled_maintenances.map(|many| maintenances(many, doubts));
    Ok(reading)
}

/// Reads a bare list of components or of incidents, as archives have them.
pub(super) fn read_list(text: &str, is_incidents: bool) -> Result<FeedReading, FeedError> {
    let refuse = |source| FeedError::Json { form: "a list of Statuspage v2", source };
    let mut reading = FeedReading::of(Engine::Statuspage);
    if is_incidents {
        let many = serde_json::from_str(text).map_err(refuse)?;
        reading.incidents = Some(incidents(many, &mut reading.doubts));
    } else {
        let many = serde_json::from_str(text).map_err(refuse)?;
        reading.components = Some(components(many, &mut reading.doubts));
    }
    Ok(reading)
}

fn page(page: Option<Page>, status: Option<Status>, doubts: &mut Doubts) -> FeedPage {
    let page = page.unwrap_or_default();
    let status = status.unwrap_or_default();
    FeedPage {
        id: kept(page.id.as_deref()),
        name: kept(page.name.as_deref()),
        url: kept(page.url.as_deref()),
        time_zone: kept(page.time_zone.as_deref()),
        updated_at: moment(page.updated_at.as_deref(), doubts),
        light: kept(status.indicator.as_deref()),
        light_words: kept(status.description.as_deref()),
    }
}

/// A text that is there and not empty.
pub(super) fn kept(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(bounded)
}

/// An instant that is told; one that cannot be read is counted.
pub(super) fn moment(text: Option<&str>, doubts: &mut Doubts) -> Option<UnixMs> {
    let text = text.filter(|text| !text.is_empty())?;
    let read = rfc3339(text);
    if read.is_none() {
        doubts.instants = doubts.instants.saturating_add(1);
    }
    read
}

pub(super) fn components(many: Many<Component>, doubts: &mut Doubts) -> Vec<FeedComponent> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read: Vec<_> = many
        .items
        .into_iter()
        .map(|component| FeedComponent {
            id: bounded(component.id.as_deref().unwrap_or_default()),
            name: bounded(component.name.as_deref().unwrap_or_default()),
            condition: words::condition(component.status.as_deref().unwrap_or_default(), doubts),
            description: kept(component.description.as_deref()),
            group_id: kept(component.group_id.as_deref()),
            group_name: None,
            is_group: component.group.unwrap_or(false),
            position: component.position,
            created_at: moment(component.created_at.as_deref(), doubts),
            updated_at: moment(component.updated_at.as_deref(), doubts),
        })
        .collect();
    let groups: Vec<_> =
        read.iter().filter(|c| c.is_group).map(|c| (c.id.clone(), c.name.clone())).collect();
    for component in &mut read {
        let group = groups.iter().find(|(id, _)| Some(id) == component.group_id.as_ref());
        component.group_name = group.map(|(_, name)| name.clone());
    }
    read
}

/// Parts of an incident: those that stand beside it, and those that its updates name. `None` if it
/// names none at all, as the imitation does.
fn parts(
    listed: Option<Many<Component>>,
    updates: &[FeedUpdate],
    doubts: &mut Doubts,
) -> Option<Vec<FeedPart>> {
    let is_listed = listed.is_some();
    let mut parts = Vec::new();
    if let Some(many) = listed {
        doubts.dropped = doubts.dropped.saturating_add(many.dropped);
        for component in many.items {
            parts.push(FeedPart {
                id: kept(component.id.as_deref()),
                name: bounded(component.name.as_deref().unwrap_or_default()),
                from: None,
                to: component.status.as_deref().map(|word| words::condition(word, doubts)),
            });
        }
    }
    // Newest first, so that the first word on a part is the last one said.
    for part in updates.iter().flat_map(|update| &update.parts) {
        if !parts.iter().any(|known| same_part(known, part)) {
            parts.push(FeedPart { from: None, ..part.clone() });
        }
    }
    (is_listed || !parts.is_empty()).then_some(parts)
}

fn same_part(one: &FeedPart, other: &FeedPart) -> bool {
    match (&one.id, &other.id) {
        (Some(one), Some(other)) => one == other,
        _ => one.name == other.name,
    }
}

fn updates(many: Option<Many<Update>>, doubts: &mut Doubts) -> Vec<FeedUpdate> {
    let many = many.unwrap_or_default();
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    many.items
        .into_iter()
        .map(|update| {
            let at = update.display_at.or(update.created_at);
            let affected = update.affected_components.unwrap_or_default();
            doubts.dropped = doubts.dropped.saturating_add(affected.dropped);
            FeedUpdate {
                id: kept(update.id.as_deref()),
                at: moment(at.as_deref(), doubts),
                phase: update.status.as_deref().and_then(|word| words::phase(word, doubts)),
                text: bounded(&html::text(update.body.as_deref().unwrap_or_default())),
                parts: affected.items.into_iter().map(|part| changed(&part, doubts)).collect(),
            }
        })
        .collect()
}

fn changed(part: &Affected, doubts: &mut Doubts) -> FeedPart {
    FeedPart {
        id: kept(part.code.as_deref()),
        name: bounded(part.name.as_deref().unwrap_or_default()),
        from: part.old_status.as_deref().map(|word| words::condition(word, doubts)),
        to: part.new_status.as_deref().map(|word| words::condition(word, doubts)),
    }
}

fn incidents(many: Many<Incident>, doubts: &mut Doubts) -> Vec<FeedIncident> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    many.items.into_iter().map(|incident| one_incident(incident, doubts)).collect()
}

fn one_incident(incident: Incident, doubts: &mut Doubts) -> FeedIncident {
    let updates = updates(incident.incident_updates, doubts);
    let key = bounded(incident.id.as_deref().unwrap_or_default());
    let created = moment(incident.created_at.as_deref(), doubts);
    let started = moment(incident.started_at.as_deref(), doubts);
    let resolved = moment(incident.resolved_at.as_deref(), doubts);
    if started.or(created).zip(resolved).is_some_and(|(from, to)| to < from) {
        doubts.instants = doubts.instants.saturating_add(1);
    }
    FeedIncident {
        title: bounded(incident.name.as_deref().unwrap_or_default()),
        phase: incident.status.as_deref().and_then(|word| words::phase(word, doubts)),
        impact: incident.impact.as_deref().and_then(|word| words::impact(word, doubts)),
        started_at: started.or(created),
        posted_at: ulid_created(&key).or(created),
        updated_at: moment(incident.updated_at.as_deref(), doubts),
        monitoring_at: moment(incident.monitoring_at.as_deref(), doubts),
        resolved_at: resolved,
        parts: parts(incident.components, &updates, doubts),
        updates,
        url: kept(incident.shortlink.as_deref()),
        key,
    }
}

fn maintenances(many: Many<Incident>, doubts: &mut Doubts) -> Vec<FeedMaintenance> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for planned in many.items {
        // The words of planned work are not those of incidents, so its updates have no phase.
        let mut unheard = Doubts::default();
        let updates = updates(planned.incident_updates, &mut unheard);
        doubts.add(Doubts { words: 0, ..unheard });
        read.push(FeedMaintenance {
            key: bounded(planned.id.as_deref().unwrap_or_default()),
            title: bounded(planned.name.as_deref().unwrap_or_default()),
            phase: planned.status.as_deref().and_then(|word| words::maintenance(word, doubts)),
            starts_at: moment(planned.scheduled_for.as_deref(), doubts),
            ends_at: moment(planned.scheduled_until.as_deref(), doubts),
            posted_at: moment(planned.created_at.as_deref(), doubts),
            parts: parts(planned.components, &updates, doubts),
            updates,
            url: kept(planned.shortlink.as_deref()),
        });
    }
    read
}
