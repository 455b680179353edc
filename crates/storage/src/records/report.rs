//! What users report: one row for each of late, and counts in quarters of an hour for the chart and
//! its baseline. No address of a person comes in here.

use std::fmt;

use clock::UnixMs;
use detection::ComponentId;

/// The width of a bin of reports: 15 minutes in milliseconds.
pub const REPORT_BIN_MS: u64 = 15 * 60 * 1000;

/// What a user says is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReportKind {
    CannotLogIn,
    Errors,
    Slow,
    /// Answers break off.
    CutOff,
    WrongAnswers,
    Other,
}

impl ReportKind {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 6] = [
        Self::CannotLogIn,
        Self::Errors,
        Self::Slow,
        Self::CutOff,
        Self::WrongAnswers,
        Self::Other,
    ];

    /// The word in the interface and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CannotLogIn => "cannot_log_in",
            Self::Errors => "errors",
            Self::Slow => "slow",
            Self::CutOff => "cut_off",
            Self::WrongAnswers => "wrong_answers",
            Self::Other => "other",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Who reported: a keyed hash, made where the address is seen, with a key that the store does not
/// have. It tells one reporter from another and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReporterHash(pub [u8; 16]);

impl fmt::Debug for ReporterHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReporterHash(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// One report. A second one of the same component, moment and reporter is not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub component: ComponentId,
    pub at: UnixMs,
    pub kind: ReportKind,
    pub reporter: ReporterHash,
    /// The same for the network that he came from, for caps on whole networks.
    pub network: ReporterHash,
}

impl Report {
    /// The start of its bin.
    pub fn bin_start(&self) -> UnixMs {
        UnixMs::new(self.at.as_millis() / REPORT_BIN_MS * REPORT_BIN_MS)
    }
}

/// How many reports of one kind a component had in the [`REPORT_BIN_MS`] from `start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBin {
    pub component: ComponentId,
    pub start: UnixMs,
    pub kind: ReportKind,
    pub count: u64,
}
