//! Recorded exchanges with many providers: what the readers see equals what an independent reader
//! saw. Skipped with a line where there is no folder of recordings.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use dialects::openai_chat::{
    StreamReader, read_conversation, read_outline, read_refusal, read_whole, rewrite,
};
use domain::{Dialect, FaultClass, Finish, Request, Sight};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::reading::read;

/// One exchange.
pub(crate) struct Recording {
    pub(crate) path: String,
    pub(crate) stream: bool,
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) meta: Value,
    pub(crate) request: Value,
    pub(crate) body: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SEAWALL_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    named.into_iter().chain([beside]).find_map(|folder| {
        [folder.join("wire"), folder].into_iter().find(|place| place.join("INDEX.tsv").is_file())
    })
}

/// All exchanges in OpenAI's chat form; none without a folder.
pub(crate) fn all() -> &'static [Recording] {
    static RECORDINGS: OnceLock<Vec<Recording>> = OnceLock::new();
    RECORDINGS.get_or_init(load_all)
}

/// All streams among them.
pub(crate) fn streams() -> impl Iterator<Item = &'static Recording> {
    all().iter().filter(|recording| recording.stream)
}

fn load_all() -> Vec<Recording> {
    let Some(folder) = folder() else {
        eprintln!("no folder of recordings: skipped (set SEAWALL_FIXTURES)");
        return Vec::new();
    };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let chats = rows.filter(|row| matches!(row[2], "chat" | "openai-compat-chat"));
    let found: Vec<Recording> = chats.map(|row| load(&folder, &row)).collect();
    assert!(found.len() > 80, "only {} recordings", found.len());
    found
}

fn load(folder: &Path, row: &[&str]) -> Recording {
    let place = folder.join(row[0]);
    let json = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap()
    };
    let meta = json("meta.json");
    let body = fs::read(place.join(meta["response_file"].as_str().unwrap())).unwrap();
    Recording {
        path: row[0].to_owned(),
        stream: row[4] == "1",
        status: row[5].parse().unwrap(),
        kind: row[3].to_owned(),
        request: json("request.json"),
        meta,
        body,
    }
}

/// Characters of text by the summary; two recordings have their text in parts, which the
/// summary's reader did not look into.
fn text_chars(recording: &Recording) -> u64 {
    match recording.path.as_str() {
        "mistral/chat/mistral-reasoning-stream" => 9,
        "mistral/chat/mistral-reasoning" => {
            let whole: Value = serde_json::from_slice(&recording.body).unwrap();
            let parts = whole["choices"][0]["message"]["content"].as_array().unwrap().clone();
            parts.iter().filter_map(|part| part["text"].as_str()).map(count).sum()
        }
        _ => recording.meta["summary"]["text"].as_str().map_or(0, count),
    }
}

fn count(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap()
}

fn compare(recording: &Recording, sight: &Sight) {
    let path = &recording.path;
    let summary = &recording.meta["summary"];
    assert_eq!(u64::from(sight.text_chars), text_chars(recording), "{path}");
    let finish = sight.finish.as_ref().map(|finish| match finish {
        Finish::Other(word) => word.to_string(),
        known => known.as_str().to_owned(),
    });
    let wanted = summary["finish"].as_str().map(|word| word.replace("function_call", "tool_calls"));
    assert_eq!(finish, wanted, "{path}");
    assert_eq!(sight.model.as_deref(), summary["model"].as_str(), "{path}");
    // The error's own chunk has usage beside the error; it is no longer read.
    let usage = match recording.kind.as_str() {
        "midstream-error" => &Value::Null,
        _ => &summary["usage"],
    };
    assert_eq!(sight.usage.is_some(), usage.is_object(), "{path}");
    if let Some(seen) = sight.usage {
        let told = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let (prompt, completion) = (told("/prompt_tokens"), told("/completion_tokens"));
        assert_eq!(seen.input(), prompt, "{path}");
        assert_eq!(
            seen.output,
            completion.max(told("/total_tokens").saturating_sub(prompt)),
            "{path}"
        );
        let cached = told("/prompt_tokens_details/cached_tokens").max(told("/num_cached_tokens"));
        assert_eq!(seen.cache_read, cached, "{path}");
        let reasoning = told("/completion_tokens_details/reasoning_tokens");
        assert!(seen.reasoning >= reasoning.min(seen.output), "{path}");
    }
}

fn is_filtered(recording: &Recording) -> bool {
    recording.meta["summary"]["finish"] == "content_filter"
}

#[test]
fn whole_answers_are_read_as_the_summary_says() {
    let answers = all().iter().filter(|recording| !recording.stream && recording.status == 200);
    for recording in answers {
        let sight = read_whole(&recording.body)
            .unwrap_or_else(|fault| panic!("{}: {fault}", recording.path));
        compare(recording, &sight);
        // Only the filtered answers carry nothing.
        assert_eq!(sight.content_deltas == 1, !is_filtered(recording), "{}", recording.path);
    }
}

#[test]
fn streams_go_through_byte_for_byte_and_are_read_as_the_summary_says() {
    for recording in streams() {
        let path = &recording.path;
        let seen = read([&recording.body[..]], false);
        compare(recording, &seen.sight);
        if recording.kind == "midstream-error" {
            assert!(recording.body.starts_with(&seen.bytes), "{path}");
            let class = seen.fault.unwrap().class;
            let wanted =
                if path.contains("truncated") { FaultClass::Cut } else { FaultClass::ServerError };
            assert_eq!(class, wanted, "{path}");
        } else {
            assert_eq!(seen.fault, None, "{path}");
            assert_eq!(seen.bytes, recording.body, "{path}");
            assert_eq!(seen.sight.malformed, 0, "{path}");
            assert!(seen.sight.content_deltas > 0, "{path}");
        }
    }
}

fn is_usage_only(event: &str) -> bool {
    let data = event.trim_end().strip_prefix("data: ").unwrap_or_default();
    let chunk: Value = serde_json::from_str(data).unwrap_or_default();
    chunk["choices"] == Value::Array(Vec::new()) && chunk["usage"].is_object()
}

#[test]
fn hidden_usage_takes_away_usage_chunks_and_nothing_else() {
    for recording in streams() {
        let text = String::from_utf8(recording.body.clone()).unwrap();
        let wanted: String =
            text.split_inclusive("\n\n").filter(|event| !is_usage_only(event)).collect();
        let seen = read([&recording.body[..]], true);
        if recording.kind == "midstream-error" {
            assert!(wanted.as_bytes().starts_with(&seen.bytes), "{}", recording.path);
        } else {
            let seen = String::from_utf8(seen.bytes).unwrap();
            assert_eq!(seen, wanted, "{}", recording.path);
        }
    }
}

#[test]
fn requests_are_read_and_only_the_model_changes() {
    for recording in all() {
        let Some(asked) = recording.request["body"].as_object() else {
            continue;
        };
        let path = &recording.path;
        let body = Bytes::from(serde_json::to_vec_pretty(asked).unwrap());
        // A deployment's name may stand in the path alone.
        if !asked.contains_key("model") {
            assert_eq!(read_outline(&body).unwrap_err().param, Some("model"), "{path}");
            continue;
        }
        let outline = read_outline(&body).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        assert_eq!(outline.stream, asked.get("stream") == Some(&Value::Bool(true)), "{path}");
        let conversation =
            read_conversation(&body).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        assert_eq!(conversation.turns.len(), asked["messages"].as_array().unwrap().len(), "{path}");
        let name = outline.model.to_string();
        let request = Request { dialect: Dialect::OpenAiChat, body: body.clone(), outline };
        let changed = rewrite(&request, "another", false);
        let old = String::from_utf8(body.to_vec()).unwrap();
        let wanted = old.replace(&format!("\"model\": \"{name}\""), "\"model\": \"another\"");
        assert_eq!(String::from_utf8(changed.to_vec()).unwrap(), wanted, "{path}");
    }
}

#[test]
fn recorded_refusals_have_their_class() {
    for recording in all().iter().filter(|recording| recording.status >= 400) {
        let mut headers = HeaderMap::new();
        for (name, value) in recording.meta["response_headers"].as_object().unwrap() {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let body = Bytes::from(recording.body.clone());
        let fault = read_refusal(recording.status, &headers, &body, 0.0);
        let (class, wait_ms, relayed) = match recording.path.rsplit('/').next().unwrap() {
            "err-429-peak-load" => (FaultClass::Overloaded, Some(20_000), false),
            "err-429-retry-86400" => (FaultClass::RateLimited, Some(86_400_000), false),
            "err-429-retry-9" => (FaultClass::RateLimited, Some(9_000), false),
            "err-429-gpt41-tpm" => (FaultClass::RateLimited, Some(4_000), false),
            "err-429-tpm-retry-in-ms" => (FaultClass::RateLimited, Some(644), false),
            "err-429-request-too-large" => (FaultClass::ContextLength, None, false),
            "openrouter-errors-raised-2" => (FaultClass::RateLimited, None, false),
            "err-500-empty-body" | "err-502-html" => (FaultClass::ServerError, None, false),
            "err-503-over-capacity-html" => (FaultClass::Overloaded, Some(30_000), false),
            "vision-3" | "tool-use-failed-error" | "tool-use-failed-error-with-text" => {
                (FaultClass::CallerFault, None, true)
            }
            unknown => panic!("a new recording: {unknown}"),
        };
        let seen = (fault.class, fault.retry_after_ms, fault.relayable.is_some());
        assert_eq!(seen, (class, wait_ms, relayed), "{}: {fault}", recording.path);
    }
}

#[test]
fn a_reader_fed_byte_by_byte_holds_no_more_than_an_event() {
    for recording in streams().take(4) {
        let mut reader = StreamReader::new(false);
        let mut relayed = Vec::new();
        for byte in &recording.body {
            reader.push(Bytes::copy_from_slice(&[*byte]));
            while let Some(Ok(domain::Piece::Relayed { bytes, .. })) = reader.next_run() {
                relayed.extend_from_slice(&bytes);
            }
        }
        assert!(recording.body.starts_with(&relayed), "{}", recording.path);
    }
}
