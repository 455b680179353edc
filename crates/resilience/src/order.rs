//! In which order equals of one step are tried. It looks at calls in flight only, never at how
//! fast a route answers: one that fails fast must not attract the traffic.

use std::ops::Deref;

use clock::Dice;

/// Equals that are ordered; a request makes fewer attempts than that.
pub const EQUALS_MAX: usize = 16;

/// An order of trying, as places in the step. It reads as a slice.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    places: [usize; EQUALS_MAX],
    len: usize,
}

impl Deref for Order {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        self.places.get(..self.len).unwrap_or_default()
    }
}

/// Orders `count` equals: of two drawn by lot, the one with fewer calls in flight is first; the
/// others follow in turn from there. Beyond [`EQUALS_MAX`] the last in turn are left out.
pub fn order_equals(count: usize, in_flight: impl Fn(usize) -> usize, dice: &mut Dice) -> Order {
    let first = first_of(count, in_flight, dice);
    let mut order = Order { places: [0; EQUALS_MAX], len: count.min(EQUALS_MAX) };
    for (place, slot) in order.places.iter_mut().take(count).enumerate() {
        *slot = (first + place) % count;
    }
    order
}

fn first_of(count: usize, in_flight: impl Fn(usize) -> usize, dice: &mut Dice) -> usize {
    if count < 2 {
        return 0;
    }
    let mut draw = |below: usize| {
        let drawn = dice.below(u64::try_from(below).unwrap_or(u64::MAX));
        usize::try_from(drawn).unwrap_or(0)
    };
    let one = draw(count);
    let other = (one + 1 + draw(count - 1)) % count;
    if in_flight(other) < in_flight(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_order_holds_each_place_once(count in 0_usize..40, seed: u64) {
            let order = order_equals(count, |at| at, &mut Dice::seeded(seed));
            let mut places = order.to_vec();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), count.min(EQUALS_MAX));
            prop_assert!(places.iter().all(|place| *place < count));
        }
    }

    #[test]
    fn idle_equals_share_evenly() {
        let mut dice = Dice::seeded(3);
        let mut firsts = [0_u32; 3];
        for _ in 0..3_000 {
            firsts[order_equals(3, |_| 0, &mut dice)[0]] += 1;
        }
        assert!(firsts.iter().all(|n| (900..1_100).contains(n)), "{firsts:?}");
    }

    #[test]
    fn of_two_the_busier_waits() {
        let mut dice = Dice::seeded(3);
        for _ in 0..100 {
            assert_eq!(*order_equals(2, |at| [7, 6][at], &mut dice), [1, 0]);
        }
    }

    /// With slots that take equally long, the fullest never runs far ahead of the emptiest.
    #[test]
    fn load_stays_level() {
        let mut dice = Dice::seeded(9);
        let mut load = [0_usize; 8];
        for _ in 0..8_000 {
            load[order_equals(8, |at| load[at], &mut dice)[0]] += 1;
        }
        let spread = load.iter().max().unwrap() - load.iter().min().unwrap();
        assert!(spread <= 12, "{load:?}");
    }
}
