//! Things to keep, each with every part of it filled, for checks and tests.

use clock::UnixMs;
use detection::{
    Affected, Author, Belief, ByHand, Cause, CauseClass, Certainty, ComponentId, Condition, Family,
    Guard, Health, Impact, Incident, IncidentId, IncidentUpdate, Light, LightState, Maintenance,
    MaintenancePhase, OfficialPost, Phase, Reading, Verdict,
};
use domain::ReportKind;

use crate::{
    Bin, CallerKeyRecord, Channel, ConditionSeconds, Evidence, FeedState, MINUTE_MS, Outgoing,
    ReportBin, Said, Sealed, SeenPost, Subscriber, SubscriberState, Tally, Testimony, Timeline,
};

/// So many minutes after 4 June 2024, 00:00 UTC.
pub fn minute(number: u64) -> UnixMs {
    UnixMs::new(1_717_459_200_000).plus_ms(number * MINUTE_MS)
}

/// A component.
pub fn component(name: &str) -> ComponentId {
    ComponentId::new(name)
}

/// An open incident that began at that minute.
pub fn incident(id: &str, start: u64) -> Incident {
    let light = |family, state, lit_at: Option<UnixMs>| Light {
        family,
        state,
        lit_at,
        reading: "412 in 15 minutes; usual at this hour: 6".into(),
    };
    let [probe, traffic, reports, page] = Family::LIGHTS;
    Incident {
        id: IncidentId::new(id),
        title: "ChatGPT’s app does not answer; 没有应答".into(),
        phase: Phase::Investigating,
        impact: Impact::Critical,
        certainty: Certainty::Confirmed,
        cause: cause(),
        started_at: minute(start),
        opened_at: minute(start + 1),
        resolved_at: None,
        components: vec![component("openai/app"), component("openai/login")],
        updates: vec![
            update("u1", start + 1, Author::Seawall),
            update("u2", start + 9, operator()),
        ],
        lights: [
            light(probe, LightState::DoesNotApply, None),
            light(traffic, LightState::Unlit, Some(minute(start))),
            light(reports, LightState::Lit, Some(minute(start + 1))),
            light(page, LightState::Unlit, None),
        ],
        official: Some(OfficialPost {
            posted_at: minute(start + 32),
            title: "ChatGPT is unavailable \"for some\"".into(),
            url: Some("https://status.example/i/1".into()),
            resolved_at: None,
        }),
        deeds: vec![(minute(start + 2), "97 % of requests went to claude".into())],
        by_hand: ByHand {
            is_taken: true,
            postmortem: Some("# What was learnt\n\nNothing\0 new.".into()),
        },
    }
}

/// The same, over at that minute.
pub fn resolved(id: &str, start: u64, end: u64) -> Incident {
    let resolved_at = Some(minute(end));
    Incident { phase: Phase::Resolved, resolved_at, ..incident(id, start) }
}

/// What two families said of that incident, from that minute on.
pub fn timeline(id: &str, start: u64) -> Timeline {
    let said = |after: u64, nats: f64| Said {
        at: minute(start + after),
        nats,
        why: "35 of 100 failed; 没有应答".into(),
    };
    let testimony =
        |family, first, strongest, ended_at| Testimony { family, first, strongest, ended_at };
    let testimonies = vec![
        testimony(Family::Traffic, said(0, 0.1 + 0.2), said(2, 14.0), Some(minute(start + 9))),
        testimony(Family::OfficialPage, said(20, 7.0), said(20, 7.0), None),
    ];
    Timeline { incident: IncidentId::new(id), testimonies }
}

fn operator() -> Author {
    Author::Operator("Mei".into())
}

fn update(id: &str, at: u64, author: Author) -> IncidentUpdate {
    IncidentUpdate {
        id: IncidentId::new(id),
        at: minute(at),
        phase: Phase::Identified,
        body: "We *know* why.".into(),
        author,
        affected: vec![Affected {
            component: component("openai/app"),
            from: Condition::Operational,
            to: Condition::MajorOutage,
        }],
    }
}

fn cause() -> Cause {
    // A number that a careless way through text would not bring back.
    Cause { class: CauseClass::FleeingUsers, confidence: 0.1 + 0.2, why: "39 min later".into() }
}

/// Planned work between two minutes.
pub fn work(id: &str, start: u64, end: u64) -> Maintenance {
    Maintenance {
        id: IncidentId::new(id),
        title: "New database".into(),
        phase: MaintenancePhase::Scheduled,
        created_at: minute(0),
        starts_at: minute(start),
        ends_at: minute(end),
        components: vec![component("openai/chat")],
        updates: vec![update("m1", start, Author::Provider)],
        sequence: 7,
    }
}

/// A minute of so many requests, all of it in one condition.
pub fn bin(name: &str, at: u64, requests: u64, condition: Condition) -> Bin {
    let tally = Tally {
        requests,
        bad_requests: requests / 2,
        first_tokens: requests / 3,
        first_token_ms_sum: requests * 400,
        own: ConditionSeconds::all_in(condition, 60),
        official: ConditionSeconds::all_in(Condition::Unknown, 60),
    };
    Bin { component: component(name), start: minute(at), tally }
}

/// A verdict of that minute.
pub fn verdict(name: &str, at: u64) -> Verdict {
    let reading = |family, nats: f64| Reading {
        family,
        degraded_nats: nats,
        down_nats: -nats / 3.0,
        observations: 1_234,
        why: "35 of 100 failed".into(),
    };
    Verdict {
        component: component(name),
        at: minute(at),
        since: minute(at.saturating_sub(3)),
        health: Health::Degraded,
        certainty: Certainty::Suspected,
        belief: Belief { ok: 1.0 / 3.0, degraded: 0.6, down: 2.0 / 3.0 - 0.6 },
        cause: cause(),
        readings: vec![reading(Family::Traffic, 5.4), reading(Family::OfficialPage, f64::MIN)],
        guards: vec![Guard::LowVolume, Guard::ClockJump],
        why: "traffic alone".into(),
    }
}

/// Evidence of that minute.
pub fn evidence(name: &str, at: u64, family: Family) -> Evidence {
    let text = format!("{{\"bad\":{at}}}").into();
    Evidence { component: component(name), at: minute(at), family, text }
}

/// So many reports of one kind in the quarter of an hour from that minute.
pub fn report_bin(name: &str, at: u64, kind: ReportKind, count: u64) -> ReportBin {
    ReportBin { component: component(name), start: minute(at), kind, count }
}

/// A subscriber; hashes are made of the number.
pub fn subscriber(id: &str, number: u8, state: SubscriberState) -> Subscriber {
    let is_new = state == SubscriberState::Unconfirmed;
    Subscriber {
        id: id.into(),
        channel: Channel::Email,
        state,
        address: Sealed::new([number, 0, 255, 39]),
        address_hash: [number; 32],
        confirm_hash: is_new.then_some([number.wrapping_add(64); 32]),
        unsubscribe_hash: [number.wrapping_add(128); 32],
        components: vec![component("openai/chat")],
        language: "zh-CN".into(),
        created_at: minute(u64::from(number)),
        confirmed_at: (!is_new).then(|| minute(u64::from(number) + 1)),
    }
}

/// A message that is due at that minute.
pub fn message(id: &str, receiver: &str, created: u64, due: u64) -> Outgoing {
    Outgoing {
        id: id.into(),
        receiver: receiver.into(),
        topic: "i1".into(),
        subject: "Investigating: it is down".into(),
        created_at: minute(created),
        due_at: minute(due),
        attempts: 2,
        body: "{\"text\":\"down\"}".into(),
        fault: Some("answered 503".into()),
    }
}

/// A feed.
pub fn feed(name: &str) -> FeedState {
    FeedState {
        name: name.into(),
        url: "https://status.example/feed.atom".into(),
        etag: Some("W/\"a'b\"".into()),
        last_modified: Some("Tue, 04 Jun 2024 14:33:00 GMT".into()),
        read_at: Some(minute(3)),
        failing_since: None,
        posts: vec![
            SeenPost {
                id: "tag:x,2005:Incident/1".into(),
                updated_at: minute(2),
                incident: Some(IncidentId::new("i1")),
            },
            SeenPost { id: "guid@Tue".into(), updated_at: minute(1), incident: None },
        ],
    }
}

/// A caller's key.
pub fn caller_key(id: &str, revoked: Option<u64>) -> CallerKeyRecord {
    CallerKeyRecord {
        id: id.into(),
        name: "billing".into(),
        sha256: [9; 32],
        created_at: minute(0),
        expires_at: Some(minute(999)),
        revoked_at: revoked.map(minute),
    }
}
