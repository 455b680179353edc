//! Other gateways' configurations, written anew as ours. Nothing is started and nothing is asked of
//! the environment: what the other file says is all that is known.

mod litellm;
mod plan;
mod toml_text;
mod vendors;

use thiserror::Error;

/// Bytes of a file that are taken.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A configuration of ours, and what of the other has no counterpart in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of a `seawall.toml`.
    pub toml: String,
    /// What was left out or means something else, a sentence each, with the place it stood at.
    pub notes: Vec<String>,
}

/// Why nothing could be imported. Blame: the file.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file is not YAML: {0}")]
    NotYaml(String),
    #[error(
        "the file has no `model_list` with a model in it; is it a LiteLLM proxy configuration?"
    )]
    NoModels,
}

/// Reads the configuration of a LiteLLM proxy.
///
/// # Errors
/// If it is no such file.
pub fn litellm(text: &str) -> Result<Imported, ImportError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let mut notes = Vec::new();
    let plan = litellm::read(text, &mut notes)?;
    Ok(Imported { toml: toml_text::write(&plan, &notes), notes })
}
