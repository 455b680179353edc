//! Where letters wait until they are told. The app keeps it in its store; the contract is here.

use std::fmt;
use std::sync::Arc;

use clock::UnixMs;
use net::BoxFuture;
use thiserror::Error;

/// The store cannot do it now. Blame: us; trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct KeepError {
    pub detail: Box<str>,
}

/// Something to be told to one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Names it for ever, also for its receiver, who may get it twice.
    pub id: Box<str>,
    pub subscription: Box<str>,
    /// The incident or the planned work. Letters of one topic to one subscription are told in
    /// order, or together.
    pub topic: Box<str>,
    /// One line that says all.
    pub subject: Arc<str>,
    /// The whole, in the form of the channel; no secrets are in it. Letters of one story to one
    /// kind of channel share it.
    pub body: Arc<str>,
    pub written_at: UnixMs,
    /// Not to be told before.
    pub due_at: UnixMs,
    /// Failed attempts so far.
    pub attempts: u32,
}

/// Keeps letters. What [`Outbox::put`] has taken survives a restart.
pub trait Outbox: Send + Sync + fmt::Debug {
    /// Takes letters, all or none.
    fn put(&self, letters: Vec<Letter>) -> BoxFuture<'_, Result<(), KeepError>>;

    /// At most `letters_max` letters that are due, the one that is due longest first.
    fn due(&self, now: UnixMs, letters_max: usize)
    -> BoxFuture<'_, Result<Vec<Letter>, KeepError>>;

    /// All letters of one topic to one subscription, also those that are not due, in the order in
    /// which they were put.
    fn pending<'a>(
        &'a self,
        subscription: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Letter>, KeepError>>;

    /// Forgets letters that were told or given up.
    fn settle<'a>(&'a self, ids: &'a [Box<str>]) -> BoxFuture<'a, Result<(), KeepError>>;

    /// Puts letters off after a failure.
    fn put_off<'a>(
        &'a self,
        ids: &'a [Box<str>],
        due_at: UnixMs,
        attempts: u32,
    ) -> BoxFuture<'a, Result<(), KeepError>>;
}
