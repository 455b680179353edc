//! What an operator can choose about keeping. `config` fills this; nothing here reads a file.

use std::path::PathBuf;

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Gone with the process.
    Memory,
    /// A file of SQLite, with two more beside it while it is open.
    File(PathBuf),
}

/// How long and how many rows of a kind are kept; what goes beyond one of both is removed, oldest
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub age_hours_max: u32,
    pub rows_max: u64,
}

/// How much of each kind is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Incidents; only those that are over are removed.
    pub incidents_max: u64,
    /// Pieces of planned work; only those that are over are removed.
    pub maintenances_max: u64,
    pub minutes: Bound,
    /// Days of all components together; no age ends them.
    pub day_rows_max: u64,
    pub verdicts: Bound,
    pub evidence: Bound,
    pub report_bins: Bound,
    /// How long a subscription waits to be confirmed.
    pub unconfirmed_hours_max: u32,
    /// Beyond it unconfirmed subscribers are removed. Confirmed ones never are: whoever takes
    /// subscriptions looks at [`Counts`](crate::Counts) first.
    pub subscribers_max: u64,
    /// Messages on their way; what is beyond is given up.
    pub outgoing: Bound,
    /// How long a revoked key can still be listed.
    pub revoked_keys_hours_max: u32,
}

const DAY_HOURS: u32 = 24;

impl Retention {
    /// For a file. Minutes of thirty components take 80 MB of it.
    pub fn of_file() -> Self {
        Self {
            incidents_max: 20_000,
            maintenances_max: 5_000,
            minutes: Bound { age_hours_max: 14 * DAY_HOURS, rows_max: 2_000_000 },
            day_rows_max: 500_000,
            verdicts: Bound { age_hours_max: 30 * DAY_HOURS, rows_max: 200_000 },
            evidence: Bound { age_hours_max: 7 * DAY_HOURS, rows_max: 500_000 },
            report_bins: Bound { age_hours_max: 30 * DAY_HOURS, rows_max: 200_000 },
            unconfirmed_hours_max: 2 * DAY_HOURS,
            subscribers_max: 100_000,
            outgoing: Bound { age_hours_max: 3 * DAY_HOURS, rows_max: 200_000 },
            revoked_keys_hours_max: 90 * DAY_HOURS,
        }
    }

    /// For memory: what the pages of a few days need.
    pub fn of_memory() -> Self {
        Self {
            incidents_max: 1_000,
            maintenances_max: 500,
            minutes: Bound { age_hours_max: 2 * DAY_HOURS, rows_max: 100_000 },
            day_rows_max: 20_000,
            verdicts: Bound { age_hours_max: 2 * DAY_HOURS, rows_max: 20_000 },
            evidence: Bound { age_hours_max: 6, rows_max: 20_000 },
            report_bins: Bound { age_hours_max: 2 * DAY_HOURS, rows_max: 50_000 },
            subscribers_max: 10_000,
            outgoing: Bound { age_hours_max: DAY_HOURS, rows_max: 20_000 },
            ..Self::of_file()
        }
    }
}

/// What an operator can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub place: Place,
    pub retention: Retention,
    /// Changes and questions that wait for the writer; one more is refused and counted.
    pub queue_max: usize,
    /// The text of the largest change that is taken, such as an incident with all its updates.
    pub change_bytes_max: usize,
    /// How long a change waits for others to be written with it: what a crash can lose.
    pub commit_ms_max: u64,
    /// Changes that are written without waiting for more.
    pub batch_changes_max: usize,
    /// How long a write waits for another process that has the file.
    pub busy_ms_max: u64,
    /// The largest that the file may grow.
    pub file_bytes_max: u64,
    /// Changes that are held in memory while the file has no room; beyond it fine grain is lost,
    /// and beyond twice as many everything is refused.
    pub held_changes_max: usize,
    /// How long until it is tried again whether the file has room.
    pub retry_ms: u64,
    /// How long trouble that is over is still told.
    pub calm_ms: u64,
    /// How often it is looked whether something is too old.
    pub prune_ms: u64,
    /// Rows of each kind that are removed at a time, so that nobody waits long behind it.
    pub prune_rows_max: usize,
}

impl Settings {
    /// In memory.
    pub fn in_memory() -> Self {
        Self {
            place: Place::Memory,
            retention: Retention::of_memory(),
            queue_max: 8_192,
            change_bytes_max: 1 << 20,
            commit_ms_max: 1_000,
            batch_changes_max: 1_024,
            busy_ms_max: 5_000,
            file_bytes_max: 4 << 30,
            held_changes_max: 20_000,
            retry_ms: 10_000,
            calm_ms: 600_000,
            prune_ms: 600_000,
            prune_rows_max: 5_000,
        }
    }

    /// In that file.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        let place = Place::File(path.into());
        Self { place, retention: Retention::of_file(), ..Self::in_memory() }
    }
}
