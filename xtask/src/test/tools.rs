//! What the tests need beside the clone, installed where it touches nothing else: SDKs below the
//! clone, proxies from the system's own packages and only where that is allowed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::house::{self, House};
use crate::say::Voice;
use crate::shell;

/// The SDK's version under test, and what will do where it is not to be had.
const PYTHON_SDK: &str = "3.54.0";
const PYTHON_SDK_LOOSE: &str = "openai>=3,<4";
/// What is installed together: the folder's name, the packages as pinned, and what will do where
/// they are not to be had.
struct Set {
    name: &'static str,
    pinned: &'static [&'static str],
    loose: &'static [&'static str],
}

/// The official Python clients, two generations of those that have two in use.
const CLIENTS: &[Set] = &[
    Set {
        name: "newer",
        pinned: &["openai==3.54.0", "anthropic==2.12.0", "google-genai==3.4.0"],
        loose: &["openai>=3,<4", "anthropic>=2,<3", "google-genai>=3,<4"],
    },
    Set {
        name: "older",
        pinned: &["openai==1.109.1", "anthropic==0.125.0", "google-genai==1.75.0"],
        loose: &["openai>=1.109,<2", "anthropic>=0.100,<1", "google-genai>=1.70,<2"],
    },
    Set {
        name: "langchain",
        pinned: &[
            "langchain-openai==1.7.3",
            "langchain-anthropic==1.7.7",
            "langchain-google-genai==4.4.2",
        ],
        loose: &[
            "langchain-openai>=1.7,<2",
            "langchain-anthropic>=1.7,<2",
            "langchain-google-genai>=4.4,<5",
        ],
    },
    Set {
        name: "pydantic-ai",
        pinned: &["pydantic-ai-slim[anthropic,google,openai]==2.68.0"],
        loose: &["pydantic-ai-slim[anthropic,google,openai]>=2.60,<3"],
    },
];
/// Debian's package and its program.
const PROXIES: &[(&str, &str)] = &[("nginx-light", "nginx"), ("haproxy", "haproxy")];
/// The names under which a Chromium is found.
const BROWSERS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Installs the Python SDK below the clone; gives the folder for `PYTHONPATH`.
///
/// A plain folder needs neither the `venv` module, which Debian packages apart, nor leave to change
/// the system's packages.
pub(super) fn python_sdk(house: &House, voice: &Voice) -> Result<PathBuf> {
    let folder = house.at(".venv").join(format!("openai-{PYTHON_SDK}"));
    let pinned = format!("openai=={PYTHON_SDK}");
    install_python(voice, &folder, &[&pinned], &[PYTHON_SDK_LOOSE])?;
    Ok(folder)
}

/// Installs the official Python clients below the clone, each set in a folder of its own; gives the
/// folder of these folders.
pub(super) fn python_clients(house: &House, voice: &Voice) -> Result<PathBuf> {
    let folder = house.at(".venv").join("clients");
    for set in CLIENTS {
        install_python(voice, &folder.join(set.name), set.pinned, set.loose)?;
    }
    Ok(folder)
}

fn install_python(voice: &Voice, folder: &Path, pinned: &[&str], loose: &[&str]) -> Result<()> {
    // Written last, so that half an installation is not taken for a whole one, nor another's.
    let done = folder.join(".complete");
    let wanted = pinned.join("\n");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let install = |what: &[&str]| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        shell::run(pip.arg("--target").arg(folder).arg("--upgrade").args(what))
    };
    voice.step(&format!("installing {}", pinned.join(", ")));
    if install(pinned).is_err() {
        voice.step("these versions are not to be had; taking the newest that will do");
        install(loose)?;
    }
    fs::write(&done, wanted)?;
    Ok(())
}

/// Installs the Node SDK beside its test; gives the `node` to run it.
pub(super) fn node_sdk(house: &House, voice: &Voice) -> Result<PathBuf> {
    node_in(house, voice, "tests/sdk/node")
}

/// Installs the official Node clients beside their tests; gives the folder.
pub(super) fn node_clients(house: &House, voice: &Voice) -> Result<PathBuf> {
    house::program("node").context("Node is needed: node is not there")?;
    let folder = house.at("tests/clients/node");
    install_node(voice, &folder)?;
    Ok(folder)
}

/// Installs what the scripts of a folder need beside them; gives the `node` to run them.
pub(super) fn node_in(house: &House, voice: &Voice, folder: &str) -> Result<PathBuf> {
    let node = house::program("node").context("Node is needed: node is not there")?;
    install_node(voice, &house.at(folder))?;
    Ok(node)
}

fn install_node(voice: &Voice, folder: &Path) -> Result<()> {
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    let done = folder.join("node_modules/.complete");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    voice.step("installing Node's packages");
    let npm = house::program("npm").context("npm is needed: it is not there")?;
    let quiet = ["ci", "--loglevel=error", "--no-audit", "--no-fund"];
    shell::run(Command::new(npm).args(quiet).current_dir(folder))?;
    fs::write(&done, wanted)?;
    Ok(())
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
    if !install_debian(voice, &names) {
        voice.step(&format!("measuring without {}", names.join(", ")));
    }
}

/// A Chromium: one that is there, or Debian's, installed with a font for Chinese where that is
/// allowed.
pub(super) fn chromium(voice: &Voice) -> Result<PathBuf> {
    let found = || BROWSERS.iter().find_map(|name| house::program(name));
    if found().is_none() {
        install_debian(voice, &["chromium", "fonts-wqy-microhei"]);
    }
    found().context("a Chromium is needed, and cannot be installed here")
}

/// Installs Debian's packages where this is a Debian and we may; true if they are there.
fn install_debian(voice: &Voice, names: &[&str]) -> bool {
    let is_root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || house::program("apt-get").is_none() {
        voice.step(&format!("cannot install {} here", names.join(", ")));
        return false;
    }
    voice.step(&format!("installing {}", names.join(", ")));
    let apt = |arguments: &[&str]| {
        // Run level 1 keeps the packages from starting their services.
        let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
        shell::agrees(Command::new("apt-get").envs(quiet).args(arguments))
    };
    let install = [&["install", "--yes", "--no-install-recommends"], names].concat();
    apt(&["update"]) && apt(&install)
}
