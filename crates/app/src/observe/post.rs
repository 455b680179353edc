//! Who is told of incidents: news of the desk become letters in the store, a courier sends them, and
//! people subscribe by e-mail and leave again. What is told, and how, is the lookout's affair.

use std::sync::{Arc, Mutex, PoisonError};

use clock::{Clock, Dice, IdMaker, UnixMs};
use detection::ComponentId;
use lookout::notify::{
    ConsentError, ConsentGate, Courier, CourierSettings, Language, MailAddress, Mailer,
    NotifySettings, PageFacts, PagePart, PartChange, PostOffice, Story, Vault, Wires,
};
use lookout::reports::fresh_salt;
use lookout::web::Guarded;
use net::{BoxFuture, Client, ClientLimits, ClientParts};
use storage::{Archive, ArchiveError, Change, Sealed, Subscriber, SubscriberKey, SubscriberState};
use thiserror::Error;
use tokio::sync::{Mutex as TaskMutex, OnceCell, mpsc};
use web::view::{StatusSource, StatusView};
use web::{SubscribeSink, Subscribed, TokenTaken};

use super::probes::Asking;
use super::shelf::LetterShelf;
use crate::Doors;

/// News that wait for the store; more at once would be a storm that nobody reads.
const NEWS_MAX: usize = 256;
/// The key's name in the store.
const KEY: &str = "notify.key";
/// Subscribers that are kept.
const SUBSCRIBERS_MAX: u64 = 10_000;

/// Something to be told.
#[derive(Debug)]
pub(super) enum Told {
    Story(Story),
    Moved(PartChange),
}

/// Why nobody can be told anything now.
#[derive(Debug, Error)]
enum PostError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Vault(#[from] lookout::notify::VaultError),
}

/// The room of the post; clones share it.
#[derive(Debug, Clone)]
pub(super) struct PostRoom(Arc<Room>);

#[derive(Debug)]
struct Room {
    settings: NotifySettings,
    page_url: Box<str>,
    page_name: Box<str>,
    archive: Archive,
    clock: Arc<dyn Clock>,
    dice: Mutex<Dice>,
    gate: Mutex<ConsentGate>,
    news: mpsc::Sender<Told>,
    /// Until somebody takes it.
    heard: Mutex<Option<mpsc::Receiver<Told>>>,
    open: OnceCell<Open>,
}

/// What is there once the key is known.
#[derive(Debug)]
struct Open {
    vault: Arc<Vault>,
    shelf: Arc<LetterShelf>,
    office: TaskMutex<PostOffice>,
}

impl PostRoom {
    /// A post if anybody may have to be told something.
    pub(super) fn new(
        settings: &config::Watch,
        archive: &Archive,
        clock: &Arc<dyn Clock>,
        dice: Dice,
    ) -> Option<Self> {
        let notify = &settings.lookout.notify;
        if !notify.is_on() {
            return None;
        }
        let salt = match fresh_salt() {
            Ok(salt) => salt,
            Err(error) => {
                tracing::error!(%error, "nobody is told of incidents");
                return None;
            }
        };
        let (news, heard) = mpsc::channel(NEWS_MAX);
        Some(Self(Arc::new(Room {
            settings: notify.clone(),
            page_url: settings.status.url.clone(),
            page_name: settings.status.name.clone(),
            archive: archive.clone(),
            clock: Arc::clone(clock),
            dice: Mutex::new(dice),
            gate: Mutex::new(ConsentGate::new(&salt)),
            news,
            heard: Mutex::new(Some(heard)),
            open: OnceCell::new(),
        })))
    }

    /// The page's door for subscriptions, if they are taken.
    pub(super) fn sink(&self) -> Option<Arc<dyn SubscribeSink>> {
        let takes = self.0.settings.takes_subscriptions();
        takes.then(|| Arc::new(self.clone()) as Arc<dyn SubscribeSink>)
    }

    /// Has something told; does not wait.
    pub(super) fn tell(&self, news: Told) {
        if self.0.news.try_send(news).is_err() {
            tracing::error!("too much is to be told at once; subscribers are not told of it");
        }
    }

    /// Who writes letters and who carries them, each in a future of its own.
    pub(super) fn workers(&self, source: StatusSource, doors: &Doors) -> Vec<Asking> {
        let (room, own) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let doors = doors.clone();
        vec![
            Box::pin(async move { room.write_letters(heard, source).await }),
            Box::pin(async move { own.carry_letters(&doors).await }),
        ]
    }
}

impl Room {
    fn split_dice(&self) -> Dice {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).split()
    }

    fn now(&self) -> UnixMs {
        UnixMs::from_seconds(self.clock.unix_seconds())
    }

    async fn open(&self) -> Result<&Open, PostError> {
        self.open.get_or_try_init(|| self.unlock()).await
    }

    async fn unlock(&self) -> Result<Open, PostError> {
        let key = match &self.settings.key {
            Some(key) => key.expose().to_owned(),
            None => self.key_of_store().await?,
        };
        let vault = Arc::new(Vault::new(key.as_bytes()));
        let shelf = LetterShelf::new(self.archive.clone(), Arc::clone(&vault), &self.settings);
        let shelf = Arc::new(shelf);
        let (clock, dice) = (Arc::clone(&self.clock), self.split_dice());
        let office = PostOffice::new(shelf.clone(), shelf.clone(), clock, dice);
        Ok(Open { vault, shelf, office: TaskMutex::new(office) })
    }

    async fn key_of_store(&self) -> Result<String, PostError> {
        if let Some(known) = self.archive.ask(|store| store.setting(KEY)).await? {
            return Ok(known.into());
        }
        let key = Vault::fresh_key()?;
        let kept = Change::Setting { name: KEY.into(), value: key.as_str().into() };
        self.archive.put_surely(vec![kept]).await?;
        Ok(key)
    }

    /// The post, or nothing for ever if it cannot be opened.
    async fn opened(&self) -> &Open {
        match self.open().await {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "nobody is told of incidents");
                std::future::pending().await
            }
        }
    }

    async fn write_letters(&self, heard: Option<mpsc::Receiver<Told>>, source: StatusSource) {
        let Some(mut heard) = heard else { return };
        let open = self.opened().await;
        while let Some(news) = heard.recv().await {
            let page = facts(&source());
            let mut office = open.office.lock().await;
            let written = match &news {
                Told::Story(story) => office.announce(story, &page).await,
                Told::Moved(change) => office.announce_change(change, &page).await,
            };
            match written {
                Ok(ends) => tracing::debug!(ends, "letters written"),
                Err(error) => tracing::error!(%error, "letters cannot be kept"),
            }
        }
    }

    async fn carry_letters(&self, doors: &Doors) {
        let open = self.opened().await;
        let Some(wires) = self.wires(open, doors) else { return };
        let shelf = &open.shelf;
        let time = (Arc::clone(&self.clock), self.split_dice());
        let settings = CourierSettings::default();
        Courier::new((shelf.clone(), shelf.clone()), Arc::new(wires), time, settings).run().await;
    }

    fn wires(&self, open: &Open, doors: &Doors) -> Option<Wires> {
        let tls = |http: bool| match net::client_tls(None, http) {
            Ok(tls) => Some(tls),
            Err(error) => {
                tracing::error!(%error, "nobody is told of incidents");
                None
            }
        };
        let (connector, resolver) = (Arc::clone(&doors.connector), Arc::clone(&doors.resolver));
        let guarded = Guarded::new(connector, resolver, self.settings.allow_private);
        let client = Client::new(ClientParts {
            connector: Arc::new(guarded),
            clock: Arc::clone(&self.clock),
            tls: Some(tls(true)?),
            limits: ClientLimits::default(),
        });
        let mailer = match &self.settings.mail {
            Some(relay) => Some(Mailer {
                settings: relay.clone(),
                connector: Arc::clone(&doors.connector),
                tls: Some(tls(false)?),
                consent: Arc::new(open.vault.consent()),
                unsubscribe_url: format!("{}/unsubscribe?token=", self.page_url).into(),
            }),
            None => None,
        };
        Some(Wires { client, mailer, pager: self.settings.pagerduty.clone() })
    }

    async fn subscribe(
        &self,
        address: &str,
        components: Vec<ComponentId>,
        language: &'static str,
    ) -> Result<Subscribed, PostError> {
        let Ok(address) = MailAddress::parse(address) else { return Ok(Subscribed::NoAddress) };
        let open = self.open().await?;
        let hash = open.vault.hash(address.as_str());
        let known = self.archive.ask(move |store| {
            let key = SubscriberKey::Address(storage::Channel::Email, &hash);
            Ok((store.subscriber(key)?, store.counts()?.subscribers))
        });
        let (known, count) = known.await?;
        if known.as_ref().is_some_and(|one| one.state == SubscriberState::Confirmed) {
            return Ok(Subscribed::Asked);
        }
        if known.is_none() && count >= SUBSCRIBERS_MAX {
            return Ok(Subscribed::NoRoom);
        }
        let now = self.now();
        if !self.gate.lock().unwrap_or_else(PoisonError::into_inner).may_ask(now, &address) {
            return Ok(Subscribed::TooMany);
        }
        let id: Box<str> = match known {
            Some(known) => known.id,
            None => format!("sub_{}", IdMaker::new(self.split_dice()).next_id().tail()).into(),
        };
        let consent = open.vault.consent();
        let token = consent.confirm_token(&id, now);
        let subscriber = Subscriber {
            id: id.clone(),
            channel: storage::Channel::Email,
            state: SubscriberState::Unconfirmed,
            address: Sealed::new(open.vault.seal(address.as_str())?),
            address_hash: hash,
            confirm_hash: Some(Vault::digest(&token)),
            unsubscribe_hash: Vault::digest(&consent.unsubscribe_token(&id)),
            components,
            language: language.into(),
            created_at: now,
            confirmed_at: None,
        };
        self.archive.put_surely(vec![Change::Subscriber(Box::new(subscriber))]).await?;
        let language = Language::of(language);
        let link = format!("{}/confirm?token={token}{}", self.page_url, language.of_link());
        let page = self.page_alone();
        match open.office.lock().await.ask_consent(&id, &page, (&link, language)).await {
            Ok(()) => Ok(Subscribed::Asked),
            Err(error) => {
                tracing::error!(%error, "letters cannot be kept");
                Ok(Subscribed::NoRoom)
            }
        }
    }

    /// The page as far as a question of consent needs it.
    fn page_alone(&self) -> PageFacts {
        PageFacts {
            id: "seawall".into(),
            name: self.page_name.clone(),
            url: self.page_url.clone(),
            indicator: detection::Impact::None,
            description: "".into(),
            parts: Vec::new(),
        }
    }

    async fn confirm(&self, token: &str) -> Result<TokenTaken, PostError> {
        let open = self.open().await?;
        let (consent, now) = (open.vault.consent(), self.now());
        let id: Box<str> = match consent.confirmed(token, now) {
            Ok(id) => id.into(),
            Err(ConsentError::Expired) => return Ok(TokenTaken::TooOld),
            Err(ConsentError::Forged) => return Ok(TokenTaken::Unknown),
        };
        let kept = self.archive.ask(move |store| store.subscriber(SubscriberKey::Id(&id))).await?;
        match kept {
            None => Ok(TokenTaken::Unknown),
            Some(kept) if kept.state == SubscriberState::Confirmed => Ok(TokenTaken::Done),
            Some(kept) => {
                let (state, confirmed_at) = (SubscriberState::Confirmed, Some(now));
                let kept = Subscriber { state, confirmed_at, confirm_hash: None, ..kept };
                self.archive.put_surely(vec![Change::Subscriber(Box::new(kept))]).await?;
                Ok(TokenTaken::Done)
            }
        }
    }

    async fn leave(&self, token: &str) -> Result<TokenTaken, PostError> {
        let open = self.open().await?;
        let consent = open.vault.consent();
        let Ok(id) = consent.unsubscribed(token) else { return Ok(TokenTaken::Unknown) };
        // Who left already has left.
        self.archive.put_surely(vec![Change::RemoveSubscriber(id.into())]).await?;
        Ok(TokenTaken::Done)
    }
}

impl SubscribeSink for PostRoom {
    fn ask<'a>(
        &'a self,
        address: &'a str,
        components: Vec<ComponentId>,
        language: &'static str,
    ) -> BoxFuture<'a, Subscribed> {
        Box::pin(async move {
            let asked = self.0.subscribe(address, components, language).await;
            asked.unwrap_or_else(|error| {
                tracing::warn!(%error, "a subscription cannot be taken");
                Subscribed::NoRoom
            })
        })
    }

    fn confirm<'a>(&'a self, token: &'a str) -> BoxFuture<'a, TokenTaken> {
        Box::pin(async move { self.0.confirm(token).await.unwrap_or_else(|error| not_now(&error)) })
    }

    fn leave<'a>(&'a self, token: &'a str) -> BoxFuture<'a, TokenTaken> {
        Box::pin(async move { self.0.leave(token).await.unwrap_or_else(|error| not_now(&error)) })
    }
}

fn not_now(error: &PostError) -> TokenTaken {
    tracing::warn!(%error, "a subscription cannot be changed");
    TokenTaken::NotNow
}

/// The page as letters tell of it.
fn facts(view: &StatusView) -> PageFacts {
    let (indicator, description) = web::light(view);
    let part = |one: &web::view::ComponentView| PagePart {
        id: one.component.id.clone(),
        name: one.name.en.clone(),
        condition: one.condition,
    };
    PageFacts {
        id: view.page.id.clone(),
        name: view.page.name.clone(),
        url: view.page.url.clone(),
        indicator,
        description: description.into(),
        parts: view.components().map(part).collect(),
    }
}
