//! Where the bytes of images, recordings and documents are and of what type they are, read from
//! the addresses, words and endings that all dialects use. Which media a dialect bears, and how
//! its parts look, stands with the dialect.

use domain::{Media, MediaKind, MediaSource};

use crate::base64;

/// A medium at an address, or inside a `data:` address.
pub(crate) fn media_at(kind: MediaKind, address: &str) -> Media {
    let (source, mime) = source_at(address);
    Media { kind, source, mime, name: None, detail: None, cache: None }
}

/// What an address means: bytes, with their type, if it is a `data:` address.
pub(crate) fn source_at(address: &str) -> (MediaSource, Option<Box<str>>) {
    match read_data_address(address) {
        Some((mime, data)) => (MediaSource::Base64(data), mime),
        None => (MediaSource::Url(address.into()), None),
    }
}

/// A medium in a place that is made for bytes, where clients write base64 with or without a
/// `data:` head, or an address after all.
pub(crate) fn media_of(kind: MediaKind, data: &str) -> Media {
    let mut media = media_at(kind, data);
    if let MediaSource::Url(bare) = &media.source
        && !bare.contains(':')
    {
        media.source = MediaSource::Base64(bare.clone());
    }
    media
}

/// A document by its bytes or address, and its name, whose ending tells the type where nothing
/// else does.
pub(crate) fn document(data: &str, name: Option<&str>) -> Media {
    let media = media_of(MediaKind::Document, data);
    let mime = media.mime.or_else(|| mime_of_address(name?).map(Box::from));
    Media { mime, name: name.map(Box::from), ..media }
}

/// The word by which a medium is named among the losses.
pub(crate) fn media_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
    }
}

/// Base64 as a `data:` address.
pub(crate) fn data_address(mime: &str, data: &str) -> String {
    format!("data:{mime};base64,{data}")
}

/// The type that is told, or else that the bytes tell, or else the usual one of the kind.
pub(crate) fn mime_of(media: &Media) -> &str {
    if let Some(mime) = media.mime.as_deref() {
        return mime;
    }
    if let MediaSource::Base64(data) = &media.source
        && let Some(mime) = mime_of_bytes(media.kind, data)
    {
        return mime;
    }
    match media.kind {
        MediaKind::Image => "image/png",
        MediaKind::Audio => "audio/wav",
        MediaKind::Video => "video/mp4",
        MediaKind::Document => "application/pdf",
    }
}

/// The type that the first bytes tell.
pub(crate) fn mime_of_bytes(kind: MediaKind, base64: &str) -> Option<&'static str> {
    const STARTS: [(&str, &str); 7] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("JVBERi", "application/pdf"),
        ("SUQz", "audio/mpeg"),
        ("T2dnUw", "audio/ogg"),
        ("ZkxhQw", "audio/flac"),
    ];
    match kind {
        // The same container has recordings as well.
        MediaKind::Image if base64.starts_with("UklGR") => Some("image/webp"),
        _ => STARTS.iter().find(|(start, _)| base64.starts_with(start)).map(|(_, mime)| *mime),
    }
}

/// The type that an address or a file's name ends with, if it ends with one.
pub(crate) fn mime_of_address(address: &str) -> Option<&'static str> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        _ => return None,
    })
}

/// What kind of medium a type is.
pub(crate) fn kind_of_mime(mime: &str) -> MediaKind {
    match mime.split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// The type of a recording whose format has one of OpenAI's words.
pub(crate) fn mime_of_format(format: &str) -> Box<str> {
    match format {
        "mp3" => "audio/mpeg".into(),
        other => format!("audio/{other}").into(),
    }
}

/// OpenAI's word for a recording's type; what it has no word for is called by its own.
pub(crate) fn format_of_mime(mime: &str) -> &str {
    match mime.strip_prefix("audio/").unwrap_or(mime) {
        "mpeg" | "mp3" | "mpga" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        other => other,
    }
}

/// The type and the base64 of a `data:` address (RFC 2397); `None` if it is none. Parameters of the
/// type but `base64` are left out, since providers refuse types that have any.
fn read_data_address(address: &str) -> Option<(Option<Box<str>>, Box<str>)> {
    let (scheme, rest) = address.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let (head, data) = rest.split_once(',')?;
    let mut words = head.split(';').map(str::trim);
    let mime = words.next().filter(|mime| !mime.is_empty()).map(str::to_ascii_lowercase);
    let coded = words.next_back().is_some_and(|last| last.eq_ignore_ascii_case("base64"));
    let data = if coded { data.into() } else { base64::encode(&unescaped(data)).into() };
    Some((mime.map(Into::into), data))
}

/// The bytes of a text in which some are written as `%41`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        let coded =
            digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        match coded.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_data_are_taken_apart() {
        for (address, mime, data) in [
            ("data:image/png;base64,QUJD", Some("image/png"), "QUJD"),
            ("DATA:Image/PNG;BASE64,QUJD", Some("image/png"), "QUJD"),
            ("data:image/png;charset=x;name=\"a\";base64,QUJD", Some("image/png"), "QUJD"),
            ("data:;base64,QUJD", None, "QUJD"),
            ("data:text/plain,A%42C", Some("text/plain"), "QUJD"),
            ("data:,%zz%", None, "JXp6JQ=="),
        ] {
            let wanted = (MediaSource::Base64(data.into()), mime.map(Box::from));
            assert_eq!(source_at(address), wanted, "{address}");
        }
        for address in ["https://a.example/b", "data:image/png", "datä:", ""] {
            assert_eq!(source_at(address), (MediaSource::Url(address.into()), None));
        }
    }

    #[test]
    fn bytes_need_no_head_and_addresses_stay_addresses() {
        let source = |data: &str| media_of(MediaKind::Document, data).source;
        assert_eq!(source("JVBERi0="), MediaSource::Base64("JVBERi0=".into()));
        for address in ["https://a.example/b.pdf", "gs://b/c", "data:broken"] {
            assert_eq!(source(address), MediaSource::Url(address.into()));
        }
        assert_eq!(document("QUJD", Some("A.PDF")).mime.as_deref(), Some("application/pdf"));
        assert_eq!(document("data:a/b;base64,QUJD", Some("A.PDF")).mime.as_deref(), Some("a/b"));
    }

    #[test]
    fn types_are_told_or_seen_or_usual() {
        let mime = |address: &str| mime_of(&media_at(MediaKind::Image, address)).to_owned();
        assert_eq!(mime("data:image/webp;base64,/9j/AAAA"), "image/webp");
        assert_eq!(mime("data:;base64,/9j/AAAA"), "image/jpeg");
        assert_eq!(mime("data:;base64,UklGRAAA"), "image/webp");
        assert_eq!(mime("data:;base64,AAAA"), "image/png");
        assert_eq!(mime_of(&media_of(MediaKind::Audio, "UklGRAAA")), "audio/wav");
    }

    #[test]
    fn recordings_have_words_for_their_types() {
        for format in ["mp3", "wav", "flac"] {
            assert_eq!(format_of_mime(&mime_of_format(format)), format);
        }
        for (mime, format) in [("audio/mpga", "mp3"), ("audio/vnd.wave", "wav"), ("mp3", "mp3")] {
            assert_eq!(format_of_mime(mime), format);
        }
    }
}
