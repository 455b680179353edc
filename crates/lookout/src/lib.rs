//! Sends probes, reads the providers' status feeds, takes users' reports, tells subscribers. What it
//! finds is evidence for `detection`; it draws no verdicts, opens no incidents and keeps nothing that
//! must outlive a restart.
//!
//! # How the app wires it
//!
//! Everything here runs on the app's background runtime, never on that of the line. Futures named
//! `run` go on for ever and end by being dropped, so the app keeps them in the task set that
//! shutdown waits for.
//!
//! ```text
//! one client      Client::new(ClientParts { connector: Guarded::new(doors' connector,
//!                   SystemResolver, allow_private), tls: client_tls(None, true), .. })
//!                   for feeds and hooks; its thread calls net::sweep_idle now and then
//! feeds           for each provider known_page(kind, name) or the operator's own PageSettings:
//!                   PagePoller::new(page, settings, client, (clock, dice)).run(sink)
//!                   sink: FeedView -> one fact for each condition (state, condition, first post);
//!                   incidents -> the official side of ours; maintenances -> excused minutes
//! canaries        Canaries::new(hosts, the plain connector, tls, clock), one for all, and its run
//! probes          for each provider that has a cheap model:
//!                   Prober::new(target, settings, canaries, (clock, dice)).run(suspected, sink)
//!                   suspected: a watch channel that follows the verdicts of the target's components
//!                   sink: ProbeReport -> one fact for each component
//! reports         ReportDesk::new(settings, &fresh_salt()?, components) behind a lock;
//!                   POST /api/reports calls take with the address that the proxy was asked from;
//!                   each minute take_counts -> facts; the page draws series
//! notifications   Outbox and Subscribers are the store's, or MemoryPost without one;
//!                   PostOffice::announce(story, page) with every change that people are to hear of;
//!                   Courier::new(..).run() beside it
//! e-mail          POST /subscribe: MailAddress::parse, ConsentGate::may_ask, an unconfirmed
//!                   Subscription, PostOffice::ask_consent with a link that holds confirm_token;
//!                   GET on that link shows a button, its POST checks Consent::confirmed;
//!                   POST on the unsubscribe link (one click, RFC 8058) checks
//!                   Consent::unsubscribed; unconfirmed subscriptions are deleted after two days.
//!                   The key of Consent is kept in the store: links live in mailboxes for years
//! ```

pub mod feeds;
pub mod notify;
pub mod probe;
pub mod reports;
mod settings;
pub mod web;

pub use settings::Settings;
