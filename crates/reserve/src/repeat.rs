//! Notices when the model says the same over and over. A penalty on repeated words would cure it
//! too, but it breaks code and lists.

use std::collections::VecDeque;

use crate::tokenizer::Token;

/// The longest phrase that is looked for, in tokens.
const PHRASE_MAX: usize = 48;
/// How often a phrase must stand in a row.
const TIMES: usize = 4;
/// And how many tokens all of them must have together: four equal short words may be wanted.
const TOKENS_MIN: usize = 32;

/// The latest tokens of one answer.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    latest: VecDeque<Token>,
}

impl Repeat {
    /// Takes the next token; true if the answer now ends in a phrase that repeats itself.
    pub(crate) fn push(&mut self, token: Token) -> bool {
        if self.latest.len() == PHRASE_MAX * TIMES {
            self.latest.pop_front();
        }
        self.latest.push_back(token);
        (1..=PHRASE_MAX).any(|phrase| {
            let needed = (phrase * TIMES).max(TOKENS_MIN);
            let (late, early) = (self.latest.iter().rev(), self.latest.iter().rev().skip(phrase));
            self.latest.len() >= needed
                && late.zip(early).take(needed - phrase).all(|(late, early)| late == early)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_loop(tokens: impl IntoIterator<Item = Token>) -> Option<usize> {
        let mut repeat = Repeat::default();
        tokens.into_iter().position(|token| repeat.push(token))
    }

    #[test]
    fn a_phrase_in_a_circle_is_noticed() {
        assert_eq!(first_loop((0..20).chain((0..10).cycle().take(100))), Some(20 + 39));
        assert_eq!(first_loop(std::iter::repeat_n(7, 100)), Some(31));
        let long: Vec<Token> = (0..48).cycle().take(48 * 4).collect();
        assert_eq!(first_loop(long), Some(48 * 4 - 1));
    }

    #[test]
    fn lists_and_short_echoes_are_none() {
        assert_eq!(first_loop((0..300).flat_map(|n| [1, 2, 1000 + n, 3])), None);
        assert_eq!(first_loop([1, 2, 3].into_iter().cycle().take(9).chain(0..40)), None);
    }
}
