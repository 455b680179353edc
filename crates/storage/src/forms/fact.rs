//! What facts are written as, so that a verdict can be drawn again from them: short, for a window of
//! evidence holds hundreds. A count that is zero is not written.

use clock::UnixMs;
use detection::{
    ComponentId, Condition, Drift, Evidence, Fact, Faults, FirstWords, Freshness, PageReading,
    ProbeResult, Refusals, Reports, SILENCE_AGES, Silence, Symptom, Traffic,
};
use serde::{Deserialize, Serialize};

use super::incident::MaintenanceForm;
use super::word::Spelt;

#[derive(Serialize, Deserialize)]
pub(super) struct EvidenceForm {
    at: u64,
    #[serde(flatten)]
    fact: FactForm,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FactForm {
    /// Component, span, good, the five faults, the three of refusals, callers' faults, first words, callers who met faults.
    Traffic(Box<str>, Vec<u32>),
    /// Component, and begun and silent by age, without the zeros at the end.
    Silence(Box<str>, Vec<(u32, u32)>),
    Probe(Box<str>, Box<str>),
    /// Component, and counts in the order of the fields.
    Reports(Box<str>, [u32; 6]),
    Page(Box<str>, Box<str>, Spelt<Condition>, Option<u64>, Option<Box<str>>),
    Drift(Box<str>, Box<str>, bool),
    Canary(Box<str>, bool),
    Attack(bool),
    Maintenance(Box<MaintenanceForm>),
}

impl From<&Evidence> for EvidenceForm {
    fn from(it: &Evidence) -> Self {
        let name = |component: &ComponentId| -> Box<str> { component.as_str().into() };
        let fact = match &it.fact {
            Fact::Traffic { component, traffic } => {
                FactForm::Traffic(name(component), counts(traffic))
            }
            Fact::Silence { component, silence } => {
                let ages = silence.0.iter().rposition(|age| *age != (0, 0));
                let told = silence.0.iter().copied().take(ages.map_or(0, |last| last + 1));
                FactForm::Silence(name(component), told.collect())
            }
            Fact::Probe { component, result } => FactForm::Probe(name(component), probe(*result)),
            Fact::Reports { component, reports: of } => FactForm::Reports(
                name(component),
                [
                    of.errors,
                    of.slow,
                    of.cannot_log_in,
                    of.wrong_answers,
                    of.over_capacity,
                    of.other,
                ],
            ),
            Fact::Page { component, page } => FactForm::Page(
                name(component),
                page.freshness.as_str().into(),
                Spelt(page.condition),
                page.posted_at.map(UnixMs::as_millis),
                page.symptom.map(|symptom| symptom.as_str().into()),
            ),
            Fact::Drift { component, drift, is_on } => {
                FactForm::Drift(name(component), drift.as_str().into(), *is_on)
            }
            Fact::Canary { host, is_reached } => FactForm::Canary(host.clone(), *is_reached),
            Fact::Attack { is_on } => FactForm::Attack(*is_on),
            Fact::Maintenance(work) => FactForm::Maintenance(Box::new(work.into())),
        };
        Self { at: it.at.as_millis(), fact }
    }
}

impl EvidenceForm {
    /// The fact; `None` if it has a word that this Seawall does not know.
    pub(super) fn read(self) -> Option<Evidence> {
        let fact = match self.fact {
            FactForm::Traffic(component, counts) => {
                Fact::Traffic { component: ComponentId::new(component), traffic: traffic(&counts) }
            }
            FactForm::Silence(component, told) => {
                let mut ages = [(0, 0); SILENCE_AGES];
                ages.iter_mut().zip(told).for_each(|(age, told)| *age = told);
                Fact::Silence { component: ComponentId::new(component), silence: Silence(ages) }
            }
            FactForm::Probe(component, result) => {
                Fact::Probe { component: ComponentId::new(component), result: probe_of(&result)? }
            }
            FactForm::Reports(component, counts) => {
                let [errors, slow, cannot_log_in, wrong_answers, over_capacity, other] = counts;
                let reports =
                    Reports { errors, slow, cannot_log_in, wrong_answers, over_capacity, other };
                Fact::Reports { component: ComponentId::new(component), reports }
            }
            FactForm::Page(component, freshness, condition, posted_at, symptom) => {
                let symptom = match symptom {
                    Some(word) => Some(Symptom::of(&word)?),
                    None => None,
                };
                let page = PageReading {
                    freshness: Freshness::of(&freshness)?,
                    condition: condition.0,
                    posted_at: posted_at.map(UnixMs::new),
                    symptom,
                };
                Fact::Page { component: ComponentId::new(component), page }
            }
            FactForm::Drift(component, drift, is_on) => {
                let drift = Drift::of(&drift)?;
                Fact::Drift { component: ComponentId::new(component), drift, is_on }
            }
            FactForm::Canary(host, is_reached) => Fact::Canary { host, is_reached },
            FactForm::Attack(is_on) => Fact::Attack { is_on },
            FactForm::Maintenance(work) => Fact::Maintenance((*work).into()),
        };
        Some(Evidence { at: UnixMs::new(self.at), fact })
    }
}

/// All counts in one order, without the zeros at the end.
fn counts(of: &Traffic) -> Vec<u32> {
    let (faults, refusals) = (&of.faults, &of.refusals);
    let words = of.first_words.map_or((0, 0), |words| (words.answers, words.median_ms));
    let mut all = vec![
        of.span_ms,
        of.good,
        faults.overload,
        faults.server_errors,
        faults.timeouts,
        faults.cuts,
        faults.connections,
        refusals.count,
        refusals.refused.into(),
        refusals.asking.into(),
        of.caller_faults,
        u32::from(of.first_words.is_some()),
        words.0,
        words.1,
        of.callers_failed.into(),
    ];
    while all.last() == Some(&0) {
        all.pop();
    }
    all
}

fn traffic(counts: &[u32]) -> Traffic {
    let of = |place: usize| counts.get(place).copied().unwrap_or_default();
    let small = |place| u16::try_from(of(place)).unwrap_or(u16::MAX);
    Traffic {
        span_ms: of(0),
        good: of(1),
        faults: Faults {
            overload: of(2),
            server_errors: of(3),
            timeouts: of(4),
            cuts: of(5),
            connections: of(6),
        },
        refusals: Refusals { count: of(7), refused: small(8), asking: small(9) },
        caller_faults: of(10),
        callers_failed: small(14),
        first_words: (of(11) > 0).then(|| FirstWords { answers: of(12), median_ms: of(13) }),
    }
}

/// The word of a result; a failure is told by its symptom.
fn probe(result: ProbeResult) -> Box<str> {
    match result {
        ProbeResult::Failed(symptom) => format!("failed {}", symptom.as_str()).into(),
        other => other.as_str().into(),
    }
}

fn probe_of(word: &str) -> Option<ProbeResult> {
    let all = [
        ProbeResult::Right,
        ProbeResult::Wrong,
        ProbeResult::Slow,
        ProbeResult::OwnAccount,
        ProbeResult::OwnNetwork,
    ];
    match word.strip_prefix("failed ") {
        Some(symptom) => Symptom::of(symptom).map(ProbeResult::Failed),
        None => all.into_iter().find(|result| result.as_str() == word),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read_facts, write_facts};
    use super::*;

    #[test]
    fn facts_come_back() {
        let component = ComponentId::new("a/chat");
        let mut silent_for_two_seconds = Silence::default();
        silent_for_two_seconds.0[2] = (5, 4);
        let mut all = vec![
            Fact::Traffic { component: component.clone(), traffic: Traffic::default() },
            Fact::Traffic {
                component: component.clone(),
                traffic: Traffic {
                    span_ms: 1_000,
                    good: 3,
                    faults: Faults { connections: 2, ..Faults::default() },
                    refusals: Refusals { count: 4, refused: 1, asking: 2 },
                    caller_faults: 5,
                    callers_failed: 2,
                    first_words: Some(FirstWords { answers: 0, median_ms: 0 }),
                },
            },
            Fact::Silence { component: component.clone(), silence: Silence::default() },
            Fact::Silence { component: component.clone(), silence: silent_for_two_seconds },
            Fact::Reports {
                component: component.clone(),
                reports: Reports { slow: 2, other: 1, ..Reports::default() },
            },
            Fact::Drift { component: component.clone(), drift: Drift::Shape, is_on: true },
            Fact::Canary { host: "h".into(), is_reached: false },
            Fact::Attack { is_on: true },
            Fact::Maintenance(crate::suite::samples::work("m1", 3, 9)),
        ];
        let page = |condition, posted_at, symptom| Fact::Page {
            component: component.clone(),
            page: PageReading { freshness: Freshness::Stale, condition, posted_at, symptom },
        };
        all.push(page(Condition::MajorOutage, Some(UnixMs::new(7)), Some(Symptom::Cuts)));
        all.push(page(Condition::Unknown, None, None));
        for result in [ProbeResult::Right, ProbeResult::Failed(Symptom::Timeouts)] {
            all.push(Fact::Probe { component: component.clone(), result });
        }
        let all: Vec<Evidence> =
            (0..).zip(all).map(|(at, fact)| Evidence { at: UnixMs::new(at), fact }).collect();
        assert_eq!(read_facts(&write_facts(&all)).unwrap(), all);
        assert!(read_facts("[{\"at\":1,\"probe\":[\"a\",\"strange\"]}]").is_err());
    }
}
