//! Where an answer's statements come from: Google's grounding and citations as search results and
//! citations. Its positions count bytes of the answer's text.

use std::borrow::Cow;

use domain::{Citation, LogProb, SearchResult};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::{camel, number, text, whole};
use crate::json::{Array, Elements, Members, Object, Shape};
use crate::raw::object;

/// Sources and supports that one answer may name.
const SOURCES_MAX: usize = 1000;

/// What `groundingMetadata` says.
#[derive(Debug, Default)]
pub(super) struct Grounding<'de> {
    pub(super) sources: List<Source<'de>>,
    supports: List<Support<'de>>,
    /// Members with no place above, by their bits in [`UNHELD`].
    pub(super) unheld: u8,
}

/// Members that the internal form cannot hold.
pub(super) const UNHELD: [&str; 3] = [
    "groundingMetadata.searchEntryPoint",
    "groundingMetadata.webSearchQueries",
    "groundingMetadata.other",
];

impl<'de> Members<'de> for Grounding<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "groundingChunks" => {
                self.sources = map.next_value::<Array<_>>()?.0.unwrap_or_default();
            }
            "groundingSupports" => {
                self.supports = map.next_value::<Array<_>>()?.0.unwrap_or_default();
            }
            other => {
                let bit = match other {
                    "searchEntryPoint" => 1,
                    "webSearchQueries" => 2,
                    _ => 4,
                };
                let says =
                    !matches!(map.next_value::<Shape<'de>>()?, Shape::Null | Shape::Array(0));
                self.unheld |= if says { bit } else { 0 };
            }
        }
        Ok(())
    }
}

impl Grounding<'_> {
    /// What the search has found; sources without an address are not among it.
    pub(super) fn results(&self) -> Vec<SearchResult> {
        let found = self.sources.0.iter().filter_map(|source| {
            Some(SearchResult {
                url: Box::from(source.url.as_deref()?),
                title: source.title.as_deref().map(Box::from),
                snippet: source.quote.as_deref().map(Box::from),
                date: None,
            })
        });
        found.collect()
    }

    /// One citation for each source of each support.
    pub(super) fn citations(&self, said: &Said<'_>) -> Vec<Citation> {
        let mut found = Vec::new();
        for support in &self.supports.0 {
            let span = said.span(support.start, support.end, support.text.as_deref());
            for index in &support.sources {
                let Some(source) = self.sources.0.get(*index) else { continue };
                if found.len() < SOURCES_MAX {
                    found.push(Citation {
                        url: source.url.as_deref().map(Box::from),
                        title: source.title.as_deref().map(Box::from),
                        quote: source.quote.as_deref().map(Box::from),
                        span,
                    });
                }
            }
        }
        found
    }
}

/// What a candidate has said so far, for its positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// All answer text.
    pub(super) text: &'a str,
    /// Where the text began that citations are attached to.
    pub(super) run_at: usize,
}

impl Said<'_> {
    /// A place in bytes as a place in characters of the last text. Which part it counts from is
    /// told differently by different services, so that the words decide.
    fn span(&self, start: usize, end: Option<usize>, words: Option<&str>) -> Option<(u64, u64)> {
        let end = end.or_else(|| Some(start + words?.len()))?;
        let place = match words.filter(|words| !words.is_empty()) {
            None => self.text.get(start..end).map(|_| (start, end)),
            Some(words) if self.text.get(start..end) == Some(words) => Some((start, end)),
            Some(words) => self.text.find(words).map(|at| (at, at + words.len())),
        };
        let (start, end) = place.filter(|(start, _)| *start >= self.run_at)?;
        let chars = |to: usize| Some(self.text.get(self.run_at..to)?.chars().count() as u64);
        Some((chars(start)?, chars(end)?))
    }
}

/// The elements of an array that are objects, up to a bound.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Members<'de>> Elements<'de> for List<T> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(element)) = seq.next_element::<Object<T>>()? else {
            return Ok(false);
        };
        if self.0.len() < SOURCES_MAX {
            self.0.push(element.unwrap_or_default());
        }
        Ok(true)
    }
}

/// A source, whatever kind it is of.
#[derive(Debug, Default)]
pub(super) struct Source<'de> {
    url: Option<Cow<'de, str>>,
    title: Option<Cow<'de, str>>,
    quote: Option<Cow<'de, str>>,
}

impl<'de> Members<'de> for Source<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "web" | "retrievedContext" | "maps" | "image" => {
                if let Object(Some(inner)) = map.next_value::<Object<Self>>()? {
                    *self = inner;
                }
            }
            "uri" | "sourceUri" => {
                self.url =
                    text(map.next_value()?).filter(|url| !url.is_empty()).or(self.url.take());
            }
            "title" => self.title = text(map.next_value()?),
            "text" => self.quote = text(map.next_value()?),
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

/// A statement and the numbers of its sources.
#[derive(Debug, Default)]
struct Support<'de> {
    start: usize,
    end: Option<usize>,
    text: Option<Cow<'de, str>>,
    sources: Vec<usize>,
}

impl<'de> Members<'de> for Support<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = |shape: Shape<'de>| whole(&shape).and_then(|place| usize::try_from(place).ok());
        match &*camel(name) {
            "segment" => {
                if let Object(Some(segment)) = map.next_value::<Object<Self>>()? {
                    (self.start, self.end, self.text) = (segment.start, segment.end, segment.text);
                }
            }
            "startIndex" => self.start = place(map.next_value()?).unwrap_or(0),
            "endIndex" => self.end = place(map.next_value()?),
            "text" => self.text = text(map.next_value()?),
            "groundingChunkIndices" => {
                let indices = map.next_value::<Array<Indices>>()?.0.unwrap_or_default();
                self.sources = indices.0;
            }
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Indices(Vec<usize>);

impl<'de> Elements<'de> for Indices {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(element) = seq.next_element::<Shape<'de>>()? else {
            return Ok(false);
        };
        let index = whole(&element).and_then(|index| usize::try_from(index).ok());
        self.0.extend(index.filter(|_| self.0.len() < SOURCES_MAX));
        Ok(true)
    }
}

/// The citations of `citationMetadata`: what the answer recites.
pub(super) fn recited(metadata: &RawValue, said: &Said<'_>) -> Vec<Citation> {
    let read = object::<Recited<'_>>(metadata).unwrap_or_default();
    let citations = read.0.0.into_iter().map(|cited| Citation {
        url: cited.source.url.as_deref().map(Box::from),
        title: cited.source.title.as_deref().map(Box::from),
        quote: None,
        span: said.span(cited.place.start, cited.place.end, None),
    });
    citations.collect()
}

#[derive(Debug, Default)]
struct Recited<'de>(List<Cited<'de>>);

impl<'de> Members<'de> for Recited<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "citationSources" | "citations" => {
                self.0 = map.next_value::<Array<_>>()?.0.unwrap_or_default();
            }
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Cited<'de> {
    source: Source<'de>,
    place: Support<'de>,
}

impl<'de> Members<'de> for Cited<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "startIndex" | "endIndex" => self.place.member(name, map),
            _ => self.source.member(name, map),
        }
    }
}

/// The log probabilities of `logprobsResult`.
pub(super) fn logprobs(result: &RawValue) -> Vec<LogProb> {
    let read = object::<LogProbs>(result).unwrap_or_default();
    let mut tops = read.tops.into_iter();
    let read = read.chosen.into_iter().map(|(token, logprob)| LogProb {
        token,
        logprob,
        top: tops.next().unwrap_or_default(),
    });
    read.collect()
}

#[derive(Debug, Default)]
struct LogProbs {
    chosen: Vec<(String, f64)>,
    tops: Vec<Vec<(String, f64)>>,
}

impl<'de> Members<'de> for LogProbs {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "chosenCandidates" | "candidates" => {
                let tokens = map.next_value::<Array<Tokens>>()?.0.unwrap_or_default();
                self.chosen = tokens.0;
            }
            "topCandidates" => {
                let tops = map.next_value::<Array<Tops>>()?.0.unwrap_or_default();
                self.tops = tops.0;
            }
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Tops(Vec<Vec<(String, f64)>>);

impl<'de> Elements<'de> for Tops {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(top)) = seq.next_element::<Object<LogProbs>>()? else {
            return Ok(false);
        };
        self.0.push(top.unwrap_or_default().chosen);
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Tokens(Vec<(String, f64)>);

impl<'de> Elements<'de> for Tokens {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(token)) = seq.next_element::<Object<Token>>()? else {
            return Ok(false);
        };
        self.0.extend(token.map(|Token { token, logprob }| (token, logprob)));
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Token {
    token: String,
    logprob: f64,
}

impl<'de> Members<'de> for Token {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "token" => {
                let token = map.next_value::<Shape<'de>>()?;
                self.token = token.as_text().unwrap_or_default().to_owned();
            }
            // A probability of one is a zero that JSON of this kind leaves out.
            "logProbability" => self.logprob = number(&map.next_value()?).unwrap_or(0.0),
            _ => crate::json::skip(map)?,
        }
        Ok(())
    }
}
