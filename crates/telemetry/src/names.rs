//! Every series by name, in one table: its kind, unit, labels and help. Counting and rendering are
//! done elsewhere; no other place in the house spells a series.
//!
//! The `gen_ai_*` names follow the OpenTelemetry conventions for generative AI in their Prometheus
//! spelling. Those are not yet stable, so they change here only.

/// What a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// The unit, as the last word of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Plain,
    Seconds,
    Bytes,
}

/// All series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    CallDuration,
    TokenUsage,
    FirstChunk,
    PerChunk,
    Requests,
    RequestDuration,
    RequestFirstToken,
    AttemptsPerRequest,
    Attempts,
    Served,
    Refused,
    StreamOutcomes,
    Takeovers,
    Losses,
    Cost,
    CostUnknown,
    GapMax,
    RequestBytes,
    AnswerBytes,
    BreakerChanges,
    BreakerOpen,
    RequestsInFlight,
    OpenStreams,
    ReceiptsDropped,
    ChangesDropped,
    LogLinesDropped,
    LabelsMerged,
    Sampled(Gauge),
    Build,
    ResidentMemory,
    Cpu,
    OpenFds,
}

/// Gauges that other rooms feed through
/// [`Telemetry::register_gauge`](crate::Telemetry::register_gauge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// Tries that the retry budget would grant now. No labels.
    RetryBudgetLevel,
    /// Connections of callers. Label: listener.
    Connections,
    /// Connections to providers. Labels: provider, state (`idle` or `busy`).
    UpstreamConnections,
    /// Requests that wait for the reserve. No labels.
    ReserveQueue,
    /// 1 if the reserve can answer. No labels.
    ReserveReady,
    /// Answers that are kept to be given again. No labels.
    KeptAnswers,
    /// Bytes of them. No labels.
    KeptAnswerBytes,
    /// Reloads of the settings since the start. Label: outcome (`applied` or `refused`).
    Reloads,
    /// 1 for how a component stands, 0 for how it does not. Labels: component, health, certainty.
    Verdict,
    /// 1 while what is kept of the past would not outlive a crash as it should. No labels.
    StoreAlarm,
    /// Changes that the store lost or refused since the start. No labels.
    StoreLost,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) series: Series,
    /// Without unit and without `_total`.
    pub(crate) name: &'static str,
    pub(crate) measure: Measure,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

const TARGET: &[&str] = &["provider", "model"];
const GEN_AI: &[&str] = &[
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
];
const GEN_AI_ERROR: &[&str] = &[
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "error_type",
];
const GEN_AI_TOKEN: &[&str] = &[
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "gen_ai_token_type",
];

const fn row(
    series: Series,
    (name, measure): (&'static str, Measure),
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Row {
    Row { series, name, measure, kind, labels, help }
}

use Kind::{Counter, Gauge as Level, Histogram, Info};
use Measure::{Bytes, Plain, Seconds};

/// The table, in the order in which it is rendered.
#[rustfmt::skip]
pub(crate) static TABLE: &[Row] = &[
    row(Series::CallDuration, ("gen_ai_client_operation_duration", Seconds), Histogram, GEN_AI_ERROR,
        "Time of one call to a provider, from the decision to its end"),
    row(Series::TokenUsage, ("gen_ai_client_token_usage", Plain), Histogram, GEN_AI_TOKEN,
        "Tokens of one call that served"),
    row(Series::FirstChunk, ("gen_ai_client_operation_time_to_first_chunk", Seconds), Histogram, GEN_AI,
        "Time from one call to its first content"),
    row(Series::PerChunk, ("gen_ai_client_operation_time_per_output_chunk", Seconds), Histogram, GEN_AI,
        "Mean time between two pieces of content, one value for each streamed answer"),
    row(Series::Requests, ("seawall_requests", Plain), Counter, &["outcome", "status_class", "dialect"],
        "Requests that ended"),
    row(Series::RequestDuration, ("seawall_request_duration", Seconds), Histogram, &["outcome"],
        "Time of one request, all its attempts together"),
    row(Series::RequestFirstToken, ("seawall_request_first_token", Seconds), Histogram, &["rung"],
        "Time from a request's arrival to the first content given to the caller"),
    row(Series::AttemptsPerRequest, ("seawall_attempts_per_request", Plain), Histogram, &[],
        "Calls to providers that one request needed"),
    row(Series::Attempts, ("seawall_attempts", Plain), Counter, &["provider", "model", "fault"],
        "Calls to providers by class of fault"),
    row(Series::Served, ("seawall_served", Plain), Counter, &["provider", "model", "rung"],
        "Answers by who gave them: primary, failover, recall or reserve"),
    row(Series::Refused, ("seawall_refused", Plain), Counter, &["reason"],
        "Requests turned away before any attempt"),
    row(Series::StreamOutcomes, ("seawall_stream_outcomes", Plain), Counter, &["outcome"],
        "How streams ended that had begun"),
    row(Series::Takeovers, ("seawall_takeovers", Plain), Counter, &["outcome"],
        "Streams that broke off after their first words, by what came of it"),
    row(Series::Losses, ("seawall_losses", Plain), Counter, &["field", "kind"],
        "Fields that a translation between dialects dropped or approximated"),
    row(Series::Cost, ("seawall_cost_usd", Plain), Counter, TARGET,
        "Dollars that calls cost by the catalogue's prices, failed ones that told their usage included"),
    row(Series::CostUnknown, ("seawall_cost_unknown", Plain), Counter, TARGET,
        "Calls that told their usage and whose price nobody knows"),
    row(Series::GapMax, ("seawall_gap_max", Seconds), Histogram, TARGET,
        "Longest gap between two pieces of content, one value for each streamed answer"),
    row(Series::RequestBytes, ("seawall_request", Bytes), Counter, &[],
        "Bytes of request bodies"),
    row(Series::AnswerBytes, ("seawall_answer", Bytes), Counter, &[],
        "Bytes of answer bodies"),
    row(Series::BreakerChanges, ("seawall_breaker_changes", Plain), Counter,
        &["provider", "model", "from", "to", "why"], "Changes of a breaker's state"),
    row(Series::BreakerOpen, ("seawall_breaker_open", Plain), Level, &["provider", "model", "key"],
        "1 if the breaker lets no ordinary call through; the key is its index"),
    row(Series::RequestsInFlight, ("seawall_requests_in_flight", Plain), Level, &[],
        "Requests that are being answered"),
    row(Series::OpenStreams, ("seawall_open_streams", Plain), Level, &[],
        "Streamed answers that are open"),
    row(Series::ReceiptsDropped, ("seawall_receipts_dropped", Plain), Counter, &[],
        "Receipts lost because their queue was full"),
    row(Series::ChangesDropped, ("seawall_changes_dropped", Plain), Counter, &[],
        "Changes of breakers lost because their queue was full"),
    row(Series::LogLinesDropped, ("seawall_log_lines_dropped", Plain), Counter, &[],
        "Lines of the request log that could not be written"),
    row(Series::LabelsMerged, ("seawall_labels_merged", Plain), Counter, &[],
        "Receipts counted as other because there were too many combinations of labels"),
    row(Series::Sampled(Gauge::RetryBudgetLevel), ("seawall_retry_budget_level", Plain), Level, &[],
        "Tries that the retry budget would grant now"),
    row(Series::Sampled(Gauge::Connections), ("seawall_connections", Plain), Level, &["listener"],
        "Connections of callers"),
    row(Series::Sampled(Gauge::UpstreamConnections), ("seawall_upstream_connections", Plain), Level,
        &["provider", "state"], "Connections to providers"),
    row(Series::Sampled(Gauge::ReserveQueue), ("seawall_reserve_queue", Plain), Level, &[],
        "Requests that wait for the reserve"),
    row(Series::Sampled(Gauge::ReserveReady), ("seawall_reserve_ready", Plain), Level, &[],
        "1 if the reserve can answer"),
    row(Series::Sampled(Gauge::KeptAnswers), ("seawall_recall_answers", Plain), Level, &[],
        "Finished answers that are kept to be given again"),
    row(Series::Sampled(Gauge::KeptAnswerBytes), ("seawall_recall", Bytes), Level, &[],
        "Bytes of finished answers that are kept"),
    row(Series::Sampled(Gauge::Reloads), ("seawall_reloads", Plain), Level, &["outcome"],
        "Reloads of the settings since the start"),
    row(Series::Sampled(Gauge::Verdict), ("seawall_verdict", Plain), Level,
        &["component", "health", "certainty"], "1 for how a component stands by our own verdict"),
    row(Series::Sampled(Gauge::StoreAlarm), ("seawall_store_alarm", Plain), Level, &[],
        "1 while the store has trouble, such as a full disk"),
    row(Series::Sampled(Gauge::StoreLost), ("seawall_store_lost", Plain), Level, &[],
        "Changes that the store lost or refused since the start"),
    row(Series::Build, ("seawall_build", Plain), Info, &["version"],
        "The running version"),
    row(Series::ResidentMemory, ("process_resident_memory", Bytes), Level, &[],
        "Memory of the process that is in RAM"),
    row(Series::Cpu, ("process_cpu", Seconds), Counter, &[],
        "CPU time of the process, user and system"),
    row(Series::OpenFds, ("process_open_fds", Plain), Level, &[],
        "Open file descriptors of the process"),
];

/// The labels of a sampled gauge.
pub(crate) fn gauge_labels(gauge: Gauge) -> &'static [&'static str] {
    let row = TABLE.iter().find(|row| row.series == Series::Sampled(gauge));
    row.map_or(&[], |row| row.labels)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
            let spelled = row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(spelled, "{}", row.name);
            assert!(!row.name.ends_with("_total") && !row.name.ends_with("_info"), "{}", row.name);
            assert!(!row.help.ends_with('.'), "{}", row.name);
        }
    }

    #[test]
    fn every_sampled_gauge_is_in_the_table() {
        assert_eq!(gauge_labels(Gauge::Connections), ["listener"]);
        assert_eq!(gauge_labels(Gauge::Reloads), ["outcome"]);
    }
}
