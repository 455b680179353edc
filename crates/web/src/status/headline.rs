//! The one sentence of this minute, and the lede under it. The evidence stands further down.

use detection::{Certainty, Condition, Incident};

use super::dates;
use super::lang::{Lang, beside};
use super::view::{Answered, ComponentView, IncidentView, Ourselves, StatusView};
use crate::words;

/// More names than these make no headline.
const NAMES_MAX: usize = 2;

/// Two short sentences, each on its own line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    pub(crate) first: String,
    pub(crate) second: Option<String>,
}

impl Headline {
    fn one(text: &str) -> Self {
        Self { first: text.to_owned(), second: None }
    }

    fn two(first: &str, second: String) -> Self {
        Self { first: first.to_owned(), second: Some(second) }
    }

    /// In one line, for titles and feeds.
    pub(crate) fn line(&self, lang: Lang) -> String {
        match &self.second {
            None => self.first.clone(),
            Some(second) => format!("{}{}{second}", self.first, lang.pick(" ", "")),
        }
    }
}

/// What the page says first.
pub(crate) fn headline(view: &StatusView, lang: Lang) -> Headline {
    match view.ourselves {
        Ourselves::Silent => {
            return Headline::one(lang.pick("We cannot answer now.", "我们现在无法应答。"));
        }
        Ourselves::ReserveOnly => {
            return Headline::one(lang.pick("Only the reserve answers.", "只有备用模型在应答。"));
        }
        Ourselves::Idle | Ourselves::Answering => {}
    }
    let ours = Troubled::of(view, true, lang);
    let theirs = Troubled::of(view, false, lang);
    if !ours.is_empty() {
        return of_ours(&ours, lang);
    }
    let has_products = view.groups.iter().any(|group| group.ours && !group.components.is_empty());
    let we = match has_products {
        true => lang.pick("Our products answer.", "我们的产品应答正常。"),
        false => lang.pick("We answer.", "我们应答正常。"),
    };
    match theirs.sentence(lang) {
        Some(sentence) => Headline::two(we, sentence),
        None if view.ourselves == Ourselves::Idle => {
            Headline::one(lang.pick("Ready to answer.", "已就绪，随时应答。"))
        }
        None => Headline::one(lang.pick("Everything answers.", "一切应答正常。")),
    }
}

/// One of ours is in trouble: what works before what does not no longer holds for all.
fn of_ours(ours: &Troubled<'_>, lang: Lang) -> Headline {
    let Some(sentence) = ours.sentence(lang) else {
        return Headline::one(lang.pick("Everything answers.", "一切应答正常。"));
    };
    let rest = lang.pick("The rest answers.", "其余应答正常。");
    if ours.is_all() { Headline::one(&sentence) } else { Headline::two(&sentence, rest.to_owned()) }
}

/// Components in confirmed trouble, the gravest kind first.
struct Troubled<'a> {
    down: Vec<&'a str>,
    part: Vec<&'a str>,
    slow: Vec<&'a str>,
    all: usize,
}

impl<'a> Troubled<'a> {
    fn of(view: &'a StatusView, ours: bool, lang: Lang) -> Self {
        let groups = view.groups.iter().filter(|group| group.ours == ours);
        let components: Vec<&ComponentView> = groups.flat_map(|group| &group.components).collect();
        let such = |condition| -> Vec<&str> {
            let such = components.iter().filter(|component| {
                component.condition == condition && component.certainty != Certainty::Suspected
            });
            such.map(|component| lang.of(&component.name)).collect()
        };
        Self {
            down: such(Condition::MajorOutage),
            part: such(Condition::PartialOutage),
            slow: such(Condition::DegradedPerformance),
            all: components.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.down.is_empty() && self.part.is_empty() && self.slow.is_empty()
    }

    fn is_all(&self) -> bool {
        self.down.len() + self.part.len() + self.slow.len() == self.all
    }

    /// Who does not answer, or does in part, or is slow: the gravest of these.
    fn sentence(&self, lang: Lang) -> Option<String> {
        let (names, one, some) = match (&self.down[..], &self.part[..], &self.slow[..]) {
            (down @ [_, ..], ..) => (down, " does not.", " do not."),
            ([], part @ [_, ..], _) => (part, " does in part.", " do in part."),
            ([], [], slow @ [_, ..]) => (slow, " is slow.", " are slow."),
            ([], [], []) => return None,
        };
        let zh = match (self.down.is_empty(), self.part.is_empty()) {
            (false, _) => "没有应答。",
            (true, false) => "部分应答。",
            (true, true) => "变慢。",
        };
        let joined = match names.len() {
            0..=NAMES_MAX => joined(names, lang),
            many => lang.pick(format!("{many} services"), format!("{many} 项服务")),
        };
        Some(match lang {
            Lang::En => format!("{joined}{}", if names.len() == 1 { one } else { some }),
            Lang::Zh => beside(&joined, zh),
        })
    }
}

fn joined(names: &[&str], lang: Lang) -> String {
    match lang {
        Lang::En => words::list(names),
        Lang::Zh => match names {
            [first, second] => beside(&beside(first, "和"), second),
            names => names.join("、"),
        },
    }
}

/// Who, since when, what is only suspected, and what share is answered.
pub(crate) fn lede(view: &StatusView, lang: Lang) -> String {
    let mut sentences: Vec<String> = Vec::new();
    match view.ourselves {
        Ourselves::Silent => sentences.push(lang.pick(
            "Neither a provider nor the reserve can be asked. Requests are turned away at once instead of being kept waiting.",
            "服务商和备用模型都无法应答。请求会立即被拒绝，而不会空等。",
        ).to_owned()),
        Ourselves::ReserveOnly => sentences.push(lang.pick(
            "A small model on board gives short and simple answers until a provider can be asked again. Each of them is marked as such.",
            "在服务商恢复之前，由内置的小模型给出简短的回答；每个回答都有标记。",
        ).to_owned()),
        Ourselves::Idle | Ourselves::Answering => {}
    }
    let sure = |view: &&IncidentView| view.incident.certainty == Certainty::Confirmed;
    sentences.extend(view.open.iter().find(sure).map(|one| since(one, view, lang)));
    let unsure = view.open.iter().find(|one| !sure(one));
    sentences.extend(unsure.map(|one| probably(one, lang)));
    sentences.extend(view.answered.as_ref().and_then(|share| answered(share, lang)));
    if sentences.is_empty() {
        sentences.push(quiet(view, lang));
    }
    sentences.join(lang.pick(" ", ""))
}

fn since(one: &IncidentView, view: &StatusView, lang: Lang) -> String {
    let (title, at) = (title(one, lang), one.incident.started_at);
    let at = dates::near(at, view.at, lang);
    lang.pick(format!("{title}, since {at}."), format!("{title}，自 {at} 起。"))
}

fn probably(one: &IncidentView, lang: Lang) -> String {
    let title = title(one, lang);
    lang.pick(
        format!("Suspected, and not yet confirmed: {title}."),
        format!("疑似，尚未确认：{title}。"),
    )
}

/// The title of an incident in a language.
pub(crate) fn title(one: &IncidentView, lang: Lang) -> &str {
    match (&one.zh, lang) {
        (Some(zh), Lang::Zh) if !zh.title.is_empty() => &zh.title,
        _ => &one.incident.title,
    }
}

fn answered(share: &Answered, lang: Lang) -> Option<String> {
    let all = words::share(share.answered, share.asked)?;
    let first = words::share(share.by_first_choice, share.asked)?;
    let minutes = share.minutes;
    Some(match lang {
        Lang::En => format!(
            "Of the requests in the last {minutes} minutes {all} were answered, {first} by their first choice."
        ),
        Lang::Zh => {
            let (all, first) = (all.replace('\u{a0}', ""), first.replace('\u{a0}', ""));
            format!("最近 {minutes} 分钟的请求有 {all} 得到回答，{first} 由首选服务商回答。")
        }
    })
}

/// Nothing is wrong: when something last was.
fn quiet(view: &StatusView, lang: Lang) -> String {
    if troubled(view) {
        return lang
            .pick(
                "What would go to them is given to others, so requests are still answered.",
                "原本发往它们的请求改由其他服务商应答，请求仍能得到回答。",
            )
            .to_owned();
    }
    if view.ourselves == Ourselves::Idle {
        return lang
            .pick("Nothing was asked in the last quarter of an hour.", "最近一刻钟内没有请求。")
            .to_owned();
    }
    let Some(last) = view.past.first() else {
        return lang
            .pick("All that we asked lately has answered.", "最近的请求都得到了应答。")
            .to_owned();
    };
    let Incident { started_at, resolved_at, .. } = last.incident;
    let title = title(last, lang);
    let when = dates::Date::of(started_at);
    let day = match (when.year == dates::Date::of(view.at).year, lang) {
        (false, Lang::En) => format!("{} {}", when.plain(lang), when.year),
        (false, Lang::Zh) => format!("{} 年 {}", when.year, when.plain(lang)),
        (true, _) => when.plain(lang),
    };
    let took = resolved_at.map(|end| dates::span(end.since(started_at), lang));
    match (lang, took) {
        (Lang::En, Some(took)) => format!("The last trouble was on {day}, for {took}: {title}."),
        (Lang::En, None) => format!("The last trouble was on {day}: {title}."),
        (Lang::Zh, Some(took)) => format!("最近一次故障在 {day}，持续 {took}：{title}。"),
        (Lang::Zh, None) => format!("最近一次故障在 {day}：{title}。"),
    }
}

fn troubled(view: &StatusView) -> bool {
    view.components().any(|component| {
        component.certainty != Certainty::Suspected
            && component.condition > Condition::UnderMaintenance
    })
}
