//! Checks of forgetting, under the bounds of [`settings`](super::settings): two hours, ten rows,
//! three incidents.

use detection::{Condition, Family, MaintenancePhase};
use domain::ReportKind;

use super::{put, same, samples, told};
use crate::{Change, Counts, IncidentQuery, Span, Store, SubscriberState};

/// Something of each kind that ages, made at that minute.
fn one_of_each(at: u64) -> Vec<Change> {
    let mut new = samples::subscriber("s1", 0, SubscriberState::Unconfirmed);
    new.created_at = samples::minute(at);
    vec![
        Change::Minute(Box::new(samples::bin("a", at, 5, Condition::Operational))),
        Change::Verdict(Box::new(samples::verdict("a", at))),
        Change::Evidence(Box::new(samples::evidence("a", at, Family::Probe))),
        Change::ReportBin(Box::new(samples::report_bin("a", at, ReportKind::Slow, 1))),
        Change::Subscriber(Box::new(new)),
        Change::Outgoing(Box::new(samples::message(&format!("m{at}"), "r", at, at))),
        Change::CallerKey(Box::new(samples::caller_key(&format!("k{at}"), Some(at)))),
    ]
}

pub(super) fn what_is_too_old_goes(store: &mut dyn Store) -> Result<(), String> {
    put(store, &one_of_each(0))?;
    same("rows gone after two hours", &told(store.prune(samples::minute(120)))?, &0)?;
    let gone = prune(store, 121)?;
    same("rows gone after that", &gone, &7)?;
    let kept = Counts { days: 1, ..Counts::default() };
    same("what is kept: the day", &told(store.counts())?, &kept)
}

pub(super) fn what_is_too_much_goes(store: &mut dyn Store) -> Result<(), String> {
    for at in 0..15 {
        // A bin of reports and a day for each.
        let (bin, day) = (at * 15, at * 24 * 60);
        put(
            store,
            &[
                Change::Minute(Box::new(samples::bin("a", at, 5, Condition::Operational))),
                Change::Day(Box::new(samples::bin("b", day, 5, Condition::Operational))),
                Change::Evidence(Box::new(samples::evidence("a", at, Family::Probe))),
                Change::ReportBin(Box::new(samples::report_bin("a", bin, ReportKind::Slow, 1))),
                Change::Incident(Box::new(samples::resolved(&format!("i{at:02}"), at, at + 9))),
            ],
        )?;
    }
    prune(store, 30)?;
    let counts = told(store.counts())?;
    let wanted = Counts {
        minutes: 10,
        days: 10,
        evidence: 10,
        report_bins: 10,
        incidents: 3,
        ..Counts::default()
    };
    same("what is kept", &counts, &wanted)?;
    let minutes = told(store.minutes(&samples::component("a"), Span::all(), 99))?;
    same("the oldest minute", &minutes.first().map(|bin| bin.start), &Some(samples::minute(5)))?;
    let incidents = told(store.incidents(&IncidentQuery::newest(9)))?;
    let ids: Vec<_> = incidents.iter().map(|one| one.id.as_str()).collect();
    same("the incidents", &ids.join(" "), &"i14 i13 i12".to_owned())
}

pub(super) fn what_is_not_over_stays(store: &mut dyn Store) -> Result<(), String> {
    for at in 0..6 {
        let mut work = samples::work(&format!("w{at}"), at, at + 1);
        if at > 3 {
            work.phase = MaintenancePhase::Completed;
        }
        let incident = if at < 4 {
            samples::incident(&format!("i{at}"), at)
        } else {
            samples::resolved(&format!("i{at}"), at, at)
        };
        put(
            store,
            &[
                Change::Incident(Box::new(incident)),
                Change::Maintenance(Box::new(work)),
                Change::CallerKey(Box::new(samples::caller_key(&format!("k{at}"), None))),
            ],
        )?;
    }
    for number in 0..12 {
        let state =
            if number == 0 { SubscriberState::Unconfirmed } else { SubscriberState::Confirmed };
        let one = samples::subscriber(&format!("s{number}"), number, state);
        put(store, &[Change::Subscriber(Box::new(one))])?;
    }
    prune(store, 100)?;
    let counts = told(store.counts())?;
    let wanted = Counts {
        incidents: 4,
        maintenances: 4,
        caller_keys: 6,
        subscribers: 11,
        ..Counts::default()
    };
    same("what is kept", &counts, &wanted)
}

/// Prunes until nothing goes any more.
fn prune(store: &mut dyn Store, at: u64) -> Result<usize, String> {
    let mut gone = 0;
    for _ in 0..100 {
        match told(store.prune(samples::minute(at)))? {
            0 => return Ok(gone),
            rows => gone += rows,
        }
    }
    Err(format!("still pruning after {gone} rows"))
}
