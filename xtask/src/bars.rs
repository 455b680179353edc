//! `cargo xtask bars`: plays the scenarios in which the house's promises can be seen, each with many
//! seeds, and tells of every promise how often it was kept. What is promised stands in the scenarios
//! as what is expected of the policy `seawall`; which seeds are played decides nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::house::House;
use crate::say::{self, Voice};
use crate::shell;

/// The scenarios, the quick ones first.
const SCENARIOS: [&str; 6] =
    ["full-outage", "half-capacity", "twice-the-load", "metastable", "within-the-limits", "domino"];
/// Drills side by side; each holds a core.
const THREADS_MAX: usize = 2;

#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// Seeds for each scenario, counted from 1.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Play these scenarios only; any that ships will do.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Play with this binary instead of the one in the target directory.
    #[arg(long, value_name = "FILE")]
    seawall: Option<PathBuf>,
}

/// One promise: what it is, its bound in words, and the figure that each seed gave.
#[derive(Debug, Default, PartialEq)]
struct Bar {
    wanted: String,
    /// By seed; `None` where there was nothing to measure.
    figures: Vec<Option<f64>>,
    kept: usize,
}

/// Plays and tells; true if every promise was kept with every seed.
pub(crate) fn run(house: &House, wish: &Wish) -> Result<bool> {
    let voice = Voice::new();
    let seawall = wish.seawall.clone().unwrap_or_else(|| house.seawall());
    ensure!(seawall.is_file(), "there is no {}; build it first", seawall.display());
    let shipped = SCENARIOS.map(str::to_owned).to_vec();
    let names = if wish.only.is_empty() { shipped } else { wish.only.clone() };
    let mut all_kept = true;
    for name in names {
        let told = play(&seawall, &name, wish.seeds)?;
        voice.step(&format!("{name}, {} seeds", told.len()));
        for ((_, what), bar) in bars(&told)? {
            all_kept &= bar.kept == bar.figures.len();
            say::line(&format!("  {}", line(&what, &bar)));
        }
    }
    Ok(all_kept)
}

/// The reports of all seeds, in their order.
fn play(seawall: &std::path::Path, name: &str, seeds: u64) -> Result<Vec<Value>> {
    let queue = Mutex::new(1..=seeds);
    let told: Mutex<BTreeMap<u64, Result<Value>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..THREADS_MAX {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(seed) = next else { return };
                    let one = report(seawall, name, seed);
                    told.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, one);
                }
            });
        }
    });
    told.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn report(seawall: &std::path::Path, name: &str, seed: u64) -> Result<Value> {
    let mut command = Command::new(seawall);
    let seed = seed.to_string();
    command.args(["drill", name, "--json", "--policy", "seawall", "--seed", seed.as_str()]);
    // It ends with 1 if an expectation is not held, and tells its report all the same.
    let output =
        command.output().with_context(|| format!("cannot start {}", shell::named(&command)))?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{} told nothing that can be read", shell::named(&command)))
}

/// All promises of one scenario, in the order of its file.
fn bars(told: &[Value]) -> Result<BTreeMap<(usize, String), Bar>> {
    let mut bars: BTreeMap<(usize, String), Bar> = BTreeMap::new();
    for report in told {
        let expected = report.get("expectations").and_then(Value::as_array);
        let expected = expected.context("a report without expectations")?;
        for (at, one) in expected.iter().enumerate() {
            let text = |key| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let bar = bars.entry((at, text("name"))).or_default();
            bar.wanted = text("wanted");
            bar.figures.push(one.get("figure").and_then(Value::as_f64));
            bar.kept += usize::from(one.get("held") == Some(&Value::Bool(true)));
        }
    }
    Ok(bars)
}

fn line(what: &str, bar: &Bar) -> String {
    let mut known: Vec<f64> = bar.figures.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    let at = |place: usize| known.get(place).map_or("-".to_owned(), |figure| format!("{figure}"));
    let (seeds, last) = (bar.figures.len(), known.len().saturating_sub(1));
    let word = if bar.kept == seeds { "reached" } else { "MISSED" };
    format!(
        "{word:<8} {}/{seeds}  {what}: {} to {}, middle {} ({})",
        bar.kept,
        at(0),
        at(last),
        at(last / 2),
        bar.wanted
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_promise_is_kept_with_every_seed_or_missed() {
        let told = |figure: Option<f64>, held: bool| {
            let one =
                json!({"name": "all", "figure": figure, "held": held, "wanted": "at least 0.9"});
            json!({"expectations": [one]})
        };
        let shown = |told: &[Value]| {
            let bars = bars(told).unwrap();
            bars.iter().map(|((_, what), bar)| line(what, bar)).collect::<Vec<_>>().join("\n")
        };
        let kept = [told(Some(0.95), true), told(Some(0.91), true), told(Some(1.0), true)];
        let line = "reached  3/3  all: 0.91 to 1, middle 0.95 (at least 0.9)";
        assert_eq!(shown(&kept), line);
        let missed = shown(&[told(Some(0.95), true), told(None, false)]);
        assert!(missed.starts_with("MISSED   1/2  all: 0.95 to 0.95"), "{missed}");
        assert!(bars(&[json!({})]).is_err());
    }
}
