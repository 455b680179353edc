//! A drill's story, checked: providers and what they can bear, what happens to them and when, who
//! asks, who flees, and what is expected. How it is spelled is in `read`; how it is played is in
//! `replay`.

mod foresight;
mod kind;
mod matrix;
mod raw;
mod read;
mod shipped;
mod traces;
mod when;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Dialect;

pub use foresight::{Foreseen, Foresight};
pub use kind::ProviderKind;
pub use read::{Mistake, read};
pub use shipped::{Shipped, find, shipped};
pub(crate) use traces::read_trace;
pub use traces::{Trace, TraceFormat};
pub use world::{Complaint, Outside, PagePost, Probed, ReportFlow};

use crate::crowd::Sizes;
use crate::provider::{Capacity, QuotaSettings};

const SECOND: Duration = Duration::from_secs(1);

/// One story.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub title: String,
    /// Prose for people.
    pub about: String,
    /// True if it never happened.
    pub what_if: bool,
    /// Seconds since 1970 at which it begins.
    pub start_unix_s: u64,
    pub duration: Duration,
    /// The part that is played in short form.
    pub short: Window,
    pub providers: BTreeMap<String, Provider>,
    pub events: Vec<Event>,
    pub flights: Vec<Flight>,
    pub crowds: Vec<Crowd>,
    pub fleet: Fleet,
    pub herd: Option<Herd>,
    /// What is to be heard beside the traffic, and what is expected of it.
    pub outside: Outside,
    pub expectations: Vec<Expectation>,
}

/// From one moment to another, both counted from the story's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Duration,
    pub until: Duration,
}

impl Window {
    /// True within it.
    pub fn holds(&self, at: Duration) -> bool {
        self.from <= at && at < self.until
    }
}

/// A provider as it is on a good day.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Whose wire form it is asked in by the built-in settings, and by `single` and `naive`.
    pub kind: ProviderKind,
    pub capacity: Capacity,
    pub quota: QuotaSettings,
    /// The status of a refusal for want of room; without it, what the family says.
    pub refusal: Option<u16>,
    /// Whether work goes on when whoever asked for it has left.
    pub finishes_abandoned: bool,
    /// The world's load as a share of the full capacity.
    pub ambient: f64,
    /// For which the world's people wait for their first word.
    pub world_patience: Duration,
    /// Whether it is the reserve inside the house, which the world does not know.
    pub is_reserve: bool,
}

/// What can be wrong with a provider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// 503 at once, and streams are cut as it begins.
    Down,
    /// Connections are refused.
    Unreachable,
    /// It takes the request and never says a word.
    Silent,
    /// The first token takes so many times longer.
    BrownOut(f64),
    /// This share of the capacity is left.
    Capacity(f64),
    /// 429 to all.
    LimitWall,
    /// Overloaded, in the family's own words: 529 at Anthropic, 503 elsewhere.
    Overloaded,
    /// The acceleration limit is this tight.
    Acceleration(f64),
    /// 500 to some.
    Errors,
    /// 200, and a stream without a word in it.
    EmptyStream,
    /// A stream stops in the middle and stays open.
    Stall,
    /// A stream ends in the middle.
    Cut,
    /// One event of the stream is no JSON.
    Malformed,
    /// Connecting takes so long.
    SlowDns(Duration),
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub window: Window,
    /// What it does to whom; without it the event is a note for the reader.
    pub effect: Option<(String, Fault)>,
    /// Of the requests that feel it.
    pub share: f64,
    /// For the reader.
    pub text: String,
}

/// People of the world who come over to a provider because something else is down.
#[derive(Debug, Clone, PartialEq)]
pub struct Flight {
    pub window: Window,
    pub from: String,
    pub to: String,
    /// What arrives in the end, as a share of the target's ambient load.
    pub gain: f64,
    /// After which half of them have come.
    pub lag_median: Duration,
    /// After which half of them have gone home, once it is over.
    pub back_median: Duration,
}

/// A rate from a moment on, reached at once or evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    pub at: Duration,
    /// A ramp that takes so long; zero is a step.
    pub over: Duration,
    pub per_s: f64,
}

/// When requests come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Gaps with this coefficient of variation around a rate that changes in turns; 1 is Poisson.
    Rate { first_per_s: f64, turns: Vec<Turn>, cv: f64 },
    /// At exactly these moments, with these sizes.
    Trace(Vec<(Duration, crate::crowd::Size)>),
}

/// People, or products, of your own that ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Crowd {
    pub name: String,
    pub tenant: String,
    pub arrivals: Arrivals,
    pub sizes: Sizes,
    pub stream_share: f64,
    /// What the conversations are spoken in, each with its share; the shares add up to 1.
    pub dialects: Vec<(Dialect, f64)>,
    /// Requests of one conversation, each with the former ones in its prompt.
    pub turns: u32,
    pub think: Duration,
    /// To the first word; then whoever asked leaves.
    pub patience: Duration,
    /// For the whole answer.
    pub total: Duration,
    /// Of the streams that are left in the middle for no fault of anybody's.
    pub hang_up_share: f64,
    /// Of the official SDK.
    pub retries: u32,
}

/// How your fleet is set up when no configuration is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    pub model: String,
    /// Steps of `provider/model`.
    pub ladder: Vec<Vec<String>>,
    /// Further configuration text.
    pub settings: String,
}

/// Companies of the world whose own gateways flee as yours would.
#[derive(Debug, Clone, PartialEq)]
pub struct Herd {
    /// Where they are at home.
    pub home: String,
    /// Their load as a share of the home's full capacity.
    pub load: f64,
    /// Where they go, in this order.
    pub alternates: Vec<String>,
}

/// What should come out.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    pub name: String,
    pub policy: String,
    /// A figure of the report, such as `answered_ratio` or `providers.claude.refused_ratio`.
    pub figure: String,
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
    /// Only requests that came in this time count; for `answered_ratio`.
    pub window: Option<Window>,
}

impl Scenario {
    /// The same story cut to its short form: what lies before it is forgotten, what goes on is
    /// under way at its start, and nothing is expected.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let (from, until) = (self.short.from, self.short.until);
        let clip = |window: Window| Window {
            from: window.from.saturating_sub(from),
            until: window.until.min(until).saturating_sub(from),
        };
        // A note has no length.
        let touches =
            |window: &Window| window.until.max(window.from + SECOND) > from && window.from < until;
        let mut short = self.clone();
        short.start_unix_s += from.as_secs();
        short.duration = until.saturating_sub(from);
        short.short = Window { from: Duration::ZERO, until: short.duration };
        short.events.retain(|event| touches(&event.window));
        short.events.iter_mut().for_each(|event| event.window = clip(event.window));
        short.flights.retain(|flight| touches(&flight.window));
        short.flights.iter_mut().for_each(|flight| flight.window = clip(flight.window));
        for crowd in &mut short.crowds {
            match &mut crowd.arrivals {
                Arrivals::Rate { first_per_s, turns, .. } => {
                    for turn in turns.iter().filter(|turn| turn.at + turn.over <= from) {
                        *first_per_s = turn.per_s;
                    }
                    turns.retain(|turn| turn.at + turn.over > from);
                    turns.iter_mut().for_each(|turn| turn.at = turn.at.saturating_sub(from));
                }
                Arrivals::Trace(arrivals) => {
                    arrivals.retain(|(at, _)| (from..until).contains(at));
                    arrivals.iter_mut().for_each(|(at, _)| *at -= from);
                }
            }
        }
        short.outside.shorten(clip, touches);
        short.expectations.clear();
        short
    }

    /// True if something of its own happens to this provider.
    pub fn has_event(&self, provider: &str) -> bool {
        self.events.iter().filter_map(|event| event.effect.as_ref()).any(|(to, _)| to == provider)
    }
}
