//! How much of a feed is taken, and a list that keeps to it while it is read: an element that cannot
//! be read, or that is one too many, is counted and left out; the others stand.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Bytes of a document. The largest real one that is known has 1.5 MB, for five years.
pub const BYTES_MAX: usize = 4 << 20;
/// Incidents, components and updates of one list.
pub const ENTRIES_MAX: usize = 2_000;
/// Objects of a JSON document in all, and updates of a syndicated one, so that many small things in
/// many small things stay few. The largest real document has 5,623.
pub(crate) const OBJECTS_MAX: usize = 50_000;
/// Elements within elements; feeds have five.
pub const DEPTH_MAX: usize = 32;
/// Bytes of one text that is kept; incident.io allows 4,096 characters of a message.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;

/// A list of a wire form. Also JSON's `null`, which is an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Many<T> {
    pub(crate) items: Vec<T>,
    pub(crate) dropped: u32,
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self { items: Vec::new(), dropped: 0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(PhantomData))
    }
}

struct ManyVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Many<T>, E> {
        Ok(Many::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
        let mut many = Many::default();
        while let Some(raw) = list.next_element::<&'de RawValue>()? {
            let item = (many.items.len() < ENTRIES_MAX)
                .then(|| serde_json::from_str::<T>(raw.get()).ok())
                .flatten();
            match item {
                Some(item) => many.items.push(item),
                None => many.dropped = many.dropped.saturating_add(1),
            }
        }
        Ok(many)
    }
}

/// A text within [`TEXT_BYTES_MAX`], cut between characters.
pub(crate) fn bounded(text: &str) -> Box<str> {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}
