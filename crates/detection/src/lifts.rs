//! Who falls with whom: learnt from onsets, or declared by an operator. Two components that fall
//! together far more often than chance has it stand on the same ground.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::UnixMs;

use crate::ComponentId;
use crate::settings::as_f64;

/// An edge is high from this lift on: measured pairs of one house have 23 to 46, strangers under 5.
pub const HIGH_LIFT: f64 = 10.0;

/// Another's onset counts from so long before to so long after, in milliseconds.
const BEFORE_MS: u64 = 20 * 60_000;
const AFTER_MS: u64 = 60 * 60_000;

/// Fewer shared falls than this are chance.
const TOGETHER_MIN: usize = 3;

const ONSETS_PER_COMPONENT_MAX: usize = 64;

/// What was learnt and declared about pairs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifts {
    onsets: BTreeMap<ComponentId, VecDeque<UnixMs>>,
    declared: BTreeSet<(ComponentId, ComponentId)>,
    began_at: Option<UnixMs>,
}

impl Lifts {
    /// Says that both stand on the same ground, whichever way round.
    pub fn declare(&mut self, one: &ComponentId, other: &ComponentId) {
        self.declared.insert((one.clone(), other.clone()));
        self.declared.insert((other.clone(), one.clone()));
    }

    /// Notes that a component fell. The oldest of 64 is forgotten.
    pub fn note(&mut self, component: &ComponentId, at: UnixMs) {
        self.began_at.get_or_insert(at);
        let onsets = self.onsets.entry(component.clone()).or_default();
        onsets.push_back(at);
        if onsets.len() > ONSETS_PER_COMPONENT_MAX {
            onsets.pop_front();
        }
    }

    /// How many times likelier `other` falls around a fall of `one` than at any time; 1 if too little
    /// is known.
    pub fn lift(&self, one: &ComponentId, other: &ComponentId, now: UnixMs) -> f64 {
        let (Some(ones), Some(others)) = (self.onsets.get(one), self.onsets.get(other)) else {
            return 1.0;
        };
        let near = |at: &UnixMs| {
            others
                .iter()
                .any(|there| *there >= at.minus_ms(BEFORE_MS) && *there <= at.plus_ms(AFTER_MS))
        };
        let together = ones.iter().filter(|at| near(at)).count();
        let span_ms = self.began_at.map_or(0, |began| now.since(began));
        if together < TOGETHER_MIN || span_ms == 0 {
            return 1.0;
        }
        let share = as_f64(together as u64) / as_f64(ones.len() as u64);
        let usual = as_f64(others.len() as u64) * as_f64(BEFORE_MS + AFTER_MS) / as_f64(span_ms);
        share / usual.clamp(1e-6, 1.0)
    }

    /// True if they stand on the same ground, as far as anyone knows.
    pub fn is_high(&self, one: &ComponentId, other: &ComponentId, now: UnixMs) -> bool {
        self.declared.contains(&(one.clone(), other.clone()))
            || self.lift(one, other, now) >= HIGH_LIFT
    }
}
