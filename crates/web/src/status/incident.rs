//! One incident as pages show it: what a reader meets, the four lights, the lag of the official page,
//! what we did, the updates. What is true of it was decided elsewhere.

use clock::UnixMs;
use detection::{
    Author, Certainty, Family, Impact, Incident, IncidentUpdate, Light, LightState, OfficialPost,
};

use super::dates;
use super::evidence::{Moment, timeline};
use super::headline;
use super::lang::Lang;
use super::markdown;
use super::state::{self, State};
use super::view::IncidentView;

/// Updates and deeds of an incident among others.
const UPDATES_MAX: usize = 4;
const DEEDS_MAX: usize = 6;
/// Steps of a counter that runs.
const STEP_S: u64 = 15;

/// The words of one light and the geometry of its track, in hundredths.
pub(crate) struct LightRow {
    pub(crate) name: &'static str,
    pub(crate) lamp: &'static str,
    pub(crate) when: String,
    pub(crate) reading: String,
    /// From where to where all was said to be well.
    pub(crate) green: Option<(u64, u64)>,
    /// From where to where it was lit.
    pub(crate) lit: Option<(u64, u64)>,
}

/// How long the official page stayed green.
pub(crate) struct Lag {
    /// Figures with their units: `19 min`.
    pub(crate) figures: Vec<(String, &'static str)>,
    pub(crate) words: &'static str,
    /// Seconds so far, if it still counts; in steps, so that the bytes of the page stay equal for as
    /// long.
    pub(crate) so_far_s: Option<u64>,
    pub(crate) link: Option<String>,
}

/// One update.
pub(crate) struct Update {
    pub(crate) time: String,
    pub(crate) stamp: String,
    pub(crate) phase: &'static str,
    pub(crate) author: &'static str,
    /// Safe markup.
    pub(crate) body: String,
}

/// One incident.
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) class: &'static str,
    pub(crate) state: State,
    pub(crate) when: String,
    pub(crate) title: String,
    pub(crate) why: String,
    pub(crate) lights: Vec<LightRow>,
    /// The class of a track's lit part.
    pub(crate) fill: &'static str,
    pub(crate) lag: Option<Lag>,
    /// Of its own page only.
    pub(crate) timeline: Vec<Moment>,
    pub(crate) deeds: Vec<(String, String)>,
    pub(crate) updates: Vec<Update>,
    /// True if there is more under the incident's own address.
    pub(crate) is_cut: bool,
    /// Safe markup.
    pub(crate) postmortem: Option<String>,
}

impl Block {
    pub(crate) fn of(view: &IncidentView, now: UnixMs, lang: Lang) -> Self {
        let incident = &view.incident;
        let end = incident.resolved_at.unwrap_or(now).max(incident.started_at);
        let (class, fill) = look(incident);
        Self {
            id: crate::path_key(incident.id.as_str()),
            class,
            fill,
            state: incident_state(incident, lang),
            when: when(incident, now, lang),
            title: headline::title(view, lang).to_owned(),
            why: why(view, lang),
            lights: lights(view, end, now, lang),
            lag: lag(incident, now, lang),
            timeline: timeline(view, now, lang),
            deeds: deeds(view, now, lang),
            updates: updates(view, now, lang),
            is_cut: false,
            postmortem: incident.by_hand.postmortem.as_deref().map(markdown::html),
        }
    }

    /// The same with the latest words only, for a page that has others to show.
    pub(crate) fn cut(mut self) -> Self {
        self.is_cut = self.updates.len() > UPDATES_MAX
            || self.deeds.len() > DEEDS_MAX
            || !self.timeline.is_empty();
        self.timeline.clear();
        self.updates.truncate(UPDATES_MAX);
        self.deeds.drain(..self.deeds.len().saturating_sub(DEEDS_MAX));
        self
    }
}

/// The class of the block and the fill of its tracks.
fn look(incident: &Incident) -> (&'static str, &'static str) {
    match (incident.phase.is_over(), incident.certainty, incident.impact) {
        (true, ..) => ("over", "f-grey"),
        (false, Certainty::Suspected, _) => ("suspect", "f-warn"),
        (false, _, Impact::Maintenance) => ("planned", "f-maint"),
        (false, _, Impact::None | Impact::Minor) => ("minor", "f-warn"),
        (false, _, Impact::Major | Impact::Critical) => ("major", "f-down"),
    }
}

/// The word at the head of an incident.
pub(crate) fn incident_state(incident: &Incident, lang: Lang) -> State {
    if incident.phase.is_over() {
        return State::over(lang);
    }
    if incident.certainty == Certainty::Suspected {
        return State::suspected(lang);
    }
    let (glyph, class, en, zh) = match incident.impact {
        Impact::None => ("none", "none", "No effect", "无影响"),
        Impact::Maintenance => ("maint", "maint", "Planned work", "计划维护"),
        Impact::Minor => ("warn", "warn", "Slow or partial", "变慢或部分故障"),
        Impact::Major => ("down", "down", "Major outage", "重大故障"),
        Impact::Critical => ("down", "down", "Complete outage", "全面故障"),
    };
    State { glyph, class, word: lang.pick(en, zh).to_owned() }
}

fn when(incident: &Incident, now: UnixMs, lang: Lang) -> String {
    let from = incident.started_at;
    if let Some(end) = incident.resolved_at {
        let took = dates::span(end.since(from), lang);
        let range = dates::range(from, end, now, lang);
        return lang.pick(format!("{range}, {took}"), format!("{range}，历时 {took}"));
    }
    let (at, took) = (dates::near(from, now, lang), dates::span(now.since(from), lang));
    match incident.certainty {
        Certainty::Suspected => {
            lang.pick(format!("since {at}, {took}"), format!("{at} 起，已 {took}"))
        }
        _ => lang.pick(format!("began {at}, {took} ago"), format!("{at} 开始，已 {took}")),
    }
}

fn why(view: &IncidentView, lang: Lang) -> String {
    match (&view.zh, lang) {
        (Some(zh), Lang::Zh) if !zh.why.is_empty() => zh.why.to_string(),
        _ => view.incident.cause.why.to_string(),
    }
}

fn lights(view: &IncidentView, end: UnixMs, now: UnixMs, lang: Lang) -> Vec<LightRow> {
    let start = view.incident.started_at;
    let row = |(index, light): (usize, &Light)| {
        let said = view.zh.as_ref().filter(|_| lang.is_zh()).and_then(|zh| zh.readings.get(index));
        LightRow {
            name: light_name(light.family, lang),
            lamp: lamp(light.state),
            when: light_when(light, now, lang),
            reading: said.unwrap_or(&light.reading).to_string(),
            green: green(light, start, end),
            lit: lit(light, start, end),
        }
    };
    view.incident.lights.iter().enumerate().map(row).collect()
}

pub(super) fn light_name(family: Family, lang: Lang) -> &'static str {
    let (en, zh) = match family {
        Family::Probe => ("Probe", "探测"),
        Family::Traffic => ("Our traffic", "自有流量"),
        Family::Reports => ("Reports", "用户报告"),
        Family::OfficialPage => ("Official page", "官方页"),
        Family::SharedDependency => ("Shared ground", "共同依赖"),
    };
    lang.pick(en, zh)
}

fn lamp(state: LightState) -> &'static str {
    match state {
        LightState::Lit => "on",
        LightState::Unlit => "off",
        LightState::DoesNotApply => "na",
    }
}

fn light_when(light: &Light, now: UnixMs, lang: Lang) -> String {
    match (light.state, light.lit_at) {
        (LightState::Lit, Some(at)) => {
            let at = dates::brief(at, now, lang);
            lang.pick(format!("lit {at}"), format!("{at} 亮"))
        }
        (LightState::Lit, None) => lang.pick("lit", "亮").to_owned(),
        (LightState::Unlit, Some(at)) => {
            let at = dates::brief(at, now, lang);
            lang.pick(format!("lit {at}, out again"), format!("{at} 亮过，已灭"))
        }
        (LightState::Unlit, None) if light.family == Family::OfficialPage => {
            lang.pick("still green", "仍显示正常").to_owned()
        }
        (LightState::Unlit, None) => lang.pick("not lit", "未亮").to_owned(),
        (LightState::DoesNotApply, _) => lang.pick("does not apply", "不适用").to_owned(),
    }
}

/// A stretch of the outage in hundredths of it.
fn stretch(from: UnixMs, to: UnixMs, start: UnixMs, end: UnixMs) -> Option<(u64, u64)> {
    let whole = end.since(start).max(1);
    let place = |at: UnixMs| (at.since(start).saturating_mul(100) / whole).min(100);
    let (from, to) = (place(from), place(to));
    (to > from).then(|| (from, to - from))
}

fn lit(light: &Light, start: UnixMs, end: UnixMs) -> Option<(u64, u64)> {
    let from = light.lit_at.filter(|_| light.state == LightState::Lit)?;
    stretch(from, end, start, end)
}

fn green(light: &Light, start: UnixMs, end: UnixMs) -> Option<(u64, u64)> {
    let tells = light.family == Family::OfficialPage && light.state != LightState::DoesNotApply;
    let until = if tells { light.lit_at.unwrap_or(end) } else { return None };
    stretch(start, until, start, end)
}

/// True unless nobody can say what the official page told.
pub(crate) fn reads_official_page(incident: &Incident) -> bool {
    let mut lights = incident.lights.iter();
    lights.any(|light| {
        light.family == Family::OfficialPage && light.state != LightState::DoesNotApply
    })
}

/// Where the official post stands: only the web's own addresses, for a feed could bring others.
pub(crate) fn official_link(post: &OfficialPost) -> Option<&str> {
    post.url.as_deref().filter(|url| url.starts_with("https://"))
}

fn lag(incident: &Incident, now: UnixMs, lang: Lang) -> Option<Lag> {
    if !reads_official_page(incident) {
        return None;
    }
    let ms = incident.official_lag_ms(now);
    let (told, over) = (incident.official.is_some(), incident.phase.is_over());
    let (en, zh) = match (told, over) {
        (true, _) if ms == 0 => {
            ("The official page told of it before we did.", "官方页先于我们发布。")
        }
        (true, _) => (
            "is how long the official page stayed green after this outage began.",
            "故障开始后官方页仍显示正常的时间。",
        ),
        (false, true) => {
            ("long, and the official page never told of it.", "官方页始终没有提及这次故障。")
        }
        (false, false) => (
            "and counting: the official page has been green throughout.",
            "仍在计时：官方页一直显示正常。",
        ),
    };
    let link = incident.official.as_ref().and_then(official_link);
    Some(Lag {
        figures: if told && ms == 0 { Vec::new() } else { figures(ms, lang) },
        words: lang.pick(en, zh),
        so_far_s: (!told && !over).then(|| ms / 1_000 / STEP_S * STEP_S),
        link: link.map(str::to_owned),
    })
}

/// The two largest units, without seconds.
fn figures(ms: u64, lang: Lang) -> Vec<(String, &'static str)> {
    let minutes = ms / 60_000;
    let (hours, rest) = (minutes / 60, minutes % 60);
    let minute = (rest.to_string(), lang.pick("min", "分钟"));
    if hours == 0 {
        vec![minute]
    } else {
        vec![(hours.to_string(), lang.pick("h", "小时")), minute]
    }
}

fn deeds(view: &IncidentView, now: UnixMs, lang: Lang) -> Vec<(String, String)> {
    let deeds = view.incident.deeds.iter().enumerate();
    let words = deeds.map(|(index, (at, words))| {
        let said = view.zh.as_ref().filter(|_| lang.is_zh()).and_then(|zh| zh.deeds.get(index));
        (dates::brief(*at, now, lang), said.unwrap_or(words).to_string())
    });
    words.collect()
}

/// Newest first.
fn updates(view: &IncidentView, now: UnixMs, lang: Lang) -> Vec<Update> {
    let one = |update: &IncidentUpdate| {
        let said =
            view.zh.as_ref().filter(|_| lang.is_zh()).and_then(|zh| {
                zh.bodies.iter().find(|(id, _)| *id == update.id).map(|(_, body)| body)
            });
        Update {
            time: dates::brief(update.at, now, lang),
            stamp: dates::rfc3339(update.at),
            phase: state::phase(update.phase, lang),
            author: match update.author {
                Author::Seawall => "",
                Author::Operator(_) => lang.pick("by our staff", "由值班人员发布"),
                Author::Provider => lang.pick("from the official page", "来自官方页"),
            },
            body: markdown::html(said.unwrap_or(&update.body)),
        }
    };
    view.incident.updates.iter().rev().map(one).collect()
}
