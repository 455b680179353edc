//! Reads the parts of a turn, from a text or an array of content blocks. A type that is not known
//! is kept as it is written and is no error; a known one that lacks what it is made of is.

use std::borrow::Cow;

use domain::{
    Content, Dialect, Foreign, Json, Media, MediaKind, MediaSource, Needs, Proof, ProofKind, Text,
    Thinking, ToolCall, ToolResult,
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::block::{Block, elements, read_block};
use super::ours;
use crate::json::{Members, Shape, skip};
use crate::media::source_at;
use crate::raw;

/// Names of members that are remembered as lost.
const LOST_MAX: usize = 64;

/// What was met in all parts read so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) needs: Needs,
    pub(super) unmapped: Vec<Box<str>>,
}

impl Parts {
    /// Remembers a member that the internal form cannot hold.
    pub(super) fn lose(&mut self, name: &str) {
        let known = self.unmapped.iter().any(|lost| **lost == *name);
        if !known && self.unmapped.len() < LOST_MAX {
            self.unmapped.push(name.into());
        }
    }

    /// Reads a text or an array of blocks.
    ///
    /// # Errors
    /// A sentence that begins with the place.
    pub(super) fn content(&mut self, raw: &RawValue, at: &str) -> Result<Vec<Content>, String> {
        if let Some(text) = raw::text(raw) {
            return Ok(if text.is_empty() { Vec::new() } else { vec![Content::text(text)] });
        }
        if !raw.get().starts_with('[') {
            return Err(format!("`{at}` must be a string or an array of blocks"));
        }
        let mut parts = Vec::new();
        for (place, raw) in elements(Some(raw)).into_iter().enumerate() {
            let wrong = |wrong: &str| format!("`{at}[{place}]`: {wrong}");
            let block = read_block(raw).ok_or_else(|| wrong("must be an object"))?;
            // What we made up for another provider's search is missed by nobody.
            if !ours::made(&block) {
                parts.push(self.part(&block, raw, true).map_err(wrong)?);
            }
        }
        Ok(parts)
    }

    /// `outer` is false inside of a tool's result, where no further result can stand.
    fn part(
        &mut self,
        block: &Block<'_>,
        raw: &RawValue,
        outer: bool,
    ) -> Result<Content, &'static str> {
        let kind = block.kind.as_text().ok_or("the type is missing")?;
        Ok(match kind {
            "text" => Content::Text(Text {
                text: block.text.as_text().ok_or("the text is missing")?.to_owned(),
                citations: block.citations(),
                cache: block.cache(),
            }),
            "image" | "document" => match self.media(kind, block)? {
                Some(media) => Content::Media(media),
                None => foreign(kind, raw),
            },
            "tool_use" => {
                self.needs |= Needs::TOOLS;
                self.lose_if(block.cache().is_some(), "messages.cache_control");
                Content::ToolCall(ToolCall {
                    id: block.id.as_text().ok_or("the id is missing")?.into(),
                    name: block.name.as_text().ok_or("the name is missing")?.into(),
                    arguments: block.input.map_or("{}", RawValue::get).to_owned(),
                    free_text: false,
                    signature: None,
                })
            }
            "tool_result" if outer => self.result(block)?,
            "thinking" => {
                let proof = block.proof.as_text().unwrap_or_default();
                Content::Thinking(Thinking {
                    text: block.thinking.as_text().unwrap_or_default().to_owned(),
                    proof: proof_of(proof, ProofKind::Signature),
                })
            }
            "redacted_thinking" => {
                let data = block.proof.as_text().ok_or("the data is missing")?;
                Content::Thinking(Thinking {
                    text: String::new(),
                    proof: proof_of(data, ProofKind::Sealed),
                })
            }
            "search_result" => self.search_result(block),
            _ => foreign(kind, raw),
        })
    }

    fn lose_if(&mut self, lost: bool, name: &str) {
        if lost {
            self.lose(name);
        }
    }

    fn result(&mut self, block: &Block<'_>) -> Result<Content, &'static str> {
        self.needs |= Needs::TOOLS;
        let content = match block.content.filter(|raw| raw.get() != "null") {
            None => Vec::new(),
            Some(raw) => match raw::text(raw) {
                Some(text) if text.is_empty() => Vec::new(),
                Some(text) => vec![Content::text(text)],
                None if raw.get().starts_with('[') => {
                    let blocks = elements(Some(raw)).into_iter();
                    blocks
                        .map(|raw| {
                            let block = read_block(raw).ok_or("its parts must be objects")?;
                            self.part(&block, raw, false)
                        })
                        .collect::<Result<_, _>>()?
                }
                None => return Err("the content must be a string or an array of blocks"),
            },
        };
        Ok(Content::ToolResult(ToolResult {
            id: block.id.as_text().ok_or("the tool_use_id is missing")?.into(),
            name: None,
            content,
            is_error: block.is_error == Shape::Bool(true),
            cache: block.cache(),
        }))
    }

    /// What the caller found himself: its words become text, for every model can read those.
    fn search_result(&mut self, block: &Block<'_>) -> Content {
        self.lose("messages.search_result");
        let source = block.source.and_then(raw::text);
        let mut lines: Vec<String> = Vec::new();
        lines.extend(block.title.as_text().map(str::to_owned));
        lines.extend(source.map(Cow::into_owned));
        lines.extend(block.content.map(joined_text));
        Content::Text(Text { text: lines.join("\n"), citations: Vec::new(), cache: block.cache() })
    }

    /// `None` if the source is of a kind that is not known.
    fn media(&mut self, kind: &str, block: &Block<'_>) -> Result<Option<Media>, &'static str> {
        let source = block.source.ok_or("the source is missing")?;
        let Some(read) = raw::object::<Source<'_>>(source) else {
            return Err("the source must be an object");
        };
        let text = |shape: &Shape<'_>| shape.as_text().map(Box::<str>::from);
        let mut mime = text(&read.mime);
        let source = match read.kind.as_text().ok_or("the source's type is missing")? {
            "base64" => MediaSource::Base64(text(&read.data).ok_or("the source has no data")?),
            "text" => MediaSource::Text(text(&read.data).ok_or("the source has no data")?),
            "url" => {
                let url = read.url.as_text().ok_or("the source has no url")?;
                let (source, told) = source_at(url);
                mime = mime.or(told);
                source
            }
            "file" => {
                let id = text(&read.file_id).ok_or("the source has no file_id")?;
                MediaSource::File(Dialect::Anthropic, id)
            }
            "content" => {
                let content = read.content.ok_or("the source has no content")?;
                let parts = elements(Some(content));
                let plain = |raw: &&RawValue| {
                    read_block(raw).is_some_and(|block| block.kind.as_text() == Some("text"))
                };
                if !parts.iter().all(plain) {
                    return Ok(None);
                }
                self.lose_if(parts.len() > 1, "messages.source.content");
                MediaSource::Text(joined_text(content).into())
            }
            _ => return Ok(None),
        };
        let document = kind == "document";
        self.needs |= if document { Needs::DOCUMENTS } else { Needs::IMAGES };
        self.lose_if(block.context.as_text().is_some_and(|t| !t.is_empty()), "messages.context");
        let cites = block.citations.is_some_and(|raw| raw.get().contains("true"));
        self.lose_if(cites, "messages.citations");
        Ok(Some(Media {
            kind: if document { MediaKind::Document } else { MediaKind::Image },
            source,
            mime,
            name: text(&block.title),
            detail: None,
            cache: block.cache(),
        }))
    }
}

/// The text itself, or the texts of all text blocks, each on its own line.
fn joined_text(raw: &RawValue) -> String {
    if let Some(text) = raw::text(raw) {
        return text.into_owned();
    }
    let blocks = elements(Some(raw));
    let texts = blocks.iter().filter_map(|raw| Some(read_block(raw)?.text.as_text()?.to_owned()));
    texts.collect::<Vec<_>>().join("\n")
}

fn foreign(kind: &str, raw: &RawValue) -> Content {
    Content::Foreign(Foreign {
        dialect: Dialect::Anthropic,
        kind: kind.into(),
        json: Json::new(raw.get()),
    })
}

/// A proof of Anthropic's; none if it is empty or a mark of our own.
pub(super) fn proof_of(data: &str, kind: ProofKind) -> Option<Proof> {
    let theirs = !data.is_empty() && data != ours::MARK;
    theirs.then(|| Proof { dialect: Dialect::Anthropic, kind, id: None, data: data.into() })
}

/// Where a medium's bytes are, as written.
#[derive(Default)]
struct Source<'de> {
    kind: Shape<'de>,
    mime: Shape<'de>,
    data: Shape<'de>,
    url: Shape<'de>,
    file_id: Shape<'de>,
    content: Option<&'de RawValue>,
}

impl<'de> Members<'de> for Source<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "media_type" => self.mime = map.next_value()?,
            "data" => self.data = map.next_value()?,
            "url" => self.url = map.next_value()?,
            "file_id" => self.file_id = map.next_value()?,
            "content" => self.content = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}
