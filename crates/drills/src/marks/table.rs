//! The table that the score is shown in, a row at a time.

use std::fmt;
use std::time::Duration;

use super::checks::{Run, Scenario, Verdict};
use super::read::Kind;

/// The heading above the rows.
pub fn table_head() -> String {
    format!(
        "{:4} {:8} {:12} {:>8} {:>8} {:>6}  {}",
        "id", "verdict", "answer", "seconds", "primary", "spare", "why it is not better"
    )
}

/// One scenario's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `S01` and so on.
    pub id: String,
    /// How well it went.
    pub verdict: Verdict,
    /// Why it is not a better one.
    pub why: Vec<String>,
    answer: &'static str,
    took: Duration,
    primary: usize,
    spare: usize,
    notes: Vec<String>,
}

impl Row {
    pub(crate) fn new(scenario: &Scenario, run: &Run) -> Self {
        let (verdict, why) = scenario.verdict(run);
        let kinds = run.asked.iter().map(|(answer, extra)| scenario.kind(answer, *extra));
        let mut notes = Vec::new();
        if let Some(back) = run.back {
            let (requests, dead) = (run.asked.len(), run.primary.len() - run.served());
            notes.push(format!(
                "{requests} requests, {dead} attempts in the outage, back {:.1} s after it",
                back.as_secs_f64()
            ));
        }
        if verdict == Verdict::Fail
            && let Some(answer) = run.answer()
        {
            let error = answer.error.as_ref().map(|error| format!(", error {error}"));
            let why = answer.why.as_ref().map(|why| format!(", seawall-why {why}"));
            notes.push(format!(
                "status {}{}{}",
                answer.status,
                error.unwrap_or_default(),
                why.unwrap_or_default()
            ));
        }
        Self {
            id: scenario.id.clone(),
            verdict,
            why,
            answer: kinds.max().unwrap_or(Kind::Hang).as_str(),
            took: run.took(),
            primary: run.primary.len(),
            spare: run.spare.len(),
            notes,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, verdict, answer, took, primary, spare, .. } = self;
        let why: Vec<&str> = self.why.iter().chain(&self.notes).map(String::as_str).collect();
        let row = format!(
            "{id:4} {:8} {answer:12} {:8.2} {primary:8} {spare:6}  {}",
            verdict.as_str(),
            took.as_secs_f64(),
            why.join("; ")
        );
        f.write_str(row.trim_end())
    }
}
