//! The judge of one component: log-odds of ok, degraded and down from all families, hysteresis, and
//! the guards that keep a verdict from being drawn. It knows no other component; why something fell
//! is told by [`crate::cause`], from all of them.

use clock::UnixMs;

use crate::settings::{Settings, weight};
use crate::sight::Say;
use crate::sight::page::PageSight;
use crate::sight::probes::ProbeSight;
use crate::sight::reports::ReportSight;
use crate::sight::strength::{Outcomes, Strength};
use crate::sight::traffic::TrafficSight;
use crate::{Belief, Certainty, Component, Fact, Family, Guard, Health, Reading, Symptom};

/// A clock that goes back by more than this has jumped, in milliseconds.
const STEP_BACK_MS_MAX: u64 = 5_000;

/// Our own calls and our probes are two witnesses once they have seen a fall for so long, in
/// milliseconds: a usual day's burst of twenty seconds is met by both.
const WITNESSES_MS: u64 = 20_000;

/// Who is well is looked at once in so long, in milliseconds.
const REST_MS: u64 = 10_000;

/// A fall is fresh for so long: shut doors are tried sooner for no longer, in milliseconds.
const HASTE_MS_MAX: u64 = 30_000;

/// Of so many calls one may try a shut door.
const HASTE_CALLS: u64 = 20;

/// The least time between two tries, and the longest that is still sooner than a door's own first
/// cool-down, in milliseconds.
const HASTE_EVERY_MS: (u64, u64) = (2_500, 5_000);

/// Degraded becomes down, or the other way, only if it is so many times likelier.
const TURN_RATIO: f64 = 3.0;

/// How plain a fall is by our own calls and probes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plainness {
    Doubtful,
    /// It lasts, so that many calls are enough.
    Lasts,
    /// It is so strong that it needs neither a minute's patience nor a second family.
    Strong,
}

/// What a component's own evidence says, before others are asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Look {
    pub(crate) readings: Vec<Reading>,
    pub(crate) onset: Option<UnixMs>,
    pub(crate) symptom: Option<Symptom>,
    /// Families that disagree: one speaks for a fall and another has good news of this minute.
    pub(crate) is_contradicted: bool,
    pub(crate) is_quality: bool,
    pub(crate) plainness: Plainness,
    /// From the first sign of it in our own calls and probes to the latest, in milliseconds; `None`
    /// if they show none.
    pub(crate) lasted_ms: Option<u64>,
    pub(crate) guards: Vec<Guard>,
}

/// What a judge must know of ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ourselves {
    pub(crate) is_network_bad: bool,
    pub(crate) is_maintenance: bool,
}

/// How a component stands after a judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) health: Health,
    pub(crate) certainty: Certainty,
    pub(crate) since: UnixMs,
    pub(crate) belief: Belief,
}

/// The judge of one component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judge {
    pub(crate) component: Component,
    traffic: TrafficSight,
    probes: ProbeSight,
    reports: ReportSight,
    page: PageSight,
    strength: Strength,
    health: Health,
    certainty: Certainty,
    since: UnixMs,
    /// Since when it has looked well without a break.
    well_at: Option<UnixMs>,
    /// Since when it has looked milder than it is told to be.
    milder_at: Option<UnixMs>,
    onset_at: Option<UnixMs>,
    looked_at: Option<UnixMs>,
}

impl Judge {
    pub(crate) fn new(component: Component) -> Self {
        Self {
            component,
            traffic: TrafficSight::new(),
            probes: ProbeSight::new(),
            reports: ReportSight::new(),
            page: PageSight::default(),
            strength: Strength::default(),
            health: Health::Ok,
            certainty: Certainty::Clear,
            since: UnixMs::default(),
            well_at: None,
            milder_at: None,
            onset_at: None,
            looked_at: None,
        }
    }

    /// Takes a fact about this component.
    pub(crate) fn take(&mut self, at: UnixMs, fact: &Fact) {
        match fact {
            Fact::Traffic { traffic, .. } => {
                let outcomes = self.traffic.take(at, traffic);
                self.strength.take(at, outcomes);
            }
            Fact::Silence { silence, .. } => self.traffic.silence(at, silence),
            Fact::Probe { result, .. } => {
                self.probes.take(at, *result);
                if let Some(is_good) = result.is_answered() {
                    self.strength.take(at, Outcomes::one(is_good));
                }
            }
            Fact::Reports { reports, .. } => self.reports.take(at, *reports),
            Fact::Page { page, .. } => self.page.take(at, *page),
            Fact::Drift { drift, is_on, .. } => self.traffic.drift(*drift, *is_on),
            Fact::Canary { .. } | Fact::Attack { .. } | Fact::Maintenance(_) => {}
        }
    }

    /// Takes up what was learnt of its reports before a restart.
    pub(crate) fn learn_usual(&mut self, text: &str) {
        self.reports.learn(text);
    }

    /// True from the passive detector's alarm on. For breakers; never enough for an incident.
    pub(crate) fn is_alarmed(&self) -> bool {
        self.traffic.is_alarmed()
    }

    /// True if it has looked well of late and nothing speaks against that, so that another look would
    /// tell the same. While this is so it is looked at once in ten seconds.
    pub(crate) fn may_rest(&self, now: UnixMs) -> bool {
        let recent = |at: UnixMs| at <= now && now.since(at) < REST_MS;
        self.looked_at.is_some_and(recent)
            && self.certainty == Certainty::Clear
            && self.traffic.is_calm()
            && self.probes.is_calm()
            && !self.reports.is_on()
            && self.page.bad_at(now).is_none()
    }

    /// Reads all families.
    pub(crate) fn look(&mut self, now: UnixMs, settings: &Settings, us: Ourselves) -> Look {
        let guards = self.guards(now, settings, us);
        if guards.iter().any(|guard| matches!(guard, Guard::OwnNetwork | Guard::ClockJump)) {
            self.traffic.clear();
            self.probes.clear();
            self.strength.clear();
        }
        self.looked_at = Some(now);
        let onsets = [self.traffic.onset()].into_iter().chain([
            self.probes.onset(),
            self.reports.onset(),
            self.page.bad_at(now),
        ]);
        let onset = onsets.flatten().min();
        let readings = self.readings(now, us, onset);
        let speaks = readings.iter().any(Reading::speaks);
        let good = |reading: &Reading| reading.down_nats <= -2.0 && reading.degraded_nats <= -1.0;
        let symptom = self.traffic.symptom().or(self.probes.symptom()).or(self.page.symptom(now));
        let reported = self.reports.symptom();
        Look {
            is_contradicted: speaks && readings.iter().any(good),
            readings,
            onset,
            symptom: symptom.or(reported.filter(|_| self.reports.is_on())),
            is_quality: self.probes.is_wrong()
                || self.traffic.is_drifting()
                || (self.reports.is_on() && reported == Some(Symptom::WrongAnswers)),
            plainness: self.plainness(now),
            lasted_ms: self.lasted_ms(now),
            guards,
        }
    }

    fn plainness(&self, now: UnixMs) -> Plainness {
        match () {
            () if self.strength.is_strong() => Plainness::Strong,
            () if self.traffic.is_strongly_silent(now) => Plainness::Strong,
            () if self.traffic.is_plain(now) => Plainness::Lasts,
            () => Plainness::Doubtful,
        }
    }

    fn lasted_ms(&self, now: UnixMs) -> Option<u64> {
        let began = [self.traffic.onset(), self.probes.onset()].into_iter().flatten().min()?;
        let latest = if self.traffic.is_silent() { Some(now) } else { self.strength.bad_at() };
        Some(latest?.since(began))
    }

    /// How soon a shut door should be tried again, in milliseconds, so that what is suspected is known
    /// soon: while its fall is fresh, comes as failures and not as silence, which would keep a caller
    /// waiting, and enough calls come that one in twenty is soon there. `None` to leave it to the door.
    pub(crate) fn haste_ms(&self, now: UnixMs) -> Option<u64> {
        let is_fresh = now.since(self.traffic.failing_since()?) <= HASTE_MS_MAX;
        let is_slow = self.traffic.is_silent() || self.traffic.times_out();
        if !is_fresh || is_slow || self.traffic.is_refused(now) {
            return None;
        }
        let calls = u64::from(self.traffic.calls_per_minute(now)).max(1);
        let every_ms = 60_000 * HASTE_CALLS / calls;
        let wanted = self.certainty < Certainty::Confirmed && every_ms <= HASTE_EVERY_MS.1;
        wanted.then_some(every_ms.max(HASTE_EVERY_MS.0))
    }

    /// What each family says, as far as it may speak of this fall.
    fn readings(&mut self, now: UnixMs, us: Ourselves, onset: Option<UnixMs>) -> Vec<Reading> {
        let mut page = self.page.say(now, self.onset_at.or(onset));
        if us.is_network_bad && self.page.bad_at(now).is_none() {
            // What we cannot reach ourselves is not broken.
            (page.degraded_nats, page.down_nats) = (0.0, 0.0);
        }
        let mut traffic = self.traffic.say(now);
        if self.probes.is_wrong() {
            // Good status codes say nothing about answers that are wrong.
            traffic.degraded_nats = traffic.degraded_nats.max(0.0);
        }
        if self.probes.onset().is_some() && self.traffic.good_at() < self.probes.onset() {
            // All that came since has failed: who was answered before says nothing against that, nor
            // of how bad it is.
            traffic.degraded_nats = traffic.degraded_nats.max(0.0);
            traffic.down_nats = traffic.down_nats.max(traffic.degraded_nats);
        }
        let mut probe = self.probes.say(now);
        let fell_at = self.traffic.onset();
        if fell_at.is_some() && self.probes.good_at() < fell_at {
            // What was answered before the fall says nothing against it.
            probe.degraded_nats = probe.degraded_nats.max(0.0);
            probe.down_nats = probe.down_nats.max(0.0);
        }
        vec![
            reading(Family::Probe, probe),
            reading(Family::Traffic, traffic),
            reading(Family::Reports, self.reports.say(now)),
            reading(Family::OfficialPage, page),
        ]
    }

    /// Draws the verdict from all readings.
    pub(crate) fn conclude(&mut self, now: UnixMs, settings: &Settings, look: &Look) -> Standing {
        let belief = belief(&look.readings, settings);
        let bad = 1.0 - belief.ok;
        let excused = look.guards.contains(&Guard::Maintenance);
        let held = look.guards.contains(&Guard::ClockJump);
        let blind = look.guards.contains(&Guard::OwnNetwork);
        let mut certainty = match () {
            () if excused => Certainty::Clear,
            () if held => self.certainty,
            () if is_confirmed(bad, look, settings) && !blind => Certainty::Confirmed,
            () if bad > settings.suspected_above => self.certainty.max(Certainty::Suspected),
            () => Certainty::Clear,
        };
        if certainty == Certainty::Clear && !excused && self.certainty > Certainty::Clear {
            let well_at = *self.well_at.get_or_insert(now);
            let is_long = now.since(well_at) >= settings.good_windows * settings.window_ms;
            let lapsed = self.certainty == Certainty::Suspected
                && now.since(well_at) >= settings.suspicion_ms_max;
            if !(is_long && (lapsed || self.was_seen_well(now, well_at))) {
                certainty = self.certainty;
            }
        } else {
            self.well_at = None;
        }
        self.stand(now, certainty, belief, settings.window_ms);
        self.onset_at = match certainty {
            Certainty::Clear => None,
            _ => self.onset_at.or(look.onset).or(Some(now)),
        };
        Standing { health: self.health, certainty, since: self.since, belief }
    }

    /// When the trouble began of which the verdict tells.
    pub(crate) fn onset(&self) -> Option<UnixMs> {
        self.onset_at
    }

    /// When this component last answered us.
    pub(crate) fn answered_at(&self) -> Option<UnixMs> {
        self.traffic.good_at().max(self.probes.good_at())
    }

    /// For how long it has not been well, in milliseconds.
    pub(crate) fn suspected_ms(&self, now: UnixMs) -> u64 {
        if self.certainty == Certainty::Clear { 0 } else { now.since(self.since) }
    }

    fn stand(&mut self, now: UnixMs, certainty: Certainty, belief: Belief, window_ms: u64) {
        let worse = if belief.down > belief.degraded { Health::Down } else { Health::Degraded };
        let health = match certainty {
            Certainty::Clear => Health::Ok,
            _ if self.health == Health::Ok => worse,
            // While it looks well again, nothing new is learnt about how bad it was.
            _ if self.well_at.is_some() => self.health,
            _ => {
                let (high, low) =
                    (belief.down.max(belief.degraded), belief.down.min(belief.degraded));
                if high > TURN_RATIO * low { worse } else { self.health }
            }
        };
        let health = self.held(now, certainty, health, window_ms);
        if (health, certainty) != (self.health, self.certainty) || self.since == UnixMs::default() {
            self.since = now;
        }
        self.health = health;
        self.certainty = certainty;
    }

    /// What is down is called degraded only once it has looked so for a window: where one call in
    /// twelve is answered, every such answer would make it better for a moment.
    fn held(
        &mut self,
        now: UnixMs,
        certainty: Certainty,
        health: Health,
        window_ms: u64,
    ) -> Health {
        if certainty == Certainty::Clear || health >= self.health {
            self.milder_at = None;
            return health;
        }
        let since = *self.milder_at.get_or_insert(now);
        if now.since(since) >= window_ms { health } else { self.health }
    }

    /// Silence is no good news: somebody must have seen it well since it looks well.
    fn was_seen_well(&self, now: UnixMs, since: UnixMs) -> bool {
        let routed = self.component.capability.is_none_or(crate::Capability::is_routed);
        self.answered_at() >= Some(since)
            || self.page.is_good(now)
            || (!routed && self.page.bad_at(now).is_none() && !self.reports.is_on())
    }

    fn guards(&self, now: UnixMs, settings: &Settings, us: Ourselves) -> Vec<Guard> {
        let jumped = self.looked_at.is_some_and(|before| {
            // A clock that is being set right steps back a little, and that is no jump.
            before.since(now) > STEP_BACK_MS_MAX || now.since(before) > settings.gap_ms_max
        });
        let routed = self.component.capability.is_none_or(crate::Capability::is_routed);
        let refused = self.traffic.is_refused(now) || self.probes.is_refused();
        let maintained = us.is_maintenance || self.page.is_maintenance(now);
        let all = [
            (us.is_network_bad, Guard::OwnNetwork),
            (refused, Guard::OwnAccount),
            (routed && self.traffic.is_low(now), Guard::LowVolume),
            (maintained, Guard::Maintenance),
            (jumped, Guard::ClockJump),
        ];
        all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, guard)| guard).collect()
    }
}

/// True if the provider's own page tells of the trouble.
pub(crate) fn is_told_by_page(readings: &[Reading]) -> bool {
    readings.iter().any(|reading| reading.family == Family::OfficialPage && reading.speaks())
}

/// A reading within its family's caps. What exceeds them is taken from both sides alike, so that
/// the cap does not make down look like degraded.
fn reading(family: Family, say: Say) -> Reading {
    let weight = weight(family);
    let excess = (say.degraded_nats.max(say.down_nats) - weight.for_nats_max).max(0.0);
    Reading {
        family,
        degraded_nats: weight.cap(say.degraded_nats - excess),
        down_nats: weight.cap(say.down_nats - excess),
        observations: say.observations,
        why: say.why,
    }
}

/// Probabilities from the prior and all readings.
pub(crate) fn belief(readings: &[Reading], settings: &Settings) -> Belief {
    let sum = |of: fn(&Reading) -> f64| readings.iter().map(of).sum::<f64>();
    // Degraded minutes are twice as many as those of a full outage.
    let ok = 1.0 - settings.bad_share;
    let degraded =
        (settings.bad_share * 2.0 / 3.0 / ok).ln() + sum(|reading| reading.degraded_nats);
    let down = (settings.bad_share / 3.0 / ok).ln() + sum(|reading| reading.down_nats);
    let most = degraded.max(down).max(0.0);
    let (ok, degraded, down) = ((-most).exp(), (degraded - most).exp(), (down - most).exp());
    let all = ok + degraded + down;
    Belief { ok: ok / all, degraded: degraded / all, down: down / all }
}

fn is_confirmed(bad: f64, look: &Look, settings: &Settings) -> bool {
    let speaking: Vec<&Reading> = look.readings.iter().filter(|reading| reading.speaks()).collect();
    let traffic = speaking.iter().find(|reading| reading.family == Family::Traffic);
    let many = traffic.is_some_and(|of| of.observations >= settings.alone_requests_min);
    let alone = many && look.plainness >= Plainness::Lasts;
    // What our own calls and probes have seen for a moment only may be a hiccup, which others who
    // speak of it would not have met.
    let outside = |of: &&Reading| !matches!(of.family, Family::Traffic | Family::Probe);
    let momentary = look.lasted_ms.is_some_and(|ms| ms < WITNESSES_MS);
    let two = speaking.len() >= 2 && (!momentary || speaking.iter().any(outside));
    let strong = look.plainness == Plainness::Strong && !speaking.is_empty();
    (bad > settings.confirmed_above && (two || strong)) || (bad > settings.alone_above && alone)
}
