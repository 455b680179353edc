//! Everything counted since the start, by bounded labels, in the order in which it is shown. It is
//! fed receipts and changes one by one and knows nothing of queues and text.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Dialect, FaultClass, LossKind, Money, Operation};

use crate::histogram::{
    ATTEMPTS, CALL_SECONDS, FIRST_SECONDS, Histogram, PIECE_SECONDS, TOKENS, to_f64,
};
use crate::labels::{Labels, NameId, TargetId};
use crate::{AttemptRecord, Outcome, Receipt, Source, TakeoverEnd};

/// Combinations of asked model and target.
const CALL_KINDS_MAX: usize = 1_024;
/// Distinct fields that were lost; they are words of our own code.
const LOSSES_MAX: usize = 512;
/// Distinct reasons of refusal; they are words of our own code.
const REASONS_MAX: usize = 64;

/// Who gave the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    Primary,
    Failover,
    Recall,
    Reserve,
}

impl Rung {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Failover => "failover",
            Self::Recall => "recall",
            Self::Reserve => "reserve",
        }
    }

    /// Who served this request, if anybody did. An answer that the caller did not wait for was
    /// served; one that broke was not.
    pub(crate) fn of(receipt: &Receipt) -> Option<Self> {
        let answer = &receipt.answer;
        let served_by = answer.served_by.as_ref()?;
        if !matches!(receipt.outcome, Outcome::Answered | Outcome::HungUp) {
            return None;
        }
        match answer.source {
            Source::Reserve => return Some(Self::Reserve),
            Source::Recall { .. } => return Some(Self::Recall),
            Source::Provider => {}
        }
        let first = match answer.served_step {
            Some(step) => step == 0,
            None => receipt.attempts.first().is_none_or(|first| first.target == *served_by),
        };
        Some(if first { Self::Primary } else { Self::Failover })
    }
}

/// One kind of call in the words of the GenAI conventions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKind {
    pub(crate) operation: Operation,
    pub(crate) asked: NameId,
    pub(crate) target: TargetId,
}

/// What is known of the calls of one kind.
#[derive(Debug)]
pub(crate) struct CallTotals {
    pub(crate) input: Histogram<14>,
    pub(crate) output: Histogram<14>,
    pub(crate) first_chunk: Histogram<16>,
    pub(crate) per_chunk: Histogram<13>,
}

impl CallTotals {
    fn new() -> Self {
        Self {
            input: Histogram::new(TOKENS),
            output: Histogram::new(TOKENS),
            first_chunk: Histogram::new(FIRST_SECONDS),
            per_chunk: Histogram::new(PIECE_SECONDS),
        }
    }
}

/// What calls cost.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    pub(crate) known: BTreeMap<TargetId, Money>,
    /// Calls that told their usage and whose price nobody knows.
    pub(crate) unknown: BTreeMap<TargetId, u64>,
}

/// How streams ended, and what came of those that broke.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) ends: BTreeMap<&'static str, u64>,
    pub(crate) takeovers: BTreeMap<TakeoverEnd, u64>,
}

/// Bytes of bodies.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) requests: u64,
    pub(crate) answers: u64,
}

/// All totals of receipts.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) requests: BTreeMap<(Outcome, u16, Option<Dialect>), u64>,
    pub(crate) durations: BTreeMap<Outcome, Histogram<14>>,
    pub(crate) first_tokens: BTreeMap<Rung, Histogram<16>>,
    pub(crate) per_request: Histogram<7>,
    pub(crate) attempts: BTreeMap<(TargetId, Option<FaultClass>), u64>,
    pub(crate) served: BTreeMap<(TargetId, Rung), u64>,
    pub(crate) refused: BTreeMap<&'static str, u64>,
    pub(crate) streams: Streams,
    pub(crate) losses: BTreeMap<(&'static str, LossKind), u64>,
    pub(crate) costs: Costs,
    pub(crate) gaps: BTreeMap<TargetId, Histogram<13>>,
    pub(crate) calls: BTreeMap<CallKind, CallTotals>,
    pub(crate) call_durations: BTreeMap<(CallKind, Option<FaultClass>), Histogram<14>>,
    pub(crate) bytes: Bodies,
    pub(crate) merged: u64,
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            requests: BTreeMap::new(),
            durations: BTreeMap::new(),
            first_tokens: BTreeMap::new(),
            per_request: Histogram::new(ATTEMPTS),
            attempts: BTreeMap::new(),
            served: BTreeMap::new(),
            refused: BTreeMap::new(),
            streams: Streams::default(),
            losses: BTreeMap::new(),
            costs: Costs::default(),
            gaps: BTreeMap::new(),
            calls: BTreeMap::new(),
            call_durations: BTreeMap::new(),
            bytes: Bodies::default(),
            merged: 0,
        }
    }

    /// Counts one receipt.
    pub(crate) fn receipt(&mut self, receipt: &Receipt, labels: &mut Labels) {
        let answer = &receipt.answer;
        let key = (receipt.outcome, receipt.status / 100, receipt.dialect);
        *self.requests.entry(key).or_default() += 1;
        self.durations
            .entry(receipt.outcome)
            .or_insert_with(|| Histogram::new(CALL_SECONDS))
            .observe_span(answer.took);
        let bytes = &mut self.bytes;
        bytes.requests = bytes.requests.saturating_add(answer.request_bytes);
        bytes.answers = bytes.answers.saturating_add(answer.answer_bytes);
        if receipt.outcome == Outcome::Refused {
            let reason = receipt.reason.unwrap_or("unnamed");
            if self.refused.len() < REASONS_MAX || self.refused.contains_key(reason) {
                *self.refused.entry(reason).or_default() += 1;
            }
        } else {
            self.per_request.observe(to_f64(u64::try_from(receipt.attempts.len()).unwrap_or(0)));
        }
        if let Some(word) = stream_outcome(receipt) {
            *self.streams.ends.entry(word).or_default() += 1;
        }
        for end in TakeoverEnd::ALL {
            let count = u64::from(answer.takeovers.of(end));
            if count > 0 {
                *self.streams.takeovers.entry(end).or_default() += count;
            }
        }
        for attempt in &receipt.attempts {
            self.attempt(receipt, attempt, labels);
        }
        for loss in answer.losses.iter() {
            let key = (loss.label(), loss.kind);
            if self.losses.len() < LOSSES_MAX || self.losses.contains_key(&key) {
                *self.losses.entry(key).or_default() += 1;
            }
        }
        self.answer(receipt, labels);
    }

    fn attempt(&mut self, receipt: &Receipt, attempt: &AttemptRecord, labels: &mut Labels) {
        let target = labels.target(&attempt.target, attempt.fault.is_none());
        *self.attempts.entry((target, attempt.fault)).or_default() += 1;
        match (attempt.cost, attempt.usage) {
            (Some(cost), _) => *self.costs.known.entry(target).or_default() += cost,
            (None, Some(_)) => *self.costs.unknown.entry(target).or_default() += 1,
            (None, None) => {}
        }
        let kind = self.bounded_kind(receipt, target, labels);
        self.call_durations
            .entry((kind, attempt.fault))
            .or_insert_with(|| Histogram::new(CALL_SECONDS))
            .observe_span(attempt.took);
        if let Some(first) = attempt.first_token {
            self.call(kind).first_chunk.observe_span(first);
        }
    }

    fn answer(&mut self, receipt: &Receipt, labels: &mut Labels) {
        let answer = &receipt.answer;
        let (Some(served_by), Some(rung)) = (&answer.served_by, Rung::of(receipt)) else {
            return;
        };
        let target = labels.target(served_by, receipt.outcome == Outcome::Answered);
        *self.served.entry((target, rung)).or_default() += 1;
        if let Some(first) = answer.first_token {
            self.first_tokens
                .entry(rung)
                .or_insert_with(|| Histogram::new(FIRST_SECONDS))
                .observe_span(first);
        }
        // No call made it, so that it tells nothing of one.
        if rung == Rung::Recall {
            return;
        }
        if receipt.stream && answer.content_deltas > 1 {
            self.gaps
                .entry(target)
                .or_insert_with(|| Histogram::new(PIECE_SECONDS))
                .observe_span(answer.gap_max);
        }
        let kind = self.bounded_kind(receipt, target, labels);
        let call = self.call(kind);
        if let Some(usage) = &answer.usage {
            call.input.observe(to_f64(usage.input()));
            call.output.observe(to_f64(usage.output));
        }
        if let Some(gap) = gap_mean(receipt) {
            call.per_chunk.observe_span(gap);
        }
    }

    fn call(&mut self, kind: CallKind) -> &mut CallTotals {
        self.calls.entry(kind).or_insert_with(CallTotals::new)
    }

    /// The kind of a call, or the one kind for all others once there are too many.
    fn bounded_kind(&mut self, receipt: &Receipt, target: TargetId, labels: &Labels) -> CallKind {
        let asked = labels.model(&receipt.model_asked);
        let kind = CallKind { operation: receipt.operation, asked, target };
        if self.calls.len() >= CALL_KINDS_MAX && !self.calls.contains_key(&kind) {
            self.merged += 1;
            return CallKind::default();
        }
        // The entry is made here, so that the bound covers every map that this kind is a key of.
        self.call(kind);
        kind
    }
}

/// How a stream ended that had begun; `None` if it was no stream or never began.
fn stream_outcome(receipt: &Receipt) -> Option<&'static str> {
    if !receipt.stream {
        return None;
    }
    match receipt.outcome {
        Outcome::Answered if crawled(receipt) => Some("crawled"),
        Outcome::Answered => Some("complete"),
        Outcome::HungUp => Some("hung_up"),
        // The first break counts, and not what became of the attempts to mend it.
        Outcome::Broken => match receipt.reason {
            Some("stalled") => Some("stalled"),
            Some("crawling") => Some("crawled"),
            Some("cut" | "reset") => Some("cut"),
            _ => Some("errored"),
        },
        Outcome::CallerFault | Outcome::Refused | Outcome::Failed => None,
    }
}

/// The answer was complete, and came far too slowly.
fn crawled(receipt: &Receipt) -> bool {
    receipt.attempts.last().is_some_and(|last| last.fault == Some(FaultClass::Crawling))
}

/// The mean time between two pieces of content of a complete stream.
fn gap_mean(receipt: &Receipt) -> Option<Duration> {
    let answer = &receipt.answer;
    let gaps = u32::try_from(answer.content_deltas.checked_sub(1)?).ok()?;
    if !receipt.stream || receipt.outcome != Outcome::Answered {
        return None;
    }
    answer.took.checked_sub(answer.first_token?)?.checked_div(gaps)
}
