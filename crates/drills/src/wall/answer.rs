//! What a healthy answer says, and its wire forms: the events of a stream and the whole body.
//! When they are sent, and whether they are sent to their end, is decided in `play`.

use serde_json::{Value, json};

use super::ask::Ask;
use super::catalogue::Scene;
use super::schema;

/// The healthy answer: sixty words. A client's text is complete if it equals this one after white
/// space is made even.
pub const TEXT: &str = "Each morning the harbour wakes before the town does. Small boats leave in \
    a line, gulls argue over scraps, and the old crane swings slowly above the quay. When the \
    weather turns, a long stone wall takes the first blow of every wave, so that the boats behind \
    it lie still and the people ashore can finish their day's work.";

/// How many words `fb-ok-slow` says.
const SLOW_WORDS: usize = 30;
/// The arguments of the tool call in the pieces in which they are streamed.
const ARGUMENTS: [&str; 3] = ["{\"city\"", ":\"La", "gos\"}"];
/// Answers other than the text come in at most so many pieces, or one more.
const PIECES_MAX: usize = 60;
/// And in pieces of at least so many characters.
const PIECE_CHARS_MIN: usize = 8;

/// One token of an answer, in the wall's counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// The start of a tool call: the tool's name.
    Call(String),
    Arguments(&'static str),
}

/// A healthy answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) prompt_tokens: usize,
}

impl Answer {
    /// The answer of a scene to a request; `body` is the request as it came.
    pub(crate) fn compose(scene: Scene, ask: &Ask, body: &[u8]) -> Self {
        let pieces = match scene {
            Scene::Tools if ask.ends_with_tool => words(TEXT),
            Scene::Tools => match &ask.tool {
                Some(name) => call(name),
                None => words(TEXT),
            },
            Scene::Json => split_even(&json_text(ask.schema.as_ref())),
            Scene::Image => {
                let plural = if ask.images == 1 { "" } else { "s" };
                words(&format!("I see {} image{plural}.", ask.images))
            }
            Scene::Echo => split_even(&String::from_utf8_lossy(body)),
            Scene::Slow => words(TEXT).into_iter().take(SLOW_WORDS).collect(),
            Scene::NoPrefill => words(TEXT),
            _ => words(rest_of(TEXT, ask.prefill.as_deref())),
        };
        Self { pieces, prompt_tokens: ask.prompt_words }
    }

    fn finish(&self) -> &'static str {
        if matches!(self.pieces.first(), Some(Piece::Call(_))) { "tool_calls" } else { "stop" }
    }

    fn usage(&self) -> Value {
        let (prompt, completion) = (self.prompt_tokens, self.pieces.len());
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        })
    }

    fn message(&self) -> String {
        let mut text = String::new();
        let mut tool = None;
        let mut arguments = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(word) => text.push_str(word),
                Piece::Call(name) => tool = Some(name),
                Piece::Arguments(part) => arguments.push_str(part),
            }
        }
        match tool {
            None => format!(r#"{{"role":"assistant","content":{},"refusal":null}}"#, quoted(&text)),
            Some(name) => format!(
                r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_wall_1","type":"function","function":{{"name":{},"arguments":{}}}}}],"refusal":null}}"#,
                quoted(name),
                quoted(&arguments),
            ),
        }
    }
}

/// What every event and body of one answer carries.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: String,
    /// Whether a stream ends with its usage; its other events then say `"usage":null`.
    pub(crate) usage_asked: bool,
}

impl Envelope {
    /// The event that opens a stream: a role and no content.
    pub(crate) fn opening(&self) -> String {
        self.choice_event(r#"{"role":"assistant","content":"","refusal":null}"#, "null")
    }

    /// The event of one piece.
    pub(crate) fn piece(&self, piece: &Piece) -> String {
        let delta = match piece {
            Piece::Text(text) => format!(r#"{{"content":{}}}"#, quoted(text)),
            Piece::Call(name) => format!(
                r#"{{"tool_calls":[{{"index":0,"id":"call_wall_1","type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
                quoted(name),
            ),
            Piece::Arguments(part) => format!(
                r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}]}}"#,
                quoted(part),
            ),
        };
        self.choice_event(&delta, "null")
    }

    /// An event that is no JSON: it breaks off in the middle of a text.
    pub(crate) fn malformed(&self) -> String {
        let start = self.start("chat.completion.chunk");
        format!("data: {start},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" garbled\n\n")
    }

    /// The events after the last piece: the finish and, if asked for, the usage.
    pub(crate) fn closing(&self, answer: &Answer) -> String {
        let mut events = self.choice_event("{}", &quoted(answer.finish()));
        if self.usage_asked {
            let start = self.start("chat.completion.chunk");
            let usage = answer.usage();
            events.push_str(&format!("data: {start},\"choices\":[],\"usage\":{usage}}}\n\n"));
        }
        events
    }

    /// The body of an answer that is not streamed.
    pub(crate) fn whole(&self, answer: &Answer) -> String {
        format!(
            r#"{},"choices":[{{"index":0,"message":{},"logprobs":null,"finish_reason":"{}"}}],"usage":{}}}"#,
            self.start("chat.completion"),
            answer.message(),
            answer.finish(),
            answer.usage(),
        )
    }

    fn choice_event(&self, delta: &str, finish: &str) -> String {
        let start = self.start("chat.completion.chunk");
        let usage = if self.usage_asked { ",\"usage\":null" } else { "" };
        format!(
            "data: {start},\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\
             \"finish_reason\":{finish}}}]{usage}}}\n\n"
        )
    }

    /// The opening of an object, without a comma or brace at its end.
    fn start(&self, object: &str) -> String {
        format!(
            r#"{{"id":"{}","object":"{object}","created":{},"model":{}"#,
            self.id,
            self.created,
            quoted(&self.model),
        )
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn call(name: &str) -> Vec<Piece> {
    let start = Piece::Call(name.to_owned());
    std::iter::once(start).chain(ARGUMENTS.map(Piece::Arguments)).collect()
}

fn json_text(schema: Option<&Value>) -> String {
    schema.map_or_else(|| json!({ "answer": "wall" }), schema::fill).to_string()
}

/// What follows a prefix of the text; the whole text if it is none.
fn rest_of<'a>(text: &'a str, prefix: Option<&str>) -> &'a str {
    prefix.and_then(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// One piece for each word; the space stands before the word, as providers send it.
fn words(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<String> = Vec::new();
    for (index, part) in text.split(' ').enumerate() {
        match (index, part) {
            (0, "") => {}
            (0, part) => pieces.push(part.to_owned()),
            (_, part) => pieces.push(format!(" {part}")),
        }
    }
    pieces.into_iter().map(Piece::Text).collect()
}

/// A bounded number of pieces of even length.
fn split_even(text: &str) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let size = (chars.len() / PIECES_MAX).max(PIECE_CHARS_MIN);
    chars.chunks(size).map(|part| Piece::Text(part.iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str) -> Ask {
        Ask::parse(body.as_bytes()).unwrap()
    }

    fn text(answer: &Answer) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        answer.pieces.iter().map(text).collect()
    }

    #[test]
    fn the_text_has_sixty_words_and_each_is_a_piece() {
        assert_eq!(TEXT.split_whitespace().count(), 60);
        let answer = Answer::compose(Scene::Plain, &ask(r#"{"model":"m","messages":[]}"#), b"");
        assert_eq!(answer.pieces.len(), 60);
        assert_eq!(text(&answer), TEXT);
    }

    #[test]
    fn a_prefix_is_continued_at_every_byte() {
        for at in 0..=TEXT.len() {
            let (prefix, rest) = TEXT.split_at(at);
            let asked =
                json!({"model": "m", "messages": [{"role": "assistant", "content": prefix}]});
            let answer = Answer::compose(Scene::S08, &ask(&asked.to_string()), b"");
            assert_eq!(text(&answer), rest);
        }
        let asked = r#"{"model":"m","messages":[{"role":"assistant","content":"Each evening"}]}"#;
        assert_eq!(text(&Answer::compose(Scene::Plain, &ask(asked), b"")), TEXT);
    }

    #[test]
    fn every_form_but_the_malformed_is_json() {
        let envelope = Envelope {
            id: "chatcmpl-wall-1".to_owned(),
            created: 1,
            model: "a\"b".to_owned(),
            usage_asked: true,
        };
        let asked = ask(r#"{"model":"m","messages":[{"role":"user","content":"a b"}],
                "tools":[{"type":"function","function":{"name":"weather"}}]}"#);
        let answer = Answer::compose(Scene::Tools, &asked, b"");
        let mut events = envelope.opening();
        answer.pieces.iter().for_each(|piece| events.push_str(&envelope.piece(piece)));
        events.push_str(&envelope.closing(&answer));
        let mut arguments = String::new();
        let mut last = Value::Null;
        for event in events.split_terminator("\n\n") {
            last = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
            let part = last.pointer("/choices/0/delta/tool_calls/0/function/arguments");
            arguments.push_str(part.and_then(Value::as_str).unwrap_or(""));
        }
        assert_eq!(arguments, r#"{"city":"Lagos"}"#);
        assert_eq!(last["usage"]["total_tokens"], 6);
        assert_eq!(last["model"], "a\"b");

        let whole: Value = serde_json::from_str(&envelope.whole(&answer)).unwrap();
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        let call = &whole["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call, &json!({"name": "weather", "arguments": arguments}));

        let broken = envelope.malformed();
        assert!(broken.starts_with("data: ") && broken.ends_with("\n\n"));
        assert_eq!(broken.matches('\n').count(), 2);
        assert!(serde_json::from_str::<Value>(broken.trim_start_matches("data: ")).is_err());
    }

    #[test]
    fn an_echo_is_the_body_itself() {
        let body = r#"{"model":"m","messages":[],"x":1.0e0,"é":"日本"}"#;
        assert_eq!(text(&Answer::compose(Scene::Echo, &ask(body), body.as_bytes())), body);
        let long = body.repeat(1000);
        let answer = Answer::compose(Scene::Echo, &ask(body), long.as_bytes());
        assert_eq!(text(&answer), long);
        assert!(answer.pieces.len() <= PIECES_MAX + 1);
    }
}
