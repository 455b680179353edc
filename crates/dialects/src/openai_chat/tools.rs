//! Reads what a request says of tools: those that it offers, the legacy functions, and the choice
//! among them.

use domain::{
    Conversation, Dialect, Function, HostedKind, HostedTool, Json, Needs, Tool, ToolChoice,
};
use serde_json::value::RawValue;

use super::raw::{Pair, elements, get, get_object, get_text, object, text, truth};
use crate::Malformed;

fn wrong(place: &str, what: &str) -> Malformed {
    Malformed::new(format!("`{place}` {what}"), "tools")
}

/// Reads `tools`; a type that we do not know is a tool that its provider knows.
pub(super) fn read_tools(value: &RawValue, into: &mut Conversation) -> Result<(), Malformed> {
    if value.get() == "null" {
        return Ok(());
    }
    let tools = elements(value).ok_or_else(|| wrong("tools", "must be an array"))?;
    for (place, tool) in tools.into_iter().enumerate() {
        let place = format!("tools[{place}]");
        let pairs = object(tool).ok_or_else(|| wrong(&place, "must be an object"))?;
        let kind = get_text(&pairs, "type");
        let cache = get(&pairs, "cache_control").filter(|cache| cache.get() != "null");
        let free_text = kind.as_deref() == Some("custom");
        match kind.as_deref() {
            // Some clients leave the type out.
            Some("function" | "custom") | None => {
                let inner = get_object(&pairs, kind.as_deref().unwrap_or("function"));
                let Some(mut function) = read_function(&inner) else {
                    return Err(wrong(&place, "must have a name"));
                };
                if free_text && get(&inner, "format").is_some_and(|form| form.get() != "null") {
                    into.unmapped.push("tools.custom.format".into());
                }
                function.free_text = free_text;
                function.cache = cache.map(|cache| Json::new(cache.get()));
                into.tools.push(Tool::Function(function));
                into.needs |= Needs::TOOLS;
            }
            Some(kind) => {
                into.tools.push(Tool::Hosted(HostedTool {
                    kind: hosted_kind(kind),
                    dialect: Dialect::OpenAiChat,
                    name: kind.into(),
                    json: Json::new(tool.get()),
                }));
                into.needs |= Needs::HOSTED_TOOLS;
            }
        }
    }
    Ok(())
}

/// Reads the legacy `functions`. The answer will have tool calls in place of a function call,
/// which is why they are named as a loss.
pub(super) fn read_functions(value: &RawValue, into: &mut Conversation) -> Result<(), Malformed> {
    if value.get() == "null" {
        return Ok(());
    }
    let functions = elements(value).ok_or_else(|| wrong("functions", "must be an array"))?;
    for (place, function) in functions.into_iter().enumerate() {
        let read = object(function).and_then(|pairs| read_function(&pairs));
        let read = read.ok_or_else(|| wrong(&format!("functions[{place}]"), "must have a name"))?;
        into.tools.push(Tool::Function(read));
        into.needs |= Needs::TOOLS;
    }
    into.unmapped.push("functions".into());
    Ok(())
}

fn read_function(pairs: &[Pair<'_>]) -> Option<Function> {
    let name = get_text(pairs, "name").filter(|name| !name.is_empty())?;
    Some(Function {
        name: name.into(),
        description: get_text(pairs, "description").map(Box::from),
        parameters: get(pairs, "parameters")
            .filter(|schema| schema.get() != "null")
            .map(|schema| Json::new(schema.get())),
        strict: get(pairs, "strict").and_then(truth),
        free_text: false,
        cache: None,
    })
}

/// What a tool does, as far as its type's name tells.
fn hosted_kind(name: &str) -> HostedKind {
    if name.contains("web_search") || name.contains("browser_search") {
        HostedKind::WebSearch
    } else if name.contains("web_fetch") || name.contains("visit_website") {
        HostedKind::WebFetch
    } else if name.contains("code_interpreter") || name.contains("code_execution") {
        HostedKind::CodeExecution
    } else {
        HostedKind::Other
    }
}

/// `web_search_options` is a search at the provider under another name.
pub(super) fn web_search(value: &RawValue, needs: &mut Needs) -> Option<Tool> {
    object(value)?;
    *needs |= Needs::HOSTED_TOOLS;
    Some(Tool::Hosted(HostedTool {
        kind: HostedKind::WebSearch,
        dialect: Dialect::OpenAiChat,
        name: "web_search_options".into(),
        json: Json::new(value.get()),
    }))
}

/// Reads `tool_choice`, or the legacy `function_call`.
pub(super) fn read_choice(value: &RawValue) -> Result<Option<ToolChoice>, Malformed> {
    let wrong = |what: &str| Malformed::new(format!("`tool_choice` {what}"), "tool_choice");
    if value.get() == "null" {
        return Ok(None);
    }
    if let Some(word) = text(value) {
        return match word.as_ref() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong("is none of `none`, `auto` and `required`")),
        };
    }
    let pairs = object(value).ok_or_else(|| wrong("must be a string or an object"))?;
    let allowed = get_object(&pairs, "allowed_tools");
    if !allowed.is_empty() {
        let tools = get(&allowed, "tools").and_then(elements).unwrap_or_default();
        let names = tools.into_iter().filter_map(object).filter_map(|tool| name_in(&tool));
        let required = get_text(&allowed, "mode").as_deref() == Some("required");
        return Ok(Some(ToolChoice::Among { names: names.collect(), required }));
    }
    match name_in(&pairs) {
        Some(name) => Ok(Some(ToolChoice::Named(name))),
        None => Err(wrong("names no tool")),
    }
}

/// The name in a choice: inside its function or custom tool, or beside its type. A hosted tool is
/// known by its type.
fn name_in(pairs: &[Pair<'_>]) -> Option<Box<str>> {
    let inner = |member| get_text(&get_object(pairs, member), "name").map(Box::<str>::from);
    let beside = || get_text(pairs, "name").map(Box::from);
    let hosted = || {
        let kind = get_text(pairs, "type")?;
        (!matches!(kind.as_ref(), "function" | "custom")).then(|| kind.into())
    };
    inner("function").or_else(|| inner("custom")).or_else(beside).or_else(hosted)
}
