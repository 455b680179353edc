//! Reading JSON of strangers without building a tree: lenient pieces for serde, bounds on nesting
//! and size, and the places of an object's members. It knows no dialect.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use memchr::memchr2;
use serde::Deserializer;
use serde::de::{Deserialize, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The deepest nesting of a request.
pub(crate) const DEPTH_MAX: u32 = 64;
/// The most values in a request, members and elements alike.
pub(crate) const NODES_MAX: u32 = 100_000;

/// Why a text is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutOfBounds {
    Depth,
    Nodes,
}

/// Holds nesting and number of values within [`DEPTH_MAX`] and [`NODES_MAX`]. What is not JSON is
/// left to the parser.
pub(crate) fn check_bounds(text: &[u8]) -> Result<(), OutOfBounds> {
    // Each value takes two bytes with what separates it, and each level an opening bracket; most
    // bodies have too few of both to come near a bound.
    let nodes_safe = u32::try_from(text.len() / 2).is_ok_and(|count| count < NODES_MAX);
    if nodes_safe && has_few_openings(text) { Ok(()) } else { walk_bounds(text) }
}

/// True if there are at most [`DEPTH_MAX`] opening brackets, those inside strings counted as well.
fn has_few_openings(text: &[u8]) -> bool {
    let mut openings = 0_u32;
    // A piece has fewer bytes than a `u8` can count, which lets the compiler count many bytes in
    // one step. `[` and `{` differ in one bit only.
    for piece in text.chunks(240) {
        let few: u8 = piece.iter().map(|byte| u8::from(*byte | 0x20 == b'{')).sum();
        openings += u32::from(few);
        if openings > DEPTH_MAX {
            return false;
        }
    }
    true
}

fn walk_bounds(text: &[u8]) -> Result<(), OutOfBounds> {
    let mut depth = 0_u32;
    let mut nodes = 1_u32;
    let mut rest = text.iter();
    // `find` passes over everything between the marks at a few instructions a byte.
    while let Some(byte) = rest.find(|byte| matches!(byte, b'"' | b',' | b'{' | b'}' | b'[' | b']'))
    {
        match byte {
            b'"' => skip_string(&mut rest),
            b',' => nodes += 1,
            b'{' | b'[' => {
                depth += 1;
                nodes += 1;
                if depth > DEPTH_MAX {
                    return Err(OutOfBounds::Depth);
                }
            }
            _ => depth = depth.saturating_sub(1),
        }
    }
    // At most one a byte, so the count could not go far.
    if nodes > NODES_MAX { Err(OutOfBounds::Nodes) } else { Ok(()) }
}

/// Moves behind the string whose opening quote was taken last.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    for _ in 0..SHORT_STRING_BYTES {
        match rest.next() {
            Some(b'"') | None => return,
            Some(b'\\') => {
                rest.next();
            }
            Some(_) => {}
        }
    }
    while let Some(distance) = memchr2(b'"', b'\\', rest.as_slice()) {
        if rest.nth(distance) == Some(&b'"') {
            return;
        }
        rest.next();
    }
    *rest = [].iter();
}

/// Most strings are names and other short words: cheaper to look at than to search in.
const SHORT_STRING_BYTES: usize = 16;

/// Where the string that opens at `start` ends, its closing quote included.
pub(crate) fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// One member of an object: where its name and its value stand, both as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Member {
    /// True if the name says `wanted` once its escapes are read.
    pub(crate) fn is_named(&self, text: &[u8], wanted: &str) -> bool {
        let Some(spelled) = text.get(self.name.clone()) else {
            return false;
        };
        serde_json::from_slice::<Name<'_>>(spelled).is_ok_and(|name| name.0 == wanted)
    }
}

/// The members of the object that `text` is, in order. The text must have passed a parser; of
/// anything else the list ends early.
pub(crate) fn members(text: &[u8]) -> Vec<Member> {
    let mut found = Vec::new();
    let Some(mut at) = after_blank(text, 0) else {
        return found;
    };
    if text.get(at) != Some(&b'{') {
        return found;
    }
    at += 1;
    while let Some((member, next)) = next_member(text, at) {
        found.push(member);
        at = next;
    }
    found
}

/// Where the elements of the array that `text` is stand, in order. The text must have passed a
/// parser; of anything else the list ends early.
pub(crate) fn elements(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(mut at) = after_blank(text, 0).filter(|at| text.get(*at) == Some(&b'[')) else {
        return found;
    };
    at += 1;
    while let Some(start) = after_blank(text, at) {
        let start = match text.get(start) {
            Some(b',') => after_blank(text, start + 1),
            Some(b']') | None => None,
            Some(_) => Some(start),
        };
        let Some((start, end)) = start.and_then(|start| Some((start, value_end(text, start)?)))
        else {
            break;
        };
        if end == start {
            break;
        }
        found.push(start..end);
        at = end;
    }
    found
}

fn next_member(text: &[u8], at: usize) -> Option<(Member, usize)> {
    let mut name_start = after_blank(text, at)?;
    if text.get(name_start) == Some(&b',') {
        name_start = after_blank(text, name_start + 1)?;
    }
    if text.get(name_start) != Some(&b'"') {
        return None;
    }
    let name_end = string_end(text, name_start)?;
    let colon = after_blank(text, name_end)?;
    let start = after_blank(text, colon + 1)?;
    let end = value_end(text, start)?;
    Some((Member { name: name_start..name_end, value: start..end }, end))
}

fn after_blank(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (blank < rest.len()).then_some(at + blank)
}

fn value_end(text: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match text.get(at)? {
            b'"' => at = string_end(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ => {
                let rest = text.get(at..)?;
                let plain = |byte: &&u8| !matches!(byte, b'"' | b'{' | b'[' | b'}' | b']' | b',');
                if depth == 0 {
                    let scalar = |byte: &&u8| plain(byte) && !byte.is_ascii_whitespace();
                    return Some(at + rest.iter().take_while(scalar).count());
                }
                at += rest.iter().take_while(plain).count().max(1);
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// A string, borrowed where it has no escapes. `Cow` by itself would always be owned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Gives a visitor the answer `$nothing` for every value but those that it reads itself.
macro_rules! otherwise {
    ($nothing:expr; $($kind:ident)*) => { $(otherwise!(@ $kind $nothing);)* };
    (@ bool $n:expr) => { fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($n) } };
    (@ number $n:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok($n) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok($n) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok($n) }
    };
    (@ text $n:expr) => { fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($n) } };
    (@ null $n:expr) => { fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($n) } };
    (@ array $n:expr) => {
        fn visit_seq<A: ::serde::de::SeqAccess<'de>>(
            self, mut seq: A,
        ) -> Result<Self::Value, A::Error> {
            while seq.next_element::<::serde::de::IgnoredAny>()?.is_some() {}
            Ok($n)
        }
    };
    (@ object $n:expr) => {
        fn visit_map<A: ::serde::de::MapAccess<'de>>(
            self, mut map: A,
        ) -> Result<Self::Value, A::Error> {
            while map.next_entry::<::serde::de::IgnoredAny, ::serde::de::IgnoredAny>()?.is_some() {}
            Ok($n)
        }
    };
}
pub(crate) use otherwise;

/// Any value, as far as a plain field needs it.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Shape<'de> {
    #[default]
    Null,
    Bool(bool),
    Whole(u64),
    Number(f64),
    Text(Cow<'de, str>),
    /// An array with so many elements.
    Array(usize),
    Object,
}

impl Shape<'_> {
    /// A whole number that is not negative, also if it was written with a fraction of zero.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => Some(*number),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be whole and within 0 to 2^53"
            )]
            Self::Number(number)
                if number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(number) =>
            {
                Some(*number as u64)
            }
            _ => None,
        }
    }

    /// Any number.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a setting, never counted with")]
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Shape<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;
        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Shape::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Shape::Whole(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                #[expect(clippy::cast_precision_loss, reason = "a setting, never counted with")]
                Ok(u64::try_from(value).map_or(Shape::Number(value as f64), Shape::Whole))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Shape::Number(value))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Shape::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Shape::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Shape::Array(count))
            }
            otherwise!(Shape::Null; null);
            otherwise!(Shape::Object; object);
        }
        deserializer.deserialize_any(ShapeVisitor)
    }
}

/// Something that reads an object member by member.
pub(crate) trait Members<'de>: Default {
    /// Reads the value of one member from `map`; must take it, also if only to skip it.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Something that reads an array element by element.
pub(crate) trait Elements<'de>: Default {
    /// Reads one element from `seq`; false when there is none left.
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error>;
}

/// Skips a member's value.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// An object read by `T`; `None` if the value is something else.
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<'de, T: Members<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Members<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut read = T::default();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    read.member(&name, &mut map)?;
                }
                Ok(Object(Some(read)))
            }
            otherwise!(Object(None); bool number text null array);
        }
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// An array read by `T`; `None` if the value is something else.
#[derive(Debug, Default)]
pub(crate) struct Array<T>(pub(crate) Option<T>);

impl<'de, T: Elements<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArrayVisitor<T>(PhantomData<T>);
        impl<'de, T: Elements<'de>> Visitor<'de> for ArrayVisitor<T> {
            type Value = Array<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut read = T::default();
                while read.element(&mut seq)? {}
                Ok(Array(Some(read)))
            }
            otherwise!(Array(None); bool number text null object);
        }
        deserializer.deserialize_any(ArrayVisitor(PhantomData))
    }
}

/// The text as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_the_nesting() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check_bounds(nested(64).as_bytes()), Ok(()));
        assert_eq!(check_bounds(nested(65).as_bytes()), Err(OutOfBounds::Depth));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(65), "}".repeat(65));
        assert_eq!(check_bounds(objects.as_bytes()), Err(OutOfBounds::Depth));
    }

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        let text = format!(r#"["{}\\\"{}",1]"#, "[".repeat(100), "{".repeat(100));
        assert_eq!(check_bounds(text.as_bytes()), Ok(()));
        let many = format!("[{}]", vec!["[{}]"; 500].join(","));
        assert_eq!(check_bounds(many.as_bytes()), Ok(()));
    }

    #[test]
    fn bounds_the_number_of_values() {
        let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(check_bounds(list(99_999).as_bytes()), Ok(()));
        assert_eq!(check_bounds(list(100_001).as_bytes()), Err(OutOfBounds::Nodes));
        let long = format!(r#"["{}"]"#, ",".repeat(300_000));
        assert_eq!(check_bounds(long.as_bytes()), Ok(()));
    }

    #[test]
    fn finds_members_as_they_are_written() {
        let text = br#" { "a" : 1.50 ,"b":[1,{"c":"}"}], "\u0061\"" :"x\\", "d":{} ,"e":null} "#;
        let written = |range: &Range<usize>| std::str::from_utf8(&text[range.clone()]).unwrap();
        let found = members(text);
        let pairs: Vec<_> =
            found.iter().map(|member| (written(&member.name), written(&member.value))).collect();
        let wanted = [
            (r#""a""#, "1.50"),
            (r#""b""#, r#"[1,{"c":"}"}]"#),
            (r#""\u0061\"""#, r#""x\\""#),
            (r#""d""#, "{}"),
            (r#""e""#, "null"),
        ];
        assert_eq!(pairs, wanted);
        assert!(found[2].is_named(text, "a\""));
        assert!(!found[2].is_named(text, "a"));
        assert!(members(b"[1]").is_empty() && members(b"").is_empty() && members(b"{}").is_empty());
    }

    #[test]
    fn finds_elements_as_they_are_written() {
        let text = br#" [ {"a":[1,"]"]} ,2.50, "x,y" ,[ ] ] "#;
        let written = |range: &Range<usize>| std::str::from_utf8(&text[range.clone()]).unwrap();
        let found = elements(text);
        let found: Vec<_> = found.iter().map(written).collect();
        assert_eq!(found, [r#"{"a":[1,"]"]}"#, "2.50", r#""x,y""#, "[ ]"]);
        assert!(elements(b"[]").is_empty() && elements(b"{}").is_empty());
        assert!(elements(b"").is_empty() && elements(b"[,]").is_empty());
    }

    #[test]
    fn reads_whole_numbers_only() {
        assert_eq!(Shape::Number(12.0).as_u64(), Some(12));
        assert_eq!(Shape::Number(12.5).as_u64(), None);
        assert_eq!(Shape::Number(-1.0).as_u64(), None);
        assert_eq!(Shape::Number(1e300).as_u64(), None);
    }
}
