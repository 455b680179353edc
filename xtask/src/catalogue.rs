//! Renews the pinned catalogue of models from the open price list of the LiteLLM package. Nothing
//! is fetched here, and what a missing member means is not guessed: it stays unknown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::house::House;

/// Where the result is pinned.
const PINNED: &str = "crates/providers/src/catalogue/pinned.tsv";
/// The binary carries it, so it stays small.
const PINNED_BYTES_MAX: usize = 300 * 1024;

/// The list's word for a provider, and ours.
const FAMILIES: [(&str, &str); 17] = [
    ("openai", "openai"),
    ("azure", "azure"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("perplexity", "perplexity"),
    ("mistral", "mistral"),
    ("groq", "groq"),
    ("deepseek", "deepseek"),
    ("xai", "xai"),
    ("together_ai", "together"),
    ("cerebras", "cerebras"),
    ("fireworks_ai", "fireworks"),
    ("moonshot", "moonshot"),
    ("zai", "zai"),
    ("deepinfra", "deepinfra"),
    ("nebius", "nebius"),
    ("sambanova", "sambanova"),
];

/// A member of the list that says what a model can, and our letter for it.
const ABILITIES: [(&str, char); 7] = [
    ("supports_function_calling", 't'),
    ("supports_vision", 'i'),
    ("supports_audio_input", 'a'),
    ("supports_pdf_input", 'd'),
    ("supports_video_input", 'v'),
    ("supports_response_schema", 'j'),
    ("supports_web_search", 'h'),
];

/// Which list is taken.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// `litellm/model_prices_and_context_window_backup.json`, unpacked from the package.
    file: PathBuf,
    /// The package's version.
    #[arg(long)]
    version: String,
    /// The day on which it was taken, such as 2026-11-25.
    #[arg(long)]
    day: String,
}

type Members = BTreeMap<String, Box<RawValue>>;

/// Writes the pinned file anew.
pub(crate) fn run(house: &House, wish: &Wish) -> anyhow::Result<bool> {
    let text = fs::read_to_string(&wish.file).context("the list cannot be read")?;
    let list: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&text).context("the list is no JSON object")?;
    let mut rows: BTreeMap<(&str, String), String> = BTreeMap::new();
    for (name, entry) in &list {
        let Ok(members) = serde_json::from_str::<Members>(entry.get()) else { continue };
        let Some((theirs, family)) = family(&members) else { continue };
        let prefix = format!("{theirs}/");
        let bare = name.strip_prefix(&prefix).unwrap_or(name).to_lowercase();
        // Azure's regional prices stand beside the global ones under names nobody asks for.
        if family == "azure" && bare.contains('/') {
            continue;
        }
        if let Some(row) = row(&members, family)? {
            // A name that the list has with and without its provider is taken with it.
            if name.starts_with(&prefix) {
                rows.insert((family, bare), row);
            } else {
                rows.entry((family, bare)).or_insert(row);
            }
        }
    }
    let pinned = written(&rows, wish);
    if pinned.len() > PINNED_BYTES_MAX {
        bail!("{} bytes are more than the {PINNED_BYTES_MAX} allowed", pinned.len());
    }
    fs::write(house.root.join(PINNED), &pinned)?;
    println!("{} models, {} bytes in {PINNED}", rows.len(), pinned.len());
    Ok(true)
}

fn written(rows: &BTreeMap<(&str, String), String>, wish: &Wish) -> String {
    let mut out = format!(
        "# Models with their limits, prices and abilities, pinned. Renew with `cargo xtask \
         catalogue`; do not edit.\n\
         # source: model_prices_and_context_window_backup.json of the Python package litellm {}\n\
         # licence: MIT, Copyright (c) 2023 Berri AI; see THIRD_PARTY.md\n\
         # day: {}\n\
         # columns: family, model, use, context tokens, output tokens, picodollars a token of \
         input, output, cache read, cache write, can, cannot, marks, long prompts, cache write for an hour; nothing is unknown\n\
         # can, cannot: t tools, i images, a audio, d documents, v video, j json output, r \
         reasoning, h hosted tools; marks: R reasons, P continues a prefill, small for no\n\
         # long prompts: above so many tokens, and the four prices there\n",
        wish.version, wish.day
    );
    for ((family, model), row) in rows {
        writeln!(out, "{family}\t{model}\t{row}").expect("a String takes all");
    }
    out
}

fn family(members: &Members) -> Option<(&'static str, &'static str)> {
    let theirs = text(members, "litellm_provider")?;
    FAMILIES.into_iter().find(|(name, _)| *name == theirs)
}

fn text(members: &Members, name: &str) -> Option<String> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

fn flag(members: &Members, name: &str) -> Option<bool> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

/// The columns behind the names; `None` for what neither talks nor embeds, or tells nothing.
fn row(members: &Members, family: &str) -> anyhow::Result<Option<String>> {
    let mode = text(members, "mode").unwrap_or_default();
    if !["chat", "responses", "embedding"].contains(&mode.as_str()) {
        return Ok(None);
    }
    let mut columns = vec![mode.clone()];
    for name in ["max_input_tokens", "max_output_tokens"] {
        columns.push(limit(members, name).map_or(String::new(), |limit| limit.to_string()));
    }
    let mut prices = Vec::new();
    for name in PRICES {
        let price = members.get(name).map(|raw| picodollars(raw.get())).transpose();
        prices.push(price.with_context(|| format!("`{name}`"))?.flatten());
    }
    // Nobody gives answers away: a list that says so does not know. A vector has no output.
    if mode != "embedding" {
        prices.iter_mut().take(2).for_each(|price| *price = price.filter(|price| *price > 0));
    }
    columns.extend(prices.iter().map(|p| p.map_or(String::new(), |p| p.to_string())));
    if columns.iter().skip(1).all(String::is_empty) {
        return Ok(None);
    }
    let (can, cannot) = abilities(members);
    columns.extend([can, cannot, marks(members, family), long_prompt(members)?]);
    columns.push(price(members, "cache_creation_input_token_cost_above_1hr")?);
    Ok(Some(columns.join("\t").trim_end().to_owned()))
}

/// The price names of the list, each of which has a like for long prompts.
const PRICES: [&str; 4] = [
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
];

/// The length above which prompts have prices of their own, and those; empty if there is none. A
/// list that knows several lengths for a model is not understood.
fn long_prompt(members: &Members) -> anyhow::Result<String> {
    let mut lengths: Vec<&str> = members
        .keys()
        .filter_map(|name| {
            name.strip_prefix("input_cost_per_token_above_")?.strip_suffix("_tokens")
        })
        .collect();
    lengths.dedup();
    let [length] = lengths[..] else {
        if lengths.is_empty() {
            return Ok(String::new());
        }
        bail!("prices for prompts above {} tokens", lengths.join(" and "));
    };
    let thousands = length.strip_suffix('k').and_then(|digits| digits.parse::<u64>().ok());
    let thousands = thousands.with_context(|| format!("prompts above {length} tokens"))?;
    let mut column = (thousands * 1000).to_string();
    for name in PRICES {
        let named = format!("{name}_above_{length}_tokens");
        column.push('/');
        column.push_str(&price(members, &named)?);
    }
    Ok(column)
}

/// A price in picodollars; empty if there is none.
fn price(members: &Members, name: &str) -> anyhow::Result<String> {
    let price = members.get(name).map(|raw| picodollars(raw.get())).transpose();
    let price = price.with_context(|| format!("`{name}`"))?.flatten();
    Ok(price.map_or(String::new(), |price| price.to_string()))
}

fn limit(members: &Members, name: &str) -> Option<u64> {
    let raw = members.get(name)?.get();
    let value: Value = serde_json::from_str(raw).ok()?;
    value.as_u64().filter(|limit| *limit > 0)
}

fn abilities(members: &Members) -> (String, String) {
    let (mut can, mut cannot) = (String::new(), String::new());
    for (name, letter) in ABILITIES {
        match flag(members, name) {
            Some(true) => can.push(letter),
            Some(false) => cannot.push(letter),
            None => {}
        }
    }
    match flag(members, "supports_reasoning") {
        Some(true) => can.push('r'),
        Some(false) => cannot.push('r'),
        None => {}
    }
    // A list of modalities is meant to be whole, so what it leaves out is not taken.
    let modalities: Option<Vec<String>> =
        members.get("supported_modalities").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if let Some(modalities) = modalities.filter(|list| list.iter().any(|word| word == "text")) {
        for (word, letter) in [("image", 'i'), ("audio", 'a'), ("video", 'v')] {
            let listed = modalities.iter().any(|known| known == word);
            if listed && !can.contains(letter) && !cannot.contains(letter) {
                can.push(letter);
            }
            if !listed && !can.contains(letter) && !cannot.contains(letter) {
                cannot.push(letter);
            }
        }
    }
    (can, cannot)
}

/// OpenAI's thinking models refuse sampling and name the output limit anew; elsewhere only those
/// that the list says so of.
fn marks(members: &Members, family: &str) -> String {
    let mut marks = String::new();
    let sampling = flag(members, "supports_sampling_params");
    match flag(members, "supports_reasoning") {
        Some(true) if matches!(family, "openai" | "azure") || sampling == Some(false) => {
            marks.push('R');
        }
        Some(false) => marks.push('r'),
        _ => {}
    }
    match flag(members, "supports_assistant_prefill") {
        Some(true) => marks.push('P'),
        Some(false) => marks.push('p'),
        None => {}
    }
    marks
}

/// Dollars as the list spells them, such as `1.5e-07`, in picodollars: digit by digit, since a
/// float would not hold them. Fractions of a picodollar are rounded. `None` if there is no number.
fn picodollars(spelled: &str) -> anyhow::Result<Option<u64>> {
    if spelled.starts_with(['"', '[', '{', 'n']) {
        return Ok(None);
    }
    let (mantissa, exponent) = spelled.split_once(['e', 'E']).unwrap_or((spelled, "0"));
    let exponent: i32 = exponent.parse().with_context(|| format!("exponent of {spelled}"))?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().with_context(|| spelled.to_owned())?;
    let shift = exponent + 12 - i32::try_from(fraction.len())?;
    let power = 10_u128.checked_pow(shift.unsigned_abs()).context("the price is absurd")?;
    let amount = if shift >= 0 {
        digits.checked_mul(power).context("the price is absurd")?
    } else {
        (digits + power / 2) / power
    };
    Ok(Some(u64::try_from(amount)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_digit_by_digit() {
        for (spelled, expected) in [
            ("2e-06", 2_000_000),
            ("1.25e-07", 125_000),
            ("0.00018", 180_000_000),
            ("0.0", 0),
            ("3.33333e-13", 0),
            ("6e-13", 1),
            ("1", 1_000_000_000_000),
        ] {
            assert_eq!(picodollars(spelled).unwrap(), Some(expected), "{spelled}");
        }
        assert_eq!(picodollars("\"2\"").unwrap(), None);
        assert!(picodollars("-1e-06").is_err());
        assert!(picodollars("1e99").is_err());
    }

    #[test]
    fn what_is_not_told_stays_unknown() {
        let of = |json: &str| row(&serde_json::from_str(json).unwrap(), "openai").unwrap();
        assert_eq!(of(r#"{"mode":"image_generation","max_input_tokens":5}"#), None);
        assert_eq!(of(r#"{"mode":"chat"}"#), None);
        assert_eq!(
            of(r#"{"mode":"chat","max_input_tokens":10,"input_cost_per_token":0,
                "output_cost_per_token":0.0}"#)
            .unwrap(),
            "chat\t10"
        );
        assert_eq!(
            of(r#"{"mode":"responses","max_output_tokens":9,"input_cost_per_token":1e-6,
                "supports_vision":true,"supports_function_calling":false,
                "supported_modalities":["text"],"supports_reasoning":true}"#)
            .unwrap(),
            "responses\t\t9\t1000000\t\t\t\tir\ttav\tR"
        );
        assert_eq!(
            of(r#"{"mode":"chat","input_cost_per_token":1e-6,
                "input_cost_per_token_above_200k_tokens":2e-6,
                "input_cost_per_token_above_200k_tokens_batches":1e-6,
                "output_cost_per_token_above_200k_tokens":3e-6,
                "cache_creation_input_token_cost_above_200k_tokens":4e-6,
                "cache_creation_input_token_cost_above_1hr":5e-6}"#)
            .unwrap(),
            "chat\t\t\t1000000\t\t\t\t\t\t\t200000/2000000/3000000//4000000\t5000000"
        );
    }
}
