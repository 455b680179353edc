//! How many foreign answers are told, and how many true continuations are refused, language by
//! language: answers of our own making, two to each question, cut wherever a token may end. For each
//! cut its own rest must be joined, and no beginning of any other answer. The shares are printed
//! (`cargo test -p resilience --test it foreign -- --nocapture`), with those of recorded answers and
//! of a folder of texts where there are such, and may only become better.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "texts from elsewhere are looked for in folders, and shares are printed"
)]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use resilience::{Manner, NotContinued, Splice};

/// Letters of an answer that must be told before it breaks off, and that are left.
const TOLD_MIN: usize = 24;
const LEFT_MIN: usize = 12;
/// Cuts in one answer.
const CUTS_MAX: usize = 12;
/// A recorded answer is at least so long.
const RECORDED_BYTES_MIN: usize = 200;
/// Letters that come together.
const PIECE: usize = 6;
/// Foreign answers that are tried at each cut.
const OTHERS_MAX: usize = 4;

/// A language's texts and what is asked of the judgement, in hundredths: foreign answers that are
/// told within a sentence, and true rests that are refused anywhere.
struct Language {
    name: &'static str,
    text: &'static str,
    told_min: u32,
    refused_max: u32,
}

const LANGUAGES: [Language; 8] = [
    Language { name: "en", text: include_str!("answers/en.txt"), told_min: 95, refused_max: 2 },
    Language { name: "de", text: include_str!("answers/de.txt"), told_min: 83, refused_max: 2 },
    Language { name: "fr", text: include_str!("answers/fr.txt"), told_min: 93, refused_max: 2 },
    Language { name: "es", text: include_str!("answers/es.txt"), told_min: 95, refused_max: 2 },
    Language { name: "ru", text: include_str!("answers/ru.txt"), told_min: 91, refused_max: 5 },
    Language { name: "zh", text: include_str!("answers/zh.txt"), told_min: 68, refused_max: 2 },
    Language { name: "ja", text: include_str!("answers/ja.txt"), told_min: 65, refused_max: 2 },
    Language { name: "ko", text: include_str!("answers/ko.txt"), told_min: 25, refused_max: 2 },
];

/// What was judged right or wrong.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    of: u32,
    count: u32,
}

impl Share {
    fn add(&mut self, counts: bool) {
        self.of += 1;
        self.count += u32::from(counts);
    }

    /// In hundredths, rounded down.
    fn percent(self) -> u32 {
        self.count * 100 / self.of.max(1)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * f64::from(self.count) / f64::from(self.of.max(1));
        write!(f, "{share:5.1} % of {:5}", self.of)
    }
}

/// Of one language: foreign answers that are told, within a sentence and behind one, and true rests
/// that are refused.
#[derive(Debug, Default)]
struct Shares {
    told_within: Share,
    told_behind: Share,
    refused: Share,
    refusals: Vec<String>,
    glued: Vec<String>,
}

fn splice(said: &str, manner: Manner, new: &str) -> Result<String, NotContinued> {
    let mut splice = Splice::new(said, manner);
    let mut read = String::new();
    let letters: Vec<char> = new.chars().collect();
    for piece in letters.chunks(PIECE) {
        read.push_str(&splice.push(&piece.iter().collect::<String>())?);
    }
    read.push_str(&splice.end()?);
    Ok(read)
}

fn is_wordless(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF)
}

/// Where a token may end: before a blank, or between two letters of a script without blanks.
fn cuts(text: &str) -> Vec<usize> {
    let count = text.chars().count();
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let ends = letters.windows(2).enumerate().filter_map(|(at, pair)| {
        let [(_, before), (place, after)] = pair else { return None };
        let ends = *after == ' ' || (is_wordless(*before) && *after != '\n');
        (ends && at >= TOLD_MIN && count - at >= LEFT_MIN).then_some(*place)
    });
    let ends: Vec<usize> = ends.collect();
    let step = ends.len().div_ceil(CUTS_MAX).max(1);
    ends.into_iter().step_by(step).collect()
}

fn ends_a_sentence(said: &str) -> bool {
    let marks = ['.', '!', '?', '。', '！', '？', ':', '：', '\n'];
    said.trim_end().trim_end_matches(['"', '”', '」', ')']).ends_with(marks)
}

fn judge(answers: &[&str]) -> Shares {
    let mut shares = Shares::default();
    for (at, answer) in answers.iter().enumerate() {
        for (nth, place) in cuts(answer).into_iter().enumerate() {
            let (said, rest) = answer.split_at(place);
            for manner in [Manner::UserTurn, Manner::Prefill] {
                let rest = if manner == Manner::UserTurn { rest.trim_start() } else { rest };
                let even = |text: &str| text.split_whitespace().collect::<String>();
                let read = splice(said, manner, rest);
                let joined = read.as_ref().is_ok_and(|read| even(read) == even(rest));
                shares.refused.add(!joined);
                if !joined {
                    let (said, rest, why) = (tail(said), head(rest), read.err());
                    shares.refusals.push(format!("{manner:?} {said} ## {rest} {why:?}"));
                }
                // The other answer to the same question first, then others in turn.
                let own = at ^ 1;
                let others = (0..answers.len()).map(|step| (nth + step) % answers.len());
                let others = others.filter(|other| *other != at && *other != own);
                for other in std::iter::once(own).chain(others).take(OTHERS_MAX) {
                    let Some(other) = answers.get(other) else { continue };
                    let told = splice(said, manner, other).is_err();
                    let within = !ends_a_sentence(said);
                    let share =
                        if within { &mut shares.told_within } else { &mut shares.told_behind };
                    share.add(told);
                    if !told && within {
                        shares.glued.push(format!("{manner:?} {} ## {}", tail(said), head(other)));
                    }
                }
            }
        }
    }
    shares
}

fn head(text: &str) -> String {
    text.chars().take(40).collect()
}

fn tail(text: &str) -> String {
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(40)).collect()
}

/// Answers in pairs: a line with `# ` is a question, every other one an answer.
fn answers(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

fn show(name: &str, shares: &Shares) {
    println!(
        "{name:>12}: foreign answers told {} within a sentence, {} behind one; rests refused {}",
        shares.told_within, shares.told_behind, shares.refused
    );
}

#[test]
fn foreign_answers_are_told_and_true_rests_are_not_refused() {
    let mut short = Vec::new();
    for language in LANGUAGES {
        let shares = judge(&answers(language.text));
        show(language.name, &shares);
        let refused = shares.refused.count * 100 > shares.refused.of * language.refused_max;
        if refused || shares.told_within.percent() < language.told_min {
            short.push(format!("{}: {:#?}", language.name, shares.refusals));
        }
        assert!(shares.told_within.of > 150 && shares.refused.of > 50, "{}", language.name);
    }
    assert!(short.is_empty(), "{short:#?}");
}

/// Texts that are no part of this house: recorded answers, and what lies in the folder that
/// `SEAWALL_TEXTS` names, a paragraph of a `*.txt` each. Their shares are printed, and what is refused
/// or glued as well if `SEAWALL_TEXTS_SHOW` is set.
#[test]
fn shares_of_texts_from_elsewhere_are_printed() {
    let recorded = recorded();
    if recorded.is_empty() {
        eprintln!("no folder of recordings: skipped (set SEAWALL_FIXTURES)");
    }
    let mut sets = vec![("recorded".to_owned(), recorded)];
    for file in texts() {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        sets.push((name, answers(&text).into_iter().map(str::to_owned).collect()));
    }
    for (name, answers) in sets.iter().filter(|(_, answers)| answers.len() > 2) {
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let shares = judge(&answers);
        show(name, &shares);
        if std::env::var_os("SEAWALL_TEXTS_SHOW").is_some() {
            println!("refused: {:#?}\nglued: {:#?}", shares.refusals, shares.glued);
        }
        assert!(shares.refused.of > 0, "{name}: nothing was cut");
    }
}

fn texts() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("SEAWALL_TEXTS") else { return Vec::new() };
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "txt"));
    files.sort();
    files
}

/// Different answers in prose, of some length, from the folder of recordings if there is one.
fn recorded() -> Vec<String> {
    let named = std::env::var_os("SEAWALL_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let places = named.into_iter().chain([beside]).flat_map(|at| [at.join("wire"), at]);
    let Some(folder) = places.into_iter().find(|at| at.join("INDEX.tsv").is_file()) else {
        return Vec::new();
    };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let paths = index.lines().skip(1).filter_map(|row| row.split('\t').next());
    let mut texts: Vec<String> = paths
        .filter_map(|path| {
            let meta = fs::read_to_string(folder.join(path).join("meta.json")).ok()?;
            let meta: serde_json::Value = serde_json::from_str(&meta).ok()?;
            meta.pointer("/summary/text")?.as_str().map(str::to_owned)
        })
        .filter(|text| {
            text.len() > RECORDED_BYTES_MIN && !text.trim_start().starts_with(['{', '['])
        })
        .collect();
    texts.sort();
    texts.dedup_by_key(|text| text.chars().take(40).collect::<String>());
    texts
}
