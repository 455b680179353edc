//! How long to wait after a failed attempt to tell. Pure.

use clock::{Dice, UnixMs};
use std::time::Duration;

/// The pauses after the first, second … failure, after the example of Standard Webhooks; in all
/// about 28 hours.
pub const LADDER_MS: [u64; 7] =
    [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];
/// The part of a pause that is thrown, up or down.
const JITTER: f64 = 0.1;
/// What a receiver may ask for.
const ASKED_MS_MAX: u64 = 3_600_000;

/// When to try again after `failed` attempts; `None` if it is time to give up. What the receiver
/// asked for is kept to, up to an hour, if it is longer than the pause.
pub fn next_attempt(
    now: UnixMs,
    failed: u32,
    asked_ms: Option<u64>,
    dice: &mut Dice,
) -> Option<UnixMs> {
    let place = usize::try_from(failed).ok()?.checked_sub(1)?;
    let pause = LADDER_MS.get(place)?;
    let thrown = dice.jitter(Duration::from_millis(*pause), JITTER);
    let pause = u64::try_from(thrown.as_millis()).unwrap_or(*pause);
    Some(now.plus_ms(pause.max(asked_ms.unwrap_or(0).min(ASKED_MS_MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_climbed_and_ends() {
        let mut dice = Dice::seeded(1);
        let now = UnixMs::new(1_000_000);
        for (place, pause) in LADDER_MS.into_iter().enumerate() {
            let failed = u32::try_from(place).unwrap() + 1;
            let wait = next_attempt(now, failed, None, &mut dice).unwrap().since(now);
            assert!((pause * 9 / 10..=pause * 11 / 10).contains(&wait), "{failed}: {wait}");
        }
        assert_eq!(next_attempt(now, 8, None, &mut dice), None);
        assert_eq!(next_attempt(now, 0, None, &mut dice), None);
        let asked = |ms| next_attempt(now, 1, Some(ms), &mut Dice::seeded(1)).unwrap().since(now);
        assert_eq!(asked(60_000), 60_000);
        assert_eq!(asked(u64::MAX), 3_600_000);
        assert!(asked(1) >= 4_500);
    }
}
