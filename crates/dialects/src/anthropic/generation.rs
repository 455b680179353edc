//! What a model of Anthropic's bears, told by the version in its name: `claude-opus-4-7`,
//! `claude-3-5-haiku-20241022`, `anthropic/claude-4.6-opus`. The catalogue knows limits and prices;
//! these rules are of the wire and came with a version each. A name without a version is held to
//! be some other server's model that speaks the oldest form.

/// Major and minor version; `None` for names that are not Claude's or have no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    version: Option<(u32, u32)>,
    opus: bool,
}

impl Generation {
    /// Reads the name.
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some((_, rest)) = name.split_once("claude") else {
            return Self { version: None, opus: false };
        };
        // Dates and the versions of other clouds (`-v1:0`) are no short numbers.
        let words = rest.split(['-', '.', '@', ':', '_']).filter(|word| word.len() <= 2);
        let mut numbers = words.filter_map(|word| word.parse::<u32>().ok());
        let version = numbers.next().map(|major| (major, numbers.next().unwrap_or(0)));
        Self { version, opus: rest.contains("opus") }
    }

    fn is_from(self, version: (u32, u32)) -> bool {
        self.version.is_some_and(|own| own >= version)
    }

    /// Refuses an assistant's turn at the end.
    pub(super) fn refuses_prefill(self) -> bool {
        self.is_from((4, 6))
    }

    /// Thinks as much as it finds right, within an effort.
    pub(super) fn thinks_adaptively(self) -> bool {
        self.is_from((4, 6))
    }

    /// Refuses a budget of thinking, `temperature`, `top_p` and `top_k`.
    pub(super) fn refuses_old_settings(self) -> bool {
        self.is_from((4, 7))
    }

    /// Thinks unless it is told not to.
    pub(super) fn thinks_unasked(self) -> bool {
        self.is_from((5, 0))
    }

    /// Refuses `temperature` and `top_p` together.
    pub(super) fn wants_one_of_two(self) -> bool {
        self.is_from((4, 1))
    }

    /// Takes a system turn behind a user's.
    pub(super) fn takes_late_system(self) -> bool {
        self.opus && self.is_from((4, 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_all_spellings() {
        for (name, version) in [
            ("claude-opus-4-7", Some((4, 7))),
            ("claude-3-5-haiku-20241022", Some((3, 5))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-sonnet-4-5-20250929", Some((4, 5))),
            ("claude-fable-5", Some((5, 0))),
            ("anthropic/claude-4.6-opus", Some((4, 6))),
            ("anthropic.claude-opus-4-6-v1:0", Some((4, 6))),
            ("claude-instant", None),
            ("glm-5", None),
        ] {
            assert_eq!(Generation::of(name).version, version, "{name}");
        }
        assert!(Generation::of("claude-opus-4-8").takes_late_system());
        assert!(!Generation::of("claude-sonnet-5").takes_late_system());
    }
}
