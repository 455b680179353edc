//! What was asked, as a hash. Two requests have the same one only if the same caller asks the same
//! name in the same dialect for the same thing.

use domain::Request;
use sha2::{Digest, Sha256};

/// A question's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// Of a request to a ladder. `caller` is `None` in open mode, where all are one.
    pub(crate) fn of(caller: Option<&str>, ladder: &str, request: &Request) -> Self {
        let mut hash = Sha256::new();
        // Each part with its length before it, so that no two lists of parts look alike.
        let mut part = |text: Option<&str>| {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(text.unwrap_or_default().as_bytes());
        };
        part(caller);
        part(Some(ladder));
        part(Some(&request.outline.model));
        part(Some(request.dialect.as_str()));
        part(Some(request.operation.as_str()));
        part(request.passed.query.as_deref());
        for (name, value) in &request.passed.headers {
            // These two tell one session from another, and nothing of what is asked.
            if !name.starts_with("session") && *name != "thread-id" {
                part(Some(name));
                part(Some(value));
            }
        }
        part(None);
        dialects::essence(&request.body, &mut |piece| hash.update(piece));
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::{Dialect, Outline};

    use super::*;

    fn request(dialect: Dialect, body: &str) -> Request {
        let outline = Outline { model: "m".into(), ..Outline::default() };
        Request::new(dialect, Bytes::copy_from_slice(body.as_bytes()), outline)
    }

    #[test]
    fn every_part_of_it_counts() {
        let chat = request(Dialect::OpenAiChat, r#"{"input":"x"}"#);
        let same = request(Dialect::OpenAiChat, r#"{"stream":true, "input": "x"}"#);
        let one = Question::of(Some("shop"), "m", &chat);
        assert_eq!(one, Question::of(Some("shop"), "m", &same));
        let mut beta = request(Dialect::OpenAiChat, r#"{"input":"x"}"#);
        beta.passed.headers.push(("openai-beta", "y".into()));
        let others = [
            Question::of(Some("bank"), "m", &chat),
            Question::of(None, "m", &chat),
            Question::of(Some(""), "m", &chat),
            Question::of(Some("shopm"), "", &chat),
            Question::of(Some("shop"), "n*", &chat),
            Question::of(Some("shop"), "m", &request(Dialect::Anthropic, r#"{"input":"x"}"#)),
            Question::of(Some("shop"), "m", &request(Dialect::OpenAiChat, r#"{"input":"y"}"#)),
            Question::of(Some("shop"), "m", &beta),
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(*other != one && !others[..at].contains(other), "{at}");
        }
        beta.passed.headers = vec![("session-id", "7".into())];
        assert_eq!(one, Question::of(Some("shop"), "m", &beta));
    }
}
