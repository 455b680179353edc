//! One incident for programs, in full: what the common interface tells of it, and what that has no
//! words for: how sure it is and why, the lights, the timeline of evidence, the lag of the official
//! page, and what was done about it.

use clock::UnixMs;
use detection::{Cause, Incident, Light};
use serde::Serialize;

use super::statuspage::{self, IncidentForm, PageForm};
use crate::answer::Page;
use crate::path_key;
use crate::status::dates::rfc3339;
use crate::status::incident::{official_link, reads_official_page};
use crate::status::view::{IncidentView, Said, StatusView, Testimony};

#[derive(Serialize)]
struct Whole<'v> {
    page: PageForm<'v>,
    incident: IncidentForm<'v>,
    certainty: &'static str,
    cause: CauseForm<'v>,
    lights: Vec<LightForm<'v>>,
    timeline: Vec<TestimonyForm<'v>>,
    official_page: OfficialForm<'v>,
    deeds: Vec<DeedForm<'v>>,
    postmortem: Option<&'v str>,
}

#[derive(Serialize)]
struct CauseForm<'v> {
    class: &'static str,
    /// From 0 to 1.
    confidence: f64,
    why: &'v str,
}

#[derive(Serialize)]
struct LightForm<'v> {
    family: &'static str,
    state: &'static str,
    lit_at: Option<String>,
    reading: &'v str,
}

#[derive(Serialize)]
struct TestimonyForm<'v> {
    family: &'static str,
    first: SaidForm<'v>,
    strongest: SaidForm<'v>,
    ended_at: Option<String>,
}

#[derive(Serialize)]
struct SaidForm<'v> {
    at: String,
    /// In nats, to the hundredth.
    log_odds: f64,
    reading: &'v str,
}

#[derive(Serialize)]
struct OfficialForm<'v> {
    /// Whole seconds for which it told nothing; `null` where nobody reads it.
    lag_seconds: Option<u64>,
    /// True while it still tells nothing and the incident is not over.
    is_counting: bool,
    posted_at: Option<String>,
    title: Option<&'v str>,
    url: Option<&'v str>,
    resolved_at: Option<String>,
}

#[derive(Serialize)]
struct DeedForm<'v> {
    at: String,
    body: &'v str,
}

/// The incident of that key; nothing if it is gone.
pub(super) fn page(key: &str, view: &StatusView) -> Option<Page> {
    let found = view.incidents().find(|one| path_key(one.incident.id.as_str()) == key)?;
    Some(super::json(&whole(found, view)))
}

fn whole<'v>(one: &'v IncidentView, view: &'v StatusView) -> Whole<'v> {
    let incident = &one.incident;
    let Cause { class, confidence, why } = &incident.cause;
    Whole {
        page: statuspage::page_form(view),
        incident: statuspage::incident(incident, view),
        certainty: incident.certainty.as_str(),
        cause: CauseForm { class: class.as_str(), confidence: hundredths(*confidence), why },
        lights: incident.lights.iter().map(light).collect(),
        timeline: one.testimonies.iter().map(testimony).collect(),
        official_page: official(incident, view.at),
        deeds: incident
            .deeds
            .iter()
            .map(|(at, body)| DeedForm { at: rfc3339(*at), body })
            .collect(),
        postmortem: incident.by_hand.postmortem.as_deref(),
    }
}

fn light(light: &Light) -> LightForm<'_> {
    LightForm {
        family: light.family.as_str(),
        state: light.state.as_str(),
        lit_at: light.lit_at.map(rfc3339),
        reading: &light.reading,
    }
}

fn testimony(testimony: &Testimony) -> TestimonyForm<'_> {
    TestimonyForm {
        family: testimony.family.as_str(),
        first: said(&testimony.first),
        strongest: said(&testimony.strongest),
        ended_at: testimony.ended_at.map(rfc3339),
    }
}

fn said(said: &Said) -> SaidForm<'_> {
    SaidForm { at: rfc3339(said.at), log_odds: hundredths(said.nats), reading: &said.why.en }
}

fn official(incident: &Incident, now: UnixMs) -> OfficialForm<'_> {
    let post = incident.official.as_ref();
    let is_read = reads_official_page(incident);
    OfficialForm {
        lag_seconds: is_read.then(|| incident.official_lag_ms(now) / 1_000),
        is_counting: is_read && post.is_none() && !incident.phase.is_over(),
        posted_at: post.map(|post| rfc3339(post.posted_at)),
        title: post.map(|post| &*post.title),
        url: post.and_then(official_link),
        resolved_at: post.and_then(|post| post.resolved_at).map(rfc3339),
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
