//! How long people wait for a first word before they leave, learned from those who did. A line that
//! is as long as its callers' patience serves only those who are about to go: whoever would have to
//! wait longer is better told so at once. The estimate is Kaplan and Meier's, since most hear their
//! first word before anybody knows how long they would have stayed.
//!
//! A line that is kept shorter than people's patience shows nobody's patience any more. What was
//! learned is therefore remembered beyond its counts, and given up little by little: to forget it at
//! once would let the line grow until all of it leaves, again and again.

use std::time::Duration;

use clock::Tick;

/// Seconds that are told apart; whoever stayed longer stayed for ever.
const SECONDS: usize = 120;
/// Patience ends where more than this share would have left.
const LEFT_SHARE_MAX: f64 = 0.2;
/// Waits of a second without which it says nothing.
const AT_RISK_MIN: u32 = 20;
/// After so many waits all that is known counts half.
const WAITS_MAX: u32 = 1_024;
/// So much of their patience people may spend in line; the first word takes its part.
const IN_LINE_SHARE: f64 = 0.5;
/// A line of so many seconds is borne whatever was learned, or nobody could show more patience.
const IN_LINE_S_MIN: f64 = 2.0;
/// After so long without news of it, people are taken to be so many times more patient.
const REMEMBERED: Duration = Duration::from_secs(300);
const TRIED_AGAIN_FACTOR: f64 = 1.5;

/// How waits ended, by their length in seconds.
#[derive(Debug)]
pub(super) struct Patience {
    left: [u32; SECONDS],
    stayed: [u32; SECONDS],
    waits: u32,
    /// How many seconds people were last seen to stay, and when.
    known: Option<(f64, Tick)>,
}

/// What the counts say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Patience ends after so many seconds.
    Ends(u32),
    /// It lasts for so many seconds at least.
    Lasts(u32),
}

impl Default for Patience {
    fn default() -> Self {
        Self { left: [0; SECONDS], stayed: [0; SECONDS], waits: 0, known: None }
    }
}

impl Patience {
    /// Somebody waited for so long, and left of his own will or did not.
    pub(super) fn waited(&mut self, now: Tick, span: Duration, left: bool) {
        let second = usize::try_from(span.as_secs()).unwrap_or(usize::MAX).min(SECONDS - 1);
        let counts = if left { &mut self.left } else { &mut self.stayed };
        if let Some(count) = counts.get_mut(second) {
            *count += 1;
        }
        match self.shown() {
            Shown::Ends(second) => self.known = Some((f64::from(second), now)),
            Shown::Lasts(seconds) => {
                self.known = self.known.filter(|(known, _)| f64::from(seconds) <= *known);
            }
        }
        self.waits += 1;
        if self.waits >= WAITS_MAX {
            self.waits /= 2;
            self.left.iter_mut().chain(&mut self.stayed).for_each(|count| *count /= 2);
        }
    }

    /// The longest line that makes sense; `None` as long as nobody is known to run out of patience.
    pub(super) fn in_line_max(&self, now: Tick) -> Option<Duration> {
        let borne = self.patience_s(now)? * IN_LINE_SHARE;
        Some(Duration::from_secs_f64(borne.max(IN_LINE_S_MIN)))
    }

    /// Seconds that people stay, as far as it is known.
    fn patience_s(&self, now: Tick) -> Option<f64> {
        let (seconds, seen) = self.known?;
        let tried_again = now.since(seen).as_secs() / REMEMBERED.as_secs();
        let factor = TRIED_AGAIN_FACTOR.powi(i32::try_from(tried_again).unwrap_or(i32::MAX));
        #[expect(clippy::cast_precision_loss, reason = "two minutes in seconds")]
        let longest = SECONDS as f64;
        Some(seconds * factor).filter(|seconds| *seconds < longest)
    }

    fn shown(&self) -> Shown {
        let mut at_risk: u32 = self.left.iter().chain(&self.stayed).sum();
        let mut staying = 1.0;
        for (second, (left, stayed)) in (0_u32..).zip(self.left.iter().zip(&self.stayed)) {
            if at_risk < AT_RISK_MIN {
                return Shown::Lasts(second);
            }
            staying *= 1.0 - f64::from(*left) / f64::from(at_risk);
            if staying < 1.0 - LEFT_SHARE_MAX {
                return Shown::Ends(second);
            }
            at_risk -= left + stayed;
        }
        Shown::Lasts(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn at(seconds: u64) -> Tick {
        Tick::default() + S(seconds)
    }

    #[test]
    fn it_is_learned_from_those_who_left_and_not_from_those_who_were_served() {
        let mut patience = Patience::default();
        for second in 0..600 {
            patience.waited(at(0), S(second % 10), false);
        }
        // Now and then somebody goes for reasons of his own.
        for _ in 0..20 {
            patience.waited(at(0), S(1), true);
        }
        assert_eq!(patience.in_line_max(at(0)), None);
        for _ in 0..40 {
            patience.waited(at(0), S(20), true);
        }
        assert_eq!(patience.in_line_max(at(0)), Some(S(10)));
        // A third of them is enough.
        let mut some = Patience::default();
        let left =
            |who: u64| (S(20 + 5 * u64::from(!who.is_multiple_of(3))), who.is_multiple_of(3));
        (0..120).map(left).for_each(|(span, left)| some.waited(at(0), span, left));
        assert_eq!(some.in_line_max(at(0)), Some(S(10)));
    }

    /// A line that is kept short shows nobody's patience, so it must not be what makes it forgotten.
    #[test]
    fn it_is_remembered_while_nobody_can_show_it_and_tried_again_by_and_by() {
        let mut patience = Patience::default();
        (0..40).for_each(|_| patience.waited(at(0), S(20), true));
        for second in 0..290 {
            (0..100).for_each(|_| patience.waited(at(second), S(3), false));
        }
        assert_eq!(patience.in_line_max(at(290)), Some(S(10)));
        assert_eq!(patience.in_line_max(at(400)), Some(S(15)));
        assert_eq!(patience.in_line_max(at(3_600)), None);
        // People who stay for longer need no such time.
        (0..200).for_each(|_| patience.waited(at(400), S(40), false));
        assert_eq!(patience.in_line_max(at(400)), None);
    }
}
