//! Where things lie: the root of the clone, the target directory, the binaries. Nothing is built
//! or started here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The clone in which the chores work.
#[derive(Debug, Clone)]
pub(crate) struct House {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the environment puts it.
    pub(crate) target: PathBuf,
}

impl House {
    /// Asks Cargo where its target directory is.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the xtask crate has no parent folder")?
            .to_path_buf();
        let mut metadata = cargo();
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(&root);
        let told: serde_json::Value = serde_json::from_str(&shell::output(&mut metadata)?)?;
        let target = told.get("target_directory").and_then(serde_json::Value::as_str);
        let target = target.context("cargo metadata names no target directory")?.into();
        Ok(Self { root, target })
    }

    /// A file of the clone.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The product, as `cargo build --release` leaves it.
    pub(crate) fn seawall(&self) -> PathBuf {
        self.target.join("release").join("seawall")
    }

    /// A path as a person at the root would write it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Cargo itself: the one that runs us, if one does.
pub(crate) fn cargo() -> Command {
    Command::new(variable_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A variable of the environment; none if it is unset or empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    variable_os(name)?.into_string().ok()
}

#[allow(clippy::disallowed_methods, reason = "the chores' one look at the environment")]
fn variable_os(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where a program lies: on the search path or in the folders of administrators, which
/// an ordinary search path leaves out.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = variable_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
