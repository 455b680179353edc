//! What those who judge providers read.

use domain::{FaultClass, Target};
use telemetry::{AttemptRecord, Receipt};

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
