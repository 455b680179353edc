//! What a request says of tools: what is offered, and whether something must be called.

use domain::{Dialect, Function, HostedKind, HostedTool, Json, Needs, Tool, ToolChoice};
use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::config::Texts;
use super::fields::{camel, present, read_raw, text};
use super::schema::to_json_schema;
use crate::json::{Array, Elements, Members, Object, Shape};
use crate::object::ObjectText;

/// The tools of a request.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) needs: Needs,
    pub(super) unmapped: Vec<Box<str>>,
}

impl Tools {
    /// Reads `tools`.
    ///
    /// # Errors
    /// A sentence with its place.
    pub(super) fn read(list: &RawValue) -> Result<Self, String> {
        let mut read = Self::default();
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
            return Err("`tools` must be an array".to_owned());
        };
        for (at, element) in elements.into_iter().enumerate() {
            let Some(wire) = read_raw::<WireTool<'_>>(element) else {
                return Err(format!("`tools[{at}]` must be an object"));
            };
            for (place, declaration) in wire.functions.into_iter().enumerate() {
                let place = format!("tools[{at}].functionDeclarations[{place}]");
                let Some(declaration) = declaration else {
                    return Err(format!("`{place}` must be an object"));
                };
                read.take_function(declaration, &place)?;
            }
            wire.hosted.into_iter().for_each(|(name, tool)| read.take_hosted(&name, tool));
        }
        Ok(read)
    }

    fn take_function(&mut self, wire: Declaration<'_>, place: &str) -> Result<(), String> {
        let Some(name) = wire.name.filter(|name| !name.is_empty()) else {
            return Err(format!("`{place}` has no name"));
        };
        let parameters = match (wire.json_schema, wire.google_schema) {
            (Some(schema), _) => Some(Json::new(schema.get())),
            (None, Some(schema)) => {
                let (schema, left_out) = to_json_schema(schema);
                if left_out {
                    self.note("tools.parameters.propertyOrdering");
                }
                Some(schema)
            }
            (None, None) => None,
        };
        wire.strange.iter().for_each(|name| self.note(&format!("tools.{name}")));
        self.needs |= Needs::TOOLS;
        self.tools.push(Tool::Function(Function {
            name: name.into(),
            description: wire.description.map(Into::into),
            parameters,
            ..Function::default()
        }));
        Ok(())
    }

    fn take_hosted(&mut self, name: &str, tool: &RawValue) {
        let mut json = ObjectText::new();
        json.foreign(name, tool.get());
        self.needs |= Needs::HOSTED_TOOLS;
        self.tools.push(Tool::Hosted(HostedTool {
            kind: hosted_kind(name),
            dialect: Dialect::Gemini,
            name: Box::from(name),
            json: Json::new(json.end()),
        }));
    }

    fn note(&mut self, name: &str) {
        if !self.unmapped.iter().any(|known| **known == *name) {
            self.unmapped.push(Box::from(name));
        }
    }
}

fn hosted_kind(name: &str) -> HostedKind {
    match name {
        "googleSearch" | "googleSearchRetrieval" | "enterpriseWebSearch" => HostedKind::WebSearch,
        "urlContext" => HostedKind::WebFetch,
        "codeExecution" => HostedKind::CodeExecution,
        _ => HostedKind::Other,
    }
}

/// One element of `tools`: functions, or tools of Google's by their names, or both.
#[derive(Debug, Default)]
struct WireTool<'de> {
    functions: Vec<Option<Declaration<'de>>>,
    hosted: Vec<(String, &'de RawValue)>,
}

impl<'de> Members<'de> for WireTool<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "functionDeclarations" => {
                let Array(list) = map.next_value::<Array<Declarations<'de>>>()?;
                self.functions.extend(list.unwrap_or_default().0);
            }
            other => {
                if let Some(tool) = present(map.next_value()?) {
                    self.hosted.push((other.to_owned(), tool));
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Declarations<'de>(Vec<Option<Declaration<'de>>>);

impl<'de> Elements<'de> for Declarations<'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let Some(Object(declaration)) = seq.next_element::<Object<Declaration<'de>>>()? else {
            return Ok(false);
        };
        self.0.push(declaration);
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Declaration<'de> {
    name: Option<String>,
    description: Option<String>,
    google_schema: Option<&'de RawValue>,
    json_schema: Option<&'de RawValue>,
    strange: Vec<String>,
}

impl<'de> Members<'de> for Declaration<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let owned = |shape: Shape<'de>| text(shape).map(std::borrow::Cow::into_owned);
        match &*camel(name) {
            "name" => self.name = owned(map.next_value()?),
            "description" => self.description = owned(map.next_value()?),
            "parameters" => self.google_schema = present(map.next_value()?),
            "parametersJsonSchema" => self.json_schema = present(map.next_value()?),
            other => {
                if map.next_value::<Shape<'de>>()? != Shape::Null {
                    self.strange.push(other.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// `toolConfig`: the choice, and names of what the internal form cannot hold.
#[derive(Debug, Default)]
pub(super) struct ToolConfig {
    mode: String,
    names: Vec<String>,
    strange: Vec<String>,
}

impl<'de> Members<'de> for ToolConfig {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match &*camel(name) {
            "functionCallingConfig" => {
                if let Object(Some(inner)) = map.next_value::<Object<Self>>()? {
                    self.mode = inner.mode;
                    self.names = inner.names;
                }
            }
            "mode" => {
                let mode = map.next_value::<Shape<'de>>()?;
                self.mode = mode.as_text().unwrap_or_default().to_ascii_uppercase();
            }
            "allowedFunctionNames" => {
                self.names = map.next_value::<Array<Texts>>()?.0.unwrap_or_default().0;
            }
            other => {
                if map.next_value::<Shape<'de>>()? != Shape::Null {
                    self.strange.push(format!("toolConfig.{other}"));
                }
            }
        }
        Ok(())
    }
}

impl ToolConfig {
    /// The choice, and the names of what it cannot hold.
    pub(super) fn read(self) -> (Option<ToolChoice>, Vec<String>) {
        let mut unmapped = self.strange;
        let mut names: Vec<Box<str>> = self.names.into_iter().map(Into::into).collect();
        let choice = match (self.mode.as_str(), names.len()) {
            ("AUTO", _) => ToolChoice::Auto,
            ("NONE", _) => ToolChoice::None,
            ("ANY", 0) => ToolChoice::Required,
            ("ANY", 1) => ToolChoice::Named(names.pop().unwrap_or_default()),
            ("ANY", _) => ToolChoice::Among { names, required: true },
            ("VALIDATED", 0) => {
                unmapped.push("toolConfig.mode".to_owned());
                ToolChoice::Auto
            }
            ("VALIDATED", _) => ToolChoice::Among { names, required: false },
            _ => return (None, unmapped),
        };
        (Some(choice), unmapped)
    }
}
