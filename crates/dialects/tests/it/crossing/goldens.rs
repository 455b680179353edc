//! Small exchanges of our own, each written into every other dialect: what comes out, byte for
//! byte, and what is lost, lies in a file beside this one's folder and is read in a review.
//! `UPDATE_EXPECT=1 cargo test -p dialects --test it goldens` writes the files anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use dialects::of;
use domain::{Dialect, Framing, Full, LossKind, Losses, Operation};
use serde_json::Value;

use super::crossed::{
    has_meaning, read_request, read_stream, vendors, write_request, write_stream,
};

/// A fixture: its name without the ending, and its bytes.
type Fixture = (String, Vec<u8>);

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn fixtures(dialect: Dialect, kind: &str) -> Vec<Fixture> {
    let folder = tests().join("fixtures").join(dialect.as_str()).join(kind);
    let mut found: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 8, "{}", folder.display());
    found
}

fn operation(name: &str) -> Operation {
    match name.split('-').next() {
        Some("embed") => Operation::Embed,
        Some("count") => Operation::CountTokens,
        _ => Operation::Generate,
    }
}

fn loss_list(losses: &Losses) -> String {
    let mut text = String::new();
    for loss in losses.iter() {
        let kind = match loss.kind {
            LossKind::Dropped => "dropped",
            LossKind::Approximated => "approximated",
        };
        writeln!(text, "{kind}: {}", loss.field).unwrap();
    }
    if text.is_empty() { "nothing lost\n".to_owned() } else { text }
}

/// JSON for a reader: members in their order, small values on one line.
fn pretty(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap();
    let _valid: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} {text}"));
    let mut out = String::new();
    layout(text, 0, &mut out);
    out.push('\n');
    out
}

const LINE_CHARS: usize = 100;

/// Breaks what is longer than a line at its own members; all bytes stay as they were written.
fn layout(text: &str, depth: usize, out: &mut String) {
    let open = text.chars().next().filter(|first| matches!(first, '{' | '['));
    if open.is_none() || text.len() + 2 * depth <= LINE_CHARS {
        out.push_str(text);
        return;
    }
    let inner = &text[1..text.len() - 1];
    let indent = "  ".repeat(depth + 1);
    out.push_str(&text[..1]);
    for (at, member) in parted(inner).into_iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.push_str(&indent);
        // A member's name stands before its value.
        let value_at = if open == Some('{') { name_length(member) } else { 0 };
        out.push_str(&member[..value_at]);
        layout(&member[value_at..], depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push_str(&text[text.len() - 1..]);
}

fn name_length(member: &str) -> usize {
    let mut escaped = false;
    let close = member.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    close.unwrap() + 3
}

/// Parts at commas that stand in no string and no bracket.
fn parted(inner: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut start) = (0, false, false, 0);
    let mut parts = Vec::new();
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts
}

/// All goldens of one kind, compared or written anew.
#[derive(Debug, Default)]
struct Goldens {
    wrong: Vec<String>,
    known: BTreeSet<PathBuf>,
}

impl Goldens {
    fn check(&mut self, (from, kind): (Dialect, &str), name: &str, to: Dialect, is: &str) {
        let folder = tests().join("golden").join(from.as_str()).join(kind);
        let path = folder.join(format!("{name}.{to}.txt"));
        let wanted = fs::read_to_string(&path).unwrap_or_default();
        self.known.insert(path.clone());
        if wanted == is {
            return;
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, is).unwrap();
            return;
        }
        let differs = wanted.lines().zip(is.lines()).find(|(wanted, is)| wanted != is);
        self.wrong.push(format!("{}: {differs:?}", path.display()));
    }

    /// No file may be left that nothing writes any more.
    fn finish(mut self, kind: &str) {
        for from in Dialect::ALL {
            let folder = tests().join("golden").join(from.as_str()).join(kind);
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if !self.known.contains(&path) {
                    self.wrong.push(format!("{}: nothing writes it", path.display()));
                }
            }
        }
        let Self { wrong, .. } = self;
        assert!(wrong.is_empty(), "{} goldens differ:\n{}", wrong.len(), wrong.join("\n"));
    }
}

fn others(from: Dialect) -> impl Iterator<Item = Dialect> {
    Dialect::ALL.into_iter().filter(move |to| *to != from)
}

/// The request for each vendor; only what one gets otherwise than the first is told again.
fn for_each_vendor(read: &(Full, bool), operation: Operation, to: Dialect) -> String {
    let mut is = String::new();
    let mut first = None;
    for vendor in vendors(to) {
        let (body, losses) = write_request(read, operation, (to, *vendor));
        let text = format!("{}{}", loss_list(&losses), pretty(&body));
        if first.as_ref() != Some(&text) {
            write!(is, "--- for {vendor:?}\n{text}").unwrap();
        }
        first.get_or_insert(text);
    }
    is
}

#[test]
fn requests_are_written_into_every_other_dialect_as_the_goldens_say() {
    let mut goldens = Goldens::default();
    for from in Dialect::ALL {
        for (name, body) in fixtures(from, "requests") {
            let operation = operation(&name);
            let read = read_request(from, operation, &body);
            for to in others(from).filter(|to| has_meaning(operation, *to)) {
                let is = match &read {
                    Ok(read) => for_each_vendor(read, operation, to),
                    Err(sentence) => format!("refused: {sentence}\n"),
                };
                goldens.check((from, "requests"), &name, to, &is);
            }
        }
    }
    goldens.finish("requests");
}

#[test]
fn answers_are_written_into_every_other_dialect_as_the_goldens_say() {
    let mut goldens = Goldens::default();
    for from in Dialect::ALL {
        for (name, body) in fixtures(from, "answers") {
            let operation = operation(&name);
            let read = of(from).read_whole(operation, &body);
            for to in others(from).filter(|to| has_meaning(operation, *to)) {
                let is = match &read {
                    Ok((reply, lost)) => {
                        let written =
                            of(to).write_whole(reply, &super::crossed::envelope(Framing::Events));
                        let mut losses = lost.clone();
                        losses.extend(written.losses);
                        format!("{}{}", loss_list(&losses), pretty(&written.body))
                    }
                    Err(fault) => format!("fault {}: {}\n", fault.class, fault.detail),
                };
                goldens.check((from, "answers"), &name, to, &is);
            }
        }
    }
    goldens.finish("answers");
}

#[test]
fn streams_are_written_into_every_other_dialect_as_the_goldens_say() {
    let mut goldens = Goldens::default();
    for from in Dialect::ALL {
        for (name, body) in fixtures(from, "streams") {
            let (events, fault) = read_stream(from, &body);
            for to in others(from) {
                let mut is = String::new();
                if let Some(fault) = &fault {
                    writeln!(is, "fault {}: {}", fault.class, fault.detail).unwrap();
                }
                let framings: &[_] = match to {
                    Dialect::Gemini => &[Framing::Events, Framing::JsonArray],
                    _ => &[Framing::Events],
                };
                for framing in framings {
                    let (stream, losses) = write_stream(to, &events, fault.is_some(), *framing);
                    let stream = String::from_utf8(stream).unwrap();
                    // Gemini ends its lines with both characters, and everywhere.
                    let plain = stream.replace("\r\n", "\n");
                    assert!(!plain.contains('\r') && (plain == stream || !lone_feed(&stream)));
                    if *framing == Framing::JsonArray {
                        write!(is, "--- as an array\n{plain}\n").unwrap();
                    } else {
                        write!(is, "{}{plain}", loss_list(&losses)).unwrap();
                    }
                }
                goldens.check((from, "streams"), &name, to, &is);
            }
        }
    }
    goldens.finish("streams");
}

fn lone_feed(stream: &str) -> bool {
    let bytes = stream.as_bytes();
    let feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    feeds.into_iter().any(|(at, _)| at == 0 || bytes[at - 1] != b'\r')
}
