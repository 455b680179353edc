//! How files are opened: good ones, broken ones, strangers' and later ones.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use storage::suite::{self, samples};
use storage::{Change, Embedded, OpenError, Opened, Settings, Store};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("kept/seawall.db");
    (folder, path)
}

fn open(path: &Path) -> Result<Opened, OpenError> {
    Embedded::open(path, &Settings::in_file(path), samples::minute(0))
}

fn open_well(path: &Path) -> Embedded {
    let opened = open(path).expect("a good file");
    assert_eq!(opened.notice, None);
    opened.store
}

fn put_setting(store: &mut dyn Store, value: &str) {
    let change = Change::Setting { name: "x".into(), value: value.into() };
    store.apply(&[change]).expect("room");
}

#[test]
fn a_file_passes_the_suite() {
    for (name, check) in suite::CHECKS {
        let (_folder, path) = place();
        let opened = Embedded::open(&path, &suite::settings(), samples::minute(0));
        let mut store = opened.expect("a new file").store;
        assert_eq!(check(&mut store), Ok(()), "{name}");
    }
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let (_folder, path) = place();
    put_setting(&mut open_well(&path), "kept");
    assert_eq!(open_well(&path).setting("x").expect("a row").as_deref(), Some("kept"));
}

#[cfg(unix)]
#[test]
fn others_on_the_machine_may_not_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    let mut store = open_well(&path);
    put_setting(&mut store, "secret");
    let rights = |end: &str| {
        let file = format!("{}{end}", path.display());
        fs::metadata(file).expect("a file").permissions().mode() & 0o777
    };
    assert_eq!(["", "-wal", "-shm"].map(rights), [0o600; 3]);
}

/// Breaks a good file, and tells what it was then and what is said of it.
fn broken_by(breaking: impl Fn(&mut Vec<u8>)) -> (Vec<u8>, String, Vec<PathBuf>) {
    let (folder, path) = place();
    let mut store = open_well(&path);
    for number in 0..200 {
        put_setting(&mut store, &number.to_string());
        let message = samples::message(&format!("m{number}"), "r", number, number);
        store.apply(&[Change::Outgoing(Box::new(message))]).expect("room");
    }
    drop(store);
    let mut bytes = fs::read(&path).expect("a file");
    breaking(&mut bytes);
    fs::write(&path, &bytes).expect("a file");
    let mut opened = open(&path).expect("a new file in its place");
    assert_eq!(opened.store.setting("x").expect("a table"), None);
    put_setting(&mut opened.store, "new");
    drop(opened.store);
    assert_eq!(open_well(&path).setting("x").expect("a row").as_deref(), Some("new"));
    let beside = fs::read_dir(path.parent().expect("a folder")).expect("a folder");
    let beside = beside.map(|entry| entry.expect("an entry").path());
    let aside: Vec<_> = beside.filter(|it| it.to_string_lossy().contains(".broken-")).collect();
    let kept = aside.iter().map(|path| fs::read(path).expect("a file")).collect::<Vec<_>>();
    assert_eq!(kept, [bytes.clone()], "the broken file is kept as it was");
    drop(folder);
    (bytes, opened.notice.expect("a notice").into(), aside)
}

#[test]
fn a_broken_file_is_moved_aside_and_told() {
    let scratch = |bytes: &mut Vec<u8>| bytes.iter_mut().skip(4096 * 8).for_each(|it| *it ^= 0x5a);
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let replace = |bytes: &mut Vec<u8>| *bytes = b"this was a store\n".repeat(4096);
    for (_, notice, aside) in [broken_by(scratch), broken_by(cut), broken_by(replace)] {
        let [aside] = &*aside else { panic!("one file was moved aside, not {aside:?}") };
        assert!(notice.contains(&aside.display().to_string()), "{notice}");
        assert!(notice.contains("a new one was begun"), "{notice}");
    }
}

#[test]
fn a_later_seawalls_file_is_refused_and_left_alone() {
    let (_folder, path) = place();
    put_setting(&mut open_well(&path), "later");
    let db = Connection::open(&path).expect("a file");
    db.pragma_update(None, "user_version", 99).expect("a number");
    drop(db);
    let before = fs::read(&path).expect("a file");
    let error = open(&path).expect_err("a refusal");
    assert!(matches!(error, OpenError::TooNew { found: 99, known: 4, .. }), "{error}");
    let says = error.to_string();
    assert!(says.contains("written by a later Seawall"), "{says}");
    assert_eq!(fs::read(&path).expect("a file"), before);
}

#[test]
fn a_strangers_database_is_refused_and_left_alone() {
    let (folder, _) = place();
    let path = folder.path().join("theirs.db");
    let db = Connection::open(&path).expect("a file");
    db.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").expect("a table");
    drop(db);
    let before = fs::read(&path).expect("a file");
    let error = open(&path).expect_err("a refusal");
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&path).expect("a file"), before);
}

#[test]
fn a_folder_is_no_store() {
    let (folder, _) = place();
    let error = open(folder.path()).expect_err("a refusal");
    assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
}
