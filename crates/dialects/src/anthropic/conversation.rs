//! Reads the full form of a request: its members at the top, and its turns. The parts of a turn
//! are read in `parts`.

use domain::{Content, Conversation, Effort, Needs, OutputFormat, Reasoning, Role, Sampling, Turn};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::block::{elements, json_of};
use super::parts::Parts;
use super::tools::{read_tool, read_tool_choice};
use crate::Malformed;
use crate::body::read_object;
use crate::json::{Members, Object, Shape, skip};
use crate::raw;

/// Reads turns, tools, settings and needs, those inside the turns as well.
///
/// # Errors
/// A sentence for the caller if the body is no JSON object of bearable depth and size, or if a
/// message, a part of one or a tool cannot be understood.
pub(super) fn read_conversation(body: &[u8]) -> Result<Conversation, Malformed> {
    let whole: Whole<'_> = read_object(body)?;
    let mut parts = Parts::default();
    whole.unmapped.iter().for_each(|name| parts.lose(name));
    let mut turns = Vec::new();
    if let Some(system) = whole.system.filter(|system| system.get() != "null") {
        let content = parts.content(system, "system").map_err(|at| Malformed::new(at, "system"))?;
        turns.push(Turn::new(Role::System, content));
    }
    let list = whole.messages.filter(|list| list.get().starts_with('['));
    let Some(list) = list else {
        return Err(Malformed::new("`messages` must be an array", "messages"));
    };
    for (place, message) in elements(Some(list)).into_iter().enumerate() {
        let place = format!("messages[{place}]");
        read_message(message, &place, &mut parts, &mut turns)
            .map_err(|wrong| Malformed::new(wrong, "messages"))?;
    }
    let mut read = Conversation { turns, sampling: whole.sampling, ..Conversation::default() };
    for (place, tool) in elements(whole.tools).into_iter().enumerate() {
        let tool = read_tool(tool, &mut parts)
            .map_err(|wrong| Malformed::new(format!("`tools[{place}]`: {wrong}"), "tools"))?;
        read.tools.push(tool);
    }
    if let Some(choice) = whole.tool_choice {
        (read.tool_choice, read.parallel_calls) = read_tool_choice(choice, &mut parts);
    }
    let config = whole.output_config.unwrap_or_default();
    read.format = read_format(config.format.or(whole.output_format), &mut parts);
    read.reasoning = read_reasoning(&whole.thinking.unwrap_or_default(), &config, &mut parts);
    read.about.service_tier = whole.service_tier.as_text().map(Box::from);
    read.about.user = whole.metadata.and_then(|raw| read_user(raw, &mut parts));
    if read.format != OutputFormat::Text {
        parts.needs |= Needs::JSON_OUTPUT;
    }
    if read.reasoning.effort.is_some_and(|effort| effort > Effort::None)
        || read.reasoning.budget_tokens.is_some()
    {
        parts.needs |= Needs::REASONING;
    }
    read.needs = parts.needs;
    read.unmapped = parts.unmapped;
    Ok(read)
}

#[derive(Default)]
struct Whole<'de> {
    system: Option<&'de RawValue>,
    messages: Option<&'de RawValue>,
    tools: Option<&'de RawValue>,
    tool_choice: Option<&'de RawValue>,
    thinking: Option<ThinkingIn<'de>>,
    output_config: Option<OutputConfig<'de>>,
    output_format: Option<&'de RawValue>,
    metadata: Option<&'de RawValue>,
    service_tier: Shape<'de>,
    sampling: Sampling,
    unmapped: Vec<String>,
}

impl<'de> Members<'de> for Whole<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let sampling = &mut self.sampling;
        match name {
            "model" | "stream" => skip(map)?,
            "system" => self.system = Some(map.next_value()?),
            "messages" => self.messages = Some(map.next_value()?),
            "tools" => self.tools = Some(map.next_value()?),
            "tool_choice" => self.tool_choice = Some(map.next_value()?),
            "thinking" => self.thinking = map.next_value::<Object<_>>()?.0,
            "output_config" => self.output_config = map.next_value::<Object<_>>()?.0,
            "output_format" => self.output_format = Some(map.next_value()?),
            "metadata" => self.metadata = Some(map.next_value()?),
            "service_tier" => self.service_tier = map.next_value()?,
            "max_tokens" => {
                sampling.output_tokens_max = map.next_value::<Shape<'de>>()?.as_u64();
            }
            "temperature" => sampling.temperature = map.next_value::<Shape<'de>>()?.as_f64(),
            "top_p" => sampling.top_p = map.next_value::<Shape<'de>>()?.as_f64(),
            "top_k" => sampling.top_k = map.next_value::<Shape<'de>>()?.as_u64(),
            "stop_sequences" => {
                let list: &RawValue = map.next_value()?;
                sampling.stop = serde_json::from_str(list.get()).unwrap_or_default();
            }
            _ => {
                if !matches!(map.next_value::<Shape<'de>>()?, Shape::Null | Shape::Array(0)) {
                    self.unmapped.push(name.to_owned());
                }
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Message<'de> {
    role: Shape<'de>,
    content: Option<&'de RawValue>,
    /// Another member, which is lost.
    more: bool,
}

impl<'de> Members<'de> for Message<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "role" => self.role = map.next_value()?,
            "content" => self.content = Some(map.next_value()?),
            // SDKs put a whole answer of the assistant back among the messages.
            "id" | "type" | "model" | "usage" => skip(map)?,
            _ => self.more |= map.next_value::<Shape<'de>>()? != Shape::Null,
        }
        Ok(())
    }
}

fn read_message(
    raw: &RawValue,
    place: &str,
    parts: &mut Parts,
    turns: &mut Vec<Turn>,
) -> Result<(), String> {
    let Some(message) = raw::object::<Message<'_>>(raw) else {
        return Err(format!("`{place}` must be an object"));
    };
    let role = match message.role.as_text() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        Some(_) => return Err(format!("`{place}.role` must be `user`, `assistant` or `system`")),
        None => return Err(format!("`{place}.role` is missing")),
    };
    let Some(content) = message.content else {
        return Err(format!("`{place}.content` is missing"));
    };
    if message.more {
        parts.lose("messages");
    }
    let content = parts.content(content, &format!("{place}.content"))?;
    if role != Role::User {
        turns.push(Turn::new(role, content));
        return Ok(());
    }
    let (results, rest): (Vec<_>, Vec<_>) =
        content.into_iter().partition(|part| matches!(part, Content::ToolResult(_)));
    let only_results = !results.is_empty() && rest.is_empty();
    if !results.is_empty() {
        // All that answers one turn of the assistant stands together, also if it came in several
        // messages.
        let since = turns.iter().rposition(|turn| turn.role == Role::Assistant);
        let open = turns.iter_mut().skip(since.map_or(0, |at| at + 1));
        match open.into_iter().find(|turn| turn.role == Role::Tool) {
            Some(turn) => turn.content.extend(results),
            None => turns.push(Turn::new(Role::Tool, results)),
        }
    }
    if !only_results {
        turns.push(Turn::new(Role::User, rest));
    }
    Ok(())
}

#[derive(Default)]
struct ThinkingIn<'de> {
    kind: Shape<'de>,
    budget: Shape<'de>,
    display: Shape<'de>,
}

impl<'de> Members<'de> for ThinkingIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "budget_tokens" => self.budget = map.next_value()?,
            "display" => self.display = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct OutputConfig<'de> {
    effort: Shape<'de>,
    format: Option<&'de RawValue>,
    more: bool,
}

impl<'de> Members<'de> for OutputConfig<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "effort" => self.effort = map.next_value()?,
            "format" => self.format = Some(map.next_value()?),
            _ => self.more |= map.next_value::<Shape<'de>>()? != Shape::Null,
        }
        Ok(())
    }
}

/// Adaptive thinking without an effort is of the effort `high`, as Anthropic documents it.
fn read_reasoning(
    thinking: &ThinkingIn<'_>,
    config: &OutputConfig<'_>,
    parts: &mut Parts,
) -> Reasoning {
    if config.more {
        parts.lose("output_config");
    }
    let effort = match config.effort.as_text() {
        Some("low") => Some(Effort::Low),
        Some("medium") => Some(Effort::Medium),
        Some("high") => Some(Effort::High),
        Some("xhigh" | "max") => Some(Effort::Highest),
        Some(_) => {
            parts.lose("output_config.effort");
            None
        }
        None => None,
    };
    let shown = match thinking.display.as_text() {
        Some("omitted") => Some(false),
        Some(_) => Some(true),
        None => None,
    };
    match thinking.kind.as_text() {
        Some("disabled") => {
            if effort.is_some() {
                parts.lose("output_config.effort");
            }
            Reasoning { effort: Some(Effort::None), budget_tokens: None, shown }
        }
        Some("enabled") => {
            Reasoning { effort, budget_tokens: thinking.budget.as_u64().or(Some(1024)), shown }
        }
        Some("adaptive") => {
            Reasoning { effort: effort.or(Some(Effort::High)), budget_tokens: None, shown }
        }
        Some(_) => {
            parts.lose("thinking");
            Reasoning { effort, budget_tokens: None, shown: None }
        }
        None => Reasoning { effort, budget_tokens: None, shown: None },
    }
}

#[derive(Default)]
struct FormatIn<'de> {
    kind: Shape<'de>,
    name: Shape<'de>,
    schema: Option<&'de RawValue>,
}

impl<'de> Members<'de> for FormatIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "schema" => self.schema = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn read_format(raw: Option<&RawValue>, parts: &mut Parts) -> OutputFormat {
    let Some(raw) = raw.and_then(raw::present) else {
        return OutputFormat::Text;
    };
    let read: FormatIn<'_> = raw::object(raw).unwrap_or_default();
    match (read.kind.as_text(), json_of(read.schema)) {
        (Some("json_schema"), Some(schema)) => OutputFormat::JsonSchema {
            name: read.name.as_text().map(Box::from),
            description: None,
            schema,
            strict: None,
        },
        _ => {
            parts.lose("output_config.format");
            OutputFormat::Text
        }
    }
}

#[derive(Default)]
struct Metadata<'de> {
    user: Shape<'de>,
    more: bool,
}

impl<'de> Members<'de> for Metadata<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "user_id" => self.user = map.next_value()?,
            _ => self.more |= map.next_value::<Shape<'de>>()? != Shape::Null,
        }
        Ok(())
    }
}

fn read_user(raw: &RawValue, parts: &mut Parts) -> Option<Box<str>> {
    let read: Metadata<'_> = raw::object(raw)?;
    if read.more {
        parts.lose("metadata");
    }
    read.user.as_text().map(Box::from)
}
