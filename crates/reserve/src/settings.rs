//! The plain settings of the reserve. Where they are written down is the business of `config`.

use std::path::PathBuf;

/// How the model on board is run.
#[derive(Debug, Clone, PartialEq)]
pub struct ReserveSettings {
    /// The folder that [`file::fetch`](crate::file::fetch) filled.
    pub model_dir: PathBuf,
    /// Engine threads; each runs one answer at a time. At least one is started.
    pub threads: usize,
    /// Prompt and answer together, in tokens; never more than the model was trained for.
    pub context_tokens_max: u32,
    /// Tokens of one answer at most, whatever the caller asks for.
    pub output_tokens_max: u32,
    /// Requests that wait for an engine thread.
    pub queue_max: usize,
    /// How long one of them waits, in milliseconds.
    pub queue_wait_ms_max: u64,
    /// Used where the caller names none; 0 takes the likeliest token always.
    pub temperature: f64,
    /// Used where the caller names none.
    pub top_p: f64,
}
