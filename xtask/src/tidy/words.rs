//! Words that must not be left in the clone: unfinished work, debugging aids, and the paths of the
//! machine on which a text was written.

use super::Fault;
use super::files::Papers;

/// The words in two halves, so that this file does not find itself.
const LEFT: &[(&str, &str)] =
    &[("TO", "DO"), ("FIX", "ME"), ("X", "XX"), ("db", "g!("), ("to", "do!(")];
const PLACES: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/")];
const KINDS: &[&str] = &[".rs", ".toml", ".md", ".py", ".mjs", ".js", ".html", ".css", ".json"];

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let mut faults = Vec::new();
    let words: Vec<_> = LEFT.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let places: Vec<_> = PLACES.iter().map(|(a, b)| format!("{a}{b}")).collect();
    for (path, text) in papers.all() {
        let ours = KINDS.iter().any(|kind| path.ends_with(kind)) || path.starts_with(".ci/");
        if !ours || path.contains("/fixtures/") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let word = words.iter().find(|word| has_word(line, word));
            let place = places.iter().find(|place| has_place(line, place));
            if let Some(word) = word {
                faults.push(Fault::at(path, index + 1, format!("`{word}` is left over")));
            }
            if let Some(place) = place {
                faults.push(Fault::at(path, index + 1, format!("names a machine's own `{place}`")));
            }
        }
    }
    faults
}

/// The word stands alone: no letter or digit touches it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|part| part.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|part| part.chars().next());
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !touches(before) && (word.ends_with('(') || !touches(after))
    })
}

/// The path starts here: what stands before it is no part of a longer path or address.
fn has_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|part| part.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_found_whole() {
        let word = concat!("TO", "DO");
        let text =
            format!("// {word}: later\n// {word}S are fine\nlet x = {};\n", concat!("db", "g!(1)"));
        let found: Vec<_> = check(&Papers::of(&[("a.rs", &text)])).iter().map(|f| f.line).collect();
        assert_eq!(found, [Some(1), Some(3)]);
    }

    #[test]
    fn a_machines_paths_are_found() {
        let text = concat!("see /wo", "rk/x\nhttps://example.org/wo", "rk/x\n$HO", "ME/x\n");
        let found: Vec<_> = check(&Papers::of(&[("a.md", text)])).iter().map(|f| f.line).collect();
        assert_eq!(found, [Some(1)]);
    }
}
