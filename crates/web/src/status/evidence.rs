//! The timeline of an incident's evidence as its page shows it: who spoke for it and when, how
//! strongly, and when this page and the provider's own told of it. Who speaks was found out elsewhere.

use clock::UnixMs;
use detection::{Family, Incident};

use super::dates;
use super::incident::light_name;
use super::lang::Lang;
use super::view::{IncidentView, Said, Testimony};

/// The weight that fills a bar, in nats: what the heaviest family may weigh at most.
const FULL_NATS: f64 = 14.0;
/// Beyond it nobody can tell how much likelier.
const TIMES_MAX: f64 = 1_000.0;

/// Something that was said or told at one moment.
pub(crate) struct Moment {
    at: UnixMs,
    pub(crate) time: String,
    pub(crate) stamp: String,
    pub(crate) who: &'static str,
    pub(crate) what: &'static str,
    /// What was read, or empty.
    pub(crate) reading: String,
    pub(crate) weight: Option<Weight>,
}

/// How strongly it speaks for an outage.
pub(crate) struct Weight {
    /// Hundredths of a bar.
    pub(crate) width: u64,
    pub(crate) words: String,
}

/// All moments, oldest first; none if no evidence was kept.
pub(crate) fn timeline(view: &IncidentView, now: UnixMs, lang: Lang) -> Vec<Moment> {
    if view.testimonies.is_empty() {
        return Vec::new();
    }
    let scene = (now, lang);
    let spoken = view.testimonies.iter().flat_map(|testimony| spoken(testimony, scene));
    let mut all: Vec<Moment> = spoken.chain(told(&view.incident, scene)).collect();
    all.sort_by_key(|moment| moment.at);
    all
}

/// When a family began, was at its strongest, and ended.
fn spoken(testimony: &Testimony, (now, lang): (UnixMs, Lang)) -> Vec<Moment> {
    let said = |said: &Said, what| Moment {
        who: light_name(testimony.family, lang),
        what,
        reading: lang.of(&said.why).to_owned(),
        weight: Some(weight(said.nats, lang)),
        ..moment(said.at, (now, lang))
    };
    let Testimony { first, strongest, .. } = testimony;
    // A page tells of it at one moment, and is read at another.
    let (begins, ends) = match testimony.family {
        Family::OfficialPage => (("first read", "首次读到"), ("last read", "末次读到")),
        _ => (("first sign", "首次迹象"), ("last sign", "末次迹象")),
    };
    let mut all = vec![said(first, lang.pick(begins.0, begins.1))];
    if strongest.at > first.at {
        all.push(said(strongest, lang.pick("strongest sign", "迹象最强")));
    }
    all.extend(testimony.ended_at.map(|end| Moment {
        who: light_name(testimony.family, lang),
        what: lang.pick(ends.0, ends.1),
        ..moment(end, (now, lang))
    }));
    all
}

/// When this page and the official one told of it.
fn told(incident: &Incident, (now, lang): (UnixMs, Lang)) -> Vec<Moment> {
    let here = Moment {
        who: lang.pick("This page", "本页"),
        what: lang.pick("told of it", "发布"),
        ..moment(incident.opened_at, (now, lang))
    };
    let there = incident.official.as_ref().map(|post| Moment {
        who: lang.pick("Official page", "官方页"),
        what: lang.pick("told of it", "发布"),
        reading: match post.title.is_empty() {
            true => String::new(),
            false => format!("“{}”", post.title),
        },
        ..moment(post.posted_at, (now, lang))
    });
    [here].into_iter().chain(there).collect()
}

fn moment(at: UnixMs, (now, lang): (UnixMs, Lang)) -> Moment {
    let time = format!("{}:{:02}", dates::brief(at, now, lang), at.as_seconds() % 60);
    let (reading, weight) = (String::new(), None);
    Moment { at, time, stamp: dates::rfc3339(at), who: "", what: "", reading, weight }
}

/// A weight as a bar and as how many times likelier the reading is in an outage than on a good day,
/// which is what log-odds mean.
fn weight(nats: f64, lang: Lang) -> Weight {
    let times = nats.max(0.0).exp();
    let words = if times > TIMES_MAX {
        lang.pick(
            "more than 1,000 times likelier in an outage than on a good day".to_owned(),
            "在故障时出现的可能性是平时的 1,000 倍以上".to_owned(),
        )
    } else {
        // Two figures: nobody knows more.
        let step = if times >= 100.0 { 10.0 } else { 1.0 };
        let times = (times / step).round() * step;
        lang.pick(
            format!("about {times} times likelier in an outage than on a good day"),
            format!("在故障时出现的可能性约为平时的 {times} 倍"),
        )
    };
    // From 0 to 100, and so no sign and nothing beyond the bar.
    let width = (nats / FULL_NATS).clamp(0.0, 1.0) * 100.0;
    Weight { width: width.round() as u64, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_told_as_odds_that_people_know() {
        for (nats, width, words) in [
            (2.0, 14, "about 7 times likelier in an outage than on a good day"),
            (5.4, 39, "about 220 times likelier in an outage than on a good day"),
            (14.0, 100, "more than 1,000 times likelier in an outage than on a good day"),
            (-3.0, 0, "about 1 times likelier in an outage than on a good day"),
        ] {
            let told = weight(nats, Lang::En);
            assert_eq!((told.width, &*told.words), (width, words));
        }
        assert_eq!(weight(2.0, Lang::Zh).words, "在故障时出现的可能性约为平时的 7 倍");
    }
}
