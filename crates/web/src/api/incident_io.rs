//! The summary that incident.io's pages give their widgets: what is going on and what is planned.

use detection::{Condition, Impact, MaintenancePhase};
use serde::Serialize;

use crate::answer::Page;
use crate::path_key;
use crate::status::dates::rfc3339;
use crate::status::view::{ComponentView, IncidentView, StatusView};

#[derive(Serialize)]
struct Summary<'v> {
    page_title: &'v str,
    page_url: &'v str,
    ongoing_incidents: Vec<IncidentForm<'v>>,
    in_progress_maintenances: Vec<MaintenanceForm<'v>>,
    scheduled_maintenances: Vec<MaintenanceForm<'v>>,
}

#[derive(Serialize)]
struct IncidentForm<'v> {
    id: &'v str,
    name: &'v str,
    status: &'static str,
    url: String,
    last_update_at: String,
    last_update_message: &'v str,
    current_worst_impact: &'static str,
    affected_components: Vec<Affected<'v>>,
}

#[derive(Serialize)]
struct MaintenanceForm<'v> {
    id: &'v str,
    name: &'v str,
    status: &'static str,
    url: String,
    last_update_at: String,
    last_update_message: &'v str,
    affected_components: Vec<Affected<'v>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_end_at: Option<String>,
}

#[derive(Serialize)]
struct Affected<'v> {
    id: &'v str,
    name: &'v str,
    group_name: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_status: Option<&'static str>,
}

/// The answer.
pub(crate) fn page(view: &StatusView) -> Page {
    super::json(&Summary {
        page_title: &view.page.name,
        page_url: &view.page.url,
        ongoing_incidents: view.open.iter().map(|one| incident(one, view)).collect(),
        in_progress_maintenances: works(view, true),
        scheduled_maintenances: works(view, false),
    })
}

fn incident<'v>(one: &'v IncidentView, view: &'v StatusView) -> IncidentForm<'v> {
    let incident = &one.incident;
    let last = incident.updates.last();
    IncidentForm {
        id: incident.id.as_str(),
        name: &incident.title,
        status: incident.phase.as_str(),
        url: format!("{}/incidents/{}", view.page.url, path_key(incident.id.as_str())),
        last_update_at: rfc3339(last.map_or(incident.opened_at, |update| update.at)),
        last_update_message: last.map_or(&incident.cause.why, |update| &update.body),
        current_worst_impact: match incident.impact {
            Impact::None | Impact::Maintenance | Impact::Minor => "degraded_performance",
            Impact::Major => "partial_outage",
            Impact::Critical => "full_outage",
        },
        affected_components: affected(&incident.components, view),
    }
}

fn works(view: &StatusView, active: bool) -> Vec<MaintenanceForm<'_>> {
    let such = view.maintenances.iter().filter(|one| match one.phase {
        MaintenancePhase::Scheduled => !active,
        MaintenancePhase::InProgress | MaintenancePhase::Verifying => active,
        MaintenancePhase::Completed | MaintenancePhase::Cancelled => false,
    });
    such.map(|one| {
        let last = one.updates.last();
        MaintenanceForm {
            id: one.id.as_str(),
            name: &one.title,
            status: if active { "maintenance_in_progress" } else { "maintenance_scheduled" },
            url: format!("{}/maintenances/{}", view.page.url, path_key(one.id.as_str())),
            last_update_at: rfc3339(last.map_or(one.created_at, |update| update.at)),
            last_update_message: last.map_or("", |update| &update.body),
            affected_components: affected(&one.components, view),
            starts_at: (!active).then(|| rfc3339(one.starts_at)),
            ends_at: (!active).then(|| rfc3339(one.ends_at)),
            started_at: active.then(|| rfc3339(one.starts_at)),
            scheduled_end_at: active.then(|| rfc3339(one.ends_at)),
        }
    })
    .collect()
}

fn affected<'v>(ids: &[detection::ComponentId], view: &'v StatusView) -> Vec<Affected<'v>> {
    let groups = view.groups.iter();
    let all = groups.flat_map(|group| group.components.iter().map(move |one| (group, one)));
    let such = all.filter(|(_, one)| ids.contains(&one.component.id));
    such.map(|(group, one)| Affected {
        id: one.component.id.as_str(),
        name: &one.name.en,
        group_name: Some(&group.title.en),
        current_status: status(one),
    })
    .collect()
}

/// The widget's own words; it has none for what nobody knows.
fn status(one: &ComponentView) -> Option<&'static str> {
    Some(match one.condition {
        Condition::Unknown => return None,
        Condition::MajorOutage => "full_outage",
        other => other.as_str(),
    })
}
