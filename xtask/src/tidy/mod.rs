//! The rules of the house that neither the compiler nor clippy knows: levels, sizes, headers,
//! leftovers, links, the lock file. It only reads; it mends nothing.

mod files;
mod items;
mod levels;
mod links;
mod lints;
mod lock;
mod words;

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::house::House;
use crate::say;
use files::Papers;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// Relative to the root.
    file: PathBuf,
    /// From 1; none if the fault is the whole file's.
    line: Option<usize>,
    says: String,
}

impl Fault {
    fn of_file(file: impl Into<PathBuf>, says: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, says: says.into() }
    }

    fn at(file: impl Into<PathBuf>, line: usize, says: impl Into<String>) -> Self {
        Self { file: file.into(), line: Some(line), says: says.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.line {
            Some(line) => write!(f, ":{line}: {}", self.says),
            None => write!(f, ": {}", self.says),
        }
    }
}

/// Checks the clone; true if no rule is broken.
pub(crate) fn run(house: &House) -> Result<bool> {
    let papers = Papers::read(&house.root)?;
    let mut faults = check(&papers);
    faults.sort();
    for fault in &faults {
        say::line(&fault.to_string());
    }
    let files = papers.len();
    say::line(&match faults.len() {
        0 => format!("tidy: {files} files, no fault"),
        count => format!("tidy: {files} files, {count} faults"),
    });
    Ok(faults.is_empty())
}

fn check(papers: &Papers) -> Vec<Fault> {
    [
        items::check(papers),
        levels::check(papers),
        links::check(papers),
        lints::check(papers),
        lock::check(papers),
        words::check(papers),
    ]
    .concat()
}
