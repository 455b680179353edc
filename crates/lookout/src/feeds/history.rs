//! What the HTML of one Atom or RSS entry says: either a history of updates, newest first, each
//! with a date that has no year, or one last state with its parts.

use clock::UnixMs;
use detection::{Impact, Phase};

use super::bounds::{ENTRIES_MAX, bounded};
use super::moment::{instant, without_year};
use super::reading::{Doubts, FeedPart, FeedUpdate};
use super::syndication::{severity, update};
use super::{html, words};

/// What an entry's text says.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) is_planned: bool,
    pub(super) updates: Vec<FeedUpdate>,
    pub(super) parts: Option<Vec<FeedPart>>,
    pub(super) impact: Option<Impact>,
    pub(super) resolved_at: Option<UnixMs>,
}

/// Reads `<small>Oct <var data-var='date'> 7</var>, <var data-var='time'>21:23</var> UTC</small>
/// <strong>Resolved</strong> - text`, again and again. Years are counted back from `updated`, the
/// time of the newest.
pub(super) fn dated(body: &str, updated: Option<UnixMs>, doubts: &mut Doubts) -> Told {
    let mut told = Told::default();
    let mut newer = updated;
    let mut sections = body.split("<small>");
    if let Some(head) = sections.next() {
        lines(&html::text(head), &mut told, doubts);
    }
    for section in sections {
        if told.updates.len() >= ENTRIES_MAX {
            doubts.dropped = doubts.dropped.saturating_add(1);
            continue;
        }
        let (date, rest) = section.split_once("</small>").unwrap_or((section, ""));
        let at = newer.and_then(|newer| moment(&html::text(date), newer));
        if at.is_none() {
            doubts.instants = doubts.instants.saturating_add(1);
        }
        newer = at.or(newer);
        let (word, said) = match rest.split_once("</strong>") {
            Some((head, said)) => (html::text(head), said),
            None => (String::new(), rest),
        };
        let said = html::text(said);
        let said = said.trim_start_matches('-').trim_start();
        let phase = match word.as_str() {
            "" => None,
            "Scheduled" | "In progress" | "Verifying" => {
                told.is_planned = true;
                None
            }
            "Completed" => {
                told.is_planned = true;
                Some(Phase::Resolved)
            }
            word => words::phase(word, doubts),
        };
        told.updates.push(update(at, phase, said));
    }
    told
}

/// Reads `Oct 7, 21:23 UTC`.
fn moment(text: &str, not_after: UnixMs) -> Option<UnixMs> {
    let (day, rest) = text.split_once(',')?;
    let (time, zone) = rest.trim().split_once(' ')?;
    without_year(day, time, zone, not_after)
}

/// Reads the last state of an entry: `Status: …`, `Severity: …`, a list of parts.
pub(super) fn last_state(body: &str, updated: Option<UnixMs>, doubts: &mut Doubts) -> Told {
    let mut told = Told::default();
    let text = html::text(body);
    let (phase, rest) = lines(&text, &mut told, doubts);
    told.updates.push(update(updated, phase, &rest));
    told
}

/// Takes the lines that say something to a machine, and gives back the state and the others.
fn lines(text: &str, told: &mut Told, doubts: &mut Doubts) -> (Option<Phase>, String) {
    let mut phase = None;
    let mut rest = Vec::new();
    let mut in_parts = false;
    for line in text.lines() {
        let (label, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match label.trim().to_ascii_lowercase().as_str() {
            "status" => phase = state(value, told, doubts),
            "severity" => told.impact = severity(value, doubts),
            "resolved" => told.resolved_at = instant(value),
            "type" => told.is_planned = value.eq_ignore_ascii_case("maintenance"),
            "affected components" if value.is_empty() => in_parts = true,
            "affected components" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                told.parts = Some(names.map(|name| part(name, None)).collect());
            }
            "duration" => {}
            _ if in_parts => told.parts.get_or_insert_default().push(listed(line, doubts)),
            _ => rest.push(line),
        }
    }
    (phase, rest.join("\n"))
}

/// `Status: RESOLVED Severity: available Resolved: …` may all stand in one line.
fn state(value: &str, told: &mut Told, doubts: &mut Doubts) -> Option<Phase> {
    let (word, more) = value.split_once("Severity:").unwrap_or((value, ""));
    let (grade, when) = more.split_once("Resolved:").unwrap_or((more, ""));
    if !grade.trim().is_empty() {
        told.impact = severity(grade, doubts);
    }
    if !when.trim().is_empty() {
        told.resolved_at = instant(when.trim());
    }
    match word.trim().to_ascii_lowercase().as_str() {
        word if word.starts_with("maintenance") => {
            told.is_planned = true;
            word.contains("complete").then_some(Phase::Resolved)
        }
        "" => None,
        // Words of feeds that know no stages.
        "ongoing" | "open" | "active" => Some(Phase::Investigating),
        word => words::phase(word, doubts),
    }
}

/// `Chat Completions (Operational)`; a name may have brackets of its own.
fn listed(line: &str, doubts: &mut Doubts) -> FeedPart {
    let split = line.strip_suffix(')').and_then(|line| line.rsplit_once(" ("));
    match split {
        Some((name, word)) => part(name, Some(words::condition(word, doubts))),
        None => part(line, None),
    }
}

fn part(name: &str, to: Option<detection::Condition>) -> FeedPart {
    FeedPart { id: None, name: bounded(name), from: None, to }
}
