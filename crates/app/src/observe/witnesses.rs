//! The timeline of each incident: which family of evidence spoke for it, since when, how strongly,
//! and when it fell silent. Read off the verdicts once they are drawn; it judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::UnixMs;
use detection::{ComponentId, Family, Incident, IncidentId, Reading, Verdict, in_chinese};
use storage::{Said, Testimony, Timeline};
use web::view;

/// What is heavier by so much is told anew, in nats.
const STRONGER_NATS: f64 = 1.0;
/// Who has not spoken for so long is silent, in milliseconds.
const SILENT_MS: u64 = 60_000;
/// What was said so long ago belongs to no incident that opens now, in milliseconds.
const LATELY_MS: u64 = 1_800_000;
/// Testimonies of one incident; who speaks again after so many goes on with his last one.
const TESTIMONIES_MAX: usize = 24;

/// Who speaks, and what is told of it.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    /// What each family said of each component of late, also before there was an incident.
    spoken: BTreeMap<(ComponentId, Family), Spoken>,
    timelines: BTreeMap<IncidentId, Kept>,
    /// When it began to listen.
    listens_since: Option<UnixMs>,
}

/// The timeline of one incident.
#[derive(Debug, Default)]
struct Kept {
    told: Vec<Testimony>,
    /// The same in both languages, made when it changes: pages ask every second.
    shown: Arc<[view::Testimony]>,
}

impl Kept {
    fn of(told: Vec<Testimony>) -> Self {
        Self { shown: told.iter().map(shown).collect(), told }
    }
}

/// What one family said without a long break.
#[derive(Debug, Clone)]
struct Spoken {
    first: Said,
    strongest: Said,
    last_at: UnixMs,
}

impl Spoken {
    fn of(said: Said) -> Self {
        Self { last_at: said.at, first: said.clone(), strongest: said }
    }

    fn go_on(&mut self, now: UnixMs, reading: &Reading) {
        self.last_at = now;
        if reading.nats() >= self.strongest.nats + STRONGER_NATS {
            self.strongest = said(now, reading);
        }
    }

    /// What two components have of one family, as one; the other began later.
    fn with(self, other: &Self) -> Self {
        let Self { first, mut strongest, last_at } = self;
        if other.strongest.nats > strongest.nats {
            strongest = other.strongest.clone();
        }
        Self { first, strongest, last_at: last_at.max(other.last_at) }
    }
}

impl Witnesses {
    /// Takes up what a store kept of an incident.
    pub(super) fn restore(&mut self, timeline: Timeline) {
        self.timelines.insert(timeline.incident, Kept::of(timeline.testimonies));
    }

    /// What was said of an incident, in the order in which it began.
    pub(super) fn of(&self, incident: &IncidentId) -> Arc<[view::Testimony]> {
        self.timelines.get(incident).map(|kept| Arc::clone(&kept.shown)).unwrap_or_default()
    }

    /// Forgets all incidents but these.
    pub(super) fn keep<'i>(&mut self, known: impl Iterator<Item = &'i IncidentId>) {
        let known: BTreeSet<&IncidentId> = known.collect();
        self.timelines.retain(|id, _| known.contains(id));
    }

    /// Listens to the verdicts of this moment.
    pub(super) fn hear(&mut self, now: UnixMs, verdicts: &[Arc<Verdict>]) {
        self.listens_since.get_or_insert(now);
        // A verdict that was not drawn anew says nothing new.
        for verdict in verdicts.iter().filter(|of| of.at == now) {
            for reading in verdict.readings.iter().filter(|of| of.speaks()) {
                let key = (verdict.component.clone(), reading.family);
                match self.spoken.get_mut(&key) {
                    Some(spoken) if !is_silent(spoken.last_at, now) => spoken.go_on(now, reading),
                    _ => drop(self.spoken.insert(key, Spoken::of(said(now, reading)))),
                }
            }
        }
        self.spoken.retain(|_, spoken| now.since(spoken.last_at) <= LATELY_MS);
    }

    /// Writes down what was heard of these incidents; gives those timelines that are not what they
    /// were.
    pub(super) fn write<'i>(
        &mut self,
        now: UnixMs,
        open: impl Iterator<Item = &'i Incident>,
    ) -> Vec<Timeline> {
        let mut changed = Vec::new();
        for incident in open {
            let Self { spoken, timelines, listens_since } = self;
            let kept = timelines.entry(incident.id.clone()).or_default();
            let told = &mut kept.told;
            let mut is_changed = false;
            for family in Family::ALL {
                is_changed |= match heard(spoken, incident, family) {
                    Some(heard) => tell(told, family, heard, now),
                    None => end_unheard(told, family, (*listens_since, now)),
                };
            }
            if is_changed {
                told.sort_by_key(|testimony| testimony.first.at);
                let (incident, testimonies) = (incident.id.clone(), told.clone());
                *kept = Kept::of(testimonies.clone());
                changed.push(Timeline { incident, testimonies });
            }
        }
        changed
    }
}

/// What a family said last of any component of the incident, since it began and without a long break.
fn heard(
    spoken: &BTreeMap<(ComponentId, Family), Spoken>,
    incident: &Incident,
    family: Family,
) -> Option<Spoken> {
    let of = |id: &ComponentId| spoken.get(&(id.clone(), family));
    let during = |one: &&Spoken| one.last_at >= incident.started_at;
    let mut all: Vec<&Spoken> = incident.components.iter().filter_map(of).filter(during).collect();
    all.sort_by_key(|spoken| spoken.first.at);
    let (first, others) = all.split_first()?;
    // What was over before another part had something to say was told then.
    let latest = |sum: Spoken, next: &&Spoken| match is_silent(sum.last_at, next.first.at) {
        true => (*next).clone(),
        false => sum.with(next),
    };
    Some(others.iter().fold((*first).clone(), latest))
}

/// Brings a family's last testimony up to what was heard, or begins a new one; true if something
/// changed.
fn tell(told: &mut Vec<Testimony>, family: Family, heard: Spoken, now: UnixMs) -> bool {
    let has_room = told.len() < TESTIMONIES_MAX;
    let ended_at = is_silent(heard.last_at, now).then_some(heard.last_at);
    let last = told.iter_mut().rfind(|testimony| testimony.family == family);
    let goes_on = |last: &Testimony| match last.ended_at {
        None => true,
        Some(end) => heard.first.at <= end || !has_room,
    };
    let Some(last) = last.filter(|last| goes_on(last)) else {
        if has_room {
            let Spoken { first, strongest, .. } = heard;
            told.push(Testimony { family, first, strongest, ended_at });
        }
        return has_room;
    };
    let before = last.clone();
    if heard.first.at < last.first.at {
        last.first = heard.first;
    }
    if heard.strongest.nats >= last.strongest.nats + STRONGER_NATS {
        last.strongest = heard.strongest;
    }
    last.ended_at = ended_at;
    *last != before
}

/// Ends what a former process heard and nobody has said since this one listens.
fn end_unheard(
    told: &mut [Testimony],
    family: Family,
    (listens_since, now): (Option<UnixMs>, UnixMs),
) -> bool {
    let is_open =
        |testimony: &&mut Testimony| testimony.family == family && testimony.ended_at.is_none();
    let since = listens_since.filter(|since| is_silent(*since, now));
    match (told.iter_mut().find(is_open), since) {
        (Some(open), Some(since)) => {
            open.ended_at = Some(since);
            true
        }
        _ => false,
    }
}

fn shown(testimony: &Testimony) -> view::Testimony {
    let said = |said: &Said| view::Said {
        at: said.at,
        nats: said.nats,
        why: view::Text { en: said.why.clone(), zh: in_chinese(&said.why).map(Box::from) },
    };
    view::Testimony {
        family: testimony.family,
        first: said(&testimony.first),
        strongest: said(&testimony.strongest),
        ended_at: testimony.ended_at,
    }
}

fn is_silent(last_at: UnixMs, now: UnixMs) -> bool {
    now.since(last_at) > SILENT_MS
}

fn said(at: UnixMs, reading: &Reading) -> Said {
    Said { at, nats: reading.nats(), why: reading.why.clone() }
}

#[cfg(test)]
mod tests {
    use detection::{
        ByHand, Cause, CauseClass, Certainty, Health, Impact, Light, LightState, Phase,
    };

    use super::*;

    fn at(second: u64) -> UnixMs {
        UnixMs::new(1_717_459_200_000 + second * 1_000)
    }

    /// A verdict on that part in which each family weighs so much.
    fn verdict(component: &str, second: u64, weights: &[(Family, f64)]) -> Arc<Verdict> {
        let reading = |(family, nats): &(Family, f64)| Reading {
            family: *family,
            degraded_nats: -1.0,
            down_nats: *nats,
            observations: 9,
            why: "no connection".into(),
        };
        Arc::new(Verdict {
            component: ComponentId::new(component),
            at: at(second),
            since: at(0),
            health: Health::Down,
            certainty: Certainty::Confirmed,
            belief: detection::Belief { ok: 0.0, degraded: 0.0, down: 1.0 },
            cause: cause(),
            readings: weights.iter().map(reading).collect(),
            guards: Vec::new(),
            why: "".into(),
        })
    }

    fn cause() -> Cause {
        Cause { class: CauseClass::ProviderOutage, confidence: 1.0, why: "".into() }
    }

    /// An incident of these parts that began at that second.
    fn incident(started: u64, parts: &[&str]) -> Incident {
        let light =
            |family| Light { family, state: LightState::Unlit, lit_at: None, reading: "".into() };
        Incident {
            id: IncidentId::new("i"),
            title: "".into(),
            phase: Phase::Investigating,
            impact: Impact::Major,
            certainty: Certainty::Confirmed,
            cause: cause(),
            started_at: at(started),
            opened_at: at(started),
            resolved_at: None,
            components: parts.iter().map(|part| ComponentId::new(*part)).collect(),
            updates: Vec::new(),
            lights: Family::LIGHTS.map(light),
            official: None,
            deeds: Vec::new(),
            by_hand: ByHand::default(),
        }
    }

    fn told(timeline: &[Testimony]) -> Vec<String> {
        let second = |moment: UnixMs| moment.since(at(0)) / 1_000;
        let one = |of: &Testimony| {
            let (first, strongest) = (&of.first, &of.strongest);
            let end = of.ended_at.map_or("now".to_owned(), |end| second(end).to_string());
            let family = of.family.as_str();
            format!(
                "{family} {}({}) {}({}) to {end}",
                second(first.at),
                first.nats,
                second(strongest.at),
                strongest.nats
            )
        };
        timeline.iter().map(one).collect()
    }

    #[test]
    fn who_spoke_first_is_told_also_if_he_spoke_before_the_incident_opened() {
        let mut witnesses = Witnesses::default();
        let (mut written, mut last) = (0, Vec::new());
        for second in 0..600 {
            let traffic = match second {
                100..130 => 2.5,
                130..300 => 14.0,
                // A short pause is none.
                330..360 => 6.0,
                _ => -1.0,
            };
            let reports = if (40..200).contains(&second) { 5.4 } else { -0.2 };
            let weights = [(Family::Traffic, traffic), (Family::Reports, reports)];
            witnesses.hear(at(second), &[verdict("a/chat", second, &weights)]);
            if second < 105 {
                continue;
            }
            let incident = incident(100, &["a/chat"]);
            for timeline in witnesses.write(at(second), std::iter::once(&incident)) {
                written += 1;
                last = timeline.testimonies;
            }
        }
        assert_eq!(
            told(&last),
            ["reports 40(5.4) 40(5.4) to 199", "traffic 100(2.5) 130(14) to 359"]
        );
        assert_eq!(written, 4, "what stays as it is is not written again");
        let shown = witnesses.of(&IncidentId::new("i"));
        assert_eq!(shown[1].first.why.zh.as_deref(), Some("无法连接"));
        witnesses.keep(std::iter::empty());
        assert!(witnesses.of(&IncidentId::new("i")).is_empty());
    }

    #[test]
    fn a_family_is_one_witness_for_all_parts_and_may_speak_again() {
        let mut witnesses = Witnesses::default();
        let mut last = Vec::new();
        for second in 0..2_000 {
            let loud = |is_loud: bool| if is_loud { 7.0 } else { 0.0 };
            let of_a = loud((10..100).contains(&second) || second >= 1_000);
            let of_b = loud((50..400).contains(&second));
            let verdicts = [
                verdict("x/a", second, &[(Family::Probe, of_a)]),
                verdict("x/b", second, &[(Family::Probe, of_b)]),
                verdict("y/c", second, &[(Family::Traffic, 9.0)]),
            ];
            witnesses.hear(at(second), &verdicts);
            let incident = incident(5, &["x/a", "x/b"]);
            let changed = witnesses.write(at(second), std::iter::once(&incident));
            last = changed.into_iter().next().map_or(last, |timeline| timeline.testimonies);
        }
        assert_eq!(told(&last), ["probe 10(7) 10(7) to 399", "probe 1000(7) 1000(7) to now"]);
    }

    #[test]
    fn what_a_former_process_heard_goes_on_or_ends() {
        let said = |second| Said { at: at(second), nats: 7.0, why: "no connection".into() };
        let testimony =
            |family| Testimony { family, first: said(10), strongest: said(10), ended_at: None };
        let testimonies = vec![testimony(Family::Probe), testimony(Family::OfficialPage)];
        let mut witnesses = Witnesses::default();
        witnesses.restore(Timeline { incident: IncidentId::new("i"), testimonies });
        let mut last = Vec::new();
        for second in 500..700 {
            witnesses.hear(at(second), &[verdict("x/a", second, &[(Family::Probe, 7.5)])]);
            let incident = incident(5, &["x/a"]);
            let changed = witnesses.write(at(second), std::iter::once(&incident));
            last = changed.into_iter().next().map_or(last, |timeline| timeline.testimonies);
        }
        assert_eq!(told(&last), ["probe 10(7) 10(7) to now", "official_page 10(7) 10(7) to 500"]);
    }

    #[test]
    fn a_flapping_family_does_not_fill_the_memory() {
        let mut witnesses = Witnesses::default();
        let incident = incident(0, &["x/a"]);
        for second in (0..40_000).step_by(10) {
            let nats = if second % 200 < 100 { 7.0 } else { 0.0 };
            witnesses.hear(at(second), &[verdict("x/a", second, &[(Family::Probe, nats)])]);
            witnesses.write(at(second), std::iter::once(&incident));
        }
        let shown = witnesses.of(&IncidentId::new("i"));
        assert_eq!(shown.len(), TESTIMONIES_MAX);
        assert!(shown[TESTIMONIES_MAX - 1].ended_at.is_none_or(|end| end > at(39_000)));
    }
}
