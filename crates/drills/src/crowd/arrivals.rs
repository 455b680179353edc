//! When the requests of a crowd begin: thrown once, from the seed alone, so that every policy sees
//! the same crowd.

use std::time::Duration;

use clock::Dice;

use super::{Size, gamma};
use crate::scenario::{Arrivals, Crowd, Turn};

/// A rate is taken as even for so long.
const STEP_S: f64 = 0.25;

/// All beginnings of one crowd in order. A crowd that talks in turns begins so many times less.
pub(crate) fn arrivals(
    crowd: &Crowd,
    duration: Duration,
    dice: &mut Dice,
) -> Vec<(Duration, Size)> {
    match &crowd.arrivals {
        Arrivals::Trace(trace) => trace.iter().filter(|(at, _)| *at < duration).copied().collect(),
        Arrivals::Rate { first_per_s, turns, cv } => {
            let share = 1.0 / f64::from(crowd.turns);
            let rate = |at| rate_at(*first_per_s, turns, at) * share;
            let end = duration.as_secs_f64();
            let mut begins = Vec::new();
            let (mut at, mut due) = (0.0, gamma(dice, 1.0, *cv));
            while at < end {
                // So much of the flow passes in this step; the next one comes when `due` has.
                let flow = rate(at) * STEP_S;
                let mut passed = 0.0;
                while due <= flow - passed {
                    passed += due;
                    let moment = at + STEP_S * passed / flow;
                    begins.push((Duration::from_secs_f64(moment), crowd.sizes.throw(dice)));
                    due = gamma(dice, 1.0, *cv);
                }
                due -= flow - passed;
                at += STEP_S;
            }
            begins.retain(|(at, _)| *at < duration);
            begins
        }
    }
}

fn rate_at(first_per_s: f64, turns: &[Turn], at: f64) -> f64 {
    let mut rate = first_per_s;
    for turn in turns {
        let since = at - turn.at.as_secs_f64();
        if since < 0.0 {
            break;
        }
        let over = turn.over.as_secs_f64();
        let part = if over > 0.0 { (since / over).min(1.0) } else { 1.0 };
        rate += (turn.per_s - rate) * part;
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_ramps_are_followed() {
        let seconds = Duration::from_secs;
        let turns = [
            Turn { at: seconds(10), over: seconds(10), per_s: 20.0 },
            Turn { at: seconds(30), over: Duration::ZERO, per_s: 5.0 },
        ];
        let rates: Vec<f64> = [0.0, 15.0, 25.0, 30.0].map(|at| rate_at(10.0, &turns, at)).into();
        assert_eq!(rates, [10.0, 15.0, 20.0, 5.0]);
    }

    #[test]
    fn a_crowd_comes_at_its_rate_and_the_same_for_the_same_seed() {
        let crowd = Crowd {
            dialects: vec![(domain::Dialect::OpenAiChat, 1.0)],
            name: "c".into(),
            tenant: "c".into(),
            arrivals: Arrivals::Rate { first_per_s: 10.0, turns: Vec::new(), cv: 2.0 },
            sizes: super::super::Sizes::Chat,
            stream_share: 1.0,
            turns: 2,
            think: Duration::from_secs(1),
            patience: Duration::from_secs(1),
            total: Duration::from_secs(1),
            hang_up_share: 0.0,
            retries: 2,
        };
        let throw = |seed| arrivals(&crowd, Duration::from_secs(2_000), &mut Dice::seeded(seed));
        let begins = throw(5);
        assert!((9_000..11_000).contains(&begins.len()), "{}", begins.len());
        assert!(begins.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(begins, throw(5));
        assert_ne!(begins, throw(6));
    }
}
