//! Makes a stranger's text fit for our own log: short, one line, without anything that looks like
//! a key. It is no parser and knows no real key.

/// A line for the log has at most this many characters.
pub(crate) const DETAIL_CHARS_MAX: usize = 300;

/// A run of key-like characters of this length is taken for a secret.
const RUN_CHARS_MAX: usize = 32;

const MASKED: &str = "[masked]";

/// Words that begin a key, in lower case.
const PREFIXES: [&str; 9] = ["sk-", "sk_", "pk-", "rk_", "gsk_", "xai-", "aiza", "ghp_", "pplx-"];

/// One line of at most [`DETAIL_CHARS_MAX`] characters: control characters become blanks, and
/// whatever looks like a key is masked.
pub(crate) fn line(text: &str) -> Box<str> {
    // Only the part that can still be shown is looked at, and a little more, so that a key at the
    // border is recognised as a whole.
    let head: String = text.chars().take(DETAIL_CHARS_MAX + 200).collect();
    let mut clean = String::with_capacity(head.len());
    let mut after_bearer = false;
    let mut word = String::new();
    for character in head.chars().chain([' ']) {
        if is_key_char(character) {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            if after_bearer || looks_like_key(&word) {
                clean.push_str(MASKED);
            } else {
                clean.push_str(&word);
            }
            after_bearer = word.eq_ignore_ascii_case("bearer");
            word.clear();
        }
        clean.push(if character.is_control() { ' ' } else { character });
    }
    let shown: String = clean.trim().chars().take(DETAIL_CHARS_MAX).collect();
    shown.into_boxed_str()
}

/// True if the text names a key by a known beginning or as a bearer token.
pub(crate) fn names_a_key(text: &str) -> bool {
    let mut after_bearer = false;
    for word in text.split(|c| !is_key_char(c)).filter(|word| !word.is_empty()) {
        if (after_bearer && word.len() >= 8) || has_key_prefix(word) {
            return true;
        }
        after_bearer = word.eq_ignore_ascii_case("bearer");
    }
    false
}

fn is_key_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '+' | '/' | '=' | '*')
}

fn has_key_prefix(word: &str) -> bool {
    word.len() >= 8
        && PREFIXES.iter().any(|prefix| {
            word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
}

/// A known beginning, or a long run that mixes letters and digits as keys, hashes and base64 do.
/// Paths and words joined by slashes or hyphens are split first: their parts are short.
fn looks_like_key(word: &str) -> bool {
    if has_key_prefix(word) {
        return true;
    }
    word.split(['-', '/', '_', '=']).any(|part| {
        part.len() >= RUN_CHARS_MAX
            || (part.len() >= 20
                && part.bytes().any(|byte| byte.is_ascii_digit())
                && part.bytes().any(|byte| byte.is_ascii_alphabetic()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_what_looks_like_a_key() {
        for key in [
            "sk-proj-Ab12Cd34Ef56",
            "gsk_abcdefgh1234",
            "AIzaSyA1234567890abcdefghijk",
            "0123456789abcdef0123456789abcdef",
            "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY3ODkw",
        ] {
            let shown = line(&format!("wrong key: {key}, see the page"));
            assert!(!shown.contains(key) && shown.contains(MASKED), "{shown}");
        }
        assert!(!line("Authorization: Bearer tiny").contains("tiny"));
    }

    #[test]
    fn leaves_plain_words_alone() {
        let text = "Rate limit for gpt-4o-mini-2024-07-18: see https://example.test/account/limits";
        assert_eq!(&*line(text), text);
    }

    #[test]
    fn is_one_short_line() {
        let shown = line(&format!("a\r\nb\u{1b}[0m {}", "é ".repeat(1000)));
        assert!(shown.starts_with("a  b [0m é"));
        assert_eq!(shown.chars().count(), DETAIL_CHARS_MAX);
    }

    #[test]
    fn a_key_at_the_border_does_not_show_its_beginning() {
        let shown = line(&format!("{}sk-{}", "x ".repeat(147), "a1".repeat(200)));
        assert!(!shown.contains("sk-"), "{shown}");
    }

    #[test]
    fn finds_named_keys_only() {
        assert!(names_a_key(r#"{"key":"sk-abcdefgh"}"#));
        assert!(names_a_key("Bearer abcdefghij"));
        assert!(!names_a_key("the bearer of the task-force 0123456789abcdef0123456789abcdef"));
    }
}
