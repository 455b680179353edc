//! What a caller sends in each dialect, as its official SDK sends it: path, key and body.

use crate::crowd::Size;
use crate::provider::{Asker, prompt};
use crate::wall::Dialect;

/// Anthropic's SDK will have one, and most programs leave it at this.
const ANSWER_TOKENS_MAX: u32 = 4_096;

/// What is asked, in no dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a str,
    pub(crate) size: Size,
    pub(crate) stream: bool,
    pub(crate) asker: Asker,
}

/// The whole request, ready to be sent.
pub(crate) fn request(dialect: Dialect, key: &str, question: &Question<'_>) -> String {
    let Question { model, size, stream, asker } = *question;
    let prompt = prompt(size, asker);
    let turn = format!("\"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}]");
    let named = format!("\"model\":\"{model}\",\"stream\":{stream}");
    let (path, body) = match dialect {
        Dialect::Chat => ("/v1/chat/completions".to_owned(), format!("{{{named},{turn}}}")),
        Dialect::Azure => (
            format!("/openai/deployments/{model}/chat/completions?api-version=2024-10-21"),
            format!("{{{named},{turn}}}"),
        ),
        Dialect::Messages => (
            "/v1/messages".to_owned(),
            format!("{{{named},\"max_tokens\":{ANSWER_TOKENS_MAX},{turn}}}"),
        ),
        Dialect::Responses => {
            ("/v1/responses".to_owned(), format!("{{{named},\"input\":\"{prompt}\"}}"))
        }
        Dialect::Agent => ("/v1/agent".to_owned(), format!("{{{named},\"input\":\"{prompt}\"}}")),
        Dialect::Gemini => {
            let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let contents = format!(
                "{{\"contents\":[{{\"role\":\"user\",\"parts\":[{{\"text\":\"{prompt}\"}}]}}]}}"
            );
            (format!("/v1beta/models/{model}:{method}"), contents)
        }
    };
    let key = match dialect {
        Dialect::Chat | Dialect::Responses | Dialect::Agent => {
            format!("authorization: Bearer {key}")
        }
        Dialect::Azure => format!("api-key: {key}"),
        Dialect::Messages => format!("x-api-key: {key}\r\nanthropic-version: 2023-06-01"),
        Dialect::Gemini => format!("x-goog-api-key: {key}"),
    };
    let counted = match dialect {
        Dialect::Chat | Dialect::Azure | Dialect::Responses | Dialect::Messages => {
            format!("\r\nx-stainless-retry-count: {}", asker.round)
        }
        // Google's SDKs do not say so, and nobody else's are spoken.
        Dialect::Gemini | Dialect::Agent => String::new(),
    };
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway.drill\r\ncontent-type: application/json\r\n{key}{counted}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
