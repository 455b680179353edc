//! Planned work as a calendar (iCalendar, RFC 5545): one event each, with an id that stays and a
//! sequence that rises with every change.

use std::fmt::Write as _;

use detection::{Maintenance, MaintenancePhase};
use http::HeaderValue;

use crate::answer::{Keep, Page};
use crate::path_key;
use crate::status::dates;
use crate::status::markdown;
use crate::status::view::StatusView;

const CALENDAR: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");
/// Octets of a line without its end, by section 3.1.
const LINE_BYTES_MAX: usize = 75;
/// Events of one calendar.
const EVENTS_MAX: usize = 200;

/// The calendar.
pub(crate) fn page(view: &StatusView) -> Page {
    let mut text = Lines::default();
    text.line("BEGIN", "VCALENDAR");
    text.line("VERSION", "2.0");
    text.line("PRODID", "-//Seawall//Planned work//EN");
    text.line("CALSCALE", "GREGORIAN");
    text.line("METHOD", "PUBLISH");
    text.line("X-WR-CALNAME", &escaped(&view.page.name));
    for one in view.maintenances.iter().take(EVENTS_MAX) {
        event(&mut text, one, view);
    }
    text.line("END", "VCALENDAR");
    Page::new(CALENDAR, Keep::Minute, text.0)
}

fn event(text: &mut Lines, one: &Maintenance, view: &StatusView) {
    let key = path_key(one.id.as_str());
    let changed = one.updates.iter().map(|update| update.at).max().unwrap_or(one.created_at);
    text.line("BEGIN", "VEVENT");
    text.line("UID", &format!("{key}@{}", domain(view)));
    text.line("SEQUENCE", &one.sequence.to_string());
    text.line("DTSTAMP", &dates::calendar(changed));
    text.line("CREATED", &dates::calendar(one.created_at));
    text.line("LAST-MODIFIED", &dates::calendar(changed));
    text.line("DTSTART", &dates::calendar(one.starts_at));
    text.line("DTEND", &dates::calendar(one.ends_at.max(one.starts_at)));
    text.line("SUMMARY", &escaped(&one.title));
    if let Some(last) = one.updates.last() {
        text.line("DESCRIPTION", &escaped(&markdown::plain(&last.body)));
    }
    if !view.page.url.is_empty() {
        text.line("URL", &format!("{}/maintenances/{key}", view.page.url));
    }
    let status = match one.phase {
        MaintenancePhase::Cancelled => "CANCELLED",
        _ => "CONFIRMED",
    };
    text.line("STATUS", status);
    text.line("TRANSP", "TRANSPARENT");
    text.line("END", "VEVENT");
}

/// The right half of ids.
fn domain(view: &StatusView) -> String {
    let host = view.page.url.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    if host.is_empty() { path_key(&view.page.id) } else { host.to_owned() }
}

/// By section 3.3.11.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\\' | ';' | ',' => safe.extend(['\\', sign]),
            '\n' => safe.push_str("\\n"),
            sign if sign.is_control() => {}
            sign => safe.push(sign),
        }
    }
    safe
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// One content line, folded between signs so that no part is too long.
    fn line(&mut self, name: &str, value: &str) {
        let mut room = LINE_BYTES_MAX;
        let mut line = String::with_capacity(name.len() + value.len() + 1);
        write!(line, "{name}:{value}").expect("a string takes everything");
        for sign in line.chars() {
            if sign.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE_BYTES_MAX - 1;
            }
            self.0.push(sign);
            room -= sign.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}
