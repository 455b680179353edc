//! Tools and the choice among them, in Google's form.

use domain::{
    Conversation, Dialect, Function, HostedKind, HostedTool, Loss, Losses, Tool, ToolChoice,
};

use super::fields::on_one_line;
use super::known_models::Bears;
use crate::json::quoted;
use crate::object::{ObjectText, array};

/// The schema of the one argument of a function that takes free text.
const FREE_TEXT_SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Adds `tools` and `toolConfig`.
pub(super) fn write(said: &Conversation, bears: Bears, top: &mut ObjectText, losses: &mut Losses) {
    let mut functions = Vec::new();
    let mut hosted = Vec::new();
    for tool in &said.tools {
        match tool {
            Tool::Function(function) => functions.push(write_function(function, losses)),
            Tool::Hosted(tool) => hosted.extend(write_hosted(tool, losses)),
        }
    }
    // Before the third generation a request has either.
    let together = !functions.is_empty() && !hosted.is_empty();
    if together && bears.refuses_schema_with_functions() {
        hosted.clear();
        losses.dropped("tools.hosted");
    }
    let mut tools = hosted;
    let mut config = ObjectText::new();
    if together && bears.third() {
        config.raw("includeServerSideToolInvocations", "true");
    }
    if !functions.is_empty() {
        tools.push(format!(r#"{{"functionDeclarations":{}}}"#, array(&functions)));
        config.raw_if("functionCallingConfig", said.tool_choice.as_ref().map(write_choice));
    } else if said.tool_choice.as_ref().is_some_and(|choice| *choice != ToolChoice::Auto) {
        losses.dropped("tool_choice");
    }
    if said.parallel_calls == Some(false) {
        losses.dropped("parallel_tool_calls");
    }
    top.list_if("tools", &tools);
    if !config.is_empty() {
        top.raw("toolConfig", &config.end());
    }
}

fn write_function(function: &Function, losses: &mut Losses) -> String {
    if function.strict == Some(true) {
        losses.dropped("tools.strict");
    }
    if function.cache.is_some() {
        losses.dropped("cache_control");
    }
    let mut declaration = ObjectText::new();
    declaration.text("name", &function.name);
    declaration.text_if("description", function.description.as_deref());
    if function.free_text {
        losses.approximated("tools.custom");
        declaration.raw("parametersJsonSchema", FREE_TEXT_SCHEMA);
    } else if let Some(parameters) = &function.parameters {
        declaration.raw("parametersJsonSchema", &on_one_line(parameters.as_str()));
    }
    declaration.end()
}

/// A tool of Google's own as it was written; of others' tools those that Google has the like of.
fn write_hosted(tool: &HostedTool, losses: &mut Losses) -> Option<String> {
    if tool.dialect == Dialect::Gemini {
        return Some(on_one_line(tool.json.as_str()).into_owned());
    }
    let (name, told) = match tool.kind {
        HostedKind::WebSearch => ("googleSearch", "web_search"),
        HostedKind::WebFetch => ("urlContext", "web_fetch"),
        HostedKind::CodeExecution => ("codeExecution", "code_execution"),
        HostedKind::Other => {
            losses.add(Loss::unmapped(&tool.name));
            return None;
        }
    };
    losses.approximated(told);
    Some(format!(r#"{{"{name}":{{}}}}"#))
}

fn write_choice(choice: &ToolChoice) -> String {
    let list =
        |names: &[Box<str>]| array(&names.iter().map(|name| quoted(name)).collect::<Vec<_>>());
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", None),
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Named(name) => ("ANY", Some(list(std::slice::from_ref(name)))),
        ToolChoice::Among { names, required: true } => ("ANY", Some(list(names))),
        ToolChoice::Among { names, required: false } => ("VALIDATED", Some(list(names))),
    };
    let mut config = ObjectText::new();
    config.text("mode", mode);
    config.raw_if("allowedFunctionNames", names);
    config.end()
}
