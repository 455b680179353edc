//! What happened when, for charts: one point for each ten seconds, and decisions with their why.

use std::collections::BTreeMap;

use super::figures::{Accounts, rounded};
use crate::provider::{CELL_S, Cell};
use crate::scenario::Scenario;

/// One policy over time, in requests a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicySeries {
    pub offered: Vec<f64>,
    pub answered: Vec<f64>,
    pub refused: Vec<f64>,
    /// Gave up, were cut or broke.
    pub lost: Vec<f64>,
    /// Requests under way.
    pub open: Vec<f64>,
    pub providers: BTreeMap<String, ProviderSeries>,
    pub decisions: Vec<Decision>,
}

/// One provider over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProviderSeries {
    /// What was asked, as a share of the full capacity.
    pub load: Vec<f64>,
    /// Of it the world's part.
    pub world: Vec<f64>,
    /// What was of use, as a share of the full capacity.
    pub useful: Vec<f64>,
    /// Requests in its queue.
    pub waiting: Vec<f64>,
}

/// What Seawall did, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Seconds from the start.
    pub at_s: f64,
    pub text: String,
}

pub(crate) fn series(
    scenario: &Scenario,
    accounts: &Accounts,
    breakers: Vec<Decision>,
) -> PolicySeries {
    let pages = accounts.books.lock();
    let width = CELL_S as f64;
    let rate = |of: fn(&super::books::Row) -> u32| {
        pages.rows.iter().map(|row| rounded(f64::from(of(row)) / width)).collect()
    };
    let whys = pages
        .whys
        .iter()
        .map(|(at, why)| Decision { at_s: at.as_nanos() as f64 / 1e9, text: why.clone() });
    let mut decisions: Vec<_> = breakers.into_iter().chain(whys).collect();
    decisions.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    PolicySeries {
        offered: rate(|row| row.offered),
        answered: rate(|row| row.answered),
        refused: rate(|row| row.refused),
        lost: rate(|row| row.gave_up + row.failed),
        open: pages.rows.iter().map(|row| f64::from(row.open)).collect(),
        providers: accounts
            .plants
            .iter()
            .map(|(name, cells)| (name.clone(), provider(scenario, name, cells)))
            .collect(),
        decisions,
    }
}

fn provider(scenario: &Scenario, name: &str, cells: &[Cell]) -> ProviderSeries {
    let settings = scenario.providers.get(name);
    let slots = settings.map_or(1.0, |provider| provider.capacity.full_speed_slots());
    let load = |cell: &Cell| cell.slot_s / (slots * CELL_S as f64);
    let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
    let of =
        |figure: &dyn Fn(&Cell) -> f64| cells.iter().map(|cell| rounded(figure(cell))).collect();
    ProviderSeries {
        load: of(&load),
        world: of(&|cell| load(cell) * share(cell.world_offered, cell.offered())),
        useful: of(&|cell| load(cell) * share(cell.useful(), cell.offered())),
        waiting: of(&|cell| f64::from(cell.waiting)),
    }
}
