//! Sends probes, reads the providers' status feeds, takes users' reports, tells subscribers. It
//! draws no verdicts: what it finds is evidence for `detection`.

pub mod feeds;
pub mod notify;
pub mod probe;
pub mod reports;
pub mod web;
