//! Every example configuration passes `seawall check`. The variables that an example names are set
//! to a harmless value; nothing is called.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::house::House;
use crate::{say, shell};

pub(super) fn check(house: &House) -> Result<()> {
    let examples = examples(house)?;
    ensure!(!examples.is_empty(), "there is no example");
    for example in &examples {
        let text = fs::read_to_string(example)?;
        let variables = variables(&text).into_iter().map(|name| (name, "an-example-value"));
        let mut check = Command::new(house.seawall());
        shell::output(check.args(["check", "-c"]).arg(example).envs(variables))?;
        say::line(&format!("  {} is right", house.shown(example)));
    }
    Ok(())
}

fn examples(house: &House) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(house.at("examples")).context("the folder of examples")? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The names behind `env:` in a text.
fn variables(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = text.split("\"env:").skip(1);
    names.filter_map(|rest| rest.split(|c| !is_name(c)).next()).filter(|n| !n.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found() {
        let text = "a = [\"env:ONE\", \"env:TWO_2\"]\nb = \"file:/x\"\nc = \"env:ONE\"";
        assert_eq!(variables(text).into_iter().collect::<Vec<_>>(), ["ONE", "TWO_2"]);
    }
}
