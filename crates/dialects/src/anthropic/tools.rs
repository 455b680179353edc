//! Tools and the choice among them, read and written.

use domain::{
    Conversation, Dialect, Function, HostedKind, HostedTool, Json, Loss, Losses, Needs, Tool,
    ToolChoice,
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::block::json_of;
use super::parts::Parts;
use crate::json::{Members, Object, Shape, members, skip};
use crate::object::{ObjectText, array};
use crate::rewrite::insert_first;

/// The web search that every model with a search knows.
const WEB_SEARCH: &str = r#"{"type":"web_search_20250305","name":"web_search"}"#;
/// The arguments of a tool that takes free text elsewhere.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

#[derive(Default)]
struct ToolIn<'de> {
    kind: Shape<'de>,
    name: Shape<'de>,
    description: Shape<'de>,
    schema: Option<&'de RawValue>,
    strict: Shape<'de>,
    cache: Option<&'de RawValue>,
    /// Members that have no counterpart elsewhere.
    more: Vec<String>,
}

impl<'de> Members<'de> for ToolIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "description" => self.description = map.next_value()?,
            "input_schema" => self.schema = Some(map.next_value()?),
            "strict" => self.strict = map.next_value()?,
            "cache_control" => self.cache = Some(map.next_value()?),
            _ => {
                let value = map.next_value::<Shape<'de>>()?;
                if !matches!(value, Shape::Null | Shape::Bool(false)) {
                    self.more.push(format!("tools.{name}"));
                }
            }
        }
        Ok(())
    }
}

/// Reads one tool.
///
/// # Errors
/// A sentence if it is no object, or if a function of the caller's has no name.
pub(super) fn read_tool(raw: &RawValue, parts: &mut Parts) -> Result<Tool, &'static str> {
    let Ok(Object(Some(read))) = serde_json::from_str::<Object<ToolIn<'_>>>(raw.get()) else {
        return Err("must be an object");
    };
    if let Some(kind) = read.kind.as_text().filter(|kind| *kind != "custom") {
        parts.needs |= Needs::HOSTED_TOOLS;
        return Ok(Tool::Hosted(HostedTool {
            kind: hosted_kind(kind),
            dialect: Dialect::Anthropic,
            name: kind.into(),
            json: Json::new(raw.get()),
        }));
    }
    parts.needs |= Needs::TOOLS;
    read.more.iter().for_each(|name| parts.lose(name));
    Ok(Tool::Function(Function {
        name: read.name.as_text().ok_or("the name is missing")?.into(),
        description: read.description.as_text().map(Box::from),
        parameters: json_of(read.schema),
        strict: match read.strict {
            Shape::Bool(strict) => Some(strict),
            _ => None,
        },
        free_text: false,
        cache: json_of(read.cache),
    }))
}

fn hosted_kind(kind: &str) -> HostedKind {
    if kind.starts_with("web_search_") {
        HostedKind::WebSearch
    } else if kind.starts_with("web_fetch_") {
        HostedKind::WebFetch
    } else if kind.starts_with("code_execution_") {
        HostedKind::CodeExecution
    } else {
        HostedKind::Other
    }
}

#[derive(Default)]
struct ChoiceIn<'de> {
    kind: Shape<'de>,
    name: Shape<'de>,
    one_at_a_time: Shape<'de>,
}

impl<'de> Members<'de> for ChoiceIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "disable_parallel_tool_use" => self.one_at_a_time = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The choice, and whether several calls in one answer are allowed.
pub(super) fn read_tool_choice(
    raw: &RawValue,
    parts: &mut Parts,
) -> (Option<ToolChoice>, Option<bool>) {
    let read = serde_json::from_str::<Object<ChoiceIn<'_>>>(raw.get()).ok();
    let Some(read) = read.and_then(|object| object.0) else { return (None, None) };
    let choice = match (read.kind.as_text(), read.name.as_text()) {
        (Some("auto"), _) => Some(ToolChoice::Auto),
        (Some("none"), _) => Some(ToolChoice::None),
        (Some("any"), _) => Some(ToolChoice::Required),
        (Some("tool"), Some(name)) => Some(ToolChoice::Named(name.into())),
        _ => {
            parts.lose("tool_choice");
            None
        }
    };
    let parallel = match read.one_at_a_time {
        Shape::Bool(one) => Some(!one),
        _ => None,
    };
    (choice, parallel)
}

/// The tools that may be called, as an array; empty text if there are none. Tools that stand in
/// the history and are no longer offered must be named to Anthropic all the same: `called` are
/// their names.
/// The second value tells that these are all there are, which must not be called.
pub(super) fn write_tools(
    read: &Conversation,
    called: &[Box<str>],
    losses: &mut Losses,
) -> (String, bool) {
    let mut written: Vec<String> = Vec::new();
    for tool in &read.tools {
        match tool {
            Tool::Function(function) if is_offered(read, &function.name) => {
                written.push(write_function(function, losses));
            }
            Tool::Function(_) => {}
            Tool::Hosted(hosted) if hosted.dialect == Dialect::Anthropic => {
                written.push(hosted.json.as_str().to_owned());
            }
            Tool::Hosted(hosted) if hosted.kind == HostedKind::WebSearch => {
                losses.approximated("tools.web_search");
                written.push(WEB_SEARCH.to_owned());
            }
            Tool::Hosted(hosted) => losses.add(Loss::unmapped(&format!("tools.{}", hosted.name))),
        }
    }
    let only_history = written.is_empty() && !called.is_empty();
    if only_history {
        losses.approximated("tools");
        written.extend(called.iter().map(|name| {
            ObjectText::new().text("name", name).raw("input_schema", r#"{"type":"object"}"#).end()
        }));
    }
    let list = if written.is_empty() { String::new() } else { array(&written) };
    (list, only_history)
}

/// A choice among some tools is kept by offering those alone.
fn is_offered(read: &Conversation, name: &str) -> bool {
    match &read.tool_choice {
        Some(ToolChoice::Among { names, .. }) if !names.is_empty() => {
            names.iter().any(|one| **one == *name)
        }
        _ => true,
    }
}

fn write_function(function: &Function, losses: &mut Losses) -> String {
    let schema = if function.free_text {
        losses.approximated("tools.custom");
        FREE_TEXT.to_owned()
    } else {
        function.parameters.as_ref().map_or(NO_ARGUMENTS.to_owned(), |json| typed(json.as_str()))
    };
    let mut object = ObjectText::new();
    object
        .text("name", &function.name)
        .text_if("description", function.description.as_deref())
        .raw("input_schema", &schema);
    if let (Some(strict), false) = (function.strict, function.free_text) {
        object.flag("strict", strict);
    }
    object.raw_if("cache_control", function.cache.as_ref().map(Json::as_str)).end()
}

/// Anthropic wants the word `object` at the top of the schema; elsewhere it may be left out.
fn typed(schema: &str) -> String {
    let text = schema.as_bytes();
    if !schema.starts_with('{') {
        return NO_ARGUMENTS.to_owned();
    }
    if members(text).iter().any(|member| member.is_named(text, "type")) {
        return schema.to_owned();
    }
    let change = insert_first(text, r#""type":"object""#);
    let (before, after) = schema.split_at(change.place.start);
    format!("{before}{}{after}", change.text)
}

/// The choice among the tools; `None` if it need not be told.
pub(super) fn write_tool_choice(
    read: &Conversation,
    any_offered: bool,
    losses: &mut Losses,
) -> Option<String> {
    let one_at_a_time = read.parallel_calls == Some(false);
    if !any_offered {
        let forced = matches!(
            read.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Among { .. })
        );
        if forced {
            losses.dropped("tool_choice");
        }
        return None;
    }
    let mut object = match &read.tool_choice {
        None if !one_at_a_time && read.parallel_calls.is_none() => return None,
        None | Some(ToolChoice::Auto | ToolChoice::Among { required: false, .. }) => {
            ObjectText::of("auto")
        }
        Some(ToolChoice::None) => return Some(ObjectText::of("none").end()),
        Some(ToolChoice::Required | ToolChoice::Among { required: true, .. }) => {
            ObjectText::of("any")
        }
        Some(ToolChoice::Named(name)) => {
            let mut object = ObjectText::of("tool");
            object.text("name", name);
            object
        }
    };
    if let Some(parallel) = read.parallel_calls {
        object.flag("disable_parallel_tool_use", !parallel);
    }
    Some(object.end())
}
