//! Reads the tools that a request offers and the choice among them. Unknown kinds of tools never
//! fail: they are tools that only this dialect knows.

use domain::{Dialect, Function, HostedKind, HostedTool, Json, Tool, ToolChoice};
use serde_json::value::RawValue;

use crate::raw::{elements, is_object, is_true, kind_of, object, raw_members, text, word};

raw_members! {
    /// A tool of the caller's.
    Own {
        name = "name",
        description = "description",
        parameters = "parameters",
        strict = "strict",
        format = "format",
        function = "function",
        kind = "type",
    }
}

raw_members! {
    /// What a tool is called by.
    Kind { kind = "type", name = "name", server_label = "server_label" }
}

raw_members! {
    /// A choice that is an object.
    Choice { kind = "type", name = "name", mode = "mode", tools = "tools", function = "function" }
}

/// What a tool of this type does, as far as other dialects have the like.
pub(super) fn hosted_kind(kind: &str) -> HostedKind {
    match kind {
        "code_interpreter" | "sandbox" => HostedKind::CodeExecution,
        "fetch_url" | "web_fetch" => HostedKind::WebFetch,
        kind if kind.starts_with("web_search") => HostedKind::WebSearch,
        _ => HostedKind::Other,
    }
}

/// Reads one tool; names of members that have no place go to `lost`.
///
/// # Errors
/// What is wrong, to be read behind the name of the place.
pub(super) fn read_tool(raw: &RawValue, lost: &mut Vec<Box<str>>) -> Result<Tool, String> {
    if !is_object(raw) {
        return Err(" must be an object".to_owned());
    }
    let Some(kind) = kind_of(raw) else {
        return Err(" has no `type`".to_owned());
    };
    match kind.as_ref() {
        "function" | "custom" => read_function(raw, kind.as_ref() == "custom", lost),
        _ => Ok(Tool::Hosted(HostedTool {
            kind: hosted_kind(&kind),
            dialect: Dialect::OpenAiResponses,
            json: Json::new(raw.get()),
            name: kind,
        })),
    }
}

fn read_function(
    raw: &RawValue,
    free_text: bool,
    lost: &mut Vec<Box<str>>,
) -> Result<Tool, String> {
    let outer = object::<Own<'_>>(raw).unwrap_or_default();
    // Some clients wrap the function as chat completions do.
    let inner = outer.function.filter(|_| outer.name.is_none()).and_then(object::<Own<'_>>);
    let own = inner.unwrap_or(outer);
    let name = word(own.name).ok_or(" has no `name`")?;
    lost.extend(own.rest.iter().map(|name| format!("tools.{name}").into_boxed_str()));
    let format = own.format.and_then(kind_of);
    if format.is_some_and(|format| format.as_ref() != "text") {
        lost.push("tools.format".into());
    }
    Ok(Tool::Function(Function {
        name: name.into(),
        description: own.description.and_then(text).map(Box::from),
        parameters: own.parameters.filter(|raw| is_object(raw)).map(|raw| Json::new(raw.get())),
        strict: own.strict.map(is_true),
        free_text,
        cache: None,
    }))
}

/// Reads the choice; `None` if it says something that has no place, which is for the loss list.
pub(super) fn read_choice(raw: &RawValue) -> Option<ToolChoice> {
    if let Some(word) = text(raw) {
        return match word.as_ref() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" | "any" => Some(ToolChoice::Required),
            _ => None,
        };
    }
    let choice = object::<Choice<'_>>(raw)?;
    let kind = word(choice.kind)?;
    match kind.as_ref() {
        "function" | "custom" => {
            let inner = choice.function.and_then(object::<Kind<'_>>).and_then(|inner| inner.name);
            let name = word(choice.name).or_else(|| word(inner))?;
            Some(ToolChoice::Named(name.into()))
        }
        "allowed_tools" => {
            let required = word(choice.mode).is_some_and(|mode| mode == "required");
            let names = elements(choice.tools?)?.into_iter().filter_map(name_of).collect();
            Some(ToolChoice::Among { names, required })
        }
        _ => None,
    }
}

/// How a tool is called in a list of allowed ones; a hosted tool has no name but its type.
fn name_of(raw: &RawValue) -> Option<Box<str>> {
    let tool = object::<Kind<'_>>(raw)?;
    let name = word(tool.name).or_else(|| word(tool.server_label)).or_else(|| word(tool.kind));
    name.map(Box::from)
}
