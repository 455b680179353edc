//! One answer object of the provider, a chunk of a stream or a whole, read for everything that it
//! says. Fields of a wrong type say nothing; only broken JSON is an error. `chunk` is the quick
//! reader for answers that only go through.

use std::borrow::Cow;
use std::fmt;

use domain::{Loss, SearchResult, Usage};
use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::raw::{elements, get_object, get_text, object, says_nothing, truth};
use super::shared::read_search_result;
use super::usage::WireUsage;
use crate::json::{Array, Elements, Members, Object, Shape, otherwise, skip};

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default)]
pub(super) struct Answer<'de> {
    pub(super) id: Shape<'de>,
    pub(super) model: Shape<'de>,
    pub(super) choices: Vec<AnswerChoice<'de>>,
    pub(super) usage: Option<Usage>,
    /// An `error` member that says something.
    pub(super) failed: bool,
    /// `search_results`, or else `citations`, which are mere addresses.
    pub(super) found: Vec<SearchResult>,
    /// Members without a place in the internal form.
    pub(super) lost: Vec<Loss>,
}

impl<'de> Members<'de> for Answer<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "choices" => {
                let choices = map.next_value::<Array<ChoiceList<'de>>>()?.0;
                self.choices = choices.unwrap_or_default().0;
            }
            "id" => self.id = map.next_value()?,
            "model" => self.model = map.next_value()?,
            "usage" => {
                let usage = map.next_value::<Object<WireUsage>>()?.0;
                self.usage = usage.and_then(|usage| usage.normalised()).or(self.usage);
            }
            "x_groq" => {
                let groq = object(map.next_value::<&'de RawValue>()?).unwrap_or_default();
                let usage = super::raw::get(&groq, "usage").map(RawValue::get).unwrap_or("null");
                let usage = serde_json::from_str::<Object<WireUsage>>(usage).ok();
                let usage = usage.and_then(|usage| usage.0?.normalised());
                self.usage = usage.or(self.usage);
            }
            "error" => {
                let error = map.next_value::<&'de RawValue>()?;
                self.failed = !matches!(error.get(), "null" | "false" | "\"\"");
            }
            "search_results" => {
                let found = elements(map.next_value::<&'de RawValue>()?).unwrap_or_default();
                let found: Vec<_> = found.into_iter().filter_map(read_search_result).collect();
                if !found.is_empty() {
                    self.found = found;
                }
            }
            "citations" => self.take_citations(map.next_value::<&'de RawValue>()?),
            "prompt_filter_results" => {
                let prompts = elements(map.next_value::<&'de RawValue>()?).unwrap_or_default();
                let mut filtered = prompts.into_iter().filter_map(object);
                if filtered.any(|prompt| {
                    filter_reason(&get_object(&prompt, "content_filter_results")).is_some()
                }) {
                    self.lost.push(Loss::dropped("prompt_filter_results"));
                }
            }
            // Ours are written anew, and padding says nothing.
            "object" | "created" | "obfuscation" => skip(map)?,
            _ => note(name, map, &mut self.lost)?,
        }
        Ok(())
    }
}

impl Answer<'_> {
    fn take_citations(&mut self, citations: &RawValue) {
        if !self.found.is_empty() {
            return;
        }
        let urls = elements(citations).unwrap_or_default().into_iter().filter_map(super::raw::text);
        self.found = urls
            .filter(|url| !url.is_empty())
            .map(|url| SearchResult { url: url.into(), ..SearchResult::default() })
            .collect();
    }
}

/// Reads a member without a place in the internal form, and notes it if it says something.
fn note<'de, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    lost: &mut Vec<Loss>,
) -> Result<(), A::Error> {
    if !says_nothing(map.next_value::<&'de RawValue>()?) {
        lost.push(match name {
            "system_fingerprint" => Loss::dropped("system_fingerprint"),
            "service_tier" => Loss::dropped("service_tier"),
            _ => Loss::unmapped(name),
        });
    }
    Ok(())
}

/// The category for which Azure's filter took something away.
fn filter_reason<'a>(categories: &[super::raw::Pair<'a>]) -> Option<Cow<'a, str>> {
    let filtered = |value: &RawValue| {
        let verdict = object(value).unwrap_or_default();
        super::raw::get(&verdict, "filtered").and_then(truth) == Some(true)
    };
    categories.iter().find(|(_, value)| filtered(value)).map(|(name, _)| name.clone())
}

#[derive(Debug, Default)]
struct ChoiceList<'de>(Vec<AnswerChoice<'de>>);

impl<'de> Elements<'de> for ChoiceList<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(choice)) = seq.next_element::<Object<AnswerChoice<'de>>>()? else {
            return Ok(false);
        };
        self.0.extend(choice);
        Ok(true)
    }
}

/// One choice.
#[derive(Debug, Default)]
pub(super) struct AnswerChoice<'de> {
    pub(super) index: Option<u64>,
    /// Its `delta` or its `message`.
    pub(super) said: Said<'de>,
    pub(super) finish: Shape<'de>,
    /// OpenRouter's `native_finish_reason`, and ours.
    pub(super) native_finish: Shape<'de>,
    /// vLLM's `stop_reason`: the stop string that was met.
    pub(super) stop_reason: Shape<'de>,
    /// The category that Azure's filter names.
    pub(super) filtered: Option<Cow<'de, str>>,
    pub(super) logprobs: Option<&'de RawValue>,
    pub(super) lost: Vec<Loss>,
}

impl<'de> Members<'de> for AnswerChoice<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "delta" | "message" => {
                self.said = map.next_value::<Object<Said<'de>>>()?.0.unwrap_or_default();
            }
            "index" => self.index = map.next_value::<Shape<'de>>()?.as_u64(),
            "finish_reason" => self.finish = map.next_value()?,
            "native_finish_reason" => self.native_finish = map.next_value()?,
            "stop_reason" => self.stop_reason = map.next_value()?,
            "logprobs" => {
                let logprobs = map.next_value::<&'de RawValue>()?;
                self.logprobs = Some(logprobs).filter(|told| told.get() != "null");
            }
            "content_filter_results" => {
                let results = object(map.next_value::<&'de RawValue>()?).unwrap_or_default();
                self.filtered = filter_reason(&results);
            }
            _ => note(name, map, &mut self.lost)?,
        }
        Ok(())
    }
}

/// A `delta` or a `message`.
#[derive(Debug, Default)]
pub(super) struct Said<'de> {
    pub(super) content: Words<'de>,
    pub(super) refusal: Words<'de>,
    pub(super) reasoning: Words<'de>,
    pub(super) details: Vec<&'de RawValue>,
    pub(super) calls: Vec<Call<'de>>,
    pub(super) audio: Option<&'de RawValue>,
    pub(super) images: Vec<&'de RawValue>,
    pub(super) annotations: Vec<&'de RawValue>,
    /// Gemini's signature of the thinking behind the whole message.
    pub(super) signature: Option<Cow<'de, str>>,
    pub(super) lost: Vec<Loss>,
}

impl<'de> Members<'de> for Said<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "content" => self.content = map.next_value()?,
            "refusal" => self.refusal = map.next_value()?,
            // Some servers say the same twice, under both names.
            "reasoning_content" | "reasoning" => {
                let words = map.next_value::<Words<'de>>()?;
                if self.reasoning.is_empty() {
                    self.reasoning = words;
                }
            }
            "reasoning_details" => self.details = next_elements(map)?,
            "images" => self.images = next_elements(map)?,
            "annotations" => self.annotations = next_elements(map)?,
            "tool_calls" => {
                let calls = map.next_value::<Array<Calls<'de>>>()?.0.unwrap_or_default().0;
                self.calls.extend(calls);
            }
            "function_call" => {
                if let Object(Some(function)) = map.next_value::<Object<CallText<'de>>>()? {
                    self.calls.push(Call { text: function, ..Call::default() });
                }
            }
            "audio" => {
                let audio = map.next_value::<&'de RawValue>()?;
                self.audio = Some(audio).filter(|audio| audio.get() != "null");
            }
            "extra_content" => self.signature = google_signature(map.next_value()?),
            "thought_signature" | "role" | "index" => skip(map)?,
            _ => note(name, map, &mut self.lost)?,
        }
        Ok(())
    }
}

fn next_elements<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Vec<&'de RawValue>, A::Error> {
    Ok(elements(map.next_value::<&'de RawValue>()?).unwrap_or_default())
}

/// The signature in an `extra_content`, as Google's compatible path has it.
pub(super) fn google_signature(extra: &RawValue) -> Option<Cow<'_, str>> {
    let google = get_object(&object(extra)?, "google");
    get_text(&google, "thought_signature").filter(|signature| !signature.is_empty())
}

/// A text, or an array of parts.
#[derive(Debug, Default)]
pub(super) enum Words<'de> {
    #[default]
    None,
    Text(Cow<'de, str>),
    Parts(Vec<&'de RawValue>),
}

impl Words<'_> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

impl<'de> Deserialize<'de> for Words<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an array of parts")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Words::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Words::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element::<&'de RawValue>()? {
                    parts.push(part);
                }
                Ok(Words::Parts(parts))
            }
            otherwise!(Words::None; bool number null object);
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}

#[derive(Debug, Default)]
struct Calls<'de>(Vec<Call<'de>>);

impl<'de> Elements<'de> for Calls<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(call)) = seq.next_element::<Object<Call<'de>>>()? else {
            return Ok(false);
        };
        self.0.extend(call);
        Ok(true)
    }
}

/// A tool call or a piece of one; a legacy function call has its text alone.
#[derive(Debug, Default)]
pub(super) struct Call<'de> {
    pub(super) index: Option<u64>,
    pub(super) id: Shape<'de>,
    pub(super) text: CallText<'de>,
    pub(super) free_text: bool,
    pub(super) signature: Option<Cow<'de, str>>,
}

impl<'de> Members<'de> for Call<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "index" => self.index = map.next_value::<Shape<'de>>()?.as_u64(),
            "id" => self.id = map.next_value()?,
            "function" | "custom" => {
                if let Object(Some(text)) = map.next_value::<Object<CallText<'de>>>()? {
                    self.text = text;
                    self.free_text = name == "custom";
                }
            }
            "extra_content" => self.signature = google_signature(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// What a call calls, and with what.
#[derive(Debug, Default)]
pub(super) struct CallText<'de> {
    pub(super) name: Shape<'de>,
    arguments: Option<&'de RawValue>,
}

impl<'de> Members<'de> for CallText<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "name" => self.name = map.next_value()?,
            "arguments" | "input" => self.arguments = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl CallText<'_> {
    /// The arguments' text. Some servers write the object itself instead of its text.
    pub(super) fn arguments(&self) -> String {
        let Some(written) = self.arguments else { return String::new() };
        match written.get().as_bytes().first() {
            Some(b'"') => super::raw::text(written).unwrap_or_default().into_owned(),
            Some(b'{' | b'[') => written.get().to_owned(),
            _ => String::new(),
        }
    }
}
