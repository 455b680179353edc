//! How a caller hears a stream: the chunks of HTTP are put together, the events taken apart, and
//! each is understood in its dialect: a word, the end by which the SDK knows that the answer is
//! whole, an error, or something that cannot be read, at which the SDKs give up.

use serde_json::Value;

use crate::wall::Dialect;

/// How far an answer is, as its events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// There is more to come.
    Open,
    Whole,
    /// An error event, or one that cannot be read; nothing mends it.
    Broken,
}

/// What has been heard of a stream so far.
#[derive(Debug)]
pub(super) struct Hearing {
    dialect: Dialect,
    /// Bytes of the body that came within chunks and are no whole event yet.
    pending: Vec<u8>,
    /// Bytes of the present chunk that are still to come, with the line end after it.
    chunk_left: usize,
    pub(super) has_word: bool,
    pub(super) told: Told,
    pub(super) takeovers: u32,
    /// What a gateway tells that sent its head before it knew the answer.
    pub(super) late: Late,
    /// The last chunk has come.
    pub(super) is_over: bool,
}

/// What would have stood in the head, had it been known then.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) served_by: Option<String>,
    pub(super) why: Option<String>,
    /// The status that a refusal would have had.
    pub(super) refused: Option<u16>,
}

impl Late {
    /// Reads a comment such as `answers served_by=a/b attempts=1 why=waited 3.0 s`.
    fn read(&mut self, words: &str) {
        let (words, why) = words.split_once(" why=").unwrap_or((words, ""));
        for (name, value) in words.split(' ').filter_map(|word| word.split_once('=')) {
            match name {
                "served_by" => self.served_by = Some(value.to_owned()),
                "status" => self.refused = value.parse().ok(),
                _ => {}
            }
        }
        self.why = Some(why.to_owned());
    }
}

/// These bytes are no chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoChunks;

/// The line end after the data of a chunk.
const LINE_END: usize = 2;

impl Hearing {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            pending: Vec::new(),
            chunk_left: 0,
            has_word: false,
            told: Told::Open,
            takeovers: 0,
            late: Late::default(),
            is_over: false,
        }
    }

    /// Hears what has come of a chunked body, and leaves what is no whole chunk line.
    pub(super) fn hear(&mut self, bytes: &mut Vec<u8>) -> Result<(), NoChunks> {
        let mut at = 0;
        while !self.is_over {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.chunk_left > 0 {
                let taken = rest.len().min(self.chunk_left);
                let data = taken.min(self.chunk_left.saturating_sub(LINE_END));
                self.pending.extend_from_slice(rest.get(..data).unwrap_or_default());
                self.chunk_left -= taken;
                at += taken;
                if taken == 0 {
                    break;
                }
                continue;
            }
            match httparse::parse_chunk_size(rest).map_err(|_| NoChunks)? {
                httparse::Status::Partial => break,
                httparse::Status::Complete((line, 0)) => {
                    // Nobody here sends trailers.
                    if rest.len() < line + LINE_END {
                        break;
                    }
                    at += line + LINE_END;
                    self.is_over = true;
                }
                httparse::Status::Complete((line, length)) => {
                    at += line;
                    self.chunk_left = usize::try_from(length).map_err(|_| NoChunks)? + LINE_END;
                }
            }
        }
        bytes.drain(..at);
        self.take_events();
        Ok(())
    }

    fn take_events(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some((event, after)) = next_event(rest) {
            self.understand(event);
            rest = after;
        }
        // Google writes an error into a stream as it is and ends; no blank line follows.
        if self.is_over && !rest.is_empty() {
            self.understand(rest);
            rest = &[];
        }
        self.pending = rest.to_vec();
    }

    fn understand(&mut self, event: &[u8]) {
        let event = String::from_utf8_lossy(event);
        let mut data = String::new();
        for line in event.lines() {
            if let Some(more) = line.strip_prefix("data:") {
                data.push_str(more.trim_start());
            } else if line.starts_with(": seawall takeover") {
                self.takeovers += 1;
            } else if let Some(late) = line.strip_prefix(": seawall ")
                && (late.starts_with("answers ") || late.starts_with("refused "))
            {
                self.late.read(late);
            } else if line.starts_with('{') {
                data.push_str(line);
            }
        }
        if data == "[DONE]" {
            self.mark(matches!(self.dialect, Dialect::Chat | Dialect::Azure), false);
        } else if !data.is_empty() {
            match serde_json::from_str(&data) {
                Ok(data) => self.weigh(&data),
                Err(_) => self.mark(false, true),
            }
        }
    }

    fn weigh(&mut self, data: &Value) {
        let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
        let says = |pointer: &str| {
            data.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
        };
        let has_error = data.get("error").is_some();
        let (word, whole, broken) = match self.dialect {
            Dialect::Chat | Dialect::Azure => (says("/choices/0/delta/content"), false, has_error),
            Dialect::Messages => (
                kind == "content_block_delta" && says("/delta/text"),
                kind == "message_stop",
                kind == "error",
            ),
            Dialect::Responses | Dialect::Agent => (
                kind == "response.output_text.delta" && says("/delta"),
                matches!(kind, "response.completed" | "response.incomplete"),
                matches!(kind, "error" | "response.failed"),
            ),
            Dialect::Gemini => (
                says("/candidates/0/content/parts/0/text"),
                says("/candidates/0/finishReason"),
                has_error,
            ),
        };
        self.has_word |= word;
        self.mark(whole, broken);
    }

    fn mark(&mut self, whole: bool, broken: bool) {
        if broken {
            self.told = Told::Broken;
        } else if whole && self.told == Told::Open {
            self.told = Told::Whole;
        }
    }
}

/// The first event and what follows it, if it has ended.
fn next_event(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut line_from = 0;
    while let Some(length) =
        bytes.get(line_from..).unwrap_or_default().iter().position(|byte| *byte == b'\n')
    {
        let line = bytes.get(line_from..line_from + length).unwrap_or_default();
        let after = line_from + length + 1;
        if matches!(line, b"" | b"\r") {
            return Some((
                bytes.get(..line_from).unwrap_or_default(),
                bytes.get(after..).unwrap_or_default(),
            ));
        }
        line_from = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::Size;
    use crate::provider::Asker;
    use crate::wall::{
        Answer, Cause, Delivery, Envelope, Finish, LAST_CHUNK, Piece, Tokens, Wish, chunk,
    };

    const ALL: [Dialect; 6] = [
        Dialect::Chat,
        Dialect::Azure,
        Dialect::Messages,
        Dialect::Gemini,
        Dialect::Responses,
        Dialect::Agent,
    ];

    /// A stream of the wall, up to its opening, its words, its end or an error.
    fn stream(dialect: Dialect, words: bool, end: &str) -> String {
        let tokens = Tokens { input: 3, output: 2, ..Tokens::default() };
        let answer = Answer { pieces: Vec::new(), finish: Finish::Stop, tokens };
        let envelope = Envelope { delivery: Delivery::Events, ..Envelope::default() };
        let wish = Wish::Answer;
        let mut script = dialect.script(&wish, envelope, &answer);
        let mut events = script.opening();
        if words {
            events.extend(script.piece(&Piece::Text(" w0 w1".to_owned())));
        }
        match end {
            "whole" => {
                events.extend(script.closing());
                events.extend(script.mark());
            }
            "error" => events.extend(script.failure(&Cause::ServerError)),
            "garbled" => events.push(script.malformed()),
            _ => {}
        }
        let chunks: String = events.iter().map(|event| chunk(event)).collect();
        format!("{chunks}{LAST_CHUNK}")
    }

    fn heard(dialect: Dialect, body: &str, step: usize) -> Hearing {
        let mut hearing = Hearing::new(dialect);
        let mut bytes = Vec::new();
        for part in body.as_bytes().chunks(step) {
            bytes.extend_from_slice(part);
            hearing.hear(&mut bytes).unwrap();
        }
        assert!(hearing.is_over && bytes.is_empty(), "{dialect:?}");
        hearing
    }

    #[test]
    fn the_end_of_a_stream_is_known_in_every_dialect_and_at_every_split() {
        for dialect in ALL {
            for step in [1, 7, 10_000] {
                let of = |words, end| {
                    let heard = heard(dialect, &stream(dialect, words, end), step);
                    (heard.has_word, heard.told)
                };
                assert_eq!(of(true, "whole"), (true, Told::Whole), "{dialect:?}");
                assert_eq!(of(true, "cut"), (true, Told::Open), "{dialect:?}");
                assert_eq!(of(true, "error"), (true, Told::Broken), "{dialect:?}");
                assert_eq!(of(true, "garbled"), (true, Told::Broken), "{dialect:?}");
                assert_eq!(of(false, "whole"), (false, Told::Whole), "{dialect:?}");
            }
        }
    }

    #[test]
    fn a_takeover_is_seen() {
        let body = chunk(": seawall takeover from=a/b to=c/d after_chars=9\n\n");
        let heard = heard(Dialect::Messages, &format!("{body}{LAST_CHUNK}"), 5);
        assert_eq!((heard.takeovers, heard.told), (1, Told::Open));
        assert_eq!(Hearing::new(Dialect::Chat).hear(&mut b"no chunk".to_vec()), Err(NoChunks));
    }

    #[test]
    fn what_a_gateway_tells_late_is_heard() {
        let told = ": seawall waiting position=2 eta_s=3\n\n: seawall answers served_by=a/b attempts=2 why=waited 3.0 s; a/b served\n\n";
        let late = heard(Dialect::Chat, &format!("{}{LAST_CHUNK}", chunk(told)), 7).late;
        assert_eq!(late.served_by.as_deref(), Some("a/b"));
        assert_eq!(late.why.as_deref(), Some("waited 3.0 s; a/b served"));
        let told =
            ": seawall refused status=503 retry_after_s=9 why=full\n\ndata: {\"error\":{}}\n\n";
        let heard = heard(Dialect::Chat, &format!("{}{LAST_CHUNK}", chunk(told)), 7);
        assert_eq!((heard.late.refused, heard.told), (Some(503), Told::Broken));
    }

    #[test]
    fn every_request_is_read_by_the_provider_that_it_is_meant_for() {
        use crate::crowd::tongue::{Question, request};
        let size = Size { input_tokens: 9, output_tokens: 4 };
        for dialect in ALL {
            let question = Question { model: "m", size, stream: true, asker: Asker::default() };
            let text = request(dialect, "key-of-the-test", &question);
            let target = text.split(' ').nth(1).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let mut received = crate::wall::Received::new("POST", target);
            for line in head.lines().skip(1) {
                let (name, value) = line.split_once(": ").unwrap();
                received.keep(name, value);
            }
            received.body = body.to_owned().into();
            let order = match crate::wall::door(&received) {
                crate::wall::Door::Ask(route) => {
                    assert_eq!(route.dialect, dialect);
                    dialect.read(route.service, route.model.as_deref(), &received)
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(order.unwrap().ask.model, "m", "{dialect:?}");
            assert!(received.key_in(dialect.key_places()).is_some(), "{dialect:?}");
        }
    }
}
