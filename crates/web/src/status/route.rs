//! Which page an address of the public's listener means, as far as the view has it. How it is drawn
//! is not known here.

use super::dates::Date;
use super::view::StatusView;
use crate::api::Document;
use crate::path_key;

/// Behind the address of an incident for programs; no key has a full stop.
const JSON_END: &str = ".json";

/// A page that is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Main,
    /// The latest month, or the one named so: `2024-06`.
    History(Option<Box<str>>),
    Incident(Box<str>),
    Maintenance(Box<str>),
    Report,
    Reported,
    Subscribe,
    Subscribed,
    HowWeCount,
    /// What a person looks for in vain.
    Missing,
    /// For programs; it has no language.
    Document(Document),
}

impl Route {
    /// True for what is there only while reports are taken.
    pub(crate) fn is_for_reports(&self) -> bool {
        matches!(self, Self::Report | Self::Reported)
    }

    /// True for what is there only while subscriptions are taken.
    pub(crate) fn is_for_subscribers(&self) -> bool {
        matches!(self, Self::Subscribe | Self::Subscribed)
    }

    /// `None` for an address that means nothing; all that are looked for in vain share one, so that strangers cannot fill our memory.
    pub(crate) fn of(path: &str, view: &StatusView) -> Option<Self> {
        Some(match path {
            "/" => Self::Main,
            "/history" => Self::History(None),
            "/report" => Self::Report,
            "/reported" => Self::Reported,
            "/subscribe" => Self::Subscribe,
            "/subscribed" => Self::Subscribed,
            "/how-we-count" => Self::HowWeCount,
            _ => match path.strip_prefix('/').and_then(|rest| rest.split_once('/')) {
                Some(("history", month)) if has_month(view, month) => {
                    Self::History(Some(month.into()))
                }
                Some(("incidents", key)) if has_incident(view, key) => Self::Incident(key.into()),
                Some(("maintenances", key)) if has_maintenance(view, key) => {
                    Self::Maintenance(key.into())
                }
                Some(("incidents", name)) if has_json(view, name) => {
                    let key = name.trim_end_matches(JSON_END);
                    Self::Document(Document::Incident(key.into()))
                }
                Some(("history" | "incidents" | "maintenances", _)) => Self::Missing,
                _ => Self::Document(Document::of(path, view)?),
            },
        })
    }
}

fn has_month(view: &StatusView, month: &str) -> bool {
    let incidents = view.incidents().map(|one| one.incident.started_at);
    let works = view.maintenances.iter().map(|one| one.starts_at);
    incidents.chain(works).any(|at| Date::of(at).year_month() == month)
}

fn has_incident(view: &StatusView, key: &str) -> bool {
    view.incidents().any(|one| path_key(one.incident.id.as_str()) == key)
}

fn has_json(view: &StatusView, name: &str) -> bool {
    name.strip_suffix(JSON_END).is_some_and(|key| has_incident(view, key))
}

fn has_maintenance(view: &StatusView, key: &str) -> bool {
    view.maintenances.iter().any(|one| path_key(one.id.as_str()) == key)
}
