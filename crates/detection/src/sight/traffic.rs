//! Our own traffic: the family that sees first. Faults of the provider count; a caller's never do,
//! and refusals of our own account only if several keys agree.
//!
//! The detector's alarm is where suspicion starts: [`ALARM_NATS`] balance the prior, because the sum
//! has looked at many possible beginnings. Coming back is decided by a second sum, of "well again"
//! against "as bad as it was", so that a full outage is seen to end within a few requests.

use clock::UnixMs;

use super::Say;
use super::silence::SilenceSight;
use super::slices::Slices;
use super::slowness::Slowness;
use super::strength::Outcomes;
use crate::cusum::{ALARM_NATS, Cusum, SHARE_SOUGHT, SHARE_USUAL};
use crate::settings::{as_f64, weight};
use crate::{Drift, Family, Faults, Silence, Symptom, Traffic};

/// Where the sum stops, in nats: a family alone can be surer than .999, and come down again.
const SUM_NATS_MAX: f64 = 24.0;

/// Shares of faults of the two states that are told apart, and the most that this may weigh.
const SHARE_DEGRADED: f64 = 0.15;
const SHARE_DOWN: f64 = 0.85;
const KIND_NATS_MAX: f64 = 6.0;

/// Requests until the two are told apart in full.
const KIND_REQUESTS: f64 = 12.0;

/// Half of what is known of a fall as a whole is forgotten after so many requests.
const FALL_REQUESTS: f64 = 200.0;

/// The recent share is that of the last requests: half of it is forgotten after so many of them or
/// so many milliseconds, whichever is later.
const RECENT_REQUESTS: f64 = 20.0;
const RECENT_MS: f64 = 20_000.0;

/// A family that stands alone need not last if so large a share fails: waiting would add nothing.
const PLAIN_SHARE: f64 = 0.5;

/// And if it has failed for so long, in milliseconds: a hiccup of a second is no outage, however many
/// meet it.
const PLAIN_MS: u64 = 10_000;

/// Half an alarm, in nats: two faults in a row. A usual day has some, and most lead to nothing.
const UNUSUAL_NATS: f64 = ALARM_NATS / 2.0;

/// What the sum must exceed to speak for a fall, in nats: at the alarm it exactly balances a prior
/// of 3 %, so that the alarm is where suspicion starts.
const BALANCE_NATS: f64 = ALARM_NATS - 3.48;

/// What a minute of traffic may say against a fall, in nats, and how much more against the worst of
/// it. A good answer says as much as it takes from the sum.
const AGAINST_NATS_MAX: f64 = 3.0;
const DOWN_AGAINST_NATS: f64 = 2.5;

/// What the first measure of answers out of its band says for a loss of quality, and each further one,
/// in nats: one is enough to suspect.
const DRIFT_NATS: f64 = 5.0;
const DRIFT_MORE_NATS: f64 = 1.5;

/// Requests a minute below which probes carry detection (0.3 a second).
const LOW_VOLUME_PER_MINUTE: u32 = 18;

/// After this silence the sum begins to fade, in milliseconds.
const SILENCE_MS: u64 = 60_000;

/// For how long refusals of our own account are remembered, in milliseconds.
const REFUSED_MS: u64 = 120_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrafficSight {
    fall: Cusum,
    back_nats: f64,
    /// When the sum last left zero.
    onset_at: Option<UnixMs>,
    since_onset: u64,
    /// Good and bad of the last requests.
    recent: (f64, f64),
    /// Good and bad of the whole fall, slowly forgotten.
    fall_counts: (f64, f64),
    kinds: [f64; 5],
    slices: Slices,
    slowness: Slowness,
    silence: SilenceSight,
    drifts: [bool; 3],
    taken_at: UnixMs,
    good_at: Option<UnixMs>,
    refused_at: Option<UnixMs>,
}

impl TrafficSight {
    pub(crate) fn new() -> Self {
        Self {
            fall: Cusum::of_traffic(SUM_NATS_MAX),
            back_nats: 0.0,
            onset_at: None,
            since_onset: 0,
            recent: (0.0, 0.0),
            fall_counts: (0.0, 0.0),
            kinds: [0.0; 5],
            slices: Slices::default(),
            slowness: Slowness::default(),
            silence: SilenceSight::new(),
            drifts: [false; 3],
            taken_at: UnixMs::default(),
            good_at: None,
            refused_at: None,
        }
    }

    /// Takes the counts of one span; gives those that speak of the provider.
    pub(crate) fn take(&mut self, at: UnixMs, traffic: &Traffic) -> Outcomes {
        let agreed = traffic.refusals.agree();
        let refused = if agreed { traffic.refusals.count } else { 0 };
        if traffic.refusals.count > 0 && !agreed {
            self.refused_at = Some(at);
        }
        let bad = traffic.faults.total().saturating_add(refused);
        if traffic.good > 0 {
            self.good_at = Some(at);
        }
        self.slices.take(at, traffic.span_ms, traffic.good, bad);
        if let Some(words) = traffic.first_words {
            self.slowness.take(at, traffic.span_ms, words);
        }
        if traffic.good > 0 || bad > 0 {
            self.fade(at, f64::from(traffic.good) + f64::from(bad));
            let began_at = at.minus_ms(u64::from(traffic.span_ms));
            self.sum(began_at, traffic.good, bad);
            self.note_kinds(&traffic.faults, refused);
            self.taken_at = at;
        }
        let (span_ms, good) = (u64::from(traffic.span_ms), traffic.good);
        Outcomes { span_ms, good, bad, callers_failed: traffic.callers_failed }
    }

    /// Takes who waits for a first word.
    pub(crate) fn silence(&mut self, at: UnixMs, silence: &Silence) {
        let is_well = !self.fall.is_alarmed() && self.slowness.nats() <= BALANCE_NATS;
        self.silence.take(at, silence, is_well);
    }

    /// Takes a measure of answers that left its band, or came back.
    pub(crate) fn drift(&mut self, drift: Drift, is_on: bool) {
        if let Some(place) = self.drifts.get_mut(drift as usize) {
            *place = is_on;
        }
    }

    /// Forgets the fall: what was seen through a broken network, or over a jump of the clock.
    pub(crate) fn clear(&mut self) {
        self.well_again();
        self.slices.clear();
        self.slowness.clear();
        self.silence.clear();
    }

    /// What it says now.
    pub(crate) fn say(&self, now: UnixMs) -> Say {
        let silence = now.since(self.taken_at).saturating_sub(SILENCE_MS);
        let left = weight(Family::Traffic).left(silence);
        let (good, bad) = self.slices.last_minute(now);
        let volume = (f64::from(good) + f64::from(bad)).min(20.0) / 20.0;
        let against = self.fall.step(good, 0).max(-AGAINST_NATS_MAX);
        let errors = (self.fall.nats() - BALANCE_NATS).max(against);
        let slow = (self.slowness.nats() - BALANCE_NATS).max(against);
        let drift = self.drift_nats();
        let kind = if errors > 0.0 { self.kind() } else { -DOWN_AGAINST_NATS * volume };
        let late = self.silence.late().map(|late| (late.nats - BALANCE_NATS, late));
        // Who waits now is not forgotten with the answers of old.
        let (silent, silent_down) =
            late.map_or((f64::NEG_INFINITY, f64::NEG_INFINITY), |(nats, of)| {
                (nats, nats + kind_of(f64::from(of.all - of.silent), f64::from(of.silent)))
            });
        let waited = late.map_or(0, |(_, late)| u64::from(late.all));
        Say {
            degraded_nats: (errors.max(slow).max(drift) * left).max(silent),
            down_nats: ((errors + kind) * left).max(silent_down),
            observations: self.since_onset.max(self.slowness.slow_answers()).max(waited),
            why: self.why(now, good, bad),
        }
    }

    /// True from the detector's alarm on.
    pub(crate) fn is_alarmed(&self) -> bool {
        self.fall.is_alarmed() || self.is_silent()
    }

    /// True if nothing in it could be the beginning of a fall: single faults are a usual day.
    pub(crate) fn is_calm(&self) -> bool {
        self.fall.nats() < UNUSUAL_NATS
            && self.silence.late().is_none()
            && self.slowness.nats() == 0.0
            && !self.is_drifting()
    }

    /// When the fall began that it is alarmed of.
    pub(crate) fn onset(&self) -> Option<UnixMs> {
        let fell = self.onset_at.filter(|_| self.fall.is_alarmed());
        fell.into_iter().chain(self.silence.alarming_since()).min()
    }

    /// Since when failures are more than a usual day has, be it enough for an alarm or not.
    pub(crate) fn failing_since(&self) -> Option<UnixMs> {
        self.onset_at.filter(|_| self.fall.nats() >= UNUSUAL_NATS)
    }

    /// True while calls are alarmingly silent.
    pub(crate) fn is_silent(&self) -> bool {
        self.silence.late().is_some_and(|late| late.is_alarming())
    }

    /// True if so many are silent that nothing else need speak for a fall.
    pub(crate) fn is_strongly_silent(&self, now: UnixMs) -> bool {
        self.silence.is_strong(now)
    }

    /// Calls of the last minute.
    pub(crate) fn calls_per_minute(&self, now: UnixMs) -> u32 {
        let (good, bad) = self.slices.last_minute(now);
        good.saturating_add(bad)
    }

    /// True if the fall lasts, or is so plain that it need not.
    pub(crate) fn is_plain(&self, now: UnixMs) -> bool {
        let falling_ms = self.onset_at.map_or(0, |onset| now.since(onset));
        self.slices.last(now, &self.fall)
            || (self.share() >= PLAIN_SHARE && falling_ms >= PLAIN_MS)
            || self.slowness.is_plain()
    }

    /// When the last good answer came.
    pub(crate) fn good_at(&self) -> Option<UnixMs> {
        self.good_at
    }

    /// True if too few requests come for this family to carry detection.
    pub(crate) fn is_low(&self, now: UnixMs) -> bool {
        self.calls_per_minute(now) < LOW_VOLUME_PER_MINUTE
    }

    /// True if our own account was refused a short while ago, and not everybody's.
    pub(crate) fn is_refused(&self, now: UnixMs) -> bool {
        self.refused_at.is_some_and(|at| now.since(at) <= REFUSED_MS)
    }

    pub(crate) fn is_drifting(&self) -> bool {
        self.drifts.contains(&true)
    }

    fn drift_nats(&self) -> f64 {
        let on = self.drifts.iter().filter(|is_on| **is_on);
        on.fold(f64::NEG_INFINITY, |nats, _| (nats + DRIFT_MORE_NATS).max(DRIFT_NATS))
    }

    /// How it shows itself, if the fall is alarming.
    pub(crate) fn symptom(&self) -> Option<Symptom> {
        match self.mostly() {
            Some(symptom) if self.fall.is_alarmed() => Some(symptom),
            _ if self.is_silent() => Some(Symptom::Timeouts),
            _ if self.slowness.nats() > ALARM_NATS => Some(Symptom::Slow),
            _ => None,
        }
    }

    /// True if what fails mostly does so by the end of a clock.
    pub(crate) fn times_out(&self) -> bool {
        self.mostly() == Some(Symptom::Timeouts)
    }

    /// What most of the recent faults were.
    fn mostly(&self) -> Option<Symptom> {
        const KINDS: [Symptom; 5] = [
            Symptom::Overload,
            Symptom::ServerErrors,
            Symptom::Timeouts,
            Symptom::Cuts,
            Symptom::Connections,
        ];
        let most = KINDS.into_iter().zip(self.kinds).max_by(|a, b| a.1.total_cmp(&b.1));
        most.filter(|(_, count)| *count > 0.0).map(|(symptom, _)| symptom)
    }

    /// The recent share of faults.
    fn share(&self) -> f64 {
        let all = self.recent.0 + self.recent.1;
        if all < 1.0 { 0.0 } else { self.recent.1 / all }
    }

    /// Forgets by age and by number, the slower of the two.
    fn fade(&mut self, at: UnixMs, count: f64) {
        let age = as_f64(at.since(self.taken_at)) / RECENT_MS;
        let kept = (-std::f64::consts::LN_2 * age.min(count / RECENT_REQUESTS)).exp();
        self.recent = (self.recent.0 * kept, self.recent.1 * kept);
        for kind in &mut self.kinds {
            *kind *= kept;
        }
        let silence = at.since(self.taken_at).saturating_sub(SILENCE_MS);
        self.fall.fade(weight(Family::Traffic).left(silence));
    }

    /// Adds to the sums of the fall, and of coming back from it.
    fn sum(&mut self, began_at: UnixMs, good: u32, bad: u32) {
        if self.fall.nats() == 0.0 {
            self.well_again();
            self.onset_at = Some(began_at);
        }
        self.since_onset += u64::from(good) + u64::from(bad);
        self.recent.0 += f64::from(good);
        self.recent.1 += f64::from(bad);
        if self.fall.take(good, bad) == 0.0 {
            self.onset_at = None;
            return;
        }
        let kept =
            (-std::f64::consts::LN_2 * (f64::from(good) + f64::from(bad)) / FALL_REQUESTS).exp();
        self.fall_counts.0 = self.fall_counts.0 * kept + f64::from(good);
        self.fall_counts.1 = self.fall_counts.1 * kept + f64::from(bad);
        if self.fall.is_alarmed() {
            let (all_good, all_bad) = self.fall_counts;
            let worst = ((all_bad + 0.5) / (all_good + all_bad + 2.0)).clamp(SHARE_SOUGHT, 0.9);
            let step = f64::from(good) * ((1.0 - SHARE_USUAL) / (1.0 - worst)).ln()
                + f64::from(bad) * (SHARE_USUAL / worst).ln();
            self.back_nats = (self.back_nats + step).max(0.0);
            if self.back_nats > ALARM_NATS {
                self.well_again();
            }
        }
    }

    fn well_again(&mut self) {
        self.fall.clear();
        self.back_nats = 0.0;
        self.onset_at = None;
        self.since_onset = 0;
        self.recent = (0.0, 0.0);
        self.fall_counts = (0.0, 0.0);
        self.kinds = [0.0; 5];
    }

    fn note_kinds(&mut self, faults: &Faults, refused: u32) {
        let errors = faults.server_errors.saturating_add(refused);
        let counts = [faults.overload, errors, faults.timeouts, faults.cuts, faults.connections];
        for (sum, count) in self.kinds.iter_mut().zip(counts) {
            *sum += f64::from(count);
        }
    }

    /// Whether it is down rather than degraded, in nats.
    fn kind(&self) -> f64 {
        kind_of(self.recent.0, self.recent.1)
    }

    fn why(&self, now: UnixMs, good: u32, bad: u32) -> Box<str> {
        let all = u64::from(good) + u64::from(bad);
        let mut why = match (all, bad) {
            (0, _) => format!("no requests for {} s", now.since(self.taken_at) / 1000),
            (_, 0) => format!("all {all} requests of the last minute answered"),
            _ => format!("{bad} of {all} requests of the last minute failed"),
        };
        if let Some(symptom) = self.symptom() {
            why.push_str(": ");
            why.push_str(symptom.in_words());
        }
        if let Some(late) = self.silence.late() {
            why.push_str(&format!("; {} of {} calls wait for a first word", late.silent, late.all));
        }
        if self.slowness.nats() > BALANCE_NATS {
            why.push_str(&format!(
                "; first words {:.1} times slower than usual",
                self.slowness.factor()
            ));
        }
        if self.is_drifting() {
            why.push_str("; answers differ from the usual in shape, refusals or length");
        }
        why.into()
    }
}

fn kind_of(good: f64, bad: f64) -> f64 {
    let for_down = bad * (SHARE_DOWN / SHARE_DEGRADED).ln();
    let against = good * ((1.0 - SHARE_DOWN) / (1.0 - SHARE_DEGRADED)).ln();
    // Where an alarm begins, faults stand close by the nature of alarms: a few tell nothing.
    let enough = ((good + bad) / KIND_REQUESTS).min(1.0);
    (for_down + against).clamp(-KIND_NATS_MAX, KIND_NATS_MAX) * enough
}
