//! What the long drills must reach, as `ratchet.toml` says it. Reads and compares; which drills are
//! played, and how, is in `drills`.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

/// What is asked of one long drill.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) scenario: String,
    pub(super) seed: u64,
    /// Of the policy `seawall`; a figure is named as its place in the policy's figures.
    pub(super) figures: Vec<(String, Bound)>,
    /// How many things the scenario expects of the other policies; each must come out, for a fall
    /// that nobody suffers shows nothing. Where it is none, the others are not played.
    pub(super) others: usize,
}

/// Between what a figure must lie; at least one end is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// Reads all entries. A word that is not understood is an error: read over, it would be a bound that
/// nobody holds.
pub(super) fn read(text: &str) -> Result<Vec<Entry>> {
    let table: Table = text.parse()?;
    ensure!(!table.is_empty(), "nothing is asked of any drill");
    table.iter().map(|(name, entry)| self::entry(name, entry).context(name.clone())).collect()
}

fn entry(scenario: &str, entry: &Value) -> Result<Entry> {
    let entry = entry.as_table().context("an entry is a table")?;
    only(entry, &["seed", "figures", "others"])?;
    let seed = entry.get("seed").and_then(Value::as_integer).context("a seed is missing")?;
    let figures = entry.get("figures").and_then(Value::as_table).context("figures are missing")?;
    ensure!(!figures.is_empty(), "no figure has a bound");
    let others = match entry.get("others") {
        Some(count) => count.as_integer().context("`others` is a number")?,
        None => 0,
    };
    let bound = |(name, bound): (&String, &Value)| {
        Ok((name.clone(), Bound::read(bound).with_context(|| name.clone())?))
    };
    Ok(Entry {
        scenario: scenario.to_owned(),
        seed: u64::try_from(seed)?,
        figures: figures.iter().map(bound).collect::<Result<_>>()?,
        others: usize::try_from(others)?,
    })
}

impl Bound {
    fn read(bound: &Value) -> Result<Self> {
        let bound = bound.as_table().context("a bound is a table")?;
        only(bound, &["at_least", "at_most"])?;
        let end = |key| bound.get(key).map(number).transpose();
        let read = Self { at_least: end("at_least")?, at_most: end("at_most")? };
        ensure!(!bound.is_empty(), "neither at_least nor at_most is there");
        Ok(read)
    }

    pub(super) fn holds(self, figure: f64) -> bool {
        self.at_least.is_none_or(|least| figure >= least)
            && self.at_most.is_none_or(|most| figure <= most)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |word: &str, end: Option<f64>| end.map(|end| format!("{word} {end}"));
        let ends = [end("at least", self.at_least), end("at most", self.at_most)];
        f.write_str(&ends.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Who writes `0` means `0.0`.
fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Float(number) if number.is_finite() => Ok(*number),
        // Every figure is far below the number from which on a float has gaps.
        Value::Integer(number) => Ok(f64::from(i32::try_from(*number)?)),
        other => bail!("a {} is no number", other.type_str()),
    }
}

fn only(table: &Table, known: &[&str]) -> Result<()> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => bail!("unknown key `{key}`; there are {}", known.join(", ")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(figures: &str) -> Result<Vec<Entry>> {
        read(&format!("[domino]\nseed = 1\n[domino.figures]\n{figures}"))
    }

    #[test]
    fn whole_numbers_bound_like_others() {
        let read = figures("a = { at_most = 0 }\nb = { at_least = 0.5, at_most = 2 }").unwrap();
        let entry = &read[0];
        assert_eq!((entry.scenario.as_str(), entry.seed), ("domino", 1));
        let (a, b) = (entry.figures[0].1, entry.figures[1].1);
        assert!(a.holds(0.0) && !a.holds(0.1));
        assert!(b.holds(0.5) && b.holds(2.0) && !b.holds(0.4) && !b.holds(2.1));
        assert_eq!(b.to_string(), "at least 0.5, at most 2");
    }

    #[test]
    fn what_would_bound_nothing_is_refused() {
        for bad in ["", "a = {}", "a = { at_mots = 1 }", "a = { at_most = \"1\" }", "a = 1.0"] {
            assert!(figures(bad).is_err(), "{bad}");
        }
        assert!(figures("a = { at_most = nan }").is_err());
        for bad in ["", "[domino]\nseed = 1", "[domino.figures]\na = { at_most = 1 }"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("[d]\nseed = 1\nfigure = 2\n[d.figures]\na = { at_most = 1 }").is_err());
    }

    #[test]
    fn what_is_expected_of_others_is_counted() {
        let others = |line: &str| {
            let entry = format!("[d]\nseed = 1\n{line}\n[d.figures]\na = {{ at_most = 1 }}");
            read(&entry).map(|read| read[0].others)
        };
        assert_eq!((others("").unwrap(), others("others = 2").unwrap()), (0, 2));
        assert!(others("others = true").is_err() && others("others = -1").is_err());
    }

    #[test]
    fn the_shipped_one_is_read() {
        let shipped = include_str!("../../../crates/drills/scenarios/ratchet.toml");
        assert!(read(shipped).unwrap().len() > 5);
    }
}
