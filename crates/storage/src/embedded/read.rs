//! How what is asked for is found.

use clock::UnixMs;
use detection::{ComponentId, Condition, Family, Incident, IncidentId, Maintenance, Verdict};
use domain::ReportKind;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter};

use super::row::{limit, maybe_moment, moment, ms, number, text, unread, word};
use crate::{
    Bin, CallerKeyRecord, Channel, ConditionSeconds, Counts, Evidence, FeedState, IncidentQuery,
    Outgoing, ReportBin, Sealed, Span, StoreError, Subscriber, SubscriberKey, SubscriberState,
    Tally, Testimony, forms,
};

/// Whose rows, of which moments, and how many.
type Wanted<'w> = (&'w ComponentId, Span, usize);

fn list<T>(
    db: &Connection,
    (table, sql): (&'static str, &str),
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(unread(table))?;
    let rows = statement.query_map(params, read).map_err(unread(table))?;
    rows.collect::<Result<_, _>>().map_err(unread(table))
}

fn one<T>(
    db: &Connection,
    (table, sql): (&'static str, &str),
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(unread(table))?;
    statement.query_row(params, read).optional().map_err(unread(table))
}

/// A component's rows within a span.
fn of_component<T>(
    db: &Connection,
    (table, sql): (&'static str, &str),
    (component, span, rows): Wanted<'_>,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let params = params![component.as_str(), ms(span.from), ms(span.until), limit(rows)];
    list(db, (table, sql), params, read)
}

pub(super) fn incident(db: &Connection, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
    let sql = "SELECT body FROM incidents WHERE id = ?1";
    one(db, ("incidents", sql), [id.as_str()], |row| text(row, 0, forms::read_incident))
}

pub(super) fn incidents(
    db: &Connection,
    wanted: &IncidentQuery,
) -> Result<Vec<Incident>, StoreError> {
    let mut sql = "SELECT body FROM incidents WHERE 1".to_owned();
    let mut params: Vec<Value> = Vec::new();
    if wanted.open_only {
        sql.push_str(" AND is_over = 0");
    }
    if let Some(component) = &wanted.component {
        sql.push_str(" AND id IN (SELECT incident FROM incident_components WHERE component = ?)");
        params.push(component.as_str().to_owned().into());
    }
    if let Some(span) = wanted.span {
        sql.push_str(" AND started_at < ? AND (resolved_at IS NULL OR resolved_at >= ?)");
        params.extend([ms(span.until).into(), ms(span.from).into()]);
    }
    if let Some((start, id)) = &wanted.after {
        sql.push_str(" AND (started_at, id) < (?, ?)");
        params.extend([ms(*start).into(), id.as_str().to_owned().into()]);
    }
    sql.push_str(" ORDER BY started_at DESC, id DESC LIMIT ?");
    params.push(limit(wanted.limit).into());
    let params = params_from_iter(params);
    list(db, ("incidents", &sql), params, |row| text(row, 0, forms::read_incident))
}

pub(super) fn testimonies(
    db: &Connection,
    incident: &IncidentId,
) -> Result<Vec<Testimony>, StoreError> {
    let sql = "SELECT body FROM timelines WHERE incident = ?1";
    let read = |row: &Row<'_>| text(row, 0, forms::read_testimonies);
    one(db, ("timelines", sql), [incident.as_str()], read).map(Option::unwrap_or_default)
}

pub(super) fn maintenance(
    db: &Connection,
    id: &IncidentId,
) -> Result<Option<Maintenance>, StoreError> {
    let sql = "SELECT body FROM maintenances WHERE id = ?1";
    one(db, ("maintenances", sql), [id.as_str()], |row| text(row, 0, forms::read_maintenance))
}

pub(super) fn maintenances(
    db: &Connection,
    span: Span,
    rows: usize,
) -> Result<Vec<Maintenance>, StoreError> {
    let sql = "SELECT body FROM maintenances WHERE starts_at < ?1 AND ends_at >= ?2
               ORDER BY starts_at, id LIMIT ?3";
    let params = [ms(span.until), ms(span.from), limit(rows)];
    list(db, ("maintenances", sql), params, |row| text(row, 0, forms::read_maintenance))
}

pub(super) fn bins(
    db: &Connection,
    table: &'static str,
    wanted: Wanted<'_>,
) -> Result<Vec<Bin>, StoreError> {
    let sql = format!(
        "SELECT * FROM {table} WHERE component = ?1 AND start >= ?2 AND start < ?3
         ORDER BY start LIMIT ?4"
    );
    of_component(db, (table, &sql), wanted, |row| {
        let (component, start) = (wanted.0.clone(), moment(row, 1)?);
        Ok(Bin { component, start, tally: read_tally(row)? })
    })
}

/// What is kept of one minute or day.
pub(super) fn tally(
    db: &Connection,
    table: &'static str,
    component: &ComponentId,
    start: UnixMs,
) -> Result<Option<Tally>, StoreError> {
    let sql = format!("SELECT * FROM {table} WHERE component = ?1 AND start = ?2");
    one(db, (table, &sql), params![component.as_str(), ms(start)], read_tally)
}

fn read_tally(row: &Row<'_>) -> rusqlite::Result<Tally> {
    Ok(Tally {
        requests: number(row, 2)?,
        bad_requests: number(row, 3)?,
        first_tokens: number(row, 4)?,
        first_token_ms_sum: number(row, 5)?,
        own: read_seconds(row, 6)?,
        official: read_seconds(row, 6 + Condition::ALL.len())?,
    })
}

fn read_seconds(row: &Row<'_>, first: usize) -> rusqlite::Result<ConditionSeconds> {
    let mut seconds = [0; Condition::ALL.len()];
    for (column, place) in (first..).zip(&mut seconds) {
        *place = row.get(column)?;
    }
    Ok(ConditionSeconds::of(seconds))
}

pub(super) fn verdicts(db: &Connection, wanted: Wanted<'_>) -> Result<Vec<Verdict>, StoreError> {
    let sql = "SELECT body FROM verdicts WHERE component = ?1 AND at >= ?2 AND at < ?3
               ORDER BY at LIMIT ?4";
    of_component(db, ("verdicts", sql), wanted, |row| text(row, 0, forms::read_verdict))
}

pub(super) fn evidence(db: &Connection, wanted: Wanted<'_>) -> Result<Vec<Evidence>, StoreError> {
    let sql = "SELECT at, family, body FROM evidence
               WHERE component = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, family LIMIT ?4";
    of_component(db, ("evidence", sql), wanted, |row| {
        Ok(Evidence {
            component: wanted.0.clone(),
            at: moment(row, 0)?,
            family: word(row, 1, Family::of)?,
            text: row.get(2)?,
        })
    })
}

pub(super) fn report_bins(
    db: &Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<ReportBin>, StoreError> {
    let sql = "SELECT start, kind, reports FROM report_bins
               WHERE component = ?1 AND start >= ?2 AND start < ?3 ORDER BY start, kind LIMIT ?4";
    of_component(db, ("report_bins", sql), wanted, |row| {
        Ok(ReportBin {
            component: wanted.0.clone(),
            start: moment(row, 0)?,
            kind: word(row, 1, ReportKind::of)?,
            count: number(row, 2)?,
        })
    })
}

const SUBSCRIBER: &str = "SELECT id, channel, state, address_sealed, address_hash, confirm_hash,
    unsubscribe_hash, components, language, created_at, confirmed_at FROM subscribers";

pub(super) fn subscriber(
    db: &Connection,
    key: SubscriberKey<'_>,
) -> Result<Option<Subscriber>, StoreError> {
    let find = |condition: &str, params: &[&dyn rusqlite::ToSql]| {
        let sql = format!("{SUBSCRIBER} WHERE {condition} ORDER BY id LIMIT 1");
        one(db, ("subscribers", &sql), params, read_subscriber)
    };
    match key {
        SubscriberKey::Id(id) => find("id = ?1", &[&id]),
        SubscriberKey::Confirm(hash) => find("confirm_hash = ?1", &[hash]),
        SubscriberKey::Unsubscribe(hash) => find("unsubscribe_hash = ?1", &[hash]),
        SubscriberKey::Address(channel, hash) => {
            find("address_hash = ?1 AND channel = ?2", &[hash, &channel.as_str()])
        }
    }
}

pub(super) fn subscribers(
    db: &Connection,
    after: Option<&str>,
    rows: usize,
) -> Result<Vec<Subscriber>, StoreError> {
    let sql = format!("{SUBSCRIBER} WHERE ?1 IS NULL OR id > ?1 ORDER BY id LIMIT ?2");
    list(db, ("subscribers", &sql), params![after, limit(rows)], read_subscriber)
}

fn read_subscriber(row: &Row<'_>) -> rusqlite::Result<Subscriber> {
    Ok(Subscriber {
        id: row.get(0)?,
        channel: word(row, 1, Channel::of)?,
        state: word(row, 2, SubscriberState::of)?,
        address: Sealed::new(row.get_ref(3)?.as_blob()?),
        address_hash: row.get(4)?,
        confirm_hash: row.get(5)?,
        unsubscribe_hash: row.get(6)?,
        components: text(row, 7, forms::read_components)?,
        language: row.get(8)?,
        created_at: moment(row, 9)?,
        confirmed_at: maybe_moment(row, 10)?,
    })
}

const OUTGOING: &str =
    "SELECT id, receiver, ifnull(about, ''), created_at, due_at, attempts, body, fault, subject
     FROM outgoing";

pub(super) fn outgoing(db: &Connection, id: &str) -> Result<Option<Outgoing>, StoreError> {
    let sql = format!("{OUTGOING} WHERE id = ?1");
    one(db, ("outgoing", &sql), [id], read_outgoing)
}

pub(super) fn outgoing_due(
    db: &Connection,
    now: UnixMs,
    rows: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let sql = format!("{OUTGOING} WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2");
    list(db, ("outgoing", &sql), [ms(now), limit(rows)], read_outgoing)
}

pub(super) fn outgoing_of(
    db: &Connection,
    (receiver, topic): (&str, &str),
    rows: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let sql =
        format!("{OUTGOING} WHERE receiver = ?1 AND about = ?2 ORDER BY created_at, id LIMIT ?3");
    list(db, ("outgoing", &sql), params![receiver, topic, limit(rows)], read_outgoing)
}

pub(super) fn next_due(db: &Connection) -> Result<Option<UnixMs>, StoreError> {
    let sql = "SELECT min(due_at) FROM outgoing";
    one(db, ("outgoing", sql), [], |row| maybe_moment(row, 0)).map(Option::flatten)
}

fn read_outgoing(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get(0)?,
        receiver: row.get(1)?,
        topic: row.get(2)?,
        created_at: moment(row, 3)?,
        due_at: moment(row, 4)?,
        attempts: row.get(5)?,
        body: row.get(6)?,
        fault: row.get(7)?,
        subject: row.get(8)?,
    })
}

pub(super) fn feeds(db: &Connection) -> Result<Vec<FeedState>, StoreError> {
    let sql = "SELECT name, url, etag, last_modified, read_at, failing_since, posts FROM feeds
               ORDER BY name";
    list(db, ("feeds", sql), [], |row| {
        Ok(FeedState {
            name: row.get(0)?,
            url: row.get(1)?,
            etag: row.get(2)?,
            last_modified: row.get(3)?,
            read_at: maybe_moment(row, 4)?,
            failing_since: maybe_moment(row, 5)?,
            posts: text(row, 6, forms::read_posts)?,
        })
    })
}

pub(super) fn caller_keys(db: &Connection) -> Result<Vec<CallerKeyRecord>, StoreError> {
    let sql = "SELECT id, name, sha256, created_at, expires_at, revoked_at FROM caller_keys
               ORDER BY id";
    list(db, ("caller_keys", sql), [], |row| {
        Ok(CallerKeyRecord {
            id: row.get(0)?,
            name: row.get(1)?,
            sha256: row.get(2)?,
            created_at: moment(row, 3)?,
            expires_at: maybe_moment(row, 4)?,
            revoked_at: maybe_moment(row, 5)?,
        })
    })
}

pub(super) fn setting(db: &Connection, name: &str) -> Result<Option<Box<str>>, StoreError> {
    one(db, ("settings", "SELECT value FROM settings WHERE name = ?1"), [name], |row| row.get(0))
}

/// Rows of a table.
pub(super) fn count(db: &Connection, table: &'static str) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM {table}");
    one(db, (table, &sql), [], |row| number(row, 0)).map(Option::unwrap_or_default)
}

pub(super) fn counts(db: &Connection) -> Result<Counts, StoreError> {
    Ok(Counts {
        incidents: count(db, "incidents")?,
        timelines: count(db, "timelines")?,
        maintenances: count(db, "maintenances")?,
        minutes: count(db, "minutes")?,
        days: count(db, "days")?,
        verdicts: count(db, "verdicts")?,
        evidence: count(db, "evidence")?,
        report_bins: count(db, "report_bins")?,
        subscribers: count(db, "subscribers")?,
        outgoing: count(db, "outgoing")?,
        feeds: count(db, "feeds")?,
        caller_keys: count(db, "caller_keys")?,
        settings: count(db, "settings")?,
    })
}
