//! Checks of incidents and planned work.

use detection::{Incident, IncidentId, Phase};

use super::{put, same, samples, told};
use crate::{Change, IncidentQuery, Span, Store};

pub(super) fn comes_back_whole(store: &mut dyn Store) -> Result<(), String> {
    let plain = Incident {
        official: None,
        by_hand: detection::ByHand::default(),
        updates: Vec::new(),
        deeds: Vec::new(),
        components: Vec::new(),
        ..samples::resolved("i2", 5, 60)
    };
    for incident in [samples::incident("i1", 5), plain] {
        put(store, &[Change::Incident(Box::new(incident.clone()))])?;
        let got = told(store.incident(&incident.id))?;
        same("an incident by its id", &got, &Some(incident))?;
    }
    Ok(())
}

pub(super) fn is_replaced(store: &mut dyn Store) -> Result<(), String> {
    let before = samples::incident("i1", 5);
    let mut after = samples::resolved("i1", 4, 60);
    after.components = vec![samples::component("openai/chat")];
    put(store, &[Change::Incident(Box::new(before.clone())), Change::Incident(Box::new(after))])?;
    let of = |name| IncidentQuery {
        component: Some(samples::component(name)),
        ..IncidentQuery::newest(9)
    };
    same("open ones", &ids(store, &IncidentQuery::open(9))?, &vec![])?;
    same("ones of the former component", &ids(store, &of("openai/app"))?, &vec![])?;
    same("ones of the new component", &ids(store, &of("openai/chat"))?, &vec!["i1".to_owned()])?;
    put(store, &[Change::RemoveIncident(before.id)])?;
    same("all after it was removed", &ids(store, &IncidentQuery::newest(9))?, &vec![])?;
    same("ones of its component", &ids(store, &of("openai/chat"))?, &vec![])
}

pub(super) fn timelines_stay_with_theirs(store: &mut dyn Store) -> Result<(), String> {
    let incident = samples::incident("i1", 5);
    let (id, told_again) = (incident.id.clone(), incident.clone());
    let timeline = samples::timeline("i1", 5);
    put(
        store,
        &[
            Change::Incident(Box::new(incident)),
            Change::Timeline(Box::new(samples::timeline("i1", 4))),
            Change::Timeline(Box::new(timeline.clone())),
            Change::Incident(Box::new(told_again)),
        ],
    )?;
    told(store.prune(samples::minute(9)))?;
    let said = told(store.testimonies(&id))?;
    same("what was said last, after the incident was told again", &said, &timeline.testimonies)?;
    put(store, &[Change::RemoveIncident(id.clone())])?;
    same("what is left with a removed incident", &told(store.testimonies(&id))?, &Vec::new())?;
    let of_nobody = samples::timeline("i2", 5);
    put(store, &[Change::Timeline(Box::new(of_nobody.clone()))])?;
    told(store.prune(samples::minute(9)))?;
    let left = told(store.testimonies(&of_nobody.incident))?;
    same("what belongs to no incident", &left, &Vec::new())
}

pub(super) fn are_found(store: &mut dyn Store) -> Result<(), String> {
    let mut other = samples::resolved("i3", 30, 40);
    other.components = vec![samples::component("claude/chat")];
    let mut told_of = samples::resolved("i4", 50, 60);
    told_of.phase = Phase::Postmortem;
    let all = [samples::resolved("i1", 10, 20), samples::incident("i2", 15), other, told_of];
    put(store, &all.map(|incident| Change::Incident(Box::new(incident))))?;
    let newest = || IncidentQuery::newest(9);
    let within = |from, until| IncidentQuery {
        span: Some(Span { from: samples::minute(from), until: samples::minute(until) }),
        ..newest()
    };
    let claude = IncidentQuery { component: Some(samples::component("claude/chat")), ..newest() };
    let cases = [
        ("all, newest first", newest(), "i4 i3 i2 i1"),
        ("two at most", IncidentQuery::newest(2), "i4 i3"),
        ("open ones", IncidentQuery::open(9), "i2"),
        ("ones of a component", claude, "i3"),
        ("ones that lasted then; an open one lasts still", within(20, 30), "i2 i1"),
        ("ones that had begun", within(0, 15), "i1"),
    ];
    for (what, query, wanted) in cases {
        same(what, &ids(store, &query)?.join(" "), &wanted.to_owned())?;
    }
    Ok(())
}

pub(super) fn come_page_by_page(store: &mut dyn Store) -> Result<(), String> {
    // Four began in the same minute, so that a page ends among equals.
    let starts = [("i1", 7), ("i2", 7), ("i3", 7), ("i4", 7), ("i5", 3)];
    put(store, &starts.map(|(id, at)| Change::Incident(Box::new(samples::incident(id, at)))))?;
    let mut query = IncidentQuery::newest(2);
    let mut seen = Vec::new();
    loop {
        let page = told(store.incidents(&query))?;
        let Some(last) = page.last() else { break };
        query.after = Some((last.started_at, last.id.clone()));
        seen.extend(page.iter().map(|one| one.id.to_string()));
        if seen.len() > starts.len() {
            break;
        }
    }
    same("all pages together", &seen.join(" "), &"i4 i3 i2 i1 i5".to_owned())
}

pub(super) fn work_comes_back_whole(store: &mut dyn Store) -> Result<(), String> {
    let work = samples::work("w1", 5, 9);
    let mut later = work.clone();
    later.sequence += 1;
    put(store, &[Change::Maintenance(Box::new(work))])?;
    put(store, &[Change::Maintenance(Box::new(later.clone()))])?;
    same("work by its id", &told(store.maintenance(&later.id))?, &Some(later))?;
    let nobody = told(store.maintenance(&IncidentId::new("w2")))?;
    same("work that nobody planned", &nobody, &None)
}

pub(super) fn work_is_found_by_span(store: &mut dyn Store) -> Result<(), String> {
    let all = [samples::work("w2", 5, 9), samples::work("w1", 5, 9), samples::work("w3", 1, 3)];
    put(store, &all.map(|work| Change::Maintenance(Box::new(work))))?;
    let within = |from, until| Span { from: samples::minute(from), until: samples::minute(until) };
    for (span, limit, wanted) in [
        (Span::all(), 9, "w3 w1 w2"),
        (Span::all(), 2, "w3 w1"),
        (within(4, 6), 9, "w1 w2"),
        (within(9, 20), 9, "w1 w2"),
        (within(10, 20), 9, ""),
        (within(3, 5), 9, "w3"),
    ] {
        let found = told(store.maintenances(span, limit))?;
        let found: Vec<_> = found.iter().map(|work| work.id.as_str()).collect();
        same(&format!("work within {span:?}"), &found.join(" "), &wanted.to_owned())?;
    }
    Ok(())
}

fn ids(store: &dyn Store, query: &IncidentQuery) -> Result<Vec<String>, String> {
    let found = told(store.incidents(query))?;
    Ok(found.iter().map(|incident| incident.id.to_string()).collect())
}
