//! The words of incidents in 简体中文. Incidents are kept in English; what Seawall wrote itself has a
//! Chinese counterpart for each sentence, and is known by its English one. What a person or a provider
//! wrote has none and stays as it is.

use super::phrases::PHRASES;

/// Texts within texts.
const DEPTH_MAX: usize = 6;
/// A longer text is none of ours.
const TEXT_BYTES_MAX: usize = 4_096;

/// A text of ours in Chinese; `None` if any part of it is not ours.
pub fn in_chinese(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    // What somebody else's post is called may hold full stops.
    if text.contains('\u{201c}') || !text.ends_with('.') {
        return whole(text, 0);
    }
    // Sentences: each ends with a full stop, which no number in ours does.
    let mut all = String::new();
    for sentence in text.strip_suffix('.')?.split(". ") {
        all.push_str(&whole(sentence, 0)?);
        all.push('。');
    }
    Some(all)
}

fn whole(text: &str, depth: usize) -> Option<String> {
    if depth > DEPTH_MAX {
        return None;
    }
    let known = PHRASES.iter().find_map(|(english, chinese)| {
        let values = fit(english, text)?;
        let mut said = (*chinese).to_owned();
        for (place, (kind, value)) in values.iter().enumerate() {
            let value = match kind {
                Kind::Number | Kind::Text => (*value).to_owned(),
                Kind::Ours => whole(value, depth + 1).unwrap_or_else(|| names(value)),
            };
            said = said.replace(&format!("{{{place}}}"), &value);
        }
        Some(said)
    });
    if known.is_some() {
        return known;
    }
    // Parts that were put together; a list of names is none.
    let (first, rest) = text.split_once("; ")?;
    Some(format!("{}；{}", whole(first, depth + 1)?, whole(rest, depth + 1)?))
}

/// Names with commas and an "and".
fn names(list: &str) -> String {
    list.replace(", ", "、").replace(" and ", " 和 ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Ours,
}

/// What stands in the places of a pattern, if the text fits it.
fn fit<'t>(pattern: &str, text: &'t str) -> Option<Vec<(Kind, &'t str)>> {
    let (start, mut rest_of_pattern) = pattern.split_once('{').unwrap_or((pattern, ""));
    let mut rest = text.strip_prefix(start)?;
    let mut values = Vec::new();
    while let Some((kind, tail)) = rest_of_pattern.split_once('}') {
        let (literal, next) = tail.split_once('{').unwrap_or((tail, ""));
        let is_last = next.is_empty();
        let (value, behind) = match (literal, is_last) {
            ("", true) => (rest, ""),
            (_, true) => (rest.strip_suffix(literal)?, ""),
            _ => rest.split_once(literal)?,
        };
        let kind = match kind {
            "n" => Kind::Number,
            "t" => Kind::Text,
            _ => Kind::Ours,
        };
        let is_number = || value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if value.is_empty() || (kind == Kind::Number && !is_number()) {
            return None;
        }
        values.push((kind, value));
        (rest, rest_of_pattern) = (behind, next);
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::{Belief, ComponentId, Symptom};

    fn verdict(health: Health, certainty: Certainty, class: CauseClass, by_page: bool) -> Verdict {
        let (page, traffic) = if by_page { (5.0, 0.0) } else { (0.0, 9.0) };
        let reading = |family, nats: f64, why: &str| Reading {
            family,
            degraded_nats: nats,
            down_nats: nats,
            observations: 60,
            why: why.into(),
        };
        let whys = "60 of 60 requests of the last minute failed: no answer in time; first words \
            3.5 times slower than usual";
        Verdict {
            component: ComponentId::new("openai/chat"),
            at: UnixMs::new(0),
            since: UnixMs::new(0),
            health,
            certainty,
            belief: Belief { ok: 0.0, degraded: 0.0, down: 1.0 },
            cause: Cause { class, confidence: 0.9, why: "too little is known yet".into() },
            readings: vec![
                reading(Family::Traffic, traffic, whys),
                reading(Family::OfficialPage, page, "the page tells of a major outage"),
            ],
            guards: Vec::new(),
            why: "".into(),
        }
    }

    fn assert_chinese(text: &str) {
        let said = in_chinese(text).unwrap_or_else(|| panic!("no Chinese for: {text}"));
        let latin = |word: &&str| word.chars().all(|sign| sign.is_ascii_lowercase());
        let english: Vec<&str> =
            said.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(latin).collect();
        let names = ["", "openai", "chat", "images", "claude"];
        assert!(english.iter().all(|word| names.contains(word)), "{text} became {said}");
    }

    #[test]
    fn every_sentence_of_ours_has_a_chinese_one() {
        let component = Component {
            id: ComponentId::new("openai/chat"),
            name: "openai chat".into(),
            provider: "openai".into(),
            capability: None,
            parent: None,
        };
        let names: [&[&str]; 2] = [&["openai chat"], &["openai chat", "openai images"]];
        for health in [Health::Degraded, Health::Down] {
            for certainty in [Certainty::Suspected, Certainty::Confirmed] {
                for class in CauseClass::ALL {
                    for by_page in [false, true] {
                        let verdict = verdict(health, certainty, class, by_page);
                        names.iter().for_each(|names| assert_chinese(&title(names, &verdict)));
                        assert_chinese(&opening(&component, &verdict, UnixMs::new(0)));
                        assert_chinese(&joining(&component, &verdict));
                        assert_chinese(&cause(&verdict.cause));
                    }
                }
            }
        }
        for symptom in Symptom::ALL {
            assert_chinese(symptom.in_words());
        }
        assert_chinese(&recovering("openai chat"));
        assert_chinese(&relapsing("openai chat", 1));
        assert_chinese(&relapsing("openai chat", 3));
        for ms in [5_000, 90_000, 3_600_000, 5_000_000] {
            assert_chinese(&duration(ms));
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        assert_eq!(in_chinese("Our database is on fire."), None);
        assert_eq!(in_chinese("It passed before it was confirmed. And more."), None);
        assert_eq!(in_chinese(""), None);
        let title = "We fail. Badly";
        let post =
            format!("openai's page tells of it since 14:14 UTC, 19 min after it began: “{title}”.");
        let said = in_chinese(&post).unwrap();
        assert_eq!(
            said,
            "openai 的官方页自 14:14 UTC 起提及此事（故障开始 19 分钟 后）：“We fail. Badly”。"
        );
    }
}
