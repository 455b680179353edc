//! The herd: what if not you alone, but a share of the world's companies paced themselves? Their
//! gateways are flows here, not requests: nothing is spoken, only counted. The others fall over at
//! once, with three tries at each provider.

use std::collections::BTreeMap;
use std::time::Duration;

use ::clock::{Dice, Tick};
use serde::Serialize;

use crate::crowd::{Sizes, poisson};
use crate::provider::{Plant, Tries, Work, WorldFlow, base_rate};
use crate::scenario::{Herd, Scenario};
use crate::score::has_fallen;

/// Steps between nobody and everybody.
const STEPS: u32 = 10;
/// From the first event on; the first fall is enough.
const SPAN: Duration = Duration::from_secs(4 * 3_600);
/// Of a paced flow: its first rate as a share of the alternate's own load, and how long it takes to
/// double.
const FIRST_SHARE: f64 = 0.1;
const DOUBLE_S: f64 = 30.0;
/// A provider whose world fails more than this, or whose queue is longer than this share of its
/// slots, gets less, and no more often than once in this time.
const FAILING_MAX: f64 = 0.05;
const QUEUE_MAX: f64 = 0.25;
const LESS: f64 = 0.8;
const LESS_AFTER: Duration = Duration::from_secs(10);

/// One share, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HerdPoint {
    /// Of the companies that pace themselves.
    pub paced: f64,
    pub dominoes: u64,
    /// Of the companies' requests, answered anywhere.
    pub answered_ratio: f64,
}

/// All shares, and the least from which on nothing falls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HerdStudy {
    pub points: Vec<HerdPoint>,
    pub stops_at: Option<f64>,
}

/// Plays the scenario's herd at eleven shares; `None` if it has none.
pub(crate) fn herd_study(scenario: &Scenario, seed: u64) -> Option<HerdStudy> {
    let herd = scenario.herd.as_ref()?;
    let share = |step: u32| f64::from(step) / f64::from(STEPS);
    let points: Vec<_> =
        (0..=STEPS).map(|step| Field::new(scenario, herd, share(step), seed).play()).collect();
    let last_fall = points.iter().rposition(|point| point.dominoes > 0);
    let first_calm = last_fall.map_or(0, |at| at + 1);
    let stops_at = points.get(first_calm).map(|point| point.paced);
    Some(HerdStudy { points, stops_at })
}

/// The providers and the companies at one share.
struct Field<'a> {
    scenario: &'a Scenario,
    herd: &'a Herd,
    paced: f64,
    /// Requests a second of all companies.
    per_s: f64,
    plants: BTreeMap<&'a str, Plant>,
    flows: Vec<(&'a str, WorldFlow)>,
    /// What each alternate is trusted to bear of the paced flow.
    ramps: BTreeMap<&'a str, (f64, Tick)>,
    dice: Dice,
    asked: f64,
    answered: f64,
}

impl<'a> Field<'a> {
    fn new(scenario: &'a Scenario, herd: &'a Herd, paced: f64, seed: u64) -> Self {
        let mut dice = Dice::seeded(seed);
        let outside = || scenario.providers.iter().filter(|(_, provider)| !provider.is_reserve);
        let plants = outside()
            .map(|(name, provider)| {
                (name.as_str(), Plant::new(provider.clone(), dice.split(), Tries::default()))
            })
            .collect();
        let flows = outside()
            .filter_map(|(name, _)| {
                Some((name.as_str(), WorldFlow::new(name, scenario, dice.split())?))
            })
            .collect();
        let home = scenario.providers.get(&herd.home);
        let per_s = home.map_or(0.0, |home| base_rate(home) * herd.load);
        let ramps = BTreeMap::new();
        Self { scenario, herd, paced, per_s, plants, flows, ramps, dice, asked: 0.0, answered: 0.0 }
    }

    fn play(mut self) -> HerdPoint {
        let first = self.scenario.events.iter().find(|event| event.effect.is_some());
        let from = first.map_or(Duration::ZERO, |event| event.window.from).as_secs();
        let begin = from.saturating_sub(300);
        let until = (from + SPAN.as_secs()).min(self.scenario.duration.as_secs());
        for second in begin..until {
            let now = Tick::from_millis(second * 1_000);
            self.happen(second);
            for plant in self.plants.values_mut() {
                plant.advance(now);
            }
            for (name, flow) in &mut self.flows {
                if let Some(plant) = self.plants.get_mut(name) {
                    let failing = plant.world_failing();
                    plant.expect(flow.second(now, failing));
                }
            }
            self.companies(now);
        }
        let end = Tick::from_millis(until * 1_000);
        let scenario = self.scenario;
        let fell = self.plants.iter_mut().filter_map(|(name, plant)| {
            plant.advance(end);
            (!scenario.has_event(name) && has_fallen(plant.cells())).then_some(())
        });
        HerdPoint {
            dominoes: fell.count() as u64,
            paced: self.paced,
            answered_ratio: (self.answered / self.asked.max(1.0) * 1e4).round() / 1e4,
        }
    }

    fn happen(&mut self, second: u64) {
        for (index, event) in self.scenario.events.iter().enumerate() {
            let Some((name, fault)) = &event.effect else { continue };
            let Some(plant) = self.plants.get_mut(name.as_str()) else { continue };
            if event.window.from.as_secs() == second {
                plant.befall(index, *fault, event.share);
            } else if event.window.until.as_secs() == second {
                plant.recover(index);
            }
        }
    }

    /// One second of the companies' requests.
    fn companies(&mut self, now: Tick) {
        self.asked += self.per_s;
        let (herd, paced) = (self.herd, self.per_s * self.paced);
        // Those who fall over at once: three tries at home, and what fails goes on.
        let mut left = self.per_s - paced;
        for name in std::iter::once(&herd.home).chain(&herd.alternates) {
            let failing = self.failing(name);
            self.ask(name, left * (1.0 + failing + failing * failing), now);
            let failed = failing.powi(3);
            self.answered += left * (1.0 - failed);
            left *= failed;
        }
        // Those who pace themselves: a breaker at home, one try, and no more than the ramp allows.
        let home_fails = self.failing(&herd.home);
        let mut left = paced;
        if home_fails < 0.5 {
            self.ask(&herd.home, left, now);
            self.answered += left * (1.0 - home_fails);
            left *= home_fails;
        } else {
            // A probe now and then.
            self.ask(&herd.home, left.min(0.1), now);
        }
        for name in &herd.alternates {
            let sent = left.min(self.ramp(name, left, now));
            self.ask(name, sent, now);
            self.answered += sent * (1.0 - self.failing(name));
            left -= sent;
        }
    }

    fn failing(&self, name: &str) -> f64 {
        self.plants.get(name).map_or(1.0, Plant::world_failing)
    }

    /// What the paced flow may send to this alternate now.
    fn ramp(&mut self, name: &'a str, wanted: f64, now: Tick) -> f64 {
        let Some(plant) = self.plants.get(name) else {
            return 0.0;
        };
        let own = base_rate(&plant.settings) * plant.settings.ambient;
        let queue = plant.waiting() as f64 / plant.settings.capacity.full_speed_slots();
        let calm = plant.world_failing() < FAILING_MAX && queue < QUEUE_MAX;
        let first = own * FIRST_SHARE;
        let (ramp, lowered) = self.ramps.entry(name).or_insert((first, Tick::default()));
        if wanted <= 0.0 {
            *ramp = first;
        } else if calm {
            *ramp = (*ramp * 2.0_f64.powf(1.0 / DOUBLE_S)).min(wanted.max(first));
        } else if now.since(*lowered) >= LESS_AFTER {
            (*ramp, *lowered) = ((*ramp * LESS).max(0.01), now);
        }
        *ramp
    }

    fn ask(&mut self, name: &str, per_s: f64, now: Tick) {
        let Some(plant) = self.plants.get_mut(name) else {
            return;
        };
        let dice = &mut self.dice;
        let coming = (0..poisson(dice, per_s)).map(|_| {
            let size = Sizes::Chat.throw(dice);
            let work = Work {
                input_tokens: size.input_tokens,
                output_tokens: size.output_tokens,
                step_tokens: u32::MAX,
            };
            (now + Duration::from_secs_f64(dice.fraction()), work, true)
        });
        let coming: Vec<_> = coming.collect();
        plant.expect_too(coming);
    }
}
