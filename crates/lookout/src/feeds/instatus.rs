//! Instatus: its summary, which has no components, and its list of components.

use serde::Deserialize;

use super::bounds::{Many, bounded};
use super::reading::{
    Doubts, Engine, FeedComponent, FeedIncident, FeedMaintenance, FeedPart, FeedReading, FeedUpdate,
};
use super::statuspage::{kept, moment};
use super::updates::{self, Spelt};
use super::{FeedError, words};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    page: Page,
    #[serde(rename = "activeIncidents", alias = "incidents")]
    incidents: Option<Many<Entry>>,
    #[serde(rename = "activeMaintenances", alias = "maintenances")]
    maintenances: Option<Many<Entry>>,
    components: Option<Many<Component>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    name: Option<String>,
    url: Option<String>,
    status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Option<String>,
    name: Option<String>,
    started: Option<String>,
    start: Option<String>,
    resolved: Option<String>,
    duration: Option<serde_json::Value>,
    status: Option<String>,
    impact: Option<String>,
    url: Option<String>,
    #[serde(rename = "updatedAt")]
    updated_at: Option<String>,
    components: Option<Many<Component>>,
    updates: Option<Many<Update>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    id: Option<String>,
    status: Option<String>,
    #[serde(alias = "text")]
    message: Option<String>,
    #[serde(rename = "createdAt", alias = "started")]
    created_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Component {
    id: Option<String>,
    name: Option<String>,
    status: Option<String>,
    description: Option<String>,
    #[serde(rename = "isParent")]
    is_parent: Option<bool>,
    group: Option<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    id: Option<String>,
    name: Option<String>,
}

/// Reads the summary. It leaves out the lists that are empty, so that with a page that is `UP` the
/// absence of incidents does mean that there are none.
pub(super) fn read(text: &str) -> Result<FeedReading, FeedError> {
    let document: Document = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "Instatus", source })?;
    let mut reading = FeedReading::of(Engine::Instatus);
    reading.page.name = kept(document.page.name.as_deref());
    reading.page.url = kept(document.page.url.as_deref());
    reading.page.light = kept(document.page.status.as_deref());
    let is_up = document.page.status.as_deref() == Some("UP");
    let doubts = &mut reading.doubts;
    reading.components = document.components.map(|many| components(many, doubts));
    reading.incidents = document.incidents.map(|many| incidents(many, doubts));
    reading.maintenances = document.maintenances.map(|many| maintenances(many, doubts));
    if is_up {
        reading.incidents.get_or_insert_default();
        reading.maintenances.get_or_insert_default();
    }
    Ok(reading)
}

fn components(many: Many<Component>, doubts: &mut Doubts) -> Vec<FeedComponent> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for component in many.items {
        let group = component.group.unwrap_or_default();
        read.push(FeedComponent {
            id: bounded(component.id.as_deref().unwrap_or_default()),
            name: bounded(component.name.as_deref().unwrap_or_default()),
            condition: words::condition(component.status.as_deref().unwrap_or_default(), doubts),
            description: kept(component.description.as_deref()),
            group_id: kept(group.id.as_deref()),
            group_name: kept(group.name.as_deref()),
            is_group: component.is_parent.unwrap_or(false),
            position: None,
            created_at: None,
            updated_at: None,
        });
    }
    read
}

fn parts(many: Option<Many<Component>>, doubts: &mut Doubts) -> Option<Vec<FeedPart>> {
    Some(updates::parts(many?, doubts, |part| {
        (part.id.as_deref(), part.name.as_deref(), part.status.as_deref())
    }))
}

fn updates_of(
    many: Option<Many<Update>>,
    is_planned: bool,
    doubts: &mut Doubts,
) -> Vec<FeedUpdate> {
    updates::updates(many, is_planned, doubts, |update, _| Spelt {
        id: update.id,
        at: update.created_at,
        status: update.status,
        message: update.message,
        parts: Vec::new(),
    })
}

fn incidents(many: Many<Entry>, doubts: &mut Doubts) -> Vec<FeedIncident> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for entry in many.items {
        let started = moment(entry.started.as_deref().or(entry.start.as_deref()), doubts);
        let updates = updates_of(entry.updates, false, doubts);
        let posted = updates.iter().filter_map(|update| update.at).min().or(started);
        read.push(FeedIncident {
            key: bounded(entry.id.as_deref().unwrap_or_default()),
            title: bounded(entry.name.as_deref().unwrap_or_default()),
            phase: entry.status.as_deref().and_then(|word| words::phase(word, doubts)),
            impact: entry.impact.as_deref().and_then(|word| words::impact(word, doubts)),
            started_at: started,
            posted_at: posted,
            updated_at: moment(entry.updated_at.as_deref(), doubts),
            monitoring_at: None,
            resolved_at: moment(entry.resolved.as_deref(), doubts),
            parts: parts(entry.components, doubts),
            updates,
            url: kept(entry.url.as_deref()),
        });
    }
    read
}

fn maintenances(many: Many<Entry>, doubts: &mut Doubts) -> Vec<FeedMaintenance> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for entry in many.items {
        let starts = moment(entry.start.as_deref().or(entry.started.as_deref()), doubts);
        let minutes = entry.duration.as_ref().and_then(|length| match length {
            serde_json::Value::String(text) => text.trim().parse::<u64>().ok(),
            other => other.as_u64(),
        });
        let ends =
            starts.zip(minutes).map(|(at, minutes)| at.plus_ms(minutes.saturating_mul(60_000)));
        read.push(FeedMaintenance {
            key: bounded(entry.id.as_deref().unwrap_or_default()),
            title: bounded(entry.name.as_deref().unwrap_or_default()),
            phase: entry.status.as_deref().and_then(|word| words::maintenance(word, doubts)),
            starts_at: starts,
            ends_at: ends,
            posted_at: None,
            parts: parts(entry.components, doubts),
            updates: updates_of(entry.updates, true, doubts),
            url: kept(entry.url.as_deref()),
        });
    }
    read
}
