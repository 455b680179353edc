//! Writes images and documents as content blocks.

use domain::{Dialect, Json, Losses, Media, MediaKind, MediaSource};

use crate::base64;
use crate::media::mime_of_bytes;
use crate::object::ObjectText;

/// The block, or nothing and a loss: a medium never becomes an empty text.
pub(super) fn write_media(media: &Media, losses: &mut Losses) -> Option<String> {
    let (kind, lost) = match media.kind {
        MediaKind::Image => ("image", "images"),
        MediaKind::Document => ("document", "documents"),
        MediaKind::Audio => {
            losses.dropped("audio");
            return None;
        }
        MediaKind::Video => {
            losses.dropped("video");
            return None;
        }
    };
    let image = media.kind == MediaKind::Image;
    let Some(source) = write_source(media, image) else {
        losses.dropped(lost);
        return None;
    };
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.dropped("image_url.detail");
    }
    let mut object = ObjectText::of(kind);
    object.raw("source", &source);
    object.text_if("title", media.name.as_deref().filter(|_| !image));
    Some(object.raw_if("cache_control", media.cache.as_ref().map(Json::as_str)).end())
}

fn write_source(media: &Media, image: bool) -> Option<String> {
    let mime = media.mime.as_deref().map(|mime| mime.split(';').next().unwrap_or(mime).trim());
    Some(match &media.source {
        MediaSource::Url(url) => ObjectText::of("url").text("url", url).end(),
        MediaSource::File(Dialect::Anthropic, id) => {
            ObjectText::of("file").text("file_id", id).end()
        }
        MediaSource::File(..) => return None,
        MediaSource::Text(_) if image => return None,
        MediaSource::Text(text) => plain(text),
        MediaSource::Base64(data) if image => {
            let mime = match mime {
                Some("image/jpg") => "image/jpeg",
                Some(mime @ ("image/png" | "image/jpeg" | "image/gif" | "image/webp")) => mime,
                Some(_) => return None,
                None => mime_of_bytes(MediaKind::Image, data)
                    .filter(|mime| mime.starts_with("image/"))?,
            };
            base64_source(mime, data)
        }
        MediaSource::Base64(data) => match mime {
            Some("application/pdf") => base64_source("application/pdf", data),
            None if mime_of_bytes(media.kind, data) == Some("application/pdf") => {
                base64_source("application/pdf", data)
            }
            Some(mime) if mime.starts_with("text/") || mime == "application/json" => {
                plain(&String::from_utf8(base64::decode(data)?).ok()?)
            }
            _ => return None,
        },
    })
}

fn base64_source(mime: &str, data: &str) -> String {
    ObjectText::of("base64").text("media_type", mime).text("data", data).end()
}

fn plain(text: &str) -> String {
    ObjectText::of("text").text("media_type", "text/plain").text("data", text).end()
}
