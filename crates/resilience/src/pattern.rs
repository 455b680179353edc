//! A model name with `*` in it, which stands for any run of characters, none included. Nothing
//! else is special.

/// A pattern, split at its stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Literal pieces between the stars; the first and the last may be empty.
    pieces: Box<[Box<str>]>,
}

impl Pattern {
    /// `None` if there is no star in `text`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.contains('*').then(|| Self { pieces: text.split('*').map(Box::from).collect() })
    }

    /// Whether `name` fits. Takes time linear in the name for each piece.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let [first, middle @ .., last] = &*self.pieces else {
            return false;
        };
        let inner = name.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last));
        let Some(mut rest) = inner else { return false };
        // The leftmost place for each piece leaves the most room for those that follow.
        middle.iter().all(|piece| match rest.split_once(&**piece) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }

    /// What stands before the first star.
    pub(crate) fn prefix(&self) -> &str {
        self.pieces.first().map_or("", |piece| piece)
    }

    /// How particular it is: bytes before the first star, then bytes outside the stars.
    pub(crate) fn weight(&self) -> (usize, usize) {
        (self.prefix().len(), self.pieces.iter().map(|piece| piece.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().fits(name)
    }

    #[test]
    fn stars_stand_for_any_run() {
        assert!(fits("*", "") && fits("*", "gpt-4.1") && fits("gpt-4*", "gpt-4"));
        assert!(fits("*-mini", "gpt-4-mini") && fits("gpt-*-mini", "gpt-4-mini"));
        assert!(!fits("gpt-*-mini", "gpt-mini"), "pieces must not overlap");
        assert!(!fits("gpt-4*", "GPT-4") && !fits("gpt-4*", "my-gpt-4"));
        assert!(fits("a**b", "ab") && fits("a*b*b", "axbxb") && !fits("a*b*b", "axb"));
        assert!(Pattern::parse("gpt-4").is_none());
    }

    /// The slow and plain definition.
    fn plain(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                plain(rest, name) || matches!(name, [_, after @ ..] if plain(pattern, after))
            }
            ([a, rest @ ..], [b, after @ ..]) => a == b && plain(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_plain_definition(
            pattern in "[ab*]{0,5}\\*[ab*]{0,5}",
            name in "[ab]{0,10}",
        ) {
            prop_assert_eq!(fits(&pattern, &name), plain(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
