//! The clone's texts, read once. What Git would not carry (build outputs, installed packages) is
//! left out by name, so that a copy without its history can be checked too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};

/// Folders that are made by tools.
const MADE: &[&str] = &["target", "node_modules", "__pycache__", ".git", ".venv", ".seawall"];
/// A larger file is data; no rule speaks of it.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// Every text of the clone by its path from the root, with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Papers {
    texts: BTreeMap<String, String>,
    /// Paths of files that are no text, and of folders: links may lead there.
    others: Vec<String>,
}

impl Papers {
    /// Reads the folder and everything below it.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut papers = Self::default();
        papers.visit(root, root)?;
        Ok(papers)
    }

    /// Papers that lie nowhere, for tests.
    #[cfg(test)]
    pub(crate) fn of(texts: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { texts: texts.iter().map(own).collect(), others: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// True if a file or folder of this path is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.texts.contains_key(path) || self.others.iter().any(|other| other == path)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The texts whose names end so.
    pub(crate) fn ending(&self, end: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(move |(path, _)| path.ends_with(end))
    }

    fn visit(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if MADE.contains(&name.as_ref()) || name.starts_with("target-") {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.others.push(relative(root, &entry.path()));
                self.visit(root, &entry.path())?;
            } else if kind.is_file() {
                self.take(root, &entry.path())?;
            }
        }
        Ok(())
    }

    fn take(&mut self, root: &Path, file: &Path) -> Result<()> {
        let path = relative(root, file);
        let told = fs::metadata(file).and_then(|data| {
            if data.len() > FILE_BYTES_MAX {
                return Ok(None);
            }
            fs::read(file).map(|bytes| String::from_utf8(bytes).ok())
        });
        match told {
            Ok(Some(text)) => drop(self.texts.insert(path, text)),
            Ok(None) => self.others.push(path),
            // An editor's temporary file may be gone by now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        }
        Ok(())
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).into();
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_folders_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src", "target", "a/node_modules"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("x.rs"), "//! X.\n").unwrap();
        }
        fs::write(root.path().join("data.bin"), [0xff, 0xfe]).unwrap();
        let papers = Papers::read(root.path()).unwrap();
        assert_eq!(papers.all().collect::<Vec<_>>(), [("src/x.rs", "//! X.\n")]);
        assert!(papers.has("data.bin") && papers.has("a") && !papers.has("target"));
    }
}
