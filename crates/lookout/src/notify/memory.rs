//! An outbox and a list of subscribers in memory, bounded: for a house without a store. A restart
//! loses what is in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::UnixMs;
use net::BoxFuture;

use super::outbox::{KeepError, Letter, Outbox};
use super::subscription::{Subscribers, Subscription, SubscriptionState};

const LETTERS_MAX: usize = 50_000;
const SUBSCRIPTIONS_MAX: usize = 10_000;

/// Both in one.
#[derive(Debug, Default)]
pub struct MemoryPost {
    letters: Mutex<Vec<Letter>>,
    subscriptions: Mutex<Vec<Subscription>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn full(what: &str) -> KeepError {
    KeepError { detail: format!("there is no room for more {what}").into() }
}

impl MemoryPost {
    /// Adds a subscription, or replaces the one of its id.
    ///
    /// # Errors
    /// If there are too many.
    pub fn subscribe(&self, subscription: Subscription) -> Result<(), KeepError> {
        let mut all = lock(&self.subscriptions);
        all.retain(|known| known.id != subscription.id);
        if all.len() >= SUBSCRIPTIONS_MAX {
            return Err(full("subscriptions"));
        }
        all.push(subscription);
        Ok(())
    }

    /// Letters that wait.
    pub fn waiting(&self) -> usize {
        lock(&self.letters).len()
    }
}

impl Outbox for MemoryPost {
    fn put(&self, letters: Vec<Letter>) -> BoxFuture<'_, Result<(), KeepError>> {
        let mut all = lock(&self.letters);
        let put = if all.len() + letters.len() > LETTERS_MAX {
            Err(full("letters"))
        } else {
            all.extend(letters);
            Ok(())
        };
        Box::pin(std::future::ready(put))
    }

    fn due(
        &self,
        now: UnixMs,
        letters_max: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, KeepError>> {
        let all = lock(&self.letters);
        let mut due: Vec<_> = all.iter().filter(|letter| letter.due_at <= now).collect();
        due.sort_by_key(|letter| letter.due_at);
        let due = due.into_iter().take(letters_max).cloned().collect();
        Box::pin(std::future::ready(Ok(due)))
    }

    fn pending<'a>(
        &'a self,
        subscription: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Letter>, KeepError>> {
        let is_of =
            |letter: &&Letter| &*letter.subscription == subscription && &*letter.topic == topic;
        let found = lock(&self.letters).iter().filter(is_of).cloned().collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn settle<'a>(&'a self, ids: &'a [Box<str>]) -> BoxFuture<'a, Result<(), KeepError>> {
        lock(&self.letters).retain(|letter| !ids.contains(&letter.id));
        Box::pin(std::future::ready(Ok(())))
    }

    fn put_off<'a>(
        &'a self,
        ids: &'a [Box<str>],
        due_at: UnixMs,
        attempts: u32,
    ) -> BoxFuture<'a, Result<(), KeepError>> {
        for letter in lock(&self.letters).iter_mut().filter(|letter| ids.contains(&letter.id)) {
            letter.due_at = due_at;
            letter.attempts = attempts;
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Subscribers for MemoryPost {
    fn confirmed(&self) -> BoxFuture<'_, Result<Vec<Subscription>, KeepError>> {
        let is_confirmed = |one: &&Subscription| one.state == SubscriptionState::Confirmed;
        let found = lock(&self.subscriptions).iter().filter(is_confirmed).cloned().collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Subscription>, KeepError>> {
        let found = lock(&self.subscriptions).iter().find(|one| &*one.id == id).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn set_state<'a>(
        &'a self,
        id: &'a str,
        state: SubscriptionState,
    ) -> BoxFuture<'a, Result<(), KeepError>> {
        for one in lock(&self.subscriptions).iter_mut().filter(|one| &*one.id == id) {
            one.state = state;
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
