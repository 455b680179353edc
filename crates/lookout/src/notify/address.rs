//! An address of e-mail, checked so far that nothing can be smuggled into a conversation or a header
//! with it. Whether anyone is there is found out by the confirmation.

use std::fmt;

use thiserror::Error;

/// Bytes of an address (RFC 5321 section 4.5.3.1).
const ADDRESS_BYTES_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;

/// Why a text is no address. Blame: whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no e-mail address that we can write to")]
pub struct MailAddressError;

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailAddress(Box<str>);

impl MailAddress {
    /// Reads `someone@example.com`: letters, digits and the marks that need no quotes.
    ///
    /// # Errors
    /// If it is none, or one that needs more than plain ASCII.
    pub fn parse(text: &str) -> Result<Self, MailAddressError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(MailAddressError)?;
        let is_atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
        let local_fits = (1..=LOCAL_BYTES_MAX).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_fits = domain.split('.').all(is_label);
        if text.len() > ADDRESS_BYTES_MAX || !local_fits || !domain_fits {
            return Err(MailAddressError);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase()).into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_smuggled_in() {
        assert_eq!(
            MailAddress::parse(" Ann.B+x@Example.COM ").unwrap().as_str(),
            "Ann.B+x@example.com"
        );
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.de",
            "a@b..c",
            "a@-b.de",
            ".a@b.de",
            "a@b.de\r\nRCPT TO:<c@d.e>",
            "a@b.de>,<c@d.e",
            "\"a\"@b.de",
            "a@b@c.de ,",
            "ä@b.de",
            "a@[127.0.0.1]",
        ] {
            assert_eq!(MailAddress::parse(text), Err(MailAddressError), "{text}");
        }
        let long = format!("{}@b.de", "a".repeat(65));
        assert!(MailAddress::parse(&long).is_err());
    }
}
