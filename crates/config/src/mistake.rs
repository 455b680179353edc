//! What is wrong with a configuration, with its place, all of it at once. No message here or in
//! its callers ever holds a secret's text.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// One mistake and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file as it was named, `environment` or `command line`.
    pub file: Box<str>,
    /// From 1; 0 if the mistake has no place in a text.
    pub line: usize,
    /// In characters, from 1; 0 if the mistake has no place in a text.
    pub column: usize,
    /// One line: what is wrong, what is expected, or what to do.
    pub message: Box<str>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// All mistakes of one configuration, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// The mistakes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// Those of two texts, one after the other.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line for each mistake, without a line feed at the end.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Where a thing was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Bytes of the text.
    Text(Range<usize>),
    /// Bytes of the text that are no TOML.
    Syntax(Range<usize>),
    /// The file as a whole, or the environment.
    Whole,
    CommandLine,
}

/// Gathers mistakes while a configuration is read.
#[derive(Debug)]
pub(crate) struct Findings<'t> {
    file: Box<str>,
    text: &'t str,
    found: Vec<(Place, String)>,
    /// The text has syntax mistakes, so that what seems to lack may only be unreadable.
    broken: bool,
}

/// More mistakes than this help nobody; it also bounds the memory for a hostile file.
const MISTAKES_MAX: usize = 200;

impl<'t> Findings<'t> {
    pub(crate) fn in_text(path: &Path, text: &'t str) -> Self {
        let file = path.display().to_string().into();
        Self { file, text, found: Vec::new(), broken: false }
    }

    pub(crate) fn in_environment() -> Self {
        Self { file: "environment".into(), text: "", found: Vec::new(), broken: false }
    }

    /// A mistake at this place.
    pub(crate) fn wrong(&mut self, place: Place, message: impl Into<String>) {
        if self.found.len() < MISTAKES_MAX {
            self.found.push((place, message.into()));
        }
    }

    /// A mistake in these bytes of the text.
    pub(crate) fn at(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.wrong(Place::Text(span), message);
    }

    /// Something is not there, or a name is not known. Not said of a text that could not be read
    /// whole.
    pub(crate) fn lacks(&mut self, place: Place, message: impl Into<String>) {
        if !self.broken {
            self.wrong(place, message);
        }
    }

    /// From here on [`Findings::lacks`] is silent.
    pub(crate) fn text_is_broken(&mut self) {
        self.broken = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in order of their places; `Ok` if there are none.
    pub(crate) fn into_result(self) -> Result<(), Mistakes> {
        if self.is_empty() {
            return Ok(());
        }
        let Self { file, text, found, .. } = self;
        let mut mistakes = Vec::with_capacity(found.len());
        // A line that is no TOML is told once; what else was found in it may be its doing.
        let mut broken_lines = BTreeSet::new();
        for (place, message) in found {
            let (file, (line, column)) = match &place {
                Place::Text(span) | Place::Syntax(span) => {
                    (file.clone(), line_and_column(text, span.start))
                }
                Place::Whole => (file.clone(), (0, 0)),
                Place::CommandLine => ("command line".into(), (0, 0)),
            };
            let syntax = matches!(place, Place::Syntax(_));
            if line > 0 && broken_lines.contains(&line) || syntax && !broken_lines.insert(line) {
                continue;
            }
            mistakes.push(Mistake { file, line, column, message: message.into() });
        }
        // The sort is stable: two mistakes at one place stay in the order in which they were found.
        mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        mistakes.dedup();
        Err(Mistakes(mistakes))
    }
}

/// The line and the column in characters of a byte of `text`, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}

/// A name out of the file, fit for one line of a message.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut shown: String = text.chars().take(CHARS_MAX).collect::<String>();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// The nearest of `known`, as the end of a message: `; did you mean …?`, or nothing.
pub fn did_you_mean<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    const LIKENESS_MIN: f64 = 0.6;
    // The comparison is quadratic in the lengths, and the file may hold anything.
    if given.len() > 256 {
        return String::new();
    }
    let given = given.to_ascii_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let likeness =
            strsim::normalized_damerau_levenshtein(&given, &candidate.to_ascii_lowercase());
        if likeness >= LIKENESS_MIN && best.is_none_or(|(highest, _)| likeness > highest) {
            best = Some((likeness, candidate));
        }
    }
    best.map_or_else(String::new, |(_, name)| format!("; did you mean `{}`?", shown(name)))
}
