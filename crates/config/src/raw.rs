//! The typed reader over the spanned TOML tree. It knows tables, keys and types, and what the table
//! of keys says of them; what the values mean is not known here.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::keys::{self, Section, Shape};
use crate::mistake::{Findings, Place, did_you_mean, shown};

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// One table of the file, or an absent one.
#[derive(Debug)]
pub(crate) struct Table<'t> {
    section: &'static Section,
    /// The header as the operator would write it; empty for the top.
    pub(crate) header: String,
    entries: Option<&'t DeTable<'t>>,
    pub(crate) span: Range<usize>,
}

/// The file's text as a tree, with the syntax mistakes told. What could be read is there even
/// then.
pub(crate) fn tree<'t>(text: &'t str, findings: &mut Findings<'_>) -> Spanned<DeTable<'t>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        findings.text_is_broken();
    }
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = if error.message() == "duplicate key" {
            let key = text.get(span.clone()).unwrap_or_default();
            format!("`{}` is there twice", shown(key))
        } else {
            error.message().to_owned()
        };
        findings.wrong(Place::Syntax(span), message);
    }
    tree
}

impl<'t> Table<'t> {
    /// The whole file.
    pub(crate) fn top(tree: &'t Spanned<DeTable<'t>>, section: &'static Section) -> Self {
        Self { section, header: String::new(), entries: Some(tree.get_ref()), span: 0..0 }
    }

    /// A value that must be a table of this section.
    pub(crate) fn from_value(
        value: &'t Spanned<DeValue<'t>>,
        section: &'static Section,
        header: String,
        findings: &mut Findings<'_>,
    ) -> Option<Self> {
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            wrong_type(&header, "a table", value, findings);
        }
        let table = Self { section, header, entries: Some(entries?), span: value.span() };
        table.refuse_unknown_keys(findings);
        Some(table)
    }

    /// The table `name` of this one; an absent one if it is not there or is no table.
    pub(crate) fn table(
        &self,
        name: &str,
        section: &'static Section,
        findings: &mut Findings<'_>,
    ) -> Self {
        let header = self.header_of(name);
        let absent =
            || Self { section, header: header.clone(), entries: None, span: self.span.clone() };
        match self.get(name) {
            Some(value) => {
                Self::from_value(value, section, header.clone(), findings).unwrap_or_else(absent)
            }
            None => absent(),
        }
    }

    /// True if the file has this table.
    pub(crate) fn is_there(&self) -> bool {
        self.entries.is_some()
    }

    fn header_of(&self, name: &str) -> String {
        if self.header.is_empty() { name.to_owned() } else { format!("{}.{name}", self.header) }
    }

    /// Every key that the section does not know is a mistake.
    pub(crate) fn refuse_unknown_keys(&self, findings: &mut Findings<'_>) {
        for (name, span, _) in self.entries_in_order() {
            if self.section.names().any(|known| known == name) {
                continue;
            }
            let hint = self.nearest(name);
            let place = if self.header.is_empty() {
                format!("unknown table or key `{}`", shown(name))
            } else {
                format!("unknown key `{}` in [{}]", shown(name), shown(&self.header))
            };
            findings.at(span, format!("{place}{hint}"));
        }
    }

    /// Another place of this very name, else the nearest name of this table.
    fn nearest(&self, name: &str) -> String {
        // Short names such as `key` mean something else in each table.
        let elsewhere = name
            .contains('_')
            .then(|| keys::ALL.iter().find(|section| section.key(name).is_some()));
        match elsewhere.flatten() {
            Some(section) => format!("; it belongs in [{}]", section.name),
            None => did_you_mean(name, self.section.names()),
        }
    }

    /// Names, their places and values, in the order of the file.
    pub(crate) fn entries_in_order(
        &self,
    ) -> Vec<(&'t str, Range<usize>, &'t Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> = self
            .entries
            .into_iter()
            .flat_map(|table| table.iter())
            .map(|(name, value)| (name.get_ref().as_ref(), name.span(), value))
            .collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    /// The value of a key, whatever its type.
    pub(crate) fn get(&self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.entries.and_then(|entries| entries.get(name))
    }

    /// The place of a key's value, or of the table if it is not there.
    pub(crate) fn place(&self, name: &str) -> Place {
        Place::Text(self.get(name).map_or_else(|| self.span.clone(), Spanned::span))
    }

    /// A key that must be there.
    pub(crate) fn require(&self, name: &str, findings: &mut Findings<'_>) {
        if self.is_there() && self.get(name).is_none() {
            let message = format!("`{name}` is missing in [{}]", shown(&self.header));
            findings.lacks(Place::Text(self.span.clone()), message);
        }
    }

    /// A whole number within the key's bounds, or `default`.
    pub(crate) fn integer<T: TryFrom<u64>>(
        &self,
        name: &str,
        default: T,
        findings: &mut Findings<'_>,
    ) -> T {
        let Some(value) = self.get(name) else {
            return default;
        };
        let (min, max) = match self.section.key(name).map(|key| key.shape) {
            Some(Shape::Integer { min, max }) => (min, max),
            _ => (0, u64::MAX),
        };
        let Some(integer) = value.get_ref().as_integer() else {
            wrong_type(name, "a whole number", value, findings);
            return default;
        };
        // A negative number and one beyond 64 bits are both out of bounds.
        let read = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        match read.filter(|read| (min..=max).contains(read)).and_then(|read| T::try_from(read).ok())
        {
            Some(read) => read,
            None => {
                let message = format!("`{name}` must be from {min} to {max}");
                findings.at(value.span(), message);
                default
            }
        }
    }

    /// A number within the key's bounds, or `default`.
    pub(crate) fn number(&self, name: &str, default: f64, findings: &mut Findings<'_>) -> f64 {
        let Some(value) = self.get(name) else {
            return default;
        };
        let (min, max) = match self.section.key(name).map(|key| key.shape) {
            Some(Shape::Number { min, max }) => (min, max),
            _ => (f64::MIN, f64::MAX),
        };
        let read = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => {
                wrong_type(name, "a number", value, findings);
                return default;
            }
        };
        match read.filter(|read| (min..=max).contains(read)) {
            Some(read) => read,
            None => {
                findings.at(value.span(), format!("`{name}` must be from {min} to {max}"));
                default
            }
        }
    }

    /// How a number within the key's bounds is spelled, if it is there: digits that a float might
    /// not hold.
    pub(crate) fn spelled(&self, name: &str, findings: &mut Findings<'_>) -> Option<Said<String>> {
        let value = self.get(name)?;
        if self.number(name, f64::NAN, findings).is_nan() {
            return None;
        }
        let value_text = match value.get_ref() {
            DeValue::Float(float) => float.as_str().to_owned(),
            DeValue::Integer(integer) => integer.as_str().to_owned(),
            _ => return None,
        };
        Some(Said { value: value_text, span: value.span() })
    }

    /// `true` or `false`, if it is there.
    pub(crate) fn flag(&self, name: &str, findings: &mut Findings<'_>) -> Option<bool> {
        let value = self.get(name)?;
        let read = value.get_ref().as_bool();
        if read.is_none() {
            wrong_type(name, "true or false", value, findings);
        }
        read
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, name: &str, findings: &mut Findings<'_>) -> Option<Said<&'t str>> {
        self.get(name).and_then(|value| text_of(name, value, findings))
    }

    /// One of the key's words, if it is there.
    pub(crate) fn word(&self, name: &str, findings: &mut Findings<'_>) -> Option<Said<&'t str>> {
        let said = self.text(name, findings)?;
        let words = match self.section.key(name).map(|key| key.shape) {
            Some(Shape::Word(words)) => words,
            _ => &[],
        };
        if words.contains(&said.value) {
            return Some(said);
        }
        let hint = did_you_mean(said.value, words.iter().copied());
        let message = format!(
            "`{name}` knows no `{}`; it may be {}{hint}",
            shown(said.value),
            listed(words.iter().copied())
        );
        findings.at(said.span, message);
        None
    }

    /// The elements of an array, none if it is not there.
    pub(crate) fn array(
        &self,
        name: &str,
        of: &str,
        findings: &mut Findings<'_>,
    ) -> &'t [Spanned<DeValue<'t>>] {
        let Some(value) = self.get(name) else {
            return &[];
        };
        let array = value.get_ref().as_array();
        if array.is_none() {
            wrong_type(name, of, value, findings);
        }
        array.map_or(&[], |array| array.as_ref())
    }
}

/// A value that must be a text.
pub(crate) fn text_of<'t>(
    name: &str,
    value: &'t Spanned<DeValue<'t>>,
    findings: &mut Findings<'_>,
) -> Option<Said<&'t str>> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        wrong_type(name, "a text in quotes", value, findings);
    }
    text.map(|value_text| Said { value: value_text, span: value.span() })
}

/// Says what was expected and of what type the value is; never the value.
pub(crate) fn wrong_type(
    name: &str,
    expected: &str,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    findings.at(value.span(), format!("`{}` must be {expected}, not {found}", shown(name)));
}

/// `a`, `b` or `c`.
pub(crate) fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
