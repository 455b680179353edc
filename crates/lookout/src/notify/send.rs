//! Tells one thing to one end, once, and says what became of it. Trying again is the courier's
//! affair.

use std::sync::Arc;

use bytes::Bytes;
use clock::UnixMs;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use net::{Client, Connector};
use rustls::ClientConfig;
use serde_json::Value;

use super::bodies::set;
use super::smtp::{Mail, SmtpSettings, message, submit};
use super::subscription::{Channel, Subscription};
use super::{Consent, Letter, MailAddress, Signer};
use crate::web::{Ask, Bounds, WebAddress, exchange};

/// For one exchange with a hook; Statuspage gives its receivers as long.
const HOOK_MS_MAX: u64 = 30_000;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    Delivered,
    /// Trying again may help; the other side may have asked for a pause.
    Later {
        asked_ms: Option<u64>,
        why: Box<str>,
    },
    /// Trying again will not help.
    Refused {
        why: Box<str>,
    },
    /// The end is gone for good.
    Gone,
}

/// The ways out.
#[derive(Debug)]
pub struct Wires {
    /// Its connector is a [`crate::web::Guarded`] one, since subscribers choose the addresses.
    pub client: Client,
    /// `None` if no relay is set up; mails then wait.
    pub mailer: Option<Mailer>,
    /// `https://events.pagerduty.com/v2/enqueue`, or its European twin.
    pub pager: WebAddress,
}

/// The way of mails. The relay is the operator's own, so that no guard stands before it.
#[derive(Debug)]
pub struct Mailer {
    pub settings: SmtpSettings,
    pub connector: Arc<dyn Connector>,
    pub tls: Option<Arc<ClientConfig>>,
    pub consent: Arc<Consent>,
    /// Where one click ends a subscription, up to the token, such as
    /// `https://status.example.com/unsubscribe?token=`.
    pub unsubscribe_url: Box<str>,
}

/// Statuses after which trying again is in vain.
#[derive(Debug, Clone, Copy)]
struct LastWords {
    gone: &'static [u16],
    refused: &'static [u16],
}

const HOOK: LastWords = LastWords { gone: &[410], refused: &[] };
/// Slack and Discord say so of a hook that was deleted, and mind who goes on.
const CHAT: LastWords = LastWords { gone: &[404, 410], refused: &[] };
/// PagerDuty says so of an event that it will never take, such as one with a wrong key.
const PAGER: LastWords = LastWords { gone: &[], refused: &[400] };

impl Wires {
    /// Tells `body` to a subscription, in the name of `letter`.
    pub(super) async fn send(
        &self,
        subscription: &Subscription,
        letter: &Letter,
        body: String,
        now: UnixMs,
    ) -> Sent {
        match &subscription.channel {
            Channel::Webhook { address, signer } => {
                let body = Bytes::from(body);
                match signed_headers(signer, &letter.id, &body, now) {
                    Some(headers) => self.post(address, headers, body, HOOK).await,
                    None => Sent::Refused { why: "its headers cannot be written".into() },
                }
            }
            Channel::Slack(address) | Channel::Discord(address) => {
                self.post(address, HeaderMap::new(), body.into(), CHAT).await
            }
            Channel::Teams(address) => {
                self.post(address, HeaderMap::new(), body.into(), HOOK).await
            }
            Channel::PagerDuty { routing_key } => {
                let Ok(mut event) = serde_json::from_str::<Value>(&body) else {
                    return Sent::Refused { why: "its body is no event".into() };
                };
                set(&mut event, "routing_key", routing_key.expose().into());
                let body = Bytes::from(event.to_string());
                self.post(&self.pager, HeaderMap::new(), body, PAGER).await
            }
            Channel::Email(to) => self.mail(to, subscription, letter, &body).await,
        }
    }

    async fn post(
        &self,
        address: &WebAddress,
        mut headers: HeaderMap,
        body: Bytes,
        last_words: LastWords,
    ) -> Sent {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let ask = Ask { method: Method::POST, address, headers, body };
        let bounds = Bounds { total_ms_max: HOOK_MS_MAX, body_bytes_max: None };
        let response = match exchange(&self.client, ask, bounds).await {
            Ok(response) => response,
            Err(error) => return Sent::Later { asked_ms: None, why: error.to_string().into() },
        };
        match response.status().as_u16() {
            200..300 => Sent::Delivered,
            status if last_words.gone.contains(&status) => Sent::Gone,
            status if last_words.refused.contains(&status) => {
                Sent::Refused { why: format!("status {status}").into() }
            }
            status => {
                let asked = response.headers().get(RETRY_AFTER).and_then(|at| at.to_str().ok());
                let asked = asked.and_then(|seconds| seconds.trim().parse::<u64>().ok());
                let asked_ms = asked.map(|seconds| seconds.saturating_mul(1_000));
                Sent::Later { asked_ms, why: format!("status {status}").into() }
            }
        }
    }

    async fn mail(
        &self,
        to: &MailAddress,
        subscription: &Subscription,
        letter: &Letter,
        text: &str,
    ) -> Sent {
        let Some(mailer) = &self.mailer else {
            return Sent::Later { asked_ms: None, why: "no relay is set up".into() };
        };
        let token = mailer.consent.unsubscribe_token(&subscription.id);
        let language = subscription.language;
        let link = format!("{}{token}{}", mailer.unsubscribe_url, language.of_link());
        let bytes = message(&Mail {
            id: &letter.id,
            from: (&mailer.settings.from_name, &mailer.settings.from),
            to,
            subject: &letter.subject,
            text,
            at: letter.written_at,
            unsubscribe: Some(&link),
            language,
        });
        let tls = mailer.tls.as_ref();
        match submit(&mailer.settings, &*mailer.connector, tls, to, &bytes).await {
            Ok(()) => Sent::Delivered,
            Err(error) if error.may_pass() => {
                Sent::Later { asked_ms: None, why: error.to_string().into() }
            }
            Err(error) => Sent::Refused { why: error.to_string().into() },
        }
    }
}

/// The three headers of Standard Webhooks; the id is the same for every attempt, the time is not.
fn signed_headers(signer: &Signer, id: &str, body: &[u8], now: UnixMs) -> Option<HeaderMap> {
    let seconds = now.as_seconds();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_str(id).ok()?);
    headers.insert("webhook-timestamp", HeaderValue::from(seconds));
    let signature = signer.sign(id, seconds, body);
    headers.insert("webhook-signature", HeaderValue::from_str(&signature).ok()?);
    Some(headers)
}
