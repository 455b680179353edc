//! The list of model names and what each of them does, in every dialect. What a scene says is in
//! `compose`, what it does in `decide`.

use super::further::{FURTHER, Plot};

/// One model name of the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The model's name. Ids of the form `fb-sNN` may carry any suffix.
    pub id: &'static str,
    /// What the wall does.
    pub what: &'static str,
    /// What a client or gateway with a healthy second choice ought to make of it.
    pub correct: &'static str,
    pub(crate) scene: Scene,
}

/// What a model name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    Plain,
    NoPrefill,
    Turns,
    Tools,
    ParallelTools,
    Thinking,
    Citations,
    Refusal,
    FilterMid,
    Length,
    Cached,
    Json,
    Image,
    Echo,
    Slow,
    DeadKey,
    ErrorFirst,
    ErrorMid,
    S01,
    S02,
    S03,
    S04,
    S05,
    S06,
    S07,
    S08,
    S09,
    S10,
    S11,
    S12,
    S13,
    S14,
    S15,
    S16,
    Further(Plot),
}

const fn entry(id: &'static str, scene: Scene, what: &'static str, correct: &'static str) -> Entry {
    Entry { id, what, correct, scene }
}

/// Every model name that the wall knows, the healthy ones first.
pub fn catalogue() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().chain(FURTHER)
}

static CATALOGUE: &[Entry] = &[
    entry(
        "fb-ok",
        Scene::Plain,
        "healthy: sixty words, one a chunk; goes on where an assistant turn left off, also \
         if a user turn asks to",
        "the whole text arrives",
    ),
    entry(
        "fb-ok-noprefill",
        Scene::NoPrefill,
        "healthy, but a request that ends with an assistant turn gets a 400",
        "a continuation is asked for in a user turn",
    ),
    entry(
        "fb-ok-turns",
        Scene::Turns,
        "the same, and asked in a user turn to go on it repeats the last six words, then goes on",
        "what is repeated is cut away",
    ),
    entry(
        "fb-ok-tools",
        Scene::Tools,
        "calls the first offered tool; after a tool turn it answers the text",
        "the call's arguments arrive whole",
    ),
    entry(
        "fb-ok-json",
        Scene::Json,
        "answers an object that fits the JSON schema of the request",
        "the object arrives whole",
    ),
    entry(
        "fb-ok-image",
        Scene::Image,
        "says how many images the request holds",
        "the images reach the provider",
    ),
    entry(
        "fb-ok-echo",
        Scene::Echo,
        "answers the request's own body as text",
        "unknown fields and numbers keep their spelling",
    ),
    entry(
        "fb-ok-slow",
        Scene::Slow,
        "thirty words, 200 ms apart",
        "the call ends when the caller hangs up",
    ),
    entry(
        "fb-ok-key",
        Scene::DeadKey,
        "refuses the key, unless the wall was told which key to expect and the request has it",
        "another key or rung is tried, never the same key",
    ),
    entry(
        "fb-tools",
        Scene::Tools,
        "the same as fb-ok-tools; the arguments fit the tool's schema",
        "the call's arguments arrive whole",
    ),
    entry(
        "fb-parallel-tools",
        Scene::ParallelTools,
        "calls the first two offered tools at once, or the first one twice with other arguments",
        "both calls arrive, each with its own arguments",
    ),
    entry(
        "fb-thinking",
        Scene::Thinking,
        "twelve words of reasoning, sealed where the dialect seals, then the sixty words",
        "the reasoning stays apart from the text; the seal comes back as it was",
    ),
    entry(
        "fb-citations",
        Scene::Citations,
        "the sixty words with one citation of their first sentence",
        "the citation arrives with its place and address",
    ),
    entry(
        "fb-refusal",
        Scene::Refusal,
        "refuses to answer, by the dialect's own ending",
        "the refusal is told as one and not tried elsewhere",
    ),
    entry(
        "fb-filter-mid",
        Scene::FilterMid,
        "a content filter ends the answer after twenty words",
        "the words arrive and the ending says why there are no more",
    ),
    entry(
        "fb-length",
        Scene::Length,
        "ends by its limit of output after twelve words",
        "the ending says that the limit was reached",
    ),
    entry(
        "fb-cached",
        Scene::Cached,
        "the sixty words; 1024 tokens of the prompt, beyond its own words, came from a cache",
        "the cached tokens are counted once",
    ),
    entry(
        "fb-error-first",
        Scene::ErrorFirst,
        "a stream, with status 200, whose first piece is an overloaded error",
        "the next rung answers, and the caller sees nothing of it",
    ),
    entry(
        "fb-error-mid",
        Scene::ErrorMid,
        "a stream in which an overloaded error follows twenty words",
        "the whole answer or a clear error",
    ),
    entry(
        "fb-s01",
        Scene::S01,
        "one 429 that asks for a wait of 2 s, then healthy",
        "waits about two seconds, then succeeds on the same route",
    ),
    entry(
        "fb-s02",
        Scene::S02,
        "429 that names no wait, always",
        "at most six attempts, then the next rung",
    ),
    entry(
        "fb-s03",
        Scene::S03,
        "one 500, then healthy",
        "tries once more on the same route and succeeds",
    ),
    entry(
        "fb-s04",
        Scene::S04,
        "overloaded (503, Anthropic 529), always",
        "at most six attempts, then the next rung",
    ),
    entry(
        "fb-s05",
        Scene::S05,
        "one TCP reset, then healthy",
        "tries once more on the same route and succeeds",
    ),
    entry(
        "fb-s06",
        Scene::S06,
        "silence: no answer head for 120 s (fast: 15 s), then closes",
        "gives up by its own clock, does not try the silent route again, takes the next rung",
    ),
    entry(
        "fb-s07",
        Scene::S07,
        "head at once, first word after 20 s (fast: 3 s)",
        "a first-token limit under 15 s, then the next rung",
    ),
    entry(
        "fb-s08",
        Scene::S08,
        "cuts the stream after 40 of 60 words",
        "the whole answer or a clear error, never the cut text as a success",
    ),
    entry(
        "fb-s09",
        Scene::S09,
        "stalls after 20 words for 30 s (fast: 4 s), then closes",
        "notices the stall; the whole answer or a clear error",
    ),
    entry(
        "fb-s10",
        Scene::S10,
        "one malformed event, the tenth; all sixty words come",
        "skips it and keeps the rest",
    ),
    entry(
        "fb-s11",
        Scene::S11,
        "a stream without its last mark: [DONE], message_stop, finishReason, response.completed",
        "finishes the answer and reports its usage",
    ),
    entry(
        "fb-s12",
        Scene::S12,
        "400: the prompt is longer than the context, always",
        "is not tried again on this model",
    ),
    entry(
        "fb-s13",
        Scene::S13,
        "the prompt is refused by the content policy, always (400; Gemini tells it in a 200)",
        "is not tried again anywhere; the caller gets the reason",
    ),
    entry(
        "fb-s14",
        Scene::S14,
        "cuts the stream after 40 of 60 words; for ladders whose next rung rejects prefill",
        "the whole answer or a clear error, which is never the rejected prefill",
    ),
    entry(
        "fb-s15",
        Scene::S15,
        "overloaded for 60 s (fast: 6 s) after a start or reset, then healthy",
        "serves from the next rung meanwhile and is back within 30 s of recovery",
    ),
    entry(
        "fb-s16",
        Scene::S16,
        "overloaded, always; for the check of the books",
        "the answer names the model that gave it, and that model's usage",
    ),
];

/// The entry of a model name, read after its last slash.
pub(crate) fn entry_of(model: &str) -> Option<&'static Entry> {
    let name = model.rsplit('/').next().unwrap_or(model);
    catalogue().find(|entry| match entry.id.strip_prefix("fb-s") {
        Some(_) => name.starts_with(entry.id),
        None => name == entry.id,
    })
}

impl Entry {
    /// The id used in the log: `s01` and so on, or what follows `fb-`.
    pub(crate) fn short(&self) -> &'static str {
        self.id.strip_prefix("fb-").unwrap_or(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_after_its_last_slash_and_faults_may_carry_a_suffix() {
        let scene = |name| entry_of(name).map(|entry| entry.scene);
        assert_eq!(scene("fb-ok"), Some(Scene::Plain));
        assert_eq!(scene("a/b/fb-ok-noprefill"), Some(Scene::NoPrefill));
        assert_eq!(scene("wall/fb-s07-anything"), Some(Scene::S07));
        assert_eq!(scene("fb-s16"), Some(Scene::S16));
        for unknown in
            ["fb-s00", "fb-s38", "fb-s99", "fb-s", "fb-ok-else", "gpt-4.1", "", "fb-s07/x"]
        {
            assert_eq!(scene(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_entry_finds_itself() {
        for entry in catalogue() {
            assert_eq!(entry_of(entry.id), Some(entry));
            assert_eq!(format!("fb-{}", entry.short()), entry.id);
            assert!(!entry.what.is_empty() && !entry.correct.is_empty());
        }
        assert_eq!(catalogue().count(), 35 + FURTHER.len());
    }
}
