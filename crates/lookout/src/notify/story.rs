//! What is told: an incident or planned work in the words of the common status page interface, and
//! the page that it stands on. Plain data; each channel makes its own body of it.

use clock::UnixMs;
use detection::{
    Affected, ComponentId, Condition, Impact, Incident, IncidentUpdate, Maintenance, Phase,
};

use super::Language;

/// One part of our page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePart {
    pub id: ComponentId,
    pub name: Box<str>,
    pub condition: Condition,
}

/// Our page as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFacts {
    pub id: Box<str>,
    pub name: Box<str>,
    /// Its address, without a slash at the end.
    pub url: Box<str>,
    /// The page's light and its words, as the page shows them.
    pub indicator: Impact,
    pub description: Box<str>,
    pub parts: Vec<PagePart>,
}

impl PageFacts {
    /// A part's name, or its id if it has none.
    pub(super) fn name_of<'a>(&'a self, id: &'a ComponentId) -> &'a str {
        self.part(id).map_or(id.as_str(), |part| &part.name)
    }

    pub(super) fn part(&self, id: &ComponentId) -> Option<&PagePart> {
        self.parts.iter().find(|part| part.id == *id)
    }
}

/// A part whose condition changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChange {
    /// Names the change for ever.
    pub id: Box<str>,
    pub component: ComponentId,
    pub from: Condition,
    pub to: Condition,
    pub at: UnixMs,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryUpdate {
    pub id: Box<str>,
    pub at: UnixMs,
    pub status: &'static str,
    /// Markdown.
    pub body: Box<str>,
    pub affected: Vec<Affected>,
}

/// An incident or planned work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    pub id: Box<str>,
    pub title: Box<str>,
    pub status: &'static str,
    pub impact: Impact,
    pub is_over: bool,
    pub created_at: UnixMs,
    pub started_at: UnixMs,
    pub resolved_at: Option<UnixMs>,
    /// From and to, of planned work.
    pub scheduled: Option<(UnixMs, UnixMs)>,
    pub components: Vec<ComponentId>,
    /// Oldest first.
    pub updates: Vec<StoryUpdate>,
}

impl Story {
    /// Of an incident.
    pub fn of_incident(incident: &Incident) -> Self {
        Self {
            id: incident.id.as_str().into(),
            title: incident.title.clone(),
            status: incident.phase.as_str(),
            impact: incident.impact,
            is_over: incident.phase.is_over(),
            created_at: incident.opened_at,
            started_at: incident.started_at,
            resolved_at: incident.resolved_at,
            scheduled: None,
            components: incident.components.clone(),
            updates: incident
                .updates
                .iter()
                .map(|update| of(update, update.phase.as_str()))
                .collect(),
        }
    }

    /// Of planned work. Its updates are told with the status that the work has now.
    pub fn of_maintenance(planned: &Maintenance) -> Self {
        let is_over = matches!(
            planned.phase,
            detection::MaintenancePhase::Completed | detection::MaintenancePhase::Cancelled
        );
        let status = planned.phase.as_str();
        Self {
            id: planned.id.as_str().into(),
            title: planned.title.clone(),
            status,
            impact: Impact::Maintenance,
            is_over,
            created_at: planned.created_at,
            started_at: planned.starts_at,
            resolved_at: is_over.then_some(planned.ends_at),
            scheduled: Some((planned.starts_at, planned.ends_at)),
            components: planned.components.clone(),
            updates: planned.updates.iter().map(|update| of(update, status)).collect(),
        }
    }

    /// The newest update.
    pub(super) fn newest(&self) -> Option<&StoryUpdate> {
        self.updates.last()
    }

    /// When it last changed.
    pub(super) fn updated_at(&self) -> UnixMs {
        self.newest().map_or(self.created_at, |update| update.at)
    }

    /// One line that says all, for subjects and lists.
    pub(super) fn line(&self, language: Language) -> String {
        let (status, title) = (language.status(self.status), language.said(&self.title));
        match language.impact(self.impact) {
            None => language.pick(format!("{status}: {title}"), format!("{status}：{title}")),
            Some(impact) => language.pick(
                format!("{status}: {title} ({impact})"),
                format!("{status}：{title}（{impact}）"),
            ),
        }
    }

    /// Its page.
    pub(super) fn url(&self, page: &PageFacts) -> String {
        let kind = if self.scheduled.is_some() { "maintenances" } else { "incidents" };
        format!("{}/{kind}/{}", page.url, self.id)
    }

    pub(super) fn monitoring_at(&self) -> Option<UnixMs> {
        let monitoring = Phase::Monitoring.as_str();
        self.updates.iter().find(|update| update.status == monitoring).map(|update| update.at)
    }
}

fn of(update: &IncidentUpdate, status: &'static str) -> StoryUpdate {
    StoryUpdate {
        id: update.id.as_str().into(),
        at: update.at,
        status,
        body: update.body.clone(),
        affected: update.affected.clone(),
    }
}

/// `in_progress` becomes `In progress`.
pub(super) fn words(status: &str) -> String {
    let mut spoken = status.replace('_', " ");
    if let Some(first) = spoken.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    spoken
}
