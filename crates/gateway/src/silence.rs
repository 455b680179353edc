//! Streamed calls that wait for their first word, by when they began: two counters a second, so that
//! whoever looks once a second sees how many have been silent for how long. A call costs three
//! additions; nothing is judged here.

use std::sync::atomic::{AtomicU32, Ordering};

use clock::Tick;

/// Seconds that are told apart. A call that is silent for longer is counted as a younger one.
pub const SILENCE_S: usize = 16;

const SECOND_NS: u64 = 1_000_000_000;

/// Calls that began in one second.
#[derive(Debug, Default)]
struct Second {
    /// All that ever began in a second of this place.
    begun: AtomicU32,
    /// Those of them that have not said a word.
    silent: AtomicU32,
}

/// The seconds of one rung.
#[derive(Debug, Default)]
pub(crate) struct Silence([Second; SILENCE_S]);

/// A call that waits. Dropped at its first word, at its failure, or when its caller has left.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a AtomicU32);

/// The seconds of one provider by their place, which is the second modulo [`SILENCE_S`]: calls that
/// ever began there (it only rises, and wraps), and those that are silent.
pub type Silences = [(u32, u32); SILENCE_S];

/// Who waits at one provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits {
    /// Streamed calls, for their first word.
    pub streams: Silences,
    /// Calls that go as a breaker's probe, streamed or not, for anything at all.
    pub trials: Silences,
}

impl Silence {
    pub(crate) fn begin(&self, now: Tick) -> Option<Waiting<'_>> {
        let second = self.0.get(place(now))?;
        second.begun.fetch_add(1, Ordering::Relaxed);
        second.silent.fetch_add(1, Ordering::Relaxed);
        Some(Waiting(&second.silent))
    }

    /// A call that began then is waited for again, and is no further one.
    pub(crate) fn resume(&self, began: Tick) -> Option<Waiting<'_>> {
        let second = self.0.get(place(began))?;
        second.silent.fetch_add(1, Ordering::Relaxed);
        Some(Waiting(&second.silent))
    }

    pub(crate) fn add_to(&self, sum: &mut Silences) {
        for (sum, second) in sum.iter_mut().zip(&self.0) {
            sum.0 = sum.0.wrapping_add(second.begun.load(Ordering::Relaxed));
            sum.1 = sum.1.wrapping_add(second.silent.load(Ordering::Relaxed));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of a moment's second.
pub(crate) fn place(now: Tick) -> usize {
    usize::try_from(now.as_nanos() / SECOND_NS).unwrap_or(0) % SILENCE_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_counted_where_he_began() {
        let silence = Silence::default();
        let mut waiting = Vec::new();
        for second in [3, 3, 19, 4] {
            waiting.extend(silence.begin(Tick::from_millis(second * 1_000 + 999)));
        }
        let seen = || {
            let mut sum = Silences::default();
            silence.add_to(&mut sum);
            (sum[3], sum[4])
        };
        assert_eq!(seen(), ((3, 3), (1, 1)));
        drop(waiting.pop());
        assert_eq!(seen(), ((3, 3), (1, 0)));
        let again = silence.resume(Tick::from_millis(4_000));
        assert_eq!(seen(), ((3, 3), (1, 1)), "no further call");
        drop(again);
        drop(waiting);
        assert_eq!(seen(), ((3, 0), (1, 0)));
    }
}
