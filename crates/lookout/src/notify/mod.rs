//! Tells subscribers of incidents and planned work: signed webhooks with Statuspage's body, Slack,
//! Teams, Discord, PagerDuty, e-mail. What is to be told is put into an outbox first, which the app
//! keeps wherever it keeps things, so that a restart loses nothing; a courier empties it.
//!
//! One rule keeps order and spares readers: what could not be told in time, or was held back because
//! an incident flaps, is told together with what came since, and the newest state goes out.

mod address;
mod bodies;
mod consent;
mod courier;
mod flapping;
mod ladder;
mod language;
mod memory;
mod outbox;
mod post_office;
mod send;
mod settings;
mod signature;
mod smtp;
mod story;
mod subscription;
mod vault;

pub use address::{MailAddress, MailAddressError};
pub use consent::{Consent, ConsentError, ConsentGate};
pub use courier::{Courier, CourierSettings};
pub use flapping::{Flapping, When};
pub use ladder::{LADDER_MS, next_attempt};
pub use language::Language;
pub use memory::MemoryPost;
pub use outbox::{KeepError, Letter, Outbox};
pub use post_office::PostOffice;
pub use send::{Mailer, Sent, Wires};
pub use settings::{NotifySettings, PAGERDUTY_URL, Receiver};
pub use signature::{SecretError, SignatureError, Signer};
pub use smtp::{SmtpError, SmtpSecurity, SmtpSettings};
pub use story::{PageFacts, PagePart, PartChange, Story, StoryUpdate};
pub use subscription::{Channel, ChannelKind, Subscribers, Subscription, SubscriptionState};
pub use vault::{Vault, VaultError};
