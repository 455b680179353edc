//! Reads the parts of a message, of a tool's output and of an answer: text, media, refusals. What
//! a part belongs to is told elsewhere.

use domain::{
    Citation, Content, Dialect, Foreign, Json, LogProb, Media, MediaKind, MediaSource, Needs, Text,
};
use serde_json::value::RawValue;

use crate::media::{document, media_at, media_of, mime_of_format, source_at};
use crate::raw::{elements, kind_of, object, raw_members, shape, text, word};

/// Log probabilities kept of one list.
const LOGPROBS_MAX: usize = 100_000;

raw_members! {
    /// A part of content.
    Part {
        kind = "type",
        text = "text",
        refusal = "refusal",
        image_url = "image_url",
        detail = "detail",
        file_id = "file_id",
        file_data = "file_data",
        file_url = "file_url",
        filename = "filename",
        input_audio = "input_audio",
        annotations = "annotations",
        logprobs = "logprobs",
        cache_breakpoint = "prompt_cache_breakpoint",
    }
}

raw_members! {
    /// A recording inside a part, or an image's address in the manner of chat completions.
    Inner { data = "data", format = "format", url = "url" }
}

raw_members! {
    /// What is attached to a stretch of text.
    Annotation {
        kind = "type",
        url = "url",
        title = "title",
        filename = "filename",
        file_id = "file_id",
        index = "index",
        start_index = "start_index",
        end_index = "end_index",
    }
}

raw_members! {
    /// One token's probability.
    Token { token = "token", logprob = "logprob", top = "top_logprobs" }
}

/// Reads content that is a string or an array of parts.
///
/// # Errors
/// What is wrong, to be read behind the name of the place.
pub(super) fn read_content(raw: &RawValue) -> Result<Vec<Content>, String> {
    if let Some(whole) = text(raw) {
        return Ok(vec![Content::text(whole)]);
    }
    let Some(parts) = elements(raw) else {
        return Err(" must be a string or an array of parts".to_owned());
    };
    let mut read = Vec::with_capacity(parts.len());
    for (at, part) in parts.into_iter().enumerate() {
        read.push(read_part(part).map_err(|wrong| format!("[{at}]{wrong}"))?);
    }
    Ok(read)
}

fn read_part(raw: &RawValue) -> Result<Content, String> {
    let Some(part) = object::<Part<'_>>(raw) else {
        return Err(" must be an object".to_owned());
    };
    let Some(kind) = word(part.kind) else {
        return Err(" has no `type`".to_owned());
    };
    let cache = part.cache_breakpoint.map(|_| Json::new(r#"{"type":"ephemeral"}"#));
    match kind.as_ref() {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            let words = part.text.and_then(text).ok_or(" has no `text`")?;
            let citations = part.annotations.map(read_citations).unwrap_or_default();
            Ok(Content::Text(Text { text: words.into_owned(), citations, cache }))
        }
        "refusal" => {
            let words = part.refusal.and_then(text).ok_or(" has no `refusal`")?;
            Ok(Content::Refusal(words.into_owned()))
        }
        "input_image" | "image_url" => read_image(&part, cache),
        "input_file" => read_file(&part, cache),
        "input_audio" => read_audio(&part, cache),
        other => Ok(Content::Foreign(foreign(other, raw))),
    }
}

/// A part or an item that only this dialect knows.
pub(super) fn foreign(kind: &str, raw: &RawValue) -> Foreign {
    Foreign { dialect: Dialect::OpenAiResponses, kind: kind.into(), json: Json::new(raw.get()) }
}

fn read_image(part: &Part<'_>, cache: Option<Json>) -> Result<Content, String> {
    let address = part.image_url.and_then(|raw| {
        let inner = || text(object::<Inner<'_>>(raw)?.url?);
        text(raw).or_else(inner)
    });
    let (source, mime) = match (address, word(part.file_id)) {
        (Some(address), _) if !address.is_empty() => source_at(&address),
        (_, Some(id)) => (MediaSource::File(Dialect::OpenAiResponses, id.into()), None),
        _ => return Err(" has neither `image_url` nor `file_id`".to_owned()),
    };
    let detail = word(part.detail).map(Box::from);
    Ok(Content::Media(Media { kind: MediaKind::Image, source, mime, name: None, detail, cache }))
}

fn read_file(part: &Part<'_>, cache: Option<Json>) -> Result<Content, String> {
    let name = word(part.filename);
    let media = if let Some(data) = word(part.file_data) {
        document(&data, name.as_deref())
    } else if let Some(url) = word(part.file_url) {
        Media { name: name.map(Box::from), ..media_at(MediaKind::Document, &url) }
    } else if let Some(id) = word(part.file_id) {
        let source = MediaSource::File(Dialect::OpenAiResponses, id.into());
        Media { source, ..document("", name.as_deref()) }
    } else {
        return Err(" has none of `file_data`, `file_url` and `file_id`".to_owned());
    };
    let detail = word(part.detail).map(Box::from);
    Ok(Content::Media(Media { detail, cache, ..media }))
}

fn read_audio(part: &Part<'_>, cache: Option<Json>) -> Result<Content, String> {
    let inner = part.input_audio.and_then(object::<Inner<'_>>).unwrap_or_default();
    let data = word(inner.data).ok_or(" has no `input_audio.data`")?;
    let media = media_of(MediaKind::Audio, &data);
    let mime = media.mime.or_else(|| Some(mime_of_format(&word(inner.format)?)));
    Ok(Content::Media(Media { mime, cache, ..media }))
}

/// What a part needs beyond text.
pub(super) fn need_of(content: &Content) -> Needs {
    match content {
        Content::Media(media) => match media.kind {
            MediaKind::Image => Needs::IMAGES,
            MediaKind::Audio => Needs::AUDIO,
            MediaKind::Video => Needs::VIDEO,
            MediaKind::Document => Needs::DOCUMENTS,
        },
        Content::ToolCall(_) => Needs::TOOLS,
        Content::ToolResult(result) => {
            result.content.iter().map(need_of).fold(Needs::TOOLS, |sum, need| sum | need)
        }
        Content::Text(_)
        | Content::Thinking(_)
        | Content::Refusal(_)
        | Content::SearchResults(_)
        | Content::Foreign(_) => Needs::default(),
    }
}

/// All annotations that are citations.
pub(super) fn read_citations(raw: &RawValue) -> Vec<Citation> {
    elements(raw).unwrap_or_default().into_iter().filter_map(read_citation).collect()
}

/// One annotation, if it is a citation.
pub(super) fn read_citation(raw: &RawValue) -> Option<Citation> {
    let annotation = object::<Annotation<'_>>(raw)?;
    let number = |raw: Option<&RawValue>| shape(raw?).as_u64();
    let place = number(annotation.index).map(|index| (index, index));
    let span = number(annotation.start_index).zip(number(annotation.end_index)).or(place);
    let url: Option<Box<str>> = word(annotation.url).map(Box::from);
    let title = word(annotation.title).or_else(|| word(annotation.filename));
    let title: Option<Box<str>> = title.or_else(|| word(annotation.file_id)).map(Box::from);
    (url.is_some() || title.is_some()).then_some(Citation { url, title, quote: None, span })
}

/// True if something is attached to text that a citation cannot hold: the id of a stored file.
pub(super) fn names_a_file(raw: &RawValue) -> bool {
    kind_of(raw).is_some_and(|kind| kind.contains("file"))
}

/// The probabilities of tokens.
pub(super) fn read_logprobs(raw: &RawValue) -> Vec<LogProb> {
    let tokens = elements(raw).unwrap_or_default().into_iter().take(LOGPROBS_MAX);
    let pair = |raw: &RawValue| {
        let token = object::<Token<'_>>(raw)?;
        let number = shape(token.logprob?).as_f64()?;
        Some((text(token.token?)?.into_owned(), number))
    };
    let read = tokens.filter_map(|raw| {
        let (token, logprob) = pair(raw)?;
        let top = object::<Token<'_>>(raw).and_then(|token| elements(token.top?));
        let top = top.unwrap_or_default().into_iter().filter_map(pair).collect();
        Some(LogProb { token, logprob, top })
    });
    read.collect()
}
