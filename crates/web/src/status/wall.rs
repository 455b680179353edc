//! One component as the page shows it: its state, the wall of ninety days, the uptimes. Where the
//! minutes come from is not known here.

use clock::UnixMs;

use super::dates::{DAY_MS, Date};
use super::lang::Lang;
use super::state::State;
use super::view::{ComponentView, DAYS_MAX, Day, Uptime};
use crate::path_key;

/// One row of the page.
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) label: String,
    /// The class of each of the ninety stones, oldest first; empty for a good day.
    pub(crate) stones: Vec<&'static str>,
    /// The first day of each course.
    pub(crate) courses: Vec<String>,
    /// The days with trouble, oldest first: stone, date, what was recorded.
    pub(crate) troubled: Vec<(usize, String, String)>,
    pub(crate) summary: String,
    /// The share on the right, and of what it is.
    pub(crate) share: Option<(String, &'static str)>,
    /// The grey lines under the wall.
    pub(crate) notes: Vec<String>,
}

impl Row {
    pub(crate) fn of(component: &ComponentView, now: UnixMs, lang: Lang) -> Self {
        let days = ninety(&component.days);
        let date = |index: usize| {
            let back = (DAYS_MAX - 1).saturating_sub(index) as u64 * DAY_MS;
            Date::of(now.minus_ms(back)).short(lang)
        };
        let troubled: Vec<(usize, String, String)> = days
            .iter()
            .enumerate()
            .filter_map(|(index, day)| Some((index, date(index), recorded(*day, lang)?)))
            .collect();
        let share = shown_share(&component.uptime, lang);
        let name = lang.of(&component.name).to_owned();
        let label = label(&name, &days, troubled.len(), share.as_ref(), lang);
        let notes = component.note.iter().map(|note| lang.of(note).to_owned());
        Self {
            key: path_key(component.component.id.as_str()),
            label,
            stones: days.iter().map(|day| stone(*day)).collect(),
            courses: [0, 30, 60].map(date).to_vec(),
            summary: summary(troubled.len(), lang),
            troubled,
            share,
            notes: notes.chain(official(&component.uptime, lang)).collect(),
            state: State::of(component, lang),
            name,
        }
    }

    /// True if anything is known of any day.
    pub(crate) fn has_history(&self) -> bool {
        self.stones.iter().any(|stone| *stone != "x")
    }

    /// What was recorded on which stone, for the script: `5=10 Mar: 41 min partial outage|…`.
    pub(crate) fn said(&self, lang: &Lang) -> String {
        let colon = lang.pick(": ", "：");
        let one =
            |(index, date, what): &(usize, String, String)| format!("{index}={date}{colon}{what}");
        self.troubled.iter().map(one).collect::<Vec<_>>().join("|")
    }

    /// The notes under the wall; a template hands on a reference.
    pub(crate) fn note(&self, lang: &Lang) -> String {
        self.notes.join(lang.pick(" ", ""))
    }
}

/// Ninety days that end today; those before the first known one are gaps.
fn ninety(days: &[Day]) -> [Day; DAYS_MAX] {
    let mut wall = [Day::default(); DAYS_MAX];
    for (stone, day) in wall.iter_mut().rev().zip(days.iter().rev()) {
        *stone = *day;
    }
    wall
}

/// The worst of the day decides the stone.
fn stone(day: Day) -> &'static str {
    match day {
        Day { known: false, .. } => "x",
        Day { major_min: 1.., .. } => "m",
        Day { partial_min: 1.., .. } => "p",
        Day { slow_min: 1.., .. } => "d",
        Day { planned_min: 1.., .. } => "u",
        _ => "",
    }
}

/// `41 min partial outage, 2 incidents`; `None` for a good day or a gap.
fn recorded(day: Day, lang: Lang) -> Option<String> {
    if stone(day).is_empty() || !day.known {
        return None;
    }
    let kinds = [
        (day.major_min, "major outage", "重大故障"),
        (day.partial_min, "partial outage", "部分故障"),
        (day.slow_min, "slow", "变慢"),
        (day.planned_min, "planned work", "计划维护"),
    ];
    let mut parts: Vec<String> = kinds
        .into_iter()
        .filter(|(minutes, ..)| *minutes > 0)
        .map(|(minutes, en, zh)| {
            lang.pick(format!("{minutes} min {en}"), format!("{zh} {minutes} 分钟"))
        })
        .collect();
    if day.incidents > 1 {
        let count = day.incidents;
        parts.push(lang.pick(format!("{count} incidents"), format!("{count} 起事件")));
    }
    Some(parts.join(lang.pick(", ", "，")))
}

fn label(
    name: &str,
    days: &[Day],
    troubled: usize,
    share: Option<&(String, &'static str)>,
    lang: Lang,
) -> String {
    let gaps = days.iter().filter(|day| !day.known).count();
    let mut parts = vec![match (lang, troubled) {
        (Lang::En, 0) => format!("{name}: ninety days, no trouble recorded"),
        (Lang::En, 1) => format!("{name}: ninety days, trouble on 1"),
        (Lang::En, _) => format!("{name}: ninety days, trouble on {troubled}"),
        (Lang::Zh, 0) => format!("{name}：九十天，未记录到故障"),
        (Lang::Zh, _) => format!("{name}：九十天，{troubled} 天有故障"),
    }];
    if gaps > 0 {
        parts.push(lang.pick(format!("no data for {gaps}"), format!("{gaps} 天无数据")));
    }
    if let Some((share, of)) = share {
        parts.push(format!("{share} {of}"));
    }
    parts.join(lang.pick(", ", "，"))
}

fn summary(troubled: usize, lang: Lang) -> String {
    match (lang, troubled) {
        (Lang::En, 1) => "The day with trouble".to_owned(),
        (Lang::En, _) => format!("The {troubled} days with trouble"),
        (Lang::Zh, _) => format!("有故障的 {troubled} 天"),
    }
}

/// Our own figure: of requests where they were counted, else of minutes.
fn shown_share(uptime: &Uptime, lang: Lang) -> Option<(String, &'static str)> {
    let of_requests = lang.pick("of requests", "按请求计");
    let of_minutes = lang.pick("of minutes", "按分钟计");
    let requests = uptime.own_requests.map(|share| (percent(share, lang), of_requests));
    requests.or_else(|| uptime.own_minutes.map(|share| (percent(share, lang), of_minutes)))
}

/// What the provider's page says by its own rule, and by the stricter one.
fn official(uptime: &Uptime, lang: Lang) -> Option<String> {
    let weighted = percent(uptime.official_weighted?, lang);
    let strict = uptime.official_strict.map(|share| percent(share, lang));
    Some(match (lang, strict) {
        (Lang::En, Some(strict)) => format!(
            "Their page: {weighted} by its own rule, {strict} if every minute of an outage counts."
        ),
        (Lang::En, None) => format!("Their page, by its own rule: {weighted}."),
        (Lang::Zh, Some(strict)) => {
            format!("官方页按其规则：{weighted}；计入故障的每一分钟：{strict}。")
        }
        (Lang::Zh, None) => format!("官方页按其规则：{weighted}。"),
    })
}

/// A share in per cent to three decimals; only all is 100, and only nothing is 0.
pub(crate) fn percent(share: f64, lang: Lang) -> String {
    let share = share.clamp(0.0, 1.0);
    let mut text = format!("{:.3}", share * 100.0);
    if share < 1.0 && text == "100.000" {
        "99.999".clone_into(&mut text);
    }
    if share > 0.0 && text == "0.000" {
        "0.001".clone_into(&mut text);
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    lang.pick(format!("{text}\u{a0}%"), format!("{text}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_uptimes_are_spelled_to_their_last_digit() {
        // ChatGPT, 7 March to 4 June 2024: 389 minutes major and 1,200 partial of 90 days.
        let total = 90.0 * 1_440.0;
        let weighted = 1.0 - (389.0 + 0.3 * 1_200.0) / total;
        let strict = 1.0 - (389.0 + 1_200.0) / total;
        assert_eq!(percent(weighted, Lang::En), "99.422\u{a0}%");
        assert_eq!(percent(strict, Lang::Zh), "98.774%");
        assert_eq!(percent(1.0, Lang::En), "100\u{a0}%");
        assert_eq!(percent(0.999_999_9, Lang::En), "99.999\u{a0}%");
        assert_eq!(percent(0.000_000_1, Lang::En), "0.001\u{a0}%");
    }

    #[test]
    fn what_nobody_saw_is_a_gap() {
        let good = Day { known: true, ..Day::default() };
        let wall = ninety(&[good; 3]);
        assert_eq!(wall.iter().filter(|day| !day.known).count(), 87);
        assert_eq!(stone(Day { major_min: 9, ..Day::default() }), "x");
        assert_eq!(stone(good), "");
        let bad = Day { major_min: 41, slow_min: 2, incidents: 2, ..good };
        assert_eq!(
            recorded(bad, Lang::En).as_deref(),
            Some("41 min major outage, 2 min slow, 2 incidents")
        );
        assert_eq!(recorded(good, Lang::En), None);
    }
}
