//! The world's load on each provider, as a flow: so many requests a second, more when people come
//! over from elsewhere, more again when answers fail and are asked for anew.

use std::time::Duration;

use clock::{Dice, Tick};

use super::Work;
use crate::crowd::{Sizes, poisson};
use crate::scenario::{Flight, Provider, Scenario};

/// Mean tokens of the built-in sizes.
const MEAN: Work = Work { input_tokens: 1_155, output_tokens: 211, step_tokens: u32::MAX };

/// Requests a second that fill the whole capacity.
pub(crate) fn base_rate(provider: &Provider) -> f64 {
    let capacity = &provider.capacity;
    capacity.full_speed_slots() / capacity.slot_seconds(&MEAN)
}

/// The world's requests to one provider.
#[derive(Debug)]
pub(crate) struct WorldFlow {
    ambient_per_s: f64,
    flights: Vec<Flight>,
    dice: Dice,
}

impl WorldFlow {
    pub(crate) fn new(name: &str, scenario: &Scenario, dice: Dice) -> Option<Self> {
        let provider = scenario.providers.get(name)?;
        let flights = scenario.flights.iter().filter(|flight| flight.to == name).cloned().collect();
        Some(Self { ambient_per_s: base_rate(provider) * provider.ambient, flights, dice })
    }

    /// Requests a second that are asked for the first time.
    pub(crate) fn fresh_per_s(&self, at: Duration) -> f64 {
        let fled: f64 = self.flights.iter().map(|flight| arrived(flight, at)).sum();
        self.ambient_per_s * (1.0 + fled)
    }

    /// The requests of one second. Whoever is not answered asks twice more, as the SDKs and people
    /// do; `failing` is the share that is not.
    pub(crate) fn second(&mut self, from: Tick, failing: f64) -> Vec<(Tick, Work, bool)> {
        let fresh = self.fresh_per_s(Duration::from_nanos(from.as_nanos()));
        let again = fresh * (failing + failing * failing);
        let mut coming = Vec::new();
        for (per_s, is_fresh) in [(fresh, true), (again, false)] {
            for _ in 0..poisson(&mut self.dice, per_s) {
                let at = from + Duration::from_secs_f64(self.dice.fraction());
                let size = Sizes::Chat.throw(&mut self.dice);
                let work = Work {
                    input_tokens: size.input_tokens,
                    output_tokens: size.output_tokens,
                    step_tokens: u32::MAX,
                };
                coming.push((at, work, is_fresh));
            }
        }
        coming.sort_by_key(|(at, ..)| *at);
        coming
    }
}

/// What has come over, as a share of the target's ambient load.
fn arrived(flight: &Flight, at: Duration) -> f64 {
    let Some(since) = at.checked_sub(flight.window.from) else {
        return 0.0;
    };
    let halves = |span: Duration, half: Duration| {
        0.5_f64.powf(span.as_secs_f64() / half.as_secs_f64().max(1.0))
    };
    let length = flight.window.until.saturating_sub(flight.window.from);
    let come = flight.gain * (1.0 - halves(since.min(length), flight.lag_median));
    come * halves(at.saturating_sub(flight.window.until), flight.back_median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Window;

    #[test]
    fn people_come_with_their_lag_and_go_home() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let flight = Flight {
            window: Window { from: minutes(10), until: minutes(250) },
            from: "a".into(),
            to: "b".into(),
            gain: 0.6,
            lag_median: minutes(56),
            back_median: minutes(15),
        };
        let at = |n| (arrived(&flight, minutes(n)) * 100.0).round();
        assert_eq!((at(0), at(10), at(66)), (0.0, 0.0, 30.0));
        assert!(at(250) > 56.0 && at(265) < 30.0 && at(400) < 1.0);
    }
}
