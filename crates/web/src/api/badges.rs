//! Badges: small pictures for other pages, under the addresses that gatus uses, and the same as JSON
//! for shields.io. A component that nobody knows anything of has a grey badge.

use askama::Template;
use detection::{Certainty, Condition};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::answer::{Keep, Page, TEXT};
use crate::status::lang::Lang;
use crate::status::view::{ComponentView, Span};
use crate::status::wall::percent;

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

const GOOD: &str = "#22694a";
const FAIR: &str = "#7e5500";
const POOR: &str = "#9c3d09";
const BAD: &str = "#ab1f2d";
const GREY: &str = "#46545c";
const PLANNED: &str = "#4b4fa6";

/// What a badge tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Badge {
    Health(Form),
    /// The index of the span in [`Span::ALL`].
    Uptime(usize, Form),
    FirstWords(usize, Form),
}

/// How a badge is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Svg,
    Shields,
    /// The figure alone.
    Raw,
}

impl Badge {
    /// The badge of the rest of an address, such as `uptimes/24h/badge.svg`.
    pub(crate) fn of(rest: &str) -> Option<Self> {
        let parts: Vec<&str> = rest.split('/').collect();
        let span = |word: &str| Span::ALL.iter().position(|span| span.as_str() == word);
        Some(match parts.as_slice() {
            ["health", "badge.svg"] => Self::Health(Form::Svg),
            ["health", "badge.shields"] => Self::Health(Form::Shields),
            ["uptimes", word] => Self::Uptime(span(word)?, Form::Raw),
            ["uptimes", word, "badge.svg"] => Self::Uptime(span(word)?, Form::Svg),
            ["uptimes", word, "badge.shields"] => Self::Uptime(span(word)?, Form::Shields),
            ["response-times", word] => Self::FirstWords(span(word)?, Form::Raw),
            ["response-times", word, "badge.svg"] => Self::FirstWords(span(word)?, Form::Svg),
            ["response-times", word, "badge.shields"] => {
                Self::FirstWords(span(word)?, Form::Shields)
            }
            _ => return None,
        })
    }
}

#[derive(Template)]
#[template(path = "badge.svg")]
struct Picture<'a> {
    label: &'a str,
    message: &'a str,
    colour: &'static str,
    label_wide: usize,
    message_wide: usize,
}

/// See <https://shields.io/badges/endpoint-badge>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shields<'a> {
    schema_version: u32,
    label: &'a str,
    message: &'a str,
    color: &'static str,
}

/// The bytes of a badge.
pub(crate) fn page(badge: Badge, component: &ComponentView) -> Page {
    let (form, label, message, colour) = told(badge, component);
    match form {
        Form::Raw => Page::new(TEXT, Keep::Minute, message),
        Form::Shields => {
            let (label, message) = (label.as_str(), message.as_str());
            super::json(&Shields { schema_version: 1, label, message, color: colour })
        }
        Form::Svg => {
            let picture = Picture {
                label_wide: wide(&label),
                message_wide: wide(&message),
                label: &label,
                message: &message,
                colour,
            };
            match picture.render() {
                Ok(svg) => Page::new(SVG, Keep::Minute, svg),
                Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "no badge can be drawn\n"),
            }
        }
    }
}

fn told(badge: Badge, component: &ComponentView) -> (Form, String, String, &'static str) {
    let spans = &component.uptime.spans;
    let first_words = &component.uptime.first_words_ms;
    let named = |index: usize| Span::ALL.get(index).map_or("", |span| span.as_str());
    match badge {
        Badge::Health(form) => {
            let (message, colour) = health(component);
            (form, component.name.en.to_string(), message.to_owned(), colour)
        }
        Badge::Uptime(index, form) => {
            let share = spans.get(index).copied().flatten();
            let message = share.map(|share| percent(share, Lang::Zh));
            let message = message.unwrap_or_else(|| "no data".to_owned());
            (form, format!("uptime {}", named(index)), message, uptime_colour(share))
        }
        Badge::FirstWords(index, form) => {
            let ms = first_words.get(index).copied().flatten();
            let message = ms.map_or_else(|| "no data".to_owned(), |ms| format!("{ms:.0} ms"));
            (form, format!("first words {}", named(index)), message, speed_colour(ms))
        }
    }
}

fn health(component: &ComponentView) -> (&'static str, &'static str) {
    if component.certainty == Certainty::Suspected {
        return ("suspected", FAIR);
    }
    match component.condition {
        Condition::Unknown => ("no data", GREY),
        Condition::Operational => ("up", GOOD),
        Condition::UnderMaintenance => ("planned work", PLANNED),
        Condition::DegradedPerformance => ("slow", FAIR),
        Condition::PartialOutage => ("partial outage", POOR),
        Condition::MajorOutage => ("down", BAD),
    }
}

fn uptime_colour(share: Option<f64>) -> &'static str {
    match share {
        None => GREY,
        Some(share) if share >= 0.99 => GOOD,
        Some(share) if share >= 0.95 => FAIR,
        Some(share) if share >= 0.9 => POOR,
        Some(_) => BAD,
    }
}

/// A second is what people take for an answer at once; ten is where they leave.
fn speed_colour(ms: Option<f64>) -> &'static str {
    match ms {
        None => GREY,
        Some(ms) if ms <= 1_000.0 => GOOD,
        Some(ms) if ms <= 3_000.0 => FAIR,
        Some(ms) if ms <= 10_000.0 => POOR,
        Some(_) => BAD,
    }
}

/// Room for a text of 11 px, as wide as a common sans draws it; a little more does no harm.
fn wide(text: &str) -> usize {
    let tenths: usize = text
        .chars()
        .map(|sign| match sign {
            'i' | 'l' | 'j' | 't' | 'f' | ' ' | '.' | ',' | '’' | '\'' => 38,
            'm' | 'w' | 'M' | 'W' | '%' => 104,
            sign if sign.is_ascii() => 70,
            _ => 112,
        })
        .sum();
    tenths / 10 + 14
}
