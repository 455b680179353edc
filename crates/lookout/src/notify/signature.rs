//! Signatures after Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over id, time and body.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::UnixMs;
use domain::Secret;
use ring::hmac;
use thiserror::Error;

/// Secrets of one receiver: the new one, and old ones while they are rotated.
const SECRETS_MAX: usize = 4;
/// Signatures of one request that are looked at.
const SIGNATURES_MAX: usize = 16;
/// Bytes of a secret, as the standard asks for.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// A request that is older, or from the future, may be a replay.
const AGE_MS_MAX: u64 = 300_000;

/// Why a secret cannot be used. Blame: the operator's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    #[error("a secret is `whsec_` and the base64 of 24 to 64 bytes")]
    Unusable,
    #[error("a webhook needs one to {SECRETS_MAX} secrets")]
    Count,
}

/// Why a signed request is not believed. Blame: whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    #[error("the time of the request is no time, or too far from now")]
    Time,
    #[error("no signature is right")]
    Wrong,
}

/// Signs and verifies with one or more secrets.
#[derive(Clone)]
pub struct Signer(Arc<[hmac::Key]>);

/// Two are equal if they sign alike, which nobody manages with other secrets.
impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        self.sign("", 0, b"") == other.sign("", 0, b"")
    }
}

impl Eq for Signer {}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("secrets", &self.0.len()).finish()
    }
}

impl Signer {
    /// A signer with these secrets, the newest first; each gives a signature.
    ///
    /// # Errors
    /// If there is none, there are too many, or one cannot be used.
    pub fn new(secrets: &[Secret]) -> Result<Self, SecretError> {
        if !(1..=SECRETS_MAX).contains(&secrets.len()) {
            return Err(SecretError::Count);
        }
        let key = |secret: &Secret| {
            let text = secret.expose();
            let text = text.strip_prefix("whsec_").unwrap_or(text);
            let bytes = STANDARD.decode(text).map_err(|_| SecretError::Unusable)?;
            let fits = SECRET_BYTES.contains(&bytes.len());
            fits.then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes)).ok_or(SecretError::Unusable)
        };
        Ok(Self(secrets.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// The value of `webhook-signature`: one signature for each secret, with blanks between.
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let signed = signed(id, &unix_seconds.to_string(), body);
        let one = |key| format!("v1,{}", STANDARD.encode(hmac::sign(key, &signed).as_ref()));
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Checks a request that came in with these headers.
    ///
    /// # Errors
    /// If its time is more than five minutes from `now`, or no signature is by a secret of ours.
    pub fn verify(
        &self,
        (id, timestamp, signature): (&str, &str, &str),
        body: &[u8],
        now: UnixMs,
    ) -> Result<(), SignatureError> {
        let seconds: u64 = timestamp.parse().map_err(|_| SignatureError::Time)?;
        let at = UnixMs::new(seconds.saturating_mul(1000));
        if now.since(at) > AGE_MS_MAX || at.since(now) > AGE_MS_MAX {
            return Err(SignatureError::Time);
        }
        let signed = signed(id, timestamp, body);
        let mut given = signature.split(' ').take(SIGNATURES_MAX);
        let is_ours = given.any(|one| {
            let tag = one.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            tag.is_some_and(|tag| self.0.iter().any(|key| hmac::verify(key, &signed, &tag).is_ok()))
        });
        is_ours.then_some(()).ok_or(SignatureError::Wrong)
    }
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn the_standards_own_example_is_signed_alike() {
        // From the specification's reference libraries.
        let signer = Signer::new(&[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
        let signature =
            signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn rotation_signs_twice_and_either_secret_verifies() {
        let (new, old) =
            ("whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3", "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk");
        let both = Signer::new(&[secret(new), secret(old)]).unwrap();
        let signature = both.sign("id", 1_000, b"body");
        assert_eq!(signature.split(' ').count(), 2);
        let at = UnixMs::new(1_000_000);
        for known in [new, old] {
            let receiver = Signer::new(&[secret(known)]).unwrap();
            let check = |headers, body: &[u8], now| receiver.verify(headers, body, now);
            assert_eq!(check(("id", "1000", &signature), b"body", at), Ok(()));
            let wrong = Err(SignatureError::Wrong);
            assert_eq!(check(("id", "1000", &signature), b"bodY", at), wrong);
            assert_eq!(check(("iD", "1000", &signature), b"body", at), wrong);
            assert_eq!(check(("id", "1001", &signature), b"body", at), wrong);
            let late = at.plus_ms(300_001);
            assert_eq!(check(("id", "1000", &signature), b"body", late), Err(SignatureError::Time));
            assert_eq!(check(("id", "x", &signature), b"body", at), Err(SignatureError::Time));
        }
    }

    #[test]
    fn weak_secrets_are_refused_and_none_is_printed() {
        assert_eq!(Signer::new(&[]).unwrap_err(), SecretError::Count);
        for weak in ["whsec_", "whsec_c2hvcnQ=", "not base64 at all, whatever it is"] {
            assert_eq!(Signer::new(&[secret(weak)]).unwrap_err(), SecretError::Unusable, "{weak}");
        }
        let signer = Signer::new(&[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
        assert_eq!(format!("{signer:?}"), "Signer { secrets: 1 }");
    }
}
