//! A scenario file as it is spelled. Every key is here once; one that is not is a mistake.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// Text with its place, for mistakes that only show when it is understood.
pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: String,
    pub(super) about: String,
    #[serde(default)]
    pub(super) what_if: bool,
    pub(super) start: Text,
    pub(super) duration: Text,
    pub(super) short: Option<Short>,
    pub(super) providers: BTreeMap<String, Provider>,
    #[serde(default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) flights: Vec<Flight>,
    pub(super) crowds: Vec<Crowd>,
    pub(super) fleet: Fleet,
    pub(super) herd: Option<Herd>,
    #[serde(default)]
    pub(super) expect: Vec<Expect>,
    #[serde(default)]
    pub(super) lookout: Lookout,
}

/// What is heard beside the traffic, and what is expected of those who judge it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookout {
    #[serde(default)]
    pub(super) pages: Vec<Page>,
    #[serde(default)]
    pub(super) reports: Vec<ReportFlow>,
    #[serde(default)]
    pub(super) probes: Vec<Probe>,
    #[serde(default)]
    pub(super) own_network: Vec<Cut>,
    #[serde(default)]
    pub(super) verdicts: Vec<Verdict>,
    #[serde(default)]
    pub(super) incidents: Vec<Incidents>,
    #[serde(default)]
    pub(super) advice: Vec<Advice>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Short {
    pub(super) from: Text,
    pub(super) duration: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    #[serde(default)]
    pub(super) kind: super::ProviderKind,
    pub(super) slots: Spanned<u32>,
    pub(super) prefill_tokens_per_s: Option<f64>,
    pub(super) decode_tokens_per_s: Option<f64>,
    pub(super) batch_tokens_per_s: Option<f64>,
    pub(super) first_token_ms: Option<u64>,
    pub(super) queue_max: Option<usize>,
    pub(super) refusal: Option<u16>,
    pub(super) abandoned: Option<Abandoned>,
    pub(super) ambient: Option<f64>,
    pub(super) world_patience: Option<Text>,
    pub(super) quota: Option<Quota>,
    #[serde(default)]
    pub(super) reserve: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Abandoned {
    Finish,
    Cancel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quota {
    pub(super) requests_per_min: Option<f64>,
    pub(super) tokens_per_min: Option<f64>,
    #[serde(default)]
    pub(super) refused_count: bool,
    pub(super) growth_max: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) at: Text,
    pub(super) until: Option<Text>,
    pub(super) provider: Option<Text>,
    pub(super) state: Option<Spanned<State>>,
    /// Of the requests that feel it.
    pub(super) share: Option<f64>,
    /// For `brown_out`, `capacity`, `acceleration`.
    pub(super) factor: Option<f64>,
    /// For `slow_dns`.
    pub(super) delay_ms: Option<u64>,
    /// On and off again and again, `on` out of every `every`.
    pub(super) every: Option<Text>,
    pub(super) on: Option<Text>,
    #[serde(default)]
    pub(super) why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Down,
    Unreachable,
    Silent,
    BrownOut,
    Capacity,
    LimitWall,
    Overloaded,
    Acceleration,
    Errors,
    EmptyStream,
    Stall,
    Cut,
    Malformed,
    SlowDns,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flight {
    pub(super) at: Text,
    pub(super) until: Text,
    pub(super) from: String,
    pub(super) to: Text,
    pub(super) gain: f64,
    pub(super) lag_median: Text,
    pub(super) back_median: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crowd {
    pub(super) name: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) cv: Option<f64>,
    #[serde(default)]
    pub(super) turns_of_rate: Vec<Turn>,
    pub(super) trace: Option<Trace>,
    pub(super) stream_share: Option<f64>,
    /// Shares by dialect.
    pub(super) dialects: Option<Spanned<BTreeMap<String, f64>>>,
    pub(super) turns: Option<u32>,
    pub(super) think: Option<Text>,
    pub(super) patience: Option<Text>,
    pub(super) total: Option<Text>,
    pub(super) hang_up_share: Option<f64>,
    pub(super) retries: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) at: Text,
    pub(super) over: Option<Text>,
    pub(super) rate: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trace {
    pub(super) file: Text,
    pub(super) format: Spanned<super::TraceFormat>,
    /// Requests of the crowd for each one of the trace.
    pub(super) scale: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fleet {
    pub(super) model: Option<String>,
    pub(super) ladder: Vec<Spanned<Rungs>>,
    #[serde(default)]
    pub(super) settings: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Rungs {
    One(String),
    Equals(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Herd {
    pub(super) home: Text,
    pub(super) load: f64,
    pub(super) alternates: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) name: String,
    pub(super) policy: Option<Text>,
    pub(super) figure: Text,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
    pub(super) from: Option<Text>,
    pub(super) until: Option<Text>,
}

/// What a provider's own page says of one of its parts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) at: Text,
    pub(super) until: Option<Text>,
    pub(super) component: Text,
    pub(super) condition: Option<Text>,
    pub(super) title: String,
    /// The moment that the post carries, if that is not when it came.
    pub(super) dated: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportFlow {
    pub(super) at: Text,
    pub(super) until: Text,
    pub(super) component: Text,
    pub(super) per_min: f64,
    pub(super) kind: Option<super::Complaint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) component: Text,
    /// The simulated provider that is asked.
    pub(super) provider: Text,
}

/// Our own line is cut.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    pub(super) at: Text,
    pub(super) until: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) component: Text,
    pub(super) certainty: Option<Text>,
    pub(super) state: Option<Text>,
    pub(super) cause: Option<Text>,
    pub(super) from: Option<Text>,
    pub(super) within: Option<Text>,
    pub(super) until: Option<Text>,
    /// It must not come to this.
    #[serde(default)]
    pub(super) never: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Incidents {
    pub(super) name: String,
    pub(super) of: Text,
    pub(super) count: Option<u32>,
    /// Which of them, from 1 on.
    pub(super) number: Option<usize>,
    pub(super) cause: Option<Text>,
    pub(super) lag_at_least: Option<Text>,
    pub(super) lag_at_most: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advice {
    pub(super) name: String,
    pub(super) provider: Text,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
    pub(super) from: Option<Text>,
    pub(super) until: Option<Text>,
}
