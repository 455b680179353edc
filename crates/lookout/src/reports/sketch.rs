//! Counts how often each of very many things was seen within a sliding span, in a fixed memory: a
//! count-min sketch in two generations. It may count too much, never too little, so that a cap that
//! relies on it holds.

use super::person::Hash;

/// Counters of one row; a power of two.
const WIDTH: usize = 8_192;
const ROWS: usize = 4;

#[derive(Debug)]
pub(crate) struct Sketch {
    span_ms: u64,
    /// Which span since the start the current generation counts.
    span: u64,
    current: Box<[u16]>,
    previous: Box<[u16]>,
}

impl Sketch {
    pub(crate) fn new(span_ms: u64) -> Self {
        let empty = || vec![0; WIDTH * ROWS].into_boxed_slice();
        Self { span_ms: span_ms.max(1), span: 0, current: empty(), previous: empty() }
    }

    /// How often it was seen within the span that ends now, at most: this generation's count, and of
    /// the previous one's the part that lies within, as if it had come evenly.
    pub(crate) fn count(&mut self, now_ms: u64, hash: &Hash) -> u64 {
        self.turn(now_ms);
        let left = self.span_ms - now_ms % self.span_ms;
        let weigh = |place: usize| {
            let old = self.previous.get(place).copied().map_or(0, u64::from);
            let new = self.current.get(place).copied().map_or(0, u64::from);
            new + (old * left).div_ceil(self.span_ms)
        };
        places(hash).map(weigh).min().unwrap_or(0)
    }

    /// It was seen once more.
    pub(crate) fn add(&mut self, now_ms: u64, hash: &Hash) {
        self.turn(now_ms);
        for place in places(hash) {
            if let Some(counter) = self.current.get_mut(place) {
                *counter = counter.saturating_add(1);
            }
        }
    }

    fn turn(&mut self, now_ms: u64) {
        let span = now_ms / self.span_ms;
        if span <= self.span {
            return;
        }
        if span == self.span + 1 {
            std::mem::swap(&mut self.current, &mut self.previous);
        } else {
            self.previous.fill(0);
        }
        self.current.fill(0);
        self.span = span;
    }
}

fn places(hash: &Hash) -> impl Iterator<Item = usize> + '_ {
    let within = |word: u64| usize::try_from(word % WIDTH as u64).unwrap_or(0);
    hash.iter().enumerate().map(move |(row, word)| row * WIDTH + within(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_slide_out_of_the_span() {
        let mut sketch = Sketch::new(1_000);
        let (one, other) = ([1, 2, 3, 4], [5, 6, 7, 8]);
        (0..10).for_each(|_| sketch.add(500, &one));
        assert_eq!((sketch.count(900, &one), sketch.count(900, &other)), (10, 0));
        assert_eq!(sketch.count(1_000, &one), 10);
        assert_eq!(sketch.count(1_500, &one), 5);
        assert_eq!(sketch.count(1_999, &one), 1);
        assert_eq!(sketch.count(2_000, &one), 0);
        sketch.add(2_000, &one);
        assert_eq!(sketch.count(9_000, &one), 0);
    }

    #[test]
    fn it_never_counts_too_little() {
        let mut sketch = Sketch::new(1_000);
        let mut dice = clock::Dice::seeded(1);
        let things: Vec<Hash> = (0..5_000).map(|_| std::array::from_fn(|_| dice.bits())).collect();
        things.iter().for_each(|thing| sketch.add(0, thing));
        assert!(things.iter().all(|thing| sketch.count(0, thing) >= 1));
        let over = things.iter().filter(|thing| sketch.count(0, thing) > 1).count();
        assert!(over < 250, "{over} of 5000 are counted too high");
    }
}
