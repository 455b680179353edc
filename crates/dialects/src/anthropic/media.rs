//! Writes images and documents as content blocks.

use domain::{Dialect, Json, Losses, Media, MediaKind, MediaSource};

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
                None => image_type(data)?,
            };
            base64(mime, data)
        }
        MediaSource::Base64(data) => match mime {
            Some("application/pdf") => base64("application/pdf", data),
            None if data.starts_with("JVBERi") => base64("application/pdf", data),
            Some(mime) if mime.starts_with("text/") || mime == "application/json" => {
                plain(&String::from_utf8(decode(data)?).ok()?)
            }
            _ => return None,
        },
    })
}

fn base64(mime: &str, data: &str) -> String {
    ObjectText::of("base64").text("media_type", mime).text("data", data).end()
}

fn plain(text: &str) -> String {
    ObjectText::of("text").text("media_type", "text/plain").text("data", text).end()
}

/// An image's type by the first bytes of its base64.
fn image_type(data: &str) -> Option<&'static str> {
    let types = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
    ];
    types.into_iter().find(|(start, _)| data.starts_with(start)).map(|(_, mime)| mime)
}

/// Base64 in either alphabet, padded or not.
fn decode(data: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in data.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_base64_of_both_alphabets() {
        assert_eq!(decode("aGk/Pz4+").unwrap(), b"hi??>>");
        assert_eq!(decode("aGk_Pz4-").unwrap(), b"hi??>>");
        assert_eq!(decode("aGk=").unwrap(), b"hi");
        assert_eq!(decode("").unwrap(), b"");
        assert_eq!(decode("a*"), None);
    }
}
