//! Members of an object that stay as they are written until somebody asks for one, so that only
//! what is wanted is parsed and all else keeps its spelling. It knows no field of the dialect.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::json::{Members, Name, Object, Shape};

/// Names of members without a place that are kept of one object.
pub(super) const REST_MAX: usize = 64;

/// Makes a struct whose fields are members as written: `None` for one that is absent or null, and
/// `rest` for the names of all others.
macro_rules! raw_members {
    ($(#[$doc:meta])* $name:ident { $($field:ident = $wire:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'de> {
            $(pub(super) $field: Option<&'de ::serde_json::value::RawValue>,)*
            pub(super) rest: Vec<Box<str>>,
        }

        impl<'de> crate::json::Members<'de> for $name<'de> {
            fn member<A: ::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                let value = map.next_value::<&'de ::serde_json::value::RawValue>()?;
                if value.get() == "null" {
                    return Ok(());
                }
                match name {
                    $($wire => self.$field = Some(value),)*
                    other if self.rest.len() < $crate::openai_responses::raw::REST_MAX => {
                        self.rest.push(other.into());
                    }
                    _ => {}
                }
                Ok(())
            }
        }
    };
}
pub(super) use raw_members;

/// All members of an object in their order, those that are null left out.
#[derive(Debug, Default)]
pub(super) struct All<'de>(pub(super) Vec<(Box<str>, &'de RawValue)>);

impl<'de> Members<'de> for All<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let value = map.next_value::<&'de RawValue>()?;
        if value.get() != "null" {
            self.0.push((name.into(), value));
        }
        Ok(())
    }
}

/// The string that it is.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Name<'_>>(raw.get()).ok().map(|name| name.0)
}

/// The string that it is, if there is one and it says something.
pub(super) fn word(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    raw.and_then(text).filter(|text| !text.is_empty())
}

/// The object that it is.
pub(super) fn object<'de, T: Members<'de>>(raw: &'de RawValue) -> Option<T> {
    serde_json::from_str::<Object<T>>(raw.get()).ok()?.0
}

/// The elements of the array that it is.
pub(super) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok()
}

/// The plain value that it is.
pub(super) fn shape(raw: &RawValue) -> Shape<'_> {
    serde_json::from_str::<Shape<'_>>(raw.get()).unwrap_or_default()
}

/// True if it is the word `true`.
pub(super) fn is_true(raw: &RawValue) -> bool {
    raw.get() == "true"
}

/// True if it is an object.
pub(super) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

raw_members! {
    /// What an object says of itself.
    Kind { kind = "type", name = "name", server_label = "server_label" }
}

/// The object's `type`.
pub(super) fn kind_of(raw: &RawValue) -> Option<Box<str>> {
    let kind = object::<Kind<'_>>(raw)?.kind?;
    Some(text(kind)?.into())
}
