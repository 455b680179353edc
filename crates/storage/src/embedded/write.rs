//! How each change is written. Several statements of one change are whole because their transaction
//! is.

use detection::{Incident, IncidentId, Maintenance, Verdict};
use rusqlite::{Connection, Params, params};

use super::read;
use super::row::{failed, int, maybe_ms, ms};
use crate::{
    Bin, CallerKeyRecord, Change, Evidence, FeedState, Outgoing, ReportBin, StoreError, Subscriber,
    Tally, Timeline, forms,
};

/// Makes one change.
pub(super) fn make(db: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Incident(incident) => put_incident(db, incident),
        Change::Timeline(timeline) => put_timeline(db, timeline),
        Change::RemoveIncident(id) => {
            run(db, "DELETE FROM timelines WHERE incident = ?1", [id.as_str()])?;
            remove_incident(db, id)
        }
        Change::Maintenance(work) => put_maintenance(db, work),
        Change::Minute(bin) => put_minute(db, bin),
        Change::Day(bin) => put_bin(db, "days", bin),
        Change::Verdict(verdict) => put_verdict(db, verdict),
        Change::Evidence(evidence) => put_evidence(db, evidence),
        Change::ReportBin(bin) => put_report_bin(db, bin),
        Change::Subscriber(subscriber) => put_subscriber(db, subscriber),
        Change::RemoveSubscriber(id) => remove_subscriber(db, id),
        Change::Outgoing(message) => put_outgoing(db, message),
        Change::RemoveOutgoing(id) => run(db, "DELETE FROM outgoing WHERE id = ?1", [id]).map(drop),
        Change::Feed(feed) => put_feed(db, feed),
        Change::CallerKey(key) => put_caller_key(db, key),
        Change::Setting { name, value } => {
            run(db, "INSERT OR REPLACE INTO settings VALUES (?1, ?2)", [name, value]).map(drop)
        }
    }
}

fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed("write"))?;
    statement.execute(params).map_err(failed("write"))
}

fn put_incident(db: &Connection, incident: &Incident) -> Result<(), StoreError> {
    remove_incident(db, &incident.id)?;
    run(
        db,
        "INSERT INTO incidents (id, started_at, resolved_at, is_over, body)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            incident.id.as_str(),
            ms(incident.started_at),
            maybe_ms(incident.resolved_at),
            incident.phase.is_over(),
            forms::write_incident(incident),
        ],
    )?;
    let sql = "INSERT OR IGNORE INTO incident_components (component, incident) VALUES (?1, ?2)";
    for component in &incident.components {
        run(db, sql, [component.as_str(), incident.id.as_str()])?;
    }
    Ok(())
}

fn put_timeline(db: &Connection, timeline: &Timeline) -> Result<(), StoreError> {
    let body = forms::write_testimonies(&timeline.testimonies);
    let sql = "INSERT OR REPLACE INTO timelines (incident, body) VALUES (?1, ?2)";
    run(db, sql, [timeline.incident.as_str(), &body]).map(drop)
}

fn remove_incident(db: &Connection, id: &IncidentId) -> Result<(), StoreError> {
    run(db, "DELETE FROM incident_components WHERE incident = ?1", [id.as_str()])?;
    run(db, "DELETE FROM incidents WHERE id = ?1", [id.as_str()]).map(drop)
}

fn put_maintenance(db: &Connection, work: &Maintenance) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO maintenances (id, starts_at, ends_at, is_over, body)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            work.id.as_str(),
            ms(work.starts_at),
            ms(work.ends_at),
            work.phase.is_over(),
            forms::write_maintenance(work),
        ],
    )
    .map(drop)
}

fn put_minute(db: &Connection, bin: &Bin) -> Result<(), StoreError> {
    let tally = |table, start| read::tally(db, table, &bin.component, start);
    let before = tally("minutes", bin.start)?.unwrap_or_default();
    let day = tally("days", bin.day_start())?.unwrap_or_default();
    let day = day.minus(&before).plus(&bin.tally);
    put_bin(db, "minutes", bin)?;
    let day = Bin { component: bin.component.clone(), start: bin.day_start(), tally: day };
    put_bin(db, "days", &day)
}

fn put_bin(db: &Connection, table: &'static str, bin: &Bin) -> Result<(), StoreError> {
    // The columns are in the order of the tables, which have the same.
    let sql = format!(
        "INSERT OR REPLACE INTO {table} VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    );
    let Tally { requests, bad_requests, first_tokens, first_token_ms_sum, own, official } =
        bin.tally;
    let counts = [requests, bad_requests, first_tokens, first_token_ms_sum].map(int);
    let seconds = own.all().into_iter().chain(official.all()).map(i64::from);
    let mut statement = db.prepare_cached(&sql).map_err(failed("write"))?;
    let bind = || -> rusqlite::Result<usize> {
        statement.raw_bind_parameter(1, bin.component.as_str())?;
        statement.raw_bind_parameter(2, ms(bin.start))?;
        for (place, number) in (3..).zip(counts.into_iter().chain(seconds)) {
            statement.raw_bind_parameter(place, number)?;
        }
        statement.raw_execute()
    };
    bind().map_err(failed("write")).map(drop)
}

fn put_verdict(db: &Connection, verdict: &Verdict) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO verdicts (component, at, health, certainty, cause, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            verdict.component.as_str(),
            ms(verdict.at),
            verdict.health.as_str(),
            verdict.certainty.as_str(),
            verdict.cause.class.as_str(),
            forms::write_verdict(verdict),
        ],
    )
    .map(drop)
}

fn put_evidence(db: &Connection, evidence: &Evidence) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO evidence (component, at, family, body) VALUES (?1, ?2, ?3, ?4)",
        params![
            evidence.component.as_str(),
            ms(evidence.at),
            evidence.family.as_str(),
            evidence.text,
        ],
    )
    .map(drop)
}

fn put_report_bin(db: &Connection, bin: &ReportBin) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO report_bins (component, start, kind, reports)
         VALUES (?1, ?2, ?3, ?4)",
        params![bin.component.as_str(), ms(bin.start), bin.kind.as_str(), int(bin.count)],
    )
    .map(drop)
}

fn put_subscriber(db: &Connection, one: &Subscriber) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO subscribers (id, channel, state, address_sealed, address_hash,
             confirm_hash, unsubscribe_hash, components, language, created_at, confirmed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            one.id,
            one.channel.as_str(),
            one.state.as_str(),
            one.address.as_bytes(),
            one.address_hash,
            one.confirm_hash,
            one.unsubscribe_hash,
            forms::write_components(&one.components),
            one.language,
            ms(one.created_at),
            maybe_ms(one.confirmed_at),
        ],
    )
    .map(drop)
}

/// Also removes what was on its way to him.
pub(super) fn remove_subscriber(db: &Connection, id: &str) -> Result<(), StoreError> {
    run(db, "DELETE FROM outgoing WHERE receiver = ?1", [id])?;
    run(db, "DELETE FROM subscribers WHERE id = ?1", [id]).map(drop)
}

fn put_outgoing(db: &Connection, one: &Outgoing) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO outgoing
             (id, receiver, about, created_at, due_at, attempts, body, fault, subject)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            one.id,
            one.receiver,
            one.topic,
            ms(one.created_at),
            ms(one.due_at),
            one.attempts,
            one.body,
            one.fault,
            one.subject,
        ],
    )
    .map(drop)
}

fn put_feed(db: &Connection, feed: &FeedState) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO feeds
             (name, url, etag, last_modified, read_at, failing_since, posts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            feed.name,
            feed.url,
            feed.etag,
            feed.last_modified,
            maybe_ms(feed.read_at),
            maybe_ms(feed.failing_since),
            forms::write_posts(feed),
        ],
    )
    .map(drop)
}

fn put_caller_key(db: &Connection, key: &CallerKeyRecord) -> Result<(), StoreError> {
    run(
        db,
        "INSERT OR REPLACE INTO caller_keys
             (id, name, sha256, created_at, expires_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            key.id,
            key.name,
            key.sha256,
            ms(key.created_at),
            maybe_ms(key.expires_at),
            maybe_ms(key.revoked_at),
        ],
    )
    .map(drop)
}
