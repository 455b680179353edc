//! Stores against their suite, against one another, and against bad days.

mod archive;
mod crash;
mod opening;
mod room;
mod sameness;
mod suites;
