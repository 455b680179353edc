//! The table of the policies and a strip for each provider, in plain characters.

use std::fmt::Write as _;

use super::Report;
use super::seen::span;
use super::words::{count, millis, percent, time_of_day};
use crate::score::{PolicyFigures, ProviderSeries};

/// Characters of a strip.
const STRIP: usize = 72;
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The report for a terminal, many lines.
pub fn terminal(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    let kind = if report.what_if { "what if" } else { "history" };
    _ = writeln!(text, "\n{} ({kind})\n", report.title);
    table(&mut text, report);
    for (name, _) in report.in_order() {
        strips(&mut text, report, name);
    }
    incidents(&mut text, report);
    herd(&mut text, report);
    expectations(&mut text, report);
    _ = writeln!(
        text,
        "\nscenario {}, seed {}, {} virtual s in {:.1} s, settings {}, trace {}",
        report.scenario,
        report.seed,
        report.virtual_s,
        report.wall_s,
        report.settings,
        report.trace_hash
    );
    text
}

fn table(text: &mut String, report: &Report) {
    type Cell = fn(&PolicyFigures) -> String;
    let rows: [(&str, Cell); 13] = [
        ("requests", |f| count(f.offered)),
        ("answered", |f| percent(f.answered_ratio)),
        ("of them by the reserve", |f| percent(f.reserve_ratio)),
        ("first words p50", |f| millis(f.first_token_ms.p50)),
        ("first words p95", |f| millis(f.first_token_ms.p95)),
        ("refused", |f| count(f.ends.refused)),
        ("gave up", |f| count(f.ends.gave_up)),
        ("broken or cut", |f| count(f.ends.failed)),
        ("taken over", |f| count(f.ends.takeovers)),
        ("tries a request, worst 10 s", |f| format!("{:.2}", f.attempts_per_request_max_10s)),
        ("Retry-After was true", |f| {
            f.retry_after_honest_ratio.map_or("never told".into(), percent)
        }),
        ("first asked against capacity", |f| percent(f.fresh_load_peak_ratio)),
        ("dominoes", |f| f.dominoes.to_string()),
    ];
    let line = |text: &mut String, name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>16}")).collect();
        _ = writeln!(text, "  {name:<30}{cells}");
    };
    line(text, "", report.in_order().map(|(name, _)| name.to_owned()).collect());
    for (name, cell) in rows {
        line(text, name, report.in_order().map(|(_, figures)| cell(figures)).collect());
    }
}

fn strips(text: &mut String, report: &Report, policy: &str) {
    let Some(series) = report.series.get(policy) else {
        return;
    };
    _ = writeln!(
        text,
        "\n  {policy}: load on each provider; ! more than it can bear, x most answers of no use"
    );
    for (name, provider) in &series.providers {
        let fell = report.policies.get(policy).and_then(|policy| policy.providers.get(name));
        let mark = if fell.is_some_and(|provider| provider.fell) { "fell" } else { "" };
        _ = writeln!(text, "  {name:>12} |{}| {mark}", strip(provider));
    }
    let first = time_of_day(&report.story, 0.0);
    let last = time_of_day(&report.story, report.virtual_s as f64);
    let gap = STRIP.saturating_sub(first.len());
    _ = writeln!(text, "  {:>12}  {first}{last:>gap$}", "");
}

fn strip(provider: &ProviderSeries) -> String {
    let cells = provider.load.len();
    let part = |series: &[f64], column: usize| -> f64 {
        let from = column * cells / STRIP;
        let until = ((column + 1) * cells / STRIP).max(from + 1);
        let values = series.iter().skip(from).take(until - from);
        values.sum::<f64>() / (until - from) as f64
    };
    let column = |column: usize| {
        let (load, useful) = (part(&provider.load, column), part(&provider.useful, column));
        if load > 0.02 && useful * 2.0 < load {
            return 'x';
        }
        if load > 1.0 {
            return '!';
        }
        LEVELS.get((load * 8.0).ceil() as usize).copied().unwrap_or('!')
    };
    (0..STRIP).map(column).collect()
}

fn incidents(text: &mut String, report: &Report) {
    let Some(seen) = report.seen.as_ref().filter(|seen| !seen.incidents.is_empty()) else {
        return;
    };
    _ = writeln!(text, "\n  incidents that Seawall told of");
    for incident in &seen.incidents {
        let at = |at_s: i64| time_of_day(&report.story, at_s.max(0) as f64);
        let after = |at_s: Option<i64>| {
            at_s.map_or("never".to_owned(), |at_s| span(at_s - incident.began_s))
        };
        let page = match incident.official_s {
            Some(_) => format!("late by {}", span(incident.official_lag_s as i64)),
            None => "silent".to_owned(),
        };
        _ = writeln!(
            text,
            "  {:>8}  {} ({}): suspected after {}, sure after {}, {}; the page: {page}",
            at(incident.began_s),
            incident.title,
            incident.cause.as_str().replace('_', " "),
            after(incident.suspected_s),
            after(incident.confirmed_s),
            incident
                .resolved_s
                .map_or("open at the end".to_owned(), |at_s| format!("over at {}", at(at_s))),
        );
    }
}

fn herd(text: &mut String, report: &Report) {
    let Some(study) = &report.herd else {
        return;
    };
    _ = writeln!(text, "\n  the herd: if this share of the world's companies paced themselves");
    for point in &study.points {
        let dominoes = "▮".repeat(point.dominoes as usize);
        _ = writeln!(
            text,
            "  {:>10}  {:>8} answered  {dominoes:<3} {} fell",
            percent(point.paced),
            percent(point.answered_ratio),
            point.dominoes
        );
    }
    _ = match study.stops_at {
        Some(share) => writeln!(text, "  from {} on, nothing falls", percent(share)),
        None => writeln!(text, "  no share is enough here"),
    };
}

fn expectations(text: &mut String, report: &Report) {
    if report.expectations.is_empty() {
        return;
    }
    _ = writeln!(text, "\n  expected");
    for judged in &report.expectations {
        let held = if judged.held { "held" } else { "NOT HELD" };
        let figure = judged.figure.map_or("none".to_owned(), |figure| figure.to_string());
        _ = writeln!(
            text,
            "  {held:>8}  {}: {} ({figure}, wanted {})",
            judged.policy, judged.name, judged.wanted
        );
    }
}
