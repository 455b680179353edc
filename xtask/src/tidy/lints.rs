//! The copies of `clippy.toml` in the pure crates say everything that the root file says: clippy
//! reads the nearest file only and merges nothing.

use toml::{Table, Value};

use super::Fault;
use super::files::Papers;
use super::levels;

const ROOT: &str = "clippy.toml";
/// `clock` is the one crate of the ground floor that may look at real time.
const DOOR: &str = "clock";
const BANS: &str = "disallowed-methods";

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let Some(root) = table(papers, ROOT) else {
        return vec![Fault::of_file(ROOT, "is missing or no TOML")];
    };
    let mut faults = Vec::new();
    for (path, _) in papers.ending("/Cargo.toml") {
        let Some(name) = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next())
        else {
            continue;
        };
        let file = format!("crates/{name}/{ROOT}");
        let pure = levels::level(name).is_some_and(|level| level <= 1) && name != DOOR;
        match table(papers, &file) {
            Some(copy) => {
                faults.extend(lacks(&root, &copy).map(|says| Fault::of_file(&file, says)));
            }
            None if pure || papers.has(&file) => {
                faults.push(Fault::of_file(&file, "a pure crate needs its own, as TOML"));
            }
            None => {}
        }
    }
    faults
}

fn table(papers: &Papers, path: &str) -> Option<Table> {
    papers.text(path)?.parse().ok()
}

fn lacks<'t>(root: &'t Table, copy: &'t Table) -> impl Iterator<Item = String> + 't {
    let differs = root.iter().filter(|(key, value)| *key != BANS && copy.get(*key) != Some(value));
    let differs = differs.map(|(key, _)| format!("`{key}` differs from the root's file"));
    let bans = |table: &'t Table| table.get(BANS).and_then(Value::as_array);
    let missing = bans(root)
        .into_iter()
        .flatten()
        .filter(move |ban| !bans(copy).is_some_and(|bans| bans.contains(ban)));
    let path = |ban: &'t Value| ban.get("path").and_then(Value::as_str).unwrap_or_default();
    differs.chain(missing.map(move |ban| format!("lacks the root's ban of `{}`", path(ban))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_may_add_but_not_lack() {
        let root = "a = 1\ndisallowed-methods = [{ path = \"x\" }]\n";
        let good = "a = 1\ndisallowed-methods = [{ path = \"x\" }, { path = \"y\" }]\n";
        let bad = "a = 2\ndisallowed-methods = [{ path = \"y\" }]\n";
        let says = |copy| {
            let domain = "crates/domain/clippy.toml";
            let papers = [(ROOT, root), ("crates/domain/Cargo.toml", ""), (domain, copy)];
            check(&Papers::of(&papers)).len()
        };
        assert_eq!((says(good), says(bad)), (0, 2));
        let none = Papers::of(&[(ROOT, root), ("crates/domain/Cargo.toml", "")]);
        assert_eq!(check(&none).len(), 1);
    }
}
