//! The list of models in Google's form.

use bytes::Bytes;

use crate::form::ModelEntry;
use crate::object::{ObjectText, array};

/// `{"models":[…]}`.
pub(super) fn write_models(models: &[ModelEntry<'_>]) -> Bytes {
    let models: Vec<String> = models.iter().map(model_object).collect();
    Bytes::from(format!(r#"{{"models":{}}}"#, array(&models)))
}

/// One model by itself.
pub(super) fn write_model(model: &ModelEntry<'_>) -> Bytes {
    Bytes::from(model_object(model))
}

/// A limit that is not known is left out, for a zero would be believed.
fn model_object(model: &ModelEntry<'_>) -> String {
    const METHODS: &str = r#"["generateContent","streamGenerateContent","countTokens","embedContent","batchEmbedContents"]"#;
    let mut object = ObjectText::new();
    object.text("name", &format!("models/{}", model.id));
    object.text("displayName", model.id);
    object.whole_if("inputTokenLimit", model.context_tokens_max);
    object.whole_if("outputTokenLimit", model.output_tokens_max);
    object.raw("supportedGenerationMethods", METHODS);
    object.end()
}
