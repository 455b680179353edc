//! Every implementation passes the suite.

use storage::{Memory, Store, suite};

/// The names of the checks that fail, with what is wrong.
fn failing(make: impl Fn() -> Box<dyn Store>) -> Vec<String> {
    let check = |(name, check): &(&str, suite::Check)| {
        check(&mut *make()).err().map(|wrong| format!("{name}: {wrong}"))
    };
    suite::CHECKS.iter().filter_map(check).collect()
}

#[test]
fn memory() {
    let make = || Box::new(Memory::new(&suite::settings())) as Box<dyn Store>;
    assert_eq!(failing(make), [""; 0]);
}
