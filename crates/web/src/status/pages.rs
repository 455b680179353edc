//! The status page in full and its smaller sisters, as templates filled from a view. Which one is
//! asked for, and how long it is kept, is not known here.

use askama::Template;
use clock::UnixMs;
use detection::{Maintenance, MaintenancePhase};
use domain::ReportKind;

use super::crowd::CrowdPicture;
use super::dates::{self, Date};
use super::headline::{self, Headline};
use super::incident::Block;
use super::lang::Lang;
use super::markdown;
use super::state::{self, State};
use super::tide::TidePicture;
use super::view::{ComponentView, IncidentView, SourceAge, SourceState, StatusView};
use super::wall::Row;
use crate::api::reports::{Refusal, kind_words};
use crate::words;

/// An older view is said to be old.
const FRESH_MS_MAX: u64 = 120_000;
/// Entries under "Earlier".
const EARLIER_MAX: usize = 5;
/// Pictures of reports.
const CROWDS_MAX: usize = 3;
/// Open incidents that are shown in full.
const OPEN_MAX: usize = 8;
/// Planned work that is shown before it begins.
const PLANNED_MAX: usize = 8;

/// What all pages have around their content.
pub(crate) struct Frame {
    pub(super) title: String,
    pub(super) name: String,
    /// The page's own address up to where a language is named.
    pub(super) switch: String,
    pub(super) here: &'static str,
    pub(super) stale: Option<String>,
    pub(super) reports_open: bool,
    pub(super) subscribe_open: bool,
    pub(super) keeps_history: bool,
    /// Behind the addresses of parts, so that no old part is kept for a new page.
    pub(super) version: &'static str,
}

/// What is known when a page is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) view: &'a StatusView,
    pub(crate) lang: Lang,
    /// The clock's time, to see whether the view is old.
    pub(crate) now: UnixMs,
    pub(crate) reports_open: bool,
    pub(crate) subscribe_open: bool,
    pub(crate) keeps_history: bool,
}

impl Scene<'_> {
    pub(super) fn frame(&self, title: &str, path: &str, here: &'static str) -> Frame {
        let name = &self.view.page.name;
        Frame {
            title: format!("{title} · {name}"),
            name: name.to_string(),
            switch: format!("{path}?"),
            here,
            stale: self.stale(),
            reports_open: self.reports_open,
            subscribe_open: self.subscribe_open,
            keeps_history: self.keeps_history,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn stale(&self) -> Option<String> {
        let age_ms = self.now.since(self.view.at);
        let (lang, age) = (self.lang, dates::span(age_ms, self.lang));
        let at = dates::near(self.view.at, self.now, lang);
        (age_ms > FRESH_MS_MAX).then(|| {
            lang.pick(
                format!("These figures are {age} old. They were true at {at}; what came after is not known here."),
                format!("这些数据已有 {age} 未更新。它们反映的是 {at} 的情况，之后的情况这里尚不知道。"),
            )
        })
    }

    /// From when to when; what is of this day says so.
    fn dated(&self, from: UnixMs, to: Option<UnixMs>) -> String {
        let (lang, now) = (self.lang, self.view.at);
        let text = match to {
            Some(to) => dates::range(from, to, now, lang),
            None => dates::near(from, now, lang),
        };
        match Date::of(from) == Date::of(now) {
            true => lang.pick(format!("Today, {text}"), format!("今天 {text}")),
            false => text,
        }
    }

    fn names(&self, ids: &[detection::ComponentId]) -> String {
        let named = ids.iter().map(|id| {
            let known = self.view.components().find(|one| one.component.id == *id);
            known.map_or(id.as_str(), |one| self.lang.of(&one.name))
        });
        let names: Vec<&str> = named.collect();
        match self.lang {
            Lang::En => words::list(&names),
            Lang::Zh => names.join("、"),
        }
    }
}

/// One line of a list of incidents and planned work.
pub(crate) struct Entry {
    when: String,
    state: State,
    title: String,
    link: String,
    words: String,
    started_at: UnixMs,
}

impl Entry {
    fn of_incident(one: &IncidentView, scene: &Scene<'_>) -> Self {
        let (incident, lang) = (&one.incident, scene.lang);
        let when = scene.dated(incident.started_at, incident.resolved_at);
        let took =
            incident.resolved_at.map(|end| dates::span(end.since(incident.started_at), lang));
        let why = match (&one.zh, lang) {
            (Some(zh), Lang::Zh) if !zh.why.is_empty() => &zh.why,
            _ => &incident.cause.why,
        };
        let words: Vec<&str> =
            took.as_deref().into_iter().chain((!why.is_empty()).then_some(&**why)).collect();
        Self {
            when,
            state: super::incident::incident_state(incident, lang),
            title: headline::title(one, lang).to_owned(),
            link: format!("/incidents/{}", crate::path_key(incident.id.as_str())),
            words: words.join(lang.pick(". ", "。")),
            started_at: incident.started_at,
        }
    }

    fn of_maintenance(one: &Maintenance, scene: &Scene<'_>) -> Self {
        Self {
            when: scene.dated(one.starts_at, Some(one.ends_at)),
            state: State::planned(one.phase, scene.lang),
            title: one.title.to_string(),
            link: format!("/maintenances/{}", crate::path_key(one.id.as_str())),
            words: scene.names(&one.components),
            started_at: one.starts_at,
        }
    }
}

struct Group {
    title: String,
    note: Option<String>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "status/main.html")]
struct Main {
    frame: Frame,
    l: Lang,
    headline: Headline,
    lede: String,
    time: String,
    today: String,
    content: Content,
}

/// The sections of the page.
struct Content {
    tide: Option<TidePicture>,
    open: Vec<Block>,
    planned: Vec<Entry>,
    groups: Vec<Group>,
    has_history: bool,
    crowds: Vec<CrowdPicture>,
    keeps_history: bool,
    earlier: Vec<Entry>,
    sources: Vec<(String, State, String)>,
}

/// The page itself.
pub(crate) fn main(scene: &Scene<'_>) -> askama::Result<String> {
    let (view, lang) = (scene.view, scene.lang);
    let headline = headline::headline(view, lang);
    let page = Main {
        frame: scene.frame(headline.line(lang).trim_end_matches(['.', '。']), "/", "now"),
        l: lang,
        lede: headline::lede(view, lang),
        time: dates::full(view.at, lang),
        today: dates::rfc3339(view.at).get(..10).unwrap_or_default().to_owned(),
        content: Content::of(scene),
        headline,
    };
    page.render()
}

impl Content {
    fn of(scene: &Scene<'_>) -> Self {
        let (view, lang) = (scene.view, scene.lang);
        let groups: Vec<Group> = view
            .groups
            .iter()
            .map(|group| Group {
                title: lang.of(&group.title).to_owned(),
                note: group.note.as_ref().map(|note| lang.of(note).to_owned()),
                rows: group.components.iter().map(|one| Row::of(one, view.at, lang)).collect(),
            })
            .collect();
        let crowds = view.reports.iter().take(CROWDS_MAX);
        let mut open: Vec<&IncidentView> = view.open.iter().collect();
        // What is sure and grave stands first; among equals, the newest.
        open.sort_by_key(|one| std::cmp::Reverse((one.incident.certainty, one.incident.impact)));
        Self {
            tide: view.tide.as_ref().and_then(|tide| TidePicture::of(tide, lang)),
            open: open
                .into_iter()
                .take(OPEN_MAX)
                .map(|one| Block::of(one, view.at, lang).cut())
                .collect(),
            planned: planned(scene),
            has_history: groups.iter().flat_map(|group| &group.rows).any(Row::has_history),
            groups,
            crowds: crowds.filter_map(|series| CrowdPicture::of(series, lang)).collect(),
            keeps_history: scene.keeps_history,
            earlier: earlier(scene),
            sources: view.sources.iter().map(|source| source_row(source, scene)).collect(),
        }
    }
}

/// Planned work that is going on or to come, the nearest first.
fn planned(scene: &Scene<'_>) -> Vec<Entry> {
    let ahead = scene.view.maintenances.iter().filter(|one| {
        let over = matches!(one.phase, MaintenancePhase::Completed | MaintenancePhase::Cancelled);
        !over
    });
    let mut entries: Vec<Entry> = ahead.map(|one| Entry::of_maintenance(one, scene)).collect();
    entries.sort_by_key(|entry| entry.started_at);
    entries.truncate(PLANNED_MAX);
    entries
}

fn earlier(scene: &Scene<'_>) -> Vec<Entry> {
    let past = scene.view.past.iter().take(EARLIER_MAX).map(|one| Entry::of_incident(one, scene));
    let done =
        scene.view.maintenances.iter().filter(|one| one.phase == MaintenancePhase::Completed);
    let done = done.take(EARLIER_MAX).map(|one| Entry::of_maintenance(one, scene));
    let mut entries: Vec<Entry> = past.chain(done).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.started_at));
    entries.truncate(EARLIER_MAX);
    entries
}

fn source_row(source: &SourceAge, scene: &Scene<'_>) -> (String, State, String) {
    let lang = scene.lang;
    let (glyph, class, en, zh) = match source.state {
        SourceState::Fresh => ("ok", "ok", "Fresh", "最新"),
        SourceState::Stale => ("warn", "warn", "Old", "过时"),
        SourceState::Broken => ("none", "none", "Cannot be read", "无法读取"),
    };
    let when = match source.read_at {
        Some(at) => dates::near(at, scene.view.at, lang),
        None => lang.pick("never", "从未").to_owned(),
    };
    let state = State { glyph, class, word: lang.pick(en, zh).to_owned() };
    (lang.of(&source.name).to_owned(), state, when)
}

#[derive(Template)]
#[template(path = "status/history.html")]
struct History {
    frame: Frame,
    l: Lang,
    heading: String,
    entries: Vec<Entry>,
    later: Option<(String, String)>,
    sooner: Option<(String, String)>,
    months: Vec<(String, String, usize)>,
}

/// The incidents and planned work of one month (`2024-06`), or of the latest that has some; `None`
/// for a month that has none and is not the present one.
pub(crate) fn history(scene: &Scene<'_>, month: Option<&str>) -> Option<askama::Result<String>> {
    let lang = scene.lang;
    let mut months = months(scene);
    let present = Date::of(scene.view.at);
    if months.is_empty() {
        months.push((present, 0));
    }
    let at = match month {
        None => 0,
        Some(month) => months.iter().position(|(date, _)| date.year_month() == month)?,
    };
    let (date, _) = *months.get(at)?;
    let link = |(date, _): &(Date, usize)| {
        (format!("/history/{}", date.year_month()), date.month_and_year(lang))
    };
    let heading = date.month_and_year(lang);
    let title = lang.pick(format!("History, {heading}"), format!("历史，{heading}"));
    // The latest month has no address of its own while nothing is recorded.
    let path = month.map_or("/history".to_owned(), |month| format!("/history/{month}"));
    let page = History {
        frame: scene.frame(&title, &path, "history"),
        l: lang,
        heading,
        entries: entries_of(scene, date),
        later: at.checked_sub(1).and_then(|later| months.get(later)).map(link),
        sooner: months.get(at + 1).map(link),
        months: months
            .iter()
            .map(|month| {
                let (path, name) = link(month);
                (path, name, month.1)
            })
            .collect(),
    };
    Some(page.render())
}

fn months(scene: &Scene<'_>) -> Vec<(Date, usize)> {
    let incidents = scene.view.incidents().map(|one| one.incident.started_at);
    let works = scene.view.maintenances.iter().map(|one| one.starts_at);
    let first = |at: UnixMs| Date { day: 1, ..Date::of(at) };
    let mut counts = std::collections::BTreeMap::<Date, usize>::new();
    for at in incidents.chain(works) {
        *counts.entry(first(at)).or_default() += 1;
    }
    counts.into_iter().rev().collect()
}

fn entries_of(scene: &Scene<'_>, month: Date) -> Vec<Entry> {
    let within = |at: UnixMs| Date { day: 1, ..Date::of(at) } == Date { day: 1, ..month };
    let incidents = scene.view.incidents().filter(|one| within(one.incident.started_at));
    let works = scene.view.maintenances.iter().filter(|one| within(one.starts_at));
    let mut entries: Vec<Entry> = incidents
        .map(|one| Entry::of_incident(one, scene))
        .chain(works.map(|one| Entry::of_maintenance(one, scene)))
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.started_at));
    entries
}

#[derive(Template)]
#[template(path = "status/incident.html")]
struct IncidentPage {
    frame: Frame,
    l: Lang,
    block: Block,
    parts: String,
    cause: String,
}

/// One incident under its permanent address.
pub(crate) fn incident(scene: &Scene<'_>, key: &str) -> Option<askama::Result<String>> {
    let found = |one: &&IncidentView| crate::path_key(one.incident.id.as_str()) == key;
    let one = scene.view.incidents().find(found)?;
    let block = Block::of(one, scene.view.at, scene.lang);
    let page = IncidentPage {
        frame: scene.frame(&block.title, &format!("/incidents/{key}"), "incident"),
        l: scene.lang,
        parts: scene.names(&one.incident.components),
        cause: state::cause(&one.incident.cause, scene.lang),
        block,
    };
    Some(page.render())
}

#[derive(Template)]
#[template(path = "status/maintenance.html")]
struct MaintenancePage {
    frame: Frame,
    l: Lang,
    entry: Entry,
    parts: String,
    updates: Vec<(String, String)>,
}

/// One piece of planned work under its permanent address.
pub(crate) fn maintenance(scene: &Scene<'_>, key: &str) -> Option<askama::Result<String>> {
    let found = |one: &&Maintenance| crate::path_key(one.id.as_str()) == key;
    let one = scene.view.maintenances.iter().find(found)?;
    let entry = Entry::of_maintenance(one, scene);
    let updates = one.updates.iter().rev().map(|update| {
        (dates::brief(update.at, scene.view.at, scene.lang), markdown::html(&update.body))
    });
    let page = MaintenancePage {
        frame: scene.frame(&entry.title, &format!("/maintenances/{key}"), "maintenance"),
        l: scene.lang,
        parts: scene.names(&one.components),
        updates: updates.collect(),
        entry,
    };
    Some(page.render())
}

#[derive(Template)]
#[template(path = "status/report.html")]
struct ReportPage {
    frame: Frame,
    l: Lang,
    refused: Option<&'static str>,
    components: Vec<(String, String)>,
    kinds: Vec<(&'static str, &'static str)>,
}

/// The form for reports, with what was wrong with the last try.
pub(crate) fn report(scene: &Scene<'_>, refused: Option<Refusal>) -> askama::Result<String> {
    let lang = scene.lang;
    let option =
        |one: &ComponentView| (one.component.id.as_str().to_owned(), lang.of(&one.name).to_owned());
    let page = ReportPage {
        frame: scene.frame(lang.pick("Report a problem", "报告问题"), "/report", "report"),
        l: lang,
        refused: refused.map(|refusal| refusal.words(lang)),
        components: scene.view.components().map(option).collect(),
        kinds: ReportKind::ALL.map(|kind| (kind.as_str(), kind_words(kind, lang))).to_vec(),
    };
    page.render()
}

#[derive(Template)]
#[template(path = "status/words.html")]
pub(super) struct WordsPage {
    pub(super) frame: Frame,
    pub(super) l: Lang,
    pub(super) heading: &'static str,
    pub(super) paragraphs: Vec<&'static str>,
}

/// The thanks after a report.
pub(crate) fn reported(scene: &Scene<'_>) -> askama::Result<String> {
    let lang = scene.lang;
    let heading = lang.pick("Thank you.", "谢谢。");
    let paragraphs = vec![lang.pick(
        "Your report was taken. Many reports in a short time light one of the four lamps of an incident; alone they never confirm one.",
        "已收到您的报告。短时间内的许多报告会点亮事件的四盏灯之一，但仅凭报告不能确认故障。",
    )];
    WordsPage {
        frame: scene.frame(heading.trim_end_matches(['.', '。']), "/reported", "report"),
        l: lang,
        heading,
        paragraphs,
    }
    .render()
}

/// What a person gets who looks for what is not there.
pub(crate) fn missing(scene: &Scene<'_>) -> askama::Result<String> {
    let lang = scene.lang;
    let heading = lang.pick("There is no such page.", "没有这个页面。");
    let paragraphs = vec![lang.pick(
        "The address may be mistyped, or what stood here is no longer kept.",
        "地址可能有误，或者这里的内容已不再保存。",
    )];
    let title = heading.trim_end_matches(['.', '。']);
    WordsPage { frame: scene.frame(title, "/", "missing"), l: lang, heading, paragraphs }.render()
}

/// How the figures of the page come about.
pub(crate) fn how_we_count(scene: &Scene<'_>) -> askama::Result<String> {
    let lang = scene.lang;
    let heading = lang.pick("How we count", "计算方法");
    let paragraphs = super::counting::paragraphs(lang);
    WordsPage {
        frame: scene.frame(heading, "/how-we-count", "count"),
        l: lang,
        heading,
        paragraphs,
    }
    .render()
}
