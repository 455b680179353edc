//! `cargo xtask bench`: what Seawall costs, beside nginx and HAProxy in the same run on the same
//! mock provider. Absolute figures of a shared machine mean little; the ratios of one interleaved
//! run mean something, and the bars are set on them.

mod configs;
pub(crate) mod load;
mod measure;
pub(crate) mod mock;
mod peers;
mod report;
mod rounds;
mod tls;
mod wire;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::house::{self, House};
use crate::say::{self, Voice};
use crate::shell;
use peers::Peers;
use report::Report;
use rounds::Length;

#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// One short round without TLS and the memory part: whether it works, not what it costs.
    #[arg(long)]
    quick: bool,
    /// Rounds over all peers; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of each peer's turn in each scenario.
    #[arg(long, default_value_t = 3_000)]
    turn_ms: u64,
    /// Write all figures as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this binary instead of the one in the target directory.
    #[arg(long, value_name = "FILE")]
    seawall: Option<PathBuf>,
}

/// Measures; true unless an answer was wrong or, in the short form, streams were not coalesced.
/// Bars that are missed are told and do not fail: the machine may be to blame.
pub(crate) fn run(house: &House, wish: &Wish) -> Result<bool> {
    if cfg!(debug_assertions) {
        let arguments: Vec<_> = std::env::args_os().skip(1).collect();
        return in_release(house, &arguments);
    }
    let voice = Voice::new();
    let seawall = wish.seawall.clone().unwrap_or_else(|| house.seawall());
    let folder = house.target.join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let measured = measure_in(&Peers::new(folder.clone(), seawall)?, wish, &voice);
    fs::remove_dir_all(&folder)?;
    let report = measured?;
    say::line(&report.text());
    if let Some(file) = &wish.json {
        fs::write(file, report.json().to_string())?;
    }
    Ok(report.is_sound())
}

fn measure_in(peers: &Peers, wish: &Wish, voice: &Voice) -> Result<Report> {
    let length = if wish.quick {
        Length { rounds: 1, turn_ms: 700, full: false }
    } else {
        Length { rounds: wish.rounds, turn_ms: wish.turn_ms, full: true }
    };
    rounds::measure(peers, length, voice)
}

/// The short form, as a step of the tests.
pub(crate) fn quick(house: &House) -> Result<bool> {
    in_release(house, &["bench".into(), "--quick".into()])
}

/// Mock and load must be fast: the unoptimised chores build themselves anew and step aside.
fn in_release(house: &House, arguments: &[OsString]) -> Result<bool> {
    let mut build = house::cargo();
    build.args(["build", "--release", "--locked", "--package", "xtask"]).current_dir(&house.root);
    if !house.seawall().is_file() {
        build.args(["--package", "seawall"]);
    }
    shell::run(&mut build)?;
    let mut again = Command::new(house.target.join("release").join("xtask"));
    Ok(again.args(arguments).status()?.success())
}
