//! Letters and subscribers in the store, as the lookout asks for them, beside the receivers that the
//! configuration names. Nothing is sent here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::UnixMs;
use lookout::notify::{
    Channel, KeepError, Language, Letter, MailAddress, NotifySettings, Outbox, Subscribers,
    Subscription, SubscriptionState, Vault,
};
use net::BoxFuture;
use storage::{Archive, Change, Outgoing, Subscriber, SubscriberKey, SubscriberState};

/// Subscribers that are read at once.
const PAGE: usize = 500;
/// Letters of one topic to one end that are told together.
const TOGETHER_MAX: usize = 200;

/// Both in one.
#[derive(Debug)]
pub(super) struct LetterShelf {
    archive: Archive,
    vault: Arc<Vault>,
    /// Those of the configuration.
    named: Vec<Subscription>,
    /// Of these, those that said that they are gone; until a restart they are told nothing.
    gone: Mutex<BTreeSet<Box<str>>>,
}

fn failed(error: &impl std::fmt::Display) -> KeepError {
    KeepError { detail: error.to_string().into() }
}

impl LetterShelf {
    pub(super) fn new(archive: Archive, vault: Arc<Vault>, settings: &NotifySettings) -> Self {
        let named = settings.receivers.iter().map(|receiver| Subscription {
            id: receiver.name.clone(),
            channel: receiver.channel.clone(),
            components: receiver.components.clone(),
            state: SubscriptionState::Confirmed,
            language: Language::default(),
        });
        Self { archive, vault, named: named.collect(), gone: Mutex::default() }
    }

    fn gone(&self) -> MutexGuard<'_, BTreeSet<Box<str>>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A subscriber of the store with his address opened; `None` if it was sealed by another key.
    fn opened(&self, kept: &Subscriber) -> Option<Subscription> {
        let address = self.vault.open(kept.address.as_bytes())?;
        let channel = match kept.channel {
            storage::Channel::Email => Channel::Email(MailAddress::parse(&address).ok()?),
            // Strangers can subscribe by e-mail only.
            _ => return None,
        };
        Some(Subscription {
            id: kept.id.clone(),
            channel,
            components: kept.components.clone(),
            state: match kept.state {
                SubscriberState::Unconfirmed => SubscriptionState::Unconfirmed,
                SubscriberState::Confirmed => SubscriptionState::Confirmed,
                SubscriberState::Disabled => SubscriptionState::Disabled,
            },
            language: Language::of(&kept.language),
        })
    }

    async fn all_confirmed(&self) -> Result<Vec<Subscription>, KeepError> {
        let gone = self.gone().clone();
        let named = self.named.iter().filter(|one| !gone.contains(&one.id));
        let mut all: Vec<Subscription> = named.cloned().collect();
        let mut after: Option<Box<str>> = None;
        loop {
            let from = after.take();
            let page = self.archive.ask(move |store| store.subscribers(from.as_deref(), PAGE));
            let page = page.await.map_err(|error| failed(&error))?;
            let confirmed = page.iter().filter(|one| one.state == SubscriberState::Confirmed);
            all.extend(confirmed.filter_map(|one| self.opened(one)));
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => return Ok(all),
            }
        }
    }

    async fn put(&self, changes: Vec<Change>) -> Result<(), KeepError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.archive.put_surely(changes).await.map(drop).map_err(|error| failed(&error))
    }

    async fn find(&self, id: &str) -> Result<Option<Subscriber>, KeepError> {
        let id: Box<str> = id.into();
        let found = self.archive.ask(move |store| store.subscriber(SubscriberKey::Id(&id)));
        found.await.map_err(|error| failed(&error))
    }

    async fn change_state(&self, id: &str, state: SubscriptionState) -> Result<(), KeepError> {
        if self.named.iter().any(|one| *one.id == *id) {
            if state == SubscriptionState::Disabled {
                self.gone().insert(id.into());
            }
            return Ok(());
        }
        let Some(mut kept) = self.find(id).await? else { return Ok(()) };
        kept.state = match state {
            SubscriptionState::Unconfirmed => SubscriberState::Unconfirmed,
            SubscriptionState::Confirmed => SubscriberState::Confirmed,
            SubscriptionState::Disabled => SubscriberState::Disabled,
        };
        self.put(vec![Change::Subscriber(Box::new(kept))]).await
    }

    async fn delay(&self, ids: Vec<Box<str>>, due_at: UnixMs, tries: u32) -> Result<(), KeepError> {
        let read = self.archive.ask(move |store| {
            ids.iter().map(|id| store.outgoing(id)).collect::<Result<Vec<_>, _>>()
        });
        let found = read.await.map_err(|error| failed(&error))?;
        let later = found.into_iter().flatten().map(|message| {
            Change::Outgoing(Box::new(Outgoing { due_at, attempts: tries, ..message }))
        });
        self.put(later.collect()).await
    }
}

fn outgoing(letter: Letter) -> Change {
    Change::Outgoing(Box::new(Outgoing {
        id: letter.id,
        receiver: letter.subscription,
        topic: letter.topic,
        subject: (*letter.subject).into(),
        created_at: letter.written_at,
        due_at: letter.due_at,
        attempts: letter.attempts,
        body: (*letter.body).into(),
        fault: None,
    }))
}

fn letter(message: Outgoing) -> Letter {
    Letter {
        id: message.id,
        subscription: message.receiver,
        topic: message.topic,
        subject: message.subject.into(),
        body: message.body.into(),
        written_at: message.created_at,
        due_at: message.due_at,
        attempts: message.attempts,
    }
}

impl Outbox for LetterShelf {
    fn put(&self, letters: Vec<Letter>) -> BoxFuture<'_, Result<(), KeepError>> {
        Box::pin(LetterShelf::put(self, letters.into_iter().map(outgoing).collect()))
    }

    fn due(&self, now: UnixMs, max: usize) -> BoxFuture<'_, Result<Vec<Letter>, KeepError>> {
        Box::pin(async move {
            let due = self.archive.ask(move |store| store.outgoing_due(now, max)).await;
            Ok(due.map_err(|error| failed(&error))?.into_iter().map(letter).collect())
        })
    }

    fn pending<'a>(
        &'a self,
        subscription: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Letter>, KeepError>> {
        Box::pin(async move {
            let (to, topic): (Box<str>, Box<str>) = (subscription.into(), topic.into());
            let found = self.archive.ask(move |store| store.outgoing_of(&to, &topic, TOGETHER_MAX));
            let found = found.await.map_err(|error| failed(&error))?;
            Ok(found.into_iter().map(letter).collect())
        })
    }

    fn settle<'a>(&'a self, ids: &'a [Box<str>]) -> BoxFuture<'a, Result<(), KeepError>> {
        let changes = ids.iter().cloned().map(Change::RemoveOutgoing).collect();
        Box::pin(LetterShelf::put(self, changes))
    }

    fn put_off<'a>(
        &'a self,
        ids: &'a [Box<str>],
        due_at: UnixMs,
        attempts: u32,
    ) -> BoxFuture<'a, Result<(), KeepError>> {
        Box::pin(self.delay(ids.to_vec(), due_at, attempts))
    }
}

impl Subscribers for LetterShelf {
    fn confirmed(&self) -> BoxFuture<'_, Result<Vec<Subscription>, KeepError>> {
        Box::pin(self.all_confirmed())
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Subscription>, KeepError>> {
        Box::pin(async move {
            if let Some(named) = self.named.iter().find(|one| *one.id == *id) {
                let is_gone = self.gone().contains(id);
                return Ok((!is_gone).then(|| named.clone()));
            }
            Ok(self.find(id).await?.and_then(|kept| self.opened(&kept)))
        })
    }

    fn set_state<'a>(
        &'a self,
        id: &'a str,
        state: SubscriptionState,
    ) -> BoxFuture<'a, Result<(), KeepError>> {
        Box::pin(self.change_state(id, state))
    }
}
