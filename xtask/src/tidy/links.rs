//! Links of Markdown files that stay within the clone lead somewhere. Links to the web are not
//! followed.

use super::Fault;
use super::files::Papers;

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in papers.ending(".md") {
        let mut fenced = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line).filter(|target| is_dead(papers, path, target)) {
                faults.push(Fault::at(path, index + 1, format!("the link `{target}` is dead")));
            }
        }
    }
    faults
}

/// What stands between `](` and `)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn is_dead(papers: &Papers, from: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") || target.starts_with('#') {
        return false;
    }
    let file = target.split('#').next().unwrap_or_default();
    resolve(from, file).is_none_or(|path| !path.is_empty() && !papers.has(&path))
}

/// The path from the root; none if it leads out of it.
fn resolve(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_told_with_their_line() {
        let text = "[a](docs/a.md#part) [w](https://example.org/x) [h](#here)\n\
                    ```\n[not](a/link)\n```\n[b](docs/b.md) and [out](../../x)\n";
        let docs = "[up](../README.md) [folder](.)\n";
        let papers = Papers::of(&[("README.md", text), ("docs/a.md", docs), ("docs", "")]);
        let found: Vec<_> = check(&papers).iter().map(ToString::to_string).collect();
        let dead = ["`docs/b.md`", "`../../x`"];
        assert_eq!(found, dead.map(|link| format!("README.md:5: the link {link} is dead")));
    }
}
