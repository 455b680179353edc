//! What users can report.

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReportKind {
    CannotLogIn,
    Errors,
    Slow,
    WrongAnswers,
    /// "At capacity", "too many people".
    OverCapacity,
    Other,
}

impl ReportKind {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 6] = [
        Self::CannotLogIn,
        Self::Errors,
        Self::Slow,
        Self::WrongAnswers,
        Self::OverCapacity,
        Self::Other,
    ];

    /// The word in the interface, metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CannotLogIn => "cannot_log_in",
            Self::Errors => "errors",
            Self::Slow => "slow",
            Self::WrongAnswers => "wrong_answers",
            Self::OverCapacity => "over_capacity",
            Self::Other => "other",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
