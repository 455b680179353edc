//! Puts the parts of a file together and checks what no part can see alone.

use std::path::Path;

use providers::Kind;
use resilience::{Clocks, ModelSpec};

use crate::mistake::{Findings, Place, shown};
use crate::provider::Roster;
use crate::raw::Table;
use crate::secrets::{Sources, why_unreadable};
use crate::settings::{Overrides, Settings, Source, Steadiness};
use crate::{Environment, Mistakes, auth, cards, keys, listen, model, provider, raw, rooms, watch};

/// A configuration is written by people.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The text of a configuration file.
pub(crate) fn text_of_file(path: &Path, env: &dyn Environment) -> Result<String, Mistakes> {
    let mut findings = Findings::in_text(path, "");
    let read = env.read_file(path, FILE_BYTES_MAX);
    let text = match read {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| "cannot be read: it is no UTF-8 text".to_owned())
        }
        Err(error) => Err(format!("cannot be read: {}", why_unreadable(&error))),
    };
    text.or_else(|message| {
        findings.wrong(Place::Whole, message);
        findings.into_result().map(|()| String::new())
    })
}

/// Checks a whole text.
pub(crate) fn settings(
    text: &str,
    path: &Path,
    env: &dyn Environment,
    overrides: &Overrides,
) -> Result<Settings, Mistakes> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let sources = Sources { env, folder };
    let mut findings = Findings::in_text(path, text);
    let tree = raw::tree(text, &mut findings);
    let top = Table::top(&tree, &keys::TOP);
    top.refuse_unknown_keys(&mut findings);
    let f = &mut findings;

    let (callers, closed) = auth::callers(&top, f);
    let (limits, caps) = rooms::limits(&top, f);
    let listen = listen::read(&top, (overrides, limits), !closed, sources, f);
    let mut roster = provider::read_all(&top, sources, f);
    let (catalogue, elsewhere) = match cards::of_file(&top, &mut roster, sources, f) {
        Ok(catalogue) => (catalogue, None),
        Err(mistakes) => (None, Some(mistakes)),
    };
    cards::read_all(&top, &mut roster, f);
    let clocks = rooms::clocks(&top, &keys::CLOCKS, Clocks::default(), f);
    let models = model::read_all(&top, &roster, clocks, f);
    let failover = rooms::failover(&top, f);
    let breaker = rooms::breaker(&top, f);
    let pace = rooms::pace(&top, f);
    let waiting_room = rooms::waiting_room(&top, f);
    let recall = rooms::recall(&top, f);
    let request_log = rooms::request_log(&top, sources, f);
    let runtime = rooms::runtime(&top, f);
    let watch = watch::read(&top, &roster, sources, f);
    let (mut reserve, wanted) = rooms::reserve(&top, sources, f);
    reserve.enabled = reserve_is_on(&top, wanted, &roster, &models, f);
    match (findings.into_result(), elsewhere) {
        (Ok(()), None) => {}
        (Err(mistakes), None) | (Ok(()), Some(mistakes)) => return Err(mistakes),
        (Err(mistakes), Some(more)) => return Err(mistakes.and(more)),
    }

    if reserve.enabled {
        provider::add_reserve(&mut roster);
    }
    Ok(Settings {
        listen,
        providers: roster.providers,
        models,
        clocks,
        steadiness: Steadiness { failover, breaker, pace, waiting_room, recall },
        callers,
        caps,
        request_log,
        reserve,
        runtime,
        watch,
        source: Source::File(path.to_owned()),
        read_besides: catalogue.into_iter().collect(),
        secret_origins: roster.origins,
        notes: Vec::new(),
    })
}

/// The reserve costs memory, so it is loaded only where something names it or the file asks for it.
fn reserve_is_on(
    top: &Table<'_>,
    wanted: Option<bool>,
    roster: &Roster,
    models: &[ModelSpec],
    findings: &mut Findings<'_>,
) -> bool {
    let is_reserve = |name: &str| match roster.kinds.get(name) {
        Some(kind) => *kind == Some(Kind::Reserve),
        None => name == provider::RESERVE,
    };
    let in_ladder = models
        .iter()
        .find(|model| model.ladder.steps.iter().flatten().any(|rung| is_reserve(&rung.provider)));
    let in_table = roster.kinds.values().any(|kind| *kind == Some(Kind::Reserve));
    if wanted == Some(false)
        && let Some(model) = in_ladder
    {
        let name = shown(&model.pattern);
        let message = format!("the reserve is off, but the ladder of `{name}` names it");
        findings.wrong(place_of_switch(top), message);
    }
    wanted.unwrap_or(in_ladder.is_some() || in_table)
}

/// Where `[reserve]` was switched off.
fn place_of_switch(top: &Table<'_>) -> Place {
    let table = top.get("reserve").and_then(|value| value.get_ref().as_table());
    table
        .and_then(|table| table.get("enabled"))
        .map_or(Place::Whole, |value| Place::Text(value.span()))
}
