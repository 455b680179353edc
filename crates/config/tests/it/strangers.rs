//! Texts that nobody meant as a configuration.

use std::path::Path;

use config::{MapEnvironment, Overrides, describe_ladders, parse, warnings};
use proptest::prelude::*;

use super::BASE;

const SECRET: &str = "canary-7f3a";

/// Pieces that keep a text near to what the reader knows.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    "\n",
    "\"",
    "'",
    "'''",
    "\"\"\"",
    ".",
    "#",
    "\\",
    "é",
    "\u{0}",
    "\r",
    "1",
    "-1",
    "1e400",
    "0x",
    "nan",
    "inf",
    "true",
    "1979-05-27",
    " ",
    "providers",
    "models",
    "listen",
    "gateway",
    "tls",
    "clocks",
    "auth",
    "keys",
    "name",
    "hash",
    "sha256:",
    "ladder",
    "openai/*",
    "a/b",
    "*",
    "kind",
    "\"openai\"",
    "\"compatible\"",
    "\"reserve\"",
    "api_keys",
    "[\"env:K\"]",
    "base_url",
    "\"http://x\"",
    "headers",
    "x-key",
    "reserve",
    "enabled",
    "limits",
    "log",
    "to",
    "\"file:x\"",
    "runtime",
    "cores",
    "gap_ms_max",
    "[providers.a]\n",
    "[models.a]\n",
    "[models.a.clocks]\n",
    "[auth]\n",
    "[listen.tls]\n",
];

fn check(text: &str) {
    let env = MapEnvironment::default().with("K", SECRET).with("OPENAI_API_KEY", SECRET);
    let shown = match parse(text, Path::new("s.toml"), &env, &Overrides::default()) {
        Ok(settings) => {
            assert!(!settings.models.is_empty());
            for rung in settings.models.iter().flat_map(|m| m.ladder.steps.iter().flatten()) {
                assert!(settings.providers.iter().any(|p| p.name == rung.provider), "{rung:?}");
            }
            format!("{settings:?}{}{:?}", describe_ladders(&settings), warnings(&settings))
        }
        Err(mistakes) => {
            let shown = mistakes.to_string();
            assert_eq!(shown.lines().count(), mistakes.len(), "one line each: {shown}");
            assert!(mistakes.len() > 0);
            let lines = text.split('\n').count();
            assert!(mistakes.iter().all(|mistake| mistake.line <= lines), "{shown}");
            shown
        }
    };
    assert!(!shown.contains(SECRET), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_mixture_of_known_pieces_is_read_or_refused(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)
    ) {
        check(&pieces.concat());
    }

    #[test]
    fn a_good_file_with_a_piece_in_it_is_read_or_refused(
        at in 0..BASE.len(),
        cut in 0_usize..12,
        piece in proptest::sample::select(PIECES),
    ) {
        let (head, tail) = BASE.split_at(at);
        let tail = tail.get(cut..).unwrap_or_default();
        check(&format!("{head}{piece}{tail}"));
    }
}

#[test]
fn deep_nesting_is_refused() {
    check(&format!("a = {}", "[".repeat(100_000)));
    check(&format!("a = {}", "{a = ".repeat(10_000)));
    check(&"[a.".repeat(10_000));
    check(&format!("[{}]", "a.".repeat(50_000)));
    check(&format!("[models.{}ladder]", "a.".repeat(50_000)));
}
