//! The callers of the wall's dialects: how each asks, and a plain reader of what each is told. The
//! readers know only what a client must know; they share nothing with the wall.

use serde_json::{Value, json};

use crate::client::Reply;

/// Whose client is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Chat,
    Azure,
    Messages,
    Gemini,
    /// Gemini's stream without `alt=sse`.
    GeminiArray,
    Responses,
    Agent,
}

/// What an answer says, in no dialect.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) thought: String,
    pub(crate) seal: String,
    pub(crate) refusal: String,
    pub(crate) calls: Vec<(String, Value)>,
    /// The dialect's own word for how it ended; empty if it never said.
    pub(crate) finish: String,
    pub(crate) cited: Vec<String>,
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    /// Whether the last mark of a stream came.
    pub(crate) marked: bool,
    pub(crate) failed: bool,
}

use Speaker::{Agent, Azure, Chat, Gemini, GeminiArray, Messages, Responses};

impl Speaker {
    pub(crate) const ALL: [Self; 7] =
        [Chat, Azure, Messages, Gemini, GeminiArray, Responses, Agent];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Chat => "chat",
            Azure => "azure",
            Messages => "messages",
            Gemini | GeminiArray => "gemini",
            Responses => "responses",
            Agent => "agent",
        }
    }

    pub(crate) fn path(self, model: &str, stream: bool) -> String {
        match (self, stream) {
            (Chat, _) => "/v1/chat/completions".to_owned(),
            (Azure, _) => {
                format!("/openai/deployments/{model}/chat/completions?api-version=2024-10-21")
            }
            (Messages, _) => "/v1/messages".to_owned(),
            (Gemini, true) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            (GeminiArray, true) => format!("/v1/models/{model}:streamGenerateContent"),
            (Gemini | GeminiArray, false) => format!("/v1beta/models/{model}:generateContent"),
            (Responses, _) => "/v1/responses".to_owned(),
            (Agent, _) => "/v1/agent".to_owned(),
        }
    }

    pub(crate) fn headers(self) -> &'static str {
        if self == Messages { "anthropic-version: 2023-06-01\r\n" } else { "" }
    }

    /// A request of one user turn with two words; `more` is merged into it.
    pub(crate) fn body(self, model: &str, stream: bool, more: &Value) -> Value {
        let turns = json!([{"role": "user", "content": "go on"}]);
        let mut body = match self {
            Chat => json!({"model": model, "stream": stream, "messages": turns,
                "stream_options": {"include_usage": true}}),
            Azure => json!({"stream": stream, "messages": turns,
                "stream_options": {"include_usage": true}}),
            Messages => {
                json!({"model": model, "stream": stream, "messages": turns, "max_tokens": 100})
            }
            Gemini | GeminiArray => {
                json!({"contents": [{"role": "user", "parts": [{"text": "go on"}]}]})
            }
            Responses => json!({"model": model, "stream": stream, "input": turns}),
            Agent => json!({"model": model, "stream": stream, "input": turns}),
        };
        let fields = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(fields);
        body
    }

    /// The field that offers tools with these names, each with one property, `hour`.
    pub(crate) fn offering(self, names: &[&str]) -> Value {
        let schema = json!({"type": "object", "properties": {"hour": {"type": "integer"}}});
        let tool = |name: &&str| match self {
            Chat | Azure => {
                json!({"type": "function", "function": {"name": name, "parameters": schema}})
            }
            Messages => json!({"name": name, "input_schema": schema}),
            Gemini | GeminiArray => json!({"name": name, "parameters": schema}),
            Responses | Agent => {
                json!({"type": "function", "name": name, "parameters": schema})
            }
        };
        let tools: Vec<Value> = names.iter().map(tool).collect();
        match self {
            Gemini | GeminiArray => json!({"tools": [{"functionDeclarations": tools}]}),
            _ => json!({ "tools": tools }),
        }
    }

    /// The turn that brings a call's result, in the field that holds it.
    pub(crate) fn result(self) -> Value {
        match self {
            Chat | Azure => json!({"messages": [
                {"role": "tool", "tool_call_id": "call_wall_1", "content": "noon"}]}),
            Messages => json!({"messages": [{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_wall_1", "content": "noon"}]}]}),
            Gemini | GeminiArray => json!({"contents": [{"role": "user", "parts": [
                {"functionResponse": {"name": "clock", "response": {"now": "noon"}}}]}]}),
            Responses | Agent => json!({"input": [
                {"type": "function_call_output", "call_id": "call_wall_1", "output": "noon"}]}),
        }
    }

    /// A last turn that is the assistant's own.
    pub(crate) fn prefilled(self, text: &str) -> Value {
        match self {
            Chat | Azure | Messages => {
                json!({"messages": [{"role": "assistant", "content": text}]})
            }
            Gemini | GeminiArray => {
                json!({"contents": [{"role": "model", "parts": [{"text": text}]}]})
            }
            Responses | Agent => json!({"input": [{"role": "assistant", "content": text}]}),
        }
    }

    /// A schema that the answer must fit.
    pub(crate) fn structured(self, schema: &Value) -> Value {
        match self {
            Chat | Azure => json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "n", "schema": schema}}}),
            Messages => {
                json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}})
            }
            Gemini => json!({"generationConfig": {"responseJsonSchema": schema}}),
            GeminiArray => json!({"generationConfig": {"responseSchema": schema}}),
            Responses => {
                json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}})
            }
            Agent => json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "n", "schema": schema}}}),
        }
    }

    /// A turn with an image.
    pub(crate) fn picture(self) -> Value {
        let data = "data:image/png;base64,AA==";
        match self {
            Chat | Azure => json!({"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": data}}]}]}),
            Messages => json!({"messages": [{"role": "user", "content": [{"type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}]}]}),
            Gemini | GeminiArray => json!({"contents": [{"role": "user", "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}]}),
            Responses | Agent => json!({"input": [{"role": "user", "content": [
                {"type": "input_image", "image_url": data}]}]}),
        }
    }

    /// Each event that can be read; what cannot is none.
    pub(crate) fn events(self, reply: &Reply) -> Vec<Option<Value>> {
        let read = |text: &str| serde_json::from_str(text).ok();
        if self == GeminiArray {
            // The wall writes each element on a line of its own.
            let lines = reply.body.lines().map(|line| line.trim_start_matches('['));
            return lines.filter(|line| line.starts_with('{')).map(read).collect();
        }
        reply.data().into_iter().filter(|data| *data != "[DONE]").map(read).collect()
    }

    /// What a stream says, as far as it came.
    pub(crate) fn streamed(self, reply: &Reply) -> Seen {
        let mut seen = Seen::default();
        for event in self.events(reply).into_iter().flatten() {
            match self {
                Chat | Azure => chat_chunk(&mut seen, &event),
                Messages => message_event(&mut seen, &event),
                Gemini | GeminiArray => gemini_response(&mut seen, &event),
                Responses | Agent => response_event(&mut seen, &event),
            }
        }
        match self {
            Chat | Azure => seen.marked = reply.data().last() == Some(&"[DONE]"),
            Gemini => seen.failed = reply.body.contains("\n{\"error\""),
            GeminiArray => seen.marked &= reply.body.ends_with(']'),
            _ => {}
        }
        seen.failed |= reply.body.starts_with("{\"error\"");
        for call in &mut seen.calls {
            if let Value::String(text) = &call.1 {
                call.1 = serde_json::from_str(text).unwrap_or(Value::Null);
            }
        }
        seen
    }

    /// What a whole body says.
    pub(crate) fn whole(self, reply: &Reply) -> Seen {
        let body = reply.json();
        let mut seen = Seen::default();
        match self {
            Chat | Azure => chat_whole(&mut seen, &body),
            Messages => message_whole(&mut seen, &body),
            Gemini | GeminiArray => gemini_response(&mut seen, &body),
            Responses | Agent => response_whole(&mut seen, &body),
        }
        // Only streams have a mark.
        Seen { marked: false, ..seen }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn parsed(arguments: &Value) -> Value {
    serde_json::from_str(text(arguments)).unwrap_or(Value::Null)
}

fn chat_usage(seen: &mut Seen, usage: &Value) {
    seen.input = count(&usage["prompt_tokens"]);
    seen.cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    seen.output = count(&usage["completion_tokens"]);
}

fn chat_message(seen: &mut Seen, message: &Value) {
    seen.text.push_str(text(&message["content"]));
    seen.thought.push_str(text(&message["reasoning_content"]));
    seen.refusal.push_str(text(&message["refusal"]));
    let cited = items(&message["annotations"]).iter();
    seen.cited.extend(cited.map(|it| text(&it["url_citation"]["url"]).to_owned()));
}

fn chat_chunk(seen: &mut Seen, chunk: &Value) {
    seen.failed |= chunk.get("error").is_some();
    if chunk["usage"].is_object() {
        chat_usage(seen, &chunk["usage"]);
    }
    let choice = &chunk["choices"][0];
    chat_message(seen, &choice["delta"]);
    for call in items(&choice["delta"]["tool_calls"]) {
        let index = usize::try_from(count(&call["index"])).unwrap();
        if call["id"].is_string() {
            assert_eq!(index, seen.calls.len());
            seen.calls.push((text(&call["function"]["name"]).to_owned(), json!("")));
        }
        let arguments =
            format!("{}{}", text(&seen.calls[index].1), text(&call["function"]["arguments"]));
        seen.calls[index].1 = json!(arguments);
    }
    if choice["finish_reason"].is_string() {
        text(&choice["finish_reason"]).clone_into(&mut seen.finish);
    }
}

fn chat_whole(seen: &mut Seen, body: &Value) {
    let choice = &body["choices"][0];
    chat_message(seen, &choice["message"]);
    for call in items(&choice["message"]["tool_calls"]) {
        let function = &call["function"];
        seen.calls.push((text(&function["name"]).to_owned(), parsed(&function["arguments"])));
    }
    text(&choice["finish_reason"]).clone_into(&mut seen.finish);
    chat_usage(seen, &body["usage"]);
}

fn message_usage(seen: &mut Seen, usage: &Value) {
    seen.cached = count(&usage["cache_read_input_tokens"]);
    seen.input = count(&usage["input_tokens"]) + seen.cached;
    seen.output = count(&usage["output_tokens"]);
}

fn message_event(seen: &mut Seen, event: &Value) {
    match text(&event["type"]) {
        "content_block_start" if event["content_block"]["type"] == "tool_use" => {
            seen.calls.push((text(&event["content_block"]["name"]).to_owned(), json!("")));
        }
        "content_block_delta" => {
            let delta = &event["delta"];
            seen.text.push_str(text(&delta["text"]));
            seen.thought.push_str(text(&delta["thinking"]));
            seen.seal.push_str(text(&delta["signature"]));
            if let Some(call) = seen.calls.last_mut() {
                call.1 = json!(format!("{}{}", text(&call.1), text(&delta["partial_json"])));
            }
            if delta["type"] == "citations_delta" {
                seen.cited.push(text(&delta["citation"]["url"]).to_owned());
            }
        }
        "message_delta" => {
            text(&event["delta"]["stop_reason"]).clone_into(&mut seen.finish);
            text(&event["delta"]["stop_details"]["explanation"]).clone_into(&mut seen.refusal);
            message_usage(seen, &event["usage"]);
        }
        "message_stop" => seen.marked = true,
        "error" => seen.failed = true,
        _ => {}
    }
}

fn message_whole(seen: &mut Seen, body: &Value) {
    for block in items(&body["content"]) {
        seen.text.push_str(text(&block["text"]));
        seen.thought.push_str(text(&block["thinking"]));
        seen.seal.push_str(text(&block["signature"]));
        let cited = items(&block["citations"]).iter();
        seen.cited.extend(cited.map(|it| text(&it["url"]).to_owned()));
        if block["type"] == "tool_use" {
            seen.calls.push((text(&block["name"]).to_owned(), block["input"].clone()));
        }
    }
    text(&body["stop_reason"]).clone_into(&mut seen.finish);
    text(&body["stop_details"]["explanation"]).clone_into(&mut seen.refusal);
    message_usage(seen, &body["usage"]);
}

fn gemini_response(seen: &mut Seen, response: &Value) {
    seen.failed |= response.get("error").is_some();
    let candidate = &response["candidates"][0];
    for part in items(&candidate["content"]["parts"]) {
        let into = if part["thought"] == true { &mut seen.thought } else { &mut seen.text };
        into.push_str(text(&part["text"]));
        seen.seal.push_str(text(&part["thoughtSignature"]));
        if let Some(call) = part.get("functionCall") {
            seen.calls.push((text(&call["name"]).to_owned(), call["args"].clone()));
        }
    }
    if response["promptFeedback"]["blockReason"].is_string() {
        seen.finish = "blocked".to_owned();
        text(&response["promptFeedback"]["blockReason"]).clone_into(&mut seen.refusal);
    }
    if candidate["finishReason"].is_string() {
        text(&candidate["finishReason"]).clone_into(&mut seen.finish);
    }
    seen.marked = !seen.finish.is_empty();
    let cited = items(&candidate["groundingMetadata"]["groundingChunks"]).iter();
    seen.cited.extend(cited.map(|it| text(&it["web"]["uri"]).to_owned()));
    let usage = &response["usageMetadata"];
    seen.input = count(&usage["promptTokenCount"]);
    seen.cached = count(&usage["cachedContentTokenCount"]);
    seen.output = count(&usage["candidatesTokenCount"]) + count(&usage["thoughtsTokenCount"]);
}

fn response_event(seen: &mut Seen, event: &Value) {
    match text(&event["type"]).trim_start_matches("response.") {
        "output_text.delta" => seen.text.push_str(text(&event["delta"])),
        "refusal.delta" => seen.refusal.push_str(text(&event["delta"])),
        "reasoning_summary_text.delta" => seen.thought.push_str(text(&event["delta"])),
        "reasoning.started" => seen.thought.push_str(text(&event["thought"])),
        "completed" | "incomplete" => {
            let told = std::mem::take(seen);
            response_whole(seen, &event["response"]);
            // What was streamed is what the whole says; an agent's thoughts are in events only.
            assert_eq!(seen.text, told.text);
            seen.thought = told.thought;
            seen.marked = true;
        }
        "error" | "failed" => seen.failed = true,
        _ => {}
    }
}

fn response_whole(seen: &mut Seen, body: &Value) {
    for item in items(&body["output"]) {
        for part in items(&item["content"]) {
            seen.text.push_str(text(&part["text"]));
            seen.refusal.push_str(text(&part["refusal"]));
            let cited = items(&part["annotations"]).iter();
            seen.cited.extend(cited.map(|it| text(&it["url"]).to_owned()));
        }
        for part in items(&item["summary"]) {
            seen.thought.push_str(text(&part["text"]));
        }
        seen.seal.push_str(text(&item["encrypted_content"]));
        if item["type"] == "function_call" {
            seen.calls.push((text(&item["name"]).to_owned(), parsed(&item["arguments"])));
        }
    }
    seen.finish = match body["incomplete_details"]["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => text(&body["status"]).to_owned(),
    };
    let usage = &body["usage"];
    seen.input = count(&usage["input_tokens"]);
    seen.cached = count(&usage["input_tokens_details"]["cached_tokens"]);
    seen.output = count(&usage["output_tokens"]);
}
