//! How a file is opened: checked first, moved aside if it is broken, refused if it is somebody
//! else's or from a later Seawall.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::UnixMs;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::Embedded;
use super::hold::{pages_max, set_pages_max};
use super::schema::{APPLICATION_ID, STEPS, climb, last, version};
use crate::Settings;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It has seen a later Seawall.
    #[error(
        "the store {} was written by a later Seawall (its tables are of version {found}, this one \
         knows {known}); run that one, or move the file away",
        path.display()
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },
    /// It is a database of something else.
    #[error(
        "{} is another program's database; nothing was changed in it; name another file",
        path.display()
    )]
    Foreign { path: PathBuf },
    /// The disk has no room for it, or refuses to be written.
    #[error("the store {} has no room on its disk", path.display())]
    NoRoom {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine has no thread left for the clerk.
    #[error("the store's thread cannot be started")]
    NoThread(#[source] io::Error),
    /// It cannot be opened, made or read at all.
    #[error("the store {} cannot be opened", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An open file.
#[derive(Debug)]
pub struct Opened {
    pub store: Embedded,
    /// What an operator must hear: that the file was broken, and where it is now.
    pub notice: Option<Box<str>>,
}

/// What may be found.
enum Trouble {
    Broken(String),
    Refused(OpenError),
}

impl Embedded {
    /// Opens the file, or makes it. A broken one is moved aside and a new one begun; `now` goes into
    /// its new name.
    ///
    /// # Errors
    /// If the file cannot be opened, has no room, is somebody else's, or is from a later Seawall.
    /// Nothing in it was changed then.
    pub fn open(path: &Path, settings: &Settings, now: UnixMs) -> Result<Opened, OpenError> {
        make_file(path).map_err(|error| not_made(path, error))?;
        let broken = match examine(path, settings) {
            Ok(store) => return Ok(Opened { store, notice: None }),
            Err(Trouble::Refused(error)) => return Err(error),
            Err(Trouble::Broken(why)) => why,
        };
        let aside = move_aside(path, now).map_err(|error| not_made(path, error))?;
        let notice = format!(
            "the store {} was broken ({broken}); it is kept as {}, and a new one was begun",
            path.display(),
            aside.display()
        );
        tracing::error!(why = broken, aside = %aside.display(), "store was broken; begun anew");
        make_file(path).map_err(|error| not_made(path, error))?;
        match examine(path, settings) {
            Ok(store) => Ok(Opened { store, notice: Some(notice.into()) }),
            Err(Trouble::Refused(error)) => Err(error),
            Err(Trouble::Broken(why)) => {
                Err(OpenError::Unusable { path: path.to_owned(), source: why.into() })
            }
        }
    }

    /// Looks into a file that another process may have open. Nothing is made, moved or changed, and
    /// what is tried to be written is refused.
    ///
    /// # Errors
    /// If there is no such file, it is broken, somebody else's, or from another version of the tables.
    pub fn look_into(path: &Path, settings: &Settings) -> Result<Self, OpenError> {
        let refused = |trouble: Trouble| match trouble {
            Trouble::Refused(error) => error,
            Trouble::Broken(why) => OpenError::Unusable { path: path.into(), source: why.into() },
        };
        let found = |error| unusable(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(found)?;
        db.busy_timeout(Duration::from_millis(settings.busy_ms_max)).map_err(found)?;
        db.pragma_update(None, "query_only", true).map_err(found)?;
        check_owner(path, &db, |error| Trouble::Refused(found(error))).map_err(refused)?;
        let (has, known) = (version(&db).map_err(found)?, last(STEPS));
        if has < known {
            let why = format!(
                "its tables are of version {has}, this Seawall knows {known}; `seawall serve` brings \
                 them up"
            );
            return Err(OpenError::Unusable { path: path.into(), source: why.into() });
        }
        Ok(Self { db, settings: settings.clone(), held: None, lost: 0 })
    }

    /// The same tables without a file, for tests.
    ///
    /// # Errors
    /// If SQLite cannot make them.
    pub fn without_file(settings: &Settings) -> Result<Self, OpenError> {
        let path = Path::new(":memory:");
        let opened = Connection::open_in_memory().and_then(|mut db| {
            climb(&mut db, STEPS)?;
            Ok(db)
        });
        let db = opened.map_err(|error| unusable(path, error))?;
        Ok(Self { db, settings: settings.clone(), held: None, lost: 0 })
    }
}

fn unusable(path: &Path, error: rusqlite::Error) -> OpenError {
    let (path, code) = (path.to_owned(), error.sqlite_error_code());
    let source = Box::new(error);
    match code {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            OpenError::NoRoom { path, source }
        }
        _ => OpenError::Unusable { path, source },
    }
}

fn not_made(path: &Path, error: io::Error) -> OpenError {
    let (path, kind) = (path.to_owned(), error.kind());
    let source = Box::new(error);
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            OpenError::NoRoom { path, source }
        }
        _ => OpenError::Unusable { path, source },
    }
}

/// Makes folder and file if they are not there. Addresses and hashes are in it, so others on the
/// machine may not read it; SQLite gives the files beside it the same rights.
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn examine(path: &Path, settings: &Settings) -> Result<Embedded, Trouble> {
    let found = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Trouble::Broken(error.to_string())
        }
        _ => Trouble::Refused(unusable(path, error)),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(found)?;
    db.busy_timeout(Duration::from_millis(settings.busy_ms_max)).map_err(found)?;
    check_owner(path, &db, found)?;
    let says: String =
        db.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(found)?;
    if says != "ok" {
        return Err(Trouble::Broken(says));
    }
    prepare(&mut db, settings).map_err(found)?;
    Ok(Embedded { db, settings: settings.clone(), held: None, lost: 0 })
}

/// Looks whose file it is, and from when, before anything is changed.
fn check_owner(
    path: &Path,
    db: &Connection,
    found: impl Fn(rusqlite::Error) -> Trouble,
) -> Result<(), Trouble> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i32>(0));
    let owner = number("PRAGMA application_id").map_err(&found)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(&found)?;
    let (has, known) = (version(db).map_err(&found)?, last(STEPS));
    let path = path.to_owned();
    if owner != APPLICATION_ID && (owner != 0 || tables != 0) {
        return Err(Trouble::Refused(OpenError::Foreign { path }));
    }
    if has > known {
        return Err(Trouble::Refused(OpenError::TooNew { path, found: has, known }));
    }
    Ok(())
}

fn prepare(db: &mut Connection, settings: &Settings) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // Every commit waits for the disk. There is one a second at most, so this costs little, and a
    // machine that loses its power loses no more than a process that is killed.
    db.pragma_update(None, "synchronous", "full")?;
    // What is held while the disk is full must stay in memory.
    db.pragma_update(None, "cache_spill", false)?;
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "trusted_schema", false)?;
    // KiB of page cache, and bytes that the write-ahead log keeps when it is empty.
    db.pragma_update(None, "cache_size", -8 * 1024)?;
    db.pragma_update_and_check(None, "journal_size_limit", 8 << 20, |_| Ok(()))?;
    set_pages_max(db, pages_max(db, settings.file_bytes_max));
    climb(db, STEPS)
}

/// Renames the file and those beside it, so that they can still be opened together.
fn move_aside(path: &Path, now: UnixMs) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        with_end(path, &format!(".broken-{}{number}", now.as_seconds()))
    };
    let aside = (0..1000).map(name).find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| io::Error::other("too many broken files lie beside it"))?;
    for end in ["-wal", "-shm", ""] {
        match fs::rename(with_end(path, end), with_end(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !end.is_empty() => {}
            moved => moved?,
        }
    }
    Ok(aside)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
