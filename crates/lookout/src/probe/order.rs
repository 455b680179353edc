//! A probe's question as a request that every upstream understands.
//!
//! It is written in Anthropic's form, because that one has a single name for the limit of output
//! tokens; what speaks another dialect translates it from the full form, and knows by the model's
//! card which name and which effort that model wants.

use bytes::Bytes;
use domain::{
    Content, Conversation, Dialect, Effort, Full, Outline, Reasoning, Request, Role, Sampling, Turn,
};

use super::Question;

/// Prompt tokens of a question, generously: the words, and what providers put around them.
pub(super) const PROMPT_TOKENS_MAX: u64 = 48;

/// The request. `thinks` asks a model that is known to think to do so as little as it can.
pub(super) fn request(
    question: &Question,
    model: &str,
    output_tokens_max: u64,
    thinks: bool,
) -> Request {
    const BEFORE_MODEL: &str = r#"{"model":"#;
    let name = serde_json::Value::from(model).to_string();
    let text = serde_json::Value::from(question.text());
    let body = format!(
        r#"{BEFORE_MODEL}{name},"max_tokens":{output_tokens_max},"stream":true,"messages":[{{"role":"user","content":{text}}}]}}"#
    );
    let outline = Outline {
        model: model.into(),
        model_at: Some(BEFORE_MODEL.len()..BEFORE_MODEL.len() + name.len()),
        stream: true,
        usage_in_stream: true,
        output_tokens_max: Some(output_tokens_max),
        ..Outline::default()
    };
    let request = Request::new(Dialect::Anthropic, Bytes::from(body), outline);
    let conversation = Conversation {
        turns: vec![Turn::new(Role::User, vec![Content::text(question.text())])],
        sampling: Sampling { output_tokens_max: Some(output_tokens_max), ..Sampling::default() },
        reasoning: Reasoning { effort: thinks.then_some(Effort::Low), ..Reasoning::default() },
        ..Conversation::default()
    };
    let kept: Result<_, std::convert::Infallible> =
        request.full(|_| Ok(Full::Conversation(conversation)));
    if let Err(never) = kept {
        match never {}
    }
    request
}
