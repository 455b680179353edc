//! Writes a conversation as the model's own turns. It knows the template, not the model.

use domain::{Conversation, Role};

use crate::tokenizer::{Token, Tokenizer, TokenizerError};

/// The model was trained with this line where a conversation has no system turn of its own.
const SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

/// Why there is no prompt.
#[derive(Debug)]
pub(crate) enum PromptError {
    /// It has more tokens than allowed; at least this many.
    TooLong(usize),
    Tokenizer(TokenizerError),
}

impl From<TokenizerError> for PromptError {
    fn from(error: TokenizerError) -> Self {
        Self::Tokenizer(error)
    }
}

/// The tokens of the conversation, up to where the assistant's answer begins.
///
/// # Errors
/// [`PromptError::TooLong`] beyond `tokens_max`.
pub(crate) fn write(
    conversation: &Conversation,
    tokenizer: &Tokenizer,
    tokens_max: usize,
) -> Result<Vec<Token>, PromptError> {
    let mut tokens = Vec::new();
    let system = |role| matches!(role, Role::System | Role::Developer);
    if !conversation.turns.first().is_some_and(|turn| system(turn.role)) {
        write_turn("system", SYSTEM, (tokenizer, tokens_max), &mut tokens)?;
    }
    for turn in &conversation.turns {
        let role = match turn.role {
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        write_turn(role, &turn.text(), (tokenizer, tokens_max), &mut tokens)?;
        if tokens.len() > tokens_max {
            return Err(PromptError::TooLong(tokens.len()));
        }
    }
    tokens.push(tokenizer.turn_start());
    tokenizer.encode("assistant\n", usize::MAX, &mut tokens)?;
    match tokens.len() {
        long if long > tokens_max => Err(PromptError::TooLong(long)),
        _ => Ok(tokens),
    }
}

fn write_turn(
    role: &str,
    text: &str,
    (tokenizer, tokens_max): (&Tokenizer, usize),
    tokens: &mut Vec<Token>,
) -> Result<(), TokenizerError> {
    tokens.push(tokenizer.turn_start());
    // Role and text in one go, as the model was trained: the line feed between them may join what
    // follows it.
    tokenizer.encode(&format!("{role}\n{text}"), tokens_max, tokens)?;
    tokens.push(tokenizer.turn_end());
    tokenizer.encode("\n", usize::MAX, tokens)
}
