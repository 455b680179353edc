//! The report as one page that needs nothing else: no script, no font, no request. It explains
//! itself to somebody who has never seen a drill.

use std::fmt::Write as _;

use super::chart::{Chart, Curve, escaped, svg};
use super::words::{count, millis, percent, policy, time_of_day};
use super::{Report, seen};
use crate::replay::HerdStudy;
use crate::score::{Decision, PolicyFigures, PolicySeries, ProviderSeries};

const STYLE: &str = include_str!("page.css");
/// Lines of a timeline that are shown.
const LINES_MAX: usize = 120;

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Drill: {}</title><style>{STYLE}</style></head><body><main>",
        escaped(&report.title)
    );
    head(&mut text, report);
    results(&mut text, report);
    for (name, _) in report.in_order() {
        if let Some(series) = report.series.get(name) {
            one_policy(&mut text, report, name, series);
        }
    }
    seen::section(&mut text, report);
    timeline(&mut text, report);
    if let Some(study) = &report.herd {
        herd(&mut text, study);
    }
    method(&mut text, report);
    text.push_str("</main></body></html>\n");
    text
}

// Writing into a text cannot fail, so what `write!` gives is dropped throughout.

fn head(text: &mut String, report: &Report) {
    let kind = if report.what_if { "What if: it never happened so" } else { "History" };
    _ = write!(
        text,
        "<p class=\"tag\">{kind}</p><p class=\"tag\">Drill {}</p><h1>{}</h1>",
        escaped(&report.scenario),
        escaped(&verdict(report))
    );
    for paragraph in report.story.about.split("\n\n") {
        _ = write!(text, "<p class=\"lede\">{}</p>", escaped(paragraph));
    }
    text.push_str("<p class=\"grey\">A drill plays a bad day against a gateway that stands between your products and their AI providers. Time is virtual, connections are in memory, the providers are simulated, and everything else is the real program. The same crowd, on the same day, is sent three ways, so that the ways can be compared.</p>");
}

/// What came out, in two short sentences.
fn verdict(report: &Report) -> String {
    let told = |name: &str| report.policies.get(name);
    let fell = |figures: &PolicyFigures| match figures.dominoes {
        0 => "nobody else fell",
        1 => "one more provider fell",
        _ => "more providers fell",
    };
    match (told("naive"), told("seawall")) {
        (Some(naive), Some(seawall)) => format!(
            "Seawall answered {}, and {}. The usual gateway answered {}, and {}.",
            percent(seawall.answered_ratio),
            fell(seawall),
            percent(naive.answered_ratio),
            fell(naive)
        ),
        _ => report.title.clone(),
    }
}

fn results(text: &mut String, report: &Report) {
    type Cell = fn(&PolicyFigures) -> String;
    let rows: [(&str, &str, Cell); 11] = [
        ("answered", "Requests that got their whole answer.", |f| percent(f.answered_ratio)),
        (
            "dominoes",
            "Providers with no trouble of their own whose useful answers fell below half, for a minute or more.",
            |f| f.dominoes.to_string(),
        ),
        (
            "first words, half of all",
            "From the request to the first word, retries included.",
            |f| millis(f.first_token_ms.p50),
        ),
        ("first words, 95 of 100", "The slowest five of a hundred waited longer.", |f| {
            millis(f.first_token_ms.p95)
        }),
        (
            "answered by less",
            "Share of answers that came from the small model in the house.",
            |f| percent(f.reserve_ratio),
        ),
        ("refused", "Told no, after all retries.", |f| count(f.ends.refused)),
        ("gave up", "Nobody answered in time.", |f| count(f.ends.gave_up)),
        ("broken or cut", "Ended in the middle, or without a word.", |f| count(f.ends.failed)),
        (
            "tries a request",
            "Calls at providers for each request, in the worst ten seconds. Every try too many is load that nobody asked for.",
            |f| format!("{:.2}", f.attempts_per_request_max_10s),
        ),
        ("taken over in the middle", "Streams that another provider finished.", |f| {
            count(f.ends.takeovers)
        }),
        (
            "asked for the first time",
            "All first requests, the world's too, against the capacity that was there. Below 100 % nobody has to fall.",
            |f| percent(f.fresh_load_peak_ratio),
        ),
    ];
    text.push_str("<h2>Three ways through the same day</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Results\"><table><thead><tr><th></th>");
    for (name, _) in report.in_order() {
        _ = write!(text, "<th class=\"n\">{name}<br><small>{}</small></th>", policy(name));
    }
    text.push_str("</tr></thead><tbody>");
    for (index, (name, meaning, cell)) in rows.into_iter().enumerate() {
        let class = if index < 2 { " class=\"main\"" } else { "" };
        _ = write!(text, "<tr{class}><td>{name}<br><small>{meaning}</small></td>");
        for (_, figures) in report.in_order() {
            _ = write!(text, "<td class=\"n\">{}</td>", cell(figures));
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table></div>");
    if report.expectations.is_empty() {
        return;
    }
    text.push_str("<h3>What was expected</h3><div class=\"scroll\"><table><tbody>");
    for judged in &report.expectations {
        let (class, word) = if judged.held { ("good", "held") } else { ("bad", "not held") };
        let figure = judged.figure.map_or("no figure".to_owned(), |figure| figure.to_string());
        _ = write!(
            text,
            "<tr><td class=\"{class}\">{word}</td><td>{}: {}</td><td class=\"n\">{figure}</td><td>wanted {}</td></tr>",
            judged.policy,
            escaped(&judged.name),
            judged.wanted
        );
    }
    text.push_str("</tbody></table></div>");
}

fn one_policy(text: &mut String, report: &Report, name: &str, series: &PolicySeries) {
    _ = write!(text, "<h2>{name}: {}</h2>", policy(name));
    let hours = hours(report);
    let bands = bands(report, None);
    let peak = series.offered.iter().copied().fold(1.0, f64::max) * 1.1;
    let fleet = svg(&Chart {
        label: &format!(
            "Requests a second under {name}: asked, answered, refused and lost over the day"
        ),
        curves: &[
            Curve { class: "answered-area", values: &series.answered },
            Curve { class: "offered", values: &series.offered },
            Curve { class: "refused", values: &series.refused },
            Curve { class: "lost", values: &series.lost },
        ],
        top: peak,
        limit: None,
        bands: &bands,
        hours: &hours,
        unit: "requests a second",
    });
    let open_peak = series.open.iter().copied().fold(10.0, f64::max) * 1.1;
    let open = svg(&Chart {
        label: &format!("Requests that wait for their answer under {name}"),
        curves: &[Curve { class: "open", values: &series.open }],
        top: open_peak,
        limit: None,
        bands: &bands,
        hours: &hours,
        unit: "requests under way",
    });
    _ = write!(
        text,
        "<div class=\"pair\"><figure><figcaption>Your requests. {FLEET_KEY}</figcaption>{fleet}</figure><figure><figcaption>Waiting: requests without their last word. A curve that climbs is a queue that somebody stands in.</figcaption>{open}</figure></div><div class=\"pair\">"
    );
    for (provider, load) in &series.providers {
        let bands = self::bands(report, Some(provider));
        text.push_str(&provider_chart(provider, load, &bands, &hours));
    }
    text.push_str("</div>");
}

const FLEET_KEY: &str = "<span class=\"key\"><span><i style=\"background:var(--sea)\"></i>answered</span><span><i style=\"background:var(--ink)\"></i>asked</span><span><i style=\"background:var(--warn)\"></i>refused</span><span><i style=\"background:var(--down)\"></i>lost</span></span>";

fn provider_chart(
    name: &str,
    load: &ProviderSeries,
    bands: &[(f64, f64)],
    hours: &[(f64, String)],
) -> String {
    let peak = load.load.iter().copied().fold(1.25, f64::max).min(6.0);
    let chart = svg(&Chart {
        label: &format!("Load on {name} against its capacity, and useful answers"),
        curves: &[
            Curve { class: "load-area", values: &load.load },
            Curve { class: "world-area", values: &load.world },
            Curve { class: "useful", values: &load.useful },
        ],
        top: peak,
        limit: Some(1.0),
        bands,
        hours,
        unit: "1 = all it can do",
    });
    format!(
        "<figure><figcaption><b>{}</b> <span class=\"key\"><span><i style=\"background:var(--stone)\"></i>the world</span><span><i style=\"background:var(--sea)\"></i>with you</span><span><i style=\"background:var(--ok)\"></i>of use</span></span></figcaption>{chart}</figure>",
        escaped(name)
    )
}

fn hours(report: &Report) -> Vec<(f64, String)> {
    let place = |index: u32| {
        let share = f64::from(index) / 6.0;
        let time = time_of_day(&report.story, share * report.virtual_s as f64);
        let short =
            if report.virtual_s > 3_600 { time.get(..5).unwrap_or(&time).to_owned() } else { time };
        (share, short)
    };
    (0..=6).map(place).collect()
}

fn bands(report: &Report, of: Option<&str>) -> Vec<(f64, f64)> {
    let whole = report.virtual_s.max(1) as f64;
    let events = report.story.events.iter().filter(|event| match (&event.effect, of) {
        (Some((to, _)), Some(name)) => to == name,
        (effect, None) => effect.is_some(),
        (None, Some(_)) => false,
    });
    let bands = events.map(|event| {
        (
            event.window.from.as_secs_f64() / whole,
            (event.window.until.as_secs_f64() / whole).min(1.0),
        )
    });
    bands.take(LINES_MAX).collect()
}

fn timeline(text: &mut String, report: &Report) {
    text.push_str("<h2>What happened, and what Seawall decided</h2><div class=\"pair\"><div><h3>The world</h3><table><tbody>");
    for event in report.story.events.iter().filter(|event| !event.text.is_empty()).take(LINES_MAX) {
        let at = time_of_day(&report.story, event.window.from.as_secs_f64());
        let whom = event
            .effect
            .as_ref()
            .map_or(String::new(), |(to, _)| format!("<b>{}</b>: ", escaped(to)));
        _ = write!(
            text,
            "<tr><td class=\"when\">{at}</td><td>{whom}{}</td></tr>",
            escaped(&event.text)
        );
    }
    text.push_str("</tbody></table></div><div><h3>Seawall</h3><table><tbody>");
    let decisions: &[Decision] =
        report.series.get("seawall").map(|series| series.decisions.as_slice()).unwrap_or_default();
    if decisions.is_empty() {
        text.push_str("<tr><td>No decision was needed, or this policy was not run.</td></tr>");
    }
    for decision in decisions.iter().take(LINES_MAX) {
        let at = time_of_day(&report.story, decision.at_s);
        _ = write!(
            text,
            "<tr><td class=\"when\">{at}</td><td>{}</td></tr>",
            escaped(&decision.text)
        );
    }
    let more = decisions.len().saturating_sub(LINES_MAX);
    if more > 0 {
        _ = write!(text, "<tr><td></td><td class=\"grey\">and {more} more</td></tr>");
    }
    text.push_str("</tbody></table></div></div>");
}

fn herd(text: &mut String, study: &HerdStudy) {
    text.push_str("<h2>If others did the same</h2><p>Your gateway is one of many. Here the world's companies move as flows: a share of them pace themselves, the rest fall over at once. The table shows how many providers fall at each share.</p><div class=\"scroll\"><table class=\"herd\"><thead><tr><th class=\"n\">pace themselves</th><th class=\"n\">fall</th><th class=\"n\">answered</th><th></th></tr></thead><tbody>");
    for point in &study.points {
        let width = point.answered_ratio * 200.0;
        _ = write!(
            text,
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><svg viewBox=\"0 0 200 10\" width=\"200\" height=\"10\" aria-hidden=\"true\"><rect width=\"{width:.0}\" height=\"10\"/></svg></td></tr>",
            percent(point.paced),
            point.dominoes,
            percent(point.answered_ratio)
        );
    }
    let sentence = match study.stops_at {
        Some(share) => format!("From {} on, nothing falls.", percent(share)),
        None => "No share is enough here.".to_owned(),
    };
    _ = write!(text, "</tbody></table></div><p>{sentence}</p>");
}

fn method(text: &mut String, report: &Report) {
    _ = write!(
        text,
        "<h2>How to read this</h2><p>Load is work, not requests: a long answer weighs more than a short one. 1 is all that a provider can do at full speed. Red bands are events of the story. An answer is of use if it came whole to somebody who was still there.</p><p><b>single</b> asks the first provider of the ladder only. <b>naive</b> is a simple router inside the simulator, written after what gateways ship today: each request tries a provider three times, then the next, at once and with all its weight. <b>seawall</b> is the real program with its settings ({}).</p><p class=\"grey\">It is a model: good for telling ways apart, not a forecast. Seed {}, {} virtual seconds in {:.1} s, Seawall {}, trace {}. The same seed gives the same run.</p>",
        escaped(&report.settings),
        report.seed,
        report.virtual_s,
        report.wall_s,
        report.version,
        report.trace_hash
    );
}
