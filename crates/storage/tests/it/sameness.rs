//! Whatever is done to both, the file answers as memory does.

use std::fmt::Debug;

use detection::{Condition, Family, Guard, MaintenancePhase, Phase};
use domain::ReportKind;
use proptest::prelude::*;
use storage::suite::{self, samples};
use storage::{
    Bin, Change, Channel, ConditionSeconds, Durability, Embedded, IncidentQuery, Memory, Sealed,
    Settings, Span, Store, SubscriberKey, SubscriberState, Tally,
};

/// Something done to a store.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Apply(Vec<Change>),
    /// At that minute.
    Prune(u64),
}

/// Few names and moments, so that later changes meet earlier ones.
const NAMES: [&str; 3] = ["a", "a/b", "é"];
const MINUTES: u64 = 300;

pub(crate) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => prop::collection::vec(change(), 0..12).prop_map(Deed::Apply),
        1 => (0..2 * MINUTES).prop_map(Deed::Prune),
    ];
    prop::collection::vec(deed, 1..12)
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.as_slice())
}

fn minute() -> impl Strategy<Value = u64> {
    0..MINUTES
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        incident(),
        (incident_id(), minute())
            .prop_map(|(id, start)| { Change::Timeline(Box::new(samples::timeline(&id, start))) }),
        incident_id().prop_map(|id| Change::RemoveIncident(samples::incident(&id, 0).id)),
        work(),
        bin().prop_map(|bin| Change::Minute(Box::new(bin))),
        bin().prop_map(|bin| Change::Day(Box::new(Bin { start: bin.day_start(), ..bin }))),
        verdict(),
        evidence(),
        (name(), minute(), prop::sample::select(ReportKind::ALL.as_slice()), any::<u32>())
            .prop_map(|(name, at, kind, count)| {
                let bin = samples::report_bin(name, at / 15 * 15, kind, count.into());
                Change::ReportBin(Box::new(bin))
            }),
        subscriber(),
        name().prop_map(|id| Change::RemoveSubscriber(id.into())),
        (name(), name(), minute(), minute(), any::<bool>()).prop_map(
            |(id, receiver, created, due, is_new)| {
                let mut message = samples::message(id, receiver, created, due);
                if is_new {
                    (message.fault, message.attempts) = (None, u32::MAX);
                    message.topic = Box::default();
                }
                Change::Outgoing(Box::new(message))
            }
        ),
        name().prop_map(|id| Change::RemoveOutgoing(id.into())),
        (name(), any::<Option<String>>()).prop_map(|(name, etag)| {
            let etag = etag.map(String::into_boxed_str);
            Change::Feed(Box::new(storage::FeedState { etag, ..samples::feed(name) }))
        }),
        (name(), prop::option::of(minute())).prop_map(|(id, revoked)| {
            Change::CallerKey(Box::new(samples::caller_key(id, revoked)))
        }),
        (name(), any::<String>())
            .prop_map(|(name, value)| Change::Setting { name: name.into(), value: value.into() }),
    ]
}

fn incident_id() -> impl Strategy<Value = String> {
    (0..6u8).prop_map(|number| format!("i{number}"))
}

fn incident() -> impl Strategy<Value = Change> {
    let components = prop::collection::vec(name(), 0..3);
    let phase = prop::sample::select(Phase::ALL.as_slice());
    let end = prop::option::of(minute());
    (incident_id(), minute(), phase, end, components, any::<f64>(), any::<String>()).prop_map(
        |(id, start, phase, end, components, confidence, title)| {
            let mut incident = samples::incident(&id, start);
            incident.phase = phase;
            incident.resolved_at = end.map(samples::minute);
            incident.components = components.into_iter().map(samples::component).collect();
            incident.cause.confidence = confidence;
            incident.title = title.into();
            Change::Incident(Box::new(incident))
        },
    )
}

fn work() -> impl Strategy<Value = Change> {
    let ids = (0..6u8).prop_map(|number| format!("w{number}"));
    let phase = prop::sample::select(MaintenancePhase::ALL.as_slice());
    (ids, minute(), minute(), phase).prop_map(|(id, start, end, phase)| {
        let mut work = samples::work(&id, start, end);
        work.phase = phase;
        Change::Maintenance(Box::new(work))
    })
}

fn bin() -> impl Strategy<Value = Bin> {
    let seconds = || any::<[u32; Condition::ALL.len()]>().prop_map(ConditionSeconds::of);
    let small = 0..1_000_000u64;
    // Two days, and within each few minutes.
    let at = (0..2u64, 0..6u64).prop_map(|(day, minute)| day * 24 * 60 + minute);
    (name(), at, prop::array::uniform4(small), seconds(), seconds()).prop_map(
        |(name, at, [requests, bad_requests, first_tokens, first_token_ms_sum], own, official)| {
            let counts = (requests, bad_requests, first_tokens, first_token_ms_sum);
            let tally = Tally {
                requests: counts.0,
                bad_requests: counts.1,
                first_tokens: counts.2,
                first_token_ms_sum: counts.3,
                own,
                official,
            };
            Bin { component: samples::component(name), start: samples::minute(at), tally }
        },
    )
}

fn verdict() -> impl Strategy<Value = Change> {
    let guards = prop::sample::subsequence(Guard::ALL.as_slice(), 0..=Guard::ALL.len());
    (name(), minute(), guards, any::<[f64; 2]>()).prop_map(|(name, at, guards, [ok, nats])| {
        let mut verdict = samples::verdict(name, at);
        verdict.guards = guards;
        verdict.belief.ok = ok;
        for reading in &mut verdict.readings {
            reading.down_nats = nats;
        }
        Change::Verdict(Box::new(verdict))
    })
}

fn evidence() -> impl Strategy<Value = Change> {
    let family = prop::sample::select(Family::ALL.as_slice());
    (name(), minute(), family, any::<String>()).prop_map(|(name, at, family, text)| {
        let evidence = samples::evidence(name, at, family);
        Change::Evidence(Box::new(storage::Evidence { text: text.into(), ..evidence }))
    })
}

fn subscriber() -> impl Strategy<Value = Change> {
    let state = prop::sample::select(SubscriberState::ALL.as_slice());
    let channel = prop::sample::select(Channel::ALL.as_slice());
    let sealed = prop::collection::vec(any::<u8>(), 0..9);
    (0..14u8, state, channel, sealed, 0..3u8).prop_map(|(id, state, channel, sealed, key)| {
        let mut one = samples::subscriber(&format!("s{id}"), id, state);
        (one.channel, one.address, one.address_hash) = (channel, Sealed::new(sealed), [key; 32]);
        Change::Subscriber(Box::new(one))
    })
}

/// All that a store can be asked, in words. Numbers that are none are equal there.
pub(crate) fn all_of(store: &dyn Store) -> Vec<String> {
    let mut all = Vec::new();
    let mut tell = |what: &dyn Debug| all.push(format!("{what:?}"));
    let span = Span { from: samples::minute(20), until: samples::minute(250) };
    for span in [Span::all(), span] {
        for name in NAMES {
            let component = samples::component(name);
            let of = IncidentQuery {
                component: Some(component.clone()),
                span: Some(span),
                ..IncidentQuery::newest(99)
            };
            tell(&store.incidents(&of));
            for limit in [2, 999] {
                tell(&store.minutes(&component, span, limit));
                tell(&store.days(&component, span, limit));
                tell(&store.verdicts(&component, span, limit));
                tell(&store.evidence(&component, span, limit));
                tell(&store.report_bins(&component, span, limit));
            }
            tell(&store.outgoing(name));
            tell(&store.outgoing_of(name, "i1", 2));
            tell(&store.setting(name));
        }
        tell(&store.maintenances(span, 3));
        tell(&store.outgoing_due(span.until, 2));
    }
    for query in [IncidentQuery::newest(99), IncidentQuery::open(2)] {
        tell(&store.incidents(&query));
        let after = Some((samples::minute(100), samples::incident("i3", 0).id));
        tell(&store.incidents(&IncidentQuery { after, ..query }));
    }
    for key in 0..3 {
        for found_by in [
            SubscriberKey::Address(Channel::Email, &[key; 32]),
            SubscriberKey::Confirm(&[key + 64; 32]),
            SubscriberKey::Unsubscribe(&[key + 128; 32]),
        ] {
            tell(&store.subscriber(found_by));
        }
    }
    for number in 0..6 {
        tell(&store.testimonies(&samples::incident(&format!("i{number}"), 0).id));
    }
    tell(&store.subscribers(Some("s11"), 99));
    tell(&(store.next_due(), store.feeds(), store.caller_keys()));
    tell(&store.counts());
    all
}

/// Does it, and tells how many rows went.
pub(crate) fn perform(store: &mut dyn Store, deed: &Deed) -> usize {
    match deed {
        Deed::Apply(changes) => {
            store.apply(changes).expect("room");
            0
        }
        Deed::Prune(at) => store.prune(samples::minute(*at)).expect("room"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_answers_as_memory_does(deeds in deeds()) {
        let mut memory = Memory::new(&suite::settings());
        let mut file = Embedded::without_file(&suite::settings()).unwrap();
        for deed in &deeds {
            prop_assert_eq!(perform(&mut memory, deed), perform(&mut file, deed));
            prop_assert_eq!(all_of(&memory), all_of(&file));
        }
        prop_assert_eq!(file.durability(), Durability::OnDisk);
    }

    #[test]
    fn a_file_without_room_answers_as_memory_does(deeds in deeds()) {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let path = folder.path().join("seawall.db");
        let open = |settings: &Settings| {
            Embedded::open(&path, settings, samples::minute(0)).expect("a file").store
        };
        drop(open(&suite::settings()));
        // A bound below the size of the empty tables: nothing but what fits into their pages.
        let mut file = open(&Settings { file_bytes_max: 1, ..suite::settings() });
        let mut memory = Memory::new(&suite::settings());
        // What is held is not forgotten before it is written, so forgetting is left out.
        for deed in deeds.iter().filter(|deed| matches!(deed, Deed::Apply(_))) {
            perform(&mut memory, deed);
            perform(&mut file, deed);
            prop_assert_eq!(all_of(&memory), all_of(&file));
        }
        file.retry().expect("a full disk is no error");
        prop_assert_eq!(all_of(&memory), all_of(&file));
    }
}
