//! What the caller sends: a request in each of four dialects. The wall's own readers are not used,
//! for a caller and a provider that share a mistake would not see it.

use serde_json::{Value, json};

/// The dialect in which the caller speaks to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallerDialect {
    /// OpenAI's chat completions.
    #[default]
    Chat,
    /// Anthropic's messages.
    Anthropic,
    Gemini,
    /// OpenAI's responses.
    Responses,
}

/// What a request holds beside its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Extra {
    #[default]
    None,
    /// A tool is offered.
    Tool,
    /// A structured answer is asked for.
    Json,
    /// Reasoning that was sealed by somebody else comes back.
    Sealed,
    /// The word that S36 cannot bear.
    Poison,
    /// The answer is limited to one token.
    Tiny,
}

const QUESTION: &str = "What does the harbour do?";
const SEAL: &str = "c2VhbGVkLWVsc2V3aGVyZQ==";
const TOKENS_MAX: u32 = 1_024;

impl CallerDialect {
    pub(crate) fn path(self, model: &str) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".to_owned(),
            Self::Anthropic => "/v1/messages".to_owned(),
            Self::Gemini => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Self::Responses => "/v1/responses".to_owned(),
        }
    }

    /// The header lines that this dialect needs, and the caller's key in its place.
    pub(crate) fn headers(self, key: Option<&str>) -> String {
        let version =
            if self == Self::Anthropic { "anthropic-version: 2023-06-01\r\n" } else { "" };
        let key = match (self, key) {
            (_, None) => String::new(),
            (Self::Anthropic, Some(key)) => format!("x-api-key: {key}\r\n"),
            (Self::Gemini, Some(key)) => format!("x-goog-api-key: {key}\r\n"),
            (Self::Chat | Self::Responses, Some(key)) => format!("authorization: Bearer {key}\r\n"),
        };
        format!("{version}{key}")
    }

    /// A streamed question to a model.
    pub(crate) fn body(self, model: &str, extra: Extra) -> Value {
        let question = if extra == Extra::Poison { "What is wall-poison?" } else { QUESTION };
        let limit = if extra == Extra::Tiny { 1 } else { TOKENS_MAX };
        match self {
            Self::Chat => chat(model, question, limit, extra),
            Self::Anthropic => anthropic(model, question, limit, extra),
            Self::Gemini => gemini(question, limit, extra),
            Self::Responses => responses(model, question, limit, extra),
        }
    }
}

fn schema() -> Value {
    json!({
        "type": "object", "properties": {"city": {"type": "string"}, "hour": {"type": "integer"}},
        "required": ["city", "hour"], "additionalProperties": false,
    })
}

fn put(body: &mut Value, name: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(name.to_owned(), value);
    }
}

fn chat(model: &str, question: &str, limit: u32, extra: Extra) -> Value {
    let mut body = json!({
        "model": model, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": question}],
    });
    match extra {
        Extra::Tiny => put(&mut body, "max_completion_tokens", json!(limit)),
        Extra::Tool => {
            let tool = json!({"type": "function", "function": {
                "name": "tide", "description": "The tide.", "parameters": schema(),
            }});
            put(&mut body, "tools", json!([tool]));
        }
        Extra::Json => {
            let format = json!({"type": "json_schema", "json_schema": {
                "name": "tide", "strict": true, "schema": schema(),
            }});
            put(&mut body, "response_format", format);
        }
        // This dialect has no place for a seal.
        Extra::Sealed | Extra::None | Extra::Poison => {}
    }
    body
}

fn anthropic(model: &str, question: &str, limit: u32, extra: Extra) -> Value {
    let mut body = json!({
        "model": model, "stream": true, "max_tokens": limit,
        "messages": [{"role": "user", "content": question}],
    });
    match extra {
        Extra::Tool => {
            let tool =
                json!({"name": "tide", "description": "The tide.", "input_schema": schema()});
            put(&mut body, "tools", json!([tool]));
        }
        Extra::Json => {
            let format = json!({"format": {"type": "json_schema", "schema": schema()}});
            put(&mut body, "output_config", format);
        }
        Extra::Sealed => {
            let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": SEAL});
            let said = json!({"type": "text", "text": "It works."});
            let turns = json!([
                {"role": "user", "content": question},
                {"role": "assistant", "content": [thought, said]},
                {"role": "user", "content": "And what does it do?"},
            ]);
            put(&mut body, "messages", turns);
        }
        Extra::None | Extra::Poison | Extra::Tiny => {}
    }
    body
}

fn gemini(question: &str, limit: u32, extra: Extra) -> Value {
    let turn = |role: &str, part: Value| json!({"role": role, "parts": [part]});
    let mut body = json!({
        "contents": [turn("user", json!({"text": question}))],
        "generationConfig": {"maxOutputTokens": limit},
    });
    match extra {
        Extra::Tool => {
            let tool = json!({"name": "tide", "description": "The tide.", "parametersJsonSchema": schema()});
            put(&mut body, "tools", json!([{"functionDeclarations": [tool]}]));
        }
        Extra::Json => {
            let settings =
                json!({"responseMimeType": "application/json", "responseJsonSchema": schema()});
            put(&mut body, "generationConfig", settings);
        }
        Extra::Sealed => {
            let said = json!({"text": "It works.", "thoughtSignature": SEAL});
            let turns = json!([
                turn("user", json!({"text": question})),
                turn("model", said),
                turn("user", json!({"text": "And what does it do?"})),
            ]);
            put(&mut body, "contents", turns);
        }
        Extra::None | Extra::Poison | Extra::Tiny => {}
    }
    body
}

fn responses(model: &str, question: &str, limit: u32, extra: Extra) -> Value {
    let mut body = json!({
        "model": model, "stream": true, "store": false,
        "input": [{"role": "user", "content": question}],
    });
    match extra {
        Extra::Tiny => put(&mut body, "max_output_tokens", json!(limit)),
        Extra::Tool => {
            let tool = json!({
                "type": "function", "name": "tide", "description": "The tide.", "strict": true,
                "parameters": schema(),
            });
            put(&mut body, "tools", json!([tool]));
        }
        Extra::Json => {
            let format = json!({"format": {
                "type": "json_schema", "name": "tide", "strict": true, "schema": schema(),
            }});
            put(&mut body, "text", format);
        }
        Extra::Sealed => {
            let items = json!([
                {"role": "user", "content": question},
                {"type": "reasoning", "id": "rs_elsewhere", "summary": [], "encrypted_content": SEAL},
                {"role": "assistant", "content": "It works."},
                {"role": "user", "content": "And what does it do?"},
            ]);
            put(&mut body, "input", items);
        }
        Extra::None | Extra::Poison => {}
    }
    body
}
