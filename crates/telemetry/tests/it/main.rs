//! Telemetry as the rest of the house sees it: receipts in, series, snapshots and log lines out.

mod calls;
mod log;
mod series;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Dice, IdMaker, ManualClock};
use domain::{Dialect, FaultClass, Finish, Target, Usage};
use telemetry::{
    AnswerRecord, AttemptRecord, Outcome, Receipt, RequestLogSettings, Telemetry, Worker,
};

/// A log that goes nowhere.
fn quiet() -> RequestLogSettings {
    RequestLogSettings { to: telemetry::LogTo::Nowhere, ..RequestLogSettings::default() }
}

struct Bench {
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
    worker: Worker,
}

/// Telemetry that knows `assistant`, two providers and the reserve.
fn bench(settings: RequestLogSettings) -> Bench {
    let clock = Arc::new(ManualClock::new());
    let (telemetry, worker) = Telemetry::start(settings, Arc::clone(&clock) as Arc<dyn Clock>);
    let models = ["assistant", "big", "small"].map(Arc::from);
    let providers = ["acme", "bolt", "reserve"].map(Arc::from);
    telemetry.set_known(&models, &providers);
    Bench { clock, telemetry, worker }
}

fn attempt(target: &Target, fault: Option<FaultClass>) -> AttemptRecord {
    AttemptRecord {
        target: target.clone(),
        key: 0,
        trial: false,
        took: Duration::from_millis(900),
        first_token: fault.is_none().then_some(Duration::from_millis(120)),
        fault,
        told: false,
        by_request: false,
        status: Some(if fault.is_some() { 503 } else { 200 }),
        detail: "".into(),
        usage: None,
        cost: None,
    }
}

/// A streamed answer of `acme/big`, at the first attempt.
fn answered() -> Receipt {
    let target = Target::new("acme", "big");
    Receipt {
        id: IdMaker::new(Dice::seeded(1)).next_id(),
        started: clock::Tick::default(),
        unix_seconds: 1_717_512_000.25,
        caller: Some("shop".into()),
        dialect: Some(Dialect::OpenAiChat),
        operation: domain::Operation::Generate,
        model_asked: "assistant".into(),
        stream: true,
        attempts: vec![attempt(&target, None)],
        waited: None,
        status: 200,
        outcome: Outcome::Answered,
        reason: None,
        answer: AnswerRecord {
            served_by: Some(target),
            served_step: Some(0),
            usage: Some(Usage { input_uncached: 30, output: 60, ..Usage::default() }),
            finish: Some(Finish::Stop),
            first_token: Some(Duration::from_millis(125)),
            gap_max: Duration::from_millis(80),
            content_deltas: 11,
            took: Duration::from_millis(1125),
            request_bytes: 400,
            answer_bytes: 9_000,
            why: "acme/big answered".into(),
            ..AnswerRecord::default()
        },
    }
}

/// The same, but `acme/big` is overloaded and `bolt/small` serves.
fn failed_over() -> Receipt {
    let (first, second) = (Target::new("acme", "big"), Target::new("bolt", "small"));
    let mut receipt = answered();
    receipt.attempts = vec![attempt(&first, Some(FaultClass::Overloaded)), attempt(&second, None)];
    receipt.answer.served_by = Some(second);
    receipt.answer.served_step = Some(1);
    receipt
}

/// Turned away before any attempt.
fn refused(model: &str) -> Receipt {
    let mut receipt = answered();
    receipt.model_asked = model.into();
    receipt.attempts.clear();
    receipt.status = 404;
    receipt.outcome = Outcome::Refused;
    receipt.reason = Some("model_not_found");
    receipt.answer = AnswerRecord::default();
    receipt
}
