//! Citations and search results of an answer as Google's grounding: sources, and the places in the
//! text that they support, counted in bytes.

use domain::{Citation, Losses, SearchResult};

use crate::object::ObjectText;

/// Sources that one answer tells.
const SOURCES_MAX: usize = 1000;
/// Bytes of an answer's text that are kept for the positions of citations.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// What a candidate has said and where it has it from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    text: String,
    /// Text beyond the bound was left out, so that nothing behind it has a place.
    cut: bool,
    /// Where the last run of text began, and whether it still goes on.
    run_at: usize,
    in_text: bool,
    known: Vec<Known>,
    supports: Vec<String>,
}

#[derive(Debug)]
struct Known {
    url: Option<Box<str>>,
    quote: Option<Box<str>>,
    json: String,
}

impl Sources {
    /// More of the answer's text.
    pub(super) fn said(&mut self, text: &str) {
        if !std::mem::replace(&mut self.in_text, true) {
            self.run_at = self.text.len();
        }
        if self.cut || self.text.len() + text.len() > TEXT_BYTES_MAX {
            self.cut = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Something else than text was said.
    pub(super) fn end_run(&mut self) {
        self.in_text = false;
    }

    /// A statement of the last text has this source.
    pub(super) fn cite(&mut self, citation: &Citation, losses: &mut Losses) {
        let Citation { url, title, quote, span } = citation;
        let Some(index) = self.source(url.as_deref(), title.as_deref(), quote.as_deref()) else {
            losses.dropped("annotations");
            return;
        };
        let place = self.place(*span);
        let mut support = ObjectText::new();
        if let Some((start, end)) = place {
            let mut segment = ObjectText::new();
            segment.raw("startIndex", &start.to_string());
            segment.raw("endIndex", &end.to_string());
            segment.text_if("text", self.text.get(start..end));
            support.raw("segment", &segment.end());
        }
        support.raw("groundingChunkIndices", &format!("[{index}]"));
        self.supports.push(support.end());
    }

    /// A place in characters of the last text as a place in bytes of all; the whole text if the
    /// citation tells none.
    fn place(&self, span: Option<(u64, u64)>) -> Option<(usize, usize)> {
        let run = self.text.get(self.run_at..).filter(|run| !run.is_empty() && !self.cut)?;
        let Some((start, end)) = span else {
            return Some((self.run_at, self.text.len()));
        };
        let byte = |chars: u64| {
            let chars = usize::try_from(chars).ok()?;
            let places = run.char_indices().map(|(at, _)| at).chain([run.len()]);
            places.into_iter().nth(chars).map(|at| self.run_at + at)
        };
        let (start, end) = (byte(start)?, byte(end)?);
        (start <= end).then_some((start, end))
    }

    /// What a search has found.
    pub(super) fn found(&mut self, results: &[SearchResult], losses: &mut Losses) {
        for result in results {
            if result.date.is_some() {
                losses.dropped("search_results.date");
            }
            let (title, snippet) = (result.title.as_deref(), result.snippet.as_deref());
            if self.source(Some(&result.url), title, snippet).is_none() {
                losses.dropped("search_results");
            }
        }
    }

    /// The number of a source, which is added if it is not known.
    fn source(
        &mut self,
        url: Option<&str>,
        title: Option<&str>,
        quote: Option<&str>,
    ) -> Option<usize> {
        let is_same = |known: &Known| {
            known.url.as_deref() == url && (quote.is_none() || known.quote.as_deref() == quote)
        };
        if let Some(at) = self.known.iter().position(is_same) {
            return Some(at);
        }
        if self.known.len() >= SOURCES_MAX {
            return None;
        }
        let mut source = ObjectText::new();
        source.text_if("uri", url).text_if("title", title).text_if("text", quote);
        let kind = if quote.is_some() { "retrievedContext" } else { "web" };
        let mut json = ObjectText::new();
        json.raw(kind, &source.end());
        let (url, quote) = (url.map(Box::from), quote.map(Box::from));
        self.known.push(Known { url, quote, json: json.end() });
        Some(self.known.len() - 1)
    }

    /// `groundingMetadata`, if there are sources.
    pub(super) fn metadata(&self) -> Option<String> {
        if self.known.is_empty() {
            return None;
        }
        let sources: Vec<String> = self.known.iter().map(|known| known.json.clone()).collect();
        let mut metadata = ObjectText::new();
        metadata.list("groundingChunks", &sources);
        metadata.list_if("groundingSupports", &self.supports);
        Some(metadata.end())
    }
}
