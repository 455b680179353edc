//! The tables, as numbered steps from an empty file to today's. A step that has been released is
//! never changed; a new one is added. Moments are milliseconds since 1970, seconds end in `_s`.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a file as Seawall's: "Swal" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x5377_616c;

/// One step: what it does, and how.
pub(super) struct Step {
    pub(super) does: &'static str,
    pub(super) sql: &'static str,
}

/// All steps. The number of a step is its place, from 1, and is the file's `user_version` once the
/// step is made.
pub(super) const STEPS: &[Step] = &[
    Step { does: "the tables of the status page", sql: TABLES },
    Step { does: "topics and subjects of messages", sql: TOPICS },
    Step { does: "what evidence said of incidents", sql: TIMELINES },
    Step { does: "no single reports any more, their bins only", sql: NO_REPORTS },
];

/// The columns of minutes and of days, which are alike.
macro_rules! tallies {
    () => {
        " (
    component TEXT NOT NULL,
    start INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bad_requests INTEGER NOT NULL,
    first_tokens INTEGER NOT NULL,
    first_token_ms_sum INTEGER NOT NULL,
    own_unknown_s INTEGER NOT NULL,
    own_operational_s INTEGER NOT NULL,
    own_maintenance_s INTEGER NOT NULL,
    own_degraded_s INTEGER NOT NULL,
    own_partial_s INTEGER NOT NULL,
    own_major_s INTEGER NOT NULL,
    official_unknown_s INTEGER NOT NULL,
    official_operational_s INTEGER NOT NULL,
    official_maintenance_s INTEGER NOT NULL,
    official_degraded_s INTEGER NOT NULL,
    official_partial_s INTEGER NOT NULL,
    official_major_s INTEGER NOT NULL,
    PRIMARY KEY (component, start)
) STRICT, WITHOUT ROWID;
"
    };
}

const TABLES: &str = concat!(
    "
CREATE TABLE incidents (
    id TEXT NOT NULL PRIMARY KEY,
    started_at INTEGER NOT NULL,
    resolved_at INTEGER,
    is_over INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_by_start ON incidents (started_at, id);
CREATE INDEX incidents_open ON incidents (started_at, id) WHERE is_over = 0;
CREATE TABLE incident_components (
    component TEXT NOT NULL,
    incident TEXT NOT NULL,
    PRIMARY KEY (component, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_components_by_incident ON incident_components (incident);

CREATE TABLE maintenances (
    id TEXT NOT NULL PRIMARY KEY,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    is_over INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX maintenances_by_start ON maintenances (starts_at, id);

CREATE TABLE minutes",
    tallies!(),
    "CREATE INDEX minutes_by_start ON minutes (start);
CREATE TABLE days",
    tallies!(),
    "CREATE INDEX days_by_start ON days (start);

CREATE TABLE verdicts (
    component TEXT NOT NULL,
    at INTEGER NOT NULL,
    health TEXT NOT NULL,
    certainty TEXT NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (component, at)
) STRICT;
CREATE INDEX verdicts_by_moment ON verdicts (at);
CREATE TABLE evidence (
    component TEXT NOT NULL,
    at INTEGER NOT NULL,
    family TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (component, at, family)
) STRICT;
CREATE INDEX evidence_by_moment ON evidence (at);

CREATE TABLE reports (
    at INTEGER NOT NULL,
    component TEXT NOT NULL,
    reporter BLOB NOT NULL,
    kind TEXT NOT NULL,
    network BLOB NOT NULL,
    PRIMARY KEY (at, component, reporter)
) STRICT, WITHOUT ROWID;
CREATE TABLE report_bins (
    component TEXT NOT NULL,
    start INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (component, start, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_bins_by_start ON report_bins (start);

CREATE TABLE subscribers (
    id TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    address_sealed BLOB NOT NULL,
    address_hash BLOB NOT NULL,
    confirm_hash BLOB,
    unsubscribe_hash BLOB NOT NULL,
    components TEXT NOT NULL,
    language TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;
CREATE INDEX subscribers_by_address ON subscribers (address_hash);
CREATE INDEX subscribers_by_confirm ON subscribers (confirm_hash);
CREATE INDEX subscribers_by_unsubscribe ON subscribers (unsubscribe_hash);
CREATE INDEX subscribers_unconfirmed ON subscribers (created_at) WHERE state = 'unconfirmed';
CREATE TABLE outgoing (
    id TEXT NOT NULL PRIMARY KEY,
    receiver TEXT NOT NULL,
    about TEXT,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    body TEXT NOT NULL,
    fault TEXT
) STRICT;
CREATE INDEX outgoing_by_due ON outgoing (due_at, id);
CREATE INDEX outgoing_by_receiver ON outgoing (receiver);
CREATE INDEX outgoing_by_creation ON outgoing (created_at);

CREATE TABLE feeds (
    name TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    read_at INTEGER,
    failing_since INTEGER,
    posts TEXT NOT NULL
) STRICT;
CREATE TABLE caller_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
"
);

const TOPICS: &str = "
ALTER TABLE outgoing ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE INDEX outgoing_by_topic ON outgoing (receiver, about);
";

const TIMELINES: &str = "
CREATE TABLE timelines (
    incident TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
";

const NO_REPORTS: &str = "DROP TABLE reports;";

/// The number of the last step of the list.
pub(super) fn last(steps: &[Step]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

/// The number of the last step that the file has made.
pub(super) fn version(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the steps that the file has not made, each whole or not at all.
pub(super) fn climb(db: &mut Connection, steps: &[Step]) -> rusqlite::Result<()> {
    for (number, step) in (1..).zip(steps) {
        // The lock is taken before the version is read: another process may be climbing too.
        let step_up = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&step_up)? < number {
            step_up.execute_batch(step.sql)?;
            step_up.pragma_update(None, "user_version", number)?;
            step_up.pragma_update(None, "application_id", APPLICATION_ID)?;
            step_up.commit()?;
            tracing::info!(step = number, does = step.does, "store brought up to date");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Step = Step { does: "a", sql: "CREATE TABLE a (x INTEGER) STRICT;" };
    const SECOND: Step = Step { does: "b", sql: "ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'new';" };

    #[test]
    fn a_file_climbs_from_where_it_stands() {
        let mut db = Connection::open_in_memory().unwrap();
        climb(&mut db, &[FIRST]).unwrap();
        db.execute("INSERT INTO a VALUES (5)", []).unwrap();
        climb(&mut db, &[FIRST, SECOND]).unwrap();
        climb(&mut db, &[FIRST, SECOND]).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let row: (i64, String) = db.query_row("SELECT x, y FROM a", [], row).unwrap();
        assert_eq!((version(&db).unwrap(), row), (2, (5, "new".to_owned())));
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let bad = Step { does: "b", sql: "CREATE TABLE b (x INTEGER); SELECT nonsense;" };
        let mut db = Connection::open_in_memory().unwrap();
        climb(&mut db, &[FIRST, bad]).unwrap_err();
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'b'";
        let tables: i64 = db.query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!((version(&db).unwrap(), tables), (1, 0));
    }
}
