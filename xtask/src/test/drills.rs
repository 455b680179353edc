//! The step that drills: every shipped scenario in short form with fixed seeds and three by chance,
//! the same seed twice, the debug build against the release, and the long ones against the ratchet.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clock::Dice;
use serde_json::{Value, json};

use super::ratchet::{self, Entry};
use crate::house::{self, House};
use crate::say::{self, Voice};
use crate::shell;

/// Played in short form over all scenarios; a seed that once found a fault stays here.
const SEEDS: [u64; 3] = [1, 2, 2_823_513_783];
/// Further ones, thrown anew each time and printed.
const BY_CHANCE: usize = 3;
/// Those that both builds must tell alike.
const TWICE: [&str; 3] = ["matrix-full-outage-step", "2025-06-12-google", "2026-09-15-flapping"];
/// Seconds that a long drill may take on an ordinary machine, with all its policies.
const LONG_S_MAX: f64 = 180.0;
const RATCHET: &str = "crates/drills/scenarios/ratchet.toml";

pub(super) fn run(house: &House, voice: &Voice) -> Result<()> {
    // Every failure below names its scenario and seed; with the commit it can be played again.
    play(house, voice).with_context(|| format!("at commit {}", commit(house)))
}

fn commit(house: &House) -> String {
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short", "HEAD"]).current_dir(&house.root);
    shell::output(&mut git).map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

fn play(house: &House, voice: &Voice) -> Result<()> {
    let seawall = house.seawall();
    let names = names(&seawall)?;
    let mut dice = Dice::from_entropy();
    for seed in SEEDS {
        names.iter().try_for_each(|name| short(&seawall, name, seed).map(drop))?;
        voice.step(&format!("{} scenarios in short form, seed {seed}", names.len()));
    }
    for _ in 0..BY_CHANCE {
        // Told before it is played, so that it is known whatever happens.
        let seed = dice.below(1 << 32);
        voice.step(&format!("all of them with a seed by chance: {seed}"));
        names.iter().try_for_each(|name| short(&seawall, name, seed).map(drop))?;
    }
    same_everywhere(house, &seawall)?;
    voice.step("the same seed tells the same, in two processes, debug and release");
    long(house, &seawall)
}

fn names(seawall: &Path) -> Result<Vec<String>> {
    let list = shell::output(Command::new(seawall).args(["drill", "--list"]))?;
    let names: Vec<_> =
        list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    ensure!(names.len() >= 40, "{} scenarios ship, which are too few", names.len());
    Ok(names)
}

/// Plays a scenario in short form and looks whether its report makes sense.
fn short(seawall: &Path, name: &str, seed: u64) -> Result<Value> {
    let told = told(Command::new(seawall), name, seed, &["--short"])?;
    for policy in ["single", "naive", "seawall"] {
        let figures =
            told.pointer(&format!("/policies/{policy}")).context("a policy is missing")?;
        let count = |name: &str| figures.get(name).and_then(Value::as_u64).unwrap_or_default();
        let ends = count("answered") + count("refused") + count("gave_up") + count("failed");
        ensure!(
            count("offered") > 0 && ends == count("offered"),
            "{name}, seed {seed}, {policy}: {} requests began and {ends} ended",
            count("offered")
        );
    }
    Ok(told)
}

fn told(mut command: Command, name: &str, seed: u64, more: &[&str]) -> Result<Value> {
    let seed_text = seed.to_string();
    command.args(["drill", name, "--json", "--seed", &seed_text]).args(more);
    // An expectation that is not held ends with 1 and tells its report all the same; whether that
    // is bad is the ratchet's affair.
    let output =
        command.output().with_context(|| format!("cannot start {}", shell::named(&command)))?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("drill {name}, seed {seed}, told nothing that can be read: {errors}")
    })
}

fn same_everywhere(house: &House, seawall: &Path) -> Result<()> {
    let hash = |told: &Value| told.get("trace_hash").and_then(Value::as_str).map(str::to_owned);
    shell::run(
        house::cargo().args(["build", "--locked", "-p", "seawall"]).current_dir(&house.root),
    )?;
    for name in TWICE {
        let first = hash(&short(seawall, name, SEEDS[0])?);
        ensure!(first.is_some(), "{name} has no trace hash");
        let seed = SEEDS[0];
        let again = hash(&short(seawall, name, SEEDS[0])?);
        ensure!(first == again, "{name}, seed {seed}: two processes tell two tales");
        let other = hash(&short(seawall, name, SEEDS[1])?);
        ensure!(first != other, "{name}: two seeds tell the same tale");
        let debug = Command::new(house.target.join("debug").join("seawall"));
        let debug = hash(&told(debug, name, SEEDS[0], &["--short"])?);
        ensure!(first == debug, "{name}, seed {seed}: debug and release tell two tales");
    }
    Ok(())
}

/// Long drills may get better, never worse.
fn long(house: &House, seawall: &Path) -> Result<()> {
    let text = std::fs::read_to_string(house.at(RATCHET)).context(RATCHET)?;
    let mut worse = Vec::new();
    for entry in ratchet::read(&text).context(RATCHET)? {
        let policy = if entry.others > 0 { "all" } else { "seawall" };
        let name = &entry.scenario;
        let told = told(Command::new(seawall), name, entry.seed, &["--policy", policy])?;
        let short_of = judged(&entry, &told).with_context(|| name.clone())?;
        worse.extend(short_of.into_iter().map(|what| format!("{what} (seed {})", entry.seed)));
    }
    ensure!(worse.is_empty(), "worse than {RATCHET}: {}", worse.join("; "));
    Ok(())
}

/// What of an entry did not come out; each figure is shown.
fn judged(entry: &Entry, told: &Value) -> Result<Vec<String>> {
    let name = &entry.scenario;
    let mut worse = Vec::new();
    for (figure, bound) in &entry.figures {
        let now = told.pointer(&format!("/policies/seawall/{figure}")).and_then(Value::as_f64);
        let now = now.with_context(|| format!("there is no figure {figure}"))?;
        say::line(&format!("  {name} {figure} = {now} ({bound})"));
        if !bound.holds(now) {
            worse.push(format!("{name} {figure}: {now}"));
        }
    }
    let seconds = told.get("wall_s").and_then(Value::as_f64).context("there is no wall_s")?;
    say::line(&format!("  {name} took {seconds} s (at most {LONG_S_MAX})"));
    if seconds > LONG_S_MAX {
        worse.push(format!("{name} took {seconds} s"));
    }
    let expected = told.get("expectations").and_then(Value::as_array);
    let expected: Vec<&Value> = expected.into_iter().flatten().collect();
    let of_others = |expected: &&Value| expected.get("policy") != Some(&json!("seawall"));
    // What is said of a day of history is expected by its file, all of it.
    let of_verdicts = |expected: &&Value| expected.get("about") == Some(&json!("verdicts"));
    let others: Vec<&Value> = expected.iter().copied().filter(of_others).collect();
    let verdicts: Vec<&Value> = expected.iter().copied().filter(of_verdicts).collect();
    ensure!(
        !name.starts_with("20") || !verdicts.is_empty(),
        "nothing is expected of the verdicts of {name}"
    );
    if entry.others > 0 {
        ensure!(
            others.len() == entry.others,
            "{} things are expected of other policies",
            others.len()
        );
    }
    for expected in others.into_iter().chain(verdicts) {
        let held = expected.get("held") == Some(&json!(true));
        let part = |key| expected.get(key).unwrap_or(&Value::Null);
        let shown = format!("{name} {} {}: {}", part("policy"), part("name"), part("figure"));
        say::line(&format!("  {shown} ({})", part("wanted")));
        if !held {
            worse.push(shown);
        }
    }
    Ok(worse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_on_which_the_others_do_not_fall_is_refused() {
        let entry = ratchet::read("[d]\nseed = 1\nothers = 1\n[d.figures]\na = { at_least = 2 }");
        let entry = entry.unwrap().remove(0);
        let told = |figure: u32, held: bool, seconds: u32| {
            json!({
                "policies": {"seawall": {"a": figure}}, "wall_s": seconds,
                "expectations": [
                    {"policy": "naive", "name": "it falls", "held": held, "figure": 0},
                    {"policy": "seawall", "name": "the ratchet has its own", "held": false},
                ],
            })
        };
        let worse = |told: &Value| judged(&entry, told).unwrap().len();
        assert_eq!(worse(&told(2, true, 20)), 0);
        for bad in [told(1, true, 20), told(2, false, 20), told(2, true, 181)] {
            assert_eq!(worse(&bad), 1, "{bad}");
        }
        let mut misjudged = told(2, true, 20);
        misjudged["expectations"][1]["about"] = json!("verdicts");
        assert_eq!(worse(&misjudged), 1, "what is expected of verdicts must come out");
        let mut nobody_else = told(2, true, 20);
        nobody_else["expectations"] = json!([]);
        assert!(judged(&entry, &nobody_else).is_err());
    }
}
