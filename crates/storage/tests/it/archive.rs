//! The archive: nobody waits for a disk, nothing that was taken is forgotten.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use clock::{Clock, ManualClock, SystemClock, UnixMs};
use detection::{Condition, Family};
use rusqlite::Connection;
use storage::suite::samples;
use storage::{Answer, Archive, ArchiveError, Change, Durability, Embedded, Settings, Span, Store};
use tempfile::TempDir;

const HOUR_MS: u64 = 3_600_000;
/// How often a test looks for something that another thread does before it gives up.
const LOOKS_MAX: u32 = 100_000;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("seawall.db");
    (folder, path)
}

/// Settings under which nothing is written until somebody waits for it.
fn patient(path: &Path) -> Settings {
    Settings { commit_ms_max: HOUR_MS, ..Settings::in_file(path) }
}

fn open(settings: &Settings, path: &Path) -> Embedded {
    Embedded::open(path, settings, samples::minute(0)).expect("a file").store
}

fn opened(settings: &Settings, clock: &Arc<ManualClock>) -> Archive {
    let archive = Archive::open(settings, Arc::clone(clock) as Arc<dyn Clock>);
    archive.expect("a file")
}

fn setting(name: &str) -> Change {
    Change::Setting { name: name.into(), value: "kept".into() }
}

fn has(archive: &Archive, name: &'static str) -> bool {
    archive.ask(move |store| store.setting(name)).wait().expect("an answer").is_some()
}

#[test]
fn a_store_in_memory_answers_at_once_and_forgets_on_its_way() {
    let clock = Arc::new(ManualClock::new());
    let archive = opened(&Settings::in_memory(), &clock);
    let minute = |at| Change::Minute(Box::new(samples::bin("a", at, 1, Condition::Operational)));
    archive.put(minute(0)).expect("memory");
    let surely = archive.put_surely(vec![setting("x")]);
    assert_eq!(surely.wait().expect("an answer"), Durability::InMemory);
    assert!(has(&archive, "x"));
    // Three days later.
    clock.advance(Duration::from_secs(3 * 24 * 3600));
    archive.put(minute(3 * 24 * 60)).expect("memory");
    let all = |store: &dyn Store| store.minutes(&samples::component("a"), Span::all(), 9);
    let starts: Vec<_> =
        archive.ask(all).wait().expect("an answer").iter().map(|bin| bin.start).collect();
    assert_eq!(starts, [samples::minute(3 * 24 * 60)]);
}

#[test]
fn questions_see_what_was_put_before() {
    let (_folder, path) = place();
    let archive = opened(&patient(&path), &Arc::default());
    for name in ["a", "b"] {
        archive.put(setting(name)).expect("a place");
    }
    assert!(has(&archive, "a") && has(&archive, "b") && !has(&archive, "c"));
}

#[test]
fn an_answer_can_be_awaited() {
    let (_folder, path) = place();
    let archive = opened(&patient(&path), &Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let told = runtime.block_on(async {
        let durability = archive.put_surely(vec![setting("x")]).await?;
        Ok::<_, ArchiveError>((durability, archive.ask(|store| store.setting("x")).await?))
    });
    assert_eq!(told.expect("answers"), (Durability::OnDisk, Some("kept".into())));
}

#[test]
fn what_is_told_to_be_on_disk_is() {
    let (_folder, path) = place();
    let settings = patient(&path);
    let archive = opened(&settings, &Arc::default());
    archive.put(setting("before")).expect("a place");
    let surely = archive.put_surely(vec![setting("x"), setting("y")]);
    assert_eq!(surely.wait().expect("an answer"), Durability::OnDisk);
    // Another eye looks at the file while the archive has it.
    let other = open(&settings, &path);
    let kept = ["before", "x", "y"].map(|name| other.setting(name).expect("a table").is_some());
    assert_eq!(kept, [true; 3]);
}

#[test]
fn what_nobody_waits_for_is_written_in_its_time_or_in_company() {
    let soon = |path: &Path| Settings { commit_ms_max: 1, ..Settings::in_file(path) };
    let in_company = |path: &Path| Settings { batch_changes_max: 3, ..patient(path) };
    for settings in [&soon as &dyn Fn(&Path) -> Settings, &in_company] {
        let (_folder, path) = place();
        let settings = settings(&path);
        let archive = Archive::open(&settings, Arc::new(SystemClock::new())).expect("a file");
        for name in ["x", "y", "z"] {
            archive.put(setting(name)).expect("a place");
        }
        let other = open(&settings, &path);
        let is_written = || other.counts().expect("tables").settings == 3;
        assert!((0..LOOKS_MAX).any(|_| is_written()));
    }
}

#[test]
fn closing_writes_what_waits() {
    let (_folder, path) = place();
    let settings = patient(&path);
    let archive = opened(&settings, &Arc::default());
    archive.put(setting("x")).expect("a place");
    assert_eq!(archive.close().wait().expect("an answer"), Durability::OnDisk);
    assert!(!path.with_extension("db-wal").exists(), "the file is closed");
    assert!(open(&settings, &path).setting("x").expect("a table").is_some());
    assert!(matches!(archive.put(setting("y")), Err(ArchiveError::Gone)));
    assert!(matches!(archive.close().wait(), Err(ArchiveError::Gone)));
}

/// A question that the clerk is at until the sender is dropped.
fn engage(archive: &Archive) -> (std::sync::mpsc::SyncSender<()>, Answer<()>) {
    let (release, until_released) = sync_channel::<()>(0);
    let (begin, begun) = sync_channel(0);
    let answer = archive.ask(move |_| {
        begin.send(()).expect("the test waits for this");
        until_released.recv().expect_err("nothing is ever sent");
        Ok(())
    });
    begun.recv().expect("the clerk begins");
    (release, answer)
}

#[test]
fn a_slow_disk_costs_refusals_and_no_waiting() {
    let (_folder, path) = place();
    let settings = Settings { queue_max: 5, ..patient(&path) };
    let archive = opened(&settings, &Arc::default());
    let (release, answer) = engage(&archive);
    let taken = ["a", "b", "c", "d", "e", "f", "g"].map(|name| archive.put(setting(name)).is_ok());
    assert_eq!(taken, [true, true, true, true, true, false, false]);
    let surely = archive.put_surely(vec![setting("h"), setting("i")]);
    assert!(matches!(surely.wait(), Err(ArchiveError::Busy)));
    assert!(matches!(archive.ask(|store| store.counts()).wait(), Err(ArchiveError::Busy)));
    let standing = archive.standing();
    assert_eq!((standing.waiting, standing.refused, standing.lost), (5, 5, 0));
    // Closing has a place of its own.
    let closing = archive.close();
    drop(release);
    answer.wait().expect("an answer");
    assert_eq!(closing.wait().expect("an answer"), Durability::OnDisk);
    let settings_kept = open(&settings, &path).counts().expect("tables").settings;
    assert_eq!((settings_kept, archive.standing().waiting), (5, 0));
}

#[test]
fn a_question_that_breaks_off_harms_nobody_else() {
    let (_folder, path) = place();
    let archive = opened(&patient(&path), &Arc::default());
    archive.put(setting("x")).expect("a place");
    let broken: Answer<()> = archive.ask(|_| std::panic::panic_any("a mistake in a page"));
    assert!(matches!(broken.wait(), Err(ArchiveError::Gone)));
    assert!(has(&archive, "x"));
}

#[test]
fn what_cannot_be_written_harms_nobody_else() {
    let (_folder, path) = place();
    let (settings, clock) = (patient(&path), Arc::<ManualClock>::default());
    let archive = opened(&settings, &clock);
    let other = Connection::open(&path).expect("a file");
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON settings WHEN NEW.name = 'bad'
                  BEGIN SELECT RAISE(ABORT, 'a bad name'); END";
    other.execute_batch(refuse).expect("a trigger");
    let (release, _engaged) = engage(&archive);
    archive.put(setting("before")).expect("a place");
    let bad = archive.put_surely(vec![setting("beside"), setting("bad")]);
    let good = archive.put_surely(vec![setting("after")]);
    drop(release);
    let error = bad.wait().expect_err("a refusal");
    assert!(matches!(error, ArchiveError::Store(_)), "{error}");
    assert_eq!(good.wait().expect("an answer"), Durability::OnDisk);
    let kept = ["before", "beside", "bad", "after"].map(|name| has(&archive, name));
    assert_eq!(kept, [true, false, false, true]);
    let standing = archive.standing();
    assert_eq!(standing.lost, 2);
    let alarm = standing.alarm().expect("a reason for an alarm");
    assert!(alarm.contains("a bad name"), "{alarm}");
    archive.put_surely(vec![setting("x")]).wait().expect("room");
    // It is told for a while, though it writes again.
    clock.advance(Duration::from_millis(settings.calm_ms - 1_000));
    let standing = archive.standing();
    assert_eq!(standing.fault, None);
    let alarm = standing.alarm().expect("trouble of late");
    assert!(alarm.contains("a bad name") && alarm.ends_with("10 minutes"), "{alarm}");
    clock.advance(Duration::from_secs(2));
    assert_eq!(archive.standing().alarm(), None);
}

#[test]
fn a_full_disk_is_told_and_got_over() {
    let (_folder, path) = place();
    let mut settings = Settings { file_bytes_max: 1 << 20, ..patient(&path) };
    settings.retention.evidence.rows_max = 20;
    let clock = Arc::new(ManualClock::new());
    let archive = opened(&settings, &clock);
    let large = |at| {
        let mut evidence = samples::evidence("a", at, Family::Probe);
        evidence.text = "x".repeat(10_000).into();
        vec![Change::Evidence(Box::new(evidence))]
    };
    clock.advance(Duration::from_secs(60));
    let full_at = UnixMs::from_seconds(clock.unix_seconds());
    let put = |at: &u64| archive.put_surely(large(*at)).wait().expect("memory");
    let last = (0..10_000).find(|at| put(at) != Durability::OnDisk).expect("a bound");
    let standing = archive.standing();
    assert!(matches!(standing.durability, Durability::Held { changes: 1, .. }));
    assert_eq!(standing.since, full_at);
    assert!(standing.alarm().expect("an alarm").contains("full"), "{standing:?}");
    // What is too much goes at once and makes room, which is used once it is time to try again. The
    // clerk looks at the clock after each question.
    let rows = || archive.ask(|store| Ok(store.counts()?.evidence)).wait().expect("an answer");
    assert!((0..LOOKS_MAX).any(|_| rows() <= 21));
    clock.advance(Duration::from_millis(settings.retry_ms));
    let is_written = || archive.standing().durability == Durability::OnDisk;
    assert!((0..LOOKS_MAX).any(|_| rows() > 0 && is_written()));
    assert!(archive.standing().alarm().expect("for a while").contains("full"));
    clock.advance(Duration::from_millis(settings.calm_ms));
    assert_eq!(archive.standing().alarm(), None);
    assert_eq!(archive.close().wait().expect("an answer"), Durability::OnDisk);
    let newest = Span { from: samples::minute(last), until: samples::minute(last + 1) };
    let kept = open(&settings, &path).evidence(&samples::component("a"), newest, 9);
    assert_eq!(kept.expect("a table").len(), 1);
}

#[test]
fn a_broken_file_is_told_until_the_next_start() {
    let (_folder, path) = place();
    std::fs::write(&path, "this is no store").expect("a file");
    let settings = patient(&path);
    let archive = opened(&settings, &Arc::default());
    archive.put_surely(vec![setting("x")]).wait().expect("room");
    let standing = archive.standing();
    assert!(standing.alarm().expect("a notice").contains("a new one was begun"), "{standing:?}");
    archive.close().wait().expect("an answer");
    assert_eq!(opened(&settings, &Arc::default()).standing().alarm(), None);
}

/// The file's clerk forgets by itself, a few rows at a time, and answers in between.
#[test]
fn what_is_too_old_goes_by_itself_and_what_is_young_stays() {
    let (_folder, path) = place();
    let settings = Settings { prune_rows_max: 3, ..patient(&path) };
    let clock = Arc::new(ManualClock::new());
    let archive = opened(&settings, &clock);
    let rows_of = |at: u64| {
        [
            Change::Minute(Box::new(samples::bin("a", at, 1, Condition::Operational))),
            Change::Verdict(Box::new(samples::verdict("a", at))),
            Change::Evidence(Box::new(samples::evidence("a", at, Family::Traffic))),
        ]
    };
    for at in 0..10 {
        rows_of(at).into_iter().for_each(|row| archive.put(row).expect("a place"));
    }
    let counts = || {
        let counts = archive.ask(|store| store.counts()).wait().expect("an answer");
        (counts.minutes, counts.verdicts, counts.evidence, counts.days)
    };
    assert_eq!(counts(), (10, 10, 10, 1));
    let until = |wanted| (0..LOOKS_MAX).any(|_| counts() == wanted);
    let day_minutes = 24 * 60;
    // Evidence is kept for a week, minutes for two, verdicts for a month, days for ever.
    for (days, wanted) in [(8, (11, 11, 1, 2)), (15, (2, 12, 2, 3)), (31, (1, 3, 1, 4))] {
        let passed = clock.unix_seconds() - samples::minute(0).as_seconds() as f64;
        clock.advance(Duration::from_secs_f64(f64::from(days) * 86_400.0 - passed));
        let at = u64::try_from(days).expect("days") * day_minutes;
        rows_of(at).into_iter().for_each(|row| archive.put(row).expect("a place"));
        assert!(until(wanted), "after {days} days: {:?}, wanted {wanted:?}", counts());
    }
    let open = open(&settings, &path);
    assert_eq!(open.counts().expect("a table").minutes, 1, "on the disk too");
}
