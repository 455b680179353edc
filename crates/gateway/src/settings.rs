//! The plain settings of the line.

/// What the line bears at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Requests in flight in the whole process; beyond it a request is turned away with 503.
    pub in_flight_max: usize,
    /// Bytes of one whole answer from upstream.
    pub answer_bytes_max: usize,
    /// Bytes of start events held back before the first content.
    pub held_bytes_max: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { in_flight_max: 20_000, answer_bytes_max: 64 << 20, held_bytes_max: 256 << 10 }
    }
}
