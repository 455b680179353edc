//! Facts in words, one line each, for operators who look into what a verdict was drawn from.

use detection::{Fact, Faults, ProbeResult, Reports, Silence, Symptom, Traffic};

/// One fact.
pub(super) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Traffic { traffic: of, .. } => format!("our traffic: {}", traffic(of)),
        Fact::Silence { silence: of, .. } => format!("waiting calls: {}", silence(of)),
        Fact::Probe { result, .. } => format!("probe: {}", probe(*result)),
        Fact::Reports { reports: of, .. } => format!("reports: {}", reports(*of)),
        Fact::Page { page, .. } => format!(
            "official page: {}, the page is {}",
            page.condition.as_str(),
            page.freshness.as_str()
        ),
        Fact::Drift { drift, is_on, .. } => {
            let how = if *is_on { "left its usual band" } else { "is back in its usual band" };
            format!("answers: {} {how}", drift.as_str())
        }
        Fact::Canary { host, is_reached } => {
            format!("canary: {host} is {}", if *is_reached { "reached" } else { "not reached" })
        }
        Fact::Attack { is_on } => {
            format!("admission: {}", if *is_on { "an attack on us" } else { "no attack" })
        }
        Fact::Maintenance(work) => format!("planned work: {}, {}", work.title, work.phase.as_str()),
    }
}

fn traffic(of: &Traffic) -> String {
    let mut text = format!("{} answered, {} failed", of.good, of.faults.total());
    let Faults { overload, server_errors, timeouts, cuts, connections } = of.faults;
    let kinds = [
        (overload, Symptom::Overload),
        (server_errors, Symptom::ServerErrors),
        (timeouts, Symptom::Timeouts),
        (cuts, Symptom::Cuts),
        (connections, Symptom::Connections),
    ];
    for (count, symptom) in kinds.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {count} × {}", symptom.in_words()));
    }
    if of.callers_failed > 0 {
        text.push_str(&format!(", of {} callers", of.callers_failed));
    }
    if of.refusals.count > 0 {
        let refusals = of.refusals;
        let keys = format!("{} of {} keys", refusals.refused, refusals.asking);
        text.push_str(&format!(", {} refused, of {keys}", refusals.count));
    }
    if let Some(words) = of.first_words {
        text.push_str(&format!(", first words after {} ms", words.median_ms));
    }
    text
}

fn silence(of: &Silence) -> String {
    let begun: u32 = of.0.iter().map(|(begun, _)| begun).sum();
    let silent: u32 = of.0.iter().map(|(_, silent)| silent).sum();
    let oldest = of.0.iter().rposition(|(_, silent)| *silent > 0);
    match oldest {
        Some(age) => format!("{silent} of {begun} have no first word, the oldest for {age} s"),
        None => format!("all {begun} have had a first word"),
    }
}

fn probe(result: ProbeResult) -> String {
    match result {
        ProbeResult::Failed(symptom) => format!("failed: {}", symptom.in_words()),
        other => other.as_str().replace('_', " "),
    }
}

fn reports(of: Reports) -> String {
    let kinds = [
        (of.errors, "errors"),
        (of.slow, "slow"),
        (of.cannot_log_in, "cannot log in"),
        (of.wrong_answers, "wrong answers"),
        (of.over_capacity, "over capacity"),
        (of.other, "other"),
    ];
    let told = kinds.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, kind)| format!("{count} × {kind}")).collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}
