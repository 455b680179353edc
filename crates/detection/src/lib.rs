//! Turns evidence (own traffic, probes, users' reports, providers' pages) into the health of
//! components, and health into incidents. No I/O, no async, no clock of its own: time comes in as an
//! argument, and every verdict carries its why.
//!
//! The way of a fact: [`Evidence`] goes into the [`Court`], which judges every component once a second
//! and gives a [`Verdict`] for each, and [`Advice`] to the plan. The [`Keeper`] makes incidents of the
//! verdicts and tells each [`Change`], to be stored, shown and sent by others.

mod advice;
mod baseline;
mod cause;
mod component;
mod counting;
mod court;
mod cusum;
mod evidence;
mod health;
mod incident;
mod keeper;
mod lifts;
mod maintenance;
mod negative_binomial;
mod settings;
mod sight;
mod statistics;
mod stream;
mod uptime;
mod verdict;
mod words;

pub use advice::Advice;
pub use baseline::{HourBaseline, SPIKE_CHANCE, Usual};
pub use component::{Capability, Component, ComponentId, Condition};
pub use court::Court;
pub use cusum::{ALARM_NATS, Cusum, SHARE_SOUGHT, SHARE_USUAL};
pub use evidence::{
    Drift, Evidence, Fact, Faults, FirstWords, Freshness, PageReading, ProbeResult, Refusals,
    Reports, Symptom, Traffic,
};
pub use incident::{
    Affected, Author, Impact, Incident, IncidentId, IncidentUpdate, Light, LightState,
    OfficialPost, Phase,
};
pub use keeper::{Change, ChangeKind, Keeper, KeeperSettings, Order, OrderRefused, Post};
pub use lifts::{HIGH_LIFT, Lifts};
pub use maintenance::{Maintenance, MaintenancePhase};
pub use settings::Settings;
pub use statistics::{IncidentFigures, LagGrade, Stages, lag_grade, quantile};
pub use stream::{SURPRISE_ALARM, Stream, Surprise};
pub use uptime::{
    DAYS_SHOWN, Day, DayBook, Span, UptimeRule, answered_of_minutes, answered_of_requests, group,
    uptime,
};
pub use verdict::{Belief, Cause, CauseClass, Certainty, Family, Guard, Health, Reading, Verdict};
