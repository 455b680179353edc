//! The full form of a request, for upstreams that do not speak the caller's dialect.

use crate::{Content, Json, Needs, Tool, ToolChoice};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// One turn. Tool results stand in turns of [`Role::Tool`], all results that answer one
/// assistant's turn together in one, whatever the dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub role: Role,
    pub content: Vec<Content>,
    /// The speaker's name (OpenAI's `name`).
    pub name: Option<Box<str>>,
}

impl Turn {
    /// A turn of one speaker without a name.
    pub fn new(role: Role, content: Vec<Content>) -> Self {
        Self { role, content, name: None }
    }

    /// All text of the turn, parts joined by a line feed.
    pub fn text(&self) -> String {
        let mut joined = String::new();
        for part in &self.content {
            if let Content::Text(part) = part {
                if !joined.is_empty() {
                    joined.push('\n');
                }
                joined.push_str(&part.text);
            }
        }
        joined
    }
}

/// How the answer is to be drawn; `None` leaves it to the upstream. Numbers that only go through
/// keep their spelling.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub seed: Option<i64>,
    pub output_tokens_max: Option<u64>,
    pub stop: Vec<String>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    /// How many answers; one if `None`.
    pub choices: Option<u64>,
    /// The log probabilities of the tokens are wanted, with so many alternatives each.
    pub logprobs: Option<u64>,
}

/// What form the answer's text must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OutputFormat {
    #[default]
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON after a schema.
    JsonSchema {
        name: Option<Box<str>>,
        description: Option<Box<str>>,
        schema: Json,
        strict: Option<bool>,
    },
}

/// How much the model may think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    /// OpenAI's `xhigh`, Anthropic's `max`.
    Highest,
}

/// What is asked of the model's thinking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    /// Tokens that may be thought, Anthropic's and Gemini's measure.
    pub budget_tokens: Option<u64>,
    /// The thinking, or a summary of it, is to be shown.
    pub shown: Option<bool>,
}

/// How many words the answer is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    Low,
    /// What a model does unasked.
    Medium,
    High,
}

/// What the caller tells about himself and the call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The end user's id.
    pub user: Option<Box<str>>,
    /// A JSON object of the caller's own words.
    pub metadata: Option<Json>,
    pub service_tier: Option<Box<str>>,
    pub prompt_cache_key: Option<Box<str>>,
    pub store: Option<bool>,
}

/// A whole request in the internal form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    /// System and developer turns stand among the others where the dialect has them; those of a
    /// dialect that has them apart come first.
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Several calls in one answer are allowed.
    pub parallel_calls: Option<bool>,
    pub sampling: Sampling,
    pub format: OutputFormat,
    pub reasoning: Reasoning,
    pub verbosity: Option<Verbosity>,
    pub about: About,
    /// Names of members of the request that the internal form cannot hold, each a loss wherever
    /// it is translated.
    pub unmapped: Vec<Box<str>>,
    /// Those of them that one kind of server has added to the dialect, and that go there as they are.
    pub additions: Vec<(Box<str>, Json)>,
    /// Everything that the request needs beyond plain text, also what stands inside its turns.
    pub needs: Needs,
}

impl Conversation {
    /// The same without proofs of thinking, for who did not write them; and whether any was there.
    pub fn without_proofs(&self) -> (Self, bool) {
        let mut bare = self.clone();
        let mut any = false;
        for part in bare.turns.iter_mut().flat_map(|turn| &mut turn.content) {
            match part {
                Content::Thinking(thinking) => any |= thinking.proof.take().is_some(),
                Content::ToolCall(call) => any |= call.signature.take().is_some(),
                _ => {}
            }
        }
        let says = |part: &Content| !matches!(part, Content::Thinking(t) if t.text.is_empty());
        bare.turns.iter_mut().for_each(|turn| turn.content.retain(says));
        bare.turns.retain(|turn| !turn.content.is_empty());
        (bare, any)
    }

    /// A rough count of the input's tokens where no tokenizer is at hand: four bytes of text each,
    /// which is right within a third for English and too high for most other scripts, and four
    /// more a turn.
    pub fn estimated_tokens(&self) -> u64 {
        fn bytes(part: &Content) -> usize {
            match part {
                Content::Text(text) => text.text.len(),
                Content::Refusal(text) => text.len(),
                Content::Thinking(thinking) => thinking.text.len(),
                Content::ToolCall(call) => call.name.len() + call.arguments.len(),
                Content::ToolResult(result) => result.content.iter().map(bytes).sum(),
                Content::Media(_) | Content::SearchResults(_) | Content::Foreign(_) => 0,
            }
        }
        let said: usize = self.turns.iter().flat_map(|turn| &turn.content).map(bytes).sum();
        let tools = self.tools.iter().map(|tool| match tool {
            Tool::Function(function) => {
                let words = function.description.as_ref().map_or(0, |words| words.len());
                let schema = function.parameters.as_ref().map_or(0, |json| json.as_str().len());
                function.name.len() + words + schema
            }
            Tool::Hosted(hosted) => hosted.json.as_str().len(),
        });
        let bytes = said + tools.sum::<usize>();
        (bytes.div_ceil(4) + 4 * self.turns.len()) as u64
    }
}

/// A request for vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbedRequest {
    pub inputs: Vec<EmbedInput>,
    pub dimensions: Option<u64>,
    /// The caller wants base64 of little-endian 32-bit floats.
    pub base64: bool,
    /// Gemini's word for what the vectors are for.
    pub task: Option<Box<str>>,
    pub user: Option<Box<str>>,
    pub unmapped: Vec<Box<str>>,
}

/// One text to be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbedInput {
    Text(String),
    /// Token numbers of the provider's own tokenizer.
    Tokens(Vec<u64>),
}

/// The full form of a request.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one for each request, and boxed where it is kept")]
pub enum Full {
    /// For generating and for counting tokens.
    Conversation(Conversation),
    Embed(EmbedRequest),
}
