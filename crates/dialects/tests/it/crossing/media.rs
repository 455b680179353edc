//! Media mean the same wherever they stand: an address with bytes inside, bytes without a head, an
//! address where bytes belong, a recording's format.

use dialects::Vendor;
use domain::{Content, Dialect, Full, Media, MediaKind, MediaSource, Operation, Turn};
use serde_json::{Value, json};

use super::crossed::{read_request, write_request};

/// The first medium of a request.
fn medium(dialect: Dialect, body: &Value) -> Media {
    let body = serde_json::to_vec(body).unwrap();
    let (full, _) = read_request(dialect, Operation::Generate, &body).unwrap();
    let Full::Conversation(conversation) = full else { panic!("no conversation") };
    let said = conversation.turns.into_iter().flat_map(|turn: Turn| turn.content);
    let mut media = said.filter_map(|content| match content {
        Content::Media(media) => Some(media),
        _ => None,
    });
    media.next().unwrap()
}

fn in_chat(part: &Value) -> Media {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    medium(Dialect::OpenAiChat, &body)
}

fn in_responses(part: &Value) -> Media {
    let body = json!({"model": "m", "input": [{"role": "user", "content": [part]}]});
    medium(Dialect::OpenAiResponses, &body)
}

fn image(address: &str) -> [Media; 4] {
    let anthropic = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content":
        [{"type": "image", "source": {"type": "url", "url": address}}]}]});
    let mut file = json!({"fileUri": address});
    if !address.to_ascii_lowercase().starts_with("data:") {
        file["mimeType"] = json!("image/png");
    }
    let gemini = json!({"contents": [{"role": "user", "parts": [{"fileData": file}]}]});
    [
        in_chat(&json!({"type": "image_url", "image_url": {"url": address}})),
        in_responses(&json!({"type": "input_image", "image_url": address})),
        medium(Dialect::Anthropic, &anthropic),
        medium(Dialect::Gemini, &gemini),
    ]
}

#[test]
fn an_address_means_the_same_in_every_dialect() {
    for address in [
        "data:image/png;base64,QUJD",
        "DATA:image/png;base64,QUJD",
        "data:IMAGE/png;charset=utf-8;Base64,QUJD",
        "data:image/png,ABC",
    ] {
        for media in image(address) {
            assert_eq!(media.kind, MediaKind::Image, "{address}");
            assert_eq!(media.source, MediaSource::Base64("QUJD".into()), "{address}");
            assert_eq!(media.mime.as_deref(), Some("image/png"), "{address}");
        }
    }
    for media in image("https://a.example/b.png") {
        assert_eq!(media.source, MediaSource::Url("https://a.example/b.png".into()));
    }
}

#[test]
fn a_file_is_the_same_in_both_of_openais_forms() {
    let both = |data: &str| {
        let file = json!({"filename": "a.pdf", "file_data": data});
        let mut part = file.clone();
        part["type"] = json!("input_file");
        [in_chat(&json!({"type": "file", "file": file})), in_responses(&part)]
    };
    for data in ["JVBERi0=", "data:application/pdf;base64,JVBERi0=", "Data:;base64,JVBERi0="] {
        for media in both(data) {
            assert_eq!(media.source, MediaSource::Base64("JVBERi0=".into()), "{data}");
            assert_eq!(media.mime.as_deref(), Some("application/pdf"), "{data}");
            assert_eq!(media.name.as_deref(), Some("a.pdf"), "{data}");
        }
    }
    for media in both("https://a.example/a.pdf") {
        assert_eq!(media.source, MediaSource::Url("https://a.example/a.pdf".into()));
    }
}

#[test]
fn a_recording_is_the_same_in_both_of_openais_forms() {
    let recording = |data: &str, format: &str| {
        let inner = json!({"data": data, "format": format});
        let part = json!({"type": "input_audio", "input_audio": inner});
        let media = in_chat(&part);
        assert_eq!(media, in_responses(&part));
        media
    };
    assert_eq!(recording("QUJD", "mp3").mime.as_deref(), Some("audio/mpeg"));
    assert_eq!(recording("QUJD", "wav").mime.as_deref(), Some("audio/wav"));
    assert_eq!(recording("data:audio/mpga;base64,QUJD", "").mime.as_deref(), Some("audio/mpga"));
}

#[test]
fn a_recording_is_written_in_both_of_openais_forms_or_named() {
    let sent = |mime: &str, to: Dialect| {
        let part = json!({"inlineData": {"mimeType": mime, "data": "QUJD"}});
        let body = json!({"contents": [{"role": "user", "parts": [part, {"text": "hear"}]}]});
        let body = serde_json::to_vec(&body).unwrap();
        let read = read_request(Dialect::Gemini, Operation::Generate, &body).unwrap();
        let (written, losses) = write_request(&read, Operation::Generate, (to, Vendor::OpenAi));
        let written = String::from_utf8(written.to_vec()).unwrap();
        let format = written.split_once(r#""format":""#).map(|(_, rest)| rest[..3].to_owned());
        (format, losses.iter().any(|loss| &*loss.field == "audio"))
    };
    for to in [Dialect::OpenAiChat, Dialect::OpenAiResponses] {
        for (mime, format) in [
            ("audio/mpga", "mp3"),
            ("audio/mpeg", "mp3"),
            ("audio/vnd.wave", "wav"),
            ("audio/x-wav", "wav"),
        ] {
            assert_eq!(sent(mime, to), (Some(format.to_owned()), false), "{mime} {to:?}");
        }
        assert_eq!(sent("audio/flac", to), (None, true), "{to:?}");
    }
}
