//! What the events of a chat completion's stream mean. Borders and bounds are dealt with in
//! `stream`.

use domain::{Event, Sight};

use super::answer::Answer;
use super::chunk::Chunk;
use super::events::Teller;
use super::whole::model_of;
use crate::json::{Members, Object};
use crate::sse::Fields;
use crate::stream::{Progress, Protocol, Verdict, is_plain_text};

/// The chunks of one stream.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Chunks {
    hide_usage: bool,
    choices_seen: u64,
    choices_finished: u64,
    model_told: bool,
    teller: Teller,
}

impl Chunks {
    /// `hide_usage` leaves out the chunk that has nothing but usage, for a caller who did not ask
    /// for it.
    pub(super) fn new(hide_usage: bool) -> Self {
        Self { hide_usage, ..Self::default() }
    }
}

/// The object that the data of an event is, if it is one.
fn read_object<'de, T: Members<'de>>(data: &'de [u8]) -> Option<T> {
    // Checking the text as a whole is cheaper than string by string.
    let text = std::str::from_utf8(data).ok()?;
    serde_json::from_str::<Object<T>>(text).ok()?.0
}

impl Protocol for Chunks {
    fn read(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Verdict {
        let data = fields.data.as_deref().unwrap_or_default();
        let Some(answer) = read_object::<Answer<'_>>(data).filter(|answer| !answer.failed) else {
            return Verdict::Malformed;
        };
        for choice in &answer.choices {
            let bit = 1_u64 << choice.index.unwrap_or(0).min(63);
            self.choices_seen |= bit;
            if choice.finish.as_text().is_some_and(|word| !word.is_empty()) {
                self.choices_finished |= bit;
            }
        }
        self.teller.tell(answer, events);
        Verdict::Good
    }

    fn see(&mut self, fields: &Fields<'_>, sight: &mut Sight) -> Verdict {
        let data = fields.data.as_deref().unwrap_or_default();
        let Some(chunk) = read_object::<Chunk<'_>>(data).filter(|chunk| chunk.error.is_none())
        else {
            return Verdict::Malformed;
        };
        let usage_only = chunk.is_usage_only();
        if !self.model_told {
            sight.model = model_of(&chunk.model);
            self.model_told = sight.model.is_some();
        }
        sight.usage = chunk.usage;
        if let Some(choices) = chunk.choices {
            self.choices_seen |= choices.seen;
            self.choices_finished |= choices.finished;
            sight.content_deltas = choices.deltas;
            sight.text_chars = choices.delta_chars;
            sight.finish = choices.finish;
        }
        if usage_only && self.hide_usage { Verdict::Hidden } else { Verdict::Good }
    }

    /// A choice that never finished is a cut one, unless the provider itself said that all is
    /// told.
    fn is_complete(&self, progress: &Progress) -> bool {
        let all_finished = self.choices_seen & !self.choices_finished == 0;
        self.choices_finished != 0 && (all_finished || progress.end_mark)
    }

    fn text_member(_translate: bool) -> Option<&'static [u8]> {
        Some(b"\"content\"")
    }

    fn is_plain_text(&self, event: &Fields<'_>, text: &str, translate: bool) -> bool {
        is_plain_text(self, event, text, translate)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::form::{Reading, StreamReader};
    use crate::stream::EventStream;

    /// What was understood of a stream that comes in two pieces.
    fn read(mut reader: EventStream<Chunks>, stream: &[u8], cut: usize) -> Vec<String> {
        let mut runs = Vec::new();
        let (first, second) = stream.split_at(cut);
        for piece in [first, second] {
            reader.push(Bytes::copy_from_slice(piece));
            while let Some(run) = reader.next_run() {
                runs.push(format!("{run:?}"));
            }
        }
        while let Some(run) = reader.end() {
            runs.push(format!("{run:?}"));
        }
        runs
    }

    /// One event; most have a wrapping that comes again.
    fn event() -> impl Strategy<Value = String> {
        let text = prop_oneof![
            4 => "[a-z ]{0,8}",
            1 => "\\PC{0,6}".prop_map(|text| text.replace(['"', '\\'], "'")),
            1 => Just("a\\u00e9\\n".to_owned()),
            1 => Just("\\ud83d".to_owned()),
            1 => Just("\",\"content\":\"twice".to_owned()),
        ];
        let wrapping = prop::sample::select(vec![
            r#"data: {"model":"m","choices":[{"index":0,"delta":{"content":"@"},"finish_reason":null}]}"#,
            r#"data: {"choices":[{"delta":{"content": "@"}}],"obfuscation":"@"}"#,
            r#"data: {"choices":[{"delta":{"content":"@"},"finish_reason":"stop"}]}"#,
            r#"data: {"choices":[{"index":1,"delta":{"content":"@"}}]}"#,
            r#"data: {"choices":[{"delta":{"content":"@"}},{"index":1,"delta":{"content":"b"}}]}"#,
            r#"data: {"choices":[{"delta":{"content":[{"text":"@"}]}}]}"#,
            r#"data: {"choices":[{"message":{"content":"@"}}],"usage":{"prompt_tokens":1}}"#,
            r#"data: {"choices":[{"delta":{"content":"@"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            r#"data: {"error":{"message":"@","content":"@"}}"#,
            r#"data: {"content":"@","choices":[{"delta":{}}]}"#,
            "event: error\ndata: {\"content\":\"@\"}",
            ": \"content\":\"@\"",
            "data: [DONE]",
            "data: {]",
        ]);
        let border = prop::sample::select(vec!["\n", "\n", "\n", "\r\n", "\r"]);
        (wrapping, text, border).prop_map(|(wrapping, text, border)| {
            wrapping.replace('\n', border).replace('@', &text) + border + border
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Moulds spare work and change nothing.
        #[test]
        fn a_mould_changes_nothing(
            events in proptest::collection::vec((event(), 1_usize..4), 0..12),
            cut in any::<proptest::sample::Index>(),
            hide_usage in any::<bool>(),
            translate in any::<bool>(),
        ) {
            let stream: String = events.iter().map(|(event, times)| event.repeat(*times)).collect();
            let cut = cut.index(stream.len() + 1);
            let reading = if translate { Reading::Translate } else { Reading::Relay { hide_usage } };
            let with = EventStream::new(Chunks::new(hide_usage), reading);
            let without = EventStream::without_moulds(Chunks::new(hide_usage), reading);
            let stream = stream.as_bytes();
            prop_assert_eq!(read(with, stream, cut), read(without, stream, cut));
        }
    }

    #[test]
    fn moulds_are_used_and_bounded() {
        let event = |text: &str, id: u32| {
            format!(
                "data: {{\"id\":\"{id}\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
            )
        };
        for reading in [Reading::Relay { hide_usage: false }, Reading::Translate] {
            let mut reader = EventStream::new(Chunks::default(), reading);
            let mut feed = |stream: String| {
                reader.push(Bytes::from(stream));
                while let Some(run) = reader.next_run() {
                    assert!(run.is_ok());
                }
                reader.casts()
            };
            assert_eq!(feed(event("one", 1)), 1);
            assert_eq!(feed(event(" two\\n", 1).repeat(100)), 1);
            let changing: String = (2..100).map(|id| event("three", id)).collect();
            assert_eq!(feed(changing), 16);
        }
    }
}
