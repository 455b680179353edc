//! What a drill tells: one object for machines, a table with strips for the terminal, a page for
//! people. The figures are made in `score`; nothing is judged here.

mod chart;
mod page;
mod seen;
mod terminal;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

pub use page::page;
pub use terminal::terminal;

use crate::replay::{HerdStudy, Policy};
use crate::scenario::Scenario;
use crate::score::{Judged, PolicyFigures, PolicySeries, Seen};

/// Everything about one drill.
#[derive(Debug, Serialize)]
pub struct Report {
    pub scenario: String,
    pub title: String,
    /// True if it never happened.
    pub what_if: bool,
    pub seed: u64,
    pub version: &'static str,
    /// Where the settings of `seawall` come from.
    pub settings: String,
    pub virtual_s: u64,
    pub wall_s: f64,
    /// Of all policies that were run.
    pub trace_hash: String,
    pub policies: BTreeMap<String, PolicyFigures>,
    pub expectations: Vec<Judged>,
    /// What the observer of `seawall` said of the day.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub herd: Option<HerdStudy>,
    #[serde(skip)]
    pub story: Scenario,
    #[serde(skip)]
    pub series: BTreeMap<String, PolicySeries>,
}

impl Report {
    /// As one line of JSON.
    ///
    /// # Errors
    /// Never in practice: all of it can be spelled.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// True if everything that was expected of the product has come out.
    pub fn held(&self) -> bool {
        let of_seawall = |judged: &&Judged| judged.policy == Policy::Seawall.as_str();
        self.expectations.iter().filter(of_seawall).all(|judged| judged.held)
    }

    /// The policies that were run, in the report's order.
    fn in_order(&self) -> impl Iterator<Item = (&'static str, &PolicyFigures)> {
        let found = |policy: Policy| Some((policy.as_str(), self.policies.get(policy.as_str())?));
        Policy::ALL.into_iter().filter_map(found)
    }
}
