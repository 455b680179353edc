//! The words of states in all engines, read into ours. A word that nobody knows is unknown, and
//! counted; it is never taken for good.

use detection::{Condition, Impact, MaintenancePhase, Phase};

use super::Doubts;

/// Case, blanks, hyphens and lines below do not matter.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A component's condition.
pub(super) fn condition(word: &str, doubts: &mut Doubts) -> Condition {
    match plain(word).as_str() {
        "operational" => Condition::Operational,
        "degradedperformance" | "degraded" => Condition::DegradedPerformance,
        "partialoutage" => Condition::PartialOutage,
        "majoroutage" | "fulloutage" => Condition::MajorOutage,
        "undermaintenance" | "maintenance" => Condition::UnderMaintenance,
        _ => {
            doubts.words = doubts.words.saturating_add(1);
            Condition::Unknown
        }
    }
}

/// How far an incident is.
pub(super) fn phase(word: &str, doubts: &mut Doubts) -> Option<Phase> {
    match plain(word).as_str() {
        "investigating" => Some(Phase::Investigating),
        "identified" => Some(Phase::Identified),
        "monitoring" | "verifying" => Some(Phase::Monitoring),
        "resolved" | "completed" | "fixed" => Some(Phase::Resolved),
        "postmortem" => Some(Phase::Postmortem),
        // Words of an update that changes nothing.
        "update" => None,
        _ => {
            doubts.words = doubts.words.saturating_add(1);
            None
        }
    }
}

/// How grave an incident is.
pub(super) fn impact(word: &str, doubts: &mut Doubts) -> Option<Impact> {
    match plain(word).as_str() {
        "none" | "operational" => Some(Impact::None),
        "minor" | "low" | "degradedperformance" => Some(Impact::Minor),
        "major" | "medium" | "partialoutage" | "minoroutage" => Some(Impact::Major),
        "critical" | "high" | "fulloutage" | "majoroutage" => Some(Impact::Critical),
        "maintenance" | "undermaintenance" => Some(Impact::Maintenance),
        _ => {
            doubts.words = doubts.words.saturating_add(1);
            None
        }
    }
}

/// How far planned work is.
pub(super) fn maintenance(word: &str, doubts: &mut Doubts) -> Option<MaintenancePhase> {
    match plain(word).as_str() {
        "scheduled" | "maintenancescheduled" | "notstartedyet" => Some(MaintenancePhase::Scheduled),
        "inprogress" | "maintenanceinprogress" => Some(MaintenancePhase::InProgress),
        "verifying" => Some(MaintenancePhase::Verifying),
        "completed" | "maintenancecomplete" | "resolved" => Some(MaintenancePhase::Completed),
        "cancelled" | "canceled" => Some(MaintenancePhase::Cancelled),
        _ => {
            doubts.words = doubts.words.saturating_add(1);
            None
        }
    }
}
