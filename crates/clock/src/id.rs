//! Request ids: short, unique across restarts and cores, safe in headers, logs and URLs.

use std::fmt;

use crate::Dice;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 20;

/// The id of one request: `req_` and twenty characters of Crockford's base 32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// The twenty characters without their prefix.
    pub fn tail(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{}", self.tail())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes ids for one core: 100 bits of chance each.
#[derive(Debug)]
pub struct IdMaker {
    dice: Dice,
}

impl IdMaker {
    /// A maker with its own dice.
    pub fn new(dice: Dice) -> Self {
        Self { dice }
    }

    /// The next id.
    pub fn next_id(&mut self) -> RequestId {
        let mut bits = u128::from(self.dice.bits()) << 64 | u128::from(self.dice.bits());
        let mut text = [b'0'; LENGTH];
        for place in &mut text {
            // The mask keeps the index below 32.
            if let Some(letter) = ALPHABET.get((bits & 31) as usize) {
                *place = *letter;
            }
            bits >>= 5;
        }
        RequestId(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_safe_and_differ() {
        let mut maker = IdMaker::new(Dice::seeded(3));
        let (a, b) = (maker.next_id(), maker.next_id());
        assert_ne!(a, b);
        let text = a.to_string();
        assert_eq!(text.len(), 24);
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    }
}
