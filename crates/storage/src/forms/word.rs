//! Enums by their words, and fractions that come back to the last bit.

use std::fmt;
use std::marker::PhantomData;

use detection::{
    CauseClass, Certainty, Condition, Family, Guard, Health, Impact, LightState, MaintenancePhase,
    Phase,
};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What has a word in stores.
pub(super) trait Word: Copy {
    fn word(self) -> &'static str;
    fn of_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($kind:ty),*) => {$(
        impl Word for $kind {
            fn word(self) -> &'static str {
                self.as_str()
            }

            fn of_word(word: &str) -> Option<Self> {
                <$kind>::ALL.into_iter().find(|it| it.as_str() == word)
            }
        }
    )*};
}

words!(
    CauseClass,
    Certainty,
    Condition,
    Family,
    Guard,
    Health,
    Impact,
    LightState,
    MaintenancePhase,
    Phase
);

/// Written as its word.
pub(super) struct Spelt<T>(pub(super) T);

impl<T: Word> Serialize for Spelt<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.word())
    }
}

impl<'de, T: Word> Deserialize<'de> for Spelt<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(SpeltVisitor(PhantomData))
    }
}

struct SpeltVisitor<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for SpeltVisitor<T> {
    type Value = Spelt<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a known word")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Spelt<T>, E> {
        let known = T::of_word(word).map(Spelt);
        known.ok_or_else(|| E::custom(format_args!("`{word}` is no known word")))
    }
}

/// Written as the shortest decimal text that reads as the same number. A number in JSON would do
/// for most, but not come back to the last bit, and has no way to write infinity.
pub(super) struct Exact(pub(super) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        text.parse().map(Exact).map_err(D::Error::custom)
    }
}
