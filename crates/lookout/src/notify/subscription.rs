//! Who wants to be told, of what, and how.

use std::fmt;

use detection::ComponentId;
use domain::Secret;
use net::BoxFuture;

use super::outbox::KeepError;
use super::{Language, MailAddress, Signer, Story};
use crate::web::WebAddress;

/// How someone is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// Statuspage's body, signed.
    Webhook {
        address: WebAddress,
        signer: Signer,
    },
    Slack(WebAddress),
    /// A Workflows address.
    Teams(WebAddress),
    Discord(WebAddress),
    PagerDuty {
        routing_key: Secret,
    },
    Email(MailAddress),
}

impl Channel {
    /// Its kind.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook { .. } => ChannelKind::Webhook,
            Self::Slack(_) => ChannelKind::Slack,
            Self::Teams(_) => ChannelKind::Teams,
            Self::Discord(_) => ChannelKind::Discord,
            Self::PagerDuty { .. } => ChannelKind::PagerDuty,
            Self::Email(_) => ChannelKind::Email,
        }
    }
}

/// The kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKind {
    Webhook,
    Slack,
    Teams,
    Discord,
    PagerDuty,
    Email,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Webhook, Self::Slack, Self::Teams, Self::Discord, Self::PagerDuty, Self::Email];

    /// True if people read it: they are spared an incident that changes all the time. Machines get
    /// every change at once, above all the end.
    pub fn is_for_people(self) -> bool {
        !matches!(self, Self::Webhook | Self::PagerDuty)
    }

    /// The word in metrics and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::PagerDuty => "pagerduty",
            Self::Email => "email",
        }
    }
}

/// Whether a subscription is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// An address that nobody has confirmed; it gets the question and nothing else.
    Unconfirmed,
    Confirmed,
    /// Its end said that it is gone, or its owner left.
    Disabled,
}

/// One subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub id: Box<str>,
    pub channel: Channel,
    /// Of what; empty for everything.
    pub components: Vec<ComponentId>,
    pub state: SubscriptionState,
    /// Of mails; all else is told in English.
    pub language: Language,
}

impl Subscription {
    /// What it is told in.
    pub(super) fn speaks(&self) -> Language {
        match self.channel.kind() {
            ChannelKind::Email => self.language,
            _ => Language::English,
        }
    }

    /// True if it is to be told of this.
    pub fn wants(&self, story: &Story) -> bool {
        self.wants_any_of(&story.components)
    }

    pub(super) fn wants_any_of(&self, components: &[ComponentId]) -> bool {
        let concerns = |id: &ComponentId| self.components.contains(id);
        self.state == SubscriptionState::Confirmed
            && (self.components.is_empty() || components.iter().any(concerns))
    }
}

/// Where subscriptions are kept.
pub trait Subscribers: Send + Sync + fmt::Debug {
    /// All that are confirmed.
    fn confirmed(&self) -> BoxFuture<'_, Result<Vec<Subscription>, KeepError>>;

    /// One of them, whatever its state; `None` if it is not known.
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Subscription>, KeepError>>;

    /// Changes the state of one; one that is not known is left alone.
    fn set_state<'a>(
        &'a self,
        id: &'a str,
        state: SubscriptionState,
    ) -> BoxFuture<'a, Result<(), KeepError>>;
}
