//! Whether what was expected has come out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{PolicyFigures, PolicySeries};
use crate::provider::CELL_S;
use crate::scenario::{Expectation, Window};

/// Figures of a policy that an expectation may name; providers' have their name in front.
const FIGURES: &[&str] = &[
    "answered",
    "answered_ratio",
    "reserve_ratio",
    "attempts_per_request_max_10s",
    "cut_streams",
    "takeovers",
    "waited",
    "refused",
    "gave_up",
    "failed",
    "retry_after_honest_ratio",
    "dominoes",
    "fresh_load_peak_ratio",
    "first_token_ms.p50",
    "first_token_ms.p95",
    "first_token_ms.p99",
];
const OF_PROVIDERS: &[&str] =
    &["load_peak_ratio", "over_capacity_s", "refused_ratio", "goodput_min_ratio_60s", "tries"];

/// True if the report has this figure.
pub(crate) fn is_figure(path: &str) -> bool {
    let of_provider = path.strip_prefix("providers.").and_then(|path| path.split_once('.'));
    match of_provider {
        Some((_, figure)) => OF_PROVIDERS.contains(&figure),
        None => FIGURES.contains(&path),
    }
}

/// All figures that an expectation may name, for a reader who named another.
pub(crate) fn figure_names() -> String {
    let of_providers = OF_PROVIDERS.iter().map(|name| format!("providers.NAME.{name}"));
    let names: Vec<_> = FIGURES.iter().map(ToString::to_string).chain(of_providers).collect();
    names.join(", ")
}

/// One expectation, held against the figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    pub name: String,
    pub policy: String,
    /// `traffic`, or `verdicts` where it is about what the observer said.
    pub about: &'static str,
    pub held: bool,
    /// `None` if the run has no such figure.
    pub figure: Option<f64>,
    /// The bound in words.
    pub wanted: String,
}

/// Judges those expectations whose policy was run.
pub(crate) fn judge(
    expectations: &[Expectation],
    runs: &BTreeMap<String, (PolicyFigures, PolicySeries)>,
) -> Vec<Judged> {
    let judged = expectations.iter().filter_map(|expectation| {
        let (figures, series) = runs.get(&expectation.policy)?;
        let figure = match expectation.window {
            Some(window) => answered_in(series, window),
            None => figure_of(figures, &expectation.figure),
        };
        let above = |figure: f64| expectation.at_least.is_none_or(|least| figure >= least);
        let below = |figure: f64| expectation.at_most.is_none_or(|most| figure <= most);
        let bound = |word: &str, bound: Option<f64>| bound.map(|bound| format!("{word} {bound}"));
        let least = bound("at least", expectation.at_least);
        let most = bound("at most", expectation.at_most);
        Some(Judged {
            name: expectation.name.clone(),
            policy: expectation.policy.clone(),
            about: "traffic",
            held: figure.is_some_and(|figure| above(figure) && below(figure)),
            figure,
            wanted: least.into_iter().chain(most).collect::<Vec<_>>().join(", "),
        })
    });
    judged.collect()
}

fn figure_of(figures: &PolicyFigures, path: &str) -> Option<f64> {
    let whole = serde_json::to_value(figures).ok()?;
    path.split('.').try_fold(&whole, |value, name| value.get(name)).and_then(Value::as_f64)
}

fn answered_in(series: &PolicySeries, window: Window) -> Option<f64> {
    let cell = |at: std::time::Duration| (at.as_secs() / CELL_S) as usize;
    let sum =
        |of: &[f64]| -> f64 { of.iter().take(cell(window.until)).skip(cell(window.from)).sum() };
    let offered = sum(&series.offered);
    (offered > 0.0).then(|| super::figures::rounded(sum(&series.answered) / offered))
}
