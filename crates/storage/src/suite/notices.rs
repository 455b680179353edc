//! Checks of subscribers, messages, the small tables, and the size of changes.

use super::{put, same, samples, told};
use crate::{Change, Channel, Store, StoreError, SubscriberKey, SubscriberState};

pub(super) fn subscribers_are_found(store: &mut dyn Store) -> Result<(), String> {
    let new = samples::subscriber("s2", 2, SubscriberState::Unconfirmed);
    let old = samples::subscriber("s1", 1, SubscriberState::Confirmed);
    let gone = samples::subscriber("s3", 3, SubscriberState::Disabled);
    let all = [&new, &old, &gone].map(|one| Change::Subscriber(Box::new(one.clone())));
    put(store, &all)?;
    for (key, wanted) in [
        (SubscriberKey::Id("s2"), Some(&new)),
        (SubscriberKey::Id("s9"), None),
        (SubscriberKey::Confirm(&[66; 32]), Some(&new)),
        (SubscriberKey::Confirm(&[65; 32]), None),
        (SubscriberKey::Unsubscribe(&[129; 32]), Some(&old)),
        (SubscriberKey::Address(Channel::Email, &[3; 32]), Some(&gone)),
        (SubscriberKey::Address(Channel::Slack, &[3; 32]), None),
    ] {
        let got = told(store.subscriber(key))?;
        same(&format!("the subscriber of {key:?}"), &got, &wanted.cloned())?;
    }
    let page = told(store.subscribers(None, 2))?;
    same("the first page", &page, &vec![old, new])?;
    same("the second page", &told(store.subscribers(Some("s2"), 2))?, &vec![gone])
}

pub(super) fn who_leaves_is_sent_nothing(store: &mut dyn Store) -> Result<(), String> {
    let stays = samples::subscriber("s1", 1, SubscriberState::Confirmed);
    let leaves = samples::subscriber("s2", 2, SubscriberState::Confirmed);
    let kept = samples::message("m1", "s1", 1, 1);
    put(
        store,
        &[
            Change::Subscriber(Box::new(stays.clone())),
            Change::Subscriber(Box::new(leaves)),
            Change::Outgoing(Box::new(kept.clone())),
            Change::Outgoing(Box::new(samples::message("m2", "s2", 1, 1))),
            Change::RemoveSubscriber("s2".into()),
        ],
    )?;
    same("who stays", &told(store.subscribers(None, 9))?, &vec![stays])?;
    same("what is sent", &told(store.outgoing_due(samples::minute(9), 9))?, &vec![kept])
}

pub(super) fn messages_come_when_due(store: &mut dyn Store) -> Result<(), String> {
    let messages = [("m3", 5), ("m1", 5), ("m2", 4), ("m4", 6)];
    let of = |(id, due)| Change::Outgoing(Box::new(samples::message(id, "r", 1, due)));
    put(store, &messages.map(of))?;
    let due = |store: &dyn Store, limit| -> Result<String, String> {
        let due = told(store.outgoing_due(samples::minute(5), limit))?;
        Ok(due.iter().map(|one| &*one.id).collect::<Vec<_>>().join(" "))
    };
    same("what is due", &due(store, 9)?, &"m2 m1 m3".to_owned())?;
    same("the first of it", &due(store, 1)?, &"m2".to_owned())?;
    let mut later = samples::message("m2", "r", 1, 30);
    later.topic = "consent".into();
    later.fault = None;
    put(store, &[Change::Outgoing(Box::new(later.clone())), Change::RemoveOutgoing("m1".into())])?;
    same("what is due after a failure", &due(store, 9)?, &"m3".to_owned())?;
    same("a message by its id", &told(store.outgoing("m2"))?, &Some(later.clone()))?;
    same("those of one topic", &told(store.outgoing_of("r", "consent", 9))?, &vec![later])?;
    let of_incident = told(store.outgoing_of("r", "i1", 9))?;
    let ids: Vec<&str> = of_incident.iter().map(|one| &*one.id).collect();
    same("those of another, oldest first", &ids, &vec!["m3", "m4"])?;
    same("what is next due", &told(store.next_due())?, &Some(samples::minute(5)))
}

pub(super) fn what_is_too_large_is_refused(store: &mut dyn Store) -> Result<(), String> {
    let text = |bytes: usize| "x".repeat(bytes).into_boxed_str();
    let small = || Change::Setting { name: "small".into(), value: "1".into() };
    let mut incident = samples::incident("i1", 1);
    incident.by_hand.postmortem = Some(text(20_000));
    let mut message = samples::message("m1", "r", 1, 1);
    message.body = text(20_001);
    let setting = Change::Setting { name: "large".into(), value: text(20_001) };
    let large =
        [Change::Incident(Box::new(incident)), Change::Outgoing(Box::new(message)), setting];
    for change in large {
        let refusal = store.apply(&[small(), change]);
        let is_refused = matches!(refusal, Err(StoreError::TooLarge { bytes_max: 20_000, .. }));
        same(&format!("that {refusal:?} is a refusal"), &is_refused, &true)?;
        same("what came with it", &told(store.setting("small"))?, &None)?;
    }
    put(store, &[Change::Setting { name: "large".into(), value: text(19_000) }])
}

pub(super) fn small_things_are_kept(store: &mut dyn Store) -> Result<(), String> {
    let mut feed = samples::feed("openai");
    let setting = |value: &str| Change::Setting { name: "salt".into(), value: value.into() };
    put(
        store,
        &[
            Change::Feed(Box::new(feed.clone())),
            Change::Feed(Box::new(samples::feed("claude"))),
            Change::CallerKey(Box::new(samples::caller_key("k2", Some(5)))),
            Change::CallerKey(Box::new(samples::caller_key("k1", None))),
            setting("one"),
        ],
    )?;
    feed.etag = None;
    feed.failing_since = Some(samples::minute(8));
    feed.posts.clear();
    put(store, &[Change::Feed(Box::new(feed.clone())), setting("two")])?;
    same("feeds by name", &told(store.feeds())?, &vec![samples::feed("claude"), feed])?;
    let keys = vec![samples::caller_key("k1", None), samples::caller_key("k2", Some(5))];
    same("keys by id", &told(store.caller_keys())?, &keys)?;
    same("a setting", &told(store.setting("salt"))?, &Some("two".into()))?;
    same("another setting", &told(store.setting("salz"))?, &None)
}
