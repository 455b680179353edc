//! What a translation drops or approximates. Nothing is lost in silence: the list goes into a
//! header, the receipt and a counter.

use std::borrow::Cow;

/// Losses that one request's list names; more are counted by [`Losses::unnamed`] only.
const NAMED_MAX: usize = 32;
/// Bytes of a name that came from a stranger.
const NAME_BYTES_MAX: usize = 64;

/// How something was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LossKind {
    /// It has no counterpart and was left out.
    Dropped,
    /// Its counterpart does not mean quite the same.
    Approximated,
}

/// One field that did not come through whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// The field as the dialect it was read from spells it, such as `top_k` or
    /// `messages.cache_control`.
    pub field: Cow<'static, str>,
    pub kind: LossKind,
}

impl Loss {
    /// A field that was left out.
    pub const fn dropped(field: &'static str) -> Self {
        Self { field: Cow::Borrowed(field), kind: LossKind::Dropped }
    }

    /// A field whose counterpart does not mean quite the same.
    pub const fn approximated(field: &'static str) -> Self {
        Self { field: Cow::Borrowed(field), kind: LossKind::Approximated }
    }

    /// A member that a stranger named: cut to a bearable length and to characters that a header
    /// can carry.
    pub fn unmapped(name: &str) -> Self {
        let tame = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '?' };
        let field: String = name.chars().take(NAME_BYTES_MAX).map(tame).collect();
        Self { field: Cow::Owned(field), kind: LossKind::Dropped }
    }

    /// A name from a bounded set, for a counter's label: `other` for a stranger's.
    pub fn label(&self) -> &'static str {
        match self.field {
            Cow::Borrowed(name) => name,
            Cow::Owned(_) => "other",
        }
    }
}

/// The losses of one request, each named once, in the order in which they were met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    named: Vec<Loss>,
    unnamed: u32,
}

impl Losses {
    /// Adds a loss, unless the list names it already.
    pub fn add(&mut self, loss: Loss) {
        if self.named.contains(&loss) {
            return;
        }
        if self.named.len() < NAMED_MAX {
            self.named.push(loss);
        } else {
            self.unnamed = self.unnamed.saturating_add(1);
        }
    }

    /// Shorthand for a field that was left out.
    pub fn dropped(&mut self, field: &'static str) {
        self.add(Loss::dropped(field));
    }

    /// Shorthand for a field that was approximated.
    pub fn approximated(&mut self, field: &'static str) {
        self.add(Loss::approximated(field));
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Self) {
        other.named.into_iter().for_each(|loss| self.add(loss));
        self.unnamed = self.unnamed.saturating_add(other.unnamed);
    }

    /// True if nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The losses that are named.
    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.named.iter()
    }

    /// How many more there are.
    pub fn unnamed(&self) -> u32 {
        self.unnamed
    }

    /// The names, parted by commas; `+N` stands for those that are not named.
    pub fn header(&self) -> String {
        let mut text = String::new();
        for loss in &self.named {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&loss.field);
        }
        if self.unnamed > 0 {
            text.push_str(&format!(",+{}", self.unnamed));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_named_once_and_the_list_is_bounded() {
        let mut losses = Losses::default();
        losses.dropped("top_k");
        losses.dropped("top_k");
        losses.add(Loss::unmapped("odd name,\r\n"));
        assert_eq!(losses.header(), "top_k,odd?name???");
        for index in 0..100 {
            losses.add(Loss::unmapped(&format!("x{index}")));
        }
        assert_eq!(losses.iter().count(), NAMED_MAX);
        assert_eq!(losses.unnamed(), 70);
        assert!(losses.header().ends_with(",+70"));
    }

    #[test]
    fn labels_come_from_our_own_words() {
        assert_eq!(Loss::approximated("top_k").label(), "top_k");
        assert_eq!(Loss::unmapped("mine").label(), "other");
    }
}
