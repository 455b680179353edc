//! One answer object of the provider, streamed chunk or whole, read for what it carries: content,
//! finish, usage, error. Fields of a wrong type carry nothing; only broken JSON is an error.

use std::fmt;

use domain::{Finish, Usage};
use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::usage::WireUsage;
use crate::json::{Array, Elements, Members, Name, Object, Shape, otherwise, skip};

/// A finish word of a provider is kept up to this length.
const FINISH_CHARS_MAX: usize = 64;

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default)]
pub(super) struct Chunk<'de> {
    pub(super) model: Shape<'de>,
    /// `None` if there is no such array.
    pub(super) choices: Option<Choices>,
    pub(super) usage: Option<Usage>,
    /// An `error` member that says something.
    pub(super) error: Option<&'de RawValue>,
}

impl<'de> Members<'de> for Chunk<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "choices" => self.choices = map.next_value::<Array<Choices>>()?.0,
            "model" => self.model = map.next_value()?,
            "usage" => self.take_usage(map.next_value::<Object<WireUsage>>()?.0.as_ref()),
            "x_groq" => {
                let groq = map.next_value::<Object<XGroq>>()?.0;
                self.take_usage(groq.and_then(|groq| groq.usage).as_ref());
            }
            "error" => {
                let error = map.next_value::<&'de RawValue>()?;
                self.error = (!matches!(error.get(), "null" | "false" | "\"\"")).then_some(error);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Chunk<'_> {
    fn take_usage(&mut self, usage: Option<&WireUsage>) {
        self.usage = usage.and_then(WireUsage::normalised).or(self.usage);
    }

    /// A chunk that exists only to tell the usage: no choice in it.
    pub(super) fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.choices.as_ref().is_some_and(|choices| choices.count == 0)
    }
}

/// Groq's own member, where the usage of a stream stands.
#[derive(Debug, Default)]
struct XGroq {
    usage: Option<WireUsage>,
}

impl<'de> Members<'de> for XGroq {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "usage" => self.usage = map.next_value::<Object<WireUsage>>()?.0,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// All choices of a chunk, folded.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// How many there are.
    pub(super) count: u32,
    /// Deltas with content.
    pub(super) deltas: u32,
    /// Messages with content, which only whole answers have.
    pub(super) messages: u32,
    /// Characters of text in choice 0, of its delta and of its message.
    pub(super) delta_chars: u32,
    pub(super) message_chars: u32,
    /// The finish of choice 0.
    pub(super) finish: Option<Finish>,
    /// Choices by number, one bit each; those from 63 on share the last.
    pub(super) seen: u64,
    pub(super) finished: u64,
}

impl<'de> Elements<'de> for Choices {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(choice)) = seq.next_element::<Object<Choice>>()? else {
            return Ok(false);
        };
        self.count = self.count.saturating_add(1);
        let Some(choice) = choice else {
            return Ok(true);
        };
        let bit = 1_u64 << choice.index.min(63);
        self.seen |= bit;
        self.deltas = self.deltas.saturating_add(u32::from(choice.delta.content));
        self.messages = self.messages.saturating_add(u32::from(choice.message.content));
        if choice.finish.is_some() {
            self.finished |= bit;
        }
        if choice.index == 0 {
            self.delta_chars = self.delta_chars.saturating_add(choice.delta.chars);
            self.message_chars = self.message_chars.saturating_add(choice.message.chars);
            self.finish = choice.finish.or(self.finish.take());
        }
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Choice {
    index: u64,
    delta: Said,
    message: Said,
    finish: Option<Finish>,
}

impl<'de> Members<'de> for Choice {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "delta" => self.delta = map.next_value::<Object<Said>>()?.0.unwrap_or_default(),
            "message" => self.message = map.next_value::<Object<Said>>()?.0.unwrap_or_default(),
            "index" => self.index = map.next_value::<Shape<'de>>()?.as_u64().unwrap_or(0),
            "finish_reason" => {
                let word = map.next_value::<Shape<'de>>()?;
                self.finish = word.as_text().filter(|word| !word.is_empty()).map(finish_of);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A finish word in the internal form.
pub(super) fn finish_of(word: &str) -> Finish {
    match word {
        // The other words are those of servers that kept their own.
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => Finish::Stop,
        "length" | "model_length" | "max_tokens" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter(Box::default()),
        "refusal" => Finish::Refusal,
        other => {
            Finish::Other(other.chars().take(FINISH_CHARS_MAX).collect::<String>().into_boxed_str())
        }
    }
}

/// A `delta` or a `message`.
#[derive(Debug, Default)]
struct Said {
    /// There is content of some kind in it.
    content: bool,
    /// Characters of answer text.
    chars: u32,
}

impl<'de> Members<'de> for Said {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "content" => {
                let written = map.next_value::<Written>()?;
                self.content |= written.any;
                self.chars = self.chars.saturating_add(written.chars);
            }
            "refusal" | "reasoning" | "reasoning_content" | "images" => {
                self.content |= map.next_value::<Written>()?.any;
            }
            "tool_calls" => {
                let calls = map.next_value::<Array<Calls>>()?.0;
                self.content |= calls.is_some_and(|calls| calls.content);
            }
            "function_call" | "audio" => {
                let call = map.next_value::<Object<Call>>()?.0;
                self.content |= call.is_some_and(|call| call.content);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Calls {
    content: bool,
}

impl<'de> Elements<'de> for Calls {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(call)) = seq.next_element::<Object<Call>>()? else {
            return Ok(false);
        };
        self.content |= call.is_some_and(|call| call.content);
        Ok(true)
    }
}

/// A tool call, the function in it, a legacy function call or an audio part: content stands in
/// one of a few members that all are text.
#[derive(Debug, Default)]
struct Call {
    content: bool,
}

impl<'de> Members<'de> for Call {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "function" | "custom" => {
                let inner = map.next_value::<Object<Self>>()?.0;
                self.content |= inner.is_some_and(|inner| inner.content);
            }
            "name" | "arguments" | "input" | "data" | "transcript" => {
                self.content |= map.next_value::<Written>()?.any;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A text, or an array of parts with text in them, measured and not kept.
#[derive(Debug, Default)]
struct Written {
    any: bool,
    chars: u32,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WrittenVisitor;
        impl<'de> Visitor<'de> for WrittenVisitor {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                let chars = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                Ok(Written { any: chars > 0, chars })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut sum = Written::default();
                while let Some(Object(part)) = seq.next_element::<Object<Part>>()? {
                    sum.any = true;
                    sum.chars = sum.chars.saturating_add(part.map_or(0, |part| part.chars));
                }
                Ok(sum)
            }
            // Some compatible servers send a call's arguments as an object, not as text.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut any = false;
                while map.next_key::<Name<'de>>()?.is_some() {
                    skip(&mut map)?;
                    any = true;
                }
                Ok(Written { any, chars: 0 })
            }
            otherwise!(Written::default(); bool number null);
        }
        deserializer.deserialize_any(WrittenVisitor)
    }
}

/// A part of a content array. Only parts of type `text` have their words in `text`; thinking
/// parts do not, so their characters are no answer text.
#[derive(Debug, Default)]
struct Part {
    chars: u32,
}

impl<'de> Members<'de> for Part {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "text" => self.chars = map.next_value::<Written>()?.chars,
            _ => skip(map)?,
        }
        Ok(())
    }
}
