//! What happens when the file cannot be written: changes are held in memory, reads see them, and
//! they are written once it can be.

use std::path::{Path, PathBuf};

use detection::Family;
use rusqlite::Connection;
use storage::suite::samples;
use storage::{Change, Durability, Embedded, Settings, Span, Store, StoreError};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("seawall.db");
    (folder, path)
}

fn open(path: &Path, settings: &Settings) -> Embedded {
    let opened = Embedded::open(path, settings, samples::minute(0)).expect("a file");
    assert_eq!(opened.notice, None);
    opened.store
}

/// Evidence of a few pages, made at that minute.
fn large(at: u64) -> Change {
    let mut evidence = samples::evidence("a", at, Family::Probe);
    evidence.text = "x".repeat(10_000).into();
    Change::Evidence(Box::new(evidence))
}

/// Writes evidence, a minute each, until it is held; the number of minutes.
fn fill(store: &mut dyn Store) -> u64 {
    for at in 0..10_000 {
        match store.apply(&[large(at)]).expect("a full disk is no error") {
            Durability::OnDisk => {}
            Durability::Held { changes: 1, .. } => return at + 1,
            other => unreachable!("{other:?}"),
        }
    }
    unreachable!("the file has a bound");
}

fn evidence_rows(store: &dyn Store) -> u64 {
    let rows = store.evidence(&samples::component("a"), Span::all(), usize::MAX);
    rows.expect("a table").len() as u64
}

fn small_settings(path: &Path) -> Settings {
    Settings { file_bytes_max: 1 << 20, ..Settings::in_file(path) }
}

#[test]
fn a_file_at_its_bound_holds_and_recovers_by_forgetting() {
    let (_folder, path) = place();
    let mut settings = small_settings(&path);
    settings.retention.evidence.rows_max = 20;
    let mut store = open(&path, &settings);
    let written = fill(&mut store);
    assert!(written > 20, "{written} rows were enough to fill it");
    // More goes in, is seen, and moves what was there before.
    let incident = samples::incident("i1", 3);
    let more = [large(written), Change::Incident(Box::new(incident.clone())), large(0)];
    let Durability::Held { changes: 4, why } = store.apply(&more).expect("memory") else {
        panic!("{:?}", store.durability());
    };
    assert!(why.contains("full"), "{why}");
    assert_eq!(evidence_rows(&store), written + 1);
    assert_eq!(store.incident(&incident.id).expect("a table"), Some(incident.clone()));
    // There is no more room than before.
    assert!(matches!(store.retry(), Ok(Durability::Held { changes: 4, .. })));
    assert_eq!(evidence_rows(&store), written + 1);
    // What is too much goes, and makes room for what is held.
    while store.prune(samples::minute(0)).expect("a table") > 0 {}
    assert_eq!(store.retry().expect("room"), Durability::OnDisk);
    drop(store);
    let store = open(&path, &settings);
    assert_eq!(store.incident(&incident.id).expect("a table"), Some(incident));
    let bytes = std::fs::metadata(&path).expect("a file").len();
    assert!(bytes <= 1 << 20, "{bytes}");
}

#[test]
fn what_is_held_is_lost_with_the_process_and_nothing_else() {
    let (_folder, path) = place();
    let settings = small_settings(&path);
    let mut store = open(&path, &settings);
    let written = fill(&mut store);
    store.apply(&[large(written)]).expect("memory");
    drop(store);
    assert_eq!(evidence_rows(&open(&path, &settings)), written - 1);
}

#[test]
fn fine_grain_is_lost_and_counted_before_anything_is_refused() {
    let (_folder, path) = place();
    let settings = Settings { held_changes_max: 3, ..small_settings(&path) };
    let mut store = open(&path, &settings);
    let written = fill(&mut store);
    let setting = |name: u64| Change::Setting { name: name.to_string().into(), value: "1".into() };
    let held = |store: &dyn Store| match store.durability() {
        Durability::Held { changes, .. } => (changes, store.lost()),
        other => panic!("{other:?}"),
    };
    store.apply(&[1, 2, 3, 4].map(|more| large(written + more))).expect("memory");
    assert_eq!(held(&store), (3, 2));
    store.apply(&[1, 2].map(setting)).expect("memory");
    // Two more have no place together, and what is not fine grain is not lost but refused.
    let refusal = store.apply(&[3, 4].map(setting));
    assert!(matches!(refusal, Err(StoreError::NoPlace { held: 5 })), "{refusal:?}");
    store.apply(&[5].map(setting)).expect("memory");
    assert_eq!(held(&store), (6, 2));
    let kept =
        ["1", "2", "3", "4", "5"].map(|name| store.setting(name).expect("a table").is_some());
    assert_eq!(kept, [true, true, false, false, true]);
}

#[test]
fn a_file_that_another_process_has_is_waited_for() {
    let (_folder, path) = place();
    let settings = Settings { busy_ms_max: 0, ..Settings::in_file(&path) };
    let mut store = open(&path, &settings);
    let other = Connection::open(&path).expect("a file");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let Ok(Durability::Held { changes: 1, why, .. }) = store.apply(&[large(1)]) else {
        panic!("{:?}", store.durability());
    };
    assert!(why.contains("another process"), "{why}");
    assert!(matches!(store.retry(), Ok(Durability::Held { .. })));
    other.execute_batch("COMMIT").expect("a lock to give back");
    assert_eq!(store.retry().expect("room"), Durability::OnDisk);
    assert_eq!(evidence_rows(&store), 1);
}

#[test]
fn a_held_change_that_cannot_be_written_does_not_keep_the_others() {
    let (_folder, path) = place();
    let settings = Settings { busy_ms_max: 0, ..Settings::in_file(&path) };
    let mut store = open(&path, &settings);
    let other = Connection::open(&path).expect("a file");
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON settings WHEN NEW.name = 'bad'
                  BEGIN SELECT RAISE(ABORT, 'a bad name'); END";
    other.execute_batch(refuse).expect("a trigger");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let held =
        ["a", "bad", "b"].map(|name| Change::Setting { name: name.into(), value: "".into() });
    assert!(matches!(store.apply(&held), Ok(Durability::Held { changes: 3, .. })));
    other.execute_batch("COMMIT").expect("a lock to give back");
    assert_eq!(store.retry().expect("room"), Durability::OnDisk);
    let kept = ["a", "bad", "b"].map(|name| store.setting(name).expect("a table").is_some());
    assert_eq!((kept, store.lost()), ([true, false, true], 1));
}

/// The disk itself refuses: the limit of the process on the size of files is reached. The test runs
/// itself again under a shell that makes it ignore the signal which tells of that.
#[cfg(unix)]
mod refused {
    use std::process::{Command, Stdio};

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;

    const ROLE: &str = "SEAWALL_STORAGE_LIMITED";

    /// The part of the other process, if this is it.
    fn role() -> Option<PathBuf> {
        std::env::vars_os().find(|(name, _)| name == ROLE).map(|(_, path)| path.into())
    }

    /// Runs a test of this module in a process of its own, which can be limited.
    fn run_apart(name: &str, path: &Path) {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        command.arg(std::env::current_exe().expect("a test has a binary"));
        command.args([&format!("room::refused::{name}"), "--exact", "--nocapture"]);
        let output = command.env(ROLE, path).stdin(Stdio::null()).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Limits the size of the files of this process; gives the former limit.
    fn limit_files(bytes: u64) -> Rlimit {
        let free = getrlimit(Resource::Fsize);
        let small = Rlimit { current: Some(bytes), maximum: free.maximum };
        setrlimit(Resource::Fsize, small).expect("a lower limit");
        free
    }

    #[test]
    fn a_house_that_starts_on_a_full_disk_goes_on_in_memory() {
        let Some(path) = role() else {
            let (_folder, path) = place();
            return run_apart("a_house_that_starts_on_a_full_disk_goes_on_in_memory", &path);
        };
        limit_files(4_096);
        let error = Embedded::open(&path, &Settings::in_file(&path), samples::minute(0));
        assert!(matches!(error, Err(storage::OpenError::NoRoom { .. })), "{error:?}");
        let clock = std::sync::Arc::new(clock::ManualClock::new());
        let archive = storage::Archive::open(&Settings::in_file(&path), clock).expect("memory");
        let kept = archive.put_surely(vec![large(1)]).wait().expect("memory");
        assert_eq!(kept, Durability::InMemory);
        let standing = archive.standing();
        let alarm = standing.alarm().expect("it is told");
        assert!(alarm.contains("no room") && alarm.contains("until the next start"), "{alarm}");
    }

    #[test]
    fn a_disk_that_refuses_is_waited_for() {
        if let Some(path) = role() {
            return fill_and_recover(&path);
        }
        let (_folder, path) = place();
        run_apart("a_disk_that_refuses_is_waited_for", &path);
        let store = open(&path, &Settings::in_file(&path));
        let written = store.setting("written").expect("a table").expect("it was told");
        assert_eq!(evidence_rows(&store).to_string(), *written);
    }

    fn fill_and_recover(path: &Path) {
        let mut store = open(path, &Settings::in_file(path));
        let free = limit_files(1 << 20);
        let written = fill(&mut store);
        let more = [large(written), large(written + 1)];
        let Ok(Durability::Held { changes: 3, why }) = store.apply(&more) else {
            unreachable!("{:?}", store.durability());
        };
        assert!(why.contains("disk"), "{why}");
        assert_eq!(evidence_rows(&store), written + 2);
        assert!(matches!(store.retry(), Ok(Durability::Held { changes: 3, .. })));
        assert_eq!(evidence_rows(&store), written + 2);
        setrlimit(Resource::Fsize, free).expect("the former limit");
        assert_eq!(store.retry().expect("room"), Durability::OnDisk);
        let total = (written + 2).to_string().into();
        let told = Change::Setting { name: "written".into(), value: total };
        assert_eq!(store.apply(&[told]).expect("room"), Durability::OnDisk);
    }
}
