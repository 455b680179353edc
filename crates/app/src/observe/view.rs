//! What the public may know, drawn from the desk, telemetry and readiness. Nothing is judged here.

use clock::UnixMs;
use detection::{Author, Certainty, Component, Condition, Incident, in_chinese};
use telemetry::{RequestWindow, Snapshot};
use web::ReadyReport;
use web::view::{
    Answered, ComponentGroup, ComponentView, Day, IncidentView, IncidentZh, Ourselves, PageInfo,
    ReportSeries, SourceAge, StatusView, Text, Uptime,
};

use super::desk::Desk;

const DAY_MS: u64 = 86_400_000;
/// Requests of a minute that must all have failed before we say that we do not answer.
const SILENT_MIN: u64 = 4;

/// What else belongs on the page.
pub(super) struct Around<'a> {
    pub(super) page: PageInfo,
    pub(super) snapshot: &'a Snapshot,
    pub(super) ready: &'a ReadyReport,
    pub(super) reports: Vec<ReportSeries>,
    pub(super) sources: Vec<SourceAge>,
}

/// The view of this moment.
pub(super) fn view(desk: &Desk, around: Around<'_>) -> StatusView {
    let at = UnixMs::from_seconds(around.snapshot.unix_seconds);
    let mut open: Vec<Incident> = desk.open().cloned().collect();
    open.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| b.id.cmp(&a.id)));
    let all: Vec<&Incident> = open.iter().chain(&desk.over).collect();
    let shown = desk.components.iter().filter(|component| is_shown(desk, component));
    let components = shown.map(|of| component(desk, of, &all, (at, around.ready)));
    let group = ComponentGroup {
        title: Text::both("Who answers us", "为我们应答的服务"),
        note: Some(Text::both(
            "As we measure it, not as their pages report it.",
            "以我们自己的测量为准，不以官方页为准。",
        )),
        ours: false,
        components: components.collect(),
    };
    StatusView {
        page: around.page,
        at,
        ourselves: ourselves(around.snapshot, around.ready),
        groups: vec![group],
        past: desk.over.iter().map(|one| plain(desk, one.clone())).collect(),
        open: open.into_iter().map(|one| plain(desk, one)).collect(),
        maintenances: desk.works.all().to_vec(),
        tide: None,
        answered: answered(&around.snapshot.quarter),
        reports: around.reports,
        sources: around.sources,
    }
}

/// With the Chinese words of what we wrote ourselves; a person's words stay as they are.
fn plain(desk: &Desk, incident: Incident) -> IncidentView {
    let said = |text: &str| in_chinese(text).map_or_else(|| text.into(), Box::from);
    let ours = incident.updates.iter().filter(|update| update.author == Author::Seawall);
    let bodies =
        ours.filter_map(|update| Some((update.id.clone(), in_chinese(&update.body)?.into())));
    let zh = IncidentZh {
        title: said(&incident.title),
        why: said(&incident.cause.why),
        readings: incident.lights.iter().map(|light| said(&light.reading)).collect(),
        deeds: incident.deeds.iter().map(|(_, deed)| said(deed)).collect(),
        bodies: bodies.collect(),
    };
    let testimonies = desk.testimonies(&incident.id);
    IncidentView { incident, zh: Some(zh), testimonies }
}

/// Providers are shown by what they are asked for; a part that nobody ever asked for is not, unless
/// it is the one that most are asked for.
fn is_shown(desk: &Desk, component: &Component) -> bool {
    let was_asked = || desk.pasts.get(&component.id).is_some_and(super::past::Past::was_asked);
    let is_told = || {
        let stand = desk.stands.get(&component.id);
        stand.is_some_and(|stand| stand.condition != Condition::Unknown)
    };
    match component.capability {
        None => false,
        Some(detection::Capability::Chat) => true,
        Some(_) => was_asked() || is_told(),
    }
}

fn component(
    desk: &Desk,
    component: &Component,
    incidents: &[&Incident],
    (at, ready): (UnixMs, &ReadyReport),
) -> ComponentView {
    let stand = desk.stands.get(&component.id);
    let condition = stand.map_or(Condition::Unknown, |stand| stand.condition);
    let past = desk.pasts.get(&component.id);
    let mut days = past.map(|past| past.days(at)).unwrap_or_default();
    let about = incidents.iter().filter(|incident| incident.components.contains(&component.id));
    about.for_each(|incident| count_days(&mut days, incident, at));
    let part = ready.parts.iter().find(|part| *part.name == *component.provider);
    let state = match part.map(|part| part.state) {
        _ if condition != Condition::Unknown => None,
        Some("loading") => Some(Text::both("Loading", "正在载入")),
        Some("unavailable") => Some(Text::both("Not in use", "未启用")),
        _ => None,
    };
    ComponentView {
        name: Text::plain(component.name.clone()),
        condition,
        certainty: stand.map_or(Certainty::Clear, |stand| stand.verdict.certainty),
        state,
        note: desk
            .works
            .said(&component.id)
            .map(|_| Text::both("As our staff have said.", "以值班人员的说明为准。")),
        days,
        uptime: past.map_or_else(Uptime::default, |past| past.uptime(at)),
        created_at: desk.began_at,
        updated_at: stand.map_or(desk.began_at, |stand| stand.since),
        component: component.clone(),
    }
}

/// Adds an incident to the days that it touched; the last day is that of `at`.
fn count_days(days: &mut [Day], incident: &Incident, at: UnixMs) {
    let day = |moment: UnixMs| moment.as_millis() / DAY_MS;
    let (first, last) = (day(incident.started_at), day(incident.resolved_at.unwrap_or(at)));
    for (back, one) in (0..).zip(days.iter_mut().rev()) {
        let number = day(at).saturating_sub(back);
        if (first..=last).contains(&number) {
            one.incidents += 1;
        }
    }
}

fn ourselves(snapshot: &Snapshot, ready: &ReadyReport) -> Ourselves {
    let served = |rung: &str| snapshot.minute.rungs.get(rung).copied().unwrap_or(0);
    let minute = answered(&snapshot.minute);
    let is_silent = minute.is_some_and(|of| of.answered == 0 && of.asked >= SILENT_MIN);
    match () {
        () if !ready.ready || is_silent => Ourselves::Silent,
        () if snapshot.quarter.requests == 0 => Ourselves::Idle,
        () if served("reserve") > 0
            && served("primary") + served("failover") + served("recall") == 0 =>
        {
            Ourselves::ReserveOnly
        }
        () => Ourselves::Answering,
    }
}

/// What was refused or was the caller's fault was not ours to answer.
fn answered(window: &RequestWindow) -> Option<Answered> {
    let of = |word: &str| window.outcomes.get(word).copied().unwrap_or(0);
    let asked = of("answered") + of("failed") + of("broken");
    let first = window.rungs.get("primary").copied().unwrap_or(0);
    (asked > 0).then(|| Answered {
        minutes: 15,
        asked,
        answered: of("answered"),
        by_first_choice: first.min(of("answered")),
    })
}
