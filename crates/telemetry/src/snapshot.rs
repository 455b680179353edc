//! What pages show of the last minute and the last quarter of an hour: plain data, made on demand
//! from windows that are fed receipts. It holds nothing secret and no text from upstream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::Tick;
use domain::FaultClass;
use serde::Serialize;

use crate::histogram::{Histogram, PAGE_SECONDS, to_f64};
use crate::labels::{Labels, TargetId};
use crate::totals::Rung;
use crate::window::Windows;
use crate::{BreakerChange, Outcome, Receipt, TakeoverEnd};

/// Targets whose windows are kept.
const TARGETS_MAX: usize = 1_024;
/// A breaker's good state.
pub(crate) const CLOSED: &str = "closed";
/// Breakers whose state is kept.
const BREAKERS_MAX: usize = 4_096;

/// The present, for pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Seconds since 1970 at which it was taken.
    pub unix_seconds: f64,
    /// Seconds since telemetry was started.
    pub up_seconds: f64,
    pub requests_in_flight: i64,
    pub open_streams: i64,
    /// All requests of the last 60 seconds.
    pub minute: RequestWindow,
    /// All requests of the last 15 minutes.
    pub quarter: RequestWindow,
    /// Every target that was tried in the last 15 minutes or is kept off by a breaker, by name.
    pub targets: Vec<TargetView>,
    /// Receipts and log lines that were lost since the start.
    pub lost: u64,
}

/// Requests that ended in a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RequestWindow {
    pub requests: u64,
    /// By [`Outcome`]'s word; words that did not occur are missing.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Answers by `primary`, `failover`, `recall` or `reserve`.
    pub rungs: BTreeMap<&'static str, u64>,
    /// Broken streams that another target went on with.
    pub takeovers: u64,
    /// Milliseconds to the first content; `None` without any.
    pub first_token_ms_p50: Option<f64>,
    pub first_token_ms_p95: Option<f64>,
}

/// One target.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TargetView {
    pub provider: String,
    pub model: String,
    /// True for the model on board; known from its first answer on.
    pub reserve: bool,
    pub minute: TargetWindow,
    pub quarter: TargetWindow,
    /// One for each of its keys that was ever used, by index.
    pub breakers: Vec<BreakerView>,
}

/// A target's calls in a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TargetWindow {
    pub attempts: u64,
    /// Answers that it gave.
    pub served: u64,
    /// Its share of all answers, from 0 to 1.
    pub served_share: f64,
    /// By [`FaultClass`]'s word; faults of the caller are among them.
    pub faults: BTreeMap<&'static str, u64>,
    /// Failures that are the provider's fault.
    pub upstream_faults: u64,
    /// Milliseconds from the call to the first content.
    pub first_token_ms_p50: Option<f64>,
    pub first_token_ms_p95: Option<f64>,
}

/// One breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakerView {
    /// The key's index.
    pub key: u16,
    /// Its state in a word; `closed` is the good one.
    pub state: &'static str,
    /// Why it took this state; empty if it never had another.
    pub why: &'static str,
    /// Seconds since it took this state.
    pub since_seconds: u64,
}

#[derive(Debug)]
struct RequestCell {
    outcomes: BTreeMap<Outcome, u64>,
    rungs: BTreeMap<Rung, u64>,
    takeovers: u64,
    first_token: Histogram<24>,
}

impl Default for RequestCell {
    fn default() -> Self {
        Self {
            outcomes: BTreeMap::new(),
            rungs: BTreeMap::new(),
            takeovers: 0,
            first_token: Histogram::new(PAGE_SECONDS),
        }
    }
}

#[derive(Debug)]
struct TargetCell {
    attempts: u64,
    served: u64,
    faults: BTreeMap<FaultClass, u64>,
    first_token: Histogram<24>,
}

impl Default for TargetCell {
    fn default() -> Self {
        Self {
            attempts: 0,
            served: 0,
            faults: BTreeMap::new(),
            first_token: Histogram::new(PAGE_SECONDS),
        }
    }
}

/// A breaker's last known state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BreakerState {
    pub(crate) state: &'static str,
    why: &'static str,
    since: Tick,
}

/// The windows and states that a snapshot is made of.
#[derive(Debug)]
pub(crate) struct Live {
    started: Tick,
    requests: Windows<RequestCell>,
    targets: BTreeMap<TargetId, Windows<TargetCell>>,
    reserves: BTreeSet<TargetId>,
    pub(crate) breakers: BTreeMap<(TargetId, u16), BreakerState>,
}

impl Live {
    pub(crate) fn new(now: Tick) -> Self {
        Self {
            started: now,
            requests: Windows::new(),
            targets: BTreeMap::new(),
            reserves: BTreeSet::new(),
            breakers: BTreeMap::new(),
        }
    }

    /// Counts one receipt.
    pub(crate) fn receipt(&mut self, now: Tick, receipt: &Receipt, labels: &mut Labels) {
        let rung = Rung::of(receipt);
        self.requests.count(now, |cell| {
            *cell.outcomes.entry(receipt.outcome).or_default() += 1;
            let went_on = [TakeoverEnd::Continued, TakeoverEnd::Restarted];
            let went_on = went_on.map(|end| u64::from(receipt.answer.takeovers.of(end)));
            cell.takeovers += went_on.into_iter().sum::<u64>();
            if let Some(rung) = rung {
                *cell.rungs.entry(rung).or_default() += 1;
            }
            if let Some(first) = receipt.answer.first_token {
                cell.first_token.observe_span(first);
            }
        });
        for attempt in &receipt.attempts {
            let target = labels.target(&attempt.target, attempt.fault.is_none());
            if Labels::is_known(target) {
                self.key_used(now, target, attempt.key);
            }
            self.target(now, target, |cell| {
                cell.attempts += 1;
                if let Some(fault) = attempt.judged_fault() {
                    *cell.faults.entry(fault).or_default() += 1;
                }
                if let Some(first) = attempt.first_token {
                    cell.first_token.observe_span(first);
                }
            });
        }
        if let (Some(served_by), Some(rung)) = (&receipt.answer.served_by, rung) {
            let target = labels.target(served_by, receipt.outcome == Outcome::Answered);
            self.target(now, target, |cell| cell.served += 1);
            if rung == Rung::Reserve {
                self.reserves.insert(target);
            }
        }
    }

    fn target(&mut self, now: Tick, target: TargetId, change: impl Fn(&mut TargetCell)) {
        let full = self.targets.len() >= TARGETS_MAX && !self.targets.contains_key(&target);
        let target = if full { TargetId::default() } else { target };
        self.targets.entry(target).or_insert_with(Windows::new).count(now, change);
    }

    /// A key that is used for the first time has a closed breaker.
    fn key_used(&mut self, now: Tick, target: TargetId, key: u16) {
        let room = self.breakers.len() < BREAKERS_MAX;
        if room && !self.breakers.contains_key(&(target, key)) {
            let state = BreakerState { state: CLOSED, why: "", since: now };
            self.breakers.insert((target, key), state);
        }
    }

    /// Keeps a breaker's new state.
    pub(crate) fn breaker(&mut self, now: Tick, target: TargetId, change: &BreakerChange) {
        let key = (target, change.key);
        if self.breakers.len() < BREAKERS_MAX || self.breakers.contains_key(&key) {
            let state = BreakerState { state: change.to, why: change.why, since: now };
            self.breakers.insert(key, state);
        }
    }

    /// The present; what is counted elsewhere is left at its default.
    pub(crate) fn snapshot(&self, now: Tick, labels: &Labels) -> Snapshot {
        let minute = request_window(self.requests.minute(now));
        let quarter = request_window(self.requests.quarter(now));
        let mut ids: Vec<TargetId> = self.targets.keys().copied().collect();
        ids.extend(self.breakers.keys().map(|(target, _)| *target));
        let mut targets = BTreeMap::new();
        for id in ids {
            let provider = labels.provider_name(id.provider);
            let model = labels.model_name(id.model);
            targets.entry((provider, model)).or_insert(id);
        }
        let targets = targets.into_iter().filter_map(|((provider, model), id)| {
            let view = TargetView {
                provider: provider.to_owned(),
                model: model.to_owned(),
                reserve: self.reserves.contains(&id),
                minute: self.target_window(id, &minute, |windows| windows.minute(now).collect()),
                quarter: self.target_window(id, &quarter, |windows| windows.quarter(now).collect()),
                breakers: self.breaker_views(now, id),
            };
            let seen = view.quarter.attempts + view.quarter.served > 0;
            let shut = view.breakers.iter().any(|breaker| breaker.state != CLOSED);
            (seen || shut).then_some(view)
        });
        Snapshot {
            up_seconds: now.since(self.started).as_secs_f64(),
            targets: targets.collect(),
            minute,
            quarter,
            ..Snapshot::default()
        }
    }

    fn breaker_views(&self, now: Tick, id: TargetId) -> Vec<BreakerView> {
        let of_target = self.breakers.range((id, 0)..=(id, u16::MAX));
        of_target
            .map(|((_, key), breaker)| BreakerView {
                key: *key,
                state: breaker.state,
                why: breaker.why,
                since_seconds: now.since(breaker.since).as_secs(),
            })
            .collect()
    }

    fn target_window<'a>(
        &'a self,
        id: TargetId,
        all: &RequestWindow,
        cells: impl Fn(&'a Windows<TargetCell>) -> Vec<&'a TargetCell>,
    ) -> TargetWindow {
        let mut window = TargetWindow::default();
        let mut first_token = Histogram::new(PAGE_SECONDS);
        for cell in self.targets.get(&id).map(cells).unwrap_or_default() {
            window.attempts += cell.attempts;
            window.served += cell.served;
            first_token.add(&cell.first_token);
            for (fault, count) in &cell.faults {
                *window.faults.entry(fault.as_str()).or_default() += count;
                if fault.blame() == domain::Blame::Upstream {
                    window.upstream_faults += count;
                }
            }
        }
        let served: u64 = all.rungs.values().sum();
        if served > 0 {
            window.served_share = to_f64(window.served) / to_f64(served);
        }
        window.first_token_ms_p50 = millis(&first_token, 0.50);
        window.first_token_ms_p95 = millis(&first_token, 0.95);
        window
    }
}

fn request_window<'a>(cells: impl Iterator<Item = &'a RequestCell>) -> RequestWindow {
    let mut window = RequestWindow::default();
    let mut first_token = Histogram::new(PAGE_SECONDS);
    for cell in cells {
        for (outcome, count) in &cell.outcomes {
            window.requests += count;
            *window.outcomes.entry(outcome.as_str()).or_default() += count;
        }
        window.takeovers += cell.takeovers;
        for (rung, count) in &cell.rungs {
            *window.rungs.entry(rung.as_str()).or_default() += count;
        }
        first_token.add(&cell.first_token);
    }
    window.first_token_ms_p50 = millis(&first_token, 0.50);
    window.first_token_ms_p95 = millis(&first_token, 0.95);
    window
}

fn millis(histogram: &Histogram<24>, q: f64) -> Option<f64> {
    let span = Duration::try_from_secs_f64(histogram.quantile(q)?).ok()?;
    Some((span.as_secs_f64() * 10_000.0).round() / 10.0)
}
