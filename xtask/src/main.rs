//! House chores: `up`, `test`, `tidy`, `bars`, `catalogue` and `bench`. What the product does is not here; the chores
//! know it only as a binary with a command line.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the person who runs it"
)]

mod bars;
mod bench;
mod catalogue;
mod house;
mod http;
mod say;
mod shell;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::house::House;

/// House chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Set up everything that a fresh machine needs, then run Seawall.
    Up(up::Wish),
    /// Run everything that CI runs.
    Test(test::Wish),
    /// Check the rules of the house.
    Tidy,
    /// Play the scenarios of the house's promises with many seeds, and tell which are kept.
    Bars(bars::Wish),
    /// Measure Seawall beside nginx and HAProxy on this machine.
    Bench(bench::Wish),
    /// Renew the pinned catalogue of models from an open price list.
    Catalogue(catalogue::Wish),
    /// The provider of the measurements; `bench` starts it.
    #[command(hide = true)]
    BenchMock(bench::mock::Wish),
    /// The caller of the measurements; `bench` starts it.
    #[command(hide = true)]
    BenchLoad(bench::load::Wish),
}

fn main() -> ExitCode {
    match run(Cli::parse().chore) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True if the chore found nothing wrong.
fn run(chore: Chore) -> anyhow::Result<bool> {
    match chore {
        Chore::Up(wish) => up::run(&House::find()?, &wish),
        Chore::Test(wish) => test::run(&House::find()?, &wish),
        Chore::Tidy => tidy::run(&House::find()?),
        Chore::Catalogue(wish) => catalogue::run(&House::find()?, &wish),
        Chore::Bars(wish) => bars::run(&House::find()?, &wish),
        Chore::Bench(wish) => bench::run(&House::find()?, &wish),
        Chore::BenchMock(wish) => bench::mock::run(&wish),
        Chore::BenchLoad(wish) => bench::load::run(&wish),
    }
}
