//! incident.io's own forms: the summary behind its pages, the widget's summary, and the impacts of a
//! span of time. In the first, a part that is listed in the structure and not among the affected
//! ones is well.

use detection::Condition;
use serde::Deserialize;

use super::bounds::{Many, bounded};
use super::moment::ulid_created;
use super::reading::{
    Doubts, Engine, FeedComponent, FeedIncident, FeedMaintenance, FeedPart, FeedReading, FeedUpdate,
};
use super::statuspage::{kept, moment};
use super::updates::{self, Spelt};
use super::{FeedError, words};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Proxy {
    summary: Summary,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    id: Option<String>,
    name: Option<String>,
    public_url: Option<String>,
    components: Option<Many<Named>>,
    structure: Option<Structure>,
    affected_components: Option<Many<Affected>>,
    ongoing_incidents: Option<Many<Incident>>,
    scheduled_maintenances: Option<Many<Incident>>,
    in_progress_maintenances: Option<Many<Incident>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Structure {
    items: Many<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    group: Option<Group>,
    component: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    id: Option<String>,
    name: Option<String>,
    components: Many<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Option<String>,
    component_id: Option<String>,
    name: Option<String>,
}

impl Named {
    fn id(&self) -> &str {
        self.component_id.as_deref().or(self.id.as_deref()).unwrap_or_default()
    }
}

/// A part with its condition, under the names that the forms have for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Affected {
    id: Option<String>,
    component_id: Option<String>,
    name: Option<String>,
    #[serde(alias = "current_status", alias = "component_status")]
    status: Option<String>,
    start_at: Option<String>,
    end_at: Option<String>,
    status_page_incident_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incident {
    id: Option<String>,
    name: Option<String>,
    status: Option<String>,
    url: Option<String>,
    #[serde(alias = "current_worst_impact")]
    worst_impact: Option<String>,
    published_at: Option<String>,
    last_update_at: Option<String>,
    last_update_message: Option<String>,
    #[serde(alias = "started_at")]
    starts_at: Option<String>,
    #[serde(alias = "scheduled_end_at")]
    ends_at: Option<String>,
    affected_components: Option<Many<Affected>>,
    component_impacts: Option<Many<Affected>>,
    updates: Option<Many<Update>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    id: Option<String>,
    #[serde(alias = "incident_status", alias = "to_status")]
    status: Option<String>,
    #[serde(alias = "message_string")]
    message: Option<String>,
    published_at: Option<String>,
    component_statuses: Many<Affected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Widget {
    page_title: Option<String>,
    page_url: Option<String>,
    ongoing_incidents: Option<Many<Incident>>,
    in_progress_maintenances: Option<Many<Incident>>,
    scheduled_maintenances: Option<Many<Incident>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Span {
    component_impacts: Option<Many<Affected>>,
    incidents: Option<Many<Incident>>,
}

/// Reads `{"summary": …}`.
pub(super) fn read_proxy(text: &str) -> Result<FeedReading, FeedError> {
    let Proxy { summary } = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "incident.io's summary", source })?;
    let mut reading = FeedReading::of(Engine::IncidentIo);
    reading.page.id = kept(summary.id.as_deref());
    reading.page.name = kept(summary.name.as_deref());
    reading.page.url = kept(summary.public_url.as_deref());
    let doubts = &mut reading.doubts;
    let affected = summary.affected_components.map(|many| parts(many, doubts));
    reading.components = listed(summary.structure, summary.components, doubts)
        .map(|listed| with_conditions(listed, affected.as_deref()));
    reading.incidents = summary.ongoing_incidents.map(|many| incidents(many, doubts));
    reading.maintenances =
        both(summary.in_progress_maintenances, summary.scheduled_maintenances, doubts);
    Ok(reading)
}

/// Reads the widget's summary.
pub(super) fn read_widget(text: &str) -> Result<FeedReading, FeedError> {
    let widget: Widget = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "incident.io's widget", source })?;
    let mut reading = FeedReading::of(Engine::IncidentIo);
    reading.page.name = kept(widget.page_title.as_deref());
    reading.page.url = kept(widget.page_url.as_deref());
    let doubts = &mut reading.doubts;
    reading.incidents = widget.ongoing_incidents.map(|many| incidents(many, doubts));
    reading.maintenances =
        both(widget.in_progress_maintenances, widget.scheduled_maintenances, doubts);
    Ok(reading)
}

/// Reads the incidents or the impacts of a span of time. Impacts without incidents make one
/// incident each: a part, a condition, from and to.
pub(super) fn read_span(text: &str) -> Result<FeedReading, FeedError> {
    let span: Span = serde_json::from_str(text)
        .map_err(|source| FeedError::Json { form: "incident.io's impacts", source })?;
    let mut reading = FeedReading::of(Engine::IncidentIo);
    let doubts = &mut reading.doubts;
    let told = span.incidents.map(|many| incidents(many, doubts));
    reading.incidents = told.or_else(|| span.component_impacts.map(|many| impacts(many, doubts)));
    Ok(reading)
}

fn impacts(many: Many<Affected>, doubts: &mut Doubts) -> Vec<FeedIncident> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for impact in many.items {
        let word = impact.status.as_deref().unwrap_or_default();
        let part = FeedPart {
            id: kept(impact.component_id.as_deref()),
            name: bounded(impact.name.as_deref().unwrap_or_default()),
            from: None,
            to: Some(words::condition(word, doubts)),
        };
        let incident = impact.status_page_incident_id.as_deref();
        read.push(FeedIncident {
            key: bounded(impact.id.as_deref().or(incident).unwrap_or_default()),
            title: "".into(),
            phase: None,
            impact: words::impact(word, doubts),
            started_at: moment(impact.start_at.as_deref(), doubts),
            posted_at: incident.and_then(ulid_created),
            updated_at: None,
            monitoring_at: None,
            resolved_at: moment(impact.end_at.as_deref(), doubts),
            parts: Some(vec![part]),
            updates: Vec::new(),
            url: None,
        });
    }
    read
}

/// The parts of the structure with their groups, or the plain list; `None` if there is neither.
fn listed(
    structure: Option<Structure>,
    plain: Option<Many<Named>>,
    doubts: &mut Doubts,
) -> Option<Vec<FeedComponent>> {
    let mut read = Vec::new();
    let known = structure.is_some() || plain.is_some();
    let items = structure.unwrap_or_default().items;
    doubts.dropped = doubts.dropped.saturating_add(items.dropped);
    for item in items.items {
        read.extend(item.component.as_ref().map(|part| component(part, None)));
        if let Some(group) = item.group {
            doubts.dropped = doubts.dropped.saturating_add(group.components.dropped);
            read.extend(group.components.items.iter().map(|part| component(part, Some(&group))));
        }
    }
    let plain = plain.unwrap_or_default();
    doubts.dropped = doubts.dropped.saturating_add(plain.dropped);
    for part in &plain.items {
        if !read.iter().any(|known| &*known.id == part.id()) {
            read.push(component(part, None));
        }
    }
    known.then_some(read)
}

fn component(part: &Named, group: Option<&Group>) -> FeedComponent {
    FeedComponent {
        id: bounded(part.id()),
        name: bounded(part.name.as_deref().unwrap_or_default()),
        condition: Condition::Unknown,
        description: None,
        group_id: group.and_then(|group| kept(group.id.as_deref())),
        group_name: group.and_then(|group| kept(group.name.as_deref())),
        is_group: false,
        position: None,
        created_at: None,
        updated_at: None,
    }
}

/// Without a list of affected parts nothing is known of any of them.
fn with_conditions(
    mut listed: Vec<FeedComponent>,
    affected: Option<&[FeedPart]>,
) -> Vec<FeedComponent> {
    let Some(affected) = affected else { return listed };
    for component in &mut listed {
        let hit = affected.iter().filter(|part| part.id.as_ref() == Some(&component.id));
        component.condition =
            hit.filter_map(|part| part.to).max().unwrap_or(Condition::Operational);
    }
    listed
}

fn parts(many: Many<Affected>, doubts: &mut Doubts) -> Vec<FeedPart> {
    updates::parts(many, doubts, |part| {
        let id = part.component_id.as_deref().or(part.id.as_deref());
        (id, part.name.as_deref(), part.status.as_deref())
    })
}

fn updates_of(incident: &mut Incident, is_planned: bool, doubts: &mut Doubts) -> Vec<FeedUpdate> {
    let spelt = |update: Update, doubts: &mut Doubts| Spelt {
        id: update.id,
        at: update.published_at,
        status: update.status,
        message: update.message,
        parts: parts(update.component_statuses, doubts),
    };
    let read = updates::updates(incident.updates.take(), is_planned, doubts, spelt);
    if !read.is_empty() || incident.last_update_message.is_none() {
        return read;
    }
    let last = Many { items: vec![incident], dropped: 0 };
    updates::updates(Some(last), true, doubts, |incident, _| Spelt {
        at: incident.last_update_at.clone(),
        message: incident.last_update_message.take(),
        ..Spelt::default()
    })
}

fn named_parts(incident: &mut Incident, doubts: &mut Doubts) -> Option<Vec<FeedPart>> {
    let affected = incident.affected_components.take();
    affected.or_else(|| incident.component_impacts.take()).map(|many| parts(many, doubts))
}

fn incidents(many: Many<Incident>, doubts: &mut Doubts) -> Vec<FeedIncident> {
    doubts.dropped = doubts.dropped.saturating_add(many.dropped);
    let mut read = Vec::with_capacity(many.items.len());
    for mut incident in many.items {
        let updates = updates_of(&mut incident, false, doubts);
        let parts = named_parts(&mut incident, doubts);
        let key = bounded(incident.id.as_deref().unwrap_or_default());
        let published = moment(incident.published_at.as_deref(), doubts);
        let phase = incident.status.as_deref().and_then(|word| words::phase(word, doubts));
        let over = phase.is_some_and(detection::Phase::is_over);
        let last = moment(incident.last_update_at.as_deref(), doubts);
        let first = updates.iter().filter_map(|update| update.at).min();
        let last = last.or_else(|| updates.iter().filter_map(|update| update.at).max());
        read.push(FeedIncident {
            title: bounded(incident.name.as_deref().unwrap_or_default()),
            phase,
            impact: incident.worst_impact.as_deref().and_then(|word| words::impact(word, doubts)),
            started_at: published.or(first),
            posted_at: ulid_created(&key).or(published).or(first),
            updated_at: last,
            monitoring_at: None,
            resolved_at: last.filter(|_| over),
            parts,
            updates,
            url: kept(incident.url.as_deref()),
            key,
        });
    }
    read
}

fn both(
    running: Option<Many<Incident>>,
    coming: Option<Many<Incident>>,
    doubts: &mut Doubts,
) -> Option<Vec<FeedMaintenance>> {
    let told = running.is_some() || coming.is_some();
    let mut read = Vec::new();
    for many in [running, coming].into_iter().flatten() {
        doubts.dropped = doubts.dropped.saturating_add(many.dropped);
        for mut planned in many.items {
            let word = planned.status.take();
            read.push(FeedMaintenance {
                key: bounded(planned.id.as_deref().unwrap_or_default()),
                title: bounded(planned.name.as_deref().unwrap_or_default()),
                phase: word.as_deref().and_then(|word| words::maintenance(word, doubts)),
                starts_at: moment(planned.starts_at.as_deref(), doubts),
                ends_at: moment(planned.ends_at.as_deref(), doubts),
                posted_at: planned.id.as_deref().and_then(ulid_created),
                updates: updates_of(&mut planned, true, doubts),
                parts: named_parts(&mut planned, doubts),
                url: kept(planned.url.as_deref()),
            });
        }
    }
    told.then_some(read)
}
