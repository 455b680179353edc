//! How long people wait for a first word before they leave, learned from those who did. A line that
//! is as long as its callers' patience serves only those who are about to go: whoever would have to
//! wait longer is better told so at once. The estimate is Kaplan and Meier's, since most hear their
//! first word before anybody knows how long they would have stayed.

use std::time::Duration;

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

/// How waits ended, by their length in seconds.
#[derive(Debug)]
pub(super) struct Patience {
    left: [u32; SECONDS],
    stayed: [u32; SECONDS],
    waits: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { left: [0; SECONDS], stayed: [0; SECONDS], waits: 0 }
    }
}

impl Patience {
    /// Somebody waited for so long, and left of his own will or did not.
    pub(super) fn waited(&mut self, span: Duration, left: bool) {
        let second = usize::try_from(span.as_secs()).unwrap_or(usize::MAX).min(SECONDS - 1);
        let counts = if left { &mut self.left } else { &mut self.stayed };
        if let Some(count) = counts.get_mut(second) {
            *count += 1;
        }
        self.waits += 1;
        if self.waits >= WAITS_MAX {
            self.waits /= 2;
            self.left.iter_mut().chain(&mut self.stayed).for_each(|count| *count /= 2);
        }
    }

    /// The longest wait that makes sense; `None` as long as nobody is known to run out of patience.
    pub(super) fn in_line_max(&self) -> Option<Duration> {
        let mut at_risk: u32 = self.left.iter().chain(&self.stayed).sum();
        let mut staying = 1.0;
        for (second, (left, stayed)) in (0_u32..).zip(self.left.iter().zip(&self.stayed)) {
            if at_risk < AT_RISK_MIN {
                return None;
            }
            staying *= 1.0 - f64::from(*left) / f64::from(at_risk);
            if staying < 1.0 - LEFT_SHARE_MAX {
                let borne = f64::from(second) * IN_LINE_SHARE;
                return Some(Duration::from_secs_f64(borne.max(IN_LINE_S_MIN)));
            }
            at_risk -= left + stayed;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn it_is_learned_from_those_who_left_and_not_from_those_who_were_served() {
        let mut patience = Patience::default();
        for second in 0..600 {
            patience.waited(S(second % 10), false);
        }
        // Now and then somebody goes for reasons of his own.
        for _ in 0..20 {
            patience.waited(S(1), true);
        }
        assert_eq!(patience.in_line_max(), None);
        for _ in 0..40 {
            patience.waited(S(20), true);
        }
        assert_eq!(patience.in_line_max(), Some(S(10)));
        // A third of them is enough.
        let mut some = Patience::default();
        (0..120).for_each(|who| some.waited(S(20 + 5 * u64::from(who % 3 > 0)), who % 3 == 0));
        assert_eq!(some.in_line_max(), Some(S(10)));
        // What nobody shows any more is forgotten in the end, and tried again.
        for _ in 0..20_000 {
            patience.waited(S(3), false);
        }
        assert_eq!(patience.in_line_max(), None);
    }
}
