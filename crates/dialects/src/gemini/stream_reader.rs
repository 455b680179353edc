//! What the events of an answer's stream mean. Borders and bounds are dealt with in `stream`; a
//! whole answer is read as a stream of one event.

use domain::{Event, Fault, Finish, Loss, Sight, Usage};

use super::candidate::CandidateState;
use super::chunk::{Candidate, Chunk, UNHELD};
use super::finish::{failure_of, finish_of};
use super::part::Part;
use crate::json::Object;
use crate::sse::Fields;
use crate::stream::{Progress, Protocol, Verdict};

/// Candidates of one answer that are read.
const CANDIDATES_MAX: u64 = 64;
/// Characters of the provider's id that go into ids of ours.
const SEED_CHARS_MAX: usize = 20;

/// The chunks of one stream.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// Candidates by number, one bit each.
    seen: u64,
    finished: u64,
    /// Candidates that called a function, likewise.
    called: u64,
    started: bool,
    seed: String,
    candidates: Vec<CandidateState>,
    usage: Option<Usage>,
    unheld: u8,
}

/// The chunk that a JSON text is, if it is one.
pub(super) fn read_chunk(data: &[u8]) -> Option<Chunk<'_>> {
    // Checking the text as a whole is cheaper than string by string.
    let text = std::str::from_utf8(data).ok()?;
    let chunk = serde_json::from_str::<Object<Chunk<'_>>>(text).ok()?.0?;
    chunk.is_answer().then_some(chunk)
}

impl Protocol for Chunks {
    /// An image comes as one line, which may fill a whole event.
    const LINE_BYTES_MAX: usize = crate::sse::EVENT_BYTES_MAX;
    /// The official Python client takes a comment for broken JSON.
    const BEARS_COMMENTS: bool = false;

    fn read(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Verdict {
        let data = fields.data.as_deref().unwrap_or_default();
        let Some(chunk) = read_chunk(data) else {
            return Verdict::Malformed;
        };
        if let Some(fault) = self.failure(&chunk) {
            return Verdict::Fault(Box::new(fault));
        }
        if self.is_afterword(&chunk) {
            let usage = chunk.usage.as_ref().and_then(super::usage::WireUsage::normalised);
            events.extend(usage.map(Event::Usage));
            return Verdict::Hidden;
        }
        self.read_chunk(chunk, data, events);
        Verdict::Good
    }

    fn see(&mut self, fields: &Fields<'_>, sight: &mut Sight) -> Verdict {
        let Some(chunk) = read_chunk(fields.data.as_deref().unwrap_or_default()) else {
            return Verdict::Malformed;
        };
        if let Some(fault) = self.failure(&chunk) {
            return Verdict::Fault(Box::new(fault));
        }
        if self.is_afterword(&chunk) {
            sight.usage = chunk.usage.as_ref().and_then(super::usage::WireUsage::normalised);
            return Verdict::Hidden;
        }
        *sight = self.see_chunk(chunk);
        Verdict::Good
    }

    fn is_complete(&self, progress: &Progress) -> bool {
        progress.finished && self.seen & !self.finished == 0
    }
}

impl Chunks {
    /// Words behind the finish of all candidates. There is no other mark of the end; a chunk that
    /// has a finish of its own is none, for older models told one with every chunk.
    fn is_afterword(&self, chunk: &Chunk<'_>) -> bool {
        let all_finished = self.finished != 0 && self.seen & !self.finished == 0;
        let mut candidates = chunk.candidates.iter().flatten();
        all_finished
            && chunk
                .candidates
                .iter()
                .flatten()
                .any(|one| one.parts.iter().flatten().any(is_content))
            && candidates.all(|one| finish_of(&one.finish, false).is_none())
    }

    /// The fault of an answer all of whose candidates end without anything to be used. Where one of
    /// several does, the others are still an answer.
    pub(super) fn failure(&self, chunk: &Chunk<'_>) -> Option<Fault> {
        let mut seen = self.seen;
        let mut fault = None;
        for candidate in chunk.candidates.iter().flatten() {
            seen &= !(1_u64 << candidate.index.min(63));
            fault = Some(failure_of(&candidate.finish, &candidate.message)?);
        }
        fault.filter(|_| seen == 0)
    }

    /// What a reader sees in a chunk that goes through.
    pub(super) fn see_chunk(&mut self, chunk: Chunk<'_>) -> Sight {
        let mut sight = Sight {
            usage: chunk.usage.as_ref().and_then(super::usage::WireUsage::normalised),
            ..Sight::default()
        };
        if !std::mem::replace(&mut self.started, true) {
            sight.model = chunk.model.map(Into::into);
        }
        for candidate in chunk.candidates.unwrap_or_default() {
            let bit = 1_u64 << candidate.index.min(63);
            self.seen |= bit;
            let mut chars = 0_usize;
            for part in candidate.parts.iter().flatten() {
                sight.content_deltas += u32::from(is_content(part));
                if part.call.is_some() {
                    self.called |= bit;
                }
                if let (false, Some(text)) = (part.thought, &part.text) {
                    chars += text.chars().count();
                }
            }
            let finish = finish_of(&candidate.finish, self.called & bit != 0);
            if finish.is_some() {
                self.finished |= bit;
            }
            if candidate.index == 0 {
                let chars = u32::try_from(chars).unwrap_or(u32::MAX);
                sight.text_chars = sight.text_chars.saturating_add(chars);
                sight.finish = finish.or(sight.finish.take());
            }
        }
        if let Some(reason) = chunk.block {
            self.finished = u64::MAX;
            sight.finish = Some(Finish::ContentFilter(reason));
        }
        sight
    }

    /// Reads a chunk into the internal form. `data` serves where the answer has no id.
    pub(super) fn read_chunk(&mut self, chunk: Chunk<'_>, data: &[u8], events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            self.seed = seed_of(chunk.id.as_deref(), data);
            let (id, model) = (chunk.id.map(Into::into), chunk.model.map(Into::into));
            events.push(Event::Start { id, model });
        }
        let mut block = chunk.block.map(Finish::ContentFilter);
        for candidate in chunk.candidates.unwrap_or_default() {
            self.read_candidate(candidate, &mut block, events);
        }
        if let Some(finish) = block {
            self.finished = u64::MAX;
            events.push(Event::finish(finish));
        }
        let usage = chunk.usage.as_ref().and_then(super::usage::WireUsage::normalised);
        if let Some(usage) = usage.filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
    }

    /// The reason for a refused prompt takes the place of the first finish by a filter.
    fn read_candidate(
        &mut self,
        mut candidate: Candidate<'_>,
        block: &mut Option<Finish>,
        events: &mut Vec<Event>,
    ) {
        if candidate.index >= CANDIDATES_MAX {
            events.push(Event::Lost(Loss::dropped("candidates")));
            return;
        }
        let bit = 1_u64 << candidate.index;
        self.seen |= bit;
        let unheld = candidate.unheld & !self.unheld;
        self.unheld |= unheld;
        let names = UNHELD.iter().enumerate().filter(|(at, _)| unheld & (1 << at) != 0);
        events.extend(names.map(|(_, name)| Event::Lost(Loss::dropped(name))));
        let at = usize::try_from(candidate.index).unwrap_or_default();
        while self.candidates.len() <= at {
            let choice = u16::try_from(self.candidates.len()).unwrap_or(u16::MAX);
            self.candidates.push(CandidateState::new(choice));
        }
        let Some(state) = self.candidates.get_mut(at) else { return };
        let written = std::mem::take(&mut candidate.finish);
        state.read(candidate, &self.seed, events);
        let Some(mut finish) = finish_of(&written, state.has_called()) else { return };
        if matches!(finish, Finish::ContentFilter(_)) {
            finish = block.take().unwrap_or(finish);
        }
        state.end(events);
        self.finished |= bit;
        events.push(Event::Finish { choice: state.choice(), finish });
    }
}

/// True if a part carries content: text, thinking, a call or more of its arguments, a medium, or
/// something that only Google knows. A mere signature is none.
fn is_content(part: &Part<'_>) -> bool {
    part.text.as_deref().is_some_and(|text| !text.is_empty())
        || part.inline.is_some()
        || part.file.is_some()
        || part.call.as_ref().is_some_and(|call| call.name.is_some() || !call.pieces.is_empty())
        || part.stranger().is_some()
}

/// What ids of calls begin with, so that they differ between answers: the provider's id of the
/// answer, or a number made of the answer's beginning.
fn seed_of(id: Option<&str>, data: &[u8]) -> String {
    let tame = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let seed: String = id.unwrap_or_default().chars().filter(tame).take(SEED_CHARS_MAX).collect();
    if !seed.is_empty() {
        return seed;
    }
    let hash = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
