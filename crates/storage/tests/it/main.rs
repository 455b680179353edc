//! Stores against their suite, against one another, and against bad days.

mod sameness;
mod suites;
