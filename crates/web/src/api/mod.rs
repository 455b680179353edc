//! Interfaces for programs on the public's listener: the common status page interface, feeds, the
//! calendar of planned work, badges, and the door for reports. They say what the page says; nothing
//! is judged here.

mod badges;
mod calendar;
mod feeds;
pub(crate) mod form;
mod incident;
mod incident_io;
pub(crate) mod reports;
mod series;
pub(crate) mod statuspage;
pub(crate) mod subscribe;

use http::StatusCode;

use crate::answer::{JSON, Keep, Page};
use crate::path_key;
use crate::status::view::{ComponentView, StatusView};

/// What a program can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Document {
    Statuspage(statuspage::Part),
    IncidentIo,
    /// One incident in full, by its key.
    Incident(Box<str>),
    Feed(feeds::Form, feeds::Scope),
    Calendar,
    Reports,
    Badge(Box<str>, badges::Badge),
}

impl Document {
    /// The document of an address, if it is there.
    pub(crate) fn of(path: &str, view: &StatusView) -> Option<Self> {
        if let Some(part) = statuspage::Part::of(path) {
            return Some(Self::Statuspage(part));
        }
        if let Some((form, scope)) = feeds::of(path, view) {
            return Some(Self::Feed(form, scope));
        }
        match path {
            "/api/v1/summary" => return Some(Self::IncidentIo),
            "/maintenance.ics" => return Some(Self::Calendar),
            "/api/reports" => return Some(Self::Reports),
            _ => {}
        }
        let (key, rest) = path.strip_prefix("/api/v1/endpoints/")?.split_once('/')?;
        component(view, key)?;
        Some(Self::Badge(key.into(), badges::Badge::of(rest)?))
    }

    /// Its bytes.
    pub(crate) fn page(&self, view: &StatusView) -> Page {
        match self {
            Self::Statuspage(part) => statuspage::page(*part, view),
            Self::IncidentIo => incident_io::page(view),
            Self::Incident(key) => incident::page(key, view)
                .unwrap_or_else(|| Page::text(StatusCode::NOT_FOUND, "no such incident\n")),
            Self::Feed(form, scope) => feeds::page(*form, scope, view),
            Self::Calendar => calendar::page(view),
            Self::Reports => series::page(view),
            Self::Badge(key, badge) => match component(view, key) {
                Some(component) => badges::page(*badge, component),
                None => Page::text(StatusCode::NOT_FOUND, "no such component\n"),
            },
        }
    }
}

/// The component of a key in an address.
pub(crate) fn component<'v>(view: &'v StatusView, key: &str) -> Option<&'v ComponentView> {
    view.components().find(|one| path_key(one.component.id.as_str()) == key)
}

/// JSON that others may keep for ten seconds.
pub(crate) fn json(value: &impl serde::Serialize) -> Page {
    match serde_json::to_vec(value) {
        Ok(bytes) => Page::new(JSON, Keep::TenSeconds, bytes),
        Err(_) => Page::text(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be spelled\n"),
    }
}
