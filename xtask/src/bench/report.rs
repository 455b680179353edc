//! What was measured, as a table with bars, and as JSON. The median of the rounds stands for all of
//! them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::peers::Kind;
use super::rounds::{self, Scenario};

const MIB: f64 = 1_048_576.0;
/// A stream that is relayed event by event needs a read for each of its 104 events.
const READS_PER_BURST_MAX: f64 = 10.0;

/// One peer's turn in one scenario.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    pub(super) units_per_second: f64,
    /// Processor microseconds a unit; none for the mock.
    pub(super) cpu_us: Option<f64>,
    pub(super) took_us: (f64, f64),
    pub(super) first_us: (f64, f64),
    pub(super) reads_per_answer: f64,
    pub(super) errors: u64,
}

impl Cell {
    /// From what the load told; `cpu` in nanoseconds.
    pub(super) fn of(told: &Value, chunks: bool, cpu: Option<u64>) -> Result<Self> {
        let number = |path: &str| {
            let value = told.pointer(path).and_then(Value::as_f64);
            value.with_context(|| format!("the load did not tell {path}"))
        };
        let answers = number("/answers")?;
        let units = if chunks { number("/events")? } else { answers };
        let errors = told.pointer("/errors").and_then(Value::as_u64).unwrap_or(u64::MAX);
        if let Some(error) = told.get("first_error").and_then(Value::as_str) {
            crate::say::line(&format!("  an answer was wrong: {error}"));
        }
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53 nanoseconds")]
        let cpu_us = cpu.map(|nanos| nanos as f64 / 1_000.0 / units.max(1.0));
        Ok(Self {
            units_per_second: units / number("/seconds")?.max(1e-9),
            cpu_us,
            took_us: (number("/took_us/p50")?, number("/took_us/p99")?),
            first_us: (number("/first_us/p50")?, number("/first_us/p99")?),
            reads_per_answer: number("/reads")? / answers.max(1.0),
            errors,
        })
    }

    fn median(cells: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| middle(cells.iter().map(figure).collect());
        let cpu = cells.iter().map(|cell| cell.cpu_us).collect::<Option<Vec<_>>>();
        Self {
            units_per_second: of(|cell| cell.units_per_second),
            cpu_us: cpu.map(middle),
            took_us: (of(|cell| cell.took_us.0), of(|cell| cell.took_us.1)),
            first_us: (of(|cell| cell.first_us.0), of(|cell| cell.first_us.1)),
            reads_per_answer: of(|cell| cell.reads_per_answer),
            errors: cells.iter().map(|cell| cell.errors).sum(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "units_per_second": self.units_per_second,
            "cpu_us": self.cpu_us,
            "took_us": [self.took_us.0, self.took_us.1],
            "first_us": [self.first_us.0, self.first_us.1],
            "reads_per_answer": self.reads_per_answer,
            "errors": self.errors,
        })
    }
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// Resident bytes of one peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) idle: u64,
    /// Open when `resident` was read.
    pub(super) streams: usize,
    /// How many were asked for.
    pub(super) wanted: usize,
    pub(super) resident: u64,
}

/// One round of visits to the status page.
#[derive(Debug)]
pub(super) struct Visited {
    pub(super) page: Cell,
    /// The gateway without visitors, and beside them.
    pub(super) alone: Cell,
    pub(super) beside: Cell,
}

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report {
    pinning: String,
    absent: Vec<String>,
    /// From start to first answer, and resident bytes when idle.
    pub(super) started: BTreeMap<Kind, (Duration, u64)>,
    pub(super) cells: Vec<(Scenario, BTreeMap<Kind, Vec<Cell>>)>,
    pub(super) memory: BTreeMap<Kind, Memory>,
    pub(super) visited: Vec<Visited>,
}

/// One figure that was promised.
struct Bar {
    what: &'static str,
    /// None: it could not be measured here.
    is: Option<f64>,
    most: f64,
    unit: &'static str,
}

impl Report {
    pub(super) fn new(pinning: String, absent: Vec<String>) -> Self {
        let (started, memory) = (BTreeMap::new(), BTreeMap::new());
        Self { pinning, absent, started, cells: Vec::new(), memory, visited: Vec::new() }
    }

    fn cell(&self, scenario: Scenario, kind: Kind) -> Option<Cell> {
        let (_, cells) = self.cells.iter().find(|(of, _)| *of == scenario)?;
        Some(Cell::median(cells.get(&kind)?))
    }

    /// Seawall's processor time a unit over nginx's.
    fn ratio(&self, scenario: Scenario) -> Option<f64> {
        let cpu = |kind| self.cell(scenario, kind)?.cpu_us;
        Some(cpu(Kind::Seawall)? / cpu(Kind::Nginx)?)
    }

    /// Seawall's processor time a unit when it translates, over its own when it relays.
    fn across(&self, translated: Scenario, relayed: Scenario) -> Option<f64> {
        let cpu = |scenario| self.cell(scenario, Kind::Seawall)?.cpu_us;
        Some(cpu(translated)? / cpu(relayed)?)
    }

    /// Milliseconds that Seawall adds to the mock's own answer, at one connection.
    fn added_ms(&self, figure: fn(&Cell) -> f64) -> Option<f64> {
        let of = |kind| self.cell(rounds::PLAIN_1, kind).map(|cell| figure(&cell));
        Some((of(Kind::Seawall)? - of(Kind::Direct)?) / 1_000.0)
    }

    fn page_p99_ms(&self) -> Option<f64> {
        let rounds = self.visited.iter().map(|round| round.page.took_us.1 / 1_000.0);
        (!self.visited.is_empty()).then(|| middle(rounds.collect()))
    }

    #[allow(clippy::cast_precision_loss, reason = "memory sizes and counts are far below 2^53")]
    fn bars(&self) -> Vec<Bar> {
        let bar = |what, is, most, unit| Bar { what, is, most, unit };
        let started = self.started.get(&Kind::Seawall);
        let memory = self.memory.get(&Kind::Seawall);
        // Fewer than ten thousand streams may be open here; the bar is for ten thousand.
        let streams = memory.map(|memory| {
            let idle = memory.idle as f64;
            let each = (memory.resident as f64 - idle) / memory.streams as f64;
            (idle + each * 10_000.0) / MIB
        });
        vec![
            bar("CPU a request, 64 connections", self.ratio(rounds::PLAIN_64), 1.6, "x nginx"),
            bar("CPU a chunk, burst", self.ratio(rounds::BURST), 2.5, "x nginx"),
            bar("CPU a chunk, paced", self.ratio(rounds::PACED), 1.3, "x nginx"),
            bar(
                "CPU a request, translated",
                self.across(rounds::CROSS_PLAIN, rounds::PLAIN_64),
                2.0,
                "x relayed",
            ),
            bar(
                "CPU a chunk, translated",
                self.across(rounds::CROSS_BURST, rounds::BURST),
                3.0,
                "x relayed",
            ),
            bar("p50 added, 1 connection", self.added_ms(|cell| cell.took_us.0), 0.06, "ms"),
            bar("p99 added, 1 connection", self.added_ms(|cell| cell.took_us.1), 0.5, "ms"),
            bar("first answer after start", started.map(|(t, _)| t.as_secs_f64()), 0.1, "s"),
            bar("memory, idle", started.map(|(_, bytes)| *bytes as f64 / MIB), 20.0, "MiB"),
            bar("memory, 10,000 open streams", streams, 350.0, "MiB"),
            bar("p99 of 2,000 page visits a second", self.page_p99_ms(), 50.0, "ms"),
        ]
    }

    /// True if every answer was right and streams were coalesced.
    pub(super) fn is_sound(&self) -> bool {
        let errors = |cells: &BTreeMap<Kind, Vec<Cell>>| {
            cells.values().flatten().map(|cell| cell.errors).sum::<u64>()
        };
        let reads = self.cell(rounds::BURST, Kind::Seawall).map(|cell| cell.reads_per_answer);
        let whole = self.memory.values().all(|memory| memory.streams == memory.wanted);
        let served = self.visited.iter().all(|round| round.page.errors + round.beside.errors == 0);
        self.cells.iter().all(|(_, cells)| errors(cells) == 0)
            && reads.is_some_and(|reads| reads > 0.0 && reads < READS_PER_BURST_MAX)
            && whole
            && served
    }

    /// The table for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\n{}\n", self.pinning);
        for reason in &self.absent {
            text.push_str(&format!("{reason}: measured without it\n"));
        }
        for (scenario, cells) in &self.cells {
            push(&mut text, format_args!("\n{}\n", scenario.title()));
            let unit = scenario.unit;
            push(
                &mut text,
                format_args!(
                    "  {:<9}{:>12}{:>16}{:>9}{:>20}{:>20}{:>7}{:>7}\n",
                    "",
                    format!("{unit}s/s"),
                    format!("CPU us/{unit}"),
                    "x nginx",
                    "first us p50/p99",
                    "whole us p50/p99",
                    "reads",
                    "wrong"
                ),
            );
            for (kind, cells) in cells {
                push_row(&mut text, *kind, &Cell::median(cells), self.cell(*scenario, Kind::Nginx));
            }
        }
        self.push_memory(&mut text);
        self.push_visits(&mut text);
        self.push_bars(&mut text);
        text
    }

    #[allow(clippy::cast_precision_loss, reason = "memory sizes and counts are far below 2^53")]
    fn push_memory(&self, text: &mut String) {
        text.push_str("\nstart and memory (resident; pages shared by processes count for each)\n");
        for (kind, (first, idle)) in &self.started {
            let name = kind.name();
            let first = first.as_secs_f64();
            let idle = *idle as f64 / MIB;
            let open = self.memory.get(kind).map_or(String::new(), |memory| {
                let mib = memory.resident as f64 / MIB;
                let kib = (memory.resident as f64 - memory.idle as f64) / 1_024.0;
                let each = kib / memory.streams as f64;
                format!("; {} open streams {mib:.0} MiB, {each:.1} KiB each", memory.streams)
            });
            push(
                text,
                format_args!("  {name:<9}first answer {first:.3} s; idle {idle:.1} MiB{open}\n"),
            );
        }
    }

    fn push_visits(&self, text: &mut String) {
        if self.visited.is_empty() {
            return;
        }
        let of = |figure: fn(&Visited) -> &Cell| {
            let cells: Vec<_> = self.visited.iter().map(figure).collect();
            let middle_of =
                |read: fn(&Cell) -> f64| middle(cells.iter().map(|c| read(c)).collect());
            let (rate, p99) = (middle_of(|c| c.units_per_second), middle_of(|c| c.took_us.1));
            format!("{rate:.0}/s, p99 {:.2} ms", p99 / 1_000.0)
        };
        push(
            text,
            format_args!(
                "\nthe status page beside a saturated gateway\n  page     {}\n  gateway  {}; without \
                 visitors {}\n",
                of(|round| &round.page),
                of(|round| &round.beside),
                of(|round| &round.alone),
            ),
        );
    }

    fn push_bars(&self, text: &mut String) {
        text.push_str("\nbars\n");
        for Bar { what, is, most, unit } in self.bars() {
            let (is, word) = match is {
                Some(is) => (format!("{is:.3}"), if is <= most { "met" } else { "MISSED" }),
                None => ("-".to_owned(), "not measured"),
            };
            push(text, format_args!("  {what:<32}{is:>9} {unit:<9} at most {most:<6} {word}\n"));
        }
    }

    /// All medians, and every round.
    pub(super) fn json(&self) -> Value {
        let mut scenarios = serde_json::Map::new();
        for (scenario, cells) in &self.cells {
            let peers = cells.iter().map(|(kind, cells)| {
                let all: Vec<_> = cells.iter().map(Cell::json).collect();
                (kind.name(), json!({ "median": Cell::median(cells).json(), "rounds": all }))
            });
            scenarios.insert(scenario.title(), json!(peers.collect::<BTreeMap<_, _>>()));
        }
        let started = self.started.iter().map(|(kind, (first, idle))| {
            (kind.name(), json!({ "first_answer_s": first.as_secs_f64(), "idle_bytes": idle }))
        });
        let memory = self.memory.iter().map(|(kind, memory)| {
            let Memory { idle, streams, resident, .. } = memory;
            (kind.name(), json!({ "idle": idle, "streams": streams, "resident": resident }))
        });
        let bars = self
            .bars()
            .into_iter()
            .map(|bar| (bar.what, json!({ "is": bar.is, "at_most": bar.most, "unit": bar.unit })));
        json!({
            "machine": self.pinning,
            "scenarios": scenarios,
            "started": started.collect::<BTreeMap<_, _>>(),
            "memory": memory.collect::<BTreeMap<_, _>>(),
            "page_p99_ms": self.page_p99_ms(),
            "bars": bars.collect::<BTreeMap<_, _>>(),
        })
    }
}

fn push_row(text: &mut String, kind: Kind, cell: &Cell, nginx: Option<Cell>) {
    let ratio = cell.cpu_us.zip(nginx.and_then(|nginx| nginx.cpu_us));
    let ratio = ratio.map_or("-".to_owned(), |(own, nginx)| format!("{:.2}", own / nginx));
    let cpu = cell.cpu_us.map_or("-".to_owned(), |cpu| format!("{cpu:.2}"));
    let pair = |(p50, p99): (f64, f64)| format!("{p50:.0} / {p99:.0}");
    push(
        text,
        format_args!(
            "  {:<9}{:>12.0}{cpu:>16}{ratio:>9}{:>20}{:>20}{:>7.1}{:>7}\n",
            kind.name(),
            cell.units_per_second,
            pair(cell.first_us),
            pair(cell.took_us),
            cell.reads_per_answer,
            cell.errors,
        ),
    );
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes every line");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answers: u64, reads: u64) -> Value {
        let pair = json!({ "p50": 20.0, "p99": 50.0 });
        json!({ "answers": answers, "events": answers * 104, "reads": reads, "errors": 0,
            "first_error": null, "seconds": 2.0, "took_us": pair, "first_us": pair })
    }

    fn report(seawall_reads: u64) -> Report {
        let mut report = Report::new("2 cores".into(), Vec::new());
        let cell = |reads, cpu| Cell::of(&told(10, reads), true, cpu).unwrap();
        let cells = BTreeMap::from([
            (Kind::Direct, vec![cell(20, None)]),
            (Kind::Nginx, vec![cell(40, Some(1_040_000))]),
            (Kind::Seawall, vec![cell(seawall_reads, Some(2_080_000))]),
        ]);
        report.cells.push((rounds::BURST, cells));
        report
    }

    #[test]
    fn ratios_are_to_nginx_of_the_same_run() {
        let report = report(50);
        assert_eq!(report.ratio(rounds::BURST), Some(2.0));
        assert_eq!(report.cell(rounds::BURST, Kind::Nginx).unwrap().cpu_us, Some(1.0));
        let text = report.text();
        assert!(text.contains("CPU a chunk, burst                  2.000 x nginx"), "{text}");
        assert!(text.contains("CPU a chunk, translated"), "{text}");
        assert!(text.contains("not measured"), "{text}");
        assert_eq!(report.json()["bars"]["CPU a chunk, burst"]["is"], 2.0);
    }

    #[test]
    fn streams_that_are_not_coalesced_are_a_fault() {
        assert!(report(50).is_sound());
        assert!(!report(104 * 10).is_sound());
    }
}
