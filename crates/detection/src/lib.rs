//! Turns evidence (own traffic, probes, users' reports, providers' pages) into the health of
//! components, and health into incidents. No I/O, no async, no clock of its own: time comes in as an
//! argument, and every verdict carries its why.

mod component;
mod incident;
mod maintenance;
mod verdict;

pub use component::{Capability, Component, ComponentId, Condition};
pub use incident::{
    Affected, Author, Impact, Incident, IncidentId, IncidentUpdate, Light, LightState,
    OfficialPost, Phase,
};
pub use maintenance::{Maintenance, MaintenancePhase};
pub use verdict::{Belief, Cause, CauseClass, Certainty, Family, Guard, Health, Reading, Verdict};
