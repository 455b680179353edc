//! The steps of `cargo xtask test`. Each is a name, a sentence and a function.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clock::Dice;

use super::{configs, drills, pages, tools};
use crate::house::{self, House};
use crate::say::Voice;
use crate::{bench, shell, tidy, up};

/// Seconds of made-up inputs, over all targets.
const FUZZ_S: &str = "20";
const FUZZ_FULL_S: &str = "600";

/// Does the step; the flag asks for the long form where there is one.
type Run = fn(&House, &Voice, full: bool) -> Result<()>;

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) run: Run,
}

const fn step(name: &'static str, does: &'static str, run: Run) -> Step {
    Step { name, does, run }
}

/// In the order in which they run: what is cheap and often wrong comes first.
pub(super) const STEPS: &[Step] = &[
    step("format", "rustfmt has nothing to change", |house, _, _| {
        cargo(house, &["fmt", "--all", "--check", "--", "--files-with-diff"])
    }),
    step("tidy", "levels, sizes, headers, links, leftovers", |house, _, _| {
        ensure!(tidy::run(house)?, "the rules of the house are broken");
        Ok(())
    }),
    step("clippy", "no warning in any crate", |house, _, _| {
        let scope = ["clippy", "--workspace", "--all-targets", "--locked"];
        cargo(house, &[&scope[..], &["--", "--deny", "warnings"]].concat())
    }),
    step("tests", "unit, property and integration tests of all crates", |house, _, _| {
        cargo(house, &["test", "--workspace", "--locked"])
    }),
    step("fuzz", "strangers' bytes for every reader of every dialect", fuzz),
    step(
        "pages",
        "every public page in a browser, and what keeps people out",
        |house, voice, _| pages::run(house, voice),
    ),
    step("build", "the release binary", |house, _, _| up::build(house)),
    step("model", "the reserve model, fetched and verified", |house, voice, _| {
        up::fetch_model(house, voice)
    }),
    step("examples", "`seawall check` likes every example", |house, _, _| configs::check(house)),
    step("drills", "bad days on virtual time, and the ratchet", |house, voice, _| {
        drills::run(house, voice)
    }),
    step("wall", "failover against a provider that breaks on purpose", wall),
    step("matrix", "every dialect of callers onto every kind of provider", matrix),
    step("sdk-python", "OpenAI's Python SDK, on the wall and on the reserve", sdk_python),
    step("sdk-node", "OpenAI's Node SDK, on the wall and on the reserve", sdk_node),
    step(
        "clients-python",
        "official Python clients, each onto every kind of provider",
        |h, v, _| clients(h, "python", &tools::python_clients(h, v)?),
    ),
    step("clients-node", "official Node clients, each onto every kind of provider", |h, v, _| {
        clients(h, "node", &tools::node_clients(h, v)?)
    }),
    step("canary", "no secret shows in answers, logs, pages or metrics", canary),
    step("bench", "a short measurement, beside nginx and HAProxy where they are", smoke),
];

fn cargo(house: &House, arguments: &[&str]) -> Result<()> {
    shell::run(house::cargo().args(arguments).current_dir(&house.root))
}

/// A script of `tests/`, run with the product.
fn python(house: &House, script: &str) -> Result<Command> {
    let python = house::program("python3").context("Python 3 is needed: python3 is not there")?;
    let mut command = Command::new(python);
    // Compiled scripts would be left in the clone.
    command.arg("-B").arg(house.at(script)).current_dir(&house.root);
    Ok(command)
}

fn with_seawall<'c>(command: &'c mut Command, seawall: &Path) -> &'c mut Command {
    command.arg("--seawall").arg(seawall)
}

/// A new seed each time, told before it is played; what fails is put into the corpus.
fn fuzz(house: &House, voice: &Voice, full: bool) -> Result<()> {
    let seed = Dice::from_entropy().below(1 << 32).to_string();
    let seconds = if full { FUZZ_FULL_S } else { FUZZ_S };
    voice.step(&format!("seed {seed}, {seconds} s"));
    let test = ["test", "--locked", "-p", "dialects", "--test", "fuzz", "--"];
    cargo(house, &[&test[..], &["--seconds", seconds, "--seed", &seed]].concat())
}

fn wall(house: &House, _: &Voice, full: bool) -> Result<()> {
    let mut score = python(house, "tests/wall/score.py")?;
    // At full length the further faults alone would take half an hour.
    let (profile, only) = if full { ("full", "S01-S16") } else { ("fast", "S01-S88") };
    let score = with_seawall(&mut score, &house.seawall());
    shell::run(score.args(["--profile", profile, "--only", only]))
}

fn matrix(house: &House, _: &Voice, _: bool) -> Result<()> {
    shell::run(with_seawall(&mut python(house, "tests/matrix/matrix.py")?, &house.seawall()))
}

fn sdk_python(house: &House, voice: &Voice, _: bool) -> Result<()> {
    let packages = tools::python_sdk(house, voice)?;
    let mut test = python(house, "tests/sdk/python/test_openai.py")?;
    shell::run(with_seawall(&mut test, &house.seawall()).env("PYTHONPATH", packages))
}

fn sdk_node(house: &House, voice: &Voice, _: bool) -> Result<()> {
    let node = tools::node_sdk(house, voice)?;
    let mut test = Command::new(node);
    test.arg("test_openai.mjs").current_dir(house.at("tests/sdk/node"));
    shell::run(with_seawall(&mut test, &house.seawall()))
}

/// The official clients of a language; their packages lie in this folder.
fn clients(house: &House, language: &str, packages: &Path) -> Result<()> {
    let mut test = python(house, "tests/clients/run.py")?;
    test.args(["--language", language]).arg("--packages").arg(packages);
    shell::run(with_seawall(&mut test, &house.seawall()))
}

fn canary(house: &House, _: &Voice, _: bool) -> Result<()> {
    shell::run(with_seawall(&mut python(house, "tests/canary.py")?, &house.seawall()))
}

fn smoke(house: &House, voice: &Voice, _: bool) -> Result<()> {
    tools::proxies(voice);
    ensure!(bench::quick(house)?, "the short measurement found a fault");
    Ok(())
}
