//! Counts the control frames of an HTTP/2 peer. Pings, settings, window updates, resets and
//! priorities cost the peer nothing and us an answer or a look; h2 bounds resets and
//! continuations, this bounds the rest. The frames' meaning is h2's business.

use std::time::Duration;

use tokio::time::Instant;

use super::timer::now;

const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// Control frames that a peer may be ahead of its useful work.
const FRAMES_AHEAD_MAX: u64 = 2_000;
/// Control frames that any peer may send without useful work, for pings and settings.
const FRAMES_PER_S: u64 = 10;

/// Reads frame heads as bytes come in.
#[derive(Debug)]
pub(super) struct FrameMeter {
    /// Bytes until the next frame's head.
    skip: usize,
    head: [u8; HEAD_BYTES],
    head_len: usize,
    left: u64,
    filled: Instant,
}

impl FrameMeter {
    /// Before the preface was read.
    pub(super) fn new() -> Self {
        Self {
            skip: PREFACE_BYTES,
            head: [0; HEAD_BYTES],
            head_len: 0,
            left: FRAMES_AHEAD_MAX,
            filled: now(),
        }
    }

    /// Takes `bytes` in and spends the budget on the control frames among them; `earned` are the
    /// frames that useful work has paid for since the last call. False once the budget is spent.
    pub(super) fn bears(&mut self, mut bytes: &[u8], earned: u64) -> bool {
        self.left = self.left.saturating_add(earned).min(FRAMES_AHEAD_MAX);
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let (Some(slot), Some((first, rest))) =
                (self.head.get_mut(self.head_len), bytes.split_first())
            else {
                break;
            };
            *slot = *first;
            bytes = rest;
            self.head_len += 1;
            if self.head_len == HEAD_BYTES && !self.pay_for_frame() {
                return false;
            }
        }
        true
    }

    fn pay_for_frame(&mut self) -> bool {
        let [high, middle, low, kind, ..] = self.head;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.head_len = 0;
        if matches!(kind, DATA | HEADERS | CONTINUATION) {
            return true;
        }
        if self.left == 0 {
            self.refill();
        }
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }

    /// Looks at the time only when the budget is spent, so that it costs an honest peer nothing.
    fn refill(&mut self) {
        let now = now();
        let passed = now.duration_since(self.filled).min(Duration::from_secs(3_600));
        self.left = (passed.as_secs() * FRAMES_PER_S).min(FRAMES_AHEAD_MAX);
        if self.left > 0 {
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        bytes.resize(HEAD_BYTES + payload, 0xff);
        bytes
    }

    proptest! {
        /// The budget sees the same frames however the bytes are cut.
        #[test]
        fn cuts_change_nothing(
            kinds in proptest::collection::vec((0_u8..11, 0_usize..300), 0..60),
            cuts in proptest::collection::vec(1_usize..200, 1..20),
        ) {
            let mut bytes = vec![b'p'; PREFACE_BYTES];
            for (kind, payload) in &kinds {
                bytes.extend(frame(*kind, *payload));
            }
            let free = |kind: u8| matches!(kind, DATA | HEADERS | CONTINUATION);
            let costly = kinds.iter().filter(|(kind, _)| !free(*kind)).count() as u64;

            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let _inside = runtime.as_ref().unwrap().enter();
            let mut meter = FrameMeter::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                prop_assert!(meter.bears(piece, 0));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(meter.left, FRAMES_AHEAD_MAX - costly);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_is_spent_earned_and_refilled() {
        let mut meter = FrameMeter::new();
        assert!(meter.bears(&[0; PREFACE_BYTES], 0));
        let pings = |count: u64| frame(6, 8).repeat(usize::try_from(count).unwrap());
        assert!(meter.bears(&pings(FRAMES_AHEAD_MAX), 0));
        assert!(meter.bears(&pings(5), 5));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(meter.bears(&pings(3 * FRAMES_PER_S), 0));
        // Data is not held against anybody here.
        assert!(meter.bears(&frame(DATA, 100), 0));
        assert!(!meter.bears(&pings(1), 0));
    }
}
