//! Writes a stream of chunks for an upstream that has no wire form of its own.

use bytes::Bytes;
use domain::{Event, Usage};

use super::usage::write_usage;
use super::write::{finish_word, quoted};

/// Writes one answer as a stream: [`start`](Self::start), then each event, then
/// [`end`](Self::end).
#[derive(Debug)]
pub struct StreamWriter {
    /// Everything of a chunk up to and with `"choices":[`.
    head: String,
    /// The end of a chunk that has choices.
    tail: &'static str,
    include_usage: bool,
    usage: Option<Usage>,
}

impl StreamWriter {
    /// `id` and `model` stand in every chunk; `created_unix` is in seconds. With `include_usage`
    /// a last chunk tells the usage.
    pub fn new(id: &str, model: &str, created_unix: u64, include_usage: bool) -> Self {
        let (id, model) = (quoted(id), quoted(model));
        let head = format!(
            r#"data: {{"id":{id},"object":"chat.completion.chunk","created":{created_unix},"model":{model},"choices":["#
        );
        // A caller who asks for usage finds the member in every chunk, as OpenAI writes it.
        let tail = if include_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        Self { head, tail, include_usage, usage: None }
    }

    /// The chunk that tells the role.
    pub fn start(&mut self) -> Bytes {
        self.chunk(r#"{"role":"assistant","content":""}"#, "null")
    }

    /// The chunk of one event; empty for usage, which is told at the end.
    pub fn event(&mut self, event: &Event) -> Bytes {
        match event {
            Event::Text(text) => {
                let delta = format!(r#"{{"content":{}}}"#, quoted(text));
                self.chunk(&delta, "null")
            }
            Event::Finish(finish) => self.chunk("{}", &quoted(finish_word(finish))),
            Event::Usage(usage) => {
                self.usage = Some(*usage);
                Bytes::new()
            }
        }
    }

    /// The usage chunk, if it was asked for and told, and the end mark.
    pub fn end(&mut self) -> Bytes {
        let mut last = String::new();
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            last.push_str(&self.head);
            last.push_str("],\"usage\":");
            last.push_str(&write_usage(&usage));
            last.push_str("}\n\n");
        }
        last.push_str("data: [DONE]\n\n");
        Bytes::from(last)
    }

    fn chunk(&self, delta: &str, finish: &str) -> Bytes {
        let Self { head, tail, .. } = self;
        Bytes::from(format!(
            r#"{head}{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}{tail}"#
        ))
    }
}
