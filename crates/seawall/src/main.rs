//! The command line of Seawall: reads arguments, opens the real doors and hands them to `app`.
//! Errors go to standard error, one line each; exit 1 at run time, 2 for usage or configuration.

mod cli;
mod commands;
mod drill;
mod serve;
mod verdict;
mod wall;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Receipts are made on the cores of the line and freed on telemetry's thread; the system's own
/// allocator pays for that with locks, about a tenth of a plain request's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(args) => serve::serve(&args),
        Command::Check(args) => commands::check(&args),
        Command::Drill(args) => match drill::drill(&args) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(failure) => Err(failure),
        },
        Command::Verdict(cli::Verdict::Replay(args)) => match verdict::replay(&args) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(failure) => Err(failure),
        },
        Command::Wall(args) => wall::wall(&args),
        Command::Model(what) => commands::model(what),
        Command::Key(cli::Key::Create { name }) => commands::create_key(&name),
        Command::Import(what) => commands::import(&what),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
