//! Warns of ladders whose models differ in what they serve: a request that one rung serves may pass
//! over the others, so that the ladder is shorter for it than it looks.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{ModelCard, Needs};
use providers::{Cards, Kind};
use resilience::{ModelSpec, RungModel};

use crate::settings::Settings;
use crate::warning::written;

/// A context this many times shorter than another is worth a word.
const TIMES_SHORTER: u64 = 4;

/// What every list of models tells of, so that silence says something too.
const LISTED: [(Needs, &str); 3] =
    [(Needs::IMAGES, "images"), (Needs::TOOLS, "tools"), (Needs::JSON_OUTPUT, "structured output")];
/// What lists often leave out.
const SELDOM_LISTED: [(Needs, &str); 1] = [(Needs::DOCUMENTS, "documents")];

/// A rung whose model is known.
struct Rung {
    written: String,
    model: Box<str>,
    card: Option<Arc<ModelCard>>,
    embeds: bool,
}

/// Says how the rungs of a ladder differ.
pub(crate) fn warn(model: &ModelSpec, settings: &Settings, say: &mut impl FnMut(String)) {
    let rungs = rungs(model, settings);
    let name = &model.pattern;
    if vectors_differ(&rungs) {
        let all: Vec<_> = rungs.iter().map(|rung| format!("`{}`", rung.written)).collect();
        say(format!(
            "model `{name}`: {} make vectors that cannot be compared with each other; a ladder for \
             embeddings holds one model at several providers",
            all.join(", ")
        ));
        return;
    }
    for (need, word) in LISTED {
        let lacks = |card: &ModelCard| !card.can.contains(need);
        differ(&rungs, need, lacks, |can, cannot| {
            say(format!(
                "model `{name}`: {can} serves {word}, {cannot} is not known to; requests with them \
                 may fail there or pass over it"
            ));
        });
    }
    for (need, word) in SELDOM_LISTED {
        let lacks = |card: &ModelCard| card.cannot.contains(need);
        differ(&rungs, need, lacks, |can, cannot| {
            say(format!(
                "model `{name}`: {can} serves {word}, {cannot} does not; requests with them pass \
                 over it"
            ));
        });
    }
    contexts(name, &rungs, say);
}

/// The rungs that are named, but the reserve, which everybody knows to be small.
fn rungs(model: &ModelSpec, settings: &Settings) -> Vec<Rung> {
    let mut rungs = Vec::new();
    for rung in model.ladder.steps.iter().flatten() {
        let RungModel::Named(named) = &rung.model else { continue };
        let provider = settings.providers.iter().find(|provider| provider.name == rung.provider);
        let Some(provider) = provider.filter(|provider| provider.kind != Kind::Reserve) else {
            continue;
        };
        let cards = Cards::new(provider);
        rungs.push(Rung {
            written: written(rung),
            model: named.clone(),
            card: cards.card(named),
            embeds: cards.embeds(named) || named.contains("embed"),
        });
    }
    rungs
}

/// The same model has the same name but for its maker's before it.
fn vectors_differ(rungs: &[Rung]) -> bool {
    let names: BTreeSet<String> = rungs
        .iter()
        .map(|rung| {
            let name = rung.model.rsplit('/').next().unwrap_or_default();
            name.to_ascii_lowercase()
        })
        .collect();
    rungs.iter().any(|rung| rung.embeds) && names.len() > 1
}

/// The first rung that is known to serve a need, and the first that lacks it.
fn differ(
    rungs: &[Rung],
    need: Needs,
    lacks: impl Fn(&ModelCard) -> bool,
    mut found: impl FnMut(String, String),
) {
    let known = |wanted: &dyn Fn(&ModelCard) -> bool| {
        let rung = rungs.iter().find(|rung| rung.card.as_deref().is_some_and(wanted));
        rung.map(|rung| format!("`{}`", rung.written))
    };
    let can = known(&|card| card.can.contains(need));
    let lacking = known(&|card| card.can != Needs::default() && lacks(card));
    if let (Some(can), Some(lacking)) = (can, lacking) {
        found(can, lacking);
    }
}

fn contexts(name: &str, rungs: &[Rung], say: &mut impl FnMut(String)) {
    let context = |rung: &Rung| rung.card.as_deref()?.context_tokens_max;
    let known = || rungs.iter().filter_map(|rung| Some((context(rung)?, rung)));
    let (Some((longest, long)), Some((shortest, short))) =
        (known().max_by_key(|(tokens, _)| *tokens), known().min_by_key(|(tokens, _)| *tokens))
    else {
        return;
    };
    if shortest.saturating_mul(TIMES_SHORTER) < longest {
        say(format!(
            "model `{name}`: `{}` takes {shortest} tokens, `{}` takes {longest}; longer requests \
             pass over the former",
            short.written, long.written
        ));
    }
}
