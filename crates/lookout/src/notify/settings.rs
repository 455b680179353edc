//! What an operator can choose about telling. `config` fills this; nothing here reads a file.

use detection::ComponentId;
use domain::Secret;

use super::{Channel, SmtpSettings};
use crate::web::WebAddress;

/// Where PagerDuty takes events, but for those whose service is in Europe.
pub const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// One end that the operator named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its name in the configuration.
    pub name: Box<str>,
    pub channel: Channel,
    /// What it hears of; empty for everything.
    pub components: Vec<ComponentId>,
}

/// Who is told, and by which ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySettings {
    pub receivers: Vec<Receiver>,
    /// The relay for mails; without it none is sent.
    pub mail: Option<SmtpSettings>,
    /// Whether anybody may subscribe by e-mail on the status page; it needs the relay.
    pub subscribe: bool,
    /// Whether addresses within our own network are good.
    pub allow_private: bool,
    /// Seals the addresses of subscribers in the store and signs the links of mails. Without it one
    /// is made, and kept in the store.
    pub key: Option<Secret>,
    pub pagerduty: WebAddress,
}

impl Default for NotifySettings {
    /// Nobody is told.
    fn default() -> Self {
        let pagerduty = WebAddress::parse(PAGERDUTY_URL).expect("a constant that is an address");
        Self {
            receivers: Vec::new(),
            mail: None,
            subscribe: true,
            allow_private: false,
            key: None,
            pagerduty,
        }
    }
}

impl NotifySettings {
    /// True if the page has a form for subscriptions.
    pub fn takes_subscriptions(&self) -> bool {
        self.subscribe && self.mail.is_some()
    }

    /// True if somebody may have to be told something.
    pub fn is_on(&self) -> bool {
        !self.receivers.is_empty() || self.takes_subscriptions()
    }
}
