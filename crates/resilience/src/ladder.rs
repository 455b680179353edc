//! Finds the ladder of a model name: which targets are asked, in which order. It does not know
//! whether they are well.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::Target;

use crate::pattern::Pattern;
use crate::{Clocks, LadderSpec, ModelSpec, RungModel};

/// The ladder for one name. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub clocks: Clocks,
    /// From the first choice to the last, each step with one target or several equals.
    pub steps: Arc<[Box<[Target]>]>,
    /// The configured name or pattern that matched, or `provider/*` for a direct name. From a
    /// bounded set, unlike the name that was asked.
    pub pattern: Arc<str>,
}

/// All ladders, ready for look-up.
///
/// A name is looked up as
/// 1. a configured name;
/// 2. a direct name `provider/model` of a known provider, unless a pattern names that provider
///    before its first star: a bare `*` must not swallow `openai/gpt-4.1`, while `openai/*` may
///    give it a ladder;
/// 3. a pattern, the one with the longest part before its first star; among those the one with
///    the most characters besides the stars, then the one that was configured first.
#[derive(Debug)]
pub struct LadderTable {
    exact: HashMap<Box<str>, Found>,
    /// Concrete names as configured.
    names: Box<[Box<str>]>,
    /// The most particular first.
    patterns: Box<[Wild]>,
    providers: Providers,
    direct_clocks: Clocks,
}

#[derive(Debug)]
struct Wild {
    pattern: Pattern,
    text: Arc<str>,
    ladder: LadderSpec,
    clocks: Clocks,
}

/// Known providers with the pattern that their direct names are booked under.
#[derive(Debug, Default)]
struct Providers(HashMap<Arc<str>, Arc<str>>);

impl Providers {
    fn new(names: Vec<Box<str>>) -> Self {
        let entry = |name: Box<str>| {
            let pattern = Arc::from(format!("{name}/*"));
            (Arc::from(name), pattern)
        };
        Self(names.into_iter().map(entry).collect())
    }

    /// Splits a direct name into the provider, its pattern and the model.
    fn split<'a>(&self, asked: &'a str) -> Option<(&Arc<str>, &Arc<str>, &'a str)> {
        let (provider, model) = asked.split_once('/')?;
        let (provider, pattern) = self.0.get_key_value(provider)?;
        (!model.is_empty()).then_some((provider, pattern, model))
    }

    fn shared(&self, name: &str) -> Arc<str> {
        self.0.get_key_value(name).map_or_else(|| Arc::from(name), |(shared, _)| shared.clone())
    }

    /// The targets of a ladder for a name. `provider/*` asks for the name as the caller gave it,
    /// without the provider's own name in front, which only we understand.
    fn steps(&self, ladder: &LadderSpec, asked: &str) -> Arc<[Box<[Target]>]> {
        let as_asked: Arc<str> = Arc::from(asked);
        let direct = self.split(asked);
        let step = |rungs: &Vec<crate::RungSpec>| {
            let target = |rung: &crate::RungSpec| {
                let model = match (&rung.model, direct) {
                    (RungModel::Named(name), _) => Arc::from(&**name),
                    (RungModel::AsAsked, Some((own, _, model))) if **own == *rung.provider => {
                        Arc::from(model)
                    }
                    (RungModel::AsAsked, _) => as_asked.clone(),
                };
                Target { provider: self.shared(&rung.provider), model }
            };
            rungs.iter().map(target).collect()
        };
        ladder.steps.iter().map(step).collect()
    }
}

impl LadderTable {
    /// Builds the table. `providers` are those whose models may be asked for directly;
    /// `direct_clocks` are the clocks of those requests. Of two equal names the first counts.
    pub fn new(models: Vec<ModelSpec>, providers: Vec<Box<str>>, direct_clocks: Clocks) -> Self {
        let providers = Providers::new(providers);
        let mut exact: HashMap<Box<str>, Found> = HashMap::new();
        let mut names: Vec<Box<str>> = Vec::new();
        let mut patterns: Vec<Wild> = Vec::new();
        let mut seen = HashSet::new();
        for ModelSpec { pattern: text, ladder, clocks } in models {
            if !seen.insert(text.clone()) {
                continue;
            }
            if let Some(pattern) = Pattern::parse(&text) {
                patterns.push(Wild { pattern, text: Arc::from(text), ladder, clocks });
                continue;
            }
            let steps = providers.steps(&ladder, &text);
            exact.insert(text.clone(), Found { clocks, steps, pattern: Arc::from(&*text) });
            names.push(text);
        }
        // The sort is stable, so equals stay in the order of the configuration.
        patterns.sort_by_key(|wild| std::cmp::Reverse(wild.pattern.weight()));
        Self { exact, names: names.into(), patterns: patterns.into(), providers, direct_clocks }
    }

    /// The ladder of the name that a caller asked for. A configured name costs no allocation.
    pub fn find(&self, asked: &str) -> Option<Found> {
        if let Some(found) = self.exact.get(asked) {
            return Some(found.clone());
        }
        if asked.is_empty() {
            return None;
        }
        let direct = self.providers.split(asked);
        let mut wilds = self.patterns.iter();
        let wild = wilds.find(|wild| {
            let names_provider = direct.is_none_or(|(provider, _, _)| {
                wild.pattern
                    .prefix()
                    .strip_prefix(&**provider)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            names_provider && wild.pattern.fits(asked)
        });
        if let Some(wild) = wild {
            let steps = self.providers.steps(&wild.ladder, asked);
            return Some(Found { clocks: wild.clocks, steps, pattern: wild.text.clone() });
        }
        let (provider, pattern, model) = direct?;
        let target = Target { provider: provider.clone(), model: Arc::from(model) };
        let step: Box<[Target]> = Box::from([target]);
        Some(Found {
            clocks: self.direct_clocks,
            steps: Arc::from([step]),
            pattern: pattern.clone(),
        })
    }

    /// The concrete names, in the order of the configuration.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}
