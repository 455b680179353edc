//! Where facts become verdicts and verdicts incidents: court, keeper and the past of each component,
//! with one step for each second. It waits for nothing, stores nothing, and has no clock of its own:
//! the task around it does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use std::sync::Arc;

use clock::{Dice, IdMaker, UnixMs};
use detection::{
    Capability, CauseClass, Certainty, Change, Component, ComponentId, Condition, Court, Evidence,
    Fact, Guard, Health, Incident, IncidentId, Keeper, KeeperSettings, Maintenance, Order,
    OrderRefused, ProbeResult, Settings, Traffic, Verdict,
};
use gateway::Advised;
use storage::{Bin, Timeline};
use telemetry::{ProviderCalls, Snapshot};
use web::view;

use super::deeds::DeedBook;
use super::facts;
use super::pages::News;
use super::past::Past;
use super::recorder::Recorder;
use super::witnesses::Witnesses;
use super::works::Works;

/// Incidents that are over and still shown.
pub(super) const OVER_MAX: usize = 200;
/// What has not answered for so long is not known to be good any more, in milliseconds.
const SEEN_MS: u64 = 900_000;
/// A span between two steps that is longer is not believed, in milliseconds.
const SPAN_MS_MAX: u64 = 60_000;

/// What a step brought.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Incidents as they are now.
    pub(super) changes: Vec<Change>,
    /// What evidence said of open incidents, where that is not what it was.
    pub(super) timelines: Vec<Timeline>,
    /// Minutes that are over.
    pub(super) minutes: Vec<Bin>,
    /// Verdicts that are not what they were.
    pub(super) turned: Vec<Verdict>,
    /// What they were drawn from.
    pub(super) evidence: Vec<storage::Evidence>,
    /// Parts whose condition is known and not what it was.
    pub(super) moved: Vec<(ComponentId, Condition, Condition)>,
    /// Planned work as it is now.
    pub(super) works: Vec<Maintenance>,
    /// All states that operators have set, if that changed.
    pub(super) said: Option<Box<str>>,
}

/// What a former process left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Newest first.
    pub(super) incidents: Vec<Incident>,
    /// Of these incidents.
    pub(super) timelines: Vec<Timeline>,
    pub(super) days: Vec<(ComponentId, Vec<Bin>)>,
    pub(super) works: Vec<Maintenance>,
    pub(super) said: Box<str>,
    /// What was learnt of reports, for each component.
    pub(super) usual: Vec<(ComponentId, Box<str>)>,
    /// What was reported in the last day.
    pub(super) reported: Vec<(ComponentId, Vec<storage::ReportBin>)>,
}

/// How a component stands.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    pub(super) verdict: Arc<Verdict>,
    pub(super) condition: Condition,
    /// Since when the condition has been that.
    pub(super) since: UnixMs,
}

/// The desk.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) components: Vec<Component>,
    court: Court,
    keeper: Keeper,
    dice: Dice,
    pub(super) ids: IdMaker,
    /// What operators know.
    pub(super) works: Works,
    notes: Notes,
    /// Groups of providers that stand on the same ground, as the operator knows.
    together: Vec<Vec<Box<str>>>,
    pub(super) pasts: BTreeMap<ComponentId, Past>,
    pub(super) stands: BTreeMap<ComponentId, Stand>,
    /// When each component last answered us.
    answered: BTreeMap<ComponentId, UnixMs>,
    /// What each component's page says, as far as it can be believed.
    official: BTreeMap<ComponentId, Condition>,
    /// Newest first.
    pub(super) over: VecDeque<Incident>,
    /// Since when it has looked on.
    pub(super) began_at: UnixMs,
    moments: Moments,
}

/// What is noted beside the judging.
#[derive(Debug, Default)]
struct Notes {
    recorder: Recorder,
    witnesses: Witnesses,
    deeds: DeedBook,
    pacing: facts::Pacing,
}

/// When it last did what.
#[derive(Debug, Default)]
struct Moments {
    stepped_at: Option<UnixMs>,
    /// With the next verdicts everybody stands anew, also those whose verdict is the former one.
    stands_all: bool,
}

impl Desk {
    /// A desk that knows nothing yet. `dice` name incidents.
    pub(super) fn new(components: Vec<Component>, mut dice: Dice, now: UnixMs) -> Self {
        let keeper = Keeper::new(components.clone(), KeeperSettings::default(), dice.split());
        let court = Court::new(components.clone(), Settings::default());
        let past = |of: &Component| (of.id.clone(), Past::new(of.id.clone()));
        let mut notes = Notes::default();
        notes.recorder.set_components(components.iter().map(|of| of.id.clone()));
        Self {
            pasts: components.iter().map(past).collect(),
            components,
            court,
            keeper,
            ids: IdMaker::new(dice.split()),
            dice,
            works: Works::default(),
            notes,
            together: Vec::new(),
            stands: BTreeMap::new(),
            answered: BTreeMap::new(),
            official: BTreeMap::new(),
            over: VecDeque::new(),
            began_at: now,
            moments: Moments::default(),
        }
    }

    /// The same desk, which knows that these groups of providers stand on the same ground.
    pub(super) fn with_together(mut self, together: Vec<Vec<Box<str>>>) -> Self {
        self.together = together;
        self.declare();
        self
    }

    fn declare(&mut self) {
        declare(&mut self.court, &self.components, &self.together);
    }

    /// Changes what is judged, after a reload. Who stays keeps his past, his incidents, and what is
    /// known of him.
    pub(super) fn set_components(&mut self, components: Vec<Component>) {
        if components == self.components {
            return;
        }
        let settings = KeeperSettings::default();
        let mut keeper = Keeper::new(components.clone(), settings, self.dice.split());
        let is_known = |id: &ComponentId| components.iter().any(|component| component.id == *id);
        for incident in self.keeper.open().filter(|of| of.components.iter().any(is_known)) {
            keeper.restore(incident.clone());
        }
        self.keeper = keeper;
        self.court.set_components(components.clone());
        let facts = self.works.facts(self.moments.stepped_at.unwrap_or(self.began_at));
        facts.iter().for_each(|fact| self.take(fact));
        let known: BTreeSet<&ComponentId> = components.iter().map(|of| &of.id).collect();
        self.pasts.retain(|id, _| known.contains(id));
        self.stands.retain(|id, _| known.contains(id));
        self.answered.retain(|id, _| known.contains(id));
        self.official.retain(|id, _| known.contains(id));
        self.notes.recorder.set_components(components.iter().map(|of| of.id.clone()));
        for component in &components {
            let id = &component.id;
            self.pasts.entry(id.clone()).or_insert_with(|| Past::new(id.clone()));
        }
        self.components = components;
        self.declare();
    }

    /// Takes up what a store kept, after a start. An incident of components that are not there any
    /// more could never be seen to end, and is left where it is.
    pub(super) fn restore(&mut self, left: Left) {
        for (component, days) in left.days {
            if let Some(past) = self.pasts.get_mut(&component) {
                past.restore(&days);
            }
        }
        for incident in left.incidents {
            if incident.phase.is_over() {
                self.over.push_back(incident);
            } else if incident.components.iter().any(|id| self.pasts.contains_key(id)) {
                self.keeper.restore(incident);
            }
        }
        left.timelines.into_iter().for_each(|of| self.notes.witnesses.restore(of));
        for (component, text) in &left.usual {
            self.court.learn_usual(component, text);
        }
        self.sort_over();
        self.works.restore(left.works, &left.said);
        let facts = self.works.facts(self.began_at);
        facts.iter().for_each(|fact| self.take(fact));
    }

    /// Takes a fact beside a step.
    pub(super) fn take(&mut self, fact: &Evidence) {
        self.notes.recorder.note(fact);
        self.court.take(fact);
    }

    /// Notes what we did about those who are not well; gives their incidents as they are now.
    pub(super) fn note_deeds(&mut self, now: UnixMs, snapshot: &Snapshot) -> Vec<Change> {
        let of = |incident: &Incident| {
            let mut named =
                self.components.iter().filter(|of| incident.components.contains(&of.id));
            named.next().map(|of| (Box::<str>::from(&*of.provider), of.id.clone()))
        };
        let open: BTreeMap<Box<str>, ComponentId> = self.keeper.open().filter_map(of).collect();
        let troubled: Vec<Box<str>> = open.keys().cloned().collect();
        let mut changes = Vec::new();
        for deed in self.notes.deeds.read(now, snapshot, &troubled) {
            if let Some(component) = open.get(&deed.provider) {
                changes.extend(self.keeper.deed(deed.at, component, &deed.sentence));
            }
        }
        changes
    }

    /// Has everybody stand anew with the next step, however calm it is: an operator has spoken.
    pub(super) fn judge_soon(&mut self) {
        self.moments.stands_all = true;
    }

    /// Does what an operator orders, also of what was over long ago.
    pub(super) fn order(
        &mut self,
        now: UnixMs,
        order: Order,
        by: &str,
    ) -> Result<Change, OrderRefused> {
        let of = match &order {
            Order::Open { .. } | Order::Backfill { .. } => None,
            Order::Update { id, .. }
            | Order::Amend { id, .. }
            | Order::HandBack { id }
            | Order::Postmortem { id, .. } => Some(id),
        };
        let kept = of.and_then(|id| self.over.iter().find(|known| known.id == *id)).cloned();
        let change = match (self.keeper.order(now, order.clone(), by), kept) {
            (Err(OrderRefused::Unknown), Some(kept)) => {
                self.keeper.restore(kept);
                self.keeper.order(now, order, by)?
            }
            (obeyed, _) => obeyed?,
        };
        self.note_over(std::slice::from_ref(&change));
        Ok(change)
    }

    /// Incidents that are not over.
    pub(super) fn open(&self) -> impl Iterator<Item = &Incident> {
        self.keeper.open()
    }

    /// What evidence said of an incident, in the order in which it began.
    pub(super) fn testimonies(&self, incident: &IncidentId) -> Arc<[view::Testimony]> {
        self.notes.witnesses.of(incident)
    }

    /// True if the last verdict on a component was this.
    pub(super) fn stands_so(&self, id: &ComponentId, health: Health, certainty: Certainty) -> bool {
        self.stands.get(id).is_some_and(|stand| {
            (stand.verdict.health, stand.verdict.certainty) == (health, certainty)
        })
    }

    /// True if it is worth asking more often how this one is.
    pub(super) fn is_suspected(&self, id: &ComponentId) -> bool {
        let unwell = |stand: &Stand| stand.verdict.certainty > Certainty::Clear;
        self.court.is_alarmed(id) || self.stands.get(id).is_some_and(unwell)
    }

    /// What the plan should heed of each provider, in a fixed order.
    pub(super) fn advised(&self, now: UnixMs) -> BTreeMap<Arc<str>, Advised> {
        let mut all: BTreeMap<Arc<str>, Advised> = BTreeMap::new();
        let routed = |of: &&Component| of.capability.is_some_and(Capability::is_routed);
        let advice = self.court.advice(now);
        for component in self.components.iter().filter(routed) {
            let own = all.entry(component.provider.clone()).or_default();
            let of_part = advice.iter().filter(|advice| advice.component == component.id);
            own.ramp_factor = of_part.fold(own.ramp_factor, |low, of| low.min(of.ramp_factor));
            // Other parts have no calls of their own that could tell when they are back.
            let is_called = component.capability == Some(Capability::Chat);
            own.is_out |= is_called && self.stands.get(&component.id).is_some_and(is_out);
        }
        all
    }

    /// How soon shut doors of each provider should be tried again, in milliseconds, while its outage
    /// is suspected and not sure.
    pub(super) fn hastened(&self, now: UnixMs) -> BTreeMap<Arc<str>, u64> {
        let mut soonest: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for component in self.components.iter().filter(|of| of.capability.is_some()) {
            if let Some(every_ms) = self.court.haste_ms(&component.id, now) {
                let known = soonest.entry(component.provider.clone()).or_insert(every_ms);
                *known = every_ms.min(*known);
            }
        }
        soonest
    }

    /// True if somebody's silence may be that of our own line.
    pub(super) fn doubts_own_line(&self) -> bool {
        self.stands.values().any(|stand| stand.verdict.guards.contains(&Guard::OwnNetwork))
    }

    /// True if somebody is not well, so that it is worth looking closely.
    pub(super) fn is_troubled(&self) -> bool {
        self.keeper.open().next().is_some()
    }

    /// Says whose traffic a breaker holds back: until it is back, its incident is not over.
    pub(super) fn hold_back(&mut self, is_held: impl Fn(&str) -> bool) {
        for component in &self.components {
            self.keeper.hold_back(&component.id, is_held(&component.provider));
        }
    }

    /// One step: what was called since the last one, and what else became known.
    pub(super) fn step(&mut self, now: UnixMs, calls: &[ProviderCalls], news: &News) -> Step {
        let span_ms =
            self.moments.stepped_at.replace(now).map_or(1_000, |before| now.since(before));
        let span_ms = u32::try_from(span_ms.clamp(1, SPAN_MS_MAX)).unwrap_or(1_000);
        let (works, said) = self.works.step(now, &mut self.ids);
        works.iter().for_each(|work| self.take(&super::works::fact(now, work)));
        for (id, heard) in facts::heard(calls, (now, span_ms), &mut self.notes.pacing) {
            let is_excused = self.works.excuses(now, &id);
            for counted in [&heard.traffic, &heard.trials] {
                if let Some(past) = self.pasts.get_mut(&id) {
                    past.count(now, &if is_excused { good_only(counted) } else { *counted });
                }
                if counted.good > 0 {
                    self.answered.insert(id.clone(), now);
                }
            }
            facts::evidence(now, &id, &heard).iter().for_each(|fact| self.take(fact));
        }
        for evidence in &news.facts {
            if let Fact::Probe { component, result: ProbeResult::Right } = &evidence.fact {
                self.answered.insert(component.clone(), now);
            }
            self.take(evidence);
        }
        self.official.extend(news.official.iter().cloned());
        let mut step = Step { works, said, ..Step::default() };
        if !self.is_troubled() {
            self.notes.deeds.clear();
        }
        self.judge(now, &mut step);
        step.changes.extend(news.posts.iter().filter_map(|post| self.keeper.post(now, post)));
        self.note_over(&step.changes);
        for (id, stand) in &self.stands {
            let is_unwell = stand.verdict.certainty > Certainty::Clear;
            if is_unwell && self.notes.recorder.is_full(id, now) {
                step.evidence.extend(self.notes.recorder.take_rows(id, now));
            }
        }
        for (id, past) in &mut self.pasts {
            let stand = self.stands.get(id);
            let condition = stand.map_or(Condition::Unknown, |stand| stand.condition);
            let official = self.official.get(id).copied();
            step.minutes.extend(past.stand(now, condition, official));
        }
        step
    }

    fn judge(&mut self, now: UnixMs, step: &mut Step) {
        let is_all = std::mem::take(&mut self.moments.stands_all);
        let verdicts = self.court.judge(now);
        for verdict in verdicts.iter().filter(|of| of.certainty > Certainty::Clear) {
            if let Some(onset) = self.court.onset(&verdict.component) {
                self.keeper.began(&verdict.component, onset);
            }
        }
        step.changes = self.keeper.hear(now, &verdicts);
        self.notes.witnesses.hear(now, &verdicts);
        step.timelines = self.notes.witnesses.write(now, self.keeper.open());
        // A verdict that was not drawn anew has nothing new to be stood by.
        for verdict in verdicts.iter().filter(|of| is_all || of.at == now) {
            self.stand(now, verdict, step);
        }
    }

    fn stand(&mut self, now: UnixMs, verdict: &Arc<Verdict>, step: &mut Step) {
        let id = &verdict.component;
        let before = self.stands.get(id);
        let told = |verdict: &Verdict| (verdict.health, verdict.certainty);
        if before.is_none_or(|before| told(&before.verdict) != told(verdict)) {
            step.evidence.extend(self.notes.recorder.take_rows(id, now));
            step.turned.push(Verdict::clone(verdict));
        }
        let has_answered = self.answered.get(id).is_some_and(|at| now.since(*at) <= SEEN_MS);
        let is_told = self.official.get(id).is_some_and(|told| *told != Condition::Unknown);
        // What has not answered lately, and of which nothing else is known, is not good.
        let said = self.works.said(id);
        let condition = match said.unwrap_or_else(|| verdict.condition()) {
            condition if said.is_some() => condition,
            Condition::Operational if !has_answered && !is_told => Condition::Unknown,
            condition => condition,
        };
        let same = before.filter(|before| before.condition == condition);
        let since = same.map_or(now, |before| before.since);
        let known = before.map(|before| before.condition);
        let known = known.filter(|from| ![condition, Condition::Unknown].contains(from));
        // Providers are told by their parts.
        let known = known.filter(|_| id.as_str().contains('/'));
        if let Some(from) = known.filter(|_| condition != Condition::Unknown) {
            step.moved.push((id.clone(), from, condition));
        }
        let stand = Stand { condition, since, verdict: Arc::clone(verdict) };
        self.stands.insert(id.clone(), stand);
    }

    fn note_over(&mut self, changes: &[Change]) {
        for change in changes {
            self.over.retain(|known| known.id != change.incident.id);
            if change.incident.phase.is_over() {
                self.over.push_front(change.incident.clone());
            }
        }
        self.sort_over();
        if !changes.is_empty() {
            let known = self.keeper.open().chain(&self.over).map(|incident| &incident.id);
            self.notes.witnesses.keep(known);
        }
    }

    fn sort_over(&mut self) {
        let over = self.over.make_contiguous();
        over.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| b.id.cmp(&a.id)));
        self.over.truncate(OVER_MAX);
    }
}

/// Tells a court who stands together: every part of the one with every part of the other.
pub(super) fn declare(court: &mut Court, components: &[Component], together: &[Vec<Box<str>>]) {
    let parts = |provider: &str| {
        let own = components.iter().filter(|of| *of.provider == *provider);
        own.map(|of| of.id.clone()).collect::<Vec<_>>()
    };
    for group in together {
        for (index, one) in group.iter().enumerate() {
            for other in group.iter().skip(index + 1) {
                for (part, others) in parts(one).iter().map(|part| (part, parts(other))) {
                    others.iter().for_each(|of| court.lifts_mut().declare(part, of));
                }
            }
        }
    }
}

/// What fails while work is planned is nobody's outage.
fn good_only(traffic: &Traffic) -> Traffic {
    let (span_ms, good) = (traffic.span_ms, traffic.good);
    Traffic { span_ms, good, first_words: traffic.first_words, ..Traffic::default() }
}

/// True if a provider is down, and it is not our own affair that it seems so.
fn is_out(stand: &Stand) -> bool {
    let Verdict { health, certainty, cause, .. } = &*stand.verdict;
    let of_theirs = !matches!(
        cause.class,
        CauseClass::OurNetwork
            | CauseClass::OurKeyOrQuota
            | CauseClass::ClientSide
            | CauseClass::Maintenance
    );
    (*health, *certainty) == (Health::Down, Certainty::Confirmed) && of_theirs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{FaultClass, Operation};
    use providers::{Kind, ProviderSettings};
    use storage::{Memory, Span, Store as _};

    use super::*;

    const BEGAN_MS: u64 = 1_717_459_200_000;

    fn calls(provider: &str, good: u64, bad: u64) -> ProviderCalls {
        let faults = [(FaultClass::ServerError, bad)];
        ProviderCalls {
            provider: provider.to_owned(),
            operation: Operation::Generate,
            good,
            faults: faults.into_iter().filter(|(_, count)| *count > 0).collect(),
            trials_good: 0,
            trials_failed: BTreeMap::new(),
            first_contents: good,
            first_content_ms: (good > 0).then_some(420.0),
            keys: 1,
            keys_refused: 0,
            callers_failed: 0,
        }
    }

    fn desk() -> Desk {
        let provider = |name: &&str| ProviderSettings::new(name, Kind::Compatible);
        let providers: Vec<_> = ["a", "b", "c"].iter().map(provider).collect();
        let components = facts::components(&providers, false);
        Desk::new(components, Dice::seeded(4), UnixMs::new(BEGAN_MS))
    }

    /// Two hours, of which one provider fails for twenty minutes; all that was told, as text.
    fn played() -> (Vec<String>, usize) {
        let (mut desk, mut told, mut minutes) = (desk(), Vec::new(), 0);
        for second in 0..7_200 {
            let is_down = (1_800..3_000).contains(&second);
            let of_a = if is_down { calls("a", 0, 2) } else { calls("a", 2, 0) };
            let all = [of_a, calls("b", 3, 0)];
            let step = desk.step(UnixMs::new(BEGAN_MS + second * 1_000), &all, &News::default());
            told.extend(step.changes.iter().map(|change| format!("{second} {change:?}")));
            told.extend(step.turned.iter().map(|verdict| format!("{second} {verdict:?}")));
            minutes += step.minutes.len();
        }
        assert!(!desk.is_troubled(), "it ends well");
        (told, minutes)
    }

    #[test]
    fn the_same_calls_tell_the_same_story() {
        let (told, minutes) = played();
        assert_eq!((told.clone(), minutes), played());
        let opened = told.iter().filter(|line| line.contains("kind: Opened")).count();
        let resolved = told.iter().filter(|line| line.contains("kind: Resolved")).count();
        assert_eq!((opened, resolved), (1, 1), "{told:#?}");
        // Of two providers the whole and the one part that was asked for; the first minute is cut.
        assert!((4 * 118..=4 * 120).contains(&minutes), "{minutes}");
    }

    /// The verdict as it is drawn from what a store kept of the hours before it.
    fn drawn_again(store: &Memory, components: &[Component], verdict: &Verdict) -> Verdict {
        let span = Span { from: verdict.at.minus_ms(6 * 3_600_000), until: verdict.at.plus_ms(1) };
        let rows = components.iter().flat_map(|of| store.evidence(&of.id, span, 10_000).unwrap());
        let mut facts: Vec<Evidence> =
            rows.flat_map(|row| storage::read_facts(&row.text).unwrap()).collect();
        facts.sort_by_key(|fact| fact.at);
        let mut court = Court::new(components.to_vec(), Settings::default());
        let mut facts = facts.iter().peekable();
        while let Some(now) = facts.peek().map(|fact| fact.at) {
            while let Some(fact) = facts.next_if(|fact| fact.at == now) {
                court.take(fact);
            }
            if now < verdict.at {
                court.judge(now);
            }
        }
        last_of(court.judge(verdict.at), verdict)
    }

    fn last_of(verdicts: Vec<Arc<Verdict>>, wanted: &Verdict) -> Verdict {
        let found = verdicts.into_iter().find(|of| of.component == wanted.component);
        Arc::unwrap_or_clone(found.unwrap())
    }

    #[test]
    fn a_verdict_is_drawn_again_from_the_store() {
        let (mut desk, mut turned) = (desk(), Vec::new());
        let mut store = Memory::new(&storage::Settings::in_memory());
        for second in 0..7_200 {
            let is_down = (1_800..3_000).contains(&second);
            let is_poor = (4_800..5_600).contains(&second) && second % 2 == 0;
            let of_a = if is_down { calls("a", 0, 2) } else { calls("a", 2, 0) };
            let of_b = if is_poor { calls("b", 1, 2) } else { calls("b", 3, 0) };
            let now = UnixMs::new(BEGAN_MS + second * 1_000);
            let step = desk.step(now, &[of_a, of_b], &News::default());
            let rows =
                step.evidence.into_iter().map(|row| storage::Change::Evidence(Box::new(row)));
            store.apply(&rows.collect::<Vec<_>>()).unwrap();
            turned.extend(step.turned);
        }
        let told = |of: &Verdict| (of.health, of.certainty, of.cause.class, of.condition());
        let mut bad = 0;
        for verdict in &turned {
            let again = drawn_again(&store, &desk.components, verdict);
            assert_eq!(told(&again), told(verdict), "{verdict:#?} {again:#?}");
            bad += usize::from(verdict.certainty > Certainty::Clear);
        }
        println!("{} verdicts drawn again, {bad} of them bad", turned.len());
        assert!(bad >= 6, "{bad} of {}", turned.len());
    }

    /// Plays so many seconds from there; tells the incidents' last pictures.
    fn play(desk: &mut Desk, from_ms: u64, seconds: u64, is_down: bool) -> Vec<Incident> {
        let mut last = BTreeMap::new();
        for second in 0..seconds {
            let of_a = if is_down { calls("a", 0, 2) } else { calls("a", 2, 0) };
            let now = UnixMs::new(from_ms + second * 1_000);
            for change in desk.step(now, &[of_a], &News::default()).changes {
                last.insert(change.incident.id.clone(), change.incident);
            }
        }
        last.into_values().collect()
    }

    /// A machine that starts anew may think that it is earlier than it was.
    #[test]
    fn an_incident_of_a_later_clock_ends_no_sooner_than_it_began() {
        let mut before = desk();
        play(&mut before, BEGAN_MS, 600, false);
        let incidents = play(&mut before, BEGAN_MS + 600_000, 600, true);
        let [open] = &incidents[..] else { panic!("{incidents:#?}") };
        for set_back_ms in [3_600_000, 1_200_000, 400_000] {
            let mut after = desk();
            after.restore(Left { incidents: vec![open.clone()], ..Left::default() });
            let began_ms = BEGAN_MS + 1_200_000 - set_back_ms;
            let still = play(&mut after, began_ms, 120, true);
            assert!(still.iter().all(|of| of.id == open.id), "it is the same trouble: {still:#?}");
            let ended = play(&mut after, began_ms + 120_000, 1_800, false);
            let [over] = &ended[..] else { panic!("set back by {set_back_ms}: {ended:#?}") };
            assert_eq!((&over.id, over.phase), (&open.id, detection::Phase::Resolved));
            assert!(over.resolved_at >= Some(over.started_at), "{over:#?}");
            assert!(over.updates.is_sorted_by_key(|update| update.at), "{over:#?}");
            assert!(!after.is_troubled());
        }
    }

    /// What was learnt of years and what is known of a fall outlive a change of the settings.
    #[test]
    fn who_stays_over_a_reload_is_still_known() {
        let mut desk = desk();
        play(&mut desk, BEGAN_MS, 600, false);
        play(&mut desk, BEGAN_MS + 600_000, 120, true);
        let chat = ComponentId::new("a/chat");
        assert!(desk.stands_so(&chat, Health::Down, Certainty::Confirmed));
        let provider = |name: &&str| ProviderSettings::new(name, Kind::Compatible);
        let others: Vec<_> = ["a", "d"].iter().map(provider).collect();
        desk.set_components(facts::components(&others, false));
        let incidents = play(&mut desk, BEGAN_MS + 720_000, 1, false);
        assert!(incidents.iter().all(|of| of.resolved_at.is_none()), "{incidents:#?}");
        assert!(desk.stands_so(&chat, Health::Down, Certainty::Confirmed), "it is not forgotten");
        assert!(!desk.stands.contains_key(&ComponentId::new("b/chat")));
        let ended = play(&mut desk, BEGAN_MS + 721_000, 1_800, false);
        assert_eq!(ended.len(), 1, "{ended:#?}");
        assert!(desk.stands_so(&ComponentId::new("d/chat"), Health::Ok, Certainty::Clear));
        assert!(!desk.is_troubled());
    }

    #[test]
    fn bars_and_shares_tell_what_was_counted() {
        let mut desk = desk();
        for second in 0..3_600 {
            let is_down = (600..1_200).contains(&second);
            let of_a = if is_down { calls("a", 0, 2) } else { calls("a", 2, 0) };
            desk.step(UnixMs::new(BEGAN_MS + second * 1_000), &[of_a], &News::default());
        }
        let now = UnixMs::new(BEGAN_MS + 3_600_000);
        let past = desk.pasts.get(&ComponentId::new("a/chat")).unwrap();
        let (days, uptime) = (past.days(now), past.uptime(now));
        let today = days.last().unwrap();
        assert_eq!(days.len(), 90);
        assert!(today.known && (8..=16).contains(&today.major_min), "{today:?}");
        assert!(!days[88].known, "nobody looked yesterday");
        assert!((uptime.own_requests.unwrap() - 5.0 / 6.0).abs() < 1e-9, "{uptime:?}");
        assert_eq!(uptime.spans[0], uptime.spans[1]);
        let silent = desk.pasts.get(&ComponentId::new("c/chat")).unwrap();
        assert_eq!((silent.uptime(now).own_minutes, silent.was_asked()), (None, false));
    }
}
