//! What a simulated provider says in OpenAI's chat form, and how a drill's request tells it how
//! long the answer shall be. Other dialects get a file of their own beside this one.

use serde::Deserialize;

use super::Left;
use super::plant::TurnedAway;
use super::quota::Limit;
use crate::crowd::Size;
use crate::scenario::Fault;

/// The prompt of a drill's request: it names its own length, so that a provider need not hold a
/// text of that length.
pub(crate) fn prompt(size: Size) -> String {
    let Size { input_tokens, output_tokens } = size;
    format!("drill prompt={input_tokens} answer={output_tokens}")
}

/// A request as a provider understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) usage: bool,
    pub(crate) size: Size,
}

#[derive(Deserialize)]
struct Body<'a> {
    model: String,
    #[serde(default)]
    stream: bool,
    stream_options: Option<Options>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: std::borrow::Cow<'a, str>,
}

/// Reads a request's body; `None` if it is none of a drill's.
pub(crate) fn understand(body: &[u8]) -> Option<Asked> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let size = body.messages.iter().rev().find_map(|message| told(&message.content))?;
    let usage = body.stream_options.is_some_and(|options| options.include_usage);
    Some(Asked { model: body.model, stream: body.stream, usage, size })
}

fn told(text: &str) -> Option<Size> {
    let figure = |name: &str| {
        let (_, after) = text.split_once(name)?;
        after.split(' ').next()?.parse::<u32>().ok()
    };
    Some(Size { input_tokens: figure("prompt=")?, output_tokens: figure("answer=")?.max(1) })
}

/// Tokens as text: one short word each.
fn words(count: u32) -> String {
    " w".repeat(count as usize)
}

/// The head of a stream.
pub(crate) fn stream_head(extra: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{extra}transfer-encoding: chunked\r\n\r\n"
    )
}

/// One event of a stream with so many tokens, framed as an HTTP chunk.
pub(crate) fn content_chunk(model: &str, first: bool, tokens: u32) -> String {
    let role = if first { "\"role\":\"assistant\"," } else { "" };
    let words = words(tokens);
    framed(&format!(
        "data: {{\"id\":\"chatcmpl-drill\",\"object\":\"chat.completion.chunk\",\"created\":1717482600,\"model\":\"{model}\",\"choices\":[{{\"index\":0,\"delta\":{{{role}\"content\":\"{words}\"}},\"finish_reason\":null}}]}}\n\n"
    ))
}

/// The end of a stream, with or without its usage.
pub(crate) fn last_chunks(asked: &Asked) -> String {
    let head = format!(
        "\"id\":\"chatcmpl-drill\",\"object\":\"chat.completion.chunk\",\"created\":1717482600,\"model\":\"{}\"",
        asked.model
    );
    let mut text = format!(
        "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    if asked.usage {
        text.push_str(&format!(
            "data: {{{head},\"choices\":[],\"usage\":{}}}\n\n",
            usage(asked.size)
        ));
    }
    text.push_str("data: [DONE]\n\n");
    format!("{}0\r\n\r\n", framed(&text))
}

/// An event that is no JSON.
pub(crate) fn malformed_chunk() -> String {
    framed("data: {\"id\":\"chatcmpl-drill\",\"choices\":[{\"delta\":\n\n")
}

/// The end of a stream that said nothing.
pub(crate) fn empty_end() -> String {
    format!("{}0\r\n\r\n", framed("data: [DONE]\n\n"))
}

/// A whole answer.
pub(crate) fn whole(asked: &Asked, extra: &str) -> String {
    let body = format!(
        "{{\"id\":\"chatcmpl-drill\",\"object\":\"chat.completion\",\"created\":1717482600,\"model\":\"{}\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{}}}",
        asked.model,
        words(asked.size.output_tokens),
        usage(asked.size)
    );
    with_length("200 OK", extra, &body)
}

fn usage(size: Size) -> String {
    let Size { input_tokens, output_tokens } = size;
    let total = u64::from(input_tokens) + u64::from(output_tokens);
    format!(
        "{{\"prompt_tokens\":{input_tokens},\"completion_tokens\":{output_tokens},\"total_tokens\":{total}}}"
    )
}

/// A refusal with its status, words and wait. `full` is the status for want of room.
pub(crate) fn refusal(turned_away: TurnedAway, full: u16, extra: &str) -> String {
    let (status, kind, code) = match turned_away {
        TurnedAway::Quota(refused) => match refused.limit {
            Limit::Requests | Limit::Acceleration => (429, "requests", "rate_limit_exceeded"),
            Limit::Tokens => (429, "tokens", "rate_limit_exceeded"),
        },
        TurnedAway::Fault(Fault::LimitWall) => (429, "requests", "rate_limit_exceeded"),
        TurnedAway::Fault(Fault::Overloaded) => (529, "overloaded_error", "overloaded"),
        TurnedAway::Fault(Fault::Errors) => (500, "server_error", "server_error"),
        TurnedAway::Full => (full, "overloaded_error", "overloaded"),
        TurnedAway::Fault(_) => (503, "server_error", "service_unavailable"),
    };
    let mut extra = extra.to_owned();
    if let Some(wait) = super::plant::wait_of(turned_away) {
        extra.push_str(&format!("retry-after: {}\r\n", wait.as_secs_f64().ceil().max(1.0)));
    }
    let body = format!(
        "{{\"error\":{{\"message\":\"the simulated provider turns this away\",\"type\":\"{kind}\",\"param\":null,\"code\":\"{code}\"}}}}"
    );
    with_length(&format!("{status} X"), &extra, &body)
}

/// The rate-limit headers of OpenAI's family.
pub(crate) fn limit_headers(requests: Option<Left>, tokens: Option<Left>) -> String {
    let mut text = String::new();
    for (left, of) in [(requests, "requests"), (tokens, "tokens")] {
        if let Some(Left { limit, remaining, reset }) = left {
            text.push_str(&format!(
                "x-ratelimit-limit-{of}: {limit}\r\nx-ratelimit-remaining-{of}: {remaining}\r\nx-ratelimit-reset-{of}: {}ms\r\n",
                reset.as_millis()
            ));
        }
    }
    text
}

fn with_length(status: &str, extra: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {length}\r\n\r\n{body}"
    )
}

fn framed(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_understood_again() {
        let size = Size { input_tokens: 1_155, output_tokens: 211 };
        let body = format!(
            "{{\"model\":\"m\",\"stream\":true,\"stream_options\":{{\"include_usage\":true}},\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}],\"x\":1}}",
            prompt(size)
        );
        let asked = understand(body.as_bytes()).unwrap();
        assert_eq!(asked, Asked { model: "m".into(), stream: true, usage: true, size });
        assert_eq!(understand(b"{}"), None);
        assert_eq!(understand(b"{\"model\":\"m\",\"messages\":[{\"content\":\"hello\"}]}"), None);
    }
}
