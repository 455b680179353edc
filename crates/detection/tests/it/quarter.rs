//! A quiet quarter of a year: three bursts a day of twenty seconds in which every tenth request fails,
//! a probe in five hundred that fails by chance, a report now and then, and no outage.

use std::collections::BTreeSet;

use clock::Dice;
use detection::{Capability, Certainty};

use crate::world::{World, component, moment};

const DAYS: u64 = 90;
const DAY_S: u64 = 86_400;
const BURSTS_A_DAY: u64 = 3;
const BURST_S: u64 = 20;
const USUAL_SHARE: f64 = 0.003;
const BURST_SHARE: f64 = 0.1;

/// Seconds that pass at once while nothing happens.
const CALM_STEP_S: u64 = 20;

#[test]
fn a_quiet_quarter_confirms_next_to_nothing() {
    quiet_quarter(false);
}

/// As breakers have it: the bursts open them, and what then tries the shut doors are probes.
#[test]
fn neither_does_one_behind_doors_that_are_tried_in_haste() {
    quiet_quarter(true);
}

fn quiet_quarter(has_doors: bool) {
    let rates = [("one", 1.0), ("two", 1.0), ("three", 10.0), ("four", 10.0)];
    let components = rates.map(|(provider, _)| component(provider, Capability::Chat));
    let ids = components.clone().map(|component| component.id);
    let mut world = World::new(components.to_vec(), moment(2026, 1, 5, 0, 0), 2026);
    world.has_doors = has_doors;
    for (id, (_, rps)) in ids.iter().zip(rates) {
        world.set(id.as_str(), |state| {
            state.rps = rps;
            state.share = USUAL_SHARE;
            state.probe_every_s = Some(60);
        });
    }
    let mut dice = Dice::seeded(11);
    let mut suspected = 0;
    for _ in 0..DAYS {
        let mut bursts: BTreeSet<(u64, usize)> = BTreeSet::new();
        for place in 0..ids.len() {
            for _ in 0..BURSTS_A_DAY {
                // Whole calm steps, so that a burst begins where it should.
                bursts.insert((dice.below(DAY_S / CALM_STEP_S) * CALM_STEP_S, place));
            }
        }
        let mut second = 0;
        while second < DAY_S {
            for (place, id) in ids.iter().enumerate() {
                let begun = bursts.range((second.saturating_sub(BURST_S - 1), 0)..=(second, place));
                let is_on = begun.into_iter().any(|burst| burst.1 == place);
                let share = if is_on { BURST_SHARE } else { USUAL_SHARE };
                world.set(id.as_str(), |state| state.share = share);
            }
            let near = bursts.range((second.saturating_sub(300), 0)..=(second, usize::MAX));
            let is_calm = near.count() == 0 && second % CALM_STEP_S == 0;
            let step = if is_calm { CALM_STEP_S } else { 1 };
            world.step(step);
            second += step;
        }
        suspected +=
            world.moments.iter().filter(|of| of.verdict.certainty == Certainty::Suspected).count();
        world.moments.clear();
    }
    let incidents = world.incidents();
    let confirmed = incidents.iter().filter(|of| of.certainty == Certainty::Confirmed).count();
    let months = 3 * ids.len();
    assert!(suspected > 100, "the bursts were there: {suspected}");
    assert!(confirmed * 5 <= months, "{confirmed} in {months} component-months");
    assert!(incidents.len() * 2 <= months, "{} in {months} component-months", incidents.len());
}
