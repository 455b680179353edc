//! Stores against their suite, against one another, and against bad days.

mod suites;
