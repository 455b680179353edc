//! Why a component fell: ten classes, each with what speaks for it in nats; the heaviest is told,
//! with its share as the confidence. It changes no verdict about health.
//!
//! The two that are easily confused are told apart by time and symptom. A **shared dependency** takes
//! its dependants within two minutes and with the same symptom. A **domino** falls ten minutes to two
//! and a half hours after the leader, refusing for load, because the leader's users have arrived.

use std::sync::Arc;

use clock::UnixMs;

use crate::lifts::Lifts;
use crate::{
    Capability, Cause, CauseClass, Certainty, ComponentId, Family, Guard, Reading, Symptom,
};

/// Onsets closer than this are one event, in milliseconds.
const TOGETHER_MS_MAX: u64 = 120_000;

/// How long after the leader a domino falls, in milliseconds. Measured: 9 to 101 minutes, 56 in the
/// middle.
const DOMINO_MS: std::ops::RangeInclusive<u64> = 5 * 60_000..=150 * 60_000;

/// A component that is not well, as others see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fallen {
    pub(crate) component: ComponentId,
    pub(crate) provider: Arc<str>,
    pub(crate) capability: Option<Capability>,
    pub(crate) onset: UnixMs,
    pub(crate) symptom: Option<Symptom>,
    /// Whether it was ever confirmed: a burst sends nobody anywhere.
    pub(crate) is_confirmed: bool,
    /// Whether it still lasts.
    pub(crate) is_on: bool,
}

/// What is known of one case.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) fallen: &'a Fallen,
    pub(crate) certainty: Certainty,
    pub(crate) readings: &'a [Reading],
    pub(crate) guards: &'a [Guard],
    pub(crate) is_contradicted: bool,
    pub(crate) is_quality: bool,
    pub(crate) is_attack: bool,
    /// All others, also those that are well again since a short while.
    pub(crate) others: &'a [Fallen],
    pub(crate) lifts: &'a Lifts,
    pub(crate) now: UnixMs,
}

/// One class with its weight and its reason.
struct Charge {
    class: CauseClass,
    nats: f64,
    why: String,
}

/// The cause, as far as it can be told.
pub(crate) fn explain(case: &Case<'_>) -> Cause {
    let mut charges = vec![provider_outage(case), inconclusive(case)];
    charges.extend(guarded(case));
    charges.extend(shared_dependency(case));
    charges.extend(fleeing_users(case));
    charges.extend(attack(case));
    charges.extend(client_side(case));
    charges.extend(quality(case));
    let sum: f64 = charges.iter().map(|charge| charge.nats.exp()).sum();
    let most = charges.into_iter().max_by(|a, b| a.nats.total_cmp(&b.nats));
    most.map_or_else(nothing, |charge| Cause {
        class: charge.class,
        confidence: charge.nats.exp() / sum,
        why: charge.why.into(),
    })
}

/// Nothing is wrong, so nothing has a cause.
pub(crate) fn nothing() -> Cause {
    let why = "nothing is wrong, as far as anyone can tell".into();
    Cause { class: CauseClass::Inconclusive, confidence: 1.0, why }
}

/// A guard is a cause of its own kind: it says why the numbers do not mean what they seem to.
pub(crate) fn of_guards(guards: &[Guard]) -> Option<Cause> {
    let cause = |class, why: &str| Some(Cause { class, confidence: 0.95, why: why.into() });
    if guards.contains(&Guard::Maintenance) {
        return cause(CauseClass::Maintenance, "work was planned for this time");
    }
    if guards.contains(&Guard::OwnNetwork) {
        return cause(
            CauseClass::OurNetwork,
            "nothing else answers us either, not even hosts that have to do with no provider",
        );
    }
    if guards.contains(&Guard::OwnAccount) {
        return cause(
            CauseClass::OurKeyOrQuota,
            "our own key or quota is refused, which says nothing about the provider",
        );
    }
    None
}

/// People report what neither we nor the provider's page see: it is on their way, or in their place.
pub(crate) fn of_reports(readings: &[Reading]) -> Option<Cause> {
    let of = |family| readings.iter().find(move |reading| reading.family == family);
    let reported = of(Family::Reports).is_some_and(Reading::speaks);
    let told = of(Family::OfficialPage).is_some_and(Reading::speaks);
    let good = |family| of(family).is_some_and(|reading| reading.down_nats <= -2.0);
    if !reported || told || !(good(Family::Traffic) || good(Family::Probe)) {
        return None;
    }
    let why = "people report trouble while what we send is answered";
    Some(Cause { class: CauseClass::ClientSide, confidence: 0.6, why: why.into() })
}

fn guarded(case: &Case<'_>) -> Option<Charge> {
    let cause = of_guards(case.guards)?;
    // Beside a refused key the provider may fall as well: then the fall is what is told.
    let nats = if cause.class == CauseClass::OurKeyOrQuota { 0.5 } else { 4.0 };
    Some(Charge { class: cause.class, nats, why: cause.why.into() })
}

fn provider_outage(case: &Case<'_>) -> Charge {
    let sure = case.certainty == Certainty::Confirmed;
    let symptom = case.fallen.symptom.map_or("what is seen", Symptom::in_words);
    Charge {
        class: CauseClass::ProviderOutage,
        nats: if sure { 1.0 } else { 0.0 },
        why: format!("{symptom}, at {} alone and not with us", case.fallen.provider),
    }
}

fn inconclusive(case: &Case<'_>) -> Charge {
    let base = if case.certainty == Certainty::Confirmed { -3.0 } else { -0.7 };
    let why = if case.is_contradicted {
        "one kind of evidence speaks for a fall and another against it"
    } else {
        "too little is known yet"
    };
    let nats = base + if case.is_contradicted { 1.5 } else { 0.0 };
    Charge { class: CauseClass::Inconclusive, nats, why: why.to_owned() }
}

fn shared_dependency(case: &Case<'_>) -> Option<Charge> {
    let with = companions(case.fallen, case.others, (case.lifts, case.now));
    if with.is_empty() {
        return None;
    }
    let mut nats = -4.0;
    for other in &with {
        let known = case.lifts.is_high(&case.fallen.component, &other.component, case.now);
        nats += if known { 6.0 } else { 2.6 };
    }
    let names: Vec<&str> = with.iter().map(|other| other.component.as_str()).collect();
    let attack = if case.is_attack { "" } else { "; no attack on us is seen" };
    let why = format!("fell within two minutes of {}, in the same way{attack}", names.join(", "));
    Some(Charge { class: CauseClass::SharedDependency, nats, why })
}

/// Others, one for each provider, that fell within two minutes and show the same. What is known to
/// stand on the same ground may show it otherwise: one refuses where another errs.
pub(crate) fn companions<'a>(
    fallen: &Fallen,
    others: &'a [Fallen],
    (lifts, now): (&Lifts, UnixMs),
) -> Vec<&'a Fallen> {
    let mut found: Vec<&Fallen> = Vec::new();
    for other in others {
        let near = other.onset.since(fallen.onset).max(fallen.onset.since(other.onset));
        let stranger = other.provider != fallen.provider
            && found.iter().all(|known| known.provider != other.provider);
        if !stranger || near > TOGETHER_MS_MAX {
            continue;
        }
        let known = || lifts.is_high(&fallen.component, &other.component, now);
        if alike(fallen.symptom, other.symptom) || known() {
            found.push(other);
        }
    }
    found
}

/// True unless both are known and differ. Errors, cuts, time-outs and lost connections are one: what
/// an edge does to a request depends on where the request was.
fn alike(one: Option<Symptom>, other: Option<Symptom>) -> bool {
    let coarse = |symptom| match symptom {
        Symptom::Timeouts | Symptom::Cuts | Symptom::Connections => Symptom::ServerErrors,
        other => other,
    };
    match (one.map(coarse), other.map(coarse)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn fleeing_users(case: &Case<'_>) -> Option<Charge> {
    let leader = leader(case)?;
    let minutes = case.fallen.onset.since(leader.onset) / 60_000;
    // Without a symptom: 15 such followers were counted where 6 were chance, so 3 in 5 are dominoes.
    let (mut nats, seen) = match case.fallen.symptom {
        Some(Symptom::Overload) => (3.0, "refusing for load"),
        Some(Symptom::Slow) => (2.0, "growing slow"),
        None => (0.4, "in a way that nobody told"),
        Some(_) => (-0.6, "with errors"),
    };
    // People change apps; programs with keys seldom do.
    let app = Some(Capability::App);
    nats += if leader.capability == app { 0.5 } else { 0.0 };
    nats += if leader.capability == app && case.fallen.capability == app { 1.0 } else { 0.0 };
    if case.certainty == Certainty::Confirmed {
        nats += 0.5;
    }
    let why = format!("fell {minutes} min after {}, {seen}", leader.component);
    Some(Charge { class: CauseClass::FleeingUsers, nats, why })
}

/// Who fell first, is no relation, and could have sent its users: they come while it lasts, and for
/// some time after it began.
fn leader<'a>(case: &Case<'a>) -> Option<&'a Fallen> {
    let fits = |other: &&Fallen| {
        let after_ms = case.fallen.onset.since(other.onset);
        let in_time = DOMINO_MS.contains(&after_ms) || (other.is_on && after_ms > *DOMINO_MS.end());
        other.is_confirmed
            && other.provider != case.fallen.provider
            && in_time
            && !case.lifts.is_high(&case.fallen.component, &other.component, case.now)
    };
    let rank = |other: &&Fallen| (other.capability == Some(Capability::App), other.onset);
    case.others.iter().filter(fits).max_by_key(rank)
}

fn attack(case: &Case<'_>) -> Option<Charge> {
    if !case.is_attack {
        return None;
    }
    let refusing = matches!(case.fallen.symptom, Some(Symptom::Overload | Symptom::Slow));
    let together = !companions(case.fallen, case.others, (case.lifts, case.now)).is_empty();
    let nats = if refusing { 2.5 } else { 0.0 } - if together { 3.0 } else { 0.0 };
    let why = "we are under attack, and what we send on is refused for load".to_owned();
    Some(Charge { class: CauseClass::AttackOnUs, nats, why })
}

/// Not of what two witnesses have seen: one good answer in the middle of a fall does not put it in
/// the place of those who report.
fn client_side(case: &Case<'_>) -> Option<Charge> {
    if case.fallen.is_confirmed {
        return None;
    }
    let cause = of_reports(case.readings)?;
    Some(Charge { class: cause.class, nats: 1.5, why: cause.why.into() })
}

fn quality(case: &Case<'_>) -> Option<Charge> {
    if !case.is_quality {
        return None;
    }
    let erring = matches!(case.fallen.symptom, Some(symptom) if symptom != Symptom::WrongAnswers);
    let nats = if erring { 0.5 } else { 4.0 };
    let why = "requests succeed, and the answers are wrong or out of their usual shape".to_owned();
    Some(Charge { class: CauseClass::QualityLoss, nats, why })
}
