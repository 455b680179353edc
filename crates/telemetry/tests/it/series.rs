//! Series, snapshots and their bounds.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{FaultClass, Target};
use telemetry::{BreakerChange, Gauge, Outcome, TakeoverEnd, Telemetry};

use crate::{Bench, answered, attempt, bench, failed_over, quiet, refused};

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|l| l == line), "`{line}` is not in:\n{text}");
}

#[test]
fn one_answer_shows_in_every_series() {
    let Bench { telemetry, .. } = bench(quiet());
    telemetry.in_flight().fetch_add(2, Ordering::Relaxed);
    telemetry.receipt(answered());
    let text = telemetry.render();
    let genai = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"acme\",\
                 gen_ai_request_model=\"assistant\",gen_ai_response_model=\"big\"";
    for line in [
        r#"seawall_requests_total{outcome="answered",status_class="2xx",dialect="openai-chat"} 1"#,
        r#"seawall_attempts_total{provider="acme",model="big",fault="none"} 1"#,
        r#"seawall_served_total{provider="acme",model="big",rung="primary"} 1"#,
        r#"seawall_stream_outcomes_total{outcome="complete"} 1"#,
        "seawall_attempts_per_request_count 1",
        r#"seawall_breaker_open{provider="acme",model="big",key="0"} 0.0"#,
        "seawall_requests_in_flight 2",
        "seawall_request_bytes_total 400",
        "seawall_receipts_dropped_total 0",
        "seawall_log_lines_dropped_total 0",
        &format!("gen_ai_client_operation_duration_seconds_sum{{{genai}}} 0.9"),
        &format!("gen_ai_client_token_usage_sum{{{genai},gen_ai_token_type=\"output\"}} 60.0"),
        &format!("gen_ai_client_operation_time_to_first_chunk_seconds_count{{{genai}}} 1"),
        &format!("gen_ai_client_operation_time_per_output_chunk_seconds_sum{{{genai}}} 0.1"),
        r#"seawall_gap_max_seconds_bucket{le="0.1",provider="acme",model="big"} 1"#,
        "# UNIT seawall_request_duration_seconds seconds",
        "# EOF",
    ] {
        has(&text, line);
    }
    #[cfg(target_os = "linux")]
    assert!(text.contains("\nprocess_resident_memory_bytes ") && text.contains("\nprocess_cpu_"));
    assert!(text.contains("seawall_build_info{version="));
}

#[test]
fn who_served_is_told_by_the_step_and_else_by_the_attempts() {
    let Bench { telemetry, .. } = bench(quiet());
    telemetry.receipt(failed_over());
    let mut silent = failed_over();
    silent.answer.served_step = None;
    telemetry.receipt(silent);
    // The breaker kept the first step away: one attempt only, yet not the primary.
    let mut skipped = failed_over();
    skipped.attempts.remove(0);
    telemetry.receipt(skipped);
    let mut reserve = failed_over();
    reserve.answer.source = telemetry::Source::Reserve;
    reserve.answer.served_by = Some(Target::new("reserve", "small"));
    telemetry.receipt(reserve);
    let mut recalled = failed_over();
    recalled.answer.source = telemetry::Source::Recall { age: Duration::from_secs(60) };
    telemetry.receipt(recalled);
    let text = telemetry.render();
    has(&text, r#"seawall_served_total{provider="bolt",model="small",rung="recall"} 1"#);
    has(&text, r#"seawall_served_total{provider="bolt",model="small",rung="failover"} 3"#);
    has(&text, r#"seawall_served_total{provider="reserve",model="small",rung="reserve"} 1"#);
    has(&text, r#"seawall_attempts_total{provider="acme",model="big",fault="overloaded"} 4"#);
    assert!(text.contains(r#"error_type="overloaded""#));
    let snapshot = telemetry.snapshot();
    let reserves = snapshot.targets.iter().filter(|target| target.reserve);
    let reserves: Vec<&str> = reserves.map(|target| target.provider.as_str()).collect();
    assert_eq!(reserves, ["reserve"]);
}

#[test]
fn ends_of_streams_are_told_apart() {
    let Bench { telemetry, .. } = bench(quiet());
    let target = Target::new("acme", "big");
    for (outcome, fault) in [
        (Outcome::Broken, Some(FaultClass::Stalled)),
        (Outcome::Broken, Some(FaultClass::Cut)),
        (Outcome::Broken, Some(FaultClass::Overloaded)),
        (Outcome::HungUp, None),
        (Outcome::Failed, Some(FaultClass::Connect)),
    ] {
        let mut receipt = answered();
        receipt.outcome = outcome;
        receipt.attempts = vec![attempt(&target, fault)];
        receipt.reason = fault.map(FaultClass::as_str);
        telemetry.receipt(receipt);
    }
    let text = telemetry.render();
    for word in ["stalled", "cut", "errored", "hung_up"] {
        has(&text, &format!("seawall_stream_outcomes_total{{outcome=\"{word}\"}} 1"));
    }
    assert!(!text.contains("seawall_stream_outcomes_total{outcome=\"complete\"}"));
    // Only the caller who hung up was served; what broke or failed was not.
    has(&text, r#"seawall_served_total{provider="acme",model="big",rung="primary"} 1"#);
}

#[test]
fn takeovers_are_counted_by_how_they_ended() {
    let Bench { telemetry, .. } = bench(quiet());
    let mut receipt = failed_over();
    receipt.answer.takeovers.count(TakeoverEnd::Continued);
    receipt.answer.takeovers.count(TakeoverEnd::Continued);
    telemetry.receipt(receipt);
    let mut broken = answered();
    broken.outcome = Outcome::Broken;
    broken.reason = Some("cut");
    // The last attempt to mend it failed otherwise.
    broken.attempts = vec![attempt(&Target::new("bolt", "small"), Some(FaultClass::Overloaded))];
    broken.answer.takeovers.count(TakeoverEnd::Errored);
    telemetry.receipt(broken);
    let text = telemetry.render();
    has(&text, r#"seawall_takeovers_total{outcome="continued"} 2"#);
    has(&text, r#"seawall_takeovers_total{outcome="errored"} 1"#);
    has(&text, r#"seawall_stream_outcomes_total{outcome="cut"} 1"#);
}

#[test]
fn a_million_invented_names_make_no_series() {
    let Bench { telemetry, .. } = bench(quiet());
    let mut dice = clock::Dice::seeded(4);
    for round in 0..1_000_000_u32 {
        let name = format!("m{:x}", dice.bits());
        telemetry.receipt(match round % 4 {
            0 => refused(&name),
            // A pattern lets the invented name through to the provider, who does not know it.
            1 => {
                let mut receipt = answered();
                let target = Target::new("acme", name.as_str());
                receipt.model_asked = name.into();
                receipt.attempts = vec![attempt(&target, Some(FaultClass::ModelUnknown))];
                receipt.answer.served_by = None;
                receipt.outcome = Outcome::CallerFault;
                receipt
            }
            // A provider that answers to any name.
            2 => {
                let mut receipt = answered();
                let target = Target::new("bolt", name.as_str());
                receipt.model_asked = name.into();
                receipt.attempts = vec![attempt(&target, None)];
                receipt.answer.served_by = Some(target);
                receipt
            }
            _ => answered(),
        });
        if round % 50_000 == 0 {
            telemetry.flush();
        }
    }
    let text = telemetry.render();
    let lines = text.lines().count();
    assert!(lines < 20_000, "{lines} lines");
    has(
        &text,
        r#"seawall_attempts_total{provider="acme",model="other",fault="model_unknown"} 250000"#,
    );
    has(&text, r#"seawall_refused_total{reason="model_not_found"} 250000"#);
    has(&text, "seawall_receipts_dropped_total 0");
    assert!(telemetry.snapshot().targets.len() < 200);
}

#[test]
fn labels_cannot_break_the_text() {
    let Bench { telemetry, .. } = bench(quiet());
    telemetry.set_known(&["a\"b\nc\\d".into()], &[]);
    let mut receipt = answered();
    receipt.model_asked = "a\"b\nc\\d".into();
    telemetry.receipt(receipt);
    let text = telemetry.render();
    assert!(text.contains(r#"gen_ai_request_model="a\"b\nc\\d""#), "{text}");
}

fn change(to: &'static str) -> BreakerChange {
    let (target, why) = (Target::new("acme", "big"), "failures in a row");
    BreakerChange { target, key: 1, from: "closed", to, why }
}

#[test]
fn breakers_and_sampled_gauges_show() {
    let Bench { telemetry, clock, .. } = bench(quiet());
    telemetry.breaker_changed(change("open"));
    telemetry.register_gauge(Gauge::RetryBudgetLevel, &[], || 1.0);
    telemetry.register_gauge(Gauge::RetryBudgetLevel, &[], || 7.5);
    telemetry.register_gauge(Gauge::Connections, &["gateway"], || 3.0);
    let text = telemetry.render();
    has(&text, r#"seawall_breaker_open{provider="acme",model="big",key="1"} 1.0"#);
    has(&text, "seawall_retry_budget_level 7.5");
    has(&text, r#"seawall_connections{listener="gateway"} 3.0"#);
    assert!(!text.contains("seawall_retry_budget_level 1.0"));
    let moved = r#"provider="acme",model="big",from="closed",to="open",why="failures in a row""#;
    has(&text, &format!("seawall_breaker_changes_total{{{moved}}} 1"));
    clock.advance(Duration::from_secs(9));
    let snapshot = telemetry.snapshot();
    let breaker = &snapshot.targets[0].breakers[0];
    assert_eq!((breaker.key, breaker.state, breaker.since_seconds), (1, "open", 9));
    telemetry.breaker_changed(change("closed"));
    has(&telemetry.render(), r#"seawall_breaker_open{provider="acme",model="big",key="1"} 0.0"#);
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let Bench { telemetry, .. } = bench(quiet());
    for _ in 0..70_000 {
        telemetry.receipt(refused("x"));
    }
    let text = telemetry.render();
    has(&text, &format!("seawall_receipts_dropped_total {}", 70_000 - 65_536));
    has(&text, r#"seawall_refused_total{reason="model_not_found"} 65536"#);
    assert_eq!(telemetry.snapshot().lost, 70_000 - 65_536);
}

#[test]
fn a_snapshot_tells_of_both_windows() {
    let Bench { telemetry, clock, .. } = bench(quiet());
    (0..3).for_each(|_| telemetry.receipt(answered()));
    telemetry.flush();
    clock.advance(Duration::from_secs(120));
    telemetry.receipt(failed_over());
    let snapshot = telemetry.snapshot();
    assert_eq!((snapshot.minute.requests, snapshot.quarter.requests), (1, 4));
    assert_eq!(snapshot.quarter.rungs.get("primary"), Some(&3));
    assert_eq!(snapshot.up_seconds, 120.0);
    let acme = &snapshot.targets[0];
    assert_eq!((acme.provider.as_str(), acme.minute.attempts), ("acme", 1));
    assert_eq!(acme.minute.faults.get("overloaded"), Some(&1));
    assert_eq!((acme.minute.upstream_faults, acme.minute.served), (1, 0));
    assert_eq!((acme.quarter.served, acme.quarter.served_share), (3, 0.75));
    let first = acme.quarter.first_token_ms_p50.unwrap();
    assert!((100.0..=150.0).contains(&first), "{first}");
    assert_eq!(acme.minute.first_token_ms_p50, None);
    clock.advance(Duration::from_secs(1000));
    assert!(telemetry.snapshot().targets.is_empty(), "old and without a breaker");
}

#[test]
fn the_handle_is_cheap_and_goes_anywhere() {
    fn needs<T: Clone + Send + Sync + 'static>(_: &T) {}
    let Bench { telemetry, .. } = bench(quiet());
    needs::<Telemetry>(&telemetry);
}
