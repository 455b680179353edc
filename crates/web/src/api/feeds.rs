//! Atom, RSS and JSON Feed: an entry for each incident with its updates inside, or an entry for each
//! update, for all components or for one.

use askama::Template;
use clock::UnixMs;
use detection::{Incident, IncidentUpdate, Phase};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::answer::{Keep, Page};
use crate::path_key;
use crate::status::dates::{feed_small, rfc3339, rfc5322};
use crate::status::markdown;
use crate::status::view::{IncidentView, StatusView};

const ATOM: HeaderValue = HeaderValue::from_static("application/atom+xml; charset=utf-8");
const RSS: HeaderValue = HeaderValue::from_static("application/rss+xml; charset=utf-8");
const JSON_FEED: HeaderValue = HeaderValue::from_static("application/feed+json");
/// Entries of one feed.
const ENTRIES_MAX: usize = 50;

/// The form of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Atom,
    Rss,
    Json,
}

/// What a feed is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// One entry for each incident.
    Incidents,
    /// One entry for each update.
    Updates,
    /// One entry for each incident of the component of this key.
    Component(Box<str>),
}

/// The feed of an address.
pub(crate) fn of(path: &str, view: &StatusView) -> Option<(Form, Scope)> {
    let (name, form) = path.rsplit_once('.')?;
    let form = match form {
        "atom" => Form::Atom,
        "rss" => Form::Rss,
        "json" => Form::Json,
        _ => return None,
    };
    let scope = match (name, form) {
        ("/history", Form::Atom | Form::Rss) | ("/feed", _) => Scope::Incidents,
        ("/updates", _) => Scope::Updates,
        _ => {
            let key = name.strip_prefix("/components/")?.strip_suffix("/feed")?;
            super::component(view, key)?;
            Scope::Component(key.into())
        }
    };
    Some((form, scope))
}

/// One entry, in the words of both kinds of XML.
struct Entry {
    id: String,
    title: String,
    link: String,
    published: UnixMs,
    updated: UnixMs,
    content: String,
}

impl Entry {
    fn published(&self) -> String {
        rfc3339(self.published)
    }

    fn updated(&self) -> String {
        rfc3339(self.updated)
    }

    fn date(&self) -> String {
        rfc5322(self.published)
    }
}

#[derive(Template)]
#[template(path = "feeds/atom.xml")]
struct Atom<'v> {
    host: &'v str,
    author: String,
    name: String,
    home: &'v str,
    own: String,
    updated: String,
    entries: &'v [Entry],
}

#[derive(Template)]
#[template(path = "feeds/rss.xml")]
struct Rss<'v> {
    name: String,
    home: &'v str,
    built: String,
    entries: &'v [Entry],
}

#[derive(Serialize)]
struct JsonFeed<'v> {
    version: &'static str,
    title: String,
    home_page_url: &'v str,
    feed_url: String,
    items: Vec<Item<'v>>,
}

#[derive(Serialize)]
struct Item<'v> {
    id: &'v str,
    url: &'v str,
    title: &'v str,
    content_html: &'v str,
    date_published: String,
    date_modified: String,
}

/// The bytes of a feed.
pub(crate) fn page(form: Form, scope: &Scope, view: &StatusView) -> Page {
    let entries = entries(scope, view);
    // The last change, so that the bytes stay the same until there is another.
    let updated = entries.iter().map(|entry| entry.updated).max().unwrap_or_default();
    let name = title(scope, view);
    let home = &*view.page.url;
    let own = format!("{home}{}", address(form, scope));
    let (media, text) = match form {
        Form::Atom => {
            let updated = rfc3339(updated);
            let (host, author) = (host(view), printable(&view.page.name));
            let feed = Atom { host, author, name, home, own, updated, entries: &entries };
            (ATOM, feed.render().ok())
        }
        Form::Rss => {
            let feed = Rss { name, home, built: rfc5322(updated), entries: &entries };
            (RSS, feed.render().ok())
        }
        Form::Json => {
            let version = "https://jsonfeed.org/version/1.1";
            let items = entries.iter().map(item).collect();
            let feed = JsonFeed { version, title: name, home_page_url: home, feed_url: own, items };
            (JSON_FEED, serde_json::to_string(&feed).ok())
        }
    };
    match text {
        Some(text) => Page::new(media, Keep::Minute, text),
        None => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "the feed cannot be spelled\n"),
    }
}

fn item(entry: &Entry) -> Item<'_> {
    Item {
        id: &entry.id,
        url: &entry.link,
        title: &entry.title,
        content_html: &entry.content,
        date_published: rfc3339(entry.published),
        date_modified: rfc3339(entry.updated),
    }
}

fn address(form: Form, scope: &Scope) -> String {
    let end = match form {
        Form::Atom => "atom",
        Form::Rss => "rss",
        Form::Json => "json",
    };
    match (scope, form) {
        (Scope::Incidents, Form::Json) => "/feed.json".to_owned(),
        (Scope::Incidents, _) => format!("/history.{end}"),
        (Scope::Updates, _) => format!("/updates.{end}"),
        (Scope::Component(key), _) => format!("/components/{key}/feed.{end}"),
    }
}

fn title(scope: &Scope, view: &StatusView) -> String {
    let name = &view.page.name;
    let text = match scope {
        Scope::Incidents => format!("{name} Status - Incident History"),
        Scope::Updates => format!("{name} Status - Updates"),
        Scope::Component(key) => {
            let known = super::component(view, key);
            format!("{name} Status - {}", known.map_or(&**key, |one| &one.name.en))
        }
    };
    printable(&text)
}

/// The host in ids, which must never change while the page keeps its address.
fn host(view: &StatusView) -> &str {
    let after = view.page.url.split_once("://").map_or("", |(_, rest)| rest);
    let host = after.split(['/', ':']).next().unwrap_or_default();
    if host.is_empty() { "seawall" } else { host }
}

fn entries(scope: &Scope, view: &StatusView) -> Vec<Entry> {
    let incidents = || view.incidents();
    let mut entries: Vec<Entry> = match scope {
        Scope::Incidents => incidents().map(|one| of_incident(one, view)).collect(),
        Scope::Updates => incidents().flat_map(|one| of_updates(one, view)).collect(),
        Scope::Component(key) => incidents()
            .filter(|one| one.incident.components.iter().any(|id| path_key(id.as_str()) == **key))
            .map(|one| of_incident(one, view))
            .collect(),
    };
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.updated));
    entries.truncate(ENTRIES_MAX);
    entries
}

fn link(incident: &Incident, view: &StatusView) -> String {
    format!("{}/incidents/{}", view.page.url, path_key(incident.id.as_str()))
}

/// As Atlassian's pages have it, `published` is the last update too.
fn of_incident(one: &IncidentView, view: &StatusView) -> Entry {
    let incident = &one.incident;
    let last = incident.updates.iter().map(|update| update.at).max();
    let last = last.unwrap_or(incident.opened_at);
    let mut content: String = incident.updates.iter().rev().map(update_html).collect();
    if content.is_empty() {
        content = markdown::html(&incident.cause.why);
    }
    Entry {
        id: format!("tag:{},2005:Incident/{}", host(view), path_key(incident.id.as_str())),
        title: printable(&incident.title),
        link: link(incident, view),
        published: last,
        updated: last,
        content: printable(&content),
    }
}

fn of_updates<'v>(one: &'v IncidentView, view: &'v StatusView) -> impl Iterator<Item = Entry> + 'v {
    let incident = &one.incident;
    incident.updates.iter().map(move |update| Entry {
        id: format!("tag:{},2005:Update/{}", host(view), path_key(update.id.as_str())),
        title: printable(&format!("{}: {}", phase(update.phase), incident.title)),
        link: link(incident, view),
        published: update.at,
        updated: update.at,
        content: printable(&update_html(update)),
    })
}

fn update_html(update: &IncidentUpdate) -> String {
    let (time, phase, body) =
        (feed_small(update.at), phase(update.phase), markdown::html(&update.body));
    // The first paragraph goes on behind the word, as readers of such feeds expect it.
    match body.strip_prefix("<p>") {
        Some(rest) => format!("<p>{time}<br><strong>{phase}</strong> - {rest}"),
        None => format!("<p>{time}<br><strong>{phase}</strong></p>{body}"),
    }
}

/// The words of common status pages, which programs look for.
fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Investigating => "Investigating",
        Phase::Identified => "Identified",
        Phase::Monitoring => "Monitoring",
        Phase::Resolved => "Resolved",
        Phase::Postmortem => "Postmortem",
    }
}

/// Without the signs that XML cannot carry.
fn printable(text: &str) -> String {
    let fits = |sign: &char| {
        !sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}')
            || matches!(sign, '\n' | '\t')
    };
    text.chars().filter(fits).collect()
}
