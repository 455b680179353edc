//! The one door to environment variables and to small files, so that tests need neither. It knows
//! no name of a variable.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What the process finds around itself.
pub trait Environment {
    /// A variable's value; `None` if it is not set or is no UTF-8.
    fn get(&self, name: &str) -> Option<String>;

    /// A file's bytes. Fails with [`io::ErrorKind::FileTooLarge`] beyond `bytes_max`.
    fn read_file(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
}

/// The real environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "this is the door that the ban points at")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too long from one that just fits, also
        // where the length is not known beforehand.
        let taken = std::fs::File::open(path)?.take(bytes_max.saturating_add(1));
        { taken }.read_to_end(&mut bytes)?;
        within(bytes, bytes_max)
    }
}

/// An environment made of maps, for tests and drills.
#[derive(Debug, Clone, Default)]
pub struct MapEnvironment {
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MapEnvironment {
    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }
}

impl From<BTreeMap<String, String>> for MapEnvironment {
    /// These variables, and no file.
    fn from(variables: BTreeMap<String, String>) -> Self {
        Self { variables, files: BTreeMap::new() }
    }
}

impl Environment for MapEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read_file(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        within(bytes, bytes_max)
    }
}

fn within(bytes: Vec<u8>, bytes_max: u64) -> io::Result<Vec<u8>> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
