//! One content block as it is written, in requests and in answers alike: its members by name, none
//! of them judged. What they mean depends on the block's type and is told elsewhere.

use domain::{Citation, Json, SearchResult};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::json::{Members, Shape, skip};
use crate::raw;

/// Citations and search results that are taken of one block.
pub(super) const ATTACHED_MAX: usize = 256;

/// The members of a block of any type.
#[derive(Debug, Default)]
pub(super) struct Block<'de> {
    pub(super) kind: Shape<'de>,
    pub(super) text: Shape<'de>,
    pub(super) source: Option<&'de RawValue>,
    /// `id`, or the `tool_use_id` of a result.
    pub(super) id: Shape<'de>,
    pub(super) name: Shape<'de>,
    pub(super) input: Option<&'de RawValue>,
    pub(super) content: Option<&'de RawValue>,
    pub(super) is_error: Shape<'de>,
    pub(super) thinking: Shape<'de>,
    /// The `signature` of thinking, or the `data` of sealed thinking.
    pub(super) proof: Shape<'de>,
    pub(super) title: Shape<'de>,
    pub(super) context: Shape<'de>,
    pub(super) citations: Option<&'de RawValue>,
    pub(super) cache: Option<&'de RawValue>,
    pub(super) caller: Option<&'de RawValue>,
}

impl<'de> Members<'de> for Block<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "text" => self.text = map.next_value()?,
            "source" => self.source = Some(map.next_value()?),
            "id" | "tool_use_id" => self.id = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "input" => self.input = Some(map.next_value()?),
            "content" => self.content = Some(map.next_value()?),
            "is_error" => self.is_error = map.next_value()?,
            "thinking" => self.thinking = map.next_value()?,
            "signature" | "data" => self.proof = map.next_value()?,
            "title" => self.title = map.next_value()?,
            "context" => self.context = map.next_value()?,
            "citations" => self.citations = Some(map.next_value()?),
            "cache_control" => self.cache = Some(map.next_value()?),
            "caller" => self.caller = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Block<'_> {
    /// `cache_control`, unless it is null.
    pub(super) fn cache(&self) -> Option<Json> {
        json_of(self.cache)
    }

    /// The citations of a text.
    pub(super) fn citations(&self) -> Vec<Citation> {
        elements(self.citations).iter().filter_map(|raw| citation(raw)).collect()
    }
}

/// A block's members; `None` if the value is no object.
pub(super) fn read_block(raw: &RawValue) -> Option<Block<'_>> {
    raw::object(raw)
}

/// The value as text that is carried, unless it is null.
pub(super) fn json_of(raw: Option<&RawValue>) -> Option<Json> {
    raw.and_then(raw::present).map(|raw| Json::new(raw.get()))
}

/// The elements of an array; none of anything else.
pub(super) fn elements(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(raw::elements).unwrap_or_default()
}

/// One citation: a place of the web, of a search result or of a document.
pub(super) fn citation(raw: &RawValue) -> Option<Citation> {
    let read: CitationIn<'_> = raw::object(raw)?;
    let text =
        |shape: &Shape<'_>| shape.as_text().filter(|text| !text.is_empty()).map(Box::<str>::from);
    Some(Citation {
        url: text(&read.url),
        title: text(&read.title),
        quote: text(&read.quote),
        span: None,
    })
}

#[derive(Default)]
struct CitationIn<'de> {
    url: Shape<'de>,
    title: Shape<'de>,
    quote: Shape<'de>,
}

impl<'de> Members<'de> for CitationIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let place = match name {
            "url" | "source" => &mut self.url,
            "title" | "document_title" => &mut self.title,
            "cited_text" => &mut self.quote,
            _ => return skip(map),
        };
        let value: Shape<'de> = map.next_value()?;
        if value.as_text().is_some() {
            *place = value;
        }
        Ok(())
    }
}

/// What a search of the provider's has found; `None` if the search failed.
pub(super) fn search_results(content: Option<&RawValue>) -> Option<Vec<SearchResult>> {
    let content = content.filter(|raw| raw.get().starts_with('['))?;
    let found = elements(Some(content));
    let read = found.into_iter().take(ATTACHED_MAX).filter_map(|raw| {
        let read: ResultIn<'_> = raw::object(raw)?;
        Some(SearchResult {
            url: read.url.as_text()?.into(),
            title: read.title.as_text().filter(|title| !title.is_empty()).map(Box::from),
            snippet: None,
            date: read.page_age.as_text().map(Box::from),
        })
    });
    Some(read.collect())
}

#[derive(Default)]
struct ResultIn<'de> {
    url: Shape<'de>,
    title: Shape<'de>,
    page_age: Shape<'de>,
}

impl<'de> Members<'de> for ResultIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "url" => self.url = map.next_value()?,
            "title" => self.title = map.next_value()?,
            "page_age" => self.page_age = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
