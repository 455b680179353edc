//! The book as OpenMetrics text. Names, units and labels come from the table of `names`; the
//! spelling is done by `prometheus-client`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::{FaultClass, LossKind};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::book::Book;
use crate::histogram::Histogram;
use crate::labels::{Labels, TargetId};
use crate::names::{Kind, Measure, Row, Series, TABLE};
use crate::process::{ProcessFigures, read_figures};
use crate::snapshot::CLOSED;
use crate::telemetry::{Level, Shared};
use crate::totals::CallKind;

/// All series as text.
pub(crate) fn render(shared: &Arc<Shared>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(Arc::clone(shared))));
    let mut text = String::with_capacity(16 * 1024);
    if text::encode(&mut text, &registry).is_err() {
        // Writing into a string fails only if a label cannot be spelled; half a page is worse
        // than an empty one.
        text.clear();
    }
    text
}

struct Scrape(Arc<Shared>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let figures = read_figures();
        // Read before the book is opened: a gauge of another room may itself ask telemetry.
        let levels = self.0.levels();
        let book = self.0.drain();
        for row in TABLE {
            let unit = match row.measure {
                Measure::Plain => None,
                Measure::Seconds => Some(Unit::Seconds),
                Measure::Bytes => Some(Unit::Bytes),
            };
            let kind = match row.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
                Kind::Info => MetricType::Info,
            };
            let metric = encoder.encode_descriptor(row.name, row.help, unit.as_ref(), kind)?;
            let mut rows = Rows { metric, row };
            match row.series {
                Series::CallDuration
                | Series::TokenUsage
                | Series::FirstChunk
                | Series::PerChunk => calls(&mut rows, &book)?,
                Series::RequestsInFlight
                | Series::OpenStreams
                | Series::ReceiptsDropped
                | Series::ChangesDropped
                | Series::LogLinesDropped
                | Series::Sampled(_) => own(&mut rows, &self.0, &levels)?,
                Series::Build | Series::ResidentMemory | Series::Cpu | Series::OpenFds => {
                    process(&mut rows, figures)?;
                }
                _ => requests(&mut rows, &book)?,
            }
        }
        Ok(())
    }
}

/// Writes the samples of one row of the table.
struct Rows<'a> {
    metric: MetricEncoder<'a>,
    row: &'static Row,
}

impl Rows<'_> {
    /// Writes one sample under the row's labels with these values; an empty value is a label
    /// that is not there.
    fn sample(
        &mut self,
        values: &[&str],
        write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let pairs = self.row.labels.iter().copied().zip(values.iter().copied());
        let labels: Vec<(&str, &str)> = pairs.filter(|(_, value)| !value.is_empty()).collect();
        if labels.is_empty() {
            return write(&mut self.metric);
        }
        write(&mut self.metric.encode_family(&labels)?)
    }

    fn counter(&mut self, values: &[&str], count: u64) -> fmt::Result {
        self.sample(values, |metric| metric.encode_counter::<NoLabelSet, u64, u64>(&count, None))
    }

    /// A counter of something that comes in fractions.
    fn sum(&mut self, values: &[&str], sum: f64) -> fmt::Result {
        self.sample(values, |metric| metric.encode_counter::<NoLabelSet, f64, u64>(&sum, None))
    }

    fn gauge(&mut self, values: &[&str], level: f64) -> fmt::Result {
        self.sample(values, |metric| metric.encode_gauge(&level))
    }

    fn histogram<const N: usize>(&mut self, values: &[&str], h: &Histogram<N>) -> fmt::Result {
        self.sample(values, |metric| {
            metric.encode_histogram::<NoLabelSet>(h.sum(), h.count(), &h.buckets(), None)
        })
    }
}

fn fault_word(fault: Option<FaultClass>) -> &'static str {
    fault.map_or("none", FaultClass::as_str)
}

fn names(labels: &Labels, target: TargetId) -> (&str, &str) {
    (labels.provider_name(target.provider), labels.model_name(target.model))
}

/// The `gen_ai_*` series.
fn calls(rows: &mut Rows<'_>, book: &Book) -> fmt::Result {
    let labels = &book.labels;
    let of_kind = |kind: &CallKind| {
        let (provider, model) = names(labels, kind.target);
        [kind.operation.as_str(), provider, labels.model_name(kind.asked), model]
    };
    if rows.row.series == Series::CallDuration {
        for ((kind, fault), spans) in &book.totals.call_durations {
            let [operation, provider, asked, model] = of_kind(kind);
            let error = fault.map_or("", FaultClass::as_str);
            rows.histogram(&[operation, provider, asked, model, error], spans)?;
        }
        return Ok(());
    }
    for (kind, call) in &book.totals.calls {
        let [operation, provider, asked, model] = of_kind(kind);
        let values = &[operation, provider, asked, model];
        match rows.row.series {
            Series::TokenUsage if call.input.count() > 0 => {
                rows.histogram(&[operation, provider, asked, model, "input"], &call.input)?;
                rows.histogram(&[operation, provider, asked, model, "output"], &call.output)?;
            }
            Series::FirstChunk if call.first_chunk.count() > 0 => {
                rows.histogram(values, &call.first_chunk)?;
            }
            Series::PerChunk if call.per_chunk.count() > 0 => {
                rows.histogram(values, &call.per_chunk)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The series that count receipts and breaker changes.
fn requests(rows: &mut Rows<'_>, book: &Book) -> fmt::Result {
    let (totals, labels) = (&book.totals, &book.labels);
    match rows.row.series {
        Series::Requests => {
            totals.requests.iter().try_for_each(|((outcome, class, dialect), n)| {
                let dialect = dialect.map_or("none", domain::Dialect::as_str);
                rows.counter(&[outcome.as_str(), &format!("{class}xx"), dialect], *n)
            })
        }
        Series::RequestDuration => {
            totals.durations.iter().try_for_each(|(o, h)| rows.histogram(&[o.as_str()], h))
        }
        Series::RequestFirstToken => {
            totals.first_tokens.iter().try_for_each(|(r, h)| rows.histogram(&[r.as_str()], h))
        }
        Series::AttemptsPerRequest => rows.histogram(&[], &totals.per_request),
        Series::Attempts => totals.attempts.iter().try_for_each(|((target, fault), n)| {
            let (provider, model) = names(labels, *target);
            rows.counter(&[provider, model, fault_word(*fault)], *n)
        }),
        Series::Served => totals.served.iter().try_for_each(|((target, rung), n)| {
            let (provider, model) = names(labels, *target);
            rows.counter(&[provider, model, rung.as_str()], *n)
        }),
        Series::Refused => totals.refused.iter().try_for_each(|(why, n)| rows.counter(&[why], *n)),
        Series::StreamOutcomes => {
            totals.streams.ends.iter().try_for_each(|(word, n)| rows.counter(&[word], *n))
        }
        Series::Takeovers => totals
            .streams
            .takeovers
            .iter()
            .try_for_each(|(end, n)| rows.counter(&[end.as_str()], *n)),
        Series::Losses => totals.losses.iter().try_for_each(|((field, kind), n)| {
            let kind = match kind {
                LossKind::Dropped => "dropped",
                LossKind::Approximated => "approximated",
            };
            rows.counter(&[field, kind], *n)
        }),
        Series::Cost => totals.costs.known.iter().try_for_each(|(target, cost)| {
            let (provider, model) = names(labels, *target);
            rows.sum(&[provider, model], cost.dollars())
        }),
        Series::CostUnknown => totals.costs.unknown.iter().try_for_each(|(target, n)| {
            let (provider, model) = names(labels, *target);
            rows.counter(&[provider, model], *n)
        }),
        Series::GapMax => totals.gaps.iter().try_for_each(|(target, spans)| {
            let (provider, model) = names(labels, *target);
            rows.histogram(&[provider, model], spans)
        }),
        Series::RequestBytes => rows.counter(&[], totals.bytes.requests),
        Series::AnswerBytes => rows.counter(&[], totals.bytes.answers),
        Series::LabelsMerged => rows.counter(&[], totals.merged),
        Series::BreakerChanges => book.changes.iter().try_for_each(|(kind, n)| {
            let (target, from, to, why) = kind;
            let (provider, model) = names(labels, *target);
            rows.counter(&[provider, model, from, to, why], *n)
        }),
        Series::BreakerOpen => {
            book.live.breakers.iter().try_for_each(|((target, key), breaker)| {
                let (provider, model) = names(labels, *target);
                let open = if breaker.state == CLOSED { 0.0 } else { 1.0 };
                rows.gauge(&[provider, model, &key.to_string()], open)
            })
        }
        _ => Ok(()),
    }
}

/// Telemetry's own state and what other rooms let us sample.
fn own(rows: &mut Rows<'_>, shared: &Shared, levels: &[Level]) -> fmt::Result {
    match rows.row.series {
        Series::RequestsInFlight => gauge_of(rows, shared.in_flight.load(Ordering::Relaxed)),
        Series::OpenStreams => gauge_of(rows, shared.open_streams.load(Ordering::Relaxed)),
        Series::ReceiptsDropped => {
            rows.counter(&[], shared.receipts_dropped.load(Ordering::Relaxed))
        }
        Series::ChangesDropped => rows.counter(&[], shared.changes_dropped.load(Ordering::Relaxed)),
        Series::LogLinesDropped => rows.counter(&[], shared.log.dropped()),
        Series::Sampled(gauge) => {
            let mut of_row = levels.iter().filter(|level| level.gauge == gauge);
            of_row.try_for_each(|level| {
                let values: Vec<&str> = level.values.iter().map(String::as_str).collect();
                rows.gauge(&values, level.level)
            })
        }
        _ => Ok(()),
    }
}

fn gauge_of(rows: &mut Rows<'_>, level: i64) -> fmt::Result {
    rows.metric.encode_gauge(&level)
}

/// What the operating system tells; a figure that it does not tell is left out.
fn process(rows: &mut Rows<'_>, figures: ProcessFigures) -> fmt::Result {
    match rows.row.series {
        Series::Build => rows.metric.encode_info(&[("version", env!("CARGO_PKG_VERSION"))]),
        Series::ResidentMemory => {
            figures.resident_bytes.map_or(Ok(()), |bytes| rows.metric.encode_gauge(&bytes))
        }
        Series::Cpu => figures.cpu_seconds.map_or(Ok(()), |seconds| {
            rows.metric.encode_counter::<NoLabelSet, f64, u64>(&seconds, None)
        }),
        Series::OpenFds => {
            figures.open_fds.map_or(Ok(()), |count| rows.metric.encode_gauge(&count))
        }
        _ => Ok(()),
    }
}
