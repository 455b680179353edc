//! Checks of roll-ups, verdicts, evidence and reports.

use detection::{Condition, Family};
use domain::ReportKind;

use super::{put, same, samples, told};
use crate::{Bin, Change, Counts, IncidentQuery, Span, Store, Tally};

pub(super) fn an_empty_store_has_nothing(store: &mut dyn Store) -> Result<(), String> {
    same("the counts", &told(store.counts())?, &Counts::default())?;
    same("incidents", &told(store.incidents(&IncidentQuery::newest(9)))?, &vec![])?;
    same("what is next due", &told(store.next_due())?, &None)?;
    same("a setting", &told(store.setting("x"))?, &None)?;
    same("rows to prune", &told(store.prune(samples::minute(0)))?, &0)?;
    put(store, &[])
}

pub(super) fn minutes_make_their_day(store: &mut dyn Store) -> Result<(), String> {
    let minutes = [
        samples::bin("a", 3, 30, Condition::Operational),
        samples::bin("a", 4, 12, Condition::MajorOutage),
        samples::bin("b", 4, 99, Condition::Unknown),
        // The next day.
        samples::bin("a", 24 * 60, 6, Condition::Operational),
    ];
    put(store, &minutes.clone().map(|bin| Change::Minute(Box::new(bin))))?;
    let [first, second, _, next] = minutes;
    let a = samples::component("a");
    let wanted = vec![first.clone(), second.clone(), next.clone()];
    same("its minutes", &told(store.minutes(&a, Span::all(), 9))?, &wanted)?;
    let day = |at, tally| Bin { component: a.clone(), start: samples::minute(at), tally };
    let wanted = vec![day(0, first.tally.plus(&second.tally)), day(24 * 60, next.tally)];
    same("its days", &told(store.days(&a, Span::all(), 9))?, &wanted)?;
    same("one day", &told(store.days(&a, Span::all(), 1))?.len(), &1)
}

pub(super) fn a_minute_again_moves_its_day_once(store: &mut dyn Store) -> Result<(), String> {
    let before = samples::bin("a", 3, 30, Condition::Operational);
    let other = samples::bin("a", 4, 8, Condition::Operational);
    let after = samples::bin("a", 3, 10, Condition::PartialOutage);
    let all = [&before, &other, &after, &after];
    put(store, &all.map(|bin| Change::Minute(Box::new(bin.clone()))))?;
    let days = told(store.days(&before.component, Span::all(), 9))?;
    let wanted = after.tally.plus(&other.tally);
    same("the day", &days.iter().map(|day| day.tally).collect(), &vec![wanted])?;
    // A day that was told as a whole is that, whatever its minutes were.
    let whole = Bin {
        start: before.day_start(),
        tally: Tally { requests: 5, ..Tally::default() },
        ..before
    };
    put(store, &[Change::Day(Box::new(whole.clone()))])?;
    same(
        "a day told as a whole",
        &told(store.days(&whole.component, Span::all(), 9))?,
        &vec![whole],
    )
}

pub(super) fn a_span_is_half_open(store: &mut dyn Store) -> Result<(), String> {
    let minutes = [1, 2, 3, 4].map(|at| samples::bin("a", at, at, Condition::Operational));
    put(store, &minutes.map(|bin| Change::Minute(Box::new(bin))))?;
    let a = samples::component("a");
    let span = Span { from: samples::minute(2), until: samples::minute(4) };
    let found = told(store.minutes(&a, span, 9))?;
    same("minutes 2 and 3", &found.iter().map(|bin| bin.tally.requests).collect(), &vec![2, 3])
}

pub(super) fn verdicts_come_back_whole(store: &mut dyn Store) -> Result<(), String> {
    let verdicts = [samples::verdict("a", 2), samples::verdict("a", 1)];
    let evidence = [
        samples::evidence("a", 1, Family::Traffic),
        samples::evidence("a", 1, Family::Probe),
        samples::evidence("a", 1, Family::OfficialPage),
    ];
    put(store, &verdicts.clone().map(|verdict| Change::Verdict(Box::new(verdict))))?;
    put(store, &evidence.clone().map(|evidence| Change::Evidence(Box::new(evidence))))?;
    put(store, &[Change::Verdict(Box::new(samples::verdict("b", 1)))])?;
    let a = samples::component("a");
    let [second, first] = verdicts;
    same("verdicts", &told(store.verdicts(&a, Span::all(), 9))?, &vec![first, second])?;
    let [traffic, probe, page] = evidence;
    let wanted = vec![page, probe, traffic];
    same("evidence", &told(store.evidence(&a, Span::all(), 9))?, &wanted)
}

pub(super) fn report_bins_are_replaced(store: &mut dyn Store) -> Result<(), String> {
    let all = [
        samples::report_bin("a", 0, ReportKind::Slow, 1),
        samples::report_bin("a", 0, ReportKind::Slow, 2),
        samples::report_bin("a", 0, ReportKind::CannotLogIn, 1),
        samples::report_bin("a", 15, ReportKind::Slow, 7),
        samples::report_bin("b", 0, ReportKind::Slow, 1),
    ];
    put(store, &all.clone().map(|bin| Change::ReportBin(Box::new(bin))))?;
    let [_, slow, login, later, _] = all;
    let a = samples::component("a");
    let wanted = vec![login, slow, later];
    same("bins", &told(store.report_bins(&a, Span::all(), 9))?, &wanted)?;
    same("two of them", &told(store.report_bins(&a, Span::all(), 2))?.len(), &2)
}
