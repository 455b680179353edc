//! A process that writes is killed at any moment. Its file then opens, is whole, and holds all that
//! was acknowledged. The process is this test again, told by its environment which part it plays.

use std::hint;
use std::io::{BufRead, BufReader, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use clock::Dice;
use detection::Condition;
use storage::suite::samples;
use storage::{Change, Embedded, Settings, Span, Store, Tally};

const ROLE: &str = "SEAWALL_STORAGE_WRITER";
const ROUNDS: u64 = 24;
/// Messages in a batch, each a page long: enough that a kill falls into the writing itself, and not
/// only into the wait for the disk.
const MESSAGES: u64 = 60;

#[test]
fn a_killed_writer_leaves_a_whole_file() {
    if let Some(path) = role() {
        return write_without_end(&path);
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let mut dice = Dice::seeded(20_240_604);
    let mut path = PathBuf::new();
    let mut beyond_acknowledged = 0;
    for round in 0..ROUNDS {
        // Now and then a new file, so that writers are killed while they make one too.
        if round % 4 == 0 {
            path = folder.path().join(format!("{round}.db"));
        }
        let acknowledged = kill_a_writer(&path, &mut dice);
        let kept = kept(&path);
        assert!(kept >= acknowledged, "round {round}: {kept:?} is less than {acknowledged:?}");
        beyond_acknowledged += u64::from(kept > acknowledged);
    }
    eprintln!("{beyond_acknowledged} of {ROUNDS} writers were killed before they could tell");
}

fn role() -> Option<PathBuf> {
    std::env::vars_os().find(|(name, _)| name == ROLE).map(|(_, path)| path.into())
}

fn open(path: &Path) -> Embedded {
    let opened = Embedded::open(path, &Settings::in_file(path), samples::minute(0));
    let opened = opened.expect("a file that a killed writer left can be opened");
    assert_eq!(opened.notice, None, "it is whole");
    opened.store
}

/// The writer's part: whole batches, numbered, each told once it is on the disk.
fn write_without_end(path: &Path) {
    let mut store = open(path);
    let first = last_number(&store).map_or(0, |last| last + 1);
    for number in first.. {
        let message = |place| {
            let mut message = samples::message(&format!("{number}-{place}"), "r", number, number);
            message.body = "x".repeat(4_000).into();
            Change::Outgoing(Box::new(message))
        };
        let mut batch: Vec<_> = (0..MESSAGES).map(message).collect();
        batch.extend([
            Change::Setting { name: "number".into(), value: number.to_string().into() },
            Change::Minute(Box::new(samples::bin("a", number, number, Condition::Operational))),
        ]);
        store.apply(&batch).expect("room");
        writeln!(stderr(), "{number}").expect("somebody who listens");
    }
}

/// Starts a writer, hears some of what it tells, and kills it. The last number that it told.
fn kill_a_writer(path: &Path, dice: &mut Dice) -> Option<u64> {
    let (mut child, mut told) = start_a_writer(path);
    let mut last = None;
    for _ in 0..dice.below(12) {
        let line = told.next().expect("a writer writes until it is killed").expect("a pipe");
        last = Some(line.parse().map_err(|_| line).expect("numbers and nothing else"));
    }
    // The moment of the kill falls anywhere into the writing of a batch.
    for _ in 0..dice.below(2_000_000) {
        hint::spin_loop();
    }
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    // What it had told before it died counts.
    told.filter_map(|line| line.ok()?.parse().ok()).last().or(last)
}

fn start_a_writer(path: &Path) -> (Child, std::io::Lines<BufReader<ChildStderr>>) {
    let mut command = Command::new(std::env::current_exe().expect("a test has a binary"));
    command.args(["crash::a_killed_writer_leaves_a_whole_file", "--exact", "--nocapture"]);
    command.env(ROLE, path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a test can start itself");
    let told = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    (child, told)
}

fn last_number(store: &dyn Store) -> Option<u64> {
    let number = store.setting("number").expect("a table");
    number.map(|number| number.parse().expect("a number"))
}

/// The number of the last batch. Every batch up to it is there as a whole, and none after it.
fn kept(path: &Path) -> Option<u64> {
    let store = open(path);
    let last = last_number(&store);
    let batches = last.map_or(0, |last| last + 1);
    let a = samples::component("a");
    let minutes = store.minutes(&a, Span::all(), usize::MAX).expect("a table");
    let requests: Vec<_> = minutes.iter().map(|bin| bin.tally.requests).collect();
    assert_eq!(requests, (0..batches).collect::<Vec<_>>());
    assert_eq!(store.counts().expect("tables").outgoing, batches * MESSAGES);
    let days = store.days(&a, Span::all(), usize::MAX).expect("a table");
    let sum = |sum: Tally, bin: &storage::Bin| sum.plus(&bin.tally);
    let (by_day, by_minute) =
        (days.iter().fold(Tally::default(), sum), minutes.iter().fold(Tally::default(), sum));
    assert_eq!(by_day, by_minute);
    last
}
