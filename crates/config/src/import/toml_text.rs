//! Writes a plan as the text of a `seawall.toml`, with the notes as comments at its head, so that
//! whoever opens the file sees what is still to be done.

use std::fmt::Write as _;

use super::plan::{Model, Plan, Provider};

/// The text. Every name and value is quoted, whatever stands in it.
pub(super) fn write(plan: &Plan, notes: &[String]) -> String {
    let mut text = String::from(
        "# Made from a LiteLLM proxy configuration by `seawall import litellm`.\n\
         # Check it with `seawall check -c FILE`.\n",
    );
    if !notes.is_empty() {
        text.push_str("#\n# What has no counterpart here, or means something else:\n");
    }
    for note in notes {
        line(&mut text, format_args!("# - {}", note.replace(['\n', '\r'], " ")));
    }
    plan.providers.iter().for_each(|provider| write_provider(&mut text, provider));
    plan.models.iter().for_each(|model| write_model(&mut text, model));
    write_numbers(&mut text, "clocks", &[("total_ms_max", plan.total_ms_max)]);
    write_numbers(&mut text, "failover", &[("attempts_max", plan.attempts_max)]);
    let breaker = [
        ("streak_max", plan.streak_max),
        ("cooldown_ms_min", plan.cooldown_ms),
        ("cooldown_ms_max", plan.cooldown_ms),
    ];
    write_numbers(&mut text, "breaker", &breaker);
    if !plan.callers.is_empty() {
        text.push_str("\n[auth]\nkeys = [\n");
        for (name, hash) in &plan.callers {
            line(
                &mut text,
                format_args!("  {{ name = {}, hash = {} }},", quoted(name), quoted(hash)),
            );
        }
        text.push_str("]\n");
    }
    text
}

fn line(text: &mut String, written: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ok = writeln!(text, "{written}").is_ok();
}

fn write_provider(text: &mut String, provider: &Provider) {
    line(text, format_args!("\n[providers.{}]", quoted(&provider.name)));
    line(text, format_args!("kind = {}", quoted(provider.kind)));
    if let Some(key) = &provider.key {
        line(text, format_args!("api_keys = [{}]", quoted(key)));
    }
    for (name, value) in [
        ("base_url", &provider.base_url),
        ("api_version", &provider.api_version),
        ("organization", &provider.organization),
    ] {
        if let Some(value) = value {
            line(text, format_args!("{name} = {}", quoted(value)));
        }
    }
}

fn write_model(text: &mut String, model: &Model) {
    line(text, format_args!("\n[models.{}]\nladder = [", quoted(&model.name)));
    for step in &model.ladder {
        let rungs: Vec<String> = step.iter().map(|rung| quoted(rung)).collect();
        match rungs.as_slice() {
            [one] => line(text, format_args!("  {one},")),
            several => line(text, format_args!("  [{}],", several.join(", "))),
        }
    }
    text.push_str("]\n");
    let clocks =
        [("first_token_ms_max", model.first_token_ms_max), ("total_ms_max", model.total_ms_max)];
    write_numbers(text, &format!("models.{}.clocks", quoted(&model.name)), &clocks);
}

fn write_numbers(text: &mut String, table: &str, numbers: &[(&str, Option<u64>)]) {
    if numbers.iter().all(|(_, number)| number.is_none()) {
        return;
    }
    line(text, format_args!("\n[{table}]"));
    for (name, number) in numbers {
        if let Some(number) = number {
            line(text, format_args!("{name} = {number}"));
        }
    }
}

/// A basic string of TOML.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control.is_control() => {
                text.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_its_quotes() {
        for value in ["", "a\"b\\c", "tab\tand\nline", "é\u{7f}\u{0}"] {
            let read: toml::Table = format!("x = {}", quoted(value)).parse().unwrap();
            assert_eq!(read["x"].as_str(), Some(value));
        }
    }
}
