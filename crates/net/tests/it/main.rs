//! The tests of the network room, in one binary.

// Said so that the lints know it; an integration test is never anything else.
#[cfg(test)]
mod client;
#[cfg(test)]
mod door;
