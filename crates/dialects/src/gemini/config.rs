//! `generationConfig` of a request: how the answer is drawn, what form it has, how much is thought.

use domain::{Effort, Json, Needs, OutputFormat, Reasoning, Sampling};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::{camel, number, signed, whole};
use super::schema::to_json_schema;
use crate::json::{Array, Elements, Members, Object, Shape};
use crate::raw::{elements, object, present};

/// The settings, read.
#[derive(Debug, Default)]
pub(super) struct Config<'de> {
    pub(super) sampling: Sampling,
    pub(super) reasoning: Reasoning,
    pub(super) needs: Needs,
    /// Settings that the internal form cannot hold.
    pub(super) unmapped: Vec<Box<str>>,
    wants_logprobs: bool,
    logprobs: Option<u64>,
    json: bool,
    google_schema: Option<&'de RawValue>,
    json_schema: Option<&'de RawValue>,
}

impl<'de> Members<'de> for Config<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let name = camel(name);
        match &*name {
            "stopSequences" => {
                self.sampling.stop = map.next_value::<Array<Texts>>()?.0.unwrap_or_default().0;
            }
            "thinkingConfig" => {
                let thinking = map.next_value::<Object<Thinking>>()?.0.unwrap_or_default();
                self.take_thinking(&thinking);
            }
            "responseModalities" => {
                let modalities = map.next_value::<Array<Texts>>()?.0.unwrap_or_default().0;
                self.take_modalities(&modalities);
            }
            "responseSchema" => self.google_schema = present(map.next_value()?),
            "responseJsonSchema" => self.json_schema = present(map.next_value()?),
            "responseFormat" => self.take_formats(map.next_value()?),
            _ => {
                let value = map.next_value::<Shape<'de>>()?;
                self.take_plain(&name, &value);
            }
        }
        Ok(())
    }
}

impl<'de> Config<'de> {
    fn take_plain(&mut self, name: &str, value: &Shape<'_>) {
        let sampling = &mut self.sampling;
        match name {
            "temperature" => sampling.temperature = number(value),
            "topP" => sampling.top_p = number(value),
            "topK" => sampling.top_k = whole(value),
            "candidateCount" => {
                sampling.choices = whole(value);
                if sampling.choices > Some(1) {
                    self.needs |= Needs::MANY_CHOICES;
                }
            }
            "maxOutputTokens" => sampling.output_tokens_max = whole(value),
            "seed" => sampling.seed = signed(value),
            "presencePenalty" => sampling.presence_penalty = number(value),
            "frequencyPenalty" => sampling.frequency_penalty = number(value),
            "responseLogprobs" => {
                self.wants_logprobs = *value == Shape::Bool(true);
                if self.wants_logprobs {
                    self.needs |= Needs::LOGPROBS;
                }
            }
            "logprobs" => self.logprobs = whole(value),
            "responseMimeType" => match value.as_text() {
                Some("application/json") => self.json = true,
                Some("text/plain" | "") | None => {}
                Some(_) => self.note("responseMimeType"),
            },
            "speechConfig" if *value != Shape::Null => {
                self.needs |= Needs::AUDIO;
                self.note(name);
            }
            _ if *value != Shape::Null => self.note(name),
            _ => {}
        }
        if self.json {
            self.needs |= Needs::JSON_OUTPUT;
        }
    }

    fn note(&mut self, name: &str) {
        self.unmapped.push(Box::from(name));
    }

    fn take_modalities(&mut self, modalities: &[String]) {
        let is = |wanted: &str| modalities.iter().any(|word| word.eq_ignore_ascii_case(wanted));
        if is("audio") {
            self.needs |= Needs::AUDIO;
        }
        if modalities.iter().any(|word| !word.eq_ignore_ascii_case("text")) {
            self.note("responseModalities");
        }
    }

    fn take_thinking(&mut self, thinking: &Thinking) {
        let Thinking { shown, level, budget } = *thinking;
        self.reasoning = Reasoning { effort: level, budget_tokens: None, shown };
        match budget {
            Some(0) => self.reasoning.effort = Some(Effort::None),
            // -1 leaves it to the model, as does no budget.
            Some(budget) => self.reasoning.budget_tokens = u64::try_from(budget).ok(),
            None => {}
        }
        let asks = self.reasoning.effort.is_some_and(|effort| effort != Effort::None);
        if asks || self.reasoning.budget_tokens.is_some() {
            self.needs |= Needs::REASONING;
        }
    }

    /// The newer form: one format, or a list of them by kind of output.
    fn take_formats(&mut self, formats: &'de RawValue) {
        for format in elements(formats).unwrap_or_else(|| vec![formats]) {
            let Some(format) = object::<Format<'de>>(format) else { continue };
            self.json |= format.json;
            self.json_schema = format.schema.or(self.json_schema);
            if format.other {
                self.note("responseFormat");
            }
        }
        if self.json || self.json_schema.is_some() {
            self.needs |= Needs::JSON_OUTPUT;
        }
    }

    /// All needs, those of a schema as well.
    pub(super) fn all_needs(&self) -> Needs {
        let schema = self.json_schema.or(self.google_schema);
        self.needs | if schema.is_some() { Needs::JSON_OUTPUT } else { Needs::default() }
    }

    /// The form of the answer; a schema of Google's becomes a JSON schema.
    pub(super) fn format(&mut self) -> OutputFormat {
        let schema = match (self.json_schema, self.google_schema) {
            (Some(schema), _) => Json::new(schema.get()),
            (None, Some(schema)) => {
                let (schema, left_out) = to_json_schema(schema);
                if left_out {
                    self.note("responseSchema.propertyOrdering");
                }
                schema
            }
            (None, None) if self.json => return OutputFormat::JsonObject,
            (None, None) => return OutputFormat::Text,
        };
        OutputFormat::JsonSchema { name: None, description: None, schema, strict: None }
    }

    /// The sampling, with what stands in two members joined.
    pub(super) fn sampling(&mut self) -> Sampling {
        let mut sampling = std::mem::take(&mut self.sampling);
        sampling.logprobs = self.wants_logprobs.then(|| self.logprobs.unwrap_or(0));
        sampling
    }
}

/// `thinkingConfig`.
#[derive(Debug, Default)]
struct Thinking {
    shown: Option<bool>,
    level: Option<Effort>,
    budget: Option<i64>,
}

impl<'de> Members<'de> for Thinking {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let value = map.next_value::<Shape<'de>>()?;
        match &*camel(name) {
            "includeThoughts" => {
                self.shown = match value {
                    Shape::Bool(shown) => Some(shown),
                    _ => None,
                }
            }
            "thinkingLevel" => self.level = value.as_text().and_then(effort_of),
            "thinkingBudget" => self.budget = signed(&value),
            _ => {}
        }
        Ok(())
    }
}

fn effort_of(level: &str) -> Option<Effort> {
    Some(match level.to_ascii_uppercase().as_str() {
        "MINIMAL" => Effort::Minimal,
        "LOW" => Effort::Low,
        "MEDIUM" => Effort::Medium,
        "HIGH" => Effort::High,
        "XHIGH" => Effort::Highest,
        _ => return None,
    })
}

/// One format of `responseFormat`, or the text format in it.
#[derive(Debug, Default)]
struct Format<'de> {
    json: bool,
    schema: Option<&'de RawValue>,
    other: bool,
}

impl<'de> Members<'de> for Format<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "text" => {
                if let Object(Some(inner)) = map.next_value::<Object<Self>>()? {
                    *self = inner;
                }
            }
            "mimeType" => {
                let mime = map.next_value::<Shape<'de>>()?;
                let is = |word| mime.as_text().is_some_and(|mime| mime.eq_ignore_ascii_case(word));
                self.json = is("application/json") || is("APPLICATION_JSON");
            }
            "schema" | "jsonSchema" => self.schema = present(map.next_value()?),
            _ => self.other |= map.next_value::<Shape<'de>>()? != Shape::Null,
        }
        Ok(())
    }
}

/// All texts of an array.
#[derive(Debug, Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Elements<'de> for Texts {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(element) = seq.next_element::<Shape<'de>>()? else {
            return Ok(false);
        };
        self.0.extend(element.as_text().map(str::to_owned));
        Ok(true)
    }
}
