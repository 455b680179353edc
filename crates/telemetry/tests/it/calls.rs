//! What those who judge providers read.

use domain::{FaultClass, Operation, Target};
use telemetry::{AttemptRecord, FailedCall, Receipt};

use crate::{answered, attempt, bench, quiet};

fn tried(attempts: Vec<AttemptRecord>) -> Receipt {
    Receipt { attempts, ..answered() }
}

#[test]
fn calls_are_told_once_by_provider_and_trials_apart() {
    let bench = bench(quiet());
    let (acme, bolt) = (Target::new("acme", "big"), Target::new("bolt", "small"));
    let failed = attempt(&acme, Some(FaultClass::ServerError));
    let refused = AttemptRecord { key: 1, ..attempt(&acme, Some(FaultClass::KeyRejected)) };
    let trial = AttemptRecord { trial: true, ..failed.clone() };
    let stranger = attempt(&Target::new("nobody", "big"), None);
    let attempts = vec![failed, refused, trial, stranger, attempt(&bolt, None)];
    bench.telemetry.receipt(tried(attempts));
    let calls = bench.telemetry.take_calls();
    let [first, second] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((&*first.provider, first.good, first.keys, first.keys_refused), ("acme", 0, 2, 1));
    let faults = [(FaultClass::ServerError, 1), (FaultClass::KeyRejected, 1)];
    assert_eq!(first.faults, faults.into());
    assert_eq!((first.trials_good, first.trials_failed.len()), (0, 1));
    assert_eq!((&*second.provider, second.good, second.first_contents), ("bolt", 1, 1));
    let median = second.first_content_ms.expect("one was timed");
    assert!((100.0..=150.0).contains(&median), "{median}");
    assert!(bench.telemetry.take_calls().is_empty(), "they are told once");
}

#[test]
fn a_failure_is_told_at_once_and_not_again_with_its_receipt() {
    let bench = bench(quiet());
    let (acme, bolt) = (Target::new("acme", "big"), Target::new("bolt", "small"));
    let failed = |target: &Target, caller: Option<&str>, fault| FailedCall {
        target: target.clone(),
        operation: Operation::Generate,
        key: 1,
        trial: false,
        fault,
        caller: caller.map(Into::into),
    };
    for (caller, fault) in [
        (Some("shop"), FaultClass::ServerError),
        (Some("shop"), FaultClass::ServerError),
        (Some("desk"), FaultClass::Reset),
        (Some("third"), FaultClass::ContextLength),
    ] {
        assert!(bench.telemetry.call_failed(failed(&acme, caller, fault)));
    }
    assert!(bench.telemetry.call_failed(failed(&bolt, None, FaultClass::ServerError)));
    assert!(bench.telemetry.call_failed(failed(
        &Target::new("nobody", "big"),
        None,
        FaultClass::ServerError
    )));
    let calls = bench.telemetry.take_calls();
    let [first, second] = &calls[..] else { panic!("{calls:?}") };
    let faults =
        [(FaultClass::ServerError, 2), (FaultClass::Reset, 1), (FaultClass::ContextLength, 1)];
    assert_eq!(first.faults, faults.into());
    assert_eq!((first.callers_failed, first.keys), (2, 1), "a caller's own fault is no witness");
    assert_eq!((second.faults.len(), second.callers_failed), (1, 0), "nobody is known by name");

    // The receipt comes when another has answered.
    let told = AttemptRecord { told: true, ..attempt(&acme, Some(FaultClass::ServerError)) };
    bench.telemetry.receipt(tried(vec![told, attempt(&bolt, None)]));
    let calls = bench.telemetry.take_calls();
    let good = |name: &str| calls.iter().find(|of| of.provider == name).map(|of| of.good);
    assert_eq!((good("acme"), good("bolt")), (Some(0), Some(1)), "{calls:?}");
    assert!(calls.iter().all(|of| of.faults.is_empty()), "{calls:?}");
}
