//! The folder of recorded data, if there is one: public files that may not be copied into the project.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests may read files and the environment, and say what they skip"
)]

use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder within `data`; none is no fault, since the tests also run without it.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEAWALL_FIXTURES").map(PathBuf::from);
    let beside = |up: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(up).join("shared/fixtures");
    let folders = named.into_iter().chain(["../../..", "../../../.."].map(beside));
    let found = folders.map(|folder| folder.join("data").join(name)).find(|data| data.is_dir());
    if found.is_none() {
        println!("no recorded data `{name}`: skipped (set SEAWALL_FIXTURES)");
    }
    found
}

/// A file's text, unpacked if its name ends in `.gz`.
pub(crate) fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

/// Rows of a file of comma-separated values, quotes understood, without the head.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![Vec::new()];
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => rows.last_mut().unwrap().push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                rows.last_mut().unwrap().push(std::mem::take(&mut field));
                rows.push(Vec::new());
            }
            '\r' if !quoted => {}
            char => field.push(char),
        }
    }
    rows.pop();
    rows
}

/// A table: its head gives each column's place.
pub(crate) struct Table {
    head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let mut rows = rows(&text(path));
        let head = rows.remove(0);
        Self { head, rows }
    }

    pub(crate) fn cell<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        &row[self.head.iter().position(|name| name == column).unwrap()]
    }
}
