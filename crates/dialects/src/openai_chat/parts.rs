//! Reads the content of a message: a text, or parts of text, images, recordings and files.

use domain::{Content, Dialect, Foreign, Json, Media, MediaKind, MediaSource, Text, Thinking};
use serde_json::value::RawValue;

use super::raw::{Pair, elements, get, get_object, get_text, object, text};
use super::shared::media_at;

/// Reads a text, null, or an array of parts.
///
/// # Errors
/// What is wrong, without the place of the message.
pub(super) fn read_content(content: &RawValue) -> Result<Vec<Content>, String> {
    if content.get() == "null" {
        return Ok(Vec::new());
    }
    if content.get().starts_with('"') {
        let text = text(content).ok_or_else(|| "the content has a broken escape".to_owned())?;
        return Ok(vec![Content::text(text)]);
    }
    let Some(parts) = elements(content) else {
        return Err("the content must be a string or an array of parts".to_owned());
    };
    parts.into_iter().enumerate().map(|(place, part)| read_part(place, part)).collect()
}

fn read_part(place: usize, part: &RawValue) -> Result<Content, String> {
    let wrong = |what: &str| format!("`content[{place}]` {what}");
    // Mistral bears mere texts among the parts.
    if let Some(text) = text(part) {
        return Ok(Content::text(text));
    }
    let pairs = object(part).ok_or_else(|| wrong("must be an object"))?;
    let Some(kind) = get_text(&pairs, "type") else {
        return Err(wrong("has no `type`"));
    };
    let cache = get(&pairs, "cache_control").filter(|cache| cache.get() != "null");
    let cache = cache.map(|cache| Json::new(cache.get()));
    let lacks = |what: &str| wrong(&format!("is of type `{kind}` and has no {what}"));
    let media = match kind.as_ref() {
        "text" => {
            let words = get_text(&pairs, "text").ok_or_else(|| lacks("text"))?;
            return Ok(Content::Text(Text { text: words.into(), citations: Vec::new(), cache }));
        }
        "refusal" => {
            let words = get_text(&pairs, "refusal").ok_or_else(|| lacks("text"))?;
            return Ok(Content::Refusal(words.into()));
        }
        "thinking" => {
            return Ok(Content::Thinking(Thinking { text: thought(&pairs), proof: None }));
        }
        "image_url" => {
            let mut media = at_url(MediaKind::Image, &pairs, "image_url");
            if let Some(media) = &mut media {
                let detail = get_text(&get_object(&pairs, "image_url"), "detail");
                media.detail = detail.map(Box::from);
            }
            media.ok_or_else(|| lacks("`url`"))?
        }
        "video_url" => {
            at_url(MediaKind::Video, &pairs, "video_url").ok_or_else(|| lacks("`url`"))?
        }
        "audio_url" => {
            at_url(MediaKind::Audio, &pairs, "audio_url").ok_or_else(|| lacks("`url`"))?
        }
        "document_url" => {
            at_url(MediaKind::Document, &pairs, "document_url").ok_or_else(|| lacks("`url`"))?
        }
        "input_audio" => audio(&pairs).ok_or_else(|| lacks("`data`"))?,
        "file" => file(&pairs).ok_or_else(|| lacks("`file_data` and no `file_id`"))?,
        _ => {
            let (dialect, kind) = (Dialect::OpenAiChat, kind.into());
            return Ok(Content::Foreign(Foreign { dialect, kind, json: Json::new(part.get()) }));
        }
    };
    Ok(Content::Media(Media { cache, ..media }))
}

/// The words of a thinking part: a text, or an array of text parts.
fn thought(pairs: &[Pair<'_>]) -> String {
    let Some(thinking) = get(pairs, "thinking") else { return String::new() };
    if let Some(words) = text(thinking) {
        return words.into_owned();
    }
    let parts = elements(thinking).unwrap_or_default().into_iter().filter_map(object);
    parts.filter_map(|part| Some(get_text(&part, "text")?.into_owned())).collect()
}

fn at_url(kind: MediaKind, pairs: &[Pair<'_>], member: &str) -> Option<Media> {
    let inner = get_object(pairs, member);
    // Mistral writes the address itself in place of the object.
    let url = get_text(&inner, "url").or_else(|| get_text(pairs, member))?;
    (!url.is_empty()).then(|| media_at(kind, &url))
}

fn audio(pairs: &[Pair<'_>]) -> Option<Media> {
    let inner = get_object(pairs, "input_audio");
    let data = get_text(&inner, "data").or_else(|| get_text(pairs, "input_audio"))?;
    let mut media = media_at(MediaKind::Audio, &data);
    if let Some(data) = bare_base64(&media) {
        media.source = MediaSource::Base64(data);
    }
    if media.mime.is_none() {
        media.mime = get_text(&inner, "format").map(|format| match format.as_ref() {
            "mp3" => "audio/mpeg".into(),
            other => format!("audio/{other}").into(),
        });
    }
    Some(media)
}

fn file(pairs: &[Pair<'_>]) -> Option<Media> {
    let inner = get_object(pairs, "file");
    let name = get_text(&inner, "filename").filter(|name| !name.is_empty());
    let mut media = match (get_text(&inner, "file_data"), get_text(&inner, "file_id")) {
        (Some(data), _) => media_at(MediaKind::Document, &data),
        (None, Some(id)) => Media {
            source: MediaSource::File(Dialect::OpenAiChat, id.into()),
            ..media_at(MediaKind::Document, "")
        },
        (None, None) => return None,
    };
    if let Some(data) = bare_base64(&media) {
        media.source = MediaSource::Base64(data);
        let pdf = name.as_deref().is_some_and(|name| name.to_ascii_lowercase().ends_with(".pdf"));
        media.mime = pdf.then(|| "application/pdf".into());
    }
    media.name = name.map(Box::from);
    Some(media)
}

/// Base64 that some clients write where others write an address.
fn bare_base64(media: &Media) -> Option<Box<str>> {
    match &media.source {
        MediaSource::Url(data) if !data.contains("://") => Some(data.clone()),
        _ => None,
    }
}
