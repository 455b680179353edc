//! The list that is pinned in the binary, read at its first use. How it is renewed is told in its
//! own head.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use domain::{LongPrompt, ModelCard, Money, Needs, Prices};

use super::names::{candidates, undated};

const TEXT: &str = include_str!("pinned.tsv");
/// Stands before the day in the file's head.
const DAY: &str = "# day: ";

/// What a model is listed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Chat,
    /// Answers in OpenAI's responses only.
    Responses,
    Embed,
}

/// One row.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) card: Arc<ModelCard>,
    pub(super) task: Task,
}

/// By family, then by name.
type List = HashMap<&'static str, HashMap<&'static str, Listed>>;

/// The row of a model under its own name or another spelling of it.
pub(super) fn find(family: &str, model: &str) -> Option<&'static Listed> {
    let models = list().get(family)?;
    if let Some(listed) = models.get(model) {
        return Some(listed);
    }
    let found = candidates(model).find_map(|name| models.get(&*name));
    // Else a model that is listed by its days only.
    found.or_else(|| models.get(days().get(family)?.get(model)?))
}

fn list() -> &'static List {
    static LIST: OnceLock<List> = OnceLock::new();
    LIST.get_or_init(|| {
        let day = TEXT.lines().find_map(|line| line.strip_prefix(DAY)).unwrap_or_default();
        let mut list = List::new();
        for ((family, model), listed) in TEXT.lines().filter_map(|line| row(line, day)) {
            list.entry(family).or_default().insert(model, listed);
        }
        list
    })
}

type Days = HashMap<&'static str, HashMap<&'static str, &'static str>>;

/// The newest dated name for each undated one that has no row of its own.
fn days() -> &'static Days {
    static DAYS: OnceLock<Days> = OnceLock::new();
    DAYS.get_or_init(|| {
        let mut days = Days::new();
        for (family, models) in list() {
            for name in models.keys() {
                let Some(short) = undated(name).filter(|short| !models.contains_key(short)) else {
                    continue;
                };
                let newest = days.entry(*family).or_default().entry(short).or_insert(*name);
                *newest = (*newest).max(*name);
            }
        }
        days
    })
}

fn row(line: &'static str, day: &str) -> Option<((&'static str, &'static str), Listed)> {
    if line.starts_with('#') {
        return None;
    }
    let mut columns = line.split('\t');
    let key = (columns.next()?, columns.next()?);
    let task = match columns.next()? {
        "responses" => Task::Responses,
        "embedding" => Task::Embed,
        _ => Task::Chat,
    };
    let mut number = || columns.next().and_then(|text| text.parse::<u64>().ok());
    let (context_tokens_max, output_tokens_max) = (number(), number());
    let mut price = || number().map(Money::from_picodollars);
    let (input, output) = (price(), price());
    let (cache_read, cache_write) = (price(), price());
    let can = needs(columns.next().unwrap_or_default());
    let cannot = needs(columns.next().unwrap_or_default());
    let marks = columns.next().unwrap_or_default();
    let mark = |yes, no| match (marks.contains(yes), marks.contains(no)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let long = columns.next().and_then(long_prompt);
    let cache_write_hour = columns.next().and_then(|text| text.parse().ok());
    let cache_write_hour = cache_write_hour.map(Money::from_picodollars);
    let prices = Prices { input, output, cache_read, cache_write, cache_write_hour, long };
    // The API to which Perplexity's prices of chats belong has ended; its successor charges by the
    // models and searches behind a preset, which nobody can tell beforehand.
    let ended = key.0 == "perplexity" && task == Task::Chat;
    let prices = if ended { Prices::default() } else { prices };
    let card = ModelCard {
        context_tokens_max,
        output_tokens_max,
        can,
        cannot,
        reasons: mark('R', 'r'),
        continues_prefill: mark('P', 'p'),
        prices,
        as_of: day.into(),
    };
    Some((key, Listed { card: Arc::new(card), task }))
}

/// The tokens above which a prompt is long, and its four prices: `200000/2500000/15000000/250000/`.
fn long_prompt(column: &str) -> Option<LongPrompt> {
    let mut parts = column.split('/').map(|part| part.parse::<u64>().ok());
    let above_tokens = parts.next()??;
    let mut price = || parts.next().flatten().map(Money::from_picodollars);
    let (input, output) = (price(), price());
    Some(LongPrompt { above_tokens, input, output, cache_read: price(), cache_write: price() })
}

fn needs(letters: &str) -> Needs {
    letters.chars().fold(Needs::default(), |needs, letter| {
        needs
            | match letter {
                't' => Needs::TOOLS,
                'i' => Needs::IMAGES,
                'a' => Needs::AUDIO,
                'd' => Needs::DOCUMENTS,
                'v' => Needs::VIDEO,
                'j' => Needs::JSON_OUTPUT,
                'r' => Needs::REASONING,
                'h' => Needs::HOSTED_TOOLS,
                _ => Needs::default(),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_tells_something() {
        let rows = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        assert!(rows > 1000, "{rows}");
        let all = || list().values().flatten();
        assert_eq!(all().count(), rows);
        for (key, listed) in all() {
            assert_ne!(
                *listed.card,
                ModelCard { as_of: listed.card.as_of.clone(), ..ModelCard::default() },
                "{key:?}"
            );
            assert!(listed.card.can.beyond(listed.card.cannot) == listed.card.can, "{key:?}");
            assert_eq!(listed.card.as_of.len(), "2026-11-25".len());
        }
    }

    #[test]
    fn numbers_are_what_the_list_says() {
        let sonnet = find("anthropic", "claude-sonnet-4-5-20250929").unwrap();
        assert_eq!(sonnet.card.prices.input.unwrap().picodollars(), 3_000_000);
        assert_eq!(sonnet.card.prices.cache_write.unwrap().picodollars(), 3_750_000);
        assert_eq!(sonnet.card.prices.cache_read.unwrap().picodollars(), 300_000);
        assert_eq!(sonnet.card.context_tokens_max, Some(200_000));
        assert_eq!(sonnet.card.continues_prefill, Some(true));
        let gemini = find("gemini", "gemini-2.5-pro").unwrap().card.prices.long.unwrap();
        assert_eq!(gemini.above_tokens, 200_000);
        assert_eq!(gemini.input.unwrap().picodollars(), 2_500_000);
        assert_eq!(gemini.output.unwrap().picodollars(), 15_000_000);
        assert_eq!(gemini.cache_read.unwrap().picodollars(), 250_000);
        assert_eq!(sonnet.card.prices.long, None);
        assert_eq!(sonnet.card.prices.cache_write_hour.unwrap().picodollars(), 6_000_000);
        let gpt = find("openai", "gpt-5.4").unwrap().card.prices.long.unwrap();
        assert_eq!((gpt.above_tokens, gpt.input.unwrap().picodollars()), (272_000, 5_000_000));
        assert_eq!(find("openai", "o3-pro").unwrap().task, Task::Responses);
        assert_eq!(find("openai", "text-embedding-3-small").unwrap().task, Task::Embed);
        assert_eq!(find("openai", "o3").unwrap().card.reasons, Some(true));
    }

    #[test]
    fn other_spellings_are_found_and_strangers_are_not() {
        for (family, model) in [
            ("openai", "GPT-4.1"),
            ("openai", "gpt-4.1-2099-01-01"),
            ("openai", "ft:gpt-4.1-2025-04-14:acme:shop:b1"),
            ("gemini", "models/gemini-2.5-pro"),
            ("perplexity", "perplexity/sonar"),
            ("groq", "openai/gpt-oss-120b"),
        ] {
            assert!(find(family, model).is_some(), "{family} {model}");
        }
        for (family, model) in
            [("openai", "gpt-4.10"), ("openai", ""), ("mistral", "gpt-4.1"), ("nobody", "gpt-4.1")]
        {
            assert!(find(family, model).is_none(), "{family} {model}");
        }
    }
}
