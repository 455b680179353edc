//! Writes the tools that a request offers and the choice among them.

use domain::{
    Conversation, Dialect, Function, HostedKind, HostedTool, Loss, Losses, Tool, ToolChoice,
};

use super::{agent, agent_search};
use crate::form::Vendor;
use crate::object::{ObjectText, array};

/// A function that takes nothing.
const NO_PARAMETERS: &str =
    r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;

/// The tools as an array, or `None` if none is left.
pub(super) fn write_tools(
    conversation: &Conversation,
    vendor: Vendor,
    losses: &mut Losses,
) -> Option<String> {
    let mut written = Vec::with_capacity(conversation.tools.len());
    let mut filtered = match vendor {
        Vendor::Perplexity => agent_search::filtered(&conversation.additions),
        _ => None,
    };
    for tool in &conversation.tools {
        if vendor == Vendor::Perplexity && !is_allowed(tool, conversation.tool_choice.as_ref()) {
            // It cannot be told which of its tools it may use; what it may not is not offered.
            losses.approximated("tool_choice");
            continue;
        }
        match tool {
            Tool::Function(function) => written.extend(write_function(function, vendor, losses)),
            // A search that says nothing itself is the one that the filters are for.
            Tool::Hosted(hosted) if is_plain_search(hosted) && filtered.is_some() => {
                written.extend(filtered.take());
            }
            Tool::Hosted(hosted) => written.extend(write_hosted(hosted, vendor, losses)),
        }
    }
    written.extend(filtered);
    (!written.is_empty()).then(|| array(&written))
}

fn is_plain_search(tool: &HostedTool) -> bool {
    tool.kind == HostedKind::WebSearch && tool.dialect == Dialect::OpenAiChat
}

fn is_allowed(tool: &Tool, choice: Option<&ToolChoice>) -> bool {
    let name = match tool {
        Tool::Function(function) => &function.name,
        Tool::Hosted(hosted) => &hosted.name,
    };
    match choice {
        Some(ToolChoice::None) => false,
        Some(ToolChoice::Among { names, .. }) => names.contains(name),
        Some(ToolChoice::Named(wanted)) => wanted == name,
        Some(ToolChoice::Auto | ToolChoice::Required) | None => true,
    }
}

fn write_function(function: &Function, vendor: Vendor, losses: &mut Losses) -> Option<String> {
    if function.cache.is_some() {
        losses.dropped("cache_control");
    }
    let kind = if function.free_text { "custom" } else { "function" };
    if function.free_text && vendor == Vendor::Perplexity {
        losses.dropped("tools.custom");
        return None;
    }
    let mut tool = ObjectText::of(kind);
    tool.text("name", &function.name).text_if("description", function.description.as_deref());
    if function.free_text {
        return Some(tool.end());
    }
    let parameters = function.parameters.as_ref().map_or(NO_PARAMETERS, |json| json.as_str());
    // Left out it would mean true here, and false in every other dialect.
    let strict = function.strict.unwrap_or(false);
    Some(tool.raw("parameters", parameters).flag("strict", strict).end())
}

fn write_hosted(tool: &HostedTool, vendor: Vendor, losses: &mut Losses) -> Option<String> {
    let known = match vendor {
        Vendor::Perplexity => agent::bears_tool(&tool.name),
        Vendor::OpenAi | Vendor::Azure => !agent::extends(tool.json.as_str()),
        Vendor::Anthropic | Vendor::Gemini | Vendor::Compatible => true,
    };
    if tool.dialect == Dialect::OpenAiResponses
        && (vendor, tool.kind) == (Vendor::Perplexity, HostedKind::WebSearch)
        && let Some((borne, lost)) = agent_search::borne(tool.json.as_str())
    {
        if lost {
            losses.approximated("tools.web_search");
        }
        return Some(borne);
    }
    if tool.dialect == Dialect::OpenAiResponses && known {
        return Some(tool.json.as_str().to_owned());
    }
    let mut written = match (tool.kind, vendor) {
        (HostedKind::WebSearch, _) => ObjectText::of("web_search"),
        (HostedKind::WebFetch, Vendor::Perplexity) => ObjectText::of("fetch_url"),
        (HostedKind::CodeExecution, Vendor::Perplexity) => ObjectText::of("sandbox"),
        (HostedKind::CodeExecution, _) => {
            let mut interpreter = ObjectText::of("code_interpreter");
            interpreter.raw("container", r#"{"type":"auto"}"#);
            interpreter
        }
        (HostedKind::WebFetch | HostedKind::Other, _) => {
            losses.add(Loss::unmapped(&format!("tools.{}", tool.name)));
            return None;
        }
    };
    losses.approximated(match tool.kind {
        HostedKind::WebSearch => "tools.web_search",
        HostedKind::WebFetch => "tools.web_fetch",
        HostedKind::CodeExecution | HostedKind::Other => "tools.code_execution",
    });
    Some(written.end())
}

/// The choice as a member's value; `None` if it need not be said or cannot be.
pub(super) fn write_choice(conversation: &Conversation, losses: &mut Losses) -> Option<String> {
    let choice = conversation.tool_choice.as_ref()?;
    if conversation.tools.is_empty() {
        // Servers refuse a choice among nothing.
        if !matches!(choice, ToolChoice::Auto | ToolChoice::None) {
            losses.dropped("tool_choice");
        }
        return None;
    }
    Some(match choice {
        ToolChoice::Auto => "\"auto\"".to_owned(),
        ToolChoice::None => "\"none\"".to_owned(),
        ToolChoice::Required => "\"required\"".to_owned(),
        ToolChoice::Named(name) => write_name(conversation, name).unwrap_or_else(|| {
            losses.approximated("tool_choice");
            "\"required\"".to_owned()
        }),
        ToolChoice::Among { names, required } => {
            let tools: Vec<String> =
                names.iter().filter_map(|name| write_name(conversation, name)).collect();
            if tools.len() < names.len() {
                losses.approximated("tool_choice");
            }
            ObjectText::of("allowed_tools")
                .text("mode", if *required { "required" } else { "auto" })
                .list("tools", &tools)
                .end()
        }
    })
}

/// A tool by its name; a hosted one is called by its type alone. `None` if no such tool is offered
/// here, which a server would refuse.
fn write_name(conversation: &Conversation, name: &str) -> Option<String> {
    let function = conversation.tools.iter().find_map(|tool| match tool {
        Tool::Function(function) if &*function.name == name => Some(function),
        _ => None,
    });
    if let Some(function) = function {
        let kind = if function.free_text { "custom" } else { "function" };
        return Some(ObjectText::of(kind).text("name", name).end());
    }
    let hosted = conversation.tools.iter().find_map(|tool| match tool {
        // Other dialects have a version behind the name.
        Tool::Hosted(hosted) if hosted.name.starts_with(name) => Some(hosted),
        _ => None,
    })?;
    let kind = match (hosted.dialect, hosted.kind) {
        (Dialect::OpenAiResponses, _) if !agent::adds_tool(&hosted.name) => &*hosted.name,
        (_, HostedKind::WebSearch) => "web_search",
        (_, HostedKind::CodeExecution) => "code_interpreter",
        (_, HostedKind::WebFetch | HostedKind::Other) => return None,
    };
    Some(ObjectText::of(kind).end())
}
