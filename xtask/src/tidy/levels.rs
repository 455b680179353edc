//! The levels of the house: a crate may depend only on crates of a lower level, never sideways.
//! Only ordinary dependencies count; what tests use is their own affair.

use std::collections::BTreeSet;

use super::Fault;
use super::files::Papers;

/// The levels as ARCHITECTURE.md has them, from the ground up.
const LEVELS: &[&[&str]] = &[
    &["domain", "clock"],
    &["dialects", "resilience", "admission", "detection", "demand"],
    &["net", "upstream"],
    &["storage", "telemetry"],
    &["gateway", "providers", "reserve", "lookout", "web"],
    &["config"],
    &["app"],
    &["drills"],
    &["seawall", "xtask"],
];

/// Rooms that may derive serde: wire forms stay at the borders. Scenario files and drill reports are
/// such forms too, and so are the pages of providers that the lookout reads.
const SERDE: &[&str] = &["dialects", "config", "storage", "telemetry", "lookout", "web", "drills"];

/// The level of a crate.
pub(super) fn level(name: &str) -> Option<usize> {
    LEVELS.iter().position(|names| names.contains(&name))
}

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let manifests: Vec<_> = papers.ending("/Cargo.toml").filter_map(Manifest::read).collect();
    let ours: BTreeSet<_> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    manifests.iter().flat_map(|manifest| manifest.faults(&ours)).collect()
}

struct Manifest<'t> {
    path: &'t str,
    name: String,
    needs: Vec<String>,
}

impl<'t> Manifest<'t> {
    fn read((path, text): (&'t str, &'t str)) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        let plain = [&table].into_iter();
        let by_target = table.get("target").and_then(toml::Value::as_table);
        let by_target = by_target.into_iter().flat_map(toml::Table::values);
        let needs = plain
            .chain(by_target.filter_map(toml::Value::as_table))
            .flat_map(|part| [part.get("dependencies"), part.get("build-dependencies")])
            .filter_map(|part| part?.as_table())
            .flat_map(|part| part.keys().cloned())
            .collect();
        Some(Self { path, name, needs })
    }

    fn faults(&self, ours: &BTreeSet<&str>) -> Vec<Fault> {
        let Some(own) = level(&self.name) else {
            let says = format!("`{}` has no level; xtask/src/tidy/levels.rs lists them", self.name);
            return vec![Fault::of_file(self.path, says)];
        };
        let mut faults = Vec::new();
        for need in &self.needs {
            let below = level(need).is_none_or(|level| level < own);
            if ours.contains(need.as_str()) && !below {
                let says = format!("`{}` (level {own}) must not depend on `{need}`", self.name);
                faults.push(Fault::of_file(self.path, says));
            }
            if need == "serde" && !SERDE.contains(&self.name.as_str()) {
                let says = format!("`{}` derives serde; wire forms stay at the borders", self.name);
                faults.push(Fault::of_file(self.path, says));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(manifests: &[(&str, &str)]) -> Vec<String> {
        check(&Papers::of(manifests)).iter().map(ToString::to_string).collect()
    }

    const GATEWAY: &str = "[package]\nname = \"gateway\"\n[dependencies]\nnet.workspace = true\n";
    const NET: &str = "[package]\nname = \"net\"\n";

    #[test]
    fn downwards_is_allowed() {
        assert!(says(&[("g/Cargo.toml", GATEWAY), ("n/Cargo.toml", NET)]).is_empty());
    }

    #[test]
    fn upwards_sideways_and_serde_are_not() {
        let up = format!("{NET}[dependencies]\ngateway.workspace = true\n");
        let found = says(&[("g/Cargo.toml", GATEWAY), ("n/Cargo.toml", &up)]);
        assert_eq!(found, ["n/Cargo.toml: `net` (level 2) must not depend on `gateway`"]);
        let sideways = format!("{NET}[target.'cfg(unix)'.dependencies]\nupstream = \"1\"\n");
        let upstream = "[package]\nname = \"upstream\"\n[dev-dependencies]\nnet = \"1\"\n";
        let found = says(&[("n/Cargo.toml", &sideways), ("u/Cargo.toml", upstream)]);
        assert_eq!(found, ["n/Cargo.toml: `net` (level 2) must not depend on `upstream`"]);
        let serde = format!("{NET}[dependencies]\nserde = \"1\"\n");
        assert_eq!(says(&[("n/Cargo.toml", &serde)]).len(), 1);
    }

    #[test]
    fn a_new_room_needs_a_level() {
        assert_eq!(says(&[("x/Cargo.toml", "[package]\nname = \"attic\"\n")]).len(), 1);
    }
}
