//! The receipt of a request while it is being written. It is handed over exactly once, when the
//! ticket is dropped, whatever ended the request.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clock::Tick;
use domain::{Dialect, Fault, FaultClass, Losses, Operation, Prices, Sight, Target, Usage};
use telemetry::{AnswerRecord, AttemptRecord, FailedCall, Outcome, Receipt, Source, TakeoverEnd};

use crate::door::Shared;
use crate::rung::Claim;
use crate::waiting::Room;

/// Status of a request whose caller left before one was sent, as nginx writes it.
const STATUS_HUNG_UP: u16 = 499;
/// Bytes of a model's name kept in the receipt.
const MODEL_BYTES_MAX: usize = 128;

/// A request's receipt on its way. Until something else is said, the caller has hung up.
#[derive(Debug)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    receipt: Option<Box<Receipt>>,
    last_content: Option<Tick>,
    payload: Option<(Bytes, BytesMut)>,
    /// The second of two calls that run beside each other; in a box, for it is seldom there.
    beside: OnceLock<Box<AttemptRecord>>,
    /// Of the running attempt.
    prices: Option<Prices>,
    /// What the attempts consumed that the caller was told a part of.
    before: Option<Usage>,
    /// Where it stood in line.
    room: Option<Arc<Room>>,
}

impl Ticket {
    pub(crate) fn open(shared: Arc<Shared>, id: clock::RequestId) -> Self {
        let receipt = Box::new(Receipt {
            id,
            started: shared.clock.now(),
            unix_seconds: shared.clock.unix_seconds(),
            caller: None,
            dialect: None,
            operation: Operation::default(),
            model_asked: Box::default(),
            stream: false,
            // Mostly one, and room for four is what the first push would make.
            attempts: Vec::with_capacity(1),
            waited: None,
            status: STATUS_HUNG_UP,
            outcome: Outcome::HungUp,
            reason: None,
            answer: AnswerRecord::default(),
        });
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        shared.telemetry.in_flight().fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            receipt: Some(receipt),
            last_content: None,
            payload: None,
            beside: OnceLock::new(),
            prices: None,
            before: None,
            room: None,
        }
    }

    fn receipt(&mut self) -> &mut Receipt {
        self.receipt.as_mut().expect("the receipt is taken in drop only")
    }

    /// The receipt as it stands.
    pub(crate) fn view(&self) -> &Receipt {
        self.receipt.as_ref().expect("the receipt is taken in drop only")
    }

    pub(crate) fn set_caller(&mut self, caller: Option<Arc<str>>) {
        self.receipt().caller = caller;
    }

    /// In which dialect what is asked.
    pub(crate) fn set_ask(&mut self, dialect: Dialect, operation: Operation) {
        let receipt = self.receipt();
        receipt.dialect = Some(dialect);
        receipt.operation = operation;
    }

    pub(crate) fn set_request(&mut self, request: &domain::Request) {
        let keep_payload = self.shared.payload_bytes_max.is_some();
        let receipt = self.receipt();
        receipt.stream = request.outline.stream;
        receipt.model_asked = bounded(&request.outline.model);
        receipt.answer.request_bytes = request.body.len() as u64;
        if keep_payload {
            self.payload = Some((request.body.clone(), BytesMut::new()));
        }
    }

    /// An attempt begins, at these prices if anybody knows them. Should nothing more be said of it, the caller left while it ran.
    pub(crate) fn begin_attempt(&mut self, claim: &Claim, prices: Option<Prices>) {
        self.receipt().attempts.push(record_of(claim));
        self.prices = prices;
    }

    /// A second call begins beside the running attempt. It stands in the receipt whatever becomes of
    /// the two.
    pub(crate) fn begin_beside(&self, claim: &Claim) {
        // Never two at a time.
        let _only = self.beside.set(Box::new(record_of(claim)));
    }

    /// The second call is the running attempt from now on, at these prices.
    pub(crate) fn run_beside(&mut self, prices: Option<Prices>) {
        if let Some(record) = self.beside.take() {
            self.receipt().attempts.push(*record);
            self.prices = prices;
        }
    }

    /// The attempt before the running one runs again, at these prices.
    pub(crate) fn run_former(&mut self, prices: Option<Prices>) {
        if let [.., former, running] = self.receipt().attempts.as_mut_slice() {
            std::mem::swap(former, running);
            self.prices = prices;
        }
    }

    /// Those of the running attempt.
    pub(crate) fn prices(&self) -> Option<Prices> {
        self.prices
    }

    /// The attempt whose answer the caller gets; none if that is one which was given before.
    fn running(&mut self) -> Option<&mut AttemptRecord> {
        let receipt = self.receipt();
        match receipt.answer.source {
            Source::Recall { .. } => None,
            Source::Provider | Source::Reserve => receipt.attempts.last_mut(),
        }
    }

    /// The running attempt ended, well if there is no fault.
    pub(crate) fn end_attempt(&mut self, took: Duration, fault: Option<&Fault>) {
        if let Some(attempt) = self.running() {
            attempt.took = took;
            attempt.fault = fault.map(|fault| fault.class);
            attempt.status = fault.and_then(|fault| fault.status).or(attempt.status);
            if let Some(fault) = fault {
                attempt.detail = fault.detail.clone();
            }
        }
    }

    /// Tells at once of a failure that the provider is judged by: the request may go on for minutes
    /// with another attempt.
    pub(crate) fn tell_failed(&mut self) {
        let receipt = self.view();
        let (operation, caller) = (receipt.operation, receipt.caller.clone());
        let untold = |attempt: &&mut AttemptRecord| !attempt.told && !attempt.by_request;
        let Some(attempt) = self.running().filter(untold) else { return };
        let Some(fault) = attempt.fault else { return };
        let (target, key, trial) = (attempt.target.clone(), attempt.key, attempt.trial);
        let call = FailedCall { target, operation, key, trial, fault, caller };
        let is_taken = self.shared.telemetry.call_failed(call);
        if let Some(attempt) = self.running() {
            attempt.told = is_taken;
        }
    }

    /// Server errors of this rung and key are the request's own, and say nothing of the provider.
    pub(crate) fn excuse(&mut self, target: &Target, key: u16) {
        let attempts = self.receipt().attempts.iter_mut();
        let failed = attempts.filter(|attempt| attempt.fault == Some(FaultClass::ServerError));
        for attempt in failed.filter(|attempt| attempt.target == *target && attempt.key == key) {
            attempt.by_request = true;
        }
    }

    /// The running attempt brought its first content.
    pub(crate) fn first_token_of_attempt(&mut self, after: Duration) {
        if let Some(attempt) = self.running() {
            attempt.first_token = Some(after);
        }
    }

    /// It stood in line for so long before an attempt. The line is told what came of it.
    pub(crate) fn waited(&mut self, span: Duration, room: Arc<Room>) {
        self.room = Some(room);
        self.receipt().waited = Some(span);
    }

    /// How the content came so far: the span from the first to the last, and the pieces after the
    /// first.
    pub(crate) fn spoke(&self) -> Option<(Duration, u64)> {
        let receipt = self.view();
        let first = receipt.started + receipt.answer.first_token?;
        let pieces = receipt.answer.content_deltas.checked_sub(1)?;
        Some((self.last_content?.since(first), pieces))
    }

    /// Who serves the answer.
    pub(crate) fn served_by(&mut self, target: Target, step: usize, by_reserve: bool) {
        let answer = &mut self.receipt().answer;
        answer.served_step = u16::try_from(step).ok();
        answer.served_by = Some(target);
        answer.source = if by_reserve { Source::Reserve } else { Source::Provider };
    }

    /// The answer is one that was given so long ago.
    pub(crate) fn recalled(&mut self, target: Target, step: usize, age: Duration) {
        self.served_by(target, step, false);
        self.receipt().answer.source = Source::Recall { age };
    }

    pub(crate) fn set_why(&mut self, why: &str) {
        self.receipt().answer.why = why.into();
    }

    /// Bytes handed to the caller.
    pub(crate) fn add_bytes(&mut self, bytes: &Bytes) {
        self.receipt().answer.answer_bytes += bytes.len() as u64;
        let bytes_max = self.shared.payload_bytes_max.unwrap_or(0);
        if let Some((_, answer)) = &mut self.payload {
            let room = bytes_max.saturating_sub(answer.len());
            answer.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
    }

    /// What a reader saw in content that reaches the caller now.
    pub(crate) fn see(&mut self, sight: &Sight, now: Tick) {
        if sight.content_deltas > 0 {
            self.see_content(sight.content_deltas, now);
        }
        if let Some(usage) = sight.usage {
            self.receipt().answer.usage = Some(self.summed(usage));
            self.bill(&usage);
        }
        if let Some(finish) = &sight.finish {
            self.receipt().answer.finish = Some(finish.clone());
        }
    }

    /// Together with what was consumed by attempts of which the caller was told a part.
    pub(crate) fn summed(&self, usage: Usage) -> Usage {
        self.before.map_or(usage, |before| before.plus(usage))
    }

    /// True if the answer was taken over and the running attempt has not told its usage.
    pub(crate) fn lacks_usage(&self) -> bool {
        let told = self.view().attempts.last().is_some_and(|attempt| attempt.usage.is_some());
        self.before.is_some() && !told
    }

    /// The running attempt broke off after a part of its answer was told. What it consumed is
    /// booked, as it said or at least as was seen of it.
    pub(crate) fn part_ended(&mut self, estimate: &Usage) {
        let told = self.view().attempts.last().and_then(|attempt| attempt.usage);
        let usage = match told {
            // Told at the start, when little was generated.
            Some(told) if told.output < estimate.output => {
                Usage { output: estimate.output, estimated: true, ..told }
            }
            Some(told) => told,
            None => *estimate,
        };
        self.bill(&usage);
        let before = self.summed(usage);
        self.before = Some(before);
        self.receipt().answer.usage = Some(before);
    }

    /// How a stream that broke off went on.
    pub(crate) fn count_takeover(&mut self, end: TakeoverEnd) {
        self.receipt().answer.takeovers.count(end);
    }

    /// What the running attempt has consumed so far; the last word counts.
    pub(crate) fn bill(&mut self, usage: &Usage) {
        let cost = self.prices.and_then(|prices| prices.cost(usage));
        if let Some(attempt) = self.running() {
            attempt.usage = Some(*usage);
            attempt.cost = cost;
        }
    }

    /// Something that a translation could not say.
    pub(crate) fn add_losses(&mut self, losses: Losses) {
        self.receipt().answer.losses.extend(losses);
    }

    /// Content reaches the caller now.
    pub(crate) fn see_content(&mut self, deltas: u32, now: Tick) {
        let gap = self.last_content.replace(now).map(|last| now.since(last));
        let receipt = self.receipt();
        let started = receipt.started;
        let answer = &mut receipt.answer;
        answer.content_deltas += u64::from(deltas);
        answer.first_token.get_or_insert(now.since(started));
        answer.gap_max = answer.gap_max.max(gap.unwrap_or_default());
    }

    /// The status line goes out.
    pub(crate) fn set_status(&mut self, status: u16) {
        self.receipt().status = status;
    }

    /// How it ended.
    pub(crate) fn close(&mut self, outcome: Outcome, reason: Option<&'static str>) {
        let receipt = self.receipt();
        receipt.outcome = outcome;
        receipt.reason = reason;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.shared.telemetry.in_flight().fetch_sub(1, Ordering::Relaxed);
        self.run_beside(None);
        let Some(mut receipt) = self.receipt.take() else { return };
        let now = self.shared.clock.now();
        receipt.answer.took = now.since(receipt.started);
        if let Some(room) = &self.room {
            match receipt.answer.first_token {
                Some(after) => room.first_word(now, after, false),
                None => {
                    let left = receipt.outcome == Outcome::HungUp;
                    room.first_word(now, receipt.answer.took, left);
                }
            }
        }
        receipt.answer.payloads =
            self.payload.take().map(|(request, answer)| (request, answer.freeze()));
        self.shared.telemetry.receipt(receipt);
    }
}

fn record_of(claim: &Claim) -> AttemptRecord {
    AttemptRecord {
        target: claim.rung.target.clone(),
        key: claim.key,
        trial: claim.is_probe(),
        took: Duration::ZERO,
        first_token: None,
        fault: Some(FaultClass::CallerGone),
        told: false,
        by_request: false,
        status: None,
        detail: Box::default(),
        usage: None,
        cost: None,
    }
}

/// A stranger's text, cut at a character's border.
fn bounded(text: &str) -> Box<str> {
    if text.len() <= MODEL_BYTES_MAX {
        return text.into();
    }
    text.chars().take(MODEL_BYTES_MAX / 4).collect::<String>().into()
}
