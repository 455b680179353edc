//! Writes the parts of a message: text, images, recordings, films and files.

use domain::{Dialect, Foreign, Losses, Media, MediaKind, MediaSource, Text};

use super::order::Whom;
use super::shared::data_url;
use super::turns::{Part, foreign_loss, media_word};
use crate::form::Vendor;
use crate::object::ObjectText;

/// A part of text. Where it comes from and where it may be cached has no place in a request.
pub(super) fn text_part(text: &Text, losses: &mut Losses) -> Part {
    if text.cache.is_some() {
        losses.dropped("cache_control");
    }
    if !text.citations.is_empty() {
        losses.dropped("citations");
    }
    let mut part = ObjectText::new();
    part.text("type", "text").text("text", &text.text);
    Part { json: part.end(), text: Some(text.text.clone()) }
}

/// A part that only this dialect knows goes as it came, one of another is lost.
pub(super) fn write_foreign(foreign: &Foreign, losses: &mut Losses) -> Option<Part> {
    if foreign.dialect == Dialect::OpenAiChat {
        return Some(Part { json: foreign.json.as_str().to_owned(), text: None });
    }
    losses.add(foreign_loss(&foreign.kind));
    None
}

/// A medium as a part; `None`, and a loss, if it cannot be carried to this vendor.
pub(super) fn write_media(whom: Whom<'_>, media: &Media, losses: &mut Losses) -> Option<Part> {
    if media.cache.is_some() {
        losses.dropped("cache_control");
    }
    if let (MediaKind::Document, MediaSource::Text(text)) = (media.kind, &media.source) {
        losses.approximated("document");
        let title = media.name.as_deref().map_or(String::new(), |name| format!("{name}\n\n"));
        return Some(text_part(&Text { text: title + text, ..Text::default() }, losses));
    }
    let written = match media.kind {
        MediaKind::Image => image(media),
        MediaKind::Audio => audio(media),
        MediaKind::Video => video(whom, media),
        MediaKind::Document => document(whom, media),
    };
    if written.is_none() {
        losses.dropped(media_word(media.kind));
    }
    written.map(|json| Part { json, text: None })
}

fn address(media: &Media, usual_mime: &str) -> Option<String> {
    match &media.source {
        MediaSource::Url(url) => Some(url.to_string()),
        MediaSource::Base64(data) => {
            Some(data_url(media.mime.as_deref().unwrap_or(usual_mime), data))
        }
        MediaSource::File(..) | MediaSource::Text(_) => None,
    }
}

/// `{"type":kind,kind:inner}`.
fn part(kind: &str, mut inner: ObjectText) -> String {
    let mut part = ObjectText::new();
    part.text("type", kind).raw(kind, &inner.end());
    part.end()
}

fn image(media: &Media) -> Option<String> {
    let mut inner = ObjectText::new();
    inner.text("url", &address(media, "image/png")?);
    inner.text_if("detail", media.detail.as_deref());
    Some(part("image_url", inner))
}

fn audio(media: &Media) -> Option<String> {
    let MediaSource::Base64(data) = &media.source else { return None };
    let mime = media.mime.as_deref().unwrap_or("audio/wav");
    let format = match mime.strip_prefix("audio/").unwrap_or(mime) {
        "mpeg" | "mp3" | "mpga" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        other => other,
    };
    let mut inner = ObjectText::new();
    inner.text("data", data).text("format", format);
    Some(part("input_audio", inner))
}

fn video(whom: Whom<'_>, media: &Media) -> Option<String> {
    if whom.is_original() {
        return None;
    }
    let mut inner = ObjectText::new();
    inner.text("url", &address(media, "video/mp4")?);
    Some(part("video_url", inner))
}

fn document(whom: Whom<'_>, media: &Media) -> Option<String> {
    let mut inner = ObjectText::new();
    match &media.source {
        // The files of OpenAI's two forms are the same.
        MediaSource::File(Dialect::OpenAiChat | Dialect::OpenAiResponses, id) => {
            if !whom.is_original() {
                return None;
            }
            inner.text("file_id", id);
        }
        MediaSource::Url(url) => {
            // OpenAI fetches no documents.
            if whom.vendor != Vendor::Compatible {
                return None;
            }
            inner.text("file_data", url);
        }
        MediaSource::Base64(_) => {
            inner.text("file_data", &address(media, "application/pdf")?);
        }
        MediaSource::File(..) | MediaSource::Text(_) => return None,
    }
    if !matches!(media.source, MediaSource::File(..)) {
        // OpenAI refuses a file without a name.
        inner.text("filename", media.name.as_deref().unwrap_or("document.pdf"));
    }
    Some(part("file", inner))
}
