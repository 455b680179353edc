//! The step that looks: the status page of an invented firm, served on loopback, is visited by a
//! real browser in every way that readers have. What it looks for is told in `tests/pages`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::tools;
use crate::house::{self, House};
use crate::say::Voice;
use crate::shell::{self, Held};

const EXAMPLE: &str = "status_page";

/// Builds and starts the example, then lets the browser in. Its pictures stay below the target
/// folder.
pub(super) fn run(house: &House, voice: &Voice) -> Result<()> {
    let chromium = tools::chromium(voice)?;
    let node = tools::node_in(house, voice, "tests/pages")?;
    let build = ["build", "--locked", "--package", "web", "--example", EXAMPLE];
    shell::run(house::cargo().args(build).current_dir(&house.root))?;
    let mut server = Command::new(example(house));
    let mut server = Held::start("the status page", server.stdout(Stdio::piped()))?;
    let mut line = String::new();
    BufReader::new(server.stdout()?).read_line(&mut line)?;
    server.ensure_alive()?;
    let [afternoon, quiet, alone] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        bail!("the status page did not tell its three addresses: {line:?}");
    };
    let pictures = house.target.join("pages");
    let mut visit = Command::new(node);
    visit.arg("visit.mjs").current_dir(house.at("tests/pages"));
    visit.arg("--chromium").arg(chromium).arg("--out").arg(&pictures);
    for (name, address) in [("afternoon", afternoon), ("quiet", quiet), ("alone", alone)] {
        visit.arg(format!("--{name}")).arg(format!("http://{address}"));
    }
    shell::run(&mut visit).context("a page is not fit to be shown")?;
    voice.step(&format!("pictures are in {}", house.shown(&pictures)));
    Ok(())
}

fn example(house: &House) -> PathBuf {
    house.target.join("debug").join("examples").join(EXAMPLE)
}
