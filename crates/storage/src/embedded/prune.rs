//! How the file forgets: by age first, then what is too much, oldest first, a bounded number of
//! rows of each kind at a time.

use clock::UnixMs;
use rusqlite::{Connection, Params, TransactionBehavior};

use super::hold::why_unwritable;
use super::row::{failed, int, limit, ms, number};
use super::{Embedded, read, write};
use crate::memory::cutoff_hours;
use crate::{Bound, Settings, StoreError};

impl Embedded {
    /// Removes what is too old or too much. While changes are held they are set aside meanwhile:
    /// what goes makes room for them.
    pub(super) fn remove_old(&mut self, now: UnixMs) -> Result<usize, StoreError> {
        if self.held.is_some() {
            self.hide_held();
        }
        let removed = sweep(&mut self.db, &self.settings, now);
        if self.held.is_some() {
            self.show_held();
        }
        removed.or_else(|error| why_unwritable(&error).map(|_| 0).ok_or(error))
    }
}

fn sweep(db: &mut Connection, settings: &Settings, now: UnixMs) -> Result<usize, StoreError> {
    let batch = settings.prune_rows_max;
    let keep = &settings.retention;
    let begun = db.transaction_with_behavior(TransactionBehavior::Immediate);
    let whole = begun.map_err(failed("prune"))?;
    let aged = |table, key, at, bound: Bound| {
        let before = ms(cutoff_hours(now, bound.age_hours_max));
        Aged { table, key, at, before, rows_max: bound.rows_max, batch }.remove(&whole)
    };
    let days = Bound { age_hours_max: u32::MAX, rows_max: keep.day_rows_max };
    let mut removed = aged("minutes", "component, start", "start", keep.minutes)?;
    removed += aged("days", "component, start", "start", days)?;
    removed += aged("verdicts", "component, at", "at", keep.verdicts)?;
    removed += aged("evidence", "component, at, family", "at", keep.evidence)?;
    removed += aged("report_bins", "component, start, kind", "start", keep.report_bins)?;
    removed += aged("outgoing", "id", "created_at", keep.outgoing)?;
    removed += forget_over(&whole, "incidents", "started_at", (keep.incidents_max, batch))?;
    // What belongs to an incident goes with it and does not count.
    for of_incidents in ["incident_components", "timelines"] {
        let orphans = "incident NOT IN (SELECT id FROM incidents)";
        run(&whole, &format!("DELETE FROM {of_incidents} WHERE {orphans}"), [])?;
    }
    removed += forget_over(&whole, "maintenances", "starts_at", (keep.maintenances_max, batch))?;
    removed += forget_subscribers(&whole, settings, now)?;
    removed += run(
        &whole,
        "DELETE FROM caller_keys WHERE id IN
         (SELECT id FROM caller_keys WHERE revoked_at < ?1 ORDER BY id LIMIT ?2)",
        [ms(cutoff_hours(now, keep.revoked_keys_hours_max)), limit(batch)],
    )?;
    whole.commit().map_err(failed("prune"))?;
    Ok(removed)
}

fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed("prune"))?;
    statement.execute(params).map_err(failed("prune"))
}

/// A table whose rows have an age.
struct Aged {
    table: &'static str,
    key: &'static str,
    at: &'static str,
    before: i64,
    rows_max: u64,
    batch: usize,
}

impl Aged {
    fn remove(&self, db: &Connection) -> Result<usize, StoreError> {
        let Self { table, key, at, .. } = self;
        let excess = read::count(db, table)?.saturating_sub(self.rows_max);
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {at} < ?1 ORDER BY {at} LIMIT ?2)"
        );
        let mut old = db.prepare_cached(&sql).map_err(failed("prune"))?;
        let old = old.query_row([self.before, limit(self.batch)], |row| number(row, 0));
        let rows = int(old.map_err(failed("prune"))?.max(excess)).min(limit(self.batch));
        if rows == 0 {
            return Ok(0);
        }
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN
             (SELECT {key} FROM {table} ORDER BY {at}, {key} LIMIT ?1)"
        );
        run(db, &sql, [rows])
    }
}

/// Incidents or planned work: only what is over goes.
fn forget_over(
    db: &Connection,
    table: &'static str,
    start: &'static str,
    (rows_max, batch): (u64, usize),
) -> Result<usize, StoreError> {
    let excess = read::count(db, table)?.saturating_sub(rows_max);
    if excess == 0 {
        return Ok(0);
    }
    let sql = format!(
        "DELETE FROM {table} WHERE id IN
         (SELECT id FROM {table} WHERE is_over = 1 ORDER BY {start}, id LIMIT ?1)"
    );
    run(db, &sql, [int(excess).min(limit(batch))])
}

fn forget_subscribers(
    db: &Connection,
    settings: &Settings,
    now: UnixMs,
) -> Result<usize, StoreError> {
    let keep = &settings.retention;
    let excess = read::count(db, "subscribers")?.saturating_sub(keep.subscribers_max);
    let before = ms(cutoff_hours(now, keep.unconfirmed_hours_max));
    let mut waiting = db
        .prepare_cached(
            "SELECT id, created_at FROM subscribers WHERE state = 'unconfirmed'
             ORDER BY created_at, id LIMIT ?1",
        )
        .map_err(failed("prune"))?;
    let batch = limit(settings.prune_rows_max);
    let rows = waiting
        .query_map([batch], |row| Ok((row.get::<_, Box<str>>(0)?, row.get::<_, i64>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(failed("prune"))?;
    let old = rows.iter().filter(|(_, at)| *at < before).count();
    let gone = old.max(usize::try_from(excess).unwrap_or(usize::MAX)).min(rows.len());
    for (id, _) in rows.iter().take(gone) {
        write::remove_subscriber(db, id)?;
    }
    Ok(gone)
}
