//! What the plan should heed before anything falls: a lower ramp for those who will get the crowd,
//! none for those who stand on the same ground. Advice ends by itself.

use std::collections::BTreeMap;

use clock::UnixMs;

use crate::health::is_told_by_page;
use crate::{Capability, CauseClass, Certainty, Component, ComponentId, Verdict};

/// How long the crowd of a fallen app is expected, in milliseconds: dominoes fell within two hours.
const CROWD_MS: u64 = 2 * 3_600_000;

/// How long advice about shared ground holds after it was last seen, in milliseconds.
const GROUND_MS: u64 = 600_000;

/// How much of its ramp another keeps while an app is down, and while it may be.
const CROWD_FACTOR: f64 = 0.5;
const MAYBE_FACTOR: f64 = 0.75;

/// Advice about one component.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    pub component: ComponentId,
    /// The share of its usual ramp that should be used, from 0 (move nothing there) to 1.
    pub ramp_factor: f64,
    pub why: Box<str>,
    pub until: UnixMs,
}

/// Whose crowd, or whose ground: one entry for each.
type Source = (ComponentId, ComponentId);

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Advisor {
    /// By the component advised on and the one that fell; bounded by the components known.
    kept: BTreeMap<Source, Advice>,
}

impl Advisor {
    /// Hears the verdicts of this moment.
    pub(crate) fn hear<'a>(
        &mut self,
        now: UnixMs,
        components: &[&Component],
        verdicts: impl Iterator<Item = &'a Verdict>,
    ) {
        self.kept.retain(|_, advice| advice.until > now);
        for verdict in verdicts.filter(|verdict| verdict.certainty > Certainty::Clear) {
            if verdict.cause.class == CauseClass::SharedDependency {
                self.ground(now, verdict);
            }
            let is_app = |component: &&&Component| {
                component.id == verdict.component && component.capability == Some(Capability::App)
            };
            if let Some(app) = components.iter().find(is_app) {
                self.crowd(now, app, components, is_sure(verdict));
            }
        }
    }

    /// What holds now: for each component the lowest factor.
    pub(crate) fn advice(&self, now: UnixMs) -> Vec<Advice> {
        let mut lowest: BTreeMap<&ComponentId, &Advice> = BTreeMap::new();
        for advice in self.kept.values().filter(|advice| advice.until > now) {
            let known = lowest.entry(&advice.component).or_insert(advice);
            if advice.ramp_factor < known.ramp_factor {
                *known = advice;
            }
        }
        lowest.into_values().cloned().collect()
    }

    fn ground(&mut self, now: UnixMs, verdict: &Verdict) {
        let component = verdict.component.clone();
        let advice = Advice {
            component: component.clone(),
            ramp_factor: 0.0,
            why: format!("{component} {}", verdict.cause.why).into(),
            until: now.plus_ms(GROUND_MS),
        };
        self.kept.insert((component.clone(), component), advice);
    }

    fn crowd(&mut self, now: UnixMs, app: &Component, components: &[&Component], sure: bool) {
        let (factor, verb) =
            if sure { (CROWD_FACTOR, "is down") } else { (MAYBE_FACTOR, "may be down") };
        let heirs = components.iter().filter(|heir| {
            heir.provider != app.provider && heir.capability.is_some_and(Capability::is_routed)
        });
        for heir in heirs {
            let key = (heir.id.clone(), app.id.clone());
            let known = self.kept.get(&key);
            // A suspicion does not weaken what a confirmed outage asked for.
            let ramp_factor = known.map_or(factor, |known| known.ramp_factor.min(factor));
            let why = format!("{} {verb}: its users will come here", app.name).into();
            let until = now.plus_ms(CROWD_MS);
            self.kept.insert(key, Advice { component: heir.id.clone(), ramp_factor, why, until });
        }
    }
}

/// A provider that tells of its own outage is believed before anybody else has seen it.
fn is_sure(verdict: &Verdict) -> bool {
    verdict.certainty == Certainty::Confirmed || is_told_by_page(&verdict.readings)
}
