//! What the lock files say: how many packages the house carries, and where they come from.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Fault;
use super::files::Papers;

/// Without what only the reserve brings.
const PACKAGES_MAX: usize = 400;
const RESERVE: &str = "reserve";
const PUBLIC: &str = "registry+https://github.com/rust-lang/crates.io-index";
const LOCK: &str = "Cargo.lock";

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let mut faults = Vec::new();
    let lock = papers.text(LOCK).and_then(|text| text.parse::<Table>().ok());
    let packages = lock.as_ref().and_then(|lock| lock.get("package")).and_then(Value::as_array);
    match packages {
        None => faults.push(Fault::of_file(LOCK, "is missing or no lock file")),
        Some(packages) => faults.extend(cargo(packages)),
    }
    for (path, text) in papers.ending("package-lock.json") {
        let resolved = text.lines().position(|line| line.contains("\"resolved\": \"http"));
        if let Some(index) = resolved {
            let says = "records where it was fetched; npm needs omit-lockfile-registry-resolved";
            faults.push(Fault::at(path, index + 1, says));
        }
    }
    faults
}

fn cargo(packages: &[Value]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let count = without_reserve(packages);
    if count >= PACKAGES_MAX {
        let says = format!("{count} packages without the reserve; under {PACKAGES_MAX} wanted");
        faults.push(Fault::of_file(LOCK, says));
    }
    for package in packages {
        let source = package.get("source").and_then(Value::as_str);
        if source.is_some_and(|source| source != PUBLIC) {
            let says = format!("`{}` does not come from the public registry", name(package));
            faults.push(Fault::of_file(LOCK, says));
        }
    }
    faults
}

fn name(package: &Value) -> &str {
    package.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Packages that are reached from the workspace without passing through the reserve.
fn without_reserve(packages: &[Value]) -> usize {
    let mut by_name: BTreeMap<&str, Vec<(usize, &Value)>> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        by_name.entry(name(package)).or_default().push((index, package));
    }
    let ours = packages
        .iter()
        .enumerate()
        .filter(|(_, package)| package.get("source").is_none() && name(package) != RESERVE);
    let mut waiting: Vec<_> = ours.collect();
    let mut reached: BTreeSet<_> = waiting.iter().map(|(index, _)| *index).collect();
    while let Some((_, package)) = waiting.pop() {
        let needs = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        for need in needs.filter_map(Value::as_str).filter(|need| *need != RESERVE) {
            // An entry is `name`, or `name version` where there are several.
            let (need, version) = need.split_once(' ').map_or((need, None), |(n, v)| (n, Some(v)));
            for (index, package) in by_name.get(need).into_iter().flatten() {
                let own = package.get("version").and_then(Value::as_str);
                if version.is_none_or(|version| own == Some(version)) && reached.insert(*index) {
                    waiting.push((*index, package));
                }
            }
        }
    }
    reached.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(packages: &[(&str, &str, &[&str])]) -> String {
        let mut text = String::new();
        for (name, version, needs) in packages {
            let source =
                if *version == "0" { String::new() } else { format!("source = {PUBLIC:?}\n") };
            let head = format!("[[package]]\nname = {name:?}\nversion = {version:?}\n{source}");
            text.push_str(&format!("{head}dependencies = {needs:?}\n"));
        }
        text
    }

    #[test]
    fn what_only_the_reserve_needs_does_not_count() {
        let text = lock(&[
            ("reserve", "0", &["candle-core", "a 1"]),
            ("app", "0", &["reserve", "a 1"]),
            ("candle-core", "1", &["b", "a 2"]),
            ("a", "1", &["c"]),
            ("a", "2", &[]),
            ("b", "1", &[]),
            ("c", "1", &["a 1"]),
        ]);
        let table: Table = text.parse().unwrap();
        assert_eq!(without_reserve(table["package"].as_array().unwrap()), 3);
    }

    #[test]
    fn sources_are_public_and_unnamed() {
        let own = lock(&[("a", "1", &[])]).replace("github.com", "mirror.example");
        let npm = "{\n  \"resolved\": \"https://mirror.example/x.tgz\"\n}\n";
        let papers = Papers::of(&[(LOCK, &own), ("n/package-lock.json", npm)]);
        assert_eq!(check(&papers).len(), 2);
    }
}
