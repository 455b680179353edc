//! Reads `[auth]`: callers' keys as hashes. A key itself has no place in the file.

use std::collections::BTreeMap;

use admission::{CallerKey, parse_hash_text};

use crate::keys;
use crate::mistake::{Findings, shown};
use crate::raw::Table;

const EXPECTED: &str = "an array of { name = \"…\", hash = \"sha256:…\" }";

/// The callers, and whether the file means to keep others out, be it with mistakes.
pub(crate) fn callers(top: &Table<'_>, findings: &mut Findings<'_>) -> (Vec<CallerKey>, bool) {
    let table = top.table("auth", &keys::AUTH, findings);
    let mut callers: Vec<CallerKey> = Vec::new();
    let mut hashes: BTreeMap<[u8; 32], Box<str>> = BTreeMap::new();
    let entries = table.array("keys", EXPECTED, findings);
    for value in entries {
        let header = "auth.keys".to_owned();
        let Some(entry) = Table::from_value(value, &keys::CALLER, header, findings) else {
            continue;
        };
        entry.require("name", findings);
        entry.require("hash", findings);
        let name = name(&entry, findings);
        let hash = hash(&entry, findings);
        let (Some(name), Some(sha256)) = (name, hash) else {
            continue;
        };
        if callers.iter().any(|caller| caller.name == name) {
            findings.wrong(entry.place("name"), format!("the caller `{name}` is there twice"));
        }
        if let Some(other) = hashes.insert(sha256, name.clone()) {
            let message = format!("this key is the caller `{other}`'s already");
            findings.wrong(entry.place("hash"), message);
        }
        callers.push(CallerKey { name, sha256 });
    }
    (callers, !entries.is_empty())
}

fn name(entry: &Table<'_>, findings: &mut Findings<'_>) -> Option<Box<str>> {
    let said = entry.text("name", findings)?;
    let fits = (1..=64).contains(&said.value.len())
        && said.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !fits {
        let message = format!(
            "a caller's name has 1 to 64 letters, digits, `_`, `-` and `.`; `{}` does not",
            shown(said.value)
        );
        findings.at(said.span, message);
        return None;
    }
    Some(said.value.into())
}

fn hash(entry: &Table<'_>, findings: &mut Findings<'_>) -> Option<[u8; 32]> {
    let said = entry.text("hash", findings)?;
    let read = parse_hash_text(said.value).ok();
    if read.is_none() {
        // What stands there may be the key itself, so it is not repeated.
        let message = "`hash` must be `sha256:` and 64 hex digits; `seawall key create NAME` \
            prints a key and its line";
        findings.at(said.span, message);
    }
    read
}
