//! What a caller was told of a stream so far, kept for the case that it breaks off and another
//! provider has to go on with it. Relayed bytes are kept as they are and read only then. What is
//! kept is bounded for each stream and for the process; beyond that a stream that breaks off ends
//! in an error, as it did before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use dialects::Reading;
use domain::{Delta, Dialect, Event, Piece};

/// Bytes kept of one stream.
const STREAM_BYTES_MAX: usize = 1024 * 1024;
/// Bytes kept in the whole process, the callers' requests included.
const PROCESS_BYTES_MAX: usize = 128 * 1024 * 1024;
/// A stream takes its room in steps of this size, so that the count is rarely touched.
const STEP_BYTES: usize = 16 * 1024;

/// What is said of an answer, as far as it decides how it can go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// The answer's text.
    pub(crate) text: String,
    /// Bytes of thinking that were shown.
    thought_bytes: usize,
    /// A tool call has begun: what was sent of it may be executed.
    pub(crate) called: bool,
    /// Words of refusal, a medium, or a second answer beside the first.
    pub(crate) other: bool,
    pub(crate) finished: bool,
}

impl Story {
    pub(crate) fn take(&mut self, event: &Event) {
        match event {
            Event::Delta { choice: 0, delta } => match delta {
                Delta::Text(text) => self.text.push_str(text),
                Delta::Thinking(text) => self.thought_bytes += text.len(),
                Delta::ToolCall { .. } | Delta::Arguments { .. } => self.called = true,
                Delta::Refusal(_) | Delta::Media(_) => self.other = true,
                Delta::Proof(_)
                | Delta::Citation(_)
                | Delta::SearchResults(_)
                | Delta::LogProbs(_) => {}
            },
            Event::Delta { .. } => self.other = true,
            Event::Finish { .. } => self.finished = true,
            Event::Start { .. } | Event::Usage(_) | Event::Ping | Event::Lost(_) => {}
        }
    }

    /// Tokens that were generated for it, at four bytes each.
    pub(crate) fn estimated_tokens(&self) -> u64 {
        (self.text.len() + self.thought_bytes).div_ceil(4) as u64
    }
}

/// What was told.
#[derive(Debug)]
pub(crate) struct Told {
    kept: Kept,
    /// Of the answer.
    bytes: usize,
    /// Held besides: the caller's request, which is counted for the process only.
    fixed_bytes: usize,
    reserved: usize,
    room: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Kept {
    /// Whole events, as the provider sent them.
    Relayed(BytesMut),
    Native(Box<Story>),
    /// It need not be known, or was too long.
    Nothing,
}

impl Told {
    /// A stream for which `fixed_bytes` are held besides. Relayed bytes are expected if `relayed`.
    pub(crate) fn new(room: Arc<AtomicUsize>, fixed_bytes: usize, relayed: bool) -> Self {
        let kept =
            if relayed { Kept::Relayed(BytesMut::new()) } else { Kept::Native(Box::default()) };
        let mut told = Self { kept, bytes: 0, fixed_bytes, reserved: 0, room };
        told.grow(0);
        told
    }

    /// A stream that is not to be taken over.
    pub(crate) fn nothing(room: Arc<AtomicUsize>) -> Self {
        Self { kept: Kept::Nothing, bytes: 0, fixed_bytes: 0, reserved: 0, room }
    }

    /// True if nothing is kept, so that nothing can be taken over.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.kept, Kept::Nothing)
    }

    /// Relayed bytes go to the caller now.
    pub(crate) fn relay(&mut self, bytes: &Bytes) {
        if let Kept::Relayed(kept) = &mut self.kept {
            // Copied, since a small run may be a slice of a large buffer, which it would keep alive.
            kept.extend_from_slice(bytes);
            self.grow(bytes.len());
        }
    }

    /// A native event goes to the caller now.
    pub(crate) fn tell(&mut self, event: &Event) {
        let Kept::Native(story) = &mut self.kept else { return };
        story.take(event);
        if let Event::Delta { delta: Delta::Text(text), .. } = event {
            self.grow(text.len());
        }
    }

    fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes > STREAM_BYTES_MAX {
            return self.forget();
        }
        let held = self.bytes + self.fixed_bytes;
        if held <= self.reserved {
            return;
        }
        let step = (held - self.reserved).max(STEP_BYTES);
        self.reserved += step;
        if self.room.fetch_add(step, Ordering::Relaxed) + step > PROCESS_BYTES_MAX {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.kept = Kept::Nothing;
        self.room.fetch_sub(std::mem::take(&mut self.reserved), Ordering::Relaxed);
    }

    /// The relayed bytes in one piece; `None` if native events were told.
    pub(crate) fn relayed(&self) -> Option<Bytes> {
        let Kept::Relayed(kept) = &self.kept else { return None };
        Some(Bytes::copy_from_slice(kept))
    }

    /// What was said, read from relayed bytes if need be; `None` if it is not known.
    pub(crate) fn story(&self, dialect: Dialect) -> Option<Story> {
        match &self.kept {
            Kept::Nothing => None,
            Kept::Native(story) => Some(Story::clone(story)),
            Kept::Relayed(kept) => {
                let mut reader = dialects::of(dialect).stream_reader(Reading::Translate);
                let mut story = Story::default();
                reader.push(Bytes::copy_from_slice(kept));
                while let Some(piece) = reader.next_run() {
                    let Ok(Piece::Native(event)) = piece else { return None };
                    story.take(&event);
                }
                Some(story)
            }
        }
    }

    /// From now on native events are told, after this.
    pub(crate) fn go_on_with(&mut self, story: Story) {
        if !self.is_nothing() {
            self.kept = Kept::Native(Box::new(story));
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.room.fetch_sub(self.reserved, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Bytes {
        Bytes::from(format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        ))
    }

    #[test]
    fn relayed_bytes_are_read_when_they_are_needed() {
        let room = Arc::new(AtomicUsize::new(0));
        let mut told = Told::new(room.clone(), 100, true);
        told.relay(&chunk("one "));
        told.relay(&chunk("two"));
        let story = told.story(Dialect::OpenAiChat).unwrap();
        assert_eq!((story.text.as_str(), story.called), ("one two", false));
        assert_eq!(room.load(Ordering::Relaxed), STEP_BYTES);
        drop(told);
        assert_eq!(room.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn beyond_its_bounds_nothing_is_kept() {
        let room = Arc::new(AtomicUsize::new(0));
        let mut long = Told::new(room.clone(), 0, true);
        let run = chunk(&"x".repeat(100_000));
        (0..12).for_each(|_| long.relay(&run));
        assert!(long.is_nothing() && long.story(Dialect::OpenAiChat).is_none());
        assert_eq!(room.load(Ordering::Relaxed), 0, "the room is given back");

        room.store(PROCESS_BYTES_MAX, Ordering::Relaxed);
        let mut late = Told::new(room.clone(), 0, false);
        late.tell(&Event::text("x"));
        assert!(late.is_nothing());
        assert_eq!(room.load(Ordering::Relaxed), PROCESS_BYTES_MAX);
        assert!(Told::new(room, 5_000_000, true).is_nothing(), "the request counts too");
    }
}
