//! Atom and RSS as status pages write them. Each engine tells its states in the HTML of the
//! entries: Statuspage and Instatus as a history of dated updates, incident.io as the last state,
//! Azure in the title and the categories, others as `Status: …` lines.

use clock::UnixMs;
use detection::{Impact, MaintenancePhase, Phase};

use super::bounds::{OBJECTS_MAX, bounded};
use super::history::{self, Told};
use super::moment::{instant, ulid_created};
use super::reading::{
    Doubts, Engine, FeedIncident, FeedMaintenance, FeedPart, FeedReading, FeedUpdate,
};
use super::statuspage::kept;
use super::xml::{Entry, Syndication};
use super::{FeedError, html, words, xml};

/// Reads an Atom or RSS document.
pub(super) fn read(text: &str) -> Result<FeedReading, FeedError> {
    let found = xml::read(text)?;
    let mut reading = FeedReading::of(engine(&found));
    reading.page.name = kept(Some(&found.title));
    reading.page.url = kept(Some(&found.link));
    reading.doubts.dropped = found.dropped;
    let (mut incidents, mut maintenances) = (Vec::new(), Vec::new());
    let mut updates = 0;
    for entry in &found.entries {
        if updates >= OBJECTS_MAX {
            reading.doubts.dropped = reading.doubts.dropped.saturating_add(1);
            continue;
        }
        match one(entry, reading.engine, &mut reading.doubts) {
            Read::Incident(incident) => {
                updates += incident.updates.len();
                incidents.push(incident);
            }
            Read::Maintenance(planned) => {
                updates += planned.updates.len();
                maintenances.push(planned);
            }
        }
    }
    reading.incidents = Some(incidents);
    reading.maintenances = (!maintenances.is_empty()).then_some(maintenances);
    Ok(reading)
}

enum Read {
    Incident(FeedIncident),
    Maintenance(FeedMaintenance),
}

fn engine(found: &Syndication) -> Engine {
    let first = found.entries.first();
    let content = first.map_or("", body);
    let id = first.map_or("", |entry| entry.id.as_str());
    let is_ulid = id.rsplit('/').next().is_some_and(|last| ulid_created(last).is_some());
    if found.generator.contains("incident.io") || id.contains("//incidents/") || is_ulid {
        Engine::IncidentIo
    } else if content.contains("GMT+") || content.contains("<strong>Affected Components:") {
        Engine::Instatus
    } else if content.contains("data-var=") || id.contains(",2005:Incident/") {
        Engine::Statuspage
    } else if found.title.contains("Azure") || found.link.contains("azure") {
        Engine::Azure
    } else if found.link.contains("status.cloud.google.com") {
        Engine::GoogleCloud
    } else {
        Engine::Unknown
    }
}

/// What an entry says: Atom's content, RSS' description.
fn body(entry: &Entry) -> &str {
    if entry.content.is_empty() { &entry.summary } else { &entry.content }
}

fn one(entry: &Entry, engine: Engine, doubts: &mut Doubts) -> Read {
    let body = body(entry);
    let published = at(&entry.published, doubts);
    let updated = at(&entry.updated, doubts).or(published);
    let told = match engine {
        Engine::Statuspage | Engine::Instatus => history::dated(body, updated, doubts),
        Engine::IncidentIo | Engine::GoogleCloud | Engine::Azure | Engine::Unknown => {
            history::last_state(body, updated, doubts)
        }
    };
    let key = key(entry, engine, published);
    let url = kept(Some(&entry.link));
    let title = bounded(&html::text(&entry.title));
    let parts = parts(entry, engine, &told);
    // The last update that names a state has the last word.
    let phase = told.updates.iter().find_map(|update| update.phase);
    if told.is_planned {
        return Read::Maintenance(planned(told, (key, title, url), parts));
    }
    let first = told.updates.iter().filter_map(|update| update.at).min();
    let ulid = key.rsplit('/').next().and_then(ulid_created);
    // Statuspage's `published` is the last update; Azure and others mean the first post.
    let is_first_post = !matches!(engine, Engine::Statuspage);
    let started = first.filter(|_| !matches!(engine, Engine::IncidentIo));
    let started = started.or(ulid).or(published.filter(|_| is_first_post)).or(first);
    let newest = told.updates.iter().filter_map(|update| update.at).max();
    let last = newest.or(updated);
    let over = phase.is_some_and(Phase::is_over);
    let resolved = told.updates.iter().find(|u| u.phase == Some(Phase::Resolved));
    let resolved = resolved.and_then(|update| update.at).or(last).filter(|_| over);
    let monitoring = told.updates.iter().find(|u| u.phase == Some(Phase::Monitoring));
    Read::Incident(FeedIncident {
        key,
        title,
        phase,
        impact: told.impact,
        started_at: started,
        posted_at: ulid.or(started),
        updated_at: last,
        monitoring_at: monitoring.and_then(|update| update.at),
        resolved_at: told.resolved_at.or(resolved).filter(|_| over),
        parts,
        updates: told.updates,
        url,
    })
}

fn planned(
    told: Told,
    (key, title, url): (Box<str>, Box<str>, Option<Box<str>>),
    parts: Option<Vec<FeedPart>>,
) -> FeedMaintenance {
    let over = told.updates.iter().any(|update| update.phase.is_some_and(Phase::is_over));
    FeedMaintenance {
        key,
        title,
        phase: over.then_some(MaintenancePhase::Completed),
        starts_at: told.updates.iter().filter_map(|update| update.at).min(),
        ends_at: told.updates.iter().filter_map(|update| update.at).max().filter(|_| over),
        posted_at: None,
        parts,
        updates: told.updates,
        url,
    }
}

/// Azure's ids are slugs of titles that come again with other incidents, so the date makes the key.
fn key(entry: &Entry, engine: Engine, published: Option<UnixMs>) -> Box<str> {
    let id = if entry.id.is_empty() { &entry.link } else { &entry.id };
    match engine {
        Engine::Azure | Engine::Unknown => {
            let when = published.map_or(entry.published.clone(), |at| at.as_millis().to_string());
            bounded(&format!("{id}@{when}"))
        }
        // One incident has one key in all documents of its page, whatever stands before it.
        Engine::IncidentIo | Engine::Statuspage | Engine::Instatus => {
            let page = entry.link.rsplit('/').next().filter(|last| !last.is_empty());
            bounded(page.or(id.rsplit('/').next()).unwrap_or(id))
        }
        Engine::GoogleCloud => bounded(id),
    }
}

/// Named parts; categories count as such, for pages that mix services and regions in them.
fn parts(entry: &Entry, engine: Engine, told: &Told) -> Option<Vec<FeedPart>> {
    if let Some(parts) = &told.parts {
        return Some(parts.clone());
    }
    if !matches!(engine, Engine::Azure | Engine::Unknown) || entry.categories.is_empty() {
        return None;
    }
    let part = |name: &String| FeedPart { id: None, name: bounded(name), from: None, to: None };
    Some(entry.categories.iter().map(part).collect())
}

fn at(text: &str, doubts: &mut Doubts) -> Option<UnixMs> {
    let read = instant(text);
    if read.is_none() && !text.is_empty() {
        doubts.instants = doubts.instants.saturating_add(1);
    }
    read
}

/// What an xAI-like severity says.
pub(super) fn severity(word: &str, doubts: &mut Doubts) -> Option<Impact> {
    match word.trim().to_ascii_lowercase().as_str() {
        "available" => Some(Impact::None),
        "degraded" => Some(Impact::Minor),
        "unavailable" | "down" => Some(Impact::Critical),
        other => words::impact(other, doubts),
    }
}

/// An update without parts.
pub(super) fn update(at: Option<UnixMs>, phase: Option<Phase>, text: &str) -> FeedUpdate {
    FeedUpdate { id: None, at, phase, text: bounded(text), parts: Vec::new() }
}
