//! Consent to e-mail: nobody is written to who has not said so from his own mailbox, and everybody
//! leaves by one click (RFC 8058). The tokens are signatures, so that nothing need be kept for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::UnixMs;
use ring::hmac;
use thiserror::Error;

use super::MailAddress;
use crate::reports::Sketch;

/// A question that nobody has answered for so long is void.
const CONFIRM_MS_MAX: u64 = 48 * 3_600_000;
/// Questions to one address within a day, and to all within an hour.
const QUESTIONS_PER_ADDRESS_MAX: u64 = 3;
const QUESTIONS_PER_HOUR_MAX: u64 = 300;
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

/// Why a token is not taken. Blame: whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConsentError {
    #[error("the link is not one of ours")]
    Forged,
    #[error("the link is too old; please subscribe again")]
    Expired,
}

/// Makes and checks tokens.
#[derive(Debug)]
pub struct Consent(hmac::Key);

impl Consent {
    /// With a key of at least 32 bytes that outlives restarts: links are in mailboxes for years.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token of the question whether this subscription is wanted.
    pub fn confirm_token(&self, subscription: &str, asked_at: UnixMs) -> String {
        let seconds = asked_at.as_seconds();
        let tag = self.tag(&format!("confirm.{seconds}.{subscription}"));
        format!("{seconds}.{subscription}.{tag}")
    }

    /// The subscription that a token of [`Consent::confirm_token`] confirms.
    ///
    /// # Errors
    /// If it is not ours, or older than two days.
    pub fn confirmed<'t>(&self, token: &'t str, now: UnixMs) -> Result<&'t str, ConsentError> {
        let (signed, tag) = token.rsplit_once('.').ok_or(ConsentError::Forged)?;
        self.check(&format!("confirm.{signed}"), tag)?;
        let (seconds, subscription) = signed.split_once('.').ok_or(ConsentError::Forged)?;
        let seconds: u64 = seconds.parse().map_err(|_| ConsentError::Forged)?;
        let asked_at = UnixMs::new(seconds.saturating_mul(1000));
        if now.since(asked_at) > CONFIRM_MS_MAX {
            return Err(ConsentError::Expired);
        }
        Ok(subscription)
    }

    /// The token that ends a subscription; it never expires.
    pub fn unsubscribe_token(&self, subscription: &str) -> String {
        let tag = self.tag(&format!("unsubscribe.{subscription}"));
        format!("{subscription}.{tag}")
    }

    /// The subscription that a token of [`Consent::unsubscribe_token`] ends.
    ///
    /// # Errors
    /// If it is not ours.
    pub fn unsubscribed<'t>(&self, token: &'t str) -> Result<&'t str, ConsentError> {
        let (subscription, tag) = token.rsplit_once('.').ok_or(ConsentError::Forged)?;
        self.check(&format!("unsubscribe.{subscription}"), tag)?;
        Ok(subscription)
    }

    fn tag(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }

    fn check(&self, text: &str, tag: &str) -> Result<(), ConsentError> {
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| ConsentError::Forged)?;
        hmac::verify(&self.0, text.as_bytes(), &tag).map_err(|_| ConsentError::Forged)
    }
}

/// Keeps strangers from having us write to a mailbox again and again: so many questions go to one
/// address in a day, and so many to all in an hour.
#[derive(Debug)]
pub struct ConsentGate {
    key: hmac::Key,
    addresses: Sketch,
    hour: u64,
    in_hour: u64,
}

impl ConsentGate {
    /// A gate whose salt is best [`crate::reports::fresh_salt`].
    pub fn new(salt: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        Self { key, addresses: Sketch::new(DAY_MS), hour: 0, in_hour: 0 }
    }

    /// Whether the question may be sent; if so it is counted.
    pub fn may_ask(&mut self, now: UnixMs, address: &MailAddress) -> bool {
        let now_ms = now.as_millis();
        if now_ms / HOUR_MS != self.hour {
            (self.hour, self.in_hour) = (now_ms / HOUR_MS, 0);
        }
        // Case is the mailbox's own affair, but a stranger must not gain by it.
        let folded = address.as_str().to_ascii_lowercase();
        let tag = hmac::sign(&self.key, folded.as_bytes());
        let (words, _) = tag.as_ref().as_chunks::<8>();
        let mut hash = [0; 4];
        hash.iter_mut().zip(words).for_each(|(place, word)| *place = u64::from_be_bytes(*word));
        let fits = self.in_hour < QUESTIONS_PER_HOUR_MAX
            && self.addresses.count(now_ms, &hash) < QUESTIONS_PER_ADDRESS_MAX;
        if fits {
            self.in_hour += 1;
            self.addresses.add(now_ms, &hash);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_confirm_and_only_for_two_days() {
        let consent = Consent::new(&[7; 32]);
        let asked = UnixMs::new(1_717_459_200_000);
        let token = consent.confirm_token("sub.1", asked);
        assert_eq!(consent.confirmed(&token, asked.plus_ms(CONFIRM_MS_MAX)), Ok("sub.1"));
        let late = asked.plus_ms(CONFIRM_MS_MAX + 1_000);
        assert_eq!(consent.confirmed(&token, late), Err(ConsentError::Expired));
        let later = token.replacen("1717459200", "1717459201", 1);
        for forged in [later.as_str(), "", "a.b", &token.replace("sub.1", "sub.2")] {
            assert_eq!(consent.confirmed(forged, asked), Err(ConsentError::Forged), "{forged}");
        }
        assert_eq!(Consent::new(&[8; 32]).confirmed(&token, asked), Err(ConsentError::Forged));
    }

    #[test]
    fn leaving_needs_its_own_token() {
        let consent = Consent::new(&[7; 32]);
        let token = consent.unsubscribe_token("sub.1");
        assert_eq!(consent.unsubscribed(&token), Ok("sub.1"));
        let confirm = consent.confirm_token("sub.1", UnixMs::default());
        assert_eq!(consent.unsubscribed(&confirm), Err(ConsentError::Forged));
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
    }

    #[test]
    fn a_mailbox_is_not_bombed() {
        let mut gate = ConsentGate::new(&[1; 32]);
        let now = UnixMs::new(1_717_459_200_000);
        let victim = MailAddress::parse("Victim@example.com").unwrap();
        let shouted = MailAddress::parse("VICTIM@example.com").unwrap();
        assert!((0..3).all(|_| gate.may_ask(now, &victim)));
        assert!(!gate.may_ask(now, &victim) && !gate.may_ask(now, &shouted));
        let others = (0..1_000).filter(|one| {
            let address = MailAddress::parse(&format!("a{one}@example.com")).unwrap();
            gate.may_ask(now, &address)
        });
        assert_eq!(others.count(), 297);
        assert!(gate.may_ask(now.plus_ms(2 * DAY_MS), &victim));
    }
}
