//! `cargo xtask test`: everything that CI runs, in named, numbered, timed steps, the cheapest
//! first. What a step does is in `steps`.

mod configs;
mod drills;
mod pages;
mod ratchet;
mod steps;
mod tools;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::house::House;
use crate::say::{self, Voice};
use steps::{STEPS, Step};

#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// Run only these steps; may be given several times.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps and end.
    #[arg(long)]
    list: bool,
    /// Go on after a failure.
    #[arg(long)]
    keep_going: bool,
    /// Play the faults of the wall at the length that real outages have.
    #[arg(long, env = "SEAWALL_TEST_FULL", value_parser = clap::builder::FalseyValueParser::new())]
    full: bool,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    NotRun,
}

/// Runs the steps; true if none failed.
pub(crate) fn run(house: &House, wish: &Wish) -> Result<bool> {
    let chosen = choose(&wish.only)?;
    if wish.list {
        chosen.iter().for_each(|step| say::line(&format!("{:<15} {}", step.name, step.does)));
        return Ok(true);
    }
    let voice = Voice::new();
    let mut ends: Vec<(&Step, End, Duration)> = Vec::new();
    let mut failed = false;
    for (index, step) in chosen.iter().enumerate() {
        if failed && !wish.keep_going {
            ends.push((step, End::NotRun, Duration::ZERO));
            continue;
        }
        let before = voice.elapsed();
        say::line("");
        voice.step(&format!("{}/{} {}: {}", index + 1, chosen.len(), step.name, step.does));
        let end = match (step.run)(house, &voice, wish.full) {
            Ok(()) => End::Passed,
            Err(error) => {
                say::line(&format!("{} failed: {error:#}", step.name));
                failed = true;
                End::Failed
            }
        };
        ends.push((step, end, voice.elapsed().saturating_sub(before)));
    }
    say::line(&summary(&ends));
    Ok(!failed)
}

fn choose(only: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; there are {}", names.join(", "));
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn summary(ends: &[(&Step, End, Duration)]) -> String {
    let mut text = "\n".to_owned();
    for (step, end, took) in ends {
        let (end, took) = match end {
            End::Passed => ("passed", say::span(*took)),
            End::Failed => ("FAILED", say::span(*took)),
            End::NotRun => ("not run", String::new()),
        };
        text.push_str(&format!("  {:<15} {end:<8} {took:>10}\n", step.name));
    }
    let count = |wanted| ends.iter().filter(|(_, end, _)| *end == wanted).count();
    text.push_str(&format!("\n{} passed, {} failed", count(End::Passed), count(End::Failed)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let ends = [End::Passed, End::Failed, End::NotRun];
        let ends: Vec<_> = STEPS.iter().zip(ends).map(|(s, e)| (s, e, Duration::ZERO)).collect();
        assert_eq!(summary(&ends).lines().last(), Some("1 passed, 1 failed"));
    }

    #[test]
    fn unknown_steps_are_refused_and_names_are_unique() {
        assert!(choose(&["nonsense".into()]).is_err());
        for step in STEPS {
            assert_eq!(choose(&[step.name.into()]).unwrap().len(), 1);
        }
    }
}
