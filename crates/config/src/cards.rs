//! Reads `[cards."PROVIDER/MODEL"]`, in the configuration and in a catalogue's file: the operator's
//! own words about models. What the pinned catalogue says is not known here.

use std::path::PathBuf;

use domain::{LongPrompt, ModelCard, Money, Needs, Prices};
use providers::ABILITIES;

use crate::keys;
use crate::mistake::{Findings, did_you_mean, shown};
use crate::provider::{Roster, unknown_provider};
use crate::raw::{self, Said, Table, listed, text_of, wrong_type};
use crate::secrets::{Sources, why_unreadable};
use crate::{Mistakes, provider};

const FILE_BYTES_MAX: u64 = 4 << 20;
const CARDS_MAX: usize = 10_000;
/// A picodollar a token is a millionth of a dollar for a million tokens.
const DECIMALS: usize = 6;

/// Reads the file that `[catalogue]` names, and gives its path if there is one. What is wrong with its text is told apart, since it has
/// lines of its own.
pub(crate) fn of_file(
    top: &Table<'_>,
    roster: &mut Roster,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<PathBuf>, Mistakes> {
    let table = top.table("catalogue", &keys::CATALOGUE, findings);
    let Some(said) = table.text("file", findings) else { return Ok(None) };
    let path = sources.folder.join(said.value);
    let text = match sources.env.read_file(&path, FILE_BYTES_MAX) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned()),
        Err(error) => Err(why_unreadable(&error)),
    };
    let text = match text {
        Ok(text) => text,
        Err(why) => {
            findings.at(said.span, format!("`file`: cannot read `{}`: {why}", path.display()));
            return Ok(None);
        }
    };
    let mut of_file = Findings::in_text(&path, &text);
    let tree = raw::tree(&text, &mut of_file);
    let top = Table::top(&tree, &keys::CATALOGUE_FILE);
    top.refuse_unknown_keys(&mut of_file);
    read_all(&top, roster, &mut of_file);
    of_file.into_result().map(|()| Some(path))
}

/// Reads every table below `[cards]` into the providers that it speaks of; a later word about a
/// model takes the place of an earlier one.
pub(crate) fn read_all(top: &Table<'_>, roster: &mut Roster, findings: &mut Findings<'_>) {
    let Some(value) = top.get("cards") else { return };
    let Some(entries) = value.get_ref().as_table() else {
        wrong_type(
            "cards",
            "a table of tables such as [cards.\"openai/gpt-4.1\"]",
            value,
            findings,
        );
        return;
    };
    if entries.len() > CARDS_MAX {
        findings.at(value.span(), format!("more than {CARDS_MAX} cards"));
    }
    let mut entries: Vec<_> = entries.iter().take(CARDS_MAX).collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let text = name.get_ref().as_ref();
        let header = format!("cards.{text}");
        let Some((provider, model)) = text.split_once('/').filter(|(_, model)| is_model(model))
        else {
            let message = format!(
                "a card is named as in a ladder and in quotes, [cards.\"provider/model\"], not `{}`",
                shown(text)
            );
            findings.at(name.span(), message);
            continue;
        };
        let Some(table) = Table::from_value(value, &keys::CARD, header, findings) else {
            continue;
        };
        let card = card(&table, findings);
        let known = roster.providers.iter_mut().find(|known| *known.name == *provider);
        match known {
            Some(known) => {
                known.cards.retain(|(named, _)| **named != *model);
                known.cards.push((model.into(), card));
            }
            // A provider whose own table has a mistake is not blamed again.
            None if provider == provider::RESERVE || roster.kinds.contains_key(provider) => {}
            None => findings.at(name.span(), unknown_provider(provider, roster)),
        }
    }
}

fn is_model(model: &str) -> bool {
    !model.is_empty() && !model.contains('*')
}

fn card(table: &Table<'_>, findings: &mut Findings<'_>) -> ModelCard {
    let mut limit = |name| {
        table.get(name)?;
        Some(table.integer(name, 0_u64, findings)).filter(|limit| *limit > 0)
    };
    let (context_tokens_max, output_tokens_max) =
        (limit("context_tokens_max"), limit("output_tokens_max"));
    let can = needs(table, "can", findings);
    let cannot = needs(table, "cannot", findings);
    if let Some(both) = can.beyond(can.beyond(cannot)).names().next() {
        let message = format!("`can` and `cannot` both name {both}");
        findings.wrong(table.place("cannot"), message);
    }
    ModelCard {
        context_tokens_max,
        output_tokens_max,
        can,
        cannot,
        reasons: table.flag("reasons", findings),
        continues_prefill: table.flag("continues_prefill", findings),
        prices: Prices {
            input: price(table, "input_usd_per_million", findings),
            output: price(table, "output_usd_per_million", findings),
            cache_read: price(table, "cache_read_usd_per_million", findings),
            cache_write: price(table, "cache_write_usd_per_million", findings),
            cache_write_hour: price(table, "cache_write_hour_usd_per_million", findings),
            long: long_prompt(table, findings),
        },
        as_of: Box::default(),
    }
}

/// The prices of long prompts mean nothing without the length.
fn long_prompt(table: &Table<'_>, findings: &mut Findings<'_>) -> Option<LongPrompt> {
    let long = LongPrompt {
        above_tokens: table.integer("long_above_tokens", 0_u64, findings),
        input: price(table, "long_input_usd_per_million", findings),
        output: price(table, "long_output_usd_per_million", findings),
        cache_read: price(table, "long_cache_read_usd_per_million", findings),
        cache_write: price(table, "long_cache_write_usd_per_million", findings),
    };
    let told = LongPrompt { above_tokens: long.above_tokens, ..LongPrompt::default() } != long;
    match (told, table.get("long_above_tokens")) {
        (true, Some(_)) => Some(long),
        (false, None) => None,
        (true, None) => {
            let message = "prices of long prompts need `long_above_tokens`".to_owned();
            findings.wrong(table.place("long_input_usd_per_million"), message);
            None
        }
        (false, Some(_)) => {
            let message = "`long_above_tokens` needs the prices of long prompts".to_owned();
            findings.wrong(table.place("long_above_tokens"), message);
            None
        }
    }
}

fn needs(table: &Table<'_>, name: &str, findings: &mut Findings<'_>) -> Needs {
    let mut needs = Needs::default();
    for word in table.array(name, "an array such as [\"tools\", \"images\"]", findings) {
        let Some(said) = text_of(name, word, findings) else { continue };
        match ABILITIES.iter().find(|(word, _)| *word == said.value) {
            Some((_, need)) => needs |= *need,
            None => {
                let words = ABILITIES.map(|(word, _)| word);
                let message = format!(
                    "`{name}` knows no `{}`; it may be {}{}",
                    shown(said.value),
                    listed(words.into_iter()),
                    did_you_mean(said.value, words)
                );
                findings.at(said.span, message);
            }
        }
    }
    needs
}

fn price(table: &Table<'_>, name: &str, findings: &mut Findings<'_>) -> Option<Money> {
    let Said { value, span } = table.spelled(name, findings)?;
    let money = picodollars(&value);
    if money.is_none() {
        let message = format!("`{name}` must be a plain decimal with {DECIMALS} decimals at most");
        findings.at(span, message);
    }
    money.map(Money::from_picodollars)
}

/// Dollars for a million tokens as picodollars for one, digit by digit.
fn picodollars(spelled: &str) -> Option<u64> {
    let spelled = spelled.strip_prefix('+').unwrap_or(spelled);
    let (whole, fraction) = spelled.split_once('.').unwrap_or((spelled, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_digit_by_digit() {
        for (spelled, expected) in [
            ("2.5", Some(2_500_000)),
            ("0.1", Some(100_000)),
            ("0.000001", Some(1)),
            ("0.0000010", Some(1)),
            ("3", Some(3_000_000)),
            ("0", Some(0)),
            ("0.0000001", None),
            ("1e-3", None),
            ("-1", None),
        ] {
            assert_eq!(picodollars(spelled), expected, "{spelled}");
        }
    }
}
