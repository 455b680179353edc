//! What the events of a chat completion's stream mean. Borders and bounds are dealt with in
//! `stream`.

use domain::{Event, Sight};

use super::answer::Answer;
use super::chunk::Chunk;
use super::events::Teller;
use super::whole::model_of;
use crate::json::{Members, Object};
use crate::sse::Fields;
use crate::stream::{Progress, Protocol, Verdict};

/// The chunks of one stream.
#[derive(Debug, Default)]
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
}
