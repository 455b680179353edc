//! Sizes and headers of Rust files: `//!` at the top, lines of a file, fields of a struct, variants
//! of an error. It scans lines and trusts rustfmt for their shape; it is no parser. The length of
//! functions is clippy's.

use super::Fault;
use super::files::Papers;

const FILE_LINES_MAX: usize = 600;
const STRUCT_FIELDS_MAX: usize = 15;
const ERROR_VARIANTS_MAX: usize = 12;

pub(super) fn check(papers: &Papers) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in papers.ending(".rs") {
        if !text.starts_with("//!") {
            faults.push(Fault::at(path, 1, "a file opens with `//!`: what it is and is not"));
        }
        if is_test(path) {
            continue;
        }
        let code = without_tests(text);
        let lines = code.lines().count();
        if lines > FILE_LINES_MAX {
            let says = format!("{lines} lines without tests; at most {FILE_LINES_MAX}");
            faults.push(Fault::of_file(path, says));
        }
        faults.extend(items(code).into_iter().filter_map(|item| item.fault(path)));
    }
    faults.extend(papers.ending("src/lib.rs").filter(|(_, text)| is_empty(text)).map(
        |(path, _)| Fault::of_file(path, "an empty crate; a room is made when something moves in"),
    ));
    faults
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.starts_with("tests/") || path.ends_with("/tests.rs")
}

fn is_empty(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("//"))
}

/// The part before the last test module, if that module is written out here.
fn without_tests(text: &str) -> &str {
    let Some(at) = text.rfind("\n#[cfg(test)]\n") else {
        return text;
    };
    let (code, rest) = text.split_at(at);
    let opens = rest.trim_start().lines().nth(1).unwrap_or_default();
    if opens.starts_with("mod ") && opens.ends_with('{') { code } else { text }
}

/// A struct or an error enum, counted.
struct Item<'t> {
    line: usize,
    name: &'t str,
    is_enum: bool,
    /// The brace's indentation, where the item ends.
    indent: usize,
    members: usize,
}

impl Item<'_> {
    fn fault(&self, path: &str) -> Option<Fault> {
        let (members, max) = if self.is_enum {
            ("variants in an error", ERROR_VARIANTS_MAX)
        } else {
            ("fields in a struct", STRUCT_FIELDS_MAX)
        };
        (self.members > max).then(|| {
            let says = format!("`{}`: {} {members}; at most {max}", self.name, self.members);
            Fault::at(path, self.line, says)
        })
    }
}

fn items(code: &str) -> Vec<Item<'_>> {
    let mut found: Vec<Item<'_>> = Vec::new();
    let mut open: Option<Item<'_>> = None;
    for (index, line) in code.lines().enumerate() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        match &mut open {
            Some(item) if indent <= item.indent && bare.starts_with('}') => {
                found.extend(open.take());
            }
            // rustfmt indents members by four.
            Some(item) if indent == item.indent + 4 && is_member(bare, item.is_enum) => {
                item.members += 1;
            }
            Some(_) => {}
            None => open = opened(bare, index + 1, indent),
        }
    }
    found
}

fn opened(bare: &str, line: usize, indent: usize) -> Option<Item<'_>> {
    let mut words = bare.strip_suffix('{')?.split_whitespace();
    let word =
        words.find(|word| *word == "struct" || *word == "enum" || !word.starts_with("pub"))?;
    let name = words.next()?.split(['<', ':']).next()?;
    let is_enum = word == "enum";
    let counts = word == "struct" || (is_enum && name.ends_with("Error"));
    counts.then_some(Item { line, name, is_enum, indent, members: 0 })
}

fn is_member(bare: &str, of_enum: bool) -> bool {
    let starts_well = bare.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts_well && (of_enum || bare.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        check(&Papers::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_header_is_wanted() {
        let found = says("a.rs", "fn a() {}\n");
        assert_eq!(found, ["a.rs:1: a file opens with `//!`: what it is and is not"]);
        assert!(says("a.rs", "//! A.\nfn a() {}\n").is_empty());
    }

    #[test]
    fn lines_of_tests_do_not_count() {
        let long = "//! A.\n".to_owned() + &"fn a() {}\n".repeat(600);
        assert_eq!(says("a.rs", &long), ["a.rs: 601 lines without tests; at most 600"]);
        assert!(says("x/tests/a.rs", &long).is_empty());
        let tests = "fn b() {}\n".repeat(600);
        let text = format!("//! A.\n\n#[cfg(test)]\nmod tests {{\n{tests}}}\n");
        assert!(says("a.rs", &text).is_empty());
        let elsewhere = format!("//! A.\n\n#[cfg(test)]\nmod tests;\n{tests}");
        assert_eq!(says("a.rs", &elsewhere).len(), 1);
    }

    #[test]
    fn fields_and_variants_are_counted() {
        let members = |count: usize, what: &str| -> String {
            (0..count).map(|n| format!("    /// Doc: {n}.\n    pub(crate) m{n}{what},\n")).collect()
        };
        let of =
            |head: &str, count, what| format!("//! A.\n{head} {{\n{}}}\n", members(count, what));
        assert!(says("a.rs", &of("pub struct S<'a>", 15, ": u8")).is_empty());
        let found = says("a.rs", &of("pub(crate) struct S<'a>", 16, ": u8"));
        assert_eq!(found, ["a.rs:2: `S`: 16 fields in a struct; at most 15"]);
        assert_eq!(says("a.rs", &of("enum ParseError", 13, "(u8)")).len(), 1);
        assert!(says("a.rs", &of("enum Word", 40, "(u8)")).is_empty());
    }

    #[test]
    fn an_empty_crate_is_told() {
        assert_eq!(says("crates/a/src/lib.rs", "//! Nothing yet.\n").len(), 1);
        assert!(says("crates/a/src/lib.rs", "//! A.\nmod b;\n").is_empty());
    }
}
