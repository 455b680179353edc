//! Recorded exchanges, replayed through the running house by a scripted provider: what the
//! provider receives is the caller's JSON but for the model's name, and what the caller receives
//! is the provider's body, at every split of its bytes. Skipped where the recordings are absent;
//! the project's own small set is always there.

use std::path::{Path, PathBuf};

use clock::Dice;
use serde_json::Value;

use crate::caller::{Got, chat};
use crate::house::{open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

struct Recorded {
    name: String,
    request: Value,
    status: u16,
    content_type: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    kind: String,
}

fn recordings_folder() -> Option<PathBuf> {
    let named = std::env::vars().find(|(name, _)| name == "SEAWALL_FIXTURES");
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = named.map_or_else(beside, |(_, path)| PathBuf::from(path)).join("wire");
    folder.is_dir().then_some(folder)
}

fn recorded(folder: &Path) -> Option<Recorded> {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let meta: Value = serde_json::from_slice(&read("meta.json")?).ok()?;
    let asked: Value = serde_json::from_slice(&read("request.json")?).ok()?;
    let file = meta["response_file"].as_str()?;
    let headers = meta["response_headers"].as_object().map(|headers| {
        let pair =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        headers.iter().filter_map(pair).collect::<Vec<_>>()
    })?;
    let given = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = given.map_or_else(
        || match file.ends_with(".sse") {
            true => "text/event-stream".to_owned(),
            false if file.ends_with(".json") => "application/json".to_owned(),
            false => "text/html".to_owned(),
        },
        |(_, value)| value.clone(),
    );
    Some(Recorded {
        name: folder.display().to_string(),
        request: asked["body"].clone(),
        status: u16::try_from(meta["status"].as_u64()?).ok()?,
        content_type,
        headers: headers.into_iter().filter(|(name, _)| name.starts_with("x-ratelimit")).collect(),
        body: read(file)?,
        kind: meta["kind"].as_str()?.to_owned(),
    })
}

fn all_recorded(root: &Path) -> Vec<Recorded> {
    let index = std::fs::read_to_string(root.join("INDEX.tsv")).unwrap();
    let mut found = Vec::new();
    for line in index.lines().skip(1) {
        let mut cells = line.split('\t');
        let (path, api) = (cells.next().unwrap(), cells.nth(1).unwrap());
        if matches!(api, "chat" | "openai-compat-chat") {
            found.extend(recorded(&root.join(path)));
        }
    }
    found
}

fn own_small_set() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/exchanges");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let found: Vec<Recorded> = folders.iter().filter_map(|folder| recorded(folder)).collect();
    assert_eq!(found.len(), folders.len(), "every exchange of the project can be read");
    found
}

/// The recorded request as a caller of model `m` sends it, with a spelling worth keeping.
fn asked(recorded: &Recorded) -> (String, Value) {
    let mut body = recorded.request.clone();
    let model = body["model"].as_str().unwrap_or("gpt-4o").to_owned();
    body["model"] = Value::from("m");
    body["x_seawall_unknown"] = serde_json::json!({"kept": [1, null, "ü"]});
    let mut text = serde_json::to_string_pretty(&body).unwrap();
    text.insert_str(1, "\n  \"x_spelling\": 0.70000000000000000001e+00,");
    let mut expected = body;
    expected["model"] = Value::from(model);
    (text, expected)
}

fn splits(body: &[u8], dice: &mut Dice, round: usize) -> Vec<Vec<u8>> {
    let chunk_max = match round {
        0 => body.len().max(1),
        1 => 1,
        _ => 200,
    };
    let mut chunks = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let most = chunk_max.min(rest.len());
        let size = if round < 2 { most } else { 1 + dice.below(most as u64) as usize };
        chunks.push(rest[..size].to_vec());
        rest = &rest[size..];
    }
    chunks
}

async fn replay(recorded: &Recorded, round: usize, dice: &mut Dice) {
    let network = Network::default();
    let model = recorded.request["model"].as_str().unwrap_or("gpt-4o");
    let act = if recorded.content_type.starts_with("text/event-stream") {
        Act::stream(splits(&recorded.body, dice, round))
    } else {
        Act::whole(recorded.status, &recorded.content_type, &recorded.body)
    };
    let mut act = Act { status: recorded.status, ..act };
    act.headers.extend(recorded.headers.clone());
    let provider = Provider::start(&network, 9001, vec![act]);
    let house = open(&network, &settings(&[&format!("fake1/{model}")], ""));
    let (text, expected) = asked(recorded);
    let got = chat(&house, &text).await;
    let name = &recorded.name;
    let seen = provider.seen();
    let sent =
        String::from_utf8(seen.first().unwrap_or_else(|| panic!("{name}: {got:?}")).body.clone())
            .unwrap();
    let renamed = text.replacen("\"model\": \"m\"", &format!("\"model\": \"{model}\""), 1);
    assert_eq!(sent, renamed, "{name}: bytes towards the provider");
    let mut value: Value = serde_json::from_str(&sent).unwrap();
    value.as_object_mut().unwrap().remove("x_spelling");
    assert_eq!(value, expected, "{name}: JSON towards the provider");
    check_answer(recorded, &got);
}

fn check_answer(recorded: &Recorded, got: &Got) {
    let name = &recorded.name;
    let broken = recorded.kind == "midstream-error" || name.contains("truncated");
    match recorded.status {
        200 if broken => {
            let text = got.text();
            if got.status == 200 {
                assert!(text.contains("\"error\""), "{name}: {text}");
                assert!(!text.contains("[DONE]"), "{name}: a broken stream must not look complete");
            } else {
                assert!(got.json()["error"].is_object(), "{name}: {text}");
            }
        }
        200 => {
            assert_eq!(got.status, 200, "{name}: {}", got.text());
            assert!(got.ended, "{name}");
            assert_eq!(
                got.text(),
                String::from_utf8_lossy(&recorded.body),
                "{name}: bytes towards the caller"
            );
            assert_eq!(got.header("seawall-attempts"), Some("1"), "{name}");
        }
        status => {
            let error = got.json();
            assert!(error["error"]["message"].is_string(), "{name}: {error}");
            if got.status == status && status < 429 {
                assert_eq!(
                    got.body, recorded.body,
                    "{name}: a caller's fault goes through as it is"
                );
            }
            let text = got.text();
            assert!(!text.contains("<html"), "{name}: {text}");
        }
    }
}

async fn replay_all(exchanges: Vec<Recorded>) {
    let mut dice = Dice::seeded(20240604);
    let count = exchanges.len();
    for recorded in exchanges {
        for round in 0..4 {
            replay(&recorded, round, &mut dice).await;
        }
    }
    println!("{count} exchanges replayed, 4 splits each");
}

#[tokio::test(start_paused = true)]
async fn the_projects_own_exchanges_go_through_unchanged() {
    replay_all(own_small_set()).await;
}

#[tokio::test(start_paused = true)]
async fn recorded_exchanges_go_through_unchanged() {
    match recordings_folder() {
        Some(folder) => replay_all(all_recorded(&folder)).await,
        None => println!("no recordings here; the project's own set is tested beside this"),
    }
}
