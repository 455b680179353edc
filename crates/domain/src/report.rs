//! What people say is wrong. Who said it, and whether it counts, is known elsewhere.

/// What a person meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReportKind {
    NoAnswer,
    Errors,
    Slow,
    WrongAnswers,
    CannotLogIn,
    Other,
}

impl ReportKind {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 6] = [
        Self::NoAnswer,
        Self::Errors,
        Self::Slow,
        Self::WrongAnswers,
        Self::CannotLogIn,
        Self::Other,
    ];

    /// The word in forms, interfaces and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Errors => "errors",
            Self::Slow => "slow",
            Self::WrongAnswers => "wrong_answers",
            Self::CannotLogIn => "cannot_log_in",
            Self::Other => "other",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_kinds_are_read_again() {
        for kind in ReportKind::ALL {
            assert_eq!(ReportKind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(ReportKind::of("<script>"), None);
    }
}
