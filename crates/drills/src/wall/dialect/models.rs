//! The lists of models, and one entry of them, in each dialect's form.

use serde_json::{Value, json};

use super::super::catalogue::{Entry, catalogue};
use super::Dialect;

/// When every model of the wall was made, in both spellings: 4 June 2024.
const CREATED: u64 = 1_717_459_200;
const CREATED_TEXT: &str = "2024-06-04T00:00:00Z";

/// All models.
pub(crate) fn list(dialect: Dialect) -> Value {
    let entries: Vec<&Entry> = catalogue().collect();
    let models: Vec<Value> = entries.iter().map(|entry| one(dialect, entry.id)).collect();
    match dialect {
        Dialect::Gemini => json!({ "models": models }),
        Dialect::Messages => json!({
            "data": models,
            "has_more": false,
            "first_id": entries.first().map(|entry| entry.id),
            "last_id": entries.last().map(|entry| entry.id),
        }),
        _ => json!({ "object": "list", "data": models }),
    }
}

/// One model.
pub(crate) fn one(dialect: Dialect, id: &str) -> Value {
    match dialect {
        Dialect::Gemini => json!({
            "name": format!("models/{id}"),
            "version": "001",
            "displayName": id,
            "description": "A model of the fault wall.",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": [
                "generateContent", "streamGenerateContent", "countTokens", "embedContent",
            ],
        }),
        Dialect::Messages => json!({
            "type": "model", "id": id, "display_name": id, "created_at": CREATED_TEXT,
        }),
        _ => json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "wall" }),
    }
}
