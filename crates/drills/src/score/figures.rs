//! The figures of one policy, as they stand in the report.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Books;
use super::books::Row;
use super::domino::{goodput_min, has_fallen};
use crate::provider::{CELL_S, Cell};
use crate::scenario::Scenario;

/// A window with fewer requests says nothing about attempts per request.
const REQUESTS_MIN: u32 = 10;

/// One policy's results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyFigures {
    /// Requests of the fleet; retries of its SDKs are part of them.
    pub offered: u64,
    pub answered: u64,
    pub answered_ratio: f64,
    /// By rung.
    pub answered_by: BTreeMap<String, u64>,
    /// Of the answers.
    pub reserve_ratio: f64,
    pub first_token_ms: FirstToken,
    /// Tries at providers for each request of the fleet, SDKs' retries and takeovers included, of those
    /// for which one was asked the first time in the worst ten seconds. A request that is tried once
    /// counts one, however long it stood in line, and a try that is made later counts as well.
    pub attempts_per_request_max_10s: f64,
    #[serde(flatten)]
    pub ends: Ends,
    /// Of those who waited as `Retry-After` said, how many were answered then; absent if nobody did.
    pub retry_after_honest_ratio: Option<f64>,
    pub providers: BTreeMap<String, ProviderFigures>,
    /// Providers without an event of their own whose useful answers fell below half of what was
    /// asked, for a minute or more.
    pub dominoes: u64,
    /// First requests only, fleet and world, of all providers together, against the capacity that
    /// was there: the worst ten minutes.
    pub fresh_load_peak_ratio: f64,
    pub answered_ratio_by_tenant: BTreeMap<String, f64>,
    pub trace_hash: String,
}

/// How requests ended that were not simply answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Ends {
    /// Streams that broke after their first word.
    pub cut_streams: u64,
    /// Streams that another provider finished.
    pub takeovers: u64,
    /// Requests that waited in the waiting room.
    pub waited: u64,
    pub refused: u64,
    pub gave_up: u64,
    pub failed: u64,
}

/// From a request's beginning to its first word, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct FirstToken {
    pub p50: Option<u32>,
    pub p95: Option<u32>,
    pub p99: Option<u32>,
}

/// What a provider went through under one policy, world and fleet together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderFigures {
    /// What was asked against the full capacity, in the worst ten seconds.
    pub load_peak_ratio: f64,
    /// Seconds in which more was asked than it can do at its best.
    pub over_capacity_s: u64,
    /// Of the fleet's tries.
    pub refused_ratio: f64,
    /// Useful answers against what was asked, in the worst minute.
    pub goodput_min_ratio_60s: f64,
    /// Tries of the fleet.
    pub tries: u64,
    pub fell: bool,
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) books: Books,
    pub(crate) plants: BTreeMap<String, Vec<Cell>>,
    /// For each ten seconds, requests for which a provider was asked in them the first time, and all
    /// tries that were made for these.
    pub(crate) tries: Vec<(u32, u32)>,
}

/// Adds one run up.
pub(crate) fn figures(scenario: &Scenario, accounts: &Accounts) -> PolicyFigures {
    let trace_hash = accounts.books.trace_hash();
    let pages = accounts.books.lock();
    let sum = |of: fn(&Row) -> u32| pages.rows.iter().map(|row| u64::from(of(row))).sum();
    let (offered, answered): (u64, u64) = (sum(|row| row.offered), sum(|row| row.answered));
    let by_reserve = pages.answered_by.iter().filter(|(rung, _)| {
        let provider = rung.split('/').next().unwrap_or_default();
        scenario.providers.get(provider).is_some_and(|provider| provider.is_reserve)
    });
    let by_reserve: u64 = by_reserve.map(|(_, count)| count).sum();
    let providers: BTreeMap<_, _> = scenario
        .providers
        .keys()
        .map(|name| {
            let cells = accounts.plants.get(name).map(Vec::as_slice).unwrap_or_default();
            (name.clone(), provider(scenario, name, cells))
        })
        .collect();
    PolicyFigures {
        offered,
        answered,
        answered_ratio: ratio(answered, offered),
        answered_by: pages.answered_by.clone(),
        reserve_ratio: ratio(by_reserve, answered),
        first_token_ms: percentiles(&pages.first_words_ms),
        attempts_per_request_max_10s: attempts_max(&accounts.tries),
        ends: Ends {
            cut_streams: pages.cut,
            takeovers: pages.takeovers,
            waited: pages.waited,
            refused: sum(|row| row.refused),
            // Whoever still waits when the tail is over will not be answered.
            gave_up: sum(|row| row.gave_up) + u64::from(pages.open()),
            failed: sum(|row| row.failed),
        },
        retry_after_honest_ratio: (pages.waits.0 > 0).then(|| ratio(pages.waits.1, pages.waits.0)),
        dominoes: providers.values().filter(|provider| provider.fell).count() as u64,
        providers,
        fresh_load_peak_ratio: fresh_load_peak(scenario, accounts, &pages.rows),
        answered_ratio_by_tenant: pages
            .by_tenant
            .iter()
            .map(|(tenant, (offered, answered))| (tenant.clone(), ratio(*answered, *offered)))
            .collect(),
        trace_hash,
    }
}

fn provider(scenario: &Scenario, name: &str, cells: &[Cell]) -> ProviderFigures {
    let slots = full_slots(scenario, name);
    let load = |cell: &Cell| cell.slot_s / (slots * CELL_S as f64);
    let tries: u64 = cells.iter().map(|cell| u64::from(cell.fleet_offered)).sum();
    let refused: u64 = cells.iter().map(|cell| u64::from(cell.fleet_refused)).sum();
    ProviderFigures {
        load_peak_ratio: rounded(cells.iter().map(load).fold(0.0, f64::max)),
        over_capacity_s: cells.iter().filter(|cell| load(cell) > 1.0).count() as u64 * CELL_S,
        refused_ratio: ratio(refused, tries),
        goodput_min_ratio_60s: rounded(goodput_min(cells)),
        tries,
        fell: !scenario.has_event(name) && has_fallen(cells),
    }
}

fn full_slots(scenario: &Scenario, name: &str) -> f64 {
    let provider = scenario.providers.get(name);
    provider.map_or(1.0, |provider| provider.capacity.full_speed_slots())
}

/// Demand without any repetition against what is there to serve it: below one, nobody has to fall.
fn fresh_load_peak(scenario: &Scenario, accounts: &Accounts, rows: &[Row]) -> f64 {
    const CELLS: usize = (600 / CELL_S) as usize;
    let mut worst: f64 = 0.0;
    // What is left over at the end would be a window with a tail in it.
    for from in (0..rows.len().saturating_sub(CELLS) + 1).step_by(CELLS) {
        let part = rows.iter().skip(from).take(CELLS);
        let mut asked: f64 = part.map(|row| row.slot_s).sum();
        let mut there = 0.0;
        for (name, cells) in &accounts.plants {
            if scenario.providers.get(name).is_some_and(|provider| provider.is_reserve) {
                continue;
            }
            let middle = Duration::from_secs((from + CELLS / 2) as u64 * CELL_S);
            let health = health_at(scenario, name, middle);
            there += health * full_slots(scenario, name) * (CELLS as u64 * CELL_S) as f64;
            // The own people of a provider that is down wait for it; those who fled are counted
            // where they went.
            if health > 0.0 {
                let part = cells.iter().skip(from).take(CELLS);
                asked += part.map(|cell| cell.world_fresh_slot_s).sum::<f64>();
            }
        }
        if there > 0.0 {
            worst = worst.max(asked / there);
        }
    }
    rounded(worst)
}

fn health_at(scenario: &Scenario, name: &str, at: Duration) -> f64 {
    use crate::scenario::Fault;
    let faults =
        scenario.events.iter().filter(|event| event.window.holds(at)).filter_map(|event| {
            event
                .effect
                .as_ref()
                .filter(|(to, _)| to == name)
                .map(|(_, fault)| (*fault, event.share))
        });
    faults.fold(1.0, |health, (fault, share)| match fault {
        Fault::Capacity(left) => health * left,
        Fault::BrownOut(_) | Fault::Acceleration(_) | Fault::SlowDns(_) | Fault::Malformed => {
            health
        }
        _ => health * (1.0 - share),
    })
}

fn attempts_max(tries: &[(u32, u32)]) -> f64 {
    let told = tries.iter().filter(|(requests, _)| *requests >= REQUESTS_MIN);
    let ratios = told.map(|(requests, tries)| f64::from(*tries) / f64::from(*requests));
    rounded(ratios.fold(0.0, f64::max))
}

fn percentiles(first_words_ms: &[u32]) -> FirstToken {
    let mut sorted = first_words_ms.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| {
        let last = sorted.len().checked_sub(1)?;
        sorted.get((share * last as f64).round() as usize).copied()
    };
    FirstToken { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 / whole as f64) }
}

/// To five places: more would be read as more than it is.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 1e5).round() / 1e5
}
