//! What happens while the file cannot be written: changes are held in memory, in a transaction that
//! stays open so that reads see them, and tried again for good when they are asked to be. Meanwhile
//! other processes can read the file and not write it; where another process has the file, reads see
//! what is held once it lets go.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::{Embedded, row, write};
use crate::{Change, Durability, Store, StoreError};

/// What waits for room.
#[derive(Debug)]
pub(super) struct Held {
    /// In the order of applying.
    changes: Vec<Change>,
    why: Box<str>,
}

impl Held {
    pub(super) fn durability(&self) -> Durability {
        Durability::Held { changes: self.changes.len(), why: self.why.clone() }
    }

    /// Whether so many more have a place. Fine grain may fill half of them.
    fn has_places(&self, count: usize, held_max: usize, is_fine_grain: bool) -> bool {
        let places = if is_fine_grain { held_max } else { held_max.saturating_mul(2) };
        self.changes.len().saturating_add(count) <= places
    }
}

/// Why the file cannot be written now, if it may be later; `None` for all other errors.
pub(super) fn why_unwritable(error: &StoreError) -> Option<Box<str>> {
    let StoreError::Database { source, .. } = error else { return None };
    let error = source.downcast_ref::<rusqlite::Error>()?;
    let says = match error.sqlite_error_code()? {
        ErrorCode::DiskFull => "the disk is full, or the file has grown as far as it may",
        ErrorCode::SystemIoFailure => "the disk refuses to be written",
        ErrorCode::ReadOnly => "the file may only be read",
        ErrorCode::CannotOpen => "a file beside it cannot be opened",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another process has the file",
        _ => return None,
    };
    Some(format!("{says} ({error})").into())
}

impl Embedded {
    pub(super) fn begin_to_hold(
        &mut self,
        changes: &[Change],
        why: Box<str>,
    ) -> Result<Durability, StoreError> {
        tracing::error!(why = &*why, "store cannot be written; changes are held in memory");
        self.held = Some(Held { changes: Vec::new(), why });
        self.show_held();
        self.hold(changes)
    }

    /// Holds more. Fine grain that has no place is lost and counted; where anything else has none,
    /// all are refused.
    pub(super) fn hold(&mut self, changes: &[Change]) -> Result<Durability, StoreError> {
        let held_max = self.settings.held_changes_max;
        let Some(held) = &mut self.held else { return Ok(Durability::OnDisk) };
        if !held.has_places(changes.len(), held_max, false)
            && !changes.iter().all(Change::is_fine_grain)
        {
            return Err(StoreError::NoPlace { held: held.changes.len() });
        }
        for change in changes {
            if held.has_places(1, held_max, change.is_fine_grain()) {
                show(&self.db, change);
                held.changes.push(change.clone());
            } else {
                self.lost = self.lost.saturating_add(1);
            }
        }
        Ok(held.durability())
    }

    /// Tries to write what is held.
    pub(super) fn write_held(&mut self) -> Result<Durability, StoreError> {
        let Some(mut held) = self.held.take() else { return Ok(Durability::OnDisk) };
        self.hide_held();
        match self.commit(&held.changes) {
            Ok(()) => {
                let (changes, lost) = (held.changes.len(), self.lost);
                tracing::warn!(changes, lost, "store can be written again; nothing is held");
                return Ok(Durability::OnDisk);
            }
            Err(error) => match why_unwritable(&error) {
                Some(why) => held.why = why,
                // One of them cannot be written at all; the others must not wait for it.
                None => self.write_singly(&mut held),
            },
        }
        if held.changes.is_empty() {
            return Ok(Durability::OnDisk);
        }
        self.held = Some(held);
        self.show_held();
        Ok(self.durability())
    }

    fn write_singly(&mut self, held: &mut Held) {
        let mut left = Vec::new();
        for change in std::mem::take(&mut held.changes) {
            // Once one must wait, all behind it do: a later one may be of the same thing.
            if !left.is_empty() {
                left.push(change);
                continue;
            }
            match self.commit(std::slice::from_ref(&change)) {
                Ok(()) => {}
                Err(error) if why_unwritable(&error).is_some() => left.push(change),
                Err(error) => {
                    self.lost = self.lost.saturating_add(1);
                    tracing::error!(%error, "a change that was held cannot be written");
                }
            }
        }
        held.changes = left;
    }

    /// Makes what is held in a transaction that stays open. The file's bound does not count there:
    /// nothing of it reaches the file.
    pub(super) fn show_held(&mut self) {
        let Some(held) = &self.held else { return };
        set_pages_max(&self.db, u32::MAX);
        // If another process has the file, a second wait for it would only keep reads waiting.
        let begun = self.db.busy_timeout(Duration::ZERO).and_then(|()| {
            let begun = self.db.execute_batch("BEGIN IMMEDIATE");
            self.db.busy_timeout(Duration::from_millis(self.settings.busy_ms_max)).and(begun)
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "changes are held, but reads cannot see them");
            return;
        }
        for change in &held.changes {
            show(&self.db, change);
        }
    }

    /// Undoes that.
    pub(super) fn hide_held(&mut self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "what is held cannot be set aside");
        }
        set_pages_max(&self.db, pages_max(&self.db, self.settings.file_bytes_max));
    }
}

/// Makes a change where reads see it. If that fails it is still held.
fn show(db: &Connection, change: &Change) {
    if db.is_autocommit() {
        return;
    }
    if let Err(error) = write::make(db, change) {
        tracing::warn!(%error, "a change is held, but reads cannot see it");
    }
}

/// How many pages the file may have.
pub(super) fn pages_max(db: &Connection, bytes_max: u64) -> u32 {
    let page_bytes: u64 =
        db.pragma_query_value(None, "page_size", |row| row::number(row, 0)).unwrap_or(4096);
    u32::try_from(bytes_max / page_bytes.max(1)).unwrap_or(u32::MAX).max(1)
}

/// Sets it. SQLite never takes less than the file has.
pub(super) fn set_pages_max(db: &Connection, pages: u32) {
    // SQLite's own largest is 2^32 - 2.
    let pages = pages.min(u32::MAX - 1);
    let set = db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
    if let Err(error) = set {
        tracing::warn!(%error, "the file's bound cannot be set");
    }
}
