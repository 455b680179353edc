//! Reads what is kept of the past, and whose page shows it.

use providers::Kind;
use web::StatusSettings;

use crate::keys;
use crate::mistake::{Findings, Place, shown};
use crate::notify;
use crate::provider::{Roster, unknown_provider};
use crate::raw::{Table, text_of};
use crate::secrets::Sources;
use crate::settings::Watch;

const NAME_CHARS_MAX: usize = 80;
/// More would be a load of its own.
const PROBES_MAX: usize = 32;
/// Groups, and providers in one.
const TOGETHER_MAX: usize = 16;
const URL_BYTES_MAX: usize = 512;

pub(crate) fn read(
    top: &Table<'_>,
    roster: &Roster,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> Watch {
    let status = status(top, f);
    let mut lookout = lookout(top, roster, f);
    lookout.notify = notify::read(top, (&status, roster), sources, f);
    Watch { storage: storage(top, sources, f), status, lookout }
}

fn lookout(top: &Table<'_>, roster: &Roster, f: &mut Findings<'_>) -> lookout::Settings {
    let d = lookout::Settings::default();
    let table = top.table("lookout", &keys::LOOKOUT, f);
    lookout::Settings {
        feeds: table.flag("feeds", f).unwrap_or(d.feeds),
        feeds_every_ms: table.integer("feeds_every_ms", d.feeds_every_ms, f),
        probes: probes(&table, roster, f),
        canaries: table.flag("canaries", f).unwrap_or(d.canaries),
        notify: d.notify,
        together: together(&table, roster, f),
        acts: table.flag("acts", f).unwrap_or(d.acts),
    }
}

fn probes(table: &Table<'_>, roster: &Roster, f: &mut Findings<'_>) -> Vec<(Box<str>, Box<str>)> {
    let values = table.array("probes", "an array of `provider/model`", f);
    if let Some(value) = table.get("probes").filter(|_| values.len() > PROBES_MAX) {
        f.at(value.span(), format!("there are {PROBES_MAX} probes at most"));
    }
    let mut probes: Vec<(Box<str>, Box<str>)> = Vec::new();
    for value in values.iter().take(PROBES_MAX) {
        let Some(said) = text_of("a probe", value, f) else { continue };
        let Some((provider, model)) = said.value.split_once('/').filter(|(_, m)| !m.is_empty())
        else {
            let message = format!("`{}` must be written `provider/model`", shown(said.value));
            f.at(said.span, message);
            continue;
        };
        match roster.kinds.get(provider) {
            Some(Some(Kind::Reserve)) => f.at(said.span, "the reserve needs no probe"),
            Some(_) => probes.push((provider.into(), model.into())),
            None => f.lacks(Place::Text(said.span), unknown_provider(provider, roster)),
        }
    }
    probes
}

/// Groups of providers' names.
fn together(table: &Table<'_>, roster: &Roster, f: &mut Findings<'_>) -> Vec<Vec<Box<str>>> {
    let mut groups = Vec::new();
    for value in table.array("together", "an array of arrays of providers", f) {
        let names = value.get_ref().as_array().map_or(&[][..], |names| names.as_ref());
        if !(2..=TOGETHER_MAX).contains(&names.len()) || groups.len() >= TOGETHER_MAX {
            let message = format!(
                "`together` has {TOGETHER_MAX} groups at most, each an array of 2 to {TOGETHER_MAX} providers"
            );
            f.at(value.span(), message);
            continue;
        }
        let mut group: Vec<Box<str>> = Vec::new();
        for name in names {
            let Some(said) = text_of("a provider", name, f) else { continue };
            if roster.kinds.contains_key(said.value) {
                group.push(said.value.into());
            } else {
                f.lacks(Place::Text(said.span), unknown_provider(said.value, roster));
            }
        }
        groups.push(group);
    }
    groups
}

fn storage(top: &Table<'_>, sources: Sources<'_>, f: &mut Findings<'_>) -> storage::Settings {
    let table = top.table("storage", &keys::STORAGE, f);
    let mut settings = match table.text("path", f) {
        None => storage::Settings::in_memory(),
        Some(said) if said.value.is_empty() => {
            f.at(said.span, "`path` is empty; without the key all is kept in memory");
            storage::Settings::in_memory()
        }
        Some(said) => storage::Settings::in_file(sources.folder.join(said.value)),
    };
    settings.file_bytes_max = table.integer("file_bytes_max", settings.file_bytes_max, f);
    let minutes = &mut settings.retention.minutes;
    minutes.age_hours_max = table.integer("minutes_hours_max", minutes.age_hours_max, f);
    settings
}

fn status(top: &Table<'_>, f: &mut Findings<'_>) -> StatusSettings {
    let d = StatusSettings::default();
    let table = top.table("status", &keys::STATUS, f);
    let mut read = StatusSettings { reports: table.flag("reports", f).unwrap_or(d.reports), ..d };
    if let Some(said) = table.text("name", f) {
        let chars = said.value.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || said.value.chars().any(char::is_control) {
            f.at(said.span, format!("a page's name has 1 to {NAME_CHARS_MAX} characters"));
        } else {
            read.name = said.value.into();
        }
    }
    if let Some(said) = table.text("url", f) {
        match page_url(said.value) {
            Some(url) => read.url = url,
            None => f.at(
                said.span,
                "`url` must be an http or https address without user, query or fragment",
            ),
        }
    }
    read
}

/// The address without a slash at its end.
fn page_url(text: &str) -> Option<Box<str>> {
    let uri: http::Uri = text.parse().ok()?;
    let is_plain = text.len() <= URL_BYTES_MAX && !text.contains(['@', '?', '#']);
    let is_web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    (is_plain && is_web).then(|| text.trim_end_matches('/').into())
}
