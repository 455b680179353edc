//! What the observer said, beside the traffic: a strip for each part that was not always well, a
//! table of incidents, and every change of a verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use detection::Certainty;

use super::Report;
use super::chart::escaped;
use super::words::time_of_day;
use crate::score::{IncidentTold, Seen, VerdictTold};

const WIDTH: f64 = 720.0;
/// Pixels of a strip, and from one to the next.
const STRIP: f64 = 14.0;
const STEP: f64 = 40.0;
/// Lines of the list that are shown, and strips.
const LINES_MAX: usize = 120;
const STRIPS_MAX: usize = 12;

/// The section; nothing if no observer ran.
pub(super) fn section(text: &mut String, report: &Report) {
    let Some(seen) = &report.seen else { return };
    text.push_str("<h2>What Seawall said of it</h2><p>An observer inside Seawall judges each part of each provider by its own traffic, probes, people’s reports and the providers’ own pages. Pale is a suspicion, full is sure. A line with a knob is the moment at which the provider’s page told of it.</p>");
    strips(text, report, seen);
    incidents(text, report, seen);
    changes(text, report, seen);
}

fn strips(text: &mut String, report: &Report, seen: &Seen) {
    let mut parts: BTreeMap<&str, Vec<&VerdictTold>> = BTreeMap::new();
    // A whole provider says what its parts say.
    for told in seen.verdicts.iter().filter(|told| told.component.as_str().contains('/')) {
        parts.entry(told.component.as_str()).or_default().push(told);
    }
    if parts.is_empty() {
        return;
    }
    let whole = report.virtual_s.max(1) as f64;
    let x = |at_s: f64| at_s.clamp(0.0, whole) / whole * WIDTH;
    let height = STEP * parts.len().min(STRIPS_MAX) as f64;
    _ = write!(
        text,
        "<figure><svg viewBox=\"0 -6 {} {}\" role=\"img\" aria-label=\"When each part was suspected and sure to be in trouble\">",
        WIDTH + 8.0,
        height + 12.0
    );
    for (row, (part, told)) in parts.iter().take(STRIPS_MAX).enumerate() {
        let top = STEP * row as f64;
        let y = top + 20.0;
        _ = write!(
            text,
            "<text x=\"0\" y=\"{:.0}\">{}</text><rect class=\"strip\" x=\"0\" y=\"{y:.0}\" width=\"{WIDTH}\" height=\"{STRIP}\"/>",
            top + 14.0,
            escaped(part)
        );
        for (index, verdict) in told.iter().enumerate() {
            let class = match verdict.certainty {
                Certainty::Clear => continue,
                Certainty::Suspected => "suspected",
                Certainty::Confirmed => "confirmed",
            };
            let from = x(verdict.at_s as f64);
            let until = told.get(index + 1).map_or(whole, |next| next.at_s as f64);
            let width = (x(until) - from).max(1.5);
            _ = write!(
                text,
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{STRIP}\"/>"
            );
        }
        for incident in seen.incidents.iter().filter(|of| of.components.iter().any(|c| c == part)) {
            if let Some(posted) = incident.official_s {
                let x = x(posted as f64);
                _ = write!(
                    text,
                    "<line class=\"posted\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.0}\" y2=\"{:.0}\"/><circle class=\"knob\" cx=\"{x:.1}\" cy=\"{:.0}\" r=\"4\"/>",
                    y - 6.0,
                    y + STRIP,
                    y - 6.0
                );
            }
        }
    }
    text.push_str("</svg></figure>");
}

fn incidents(text: &mut String, report: &Report, seen: &Seen) {
    if seen.incidents.is_empty() {
        text.push_str("<p>It told of no incident.</p>");
        return;
    }
    text.push_str("<h3>Incidents</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Incidents\"><table><thead><tr><th>incident</th><th>cause</th><th class=\"n\">began</th><th class=\"n\">suspected</th><th class=\"n\">sure</th><th class=\"n\">told</th><th class=\"n\">over</th><th class=\"n\">the page was late by</th></tr></thead><tbody>");
    for incident in seen.incidents.iter().take(LINES_MAX) {
        let IncidentTold { began_s, suspected_s, confirmed_s, opened_s, resolved_s, .. } = incident;
        let at = |at_s: i64| time_of_day(&report.story, at_s.max(0) as f64);
        let after = |at_s: &Option<i64>| match at_s {
            Some(at_s) => format!("after {}", span(at_s - began_s)),
            None => "never".to_owned(),
        };
        let page = match incident.official_s {
            Some(_) => span(incident.official_lag_s as i64),
            None => "it told nothing".to_owned(),
        };
        _ = write!(
            text,
            "<tr><td>{}<br><small>{}</small></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{page}</td></tr>",
            escaped(&incident.title),
            escaped(&incident.components.join(", ")),
            incident.cause.as_str().replace('_', " "),
            at(*began_s),
            after(suspected_s),
            after(confirmed_s),
            at(*opened_s),
            resolved_s.map_or("open at the end".to_owned(), at),
        );
    }
    text.push_str("</tbody></table></div>");
}

fn changes(text: &mut String, report: &Report, seen: &Seen) {
    text.push_str("<details><summary>Every change of a verdict</summary><table><tbody>");
    for told in seen.verdicts.iter().take(LINES_MAX) {
        let state = match told.certainty {
            Certainty::Clear => "well".to_owned(),
            certainty => format!("{}, {}", told.state.as_str(), certainty.as_str()),
        };
        _ = write!(
            text,
            "<tr><td class=\"when\">{}</td><td><b>{}</b> {state}<br><small>{}: {}</small></td></tr>",
            time_of_day(&report.story, told.at_s as f64),
            escaped(told.component.as_str()),
            told.cause.as_str().replace('_', " "),
            escaped(&told.why)
        );
    }
    for told in seen.advice.iter().take(LINES_MAX) {
        let door = if told.is_out { "its doors are shut, " } else { "" };
        _ = write!(
            text,
            "<tr><td class=\"when\">{}</td><td><b>{}</b> {door}{:.0} % of its ramp</td></tr>",
            time_of_day(&report.story, told.at_s as f64),
            escaped(&told.provider),
            told.ramp_factor * 100.0
        );
    }
    text.push_str("</tbody></table></details>");
}

/// `48 s`, `32 min`, `4 h 2 min`.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0..2) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_told_as_people_tell_them() {
        let told = [-5, 48, 119, 1_920, 14_400, 14_520].map(span);
        assert_eq!(told, ["0 s", "48 s", "119 s", "32 min", "4 h", "4 h 2 min"]);
    }
}
