//! Turns evidence (own traffic, probes, users' reports, providers' pages) into the health of
//! components, and health into incidents. No I/O, no async, no clock of its own: time comes in as an
//! argument, and every verdict carries its why.
//!
//! # The way of a fact
//!
//! 1. [`Evidence`] goes into [`Court::take`] in the order in which it is stored: [`Traffic`] of each
//!    second or minute ([`Traffic::count_fault`] knows what counts as what), [`Silence`] each second, every probe, reports of
//!    each minute, every reading of a page also when nothing changed, canaries to two hosts or more at
//!    least every half minute, and at once on a suspicion, planned work with every change.
//! 2. [`Court::judge`], once a second, gives a [`Verdict`] for every component. On a suspicion, and
//!    where [`Guard::LowVolume`] stands, probes should come every ten seconds: three in a row that fail
//!    are a witness. Probes go on during an outage, for silence is never good news.
//! 3. [`Court::is_alarmed`] is the raw detector, for breakers; [`Court::advice`] is for the plan's ramps.
//! 4. [`Keeper::hear`] takes the verdicts of the moment and gives each [`Change`] of an incident, to be
//!    stored, shown and sent by others; [`Keeper::began`] (from [`Court::onset`]), [`Keeper::post`], [`Keeper::deed`], [`Keeper::hold_back`] and
//!    [`Keeper::order`] take what is no verdict.
//!
//! After a start the reports of the last eight weeks are told again, for [`HourBaseline`] lives by them;
//! onsets of past incidents may be told to [`Lifts::note`], and open incidents to [`Keeper::restore`].
//!
//! # Beside it
//!
//! [`HourBaseline`] for counts that people make, [`Stream`] for series of measurements, [`DayBook`] and
//! [`uptime`] for bars and shares by every rule, [`IncidentFigures`] for how incidents go.

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
    Reports, SILENCE_AGES, Silence, Symptom, Traffic,
};
pub use incident::{
    Affected, Author, ByHand, Impact, Incident, IncidentId, IncidentUpdate, Light, LightState,
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
pub use words::in_chinese;
