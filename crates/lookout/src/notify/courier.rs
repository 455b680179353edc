//! Empties the outbox: takes what is due, tells several ends at once and never two things to one end,
//! climbs the ladder after failures, and closes subscriptions whose end is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Dice, UnixMs};
use tokio::task::JoinSet;

use super::bodies::together;
use super::ladder::next_attempt;
use super::outbox::{KeepError, Letter, Outbox};
use super::post_office::CONSENT_TOPIC;
use super::send::{Sent, Wires};
use super::subscription::{Subscribers, Subscription, SubscriptionState};

/// How the courier works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CourierSettings {
    /// Between two looks into the outbox.
    pub look_every_ms: u64,
    /// Ends that are told something at the same time.
    pub at_once_max: usize,
}

impl Default for CourierSettings {
    fn default() -> Self {
        Self { look_every_ms: 1_000, at_once_max: 16 }
    }
}

/// The courier.
#[derive(Debug)]
pub struct Courier {
    outbox: Arc<dyn Outbox>,
    subscribers: Arc<dyn Subscribers>,
    wires: Arc<Wires>,
    clock: Arc<dyn Clock>,
    dice: Dice,
    settings: CourierSettings,
    /// Subscriptions that are being told something.
    busy: BTreeSet<Box<str>>,
    tours: JoinSet<Tour>,
}

/// What is told at once, and what became of it.
#[derive(Debug)]
struct Tour {
    letters: Vec<Letter>,
    sent: Sent,
}

impl Courier {
    /// A courier with dice of its own.
    pub fn new(
        (outbox, subscribers): (Arc<dyn Outbox>, Arc<dyn Subscribers>),
        wires: Arc<Wires>,
        (clock, dice): (Arc<dyn Clock>, Dice),
        settings: CourierSettings,
    ) -> Self {
        let (busy, tours) = (BTreeSet::new(), JoinSet::new());
        Self { outbox, subscribers, wires, clock, dice, settings, busy, tours }
    }

    /// Works for ever; dropping the future ends it, and what was under way is told again later.
    pub async fn run(mut self) {
        let every = Duration::from_millis(self.settings.look_every_ms);
        loop {
            let has_more = self.look().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the outbox cannot be read");
                false
            });
            let next = tokio::time::sleep(every);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    biased;
                    Some(tour) = self.tours.join_next() => self.returned(tour.ok()).await,
                    () = &mut next => break,
                }
                // Many are waiting: no need to wait for the clock.
                if has_more && self.tours.len() <= self.settings.at_once_max / 2 {
                    break;
                }
            }
        }
    }

    /// Sends out tours for what is due, as far as there is room; true if more is due.
    async fn look(&mut self) -> Result<bool, KeepError> {
        let room = self.settings.at_once_max.saturating_sub(self.tours.len());
        if room == 0 {
            return Ok(true);
        }
        // More than there is room for, since some are for ends that are busy.
        let letters_max = (room + self.busy.len()) * 4;
        let now = UnixMs::from_seconds(self.clock.unix_seconds());
        for letter in self.outbox.due(now, letters_max).await? {
            if self.tours.len() >= self.settings.at_once_max {
                return Ok(true);
            }
            if !self.busy.contains(&letter.subscription) {
                self.set_out(&letter, now).await?;
            }
        }
        Ok(false)
    }

    async fn set_out(&mut self, letter: &Letter, now: UnixMs) -> Result<(), KeepError> {
        let letters = self.outbox.pending(&letter.subscription, &letter.topic).await?;
        let ids: Vec<_> = letters.iter().map(|letter| letter.id.clone()).collect();
        let subscription = self.subscribers.get(&letter.subscription).await?;
        let Some(subscription) = subscription.filter(|one| may_be_told(one, &letter.topic)) else {
            return self.outbox.settle(&ids).await;
        };
        let Some((newest, earlier)) = letters.split_last() else { return Ok(()) };
        let subjects: Vec<_> = earlier.iter().map(|letter| letter.subject.clone()).collect();
        let spoken = (subscription.channel.kind(), subscription.speaks());
        let body = together(spoken, &subjects, &newest.body);
        let (newest, wires) = (newest.clone(), self.wires.clone());
        self.busy.insert(letter.subscription.clone());
        self.tours.spawn(async move {
            let sent = wires.send(&subscription, &newest, body, now).await;
            Tour { letters, sent }
        });
        Ok(())
    }

    /// A tour that panicked has no letters to speak of; they stay, and the end stays busy until a
    /// restart, which is better than to break on it again and again.
    async fn returned(&mut self, tour: Option<Tour>) {
        let Some(Tour { letters, sent }) = tour else { return };
        let Some(last) = letters.last() else { return };
        self.busy.remove(&last.subscription);
        if let Err(error) = self.settle(&letters, last, sent).await {
            // What was told may be told again: the receiver knows it by its id.
            tracing::warn!(%error, "the outbox cannot be written");
        }
    }

    async fn settle(
        &mut self,
        letters: &[Letter],
        last: &Letter,
        sent: Sent,
    ) -> Result<(), KeepError> {
        let ids: Vec<_> = letters.iter().map(|letter| letter.id.clone()).collect();
        let subscription = &*last.subscription;
        match sent {
            Sent::Delivered => self.outbox.settle(&ids).await,
            Sent::Gone => {
                tracing::info!(subscription, "the end is gone, its subscription is closed");
                self.subscribers.set_state(subscription, SubscriptionState::Disabled).await?;
                self.outbox.settle(&ids).await
            }
            Sent::Refused { why } => {
                tracing::warn!(subscription, why = &*why, "a letter was refused");
                self.outbox.settle(&ids).await
            }
            Sent::Later { asked_ms, why } => {
                let failed = letters.iter().map(|letter| letter.attempts).max().unwrap_or(0) + 1;
                let now = UnixMs::from_seconds(self.clock.unix_seconds());
                match next_attempt(now, failed, asked_ms, &mut self.dice) {
                    Some(due_at) => {
                        tracing::debug!(subscription, failed, why = &*why, "a letter is put off");
                        self.outbox.put_off(&ids, due_at, failed).await
                    }
                    None => {
                        tracing::warn!(subscription, failed, why = &*why, "a letter is given up");
                        self.outbox.settle(&ids).await
                    }
                }
            }
        }
    }
}

/// An address that nobody has confirmed gets the question, and nothing else.
fn may_be_told(subscription: &Subscription, topic: &str) -> bool {
    match subscription.state {
        SubscriptionState::Confirmed => true,
        SubscriptionState::Unconfirmed => topic == CONSENT_TOPIC,
        SubscriptionState::Disabled => false,
    }
}
