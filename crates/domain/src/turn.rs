//! The full form of a conversation, for upstreams that do not speak the caller's dialect.

use crate::Needs;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// A part of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    Image,
    Audio,
    Document,
    /// A part of a type that we do not know, by its name.
    Unknown(String),
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub role: Role,
    pub content: Vec<Content>,
}

impl Turn {
    /// All text of the turn, parts joined by a line feed.
    pub fn text(&self) -> String {
        let mut joined = String::new();
        for part in &self.content {
            if let Content::Text(text) = part {
                if !joined.is_empty() {
                    joined.push('\n');
                }
                joined.push_str(text);
            }
        }
        joined
    }
}

/// How the answer is to be drawn; `None` leaves it to the upstream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub seed: Option<u64>,
    pub output_tokens_max: Option<u64>,
    pub stop: Vec<String>,
}

/// A whole request in the internal form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    pub turns: Vec<Turn>,
    pub sampling: Sampling,
    /// Everything that the request needs beyond plain text, also what stands inside its turns.
    pub needs: Needs,
}
