//! Planned work: plain data. Its minutes are nobody's downtime.

use clock::UnixMs;

use crate::{ComponentId, IncidentId, IncidentUpdate};

/// How far planned work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaintenancePhase {
    Scheduled,
    InProgress,
    Verifying,
    Completed,
    Cancelled,
}

impl MaintenancePhase {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Scheduled, Self::InProgress, Self::Verifying, Self::Completed, Self::Cancelled];

    /// The word in the interface and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Verifying => "verifying",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The phase of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

    /// True once nothing more will be done.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// One piece of planned work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    pub id: IncidentId,
    pub title: Box<str>,
    pub phase: MaintenancePhase,
    pub created_at: UnixMs,
    pub starts_at: UnixMs,
    pub ends_at: UnixMs,
    pub components: Vec<ComponentId>,
    /// Oldest first.
    pub updates: Vec<IncidentUpdate>,
    /// Raised with every change, for calendars.
    pub sequence: u32,
}

impl Maintenance {
    /// True while its components are excused.
    pub fn covers(&self, at: UnixMs) -> bool {
        let is_on = matches!(
            self.phase,
            MaintenancePhase::Scheduled
                | MaintenancePhase::InProgress
                | MaintenancePhase::Verifying
        );
        is_on && self.starts_at <= at && at < self.ends_at
    }
}
