//! Every implementation passes the suite.

use storage::{Embedded, Memory, Store, suite};

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

#[test]
fn tables_without_a_file() {
    let make = || Box::new(Embedded::without_file(&suite::settings()).unwrap()) as Box<dyn Store>;
    assert_eq!(failing(make), [""; 0]);
}
