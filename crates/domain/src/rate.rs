//! What a provider allows, in its own counting. How calls are kept within it is decided elsewhere.

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    Requests,
    /// Input and output together.
    Tokens,
    InputTokens,
    OutputTokens,
}

/// What a provider says of one of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub quantity: Quantity,
    pub limit: u64,
    pub remaining: u64,
    /// Until the limit is full again, in milliseconds; `None` if it is not told.
    pub reset_ms: Option<u64>,
}
