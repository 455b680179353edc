//! What the outlines of all dialects have in common: the model's name, the wish for a stream, lists
//! that must be there, members that must not stand there twice. What a dialect calls them, and which
//! other needs it knows, stands with the dialect.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{Deserialize, MapAccess};

use crate::Malformed;
use crate::body::quotes_around;
use crate::form::Ask;
use crate::json::{Members, Shape, skip};

/// Remembers the first member that decides the route and stands in a request twice. Two readers of
/// one body must not see two different requests in it.
#[derive(Debug, Default)]
pub(crate) struct Twice(Option<&'static str>);

impl Twice {
    /// Reads the value of the member `name` into its place.
    pub(crate) fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        place: &mut Option<T>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        self.note(name, place.replace(map.next_value()?).is_some());
        Ok(())
    }

    /// Takes note of a member, which stood there before or did not.
    pub(crate) fn note(&mut self, name: &'static str, before: bool) {
        if before {
            self.0.get_or_insert(name);
        }
    }

    /// # Errors
    /// A sentence for the caller if a member stood there twice.
    pub(crate) fn check(&self) -> Result<(), Malformed> {
        self.0.map_or(Ok(()), |name| {
            Err(Malformed::new(format!("`{name}` stands in the request twice"), name))
        })
    }
}

/// The model that is asked for, and where the body names one. A model that the path names goes
/// before the one in the body, which may then be missing.
///
/// # Errors
/// A sentence for the caller if neither the path nor the body names one, or the body names it by
/// something else than a text.
pub(crate) fn read_model(
    ask: &Ask<'_>,
    written: Option<Shape<'_>>,
) -> Result<(Box<str>, Option<Range<usize>>), Malformed> {
    let in_path = ask.model_in_path.filter(|name| !name.is_empty());
    let name = match (written, in_path) {
        (Some(Shape::Text(name)), _) if !name.is_empty() => name,
        (None | Some(Shape::Null | Shape::Text(_)), Some(name)) => return Ok((name.into(), None)),
        (Some(Shape::Text(_)), None) => {
            return Err(Malformed::new("`model` must not be empty", "model"));
        }
        (Some(_), _) => return Err(Malformed::new("`model` must be a string", "model")),
        (None, None) => return Err(Malformed::new("`model` is missing", "model")),
    };
    let place = match &name {
        Cow::Borrowed(name) => quotes_around(ask.body, name),
        Cow::Owned(_) => None,
    };
    Ok((in_path.map_or_else(|| Box::from(name.as_ref()), Box::from), place))
}

/// True if a stream is asked for; where the body does not say, the path does.
///
/// # Errors
/// A sentence for the caller if the body says it by something else than true or false.
pub(crate) fn read_stream(ask: &Ask<'_>, written: Option<&Shape<'_>>) -> Result<bool, Malformed> {
    match written {
        None | Some(Shape::Null) => Ok(ask.stream_in_path),
        Some(Shape::Bool(stream)) => Ok(*stream),
        Some(_) => Err(Malformed::new("`stream` must be true or false", "stream")),
    }
}

/// # Errors
/// A sentence for the caller if the member is missing or no array.
pub(crate) fn check_array(
    name: &'static str,
    written: Option<&Shape<'_>>,
) -> Result<(), Malformed> {
    match written {
        Some(Shape::Array(_)) => Ok(()),
        Some(_) => Err(Malformed::new(format!("`{name}` must be an array"), name)),
        None => Err(Malformed::new(format!("`{name}` is missing"), name)),
    }
}

/// An object that says by `type` what it is.
#[derive(Debug, Default)]
pub(crate) struct Kind<'de> {
    pub(crate) kind: Shape<'de>,
}

impl<'de> Members<'de> for Kind<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
