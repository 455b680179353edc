//! How each family of evidence sees one component: what it remembers, and what it weighs now. No
//! family looks at another; they meet in the judge.

pub(crate) mod page;
pub(crate) mod probes;
pub(crate) mod reports;
pub(crate) mod silence;
pub(crate) mod slices;
pub(crate) mod slowness;
pub(crate) mod strength;
pub(crate) mod traffic;

/// What a family says, before its caps and its age.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Say {
    pub(crate) degraded_nats: f64,
    pub(crate) down_nats: f64,
    pub(crate) observations: u64,
    pub(crate) why: Box<str>,
}
