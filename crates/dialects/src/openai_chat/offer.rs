//! Writes the tools that a request offers, and the choice among them.

use domain::{
    Conversation, Dialect, Function, HostedKind, HostedTool, Loss, Losses, Needs, Tool, ToolChoice,
};

use super::order::Whom;
use crate::form::Vendor;
use crate::object::{ObjectText, array};

/// Writes `tools`, `tool_choice`, `parallel_tool_calls` and a hosted search.
pub(super) fn write_tools(
    whom: Whom<'_>,
    conversation: &Conversation,
    body: &mut ObjectText,
    losses: &mut Losses,
) {
    let among = match &conversation.tool_choice {
        // Who does not know the choice among some tools is offered only those.
        Some(ToolChoice::Among { names, .. }) if !whom.is_original() => Some(names),
        _ => None,
    };
    let mut written = Vec::new();
    for tool in &conversation.tools {
        match tool {
            Tool::Function(function) => {
                if among.is_none_or(|names| names.contains(&function.name)) {
                    written.push(write_function(whom, function, losses));
                }
            }
            Tool::Hosted(tool) => written.extend(write_hosted(whom, tool, body, losses)),
        }
    }
    if written.is_empty() {
        // OpenAI refuses a choice among nothing.
        if matches!(
            conversation.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Among { .. })
        ) {
            losses.dropped("tool_choice");
        }
        return;
    }
    body.list("tools", &written);
    if let Some(choice) = &conversation.tool_choice {
        body.raw("tool_choice", &write_choice(whom, choice, &conversation.tools, losses));
    }
    if let Some(parallel) = conversation.parallel_calls {
        // OpenAI's first models that think refuse the member, and true is what it is without.
        let usual = parallel && whom.is_original() && whom.reasons == Some(true);
        if whom.vendor == Vendor::Perplexity {
            losses.dropped("parallel_tool_calls");
        } else if !usual {
            body.raw("parallel_tool_calls", if parallel { "true" } else { "false" });
        }
    }
}

fn write_function(whom: Whom<'_>, function: &Function, losses: &mut Losses) -> String {
    if function.cache.is_some() {
        losses.dropped("cache_control");
    }
    let mut inner = ObjectText::new();
    inner.text("name", &function.name);
    inner.text_if("description", function.description.as_deref());
    let kind = if function.free_text && whom.is_original() { "custom" } else { "function" };
    if function.free_text {
        if !whom.is_original() {
            losses.approximated("tools.custom");
            inner.raw("parameters", FREE_TEXT);
        }
    } else {
        match &function.parameters {
            Some(schema) => {
                inner.raw("parameters", schema.as_str());
            }
            None if whom.is_original() => {}
            None => {
                inner.raw("parameters", r#"{"type":"object","properties":{}}"#);
            }
        }
        if let Some(strict) = function.strict {
            inner.raw("strict", if strict { "true" } else { "false" });
        }
    }
    let mut tool = ObjectText::new();
    tool.text("type", kind).raw(kind, &inner.end());
    tool.end()
}

/// What a tool for free text takes where there are only functions.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// A hosted tool as an element of `tools`, or else as a member of its own.
fn write_hosted(
    whom: Whom<'_>,
    tool: &HostedTool,
    body: &mut ObjectText,
    losses: &mut Losses,
) -> Option<String> {
    if tool.dialect == Dialect::OpenAiChat {
        if &*tool.name != "web_search_options" {
            return Some(tool.json.as_str().to_owned());
        }
        if whom.vendor != Vendor::Gemini && !whom.is_mistral() {
            body.raw("web_search_options", tool.json.as_str());
            return None;
        }
    }
    match tool.kind {
        // Sonar searches whether it is asked to or not.
        HostedKind::WebSearch if whom.vendor == Vendor::Perplexity => {
            losses.approximated("tools.web_search");
        }
        HostedKind::WebSearch if whom.can.contains(Needs::HOSTED_TOOLS) => {
            losses.approximated("tools.web_search");
            body.raw("web_search_options", "{}");
        }
        HostedKind::WebSearch => losses.dropped("tools.web_search"),
        HostedKind::WebFetch => losses.dropped("tools.web_fetch"),
        HostedKind::CodeExecution => losses.dropped("tools.code_execution"),
        HostedKind::Other => losses.add(Loss::unmapped(&format!("tools.{}", tool.name))),
    }
    None
}

fn write_choice(
    whom: Whom<'_>,
    choice: &ToolChoice,
    tools: &[Tool],
    losses: &mut Losses,
) -> String {
    let free_text = |name: &str| {
        whom.is_original()
            && tools.iter().any(|tool| match tool {
                Tool::Function(function) => function.free_text && &*function.name == name,
                Tool::Hosted(_) => false,
            })
    };
    let hosted = |name: &str| {
        tools.iter().any(|tool| matches!(tool, Tool::Hosted(tool) if &*tool.name == name))
    };
    let named = |name: &str| {
        let mut whole = ObjectText::new();
        if hosted(name) {
            whole.text("type", name);
            return whole.end();
        }
        let kind = if free_text(name) { "custom" } else { "function" };
        let mut inner = ObjectText::new();
        inner.text("name", name);
        whole.text("type", kind).raw(kind, &inner.end());
        whole.end()
    };
    match choice {
        ToolChoice::Auto => r#""auto""#.to_owned(),
        ToolChoice::None => r#""none""#.to_owned(),
        ToolChoice::Required => r#""required""#.to_owned(),
        ToolChoice::Named(name) => named(name),
        ToolChoice::Among { names, required } if whom.is_original() => {
            let tools: Vec<String> = names.iter().map(|name| named(name)).collect();
            let mode = if *required { "required" } else { "auto" };
            format!(
                r#"{{"type":"allowed_tools","allowed_tools":{{"mode":"{mode}","tools":{}}}}}"#,
                array(&tools)
            )
        }
        ToolChoice::Among { required, .. } => {
            losses.approximated("tool_choice");
            if *required { r#""required""#.to_owned() } else { r#""auto""#.to_owned() }
        }
    }
}
