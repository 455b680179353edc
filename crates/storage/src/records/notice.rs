//! Who wants to be told, and what is on its way to him. How it is sent is told elsewhere.

use std::fmt;

use clock::UnixMs;
use detection::ComponentId;

/// Bytes that only their maker can read, such as an address with what belongs to it. They print
/// their length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<[u8]>);

impl Sealed {
    /// From bytes that are sealed already.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// How a subscriber is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    Email,
    Webhook,
    Slack,
    Teams,
    Discord,
    PagerDuty,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Webhook, Self::Slack, Self::Teams, Self::Discord, Self::PagerDuty];

    /// The word in stores and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::PagerDuty => "pagerduty",
        }
    }

    /// The channel of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// How far a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubscriberState {
    /// Asked for, not yet confirmed by the owner of the address; told nothing.
    Unconfirmed,
    Confirmed,
    /// The receiver said that it is gone for good.
    Disabled,
}

impl SubscriberState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Unconfirmed, Self::Confirmed, Self::Disabled];

    /// The word in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
            Self::Disabled => "disabled",
        }
    }

    /// The state of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Made by Seawall; never reused.
    pub id: Box<str>,
    pub channel: Channel,
    pub state: SubscriberState,
    /// The address, and a signing secret where the channel has one.
    pub address: Sealed,
    /// A keyed hash of the address, so that a second subscription is recognised.
    pub address_hash: [u8; 32],
    /// SHA-256 of the token in the confirming link; `None` once it was used.
    pub confirm_hash: Option<[u8; 32]>,
    /// SHA-256 of the token in the link that ends the subscription.
    pub unsubscribe_hash: [u8; 32],
    /// What he wants to hear of; empty for everything.
    pub components: Vec<ComponentId>,
    /// A language tag, such as `en`.
    pub language: Box<str>,
    pub created_at: UnixMs,
    pub confirmed_at: Option<UnixMs>,
}

/// A message on its way. It is kept until it was delivered or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Made by Seawall; the receiver's key against doubles.
    pub id: Box<str>,
    /// [`Subscriber::id`], or the name of a receiver in the configuration.
    pub receiver: Box<str>,
    /// What it tells of: the id of an incident or of planned work, or another word of its maker's.
    /// Messages of one topic to one receiver are told in order, or together.
    pub topic: Box<str>,
    /// One line that says all.
    pub subject: Box<str>,
    pub created_at: UnixMs,
    /// When it is to be tried next.
    pub due_at: UnixMs,
    /// Tries so far.
    pub attempts: u32,
    /// As it will be sent, without signature.
    pub body: Box<str>,
    /// Why the last try failed.
    pub fault: Option<Box<str>>,
}
