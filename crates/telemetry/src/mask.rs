//! Hides what looks like a secret in text that came from elsewhere. It is the second lock: keys
//! are kept out of such text by type where we make it, but a provider may echo one.

const MASK: &str = "***";
/// Letters and digits mixed in a run this long are taken for a key.
const LONG_RUN: usize = 32;
/// Signs between a name and its value, such as `": "`.
const GLUE_MAX: usize = 6;
/// Starts of the keys of well-known services, in lower case.
const STARTS: &[&str] =
    &["sk-", "sk_", "pk-", "rk-", "aiza", "gsk_", "pplx-", "xai-", "ghp_", "hf_", "eyj", "akia"];
/// Ends of names whose value is secret, in lower case.
const NAMES: &[&str] =
    &["key", "token", "secret", "password", "authorization", "bearer", "basic", "signature"];

/// `text` with everything that looks like a key replaced by `***`: well-known starts (`sk-…`), the
/// value after `Bearer`, `key=`, `token:` and the like, and runs of 32 or more letters and digits
/// mixed.
pub fn mask_secrets(text: &str) -> String {
    mask(text, true)
}

/// The same without the rule on long runs, for payloads, where images and hashes are content.
pub(crate) fn mask_marked(text: &str) -> String {
    mask(text, false)
}

fn mask(text: &str, long_runs: bool) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut value_follows = false;
    let mut rest = text;
    while !rest.is_empty() {
        let run = leading(rest, is_run);
        if run.is_empty() {
            let glue = leading(rest, |letter| !is_run(letter));
            value_follows &= is_glue(glue);
            masked.push_str(glue);
            rest = rest.get(glue.len()..).unwrap_or_default();
            continue;
        }
        let name = NAMES.iter().find(|name| ends_with(run, name));
        let is_word = name.is_some_and(|name| matches!(*name, "bearer" | "basic"));
        // `Authorization: Bearer x`: the word after the colon is a name again, not the value.
        let secret = (value_follows && !is_word)
            || STARTS.iter().any(|start| run.len() >= start.len() + 5 && starts_with(run, start))
            || (long_runs && is_long(run));
        masked.push_str(if secret { MASK } else { run });
        value_follows = name.is_some() && !secret;
        rest = rest.get(run.len()..).unwrap_or_default();
        if value_follows && !is_word {
            // A name needs its sign: "the key is" is a sentence.
            value_follows = leading(rest, |letter| !is_run(letter)).contains(['=', ':']);
        }
    }
    masked
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn is_run(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '+' | '/' | '.')
}

fn is_glue(text: &str) -> bool {
    text.len() <= GLUE_MAX
        && text.bytes().all(|b| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b'=' | b':' | b'\t'))
}

/// ASCII lower-case comparison.
fn starts_with(run: &str, start: &str) -> bool {
    run.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(run: &str, end: &str) -> bool {
    let from = run.len().checked_sub(end.len());
    from.and_then(|from| run.get(from..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn is_long(run: &str) -> bool {
    let digits = run.bytes().any(|b| b.is_ascii_digit());
    let small = run.bytes().any(|b| b.is_ascii_lowercase());
    let large = run.bytes().any(|b| b.is_ascii_uppercase());
    // Paths and host names are long too, but rarely hold all three kinds.
    let mixed = if run.contains(['/', '.']) { small && large } else { small || large };
    run.len() >= LONG_RUN && digits && mixed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_hidden() {
        for (text, wanted) in [
            ("Incorrect API key provided: sk-canary12345.", "Incorrect API key provided: ***"),
            ("authorization: Bearer abc.def", "authorization: Bearer ***"),
            ("GET /v1beta/models?key=AB12&alt=sse", "GET /v1beta/models?key=***&alt=sse"),
            (r#"{"api_key": "AB12"}"#, r#"{"api_key": "***"}"#),
            (r#"{\"x-api-key\":\"AB12\"}"#, r#"{\"x-api-key\":\"***\"}"#),
            ("AIzaSyD-1234567 is bad", "*** is bad"),
            ("hash 0123456789abcdef0123456789abcdef ends", "hash *** ends"),
            ("b64 Zm9vYmFyYmF6/Zm9vYmFyYmF6Zm9v1YmFy= ends", "b64 ***= ends"),
        ] {
            assert_eq!(mask_secrets(text), wanted);
        }
    }

    #[test]
    fn plain_sentences_stay() {
        for text in [
            "connect: connection refused (os error 111)",
            "the key is refused",
            "no such model: gpt-4.1-mini-2025-04-14",
            "POST /v1/chat/completions/with/a/rather/long/path gave 404",
            "Rate limit reached for requests: limit 3 / min",
            "über köln 東京",
        ] {
            assert_eq!(mask_secrets(text), text);
        }
    }

    #[test]
    fn payloads_keep_their_images() {
        let image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
        assert_eq!(mask_marked(image), image);
        assert_eq!(mask_marked("sk-canary-000111"), "***");
    }

    proptest! {
        #[test]
        fn a_key_never_survives(before in ".{0,40}", tail in "[A-Za-z0-9]{8,40}") {
            let key = format!("sk-{tail}");
            let masked = mask_secrets(&format!("{before} {key}"));
            prop_assert!(!masked.contains(&key), "{}", masked);
        }

        #[test]
        fn any_text_is_taken(text in "\\PC*") {
            mask_secrets(&text);
        }
    }
}
