//! One answer object of the provider, a chunk of a stream or a whole answer, as it stands on the
//! wire. Members of a wrong type carry nothing; only broken JSON is an error.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::{camel, text, whole};
use super::finish::block_of;
use super::part::{Part, Parts};
use super::usage::WireUsage;
use crate::json::{Array, Elements, Members, Object, Shape, skip};
use crate::raw::present;

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default)]
pub(super) struct Chunk<'de> {
    /// `None` if there is no such array.
    pub(super) candidates: Option<Vec<Candidate<'de>>>,
    /// Why the prompt was refused.
    pub(super) block: Option<Box<str>>,
    pub(super) usage: Option<WireUsage>,
    pub(super) model: Option<Cow<'de, str>>,
    pub(super) id: Option<Cow<'de, str>>,
    /// There is an `error` member that says something.
    pub(super) error: bool,
    /// There is `promptFeedback`, which alone says that an answer is there.
    feedback: bool,
}

impl<'de> Members<'de> for Chunk<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "candidates" => {
                let Array(list) = map.next_value::<Array<Candidates<'de>>>()?;
                self.candidates = list.map(|list| list.0);
            }
            "promptFeedback" => {
                let feedback = map.next_value::<Object<Feedback>>()?.0;
                self.feedback = feedback.is_some();
                self.block = feedback.and_then(|feedback| feedback.block);
            }
            "usageMetadata" => self.usage = map.next_value::<Object<WireUsage>>()?.0,
            "modelVersion" => self.model = text(map.next_value()?).filter(|name| !name.is_empty()),
            "responseId" => self.id = text(map.next_value()?).filter(|id| !id.is_empty()),
            "error" => {
                let error = map.next_value::<&'de RawValue>()?;
                self.error = !matches!(error.get(), "null" | "false" | "\"\"");
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Chunk<'_> {
    /// True if the object is an answer at all.
    pub(super) fn is_answer(&self) -> bool {
        let says = self.candidates.is_some() || self.feedback || self.usage.is_some();
        let says = says || self.model.is_some();
        !self.error && says
    }
}

#[derive(Debug, Default)]
struct Feedback {
    block: Option<Box<str>>,
}

impl<'de> Members<'de> for Feedback {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "blockReason" => self.block = block_of(&map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Candidates<'de>(Vec<Candidate<'de>>);

impl<'de> Elements<'de> for Candidates<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(candidate)) = seq.next_element::<Object<Candidate<'de>>>()? else {
            return Ok(false);
        };
        self.0.extend(candidate);
        Ok(true)
    }
}

/// One of the answers that were drawn.
#[derive(Debug, Default)]
pub(super) struct Candidate<'de> {
    pub(super) index: u64,
    pub(super) parts: Vec<Option<Part<'de>>>,
    pub(super) finish: Shape<'de>,
    /// What the finish does not say.
    pub(super) message: Shape<'de>,
    pub(super) grounding: Option<&'de RawValue>,
    pub(super) citations: Option<&'de RawValue>,
    pub(super) logprobs: Option<&'de RawValue>,
    /// A bit for each member of [`UNHELD`] that is there.
    pub(super) unheld: u8,
}

/// Members of a candidate that the internal form cannot hold.
pub(super) const UNHELD: [&str; 4] =
    ["safetyRatings", "avgLogprobs", "finishMessage", "urlContextMetadata"];

impl<'de> Members<'de> for Candidate<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let name = camel(name);
        match &*name {
            "index" => self.index = whole(&map.next_value()?).unwrap_or(0),
            "content" => {
                self.parts = map.next_value::<Object<Said<'de>>>()?.0.unwrap_or_default().0;
            }
            "finishReason" => self.finish = map.next_value()?,
            "groundingMetadata" => self.grounding = present(map.next_value()?),
            "citationMetadata" => self.citations = present(map.next_value()?),
            "logprobsResult" => self.logprobs = present(map.next_value()?),
            _ => {
                let value = map.next_value::<Shape<'de>>()?;
                let place = UNHELD.iter().position(|unheld| **unheld == *name);
                if let (Some(place), true) = (place, value != Shape::Null) {
                    self.unheld |= 1 << place;
                }
                if name == "finishMessage" {
                    self.message = value;
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Said<'de>(Vec<Option<Part<'de>>>);

impl<'de> Members<'de> for Said<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "parts" => self.0 = map.next_value::<Array<Parts<'de>>>()?.0.unwrap_or_default().0,
            _ => skip(map)?,
        }
        Ok(())
    }
}
