//! Strangers' bytes, made up by the million: every dialect's request, answer and stream is read from
//! mutated exchanges, written elsewhere and read again. Nothing may panic, take long, or hold more
//! memory than a multiple of what came in. It knows no coverage; it is fast, seeded and needs no
//! other compiler.
//!
//! `cargo test -p dialects --test fuzz -- --seconds 60 --seed 7 --target gemini-stream`. Without
//! a wish it plays the kept corpus and two seconds more. What fails is made small, told, and put
//! into the corpus, where every later run meets it first.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may fail loudly, reads its corpus from a folder and watches the clock"
)]

mod checks;
mod mutate;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use domain::Dialect;
use mutate::Dice;
use peak_alloc::PeakAlloc;

/// Counts what is allocated.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The longest input that is made up.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// What one input may hold at its peak: a fixed part, and so much for each of its bytes. The
/// checks themselves keep about a dozen renderings of an input at a time.
const HELD_BYTES_FIXED: usize = 64 * 1024;
const HELD_BYTES_PER_BYTE: usize = 192;
/// An input of this length is read in well under a millisecond; so much is for a loaded machine.
const INPUT_MS_MAX: u128 = 5_000;

/// What is read from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Answer,
    Stream,
}

/// One reader under fire.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    dialect: Dialect,
    kind: Kind,
}

/// What one run is to do.
#[derive(Debug)]
struct Wish {
    seconds: u64,
    seed: u64,
    target: Option<String>,
}

impl Wish {
    /// `None` if the tests that are asked for are others.
    fn read() -> Option<Self> {
        let mut wish = Self { seconds: 2, seed: 1, target: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value");
            match argument.as_str() {
                "--seconds" => wish.seconds = value().parse().expect("seconds"),
                "--seed" => wish.seed = value().parse().expect("a number"),
                "--target" => wish.target = Some(value()),
                "--list" => return None,
                filter if !filter.starts_with('-') && !"fuzz".contains(filter) => return None,
                _ => {}
            }
        }
        Some(wish)
    }
}

fn main() -> ExitCode {
    let Some(wish) = Wish::read() else { return ExitCode::SUCCESS };
    let targets: Vec<_> = targets()
        .into_iter()
        .filter(|t| wish.target.as_ref().is_none_or(|w| *w == t.name))
        .collect();
    assert!(!targets.is_empty(), "there is no such target");
    // A panic is told once, with the input that made it.
    panic::set_hook(Box::new(|_| {}));
    let each = Duration::from_secs(wish.seconds) / u32::try_from(targets.len()).unwrap();
    let mut failed = false;
    for target in &targets {
        if let Err(sentence) = run(target, wish.seed, each) {
            println!("{}: FAILED with seed {}: {sentence}", target.name, wish.seed);
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn targets() -> Vec<Target> {
    let kinds = [("request", Kind::Request), ("answer", Kind::Answer), ("stream", Kind::Stream)];
    let all = Dialect::ALL.into_iter().flat_map(|dialect| {
        kinds.map(|(word, kind)| Target { name: format!("{dialect}-{word}"), dialect, kind })
    });
    all.collect()
}

/// Plays the corpus, then mutations of it until the time is over.
fn run(target: &Target, seed: u64, time: Duration) -> Result<(), String> {
    let corpus = corpus(target);
    let begin = Instant::now();
    let mut dice = Dice::new(seed ^ mutate::hash(target.name.as_bytes()));
    let mut worst = (0, 0.0_f64);
    let mut count = 0_u64;
    let played = corpus.iter().cloned().map(Some).chain(std::iter::repeat_with(|| None));
    for (number, kept) in played.enumerate() {
        if kept.is_none() && begin.elapsed() >= time {
            break;
        }
        let input = kept.unwrap_or_else(|| mutate::made_up(&corpus, &mut dice, INPUT_BYTES_MAX));
        let throw = dice.next();
        match probe(target, &input, throw) {
            Ok((millis, held)) => {
                worst.0 = worst.0.max(millis);
                worst.1 = worst.1.max(held);
            }
            Err(sentence) => {
                let small = shrunk(target, input, throw);
                let place = keep(target, &small);
                let place = place.display();
                return Err(format!("input {number}: {sentence}\n  kept as {place}"));
            }
        }
        count += 1;
    }
    let (millis, held) = worst;
    println!("{:<24} {count:>8} inputs, slowest {millis} ms, {held:.0} bytes a byte", target.name);
    Ok(())
}

/// Checks one input: milliseconds, and bytes held at the peak for each of its own.
fn probe(target: &Target, input: &[u8], throw: u64) -> Result<(u128, f64), String> {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let begin = Instant::now();
    let checked = panic::catch_unwind(AssertUnwindSafe(|| {
        checks::check(target.dialect, target.kind, input, Dice::new(throw));
    }));
    let millis = begin.elapsed().as_millis();
    let held = MEMORY.peak_usage().saturating_sub(before);
    if let Err(cause) = checked {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        return Err(text.unwrap_or_default());
    }
    if millis > INPUT_MS_MAX {
        return Err(format!("it took {millis} ms for {} bytes", input.len()));
    }
    if held > HELD_BYTES_FIXED + HELD_BYTES_PER_BYTE * input.len() {
        return Err(format!("it held {held} bytes for {}", input.len()));
    }
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
    let each = held.saturating_sub(HELD_BYTES_FIXED) as f64 / input.len().max(1) as f64;
    Ok((millis, each))
}

/// Takes away what the failure does not need.
fn shrunk(target: &Target, mut input: Vec<u8>, throw: u64) -> Vec<u8> {
    let begin = Instant::now();
    let mut size = input.len() / 2;
    while size > 0 && begin.elapsed() < Duration::from_secs(10) {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + size).min(input.len()));
            if probe(target, &less, throw).is_err() {
                input = less;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    input
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn keep(target: &Target, input: &[u8]) -> PathBuf {
    let folder = tests().join("fuzz/corpus").join(&target.name);
    let place = folder.join(format!("{:016x}", mutate::hash(input)));
    fs::create_dir_all(&folder).unwrap();
    fs::write(&place, input).unwrap();
    place
}

/// What was kept for this target first, then all exchanges of our own of its kind, its own
/// dialect's and the others': a stranger may speak the wrong one.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let kind = match target.kind {
        Kind::Request => "requests",
        Kind::Answer => "answers",
        Kind::Stream => "streams",
    };
    let others = Dialect::ALL.into_iter().filter(|dialect| *dialect != target.dialect);
    let spoken = [target.dialect].into_iter().chain(others);
    let exchanges =
        spoken.map(|dialect| tests().join("fixtures").join(dialect.as_str()).join(kind));
    let kept = [tests().join("fuzz/corpus").join(&target.name), tests().join("fuzz/corpus/all")];
    let mut inputs = Vec::new();
    for folder in kept.into_iter().chain(exchanges) {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        inputs.extend(files.into_iter().map(|file| fs::read(file).unwrap()));
    }
    inputs
}
