//! Parts in Google's form that requests and answers share: media, calls and their arguments.

use std::borrow::Cow;

use domain::{Dialect, Losses, Media, MediaKind, MediaSource, Proof, ToolCall};

use super::fields::{base64_of, is_object, on_one_line};
use super::turns::{MADE_ID, mime_of_address};
use crate::json::{members, quoted};
use crate::object::ObjectText;

/// A text as a part, with a signature of Google's if one belongs to it.
pub(super) fn text_part(text: &str, thought: bool, signature: Option<&str>) -> String {
    let mut part = ObjectText::new();
    part.text("text", text);
    if thought {
        part.raw("thought", "true");
    }
    part.text_if("thoughtSignature", signature);
    part.end()
}

/// The signature of a proof if it is Google's own; another's is told as lost.
pub(super) fn own_signature<'a>(proof: Option<&'a Proof>, losses: &mut Losses) -> Option<&'a str> {
    let proof = proof?;
    if proof.dialect != Dialect::Gemini {
        losses.dropped("thinking.signature");
        return None;
    }
    Some(&proof.data)
}

/// A medium as a part; `None` if it cannot be carried, which is told.
pub(super) fn media_part(
    media: &Media,
    signature: Option<&str>,
    losses: &mut Losses,
) -> Option<String> {
    if media.cache.is_some() {
        losses.dropped("cache_control");
    }
    if media.name.is_some() {
        losses.dropped("file.filename");
    }
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.dropped("image_url.detail");
    }
    let mut blob = ObjectText::new();
    let mime = media.mime.as_deref();
    let member = match &media.source {
        MediaSource::Base64(data) => {
            blob.text("mimeType", mime.unwrap_or_else(|| guessed_mime(media.kind, data)));
            blob.text("data", data);
            "inlineData"
        }
        MediaSource::Text(text) => {
            blob.text("mimeType", mime.unwrap_or("text/plain"));
            blob.text("data", &base64_of(text));
            "inlineData"
        }
        MediaSource::Url(url) => {
            // Google fetches films of its own; whether it fetches other addresses is its affair.
            if media.kind != MediaKind::Video {
                losses.approximated(match media.kind {
                    MediaKind::Image => "image_url",
                    MediaKind::Audio => "audio_url",
                    MediaKind::Document | MediaKind::Video => "file_url",
                });
            }
            blob.text_if("mimeType", mime.or_else(|| address_mime(media.kind, url)));
            blob.text("fileUri", url);
            "fileData"
        }
        MediaSource::File(Dialect::Gemini, uri) => {
            blob.text_if("mimeType", mime);
            blob.text("fileUri", uri);
            "fileData"
        }
        MediaSource::File(_, _) => {
            losses.dropped("file_id");
            return None;
        }
    };
    let mut part = ObjectText::new();
    part.raw(member, &blob.end());
    part.text_if("thoughtSignature", signature);
    Some(part.end())
}

/// The type that an address ends with; an image without an ending is mostly this one.
fn address_mime(kind: MediaKind, url: &str) -> Option<&'static str> {
    let usual = match kind {
        MediaKind::Image => Some("image/jpeg"),
        MediaKind::Video => Some("video/mp4"),
        MediaKind::Document => Some("application/pdf"),
        MediaKind::Audio => None,
    };
    mime_of_address(url).or(usual)
}

/// The type that the first bytes tell, else the usual one of the kind.
fn guessed_mime(kind: MediaKind, base64: &str) -> &'static str {
    const STARTS: [(&str, &str); 6] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("JVBERi", "application/pdf"),
        ("SUQz", "audio/mpeg"),
        ("T2dnUw", "audio/ogg"),
    ];
    if let Some((_, mime)) = STARTS.iter().find(|(start, _)| base64.starts_with(start)) {
        return mime;
    }
    match kind {
        MediaKind::Image if base64.starts_with("UklGR") => "image/webp",
        MediaKind::Image => "image/png",
        MediaKind::Audio => "audio/wav",
        MediaKind::Video => "video/mp4",
        MediaKind::Document => "application/pdf",
    }
}

/// A call as a part.
pub(super) fn call_part(call: &ToolCall, signature: Option<&str>, losses: &mut Losses) -> String {
    let mut function = ObjectText::new();
    if is_told(&call.id) {
        function.text("id", &call.id);
    }
    function.text("name", &call.name);
    function.raw("args", &arguments(call, losses));
    let mut part = ObjectText::new();
    part.raw("functionCall", &function.end());
    part.text_if("thoughtSignature", signature);
    part.end()
}

/// True if an id is to be told: one that we made up for ourselves is not.
pub(super) fn is_told(id: &str) -> bool {
    !id.is_empty() && !id.starts_with(MADE_ID)
}

/// The arguments as a JSON object. What is none is put into one.
fn arguments<'a>(call: &'a ToolCall, losses: &mut Losses) -> Cow<'a, str> {
    let text = call.arguments.as_str();
    if call.free_text {
        losses.approximated("tool_calls.custom");
        return Cow::Owned(format!(r#"{{"input":{}}}"#, quoted(text)));
    }
    if text.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    if is_object(text) {
        return on_one_line(text);
    }
    losses.approximated("tool_calls.arguments");
    Cow::Owned(format!(r#"{{"arguments":{}}}"#, quoted(text)))
}

/// Puts the signature of a part that is no thinking into that part, which stands last; else into an
/// empty text, as Google does at the end of a stream.
pub(super) fn sign_last(parts: &mut Vec<String>, signature: &str) {
    match parts.pop() {
        Some(part) if may_be_signed(&part) => {
            let open = part.strip_suffix('}').unwrap_or(&part);
            parts.push(format!(r#"{open},"thoughtSignature":{}}}"#, quoted(signature)));
        }
        other => {
            parts.extend(other);
            parts.push(text_part("", false, Some(signature)));
        }
    }
}

/// A text or a medium of ours that has no signature yet.
fn may_be_signed(part: &str) -> bool {
    let is_of = |kind: &str| part.starts_with(kind);
    let is_kind = is_of(r#"{"text":"#) || is_of(r#"{"inlineData":"#) || is_of(r#"{"fileData":"#);
    is_kind && !part.ends_with(r#","thought":true}"#) && !has_signature(part)
}

fn has_signature(part: &str) -> bool {
    members(part.as_bytes())
        .iter()
        .any(|member| member.is_named(part.as_bytes(), "thoughtSignature"))
}
