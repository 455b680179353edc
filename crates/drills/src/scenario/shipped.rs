//! The scenarios that ship with the product.

use std::path::Path;

use super::{Mistake, Scenario, read};

/// A shipped scenario's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    pub name: String,
    pub text: String,
}

impl Shipped {
    /// Reads it.
    ///
    /// # Errors
    /// Never for those that ship; a test reads them all.
    pub fn read(&self) -> Result<Scenario, Mistake> {
        let file = format!("{}.toml", self.name);
        read(&self.name, &self.text, Path::new(&file))
    }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "domino",
    "metastable",
    "full-outage",
    "half-capacity",
    "twice-the-load",
    "within-the-limits",
    "2024-06-04-domino",
    "2023-11-08-load-then-ddos",
    "2024-12-11-control-plane",
    "2024-12-26-one-region",
    "2025-06-10-slow-burn",
    "2025-06-12-google",
    "2025-11-18-edge",
    "2024-06-04-vertex-retro",
    "2026-09-15-flapping",
    "2024-08-21-login",
];

/// All of them, in the order in which they are listed.
pub fn shipped() -> Vec<Shipped> {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let all = FILES.iter().map(own).chain(super::matrix::matrix());
    all.map(|(name, text)| Shipped { name, text }).collect()
}

/// The one of this name.
pub fn find(name: &str) -> Option<Shipped> {
    shipped().into_iter().find(|shipped| shipped.name == name)
}
