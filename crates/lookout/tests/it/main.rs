//! The tests of the lookout, in one binary.

// Said so that the lints know it; an integration test is never anything else.
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod poll;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod probe_wires;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod rig;
