//! The papers that are made of the configuration: the reference and the examples.

use std::path::Path;

use config::{MapEnvironment, Overrides, parse, reference, warnings};
use expect_test::expect_file;

#[test]
fn the_reference_is_the_committed_one() {
    expect_file!["../../../../docs/configuration.md"].assert_eq(&reference());
}

#[test]
fn the_examples_have_no_mistake_and_no_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut env = MapEnvironment::default().with("HOME", "/home/ann");
        for name in text.split("env:").skip(1).filter_map(|rest| rest.split('"').next()) {
            env = env.with(name, "key");
        }
        let settings = parse(&text, &path, &env, &Overrides::default())
            .unwrap_or_else(|mistakes| panic!("{}: {mistakes}", path.display()));
        let warnings = warnings(&settings);
        assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
        count += 1;
    }
    assert_eq!(count, 5);
}
