//! A whole drill: all wanted policies on the same seed, two at a time, and the report.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clock::Clock;
use sha2::{Digest, Sha256};

use crate::replay::{Played, Policy, Progress, Setup, herd_study, play};
use crate::report::Report;
use crate::scenario::Scenario;
use crate::score::{judge, judge_seen};

/// Runs side by side; a run holds one core.
const THREADS_MAX: usize = 2;
/// Between two looks at how far they are.
const LOOK: Duration = Duration::from_millis(200);

/// What is to be drilled.
#[derive(Debug)]
pub struct Wish<'a> {
    pub scenario: &'a Scenario,
    pub setup: &'a Setup,
    pub policies: &'a [Policy],
    pub seed: u64,
    /// Also vary the share of the world that paces itself, where the scenario has a herd.
    pub herd: bool,
}

/// Drills. `tell` hears now and then which share of the work is done, from 0 to 1.
///
/// # Errors
/// In words, if a run could not be started.
pub fn drill(
    wish: &Wish<'_>,
    clock: &dyn Clock,
    tell: &mut dyn FnMut(f64),
) -> Result<Report, String> {
    let began = clock.now();
    // The dear ones first, so that none of them is left alone at the end.
    let mut wanted: Vec<Policy> = wish.policies.to_vec();
    wanted.sort_by_key(|policy| *policy != Policy::Seawall);
    let progress: Vec<Progress> = wanted.iter().map(|_| Progress::default()).collect();
    let queue = Mutex::new(wanted.iter().copied().zip(&progress));
    let played: Mutex<BTreeMap<Policy, Result<Played, String>>> = Mutex::default();
    let work = || loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((policy, progress)) = next else {
            return;
        };
        let result = play(wish.scenario, wish.setup, policy, wish.seed, progress);
        played.lock().unwrap_or_else(PoisonError::into_inner).insert(policy, result);
    };
    thread::scope(|scope| {
        let threads = THREADS_MAX.min(wanted.len());
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let whole = wish.scenario.duration.as_secs().max(1) * wanted.len().max(1) as u64;
        while running.iter().any(|thread| !thread.is_finished()) {
            thread::park_timeout(LOOK);
            let done: u64 = progress.iter().map(Progress::seconds).sum();
            tell((done as f64 / whole as f64).min(1.0));
        }
    });
    let herd = wish.herd.then(|| herd_study(wish.scenario, wish.seed)).flatten();
    let played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut runs = BTreeMap::new();
    let mut hash = Sha256::new();
    let mut seen = None;
    for (policy, result) in played {
        let Played { figures, series, seen: told } = result?;
        seen = seen.or(told);
        hash.update(figures.trace_hash.as_bytes());
        runs.insert(policy.as_str().to_owned(), (figures, series));
    }
    let mut expectations = judge(&wish.scenario.expectations, &runs);
    if let Some(seen) = &seen {
        expectations.extend(judge_seen(&wish.scenario.outside.foreseen, seen));
    }
    let digest = hash.finalize();
    let (policies, series) = runs
        .into_iter()
        .map(|(name, (figures, series))| ((name.clone(), figures), (name, series)))
        .unzip();
    Ok(Report {
        scenario: wish.scenario.name.clone(),
        title: wish.scenario.title.clone(),
        what_if: wish.scenario.what_if,
        seed: wish.seed,
        version: env!("CARGO_PKG_VERSION"),
        settings: wish.setup.source.clone(),
        virtual_s: wish.scenario.duration.as_secs(),
        wall_s: (clock.now().since(began).as_secs_f64() * 10.0).round() / 10.0,
        trace_hash: digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect(),
        policies,
        expectations,
        seen,
        herd,
        story: wish.scenario.clone(),
        series,
    })
}
