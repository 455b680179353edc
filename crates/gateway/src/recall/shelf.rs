//! Kept answers by their questions, within bounds: the one that was kept longest ago leaves first. An
//! answer that is given anew takes the place of the old one. It knows no requests and no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use clock::Tick;
use domain::{Completion, Content, Reply};

use super::{Finished, Question, RecallSettings};

/// Counted for each answer beside its words: the hash twice, the maps' places, the structs.
const OVERHEAD_BYTES: usize = 768;

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    // Its order is never seen: it is asked for single questions only.
    answers: HashMap<Question, Kept>,
    /// The oldest first.
    order: BTreeMap<u64, Question>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    serial: u64,
    at: Tick,
    bytes: usize,
    answer: Arc<Finished>,
}

impl Shelf {
    pub(crate) fn find(&self, question: &Question, now: Tick) -> Option<(Arc<Finished>, Duration)> {
        let kept = self.answers.get(question)?;
        Some((kept.answer.clone(), now.since(kept.at)))
    }

    pub(crate) fn keep(
        &mut self,
        question: Question,
        answer: Finished,
        now: Tick,
        settings: &RecallSettings,
    ) {
        let bytes = OVERHEAD_BYTES + weight(&answer.reply);
        if bytes > settings.answer_bytes_max.min(settings.bytes_max) {
            return;
        }
        self.remove(&question);
        let serial = self.next;
        self.next += 1;
        self.bytes += bytes;
        self.order.insert(serial, question);
        self.answers.insert(question, Kept { serial, at: now, bytes, answer: Arc::new(answer) });
        let kept_for = settings.kept_for();
        while let Some(oldest) = self.oldest().filter(|kept| now.since(kept.1) > kept_for) {
            self.remove(&oldest.0);
        }
        self.fit(settings);
    }

    /// Lets the oldest go until the bounds are kept.
    pub(crate) fn fit(&mut self, settings: &RecallSettings) {
        while self.answers.len() > settings.entries_max || self.bytes > settings.bytes_max {
            let Some((oldest, _)) = self.oldest() else { return };
            self.remove(&oldest);
        }
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.answers.len(), self.bytes)
    }

    fn oldest(&self) -> Option<(Question, Tick)> {
        let (_, question) = self.order.first_key_value()?;
        self.answers.get(question).map(|kept| (*question, kept.at))
    }

    fn remove(&mut self, question: &Question) {
        if let Some(kept) = self.answers.remove(question) {
            self.order.remove(&kept.serial);
            self.bytes -= kept.bytes;
        }
    }
}

/// The bytes of what an answer says.
fn weight(reply: &Reply) -> usize {
    match reply {
        Reply::Completion(completion) => said(completion),
        Reply::Embeddings(vectors) => {
            vectors.vectors.iter().map(|vector| 24 + vector.len() * 4).sum()
        }
        Reply::InputTokens { .. } => 0,
    }
}

fn said(completion: &Completion) -> usize {
    let parts = completion.choices.iter().flat_map(|choice| &choice.content);
    let bytes = parts.map(|part| match part {
        Content::Text(text) => {
            let cited = |words: &Option<Box<str>>| words.as_ref().map_or(0, |words| words.len());
            let citations = text.citations.iter().map(|citation| {
                64 + cited(&citation.url) + cited(&citation.title) + cited(&citation.quote)
            });
            text.text.len() + citations.sum::<usize>()
        }
        Content::Thinking(thinking) => {
            thinking.text.len() + thinking.proof.as_ref().map_or(0, |proof| proof.data.len())
        }
        // Nothing else is kept.
        _ => 0,
    });
    bytes.map(|bytes| bytes + size_of::<Content>()).sum()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::{Choice, Dialect, Losses, Outline, Request, Target};
    use proptest::prelude::*;

    use super::*;

    fn question(number: u32) -> Question {
        let body = Bytes::from(format!("{{\"n\":{number}}}"));
        Question::of(None, "m", &Request::new(Dialect::OpenAiChat, body, Outline::default()))
    }

    fn answer(bytes: usize) -> Finished {
        let choice =
            Choice { content: vec![Content::text("x".repeat(bytes))], ..Choice::default() };
        let completion = Completion { choices: vec![choice], ..Completion::default() };
        Finished {
            reply: Reply::Completion(completion),
            losses: Losses::default(),
            target: Target::new("fake", "model"),
        }
    }

    const SETTINGS: RecallSettings = RecallSettings {
        enabled: true,
        fresh_ms_max: 0,
        stale: true,
        stale_ms_max: 60_000,
        entries_max: 5,
        bytes_max: 10_000,
        answer_bytes_max: 4_000,
    };

    #[test]
    fn the_oldest_leaves_for_the_bytes_of_the_newest() {
        let mut shelf = Shelf::default();
        for number in 0..4 {
            shelf.keep(
                question(number),
                answer(2_000),
                Tick::from_millis(number.into()),
                &SETTINGS,
            );
        }
        let now = Tick::from_millis(10);
        let known: Vec<bool> = (0..4).map(|n| shelf.find(&question(n), now).is_some()).collect();
        assert_eq!(known, [false, true, true, true], "{:?}", shelf.size());
        // One that is asked for anew is young again.
        shelf.keep(question(1), answer(2_000), now, &SETTINGS);
        shelf.keep(question(5), answer(2_000), now, &SETTINGS);
        assert!(shelf.find(&question(2), now).is_none() && shelf.find(&question(1), now).is_some());
        shelf.keep(question(6), answer(4_000), now, &SETTINGS);
        assert!(shelf.find(&question(6), now).is_none(), "it is too large by itself");
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_held() {
        let mut shelf = Shelf::default();
        shelf.keep(question(1), answer(10), Tick::from_millis(0), &SETTINGS);
        shelf.keep(question(2), answer(10), Tick::from_millis(60_001), &SETTINGS);
        assert_eq!(shelf.size().0, 1);
    }

    proptest! {
        /// The bounds are kept whatever comes, and the sums are those of what is there.
        #[test]
        fn bounds_are_kept(steps in prop::collection::vec((0_u32..9, 0_usize..5_000, 0_u64..9_000), 1..80)) {
            let mut shelf = Shelf::default();
            let mut now_ms = 0;
            for (number, bytes, pause_ms) in steps {
                now_ms += pause_ms;
                shelf.keep(question(number), answer(bytes), Tick::from_millis(now_ms), &SETTINGS);
                let (entries, held) = shelf.size();
                prop_assert!(entries <= 5 && held <= 10_000);
                prop_assert_eq!(shelf.order.len(), entries);
                prop_assert_eq!(held, shelf.answers.values().map(|kept| kept.bytes).sum::<usize>());
            }
        }
    }
}
