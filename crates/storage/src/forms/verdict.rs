//! The rows of verdicts.

use clock::UnixMs;
use detection::{
    Belief, Cause, CauseClass, Certainty, ComponentId, Family, Guard, Health, Reading, Verdict,
};
use serde::{Deserialize, Serialize};

use super::word::{Exact, Spelt};

#[derive(Serialize, Deserialize)]
pub(super) struct VerdictForm {
    component: Box<str>,
    at: u64,
    since: u64,
    health: Spelt<Health>,
    certainty: Spelt<Certainty>,
    belief: BeliefForm,
    cause: CauseForm,
    readings: Vec<ReadingForm>,
    guards: Vec<Spelt<Guard>>,
    why: Box<str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CauseForm {
    class: Spelt<CauseClass>,
    confidence: Exact,
    why: Box<str>,
}

#[derive(Serialize, Deserialize)]
struct BeliefForm {
    ok: Exact,
    degraded: Exact,
    down: Exact,
}

#[derive(Serialize, Deserialize)]
struct ReadingForm {
    family: Spelt<Family>,
    degraded_nats: Exact,
    down_nats: Exact,
    observations: u64,
    why: Box<str>,
}

impl From<&Verdict> for VerdictForm {
    fn from(it: &Verdict) -> Self {
        Self {
            component: it.component.as_str().into(),
            at: it.at.as_millis(),
            since: it.since.as_millis(),
            health: Spelt(it.health),
            certainty: Spelt(it.certainty),
            belief: BeliefForm {
                ok: Exact(it.belief.ok),
                degraded: Exact(it.belief.degraded),
                down: Exact(it.belief.down),
            },
            cause: CauseForm::from(&it.cause),
            readings: it.readings.iter().map(ReadingForm::from).collect(),
            guards: it.guards.iter().copied().map(Spelt).collect(),
            why: it.why.clone(),
        }
    }
}

impl From<VerdictForm> for Verdict {
    fn from(it: VerdictForm) -> Self {
        Self {
            component: ComponentId::new(it.component),
            at: UnixMs::new(it.at),
            since: UnixMs::new(it.since),
            health: it.health.0,
            certainty: it.certainty.0,
            belief: Belief {
                ok: it.belief.ok.0,
                degraded: it.belief.degraded.0,
                down: it.belief.down.0,
            },
            cause: it.cause.into(),
            readings: it.readings.into_iter().map(Reading::from).collect(),
            guards: it.guards.into_iter().map(|guard| guard.0).collect(),
            why: it.why,
        }
    }
}

impl From<&Cause> for CauseForm {
    fn from(it: &Cause) -> Self {
        let why = it.why.clone();
        Self { class: Spelt(it.class), confidence: Exact(it.confidence), why }
    }
}

impl From<CauseForm> for Cause {
    fn from(it: CauseForm) -> Self {
        Self { class: it.class.0, confidence: it.confidence.0, why: it.why }
    }
}

impl From<&Reading> for ReadingForm {
    fn from(it: &Reading) -> Self {
        Self {
            family: Spelt(it.family),
            degraded_nats: Exact(it.degraded_nats),
            down_nats: Exact(it.down_nats),
            observations: it.observations,
            why: it.why.clone(),
        }
    }
}

impl From<ReadingForm> for Reading {
    fn from(it: ReadingForm) -> Self {
        Self {
            family: it.family.0,
            degraded_nats: it.degraded_nats.0,
            down_nats: it.down_nats.0,
            observations: it.observations,
            why: it.why,
        }
    }
}
