//! What the tests need beside the clone, installed where it touches nothing else: SDKs below the
//! clone, proxies from the system's own packages and only where that is allowed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::house::{self, House};
use crate::say::Voice;
use crate::shell;

/// The SDK's version under test, and what will do where it is not to be had.
const PYTHON_SDK: &str = "3.54.0";
const PYTHON_SDK_LOOSE: &str = "openai>=3,<4";
/// Debian's package and its program.
const PROXIES: &[(&str, &str)] = &[("nginx-light", "nginx"), ("haproxy", "haproxy")];

/// Installs the Python SDK below the clone; gives the folder for `PYTHONPATH`.
///
/// A plain folder needs neither the `venv` module, which Debian packages apart, nor leave to change
/// the system's packages.
pub(super) fn python_sdk(house: &House, voice: &Voice) -> Result<PathBuf> {
    let folder = house.at(".venv").join(format!("openai-{PYTHON_SDK}"));
    // Written last, so that half an installation is not taken for a whole one.
    let done = folder.join(".complete");
    if done.is_file() {
        return Ok(folder);
    }
    voice.step("installing the Python SDK");
    let install = |what: &str| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        shell::run(pip.arg("--target").arg(&folder).args(["--upgrade", what]))
    };
    if install(&format!("openai=={PYTHON_SDK}")).is_err() {
        voice.step("that version is not to be had; taking the newest that will do");
        install(PYTHON_SDK_LOOSE)?;
    }
    fs::write(&done, "")?;
    Ok(folder)
}

/// Installs the Node SDK beside its test; gives the `node` to run it.
pub(super) fn node_sdk(house: &House, voice: &Voice) -> Result<PathBuf> {
    let node = house::program("node").context("Node is needed: node is not there")?;
    let folder = house.at("tests/sdk/node");
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    let done = folder.join("node_modules/.complete");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(node);
    }
    voice.step("installing the Node SDK");
    let npm = house::program("npm").context("npm is needed: it is not there")?;
    shell::run(Command::new(npm).args(["ci", "--loglevel=error"]).current_dir(&folder))?;
    fs::write(&done, wanted)?;
    Ok(node)
}

/// Installs the proxies to measure beside, where this is a Debian and we may. The measurement does
/// without those that are missing.
pub(super) fn proxies(voice: &Voice) {
    let missing: Vec<_> =
        PROXIES.iter().filter(|(_, name)| house::program(name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    let names: Vec<_> = missing.iter().map(|(package, _)| *package).collect();
    let is_root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || house::program("apt-get").is_none() {
        voice.step(&format!("measuring without {}: cannot install it here", names.join(", ")));
        return;
    }
    voice.step(&format!("installing {}", names.join(", ")));
    let apt = |arguments: &[&str]| {
        // Run level 1 keeps the packages from starting their services.
        let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
        shell::agrees(Command::new("apt-get").envs(quiet).args(arguments))
    };
    let install = [&["install", "--yes", "--no-install-recommends"], &names[..]].concat();
    if !(apt(&["update"]) && apt(&install)) {
        voice.step("could not install them; measuring without");
    }
}
