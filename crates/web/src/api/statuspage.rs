//! The common status page interface, version 2, as Atlassian's pages serve it: same paths, same keys,
//! same words. What has no meaning here is null, never made up.

use std::borrow::Cow;

use clock::UnixMs;
use detection::{
    Affected, ComponentId, Condition, Impact, Incident, IncidentUpdate, Maintenance,
    MaintenancePhase, Phase,
};
use serde::Serialize;

use crate::answer::Page;
use crate::path_key;
use crate::status::dates::rfc3339;
use crate::status::view::{ComponentView, StatusView};

/// Incidents in one answer, as Atlassian's pages have it.
const INCIDENTS_MAX: usize = 50;

/// The paths below `/api/v2/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Status,
    Summary,
    Components,
    Incidents,
    Unresolved,
    Maintenances,
    Upcoming,
    Active,
}

impl Part {
    pub(crate) fn of(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/api/v2/")?.strip_suffix(".json")? {
            "status" => Self::Status,
            "summary" => Self::Summary,
            "components" => Self::Components,
            "incidents" => Self::Incidents,
            "incidents/unresolved" => Self::Unresolved,
            "scheduled-maintenances" => Self::Maintenances,
            "scheduled-maintenances/upcoming" => Self::Upcoming,
            "scheduled-maintenances/active" => Self::Active,
            _ => return None,
        })
    }
}

#[derive(Serialize)]
struct Answer<'v> {
    page: PageForm<'v>,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Vec<ComponentForm<'v>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<Vec<IncidentForm<'v>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_maintenances: Option<Vec<MaintenanceForm<'v>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusForm>,
}

#[derive(Serialize)]
pub(super) struct PageForm<'v> {
    id: &'v str,
    name: &'v str,
    url: &'v str,
    time_zone: &'static str,
    updated_at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct StatusForm {
    pub(crate) indicator: &'static str,
    pub(crate) description: &'static str,
}

#[derive(Serialize)]
struct ComponentForm<'v> {
    id: Cow<'v, str>,
    name: &'v str,
    status: &'static str,
    created_at: String,
    updated_at: String,
    position: usize,
    description: Option<&'v str>,
    showcase: bool,
    start_date: Option<String>,
    group_id: Option<String>,
    page_id: &'v str,
    group: bool,
    only_show_if_degraded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Vec<&'v str>>,
}

#[derive(Serialize)]
pub(super) struct IncidentForm<'v> {
    id: &'v str,
    name: &'v str,
    status: &'static str,
    created_at: String,
    updated_at: String,
    monitoring_at: Option<String>,
    resolved_at: Option<String>,
    impact: &'static str,
    shortlink: String,
    started_at: String,
    page_id: &'v str,
    incident_updates: Vec<UpdateForm<'v>>,
    components: Vec<ComponentForm<'v>>,
    reminder_intervals: Option<String>,
}

#[derive(Serialize)]
struct UpdateForm<'v> {
    id: &'v str,
    status: &'static str,
    body: &'v str,
    incident_id: &'v str,
    created_at: String,
    updated_at: String,
    display_at: String,
    affected_components: Option<Vec<AffectedForm<'v>>>,
    deliver_notifications: bool,
    custom_tweet: Option<String>,
    tweet_id: Option<String>,
}

#[derive(Serialize)]
struct AffectedForm<'v> {
    code: &'v str,
    name: &'v str,
    old_status: Option<&'static str>,
    new_status: Option<&'static str>,
}

#[derive(Serialize)]
struct MaintenanceForm<'v> {
    #[serde(flatten)]
    incident: IncidentForm<'v>,
    scheduled_for: String,
    scheduled_until: String,
}

/// The answer for a path.
pub(crate) fn page(part: Part, view: &StatusView) -> Page {
    super::json(&answer(part, view))
}

fn answer(part: Part, view: &StatusView) -> Answer<'_> {
    let open = || view.open.iter().map(|one| incident(&one.incident, view)).collect();
    let mut answer = Answer {
        page: page_form(view),
        components: None,
        incidents: None,
        scheduled_maintenances: None,
        status: None,
    };
    match part {
        Part::Status => answer.status = Some(status(view)),
        Part::Summary => {
            answer.components = Some(components(view));
            answer.incidents = Some(open());
            answer.scheduled_maintenances = Some(works(view, is_ahead));
            answer.status = Some(status(view));
        }
        Part::Components => answer.components = Some(components(view)),
        Part::Incidents => {
            let latest = view.incidents().take(INCIDENTS_MAX);
            answer.incidents = Some(latest.map(|one| incident(&one.incident, view)).collect());
        }
        Part::Unresolved => answer.incidents = Some(open()),
        Part::Maintenances => answer.scheduled_maintenances = Some(works(view, |_| true)),
        Part::Upcoming => {
            let planned = |phase| phase == MaintenancePhase::Scheduled;
            answer.scheduled_maintenances = Some(works(view, planned));
        }
        Part::Active => answer.scheduled_maintenances = Some(works(view, is_active)),
    }
    answer
}

fn is_active(phase: MaintenancePhase) -> bool {
    matches!(phase, MaintenancePhase::InProgress | MaintenancePhase::Verifying)
}

fn is_ahead(phase: MaintenancePhase) -> bool {
    phase == MaintenancePhase::Scheduled || is_active(phase)
}

pub(super) fn page_form(view: &StatusView) -> PageForm<'_> {
    let components = view.components().map(|one| one.updated_at);
    let posts = view.incidents().filter_map(|one| one.incident.updates.last()).map(|last| last.at);
    let updated_at = components.chain(posts).max().unwrap_or(view.at);
    PageForm {
        id: &view.page.id,
        name: &view.page.name,
        url: &view.page.url,
        time_zone: "Etc/UTC",
        updated_at: rfc3339(updated_at),
    }
}

/// The top line, by the rule for two or more components (see Atlassian's help on "Top level status").
/// A component of which nobody knows anything neither helps nor harms.
pub(crate) fn status(view: &StatusView) -> StatusForm {
    let known = view.components().map(|one| one.condition).filter(|one| *one != Condition::Unknown);
    let known: Vec<Condition> = known.collect();
    let all = |condition| !known.is_empty() && known.iter().all(|one| *one == condition);
    let some = |condition| known.contains(&condition);
    let (indicator, description) = if all(Condition::MajorOutage) {
        ("critical", "Major System Outage")
    } else if some(Condition::MajorOutage) || all(Condition::PartialOutage) {
        ("major", "Partial System Outage")
    } else if some(Condition::PartialOutage) {
        ("minor", "Minor Service Outage")
    } else if all(Condition::DegradedPerformance) {
        ("minor", "Degraded System Service")
    } else if some(Condition::DegradedPerformance) {
        ("minor", "Partially Degraded Service")
    } else if some(Condition::UnderMaintenance) {
        ("maintenance", "Service Under Maintenance")
    } else {
        ("none", "All Systems Operational")
    };
    StatusForm { indicator, description }
}

/// The word for a condition. The interface has none for what nobody knows, and `operational` would
/// be a lie.
fn word(condition: Condition) -> Option<&'static str> {
    (condition != Condition::Unknown).then(|| condition.as_str())
}

fn group_id(index: usize) -> String {
    format!("group-{}", index + 1)
}

/// Each group, followed by its components; positions are counted through. A component that nobody
/// knows anything of is left out.
fn components(view: &StatusView) -> Vec<ComponentForm<'_>> {
    let mut forms = Vec::new();
    for (index, group) in view.groups.iter().enumerate() {
        let known: Vec<&ComponentView> =
            group.components.iter().filter(|one| word(one.condition).is_some()).collect();
        let Some(worst) = known.iter().max_by_key(|one| one.condition) else { continue };
        forms.push(ComponentForm {
            id: group_id(index).into(),
            name: &group.title.en,
            description: group.note.as_ref().map(|note| &*note.en),
            position: forms.len() + 1,
            group_id: None,
            group: true,
            components: Some(known.iter().map(|one| one.component.id.as_str()).collect()),
            ..component(worst, (0, 0), view)
        });
        for one in known {
            forms.push(component(one, (index, forms.len() + 1), view));
        }
    }
    forms
}

/// `place` is the index of its group and its own position.
fn component<'v>(
    one: &'v ComponentView,
    place: (usize, usize),
    view: &'v StatusView,
) -> ComponentForm<'v> {
    ComponentForm {
        id: one.component.id.as_str().into(),
        name: &one.name.en,
        status: one.condition.as_str(),
        created_at: rfc3339(one.created_at),
        updated_at: rfc3339(one.updated_at),
        position: place.1,
        description: one.note.as_ref().map(|note| &*note.en),
        showcase: true,
        start_date: None,
        group_id: Some(group_id(place.0)),
        page_id: &view.page.id,
        group: false,
        only_show_if_degraded: false,
        components: None,
    }
}

fn concerned<'v>(ids: &[ComponentId], view: &'v StatusView) -> Vec<ComponentForm<'v>> {
    let all = components(view).into_iter();
    all.filter(|form| !form.group && ids.iter().any(|id| id.as_str() == form.id)).collect()
}

pub(super) fn incident<'v>(one: &'v Incident, view: &'v StatusView) -> IncidentForm<'v> {
    let at = |phase| one.updates.iter().find(|update| update.phase == phase).map(|up| up.at);
    IncidentForm {
        id: one.id.as_str(),
        name: &one.title,
        status: one.phase.as_str(),
        created_at: rfc3339(one.opened_at),
        updated_at: rfc3339(updated_at(&one.updates, one.opened_at)),
        monitoring_at: at(Phase::Monitoring).map(rfc3339),
        resolved_at: one.resolved_at.map(rfc3339),
        impact: one.impact.as_str(),
        shortlink: format!("{}/incidents/{}", view.page.url, path_key(one.id.as_str())),
        started_at: rfc3339(one.started_at),
        page_id: &view.page.id,
        incident_updates: updates(&one.updates, one.id.as_str(), Phase::as_str, view),
        components: concerned(&one.components, view),
        reminder_intervals: None,
    }
}

fn updated_at(updates: &[IncidentUpdate], opened_at: UnixMs) -> UnixMs {
    updates.iter().map(|update| update.at).max().unwrap_or(opened_at)
}

/// Newest first.
fn updates<'v>(
    updates: &'v [IncidentUpdate],
    incident_id: &'v str,
    said: impl Fn(Phase) -> &'static str,
    view: &'v StatusView,
) -> Vec<UpdateForm<'v>> {
    let form = |update: &'v IncidentUpdate| {
        let affected = update.affected.iter().map(|affected| affected_form(affected, view));
        UpdateForm {
            id: update.id.as_str(),
            status: said(update.phase),
            body: &update.body,
            incident_id,
            created_at: rfc3339(update.at),
            updated_at: rfc3339(update.at),
            display_at: rfc3339(update.at),
            affected_components: (!update.affected.is_empty()).then(|| affected.collect()),
            deliver_notifications: true,
            custom_tweet: None,
            tweet_id: None,
        }
    };
    updates.iter().rev().map(form).collect()
}

fn affected_form<'v>(affected: &'v Affected, view: &'v StatusView) -> AffectedForm<'v> {
    let known = view.components().find(|one| one.component.id == affected.component);
    AffectedForm {
        code: affected.component.as_str(),
        name: known.map_or(affected.component.as_str(), |one| &one.name.en),
        old_status: word(affected.from),
        new_status: word(affected.to),
    }
}

fn works(view: &StatusView, wanted: impl Fn(MaintenancePhase) -> bool) -> Vec<MaintenanceForm<'_>> {
    let such = view
        .maintenances
        .iter()
        .filter(|one| one.phase != MaintenancePhase::Cancelled && wanted(one.phase));
    such.take(INCIDENTS_MAX).map(|one| maintenance(one, view)).collect()
}

fn maintenance<'v>(one: &'v Maintenance, view: &'v StatusView) -> MaintenanceForm<'v> {
    let over = one.phase == MaintenancePhase::Completed;
    let updated = updated_at(&one.updates, one.created_at);
    let incident = IncidentForm {
        id: one.id.as_str(),
        name: &one.title,
        status: one.phase.as_str(),
        created_at: rfc3339(one.created_at),
        updated_at: rfc3339(updated),
        monitoring_at: None,
        resolved_at: over.then(|| rfc3339(updated)),
        impact: Impact::Maintenance.as_str(),
        shortlink: format!("{}/maintenances/{}", view.page.url, path_key(one.id.as_str())),
        started_at: rfc3339(one.starts_at),
        page_id: &view.page.id,
        incident_updates: updates(&one.updates, one.id.as_str(), work_word, view),
        components: concerned(&one.components, view),
        reminder_intervals: None,
    };
    MaintenanceForm {
        incident,
        scheduled_for: rfc3339(one.starts_at),
        scheduled_until: rfc3339(one.ends_at),
    }
}

/// Updates of planned work carry an incident's phases; the interface has other words for them.
fn work_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Investigating => MaintenancePhase::Scheduled,
        Phase::Identified => MaintenancePhase::InProgress,
        Phase::Monitoring => MaintenancePhase::Verifying,
        Phase::Resolved | Phase::Postmortem => MaintenancePhase::Completed,
    }
    .as_str()
}
