//! A small world that makes evidence second by second: traffic with a share of faults, probes that
//! quicken on suspicion, pages, reports and canaries. Seeded; it knows the court's public face only.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::calendar::Date;
use clock::{Dice, UnixMs};
use detection::{
    Advice, Capability, Certainty, Change, ChangeKind, Component, ComponentId, Condition, Court,
    Evidence, Fact, Faults, FirstWords, Freshness, Guard, Incident, Keeper, KeeperSettings,
    PageReading, Post, ProbeResult, Reports, Settings, Symptom, Traffic, Verdict,
};

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;

/// How one component is at the moment.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) rps: f64,
    pub(crate) share: f64,
    pub(crate) symptom: Symptom,
    pub(crate) first_words_ms: u32,
    /// Share of wrong answers among those that succeed.
    pub(crate) wrong: f64,
    pub(crate) probe_every_s: Option<u64>,
    pub(crate) page: Option<(Condition, Option<UnixMs>, Option<Symptom>)>,
    pub(crate) reports_per_minute: f64,
    pub(crate) report_symptom: Symptom,
}

impl Default for State {
    fn default() -> Self {
        Self {
            rps: 0.0,
            share: 0.0,
            symptom: Symptom::ServerErrors,
            first_words_ms: 600,
            wrong: 0.0,
            probe_every_s: None,
            page: Some((Condition::Operational, None, None)),
            reports_per_minute: 0.02,
            report_symptom: Symptom::ServerErrors,
        }
    }
}

/// What a verdict said first, and when.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) at: UnixMs,
    pub(crate) verdict: Arc<Verdict>,
}

/// A door that shuts after three failures in a row and then lets one call a time try, as breakers do:
/// what fails is seldom seen for long.
#[derive(Debug, Clone, Default)]
struct Door {
    streak: u32,
    /// Until when nobody goes through, and how often it was tried in vain.
    shut: Option<(UnixMs, u32)>,
    failed_at: UnixMs,
}

pub(crate) struct World {
    pub(crate) court: Court,
    pub(crate) keeper: Keeper,
    pub(crate) changes: Vec<(UnixMs, Change)>,
    pub(crate) now: UnixMs,
    pub(crate) states: BTreeMap<ComponentId, State>,
    pub(crate) canaries: bool,
    /// Whether doors shut before those that fail; only while it goes second by second.
    pub(crate) has_doors: bool,
    doors: BTreeMap<ComponentId, Door>,
    /// Whether strangers are asked at once where a silence may be that of our own line.
    pub(crate) asks_at_once: bool,
    /// Every change of certainty or cause, oldest first.
    pub(crate) moments: Vec<Moment>,
    pub(crate) verdicts: BTreeMap<ComponentId, Arc<Verdict>>,
    dice: Dice,
    probed_at: BTreeMap<ComponentId, UnixMs>,
}

pub(crate) fn component(provider: &str, capability: Capability) -> Component {
    Component {
        id: ComponentId::new(format!("{provider}/{}", capability.as_str())),
        name: format!("{provider}'s {}", capability.as_str()).into(),
        provider: provider.into(),
        capability: Some(capability),
        parent: Some(ComponentId::new(provider)),
    }
}

pub(crate) fn id(text: &str) -> ComponentId {
    ComponentId::new(text)
}

/// A moment of the calendar from its parts, UTC.
pub(crate) fn moment(year: i64, month: i64, day: i64, hour: u64, minute: u64) -> UnixMs {
    let days = Date { year, month, day }.day().unwrap();
    UnixMs::new((u64::try_from(days).unwrap() * 24 + hour) * HOUR_MS + minute * MINUTE_MS)
}

impl World {
    pub(crate) fn new(components: Vec<Component>, now: UnixMs, seed: u64) -> Self {
        let states = components.iter().map(|of| (of.id.clone(), State::default())).collect();
        Self {
            court: Court::new(components.clone(), Settings::default()),
            keeper: Keeper::new(components, KeeperSettings::default(), Dice::seeded(seed + 1)),
            changes: Vec::new(),
            now,
            states,
            canaries: true,
            has_doors: false,
            doors: BTreeMap::new(),
            asks_at_once: false,
            moments: Vec::new(),
            verdicts: BTreeMap::new(),
            dice: Dice::seeded(seed),
            probed_at: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, component: &str, turn: impl FnOnce(&mut State)) {
        turn(self.states.get_mut(&id(component)).unwrap());
    }

    pub(crate) fn tell(&mut self, fact: Fact) {
        let evidence = Evidence { at: self.now, fact };
        self.court.take(&evidence);
    }

    pub(crate) fn run_s(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.step(1);
        }
    }

    pub(crate) fn run_to(&mut self, until: UnixMs) {
        while self.now < until {
            self.step(1);
        }
    }

    pub(crate) fn verdict(&self, component: &str) -> &Verdict {
        &self.verdicts[&id(component)]
    }

    /// Every incident that was ever told, as it stands now, in the order of opening.
    pub(crate) fn incidents(&self) -> Vec<Incident> {
        let mut latest: BTreeMap<_, Incident> = BTreeMap::new();
        for (_, change) in &self.changes {
            latest.insert(change.incident.id.clone(), change.incident.clone());
        }
        let mut all: Vec<Incident> = latest.into_values().collect();
        all.sort_by_key(|incident| incident.opened_at);
        all
    }

    pub(crate) fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|(_, change)| change.kind == kind).count()
    }

    /// The provider's page tells of an incident.
    pub(crate) fn post(&mut self, component: &str, title: &str, posted_at: UnixMs) {
        let provider = component.split('/').next().unwrap();
        self.post_of(&Post {
            provider: provider.into(),
            components: vec![id(component)],
            title: title.into(),
            url: None,
            posted_at,
            seen_at: self.now,
            resolved_at: None,
        });
    }

    pub(crate) fn post_of(&mut self, post: &Post) {
        let change = self.keeper.post(self.now, post);
        self.changes.extend(change.map(|change| (self.now, change)));
    }

    pub(crate) fn advice(&self, component: &str) -> Option<Advice> {
        self.court.advice(self.now).into_iter().find(|advice| advice.component == id(component))
    }

    /// Seconds from `from` until the component was first at least so certain.
    pub(crate) fn seconds_to(
        &self,
        component: &str,
        certainty: Certainty,
        from: UnixMs,
    ) -> Option<f64> {
        let found = self.moments.iter().find(|moment| {
            let verdict = &moment.verdict;
            verdict.component == id(component)
                && verdict.certainty >= certainty
                && moment.at >= from
        });
        found.map(|moment| std::time::Duration::from_millis(moment.at.since(from)).as_secs_f64())
    }

    /// Lets so many seconds pass at once; a minute must be a multiple of them.
    pub(crate) fn step(&mut self, seconds: u64) {
        self.now = self.now.plus_ms(1000 * seconds);
        for component in self.states.keys().cloned().collect::<Vec<_>>() {
            let state = self.states[&component].clone();
            self.traffic(&component, &state, seconds);
            self.probe(&component, &state);
            if self.now.as_seconds().is_multiple_of(60) {
                self.minute(&component, &state);
            }
        }
        let is_doubted = |of: &Arc<Verdict>| of.guards.contains(&Guard::OwnNetwork);
        let at_once = self.asks_at_once && self.verdicts.values().any(is_doubted);
        if at_once || self.now.as_seconds().is_multiple_of(30) {
            for host in ["a.example", "b.example", "c.example"] {
                self.tell(Fact::Canary { host: host.into(), is_reached: self.canaries });
            }
        }
        self.judge();
    }

    fn judge(&mut self) {
        let verdicts = self.court.judge(self.now);
        for verdict in &verdicts {
            if let Some(onset) = self.court.onset(&verdict.component) {
                self.keeper.began(&verdict.component, onset);
            }
        }
        self.hasten();
        let changes = self.keeper.hear(self.now, &verdicts);
        self.changes.extend(changes.into_iter().map(|change| (self.now, change)));
        for verdict in &verdicts {
            let before = self.verdicts.insert(verdict.component.clone(), verdict.clone());
            let same = before.is_some_and(|before| {
                before.certainty == verdict.certainty
                    && before.health == verdict.health
                    && before.cause.class == verdict.cause.class
            });
            if !same {
                self.moments.push(Moment { at: self.now, verdict: verdict.clone() });
            }
        }
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        // Poisson by counting gaps; the means here are small.
        let mut left = mean;
        let mut count = 0;
        loop {
            left += (1.0 - self.dice.fraction()).ln();
            if left < 0.0 {
                return count;
            }
            count += 1;
        }
    }

    fn share_of(&mut self, count: u32, share: f64) -> u32 {
        (0..count).map(|_| u32::from(self.dice.fraction() < share)).sum()
    }

    fn traffic(&mut self, component: &ComponentId, state: &State, seconds: u64) {
        if state.rps == 0.0 {
            return;
        }
        // Steady callers: the fraction decides whether there is one more.
        let mean = state.rps * f64::from(u32::try_from(seconds).unwrap());
        let whole = mean.floor();
        let mut all = u32::from(self.dice.fraction() < mean - whole);
        while f64::from(all) < whole {
            all += 1;
        }
        if self.has_doors && seconds == 1 {
            return self.through_door(component, state, all);
        }
        let bad = self.share_of(all, state.share);
        self.tell_traffic(component, state, (seconds, all - bad, bad));
    }

    /// The calls of a second, one after the other: those that the door lets through are traffic, and
    /// those that try a shut one are probes.
    fn through_door(&mut self, component: &ComponentId, state: &State, calls: u32) {
        let mut door = self.doors.remove(component).unwrap_or_default();
        let (mut good, mut bad) = (0, 0);
        for call in 0..calls {
            let at = self.now.minus_ms(u64::from(1_000 - 1_000 * call / calls));
            let fails = self.dice.fraction() < state.share;
            match door.shut {
                Some((until, _)) if at < until => continue,
                Some((_, level)) if fails => {
                    let cooldown_ms = (5_000 << (level + 1).min(2)).min(20_000);
                    door.shut = Some((at.plus_ms(cooldown_ms), level + 1));
                    door.failed_at = at;
                    let result = ProbeResult::Failed(state.symptom);
                    self.tell(Fact::Probe { component: component.clone(), result });
                }
                Some(_) => {
                    (door.shut, door.streak) = (None, 0);
                    let result = ProbeResult::Right;
                    self.tell(Fact::Probe { component: component.clone(), result });
                }
                None if fails => {
                    bad += 1;
                    door.streak += 1;
                    door.failed_at = at;
                    if door.streak >= 3 {
                        door.shut = Some((at.plus_ms(5_000), 0));
                    }
                }
                None => {
                    good += 1;
                    door.streak = 0;
                }
            }
        }
        self.doors.insert(component.clone(), door);
        if good + bad > 0 {
            self.tell_traffic(component, state, (1, good, bad));
        }
    }

    fn hasten(&mut self) {
        for (component, door) in &mut self.doors {
            let every_ms = self.court.haste_ms(component, self.now);
            if let Some((until, every_ms)) = door.shut.as_mut().zip(every_ms) {
                let sooner = door.failed_at.plus_ms(every_ms).max(self.now);
                until.0 = until.0.min(sooner);
            }
        }
    }

    fn tell_traffic(
        &mut self,
        component: &ComponentId,
        state: &State,
        (seconds, good, bad): (u64, u32, u32),
    ) {
        let mut faults = Faults::default();
        *match state.symptom {
            Symptom::Overload => &mut faults.overload,
            Symptom::Timeouts => &mut faults.timeouts,
            Symptom::Cuts => &mut faults.cuts,
            Symptom::Connections => &mut faults.connections,
            _ => &mut faults.server_errors,
        } = bad;
        let median_ms = state.first_words_ms * 9 / 10
            + u32::try_from(self.dice.below(u64::from(state.first_words_ms) / 5)).unwrap();
        let span_ms = u32::try_from(1000 * seconds).unwrap();
        let first_words = (good > 0).then_some(FirstWords { answers: good, median_ms });
        let traffic = Traffic { span_ms, good, faults, first_words, ..Traffic::default() };
        self.tell(Fact::Traffic { component: component.clone(), traffic });
    }

    fn probe(&mut self, component: &ComponentId, state: &State) {
        let Some(every) = state.probe_every_s else { return };
        let suspected =
            self.verdicts.get(component).is_some_and(|of| of.certainty > Certainty::Clear);
        let every = if suspected { every.min(10) } else { every };
        let due =
            self.probed_at.get(component).is_none_or(|at| self.now.since(*at) >= every * 1000);
        if !due {
            return;
        }
        self.probed_at.insert(component.clone(), self.now);
        let result = match () {
            () if self.dice.fraction() < state.share.max(0.002) => {
                ProbeResult::Failed(state.symptom)
            }
            () if self.dice.fraction() < state.wrong => ProbeResult::Wrong,
            () if state.first_words_ms >= 2400 => ProbeResult::Slow,
            () => ProbeResult::Right,
        };
        self.tell(Fact::Probe { component: component.clone(), result });
    }

    fn minute(&mut self, component: &ComponentId, state: &State) {
        if let Some((condition, posted_at, symptom)) = state.page {
            let page = PageReading { freshness: Freshness::Fresh, condition, posted_at, symptom };
            self.tell(Fact::Page { component: component.clone(), page });
        }
        let count = self.poisson(state.reports_per_minute);
        let mut reports = Reports::default();
        *match state.report_symptom {
            Symptom::Overload => &mut reports.over_capacity,
            Symptom::Slow => &mut reports.slow,
            Symptom::Login => &mut reports.cannot_log_in,
            Symptom::WrongAnswers => &mut reports.wrong_answers,
            _ => &mut reports.errors,
        } = count;
        self.tell(Fact::Reports { component: component.clone(), reports });
    }
}
