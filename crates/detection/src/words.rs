//! The words of verdicts and incidents: plain, with the usual beside the present, certainty said, and
//! none of the trade's jargon.

mod chinese;
mod phrases;

use clock::UnixMs;

pub use chinese::in_chinese;

use crate::health::{Standing, is_told_by_page};
use crate::{
    Cause, CauseClass, Certainty, Component, Family, Guard, Health, Incident, Light, LightState,
    Reading, Verdict,
};

/// Why a verdict is what it is, in one line.
pub(crate) fn why(standing: &Standing, readings: &[Reading], guards: &[Guard]) -> Box<str> {
    let mut text = headline(standing);
    let mut says = |family: Family, why: &str| {
        text.push_str("; ");
        text.push_str(family_name(family));
        text.push_str(": ");
        text.push_str(why);
    };
    if standing.certainty > Certainty::Clear {
        for reading in readings.iter().filter(|reading| reading.speaks()) {
            says(reading.family, &reading.why);
        }
    }
    for guard in guards {
        text.push_str("; ");
        text.push_str(guard_words(*guard));
    }
    text.into()
}

fn headline(standing: &Standing) -> String {
    let bad = (1.0 - standing.belief.ok) * 100.0;
    let sure = if bad > 99.9 { "more than 99.9 %".to_owned() } else { format!("{bad:.1} %") };
    match (standing.certainty, standing.health) {
        (Certainty::Clear, _) | (_, Health::Ok) => "answers".to_owned(),
        (Certainty::Suspected, Health::Degraded) => {
            format!("probably slow or failing in part, {sure} sure")
        }
        (Certainty::Suspected, Health::Down) => format!("probably not answering, {sure} sure"),
        (Certainty::Confirmed, Health::Degraded) => format!("slow or failing in part, {sure} sure"),
        (Certainty::Confirmed, Health::Down) => format!("does not answer, {sure} sure"),
    }
}

/// The family's name on pages.
pub(crate) fn family_name(family: Family) -> &'static str {
    match family {
        Family::Probe => "probe",
        Family::Traffic => "our traffic",
        Family::Reports => "reports",
        Family::OfficialPage => "official page",
        Family::SharedDependency => "others",
    }
}

fn guard_words(guard: Guard) -> &'static str {
    match guard {
        Guard::OwnNetwork => "our own line may be cut, so that we cannot tell",
        Guard::OwnAccount => {
            "our own key or quota is refused, which says nothing about the provider"
        }
        Guard::LowVolume => "few requests, so that probes must tell",
        Guard::Maintenance => "work is planned for now",
        Guard::ClockJump => "the clock jumped, so that the last minute is not believed",
    }
}

/// Begins the first update of what is not confirmed.
pub(crate) const PROBABLY: &str = "Probably:";

/// What a reader meets, of these names, by the gravest verdict.
pub(crate) fn title(names: &[&str], verdict: &Verdict) -> Box<str> {
    let many = names.len() > 1;
    let by_page = is_told_by_page(&verdict.readings);
    let what = match (verdict.certainty, verdict.health, verdict.cause.class) {
        (Certainty::Confirmed, _, CauseClass::QualityLoss) if many => "answer badly",
        (Certainty::Confirmed, _, CauseClass::QualityLoss) => "answers badly",
        (Certainty::Confirmed, Health::Down, _) if many => "do not answer",
        (Certainty::Confirmed, Health::Down, _) => "does not answer",
        (Certainty::Confirmed, _, _) if many => "are slow or fail in part",
        (Certainty::Confirmed, _, _) => "is slow or fails in part",
        (_, Health::Down, _) if by_page && many => "do not answer, says their own page",
        (_, _, _) if by_page && many => "are slow or fail in part, says their own page",
        (_, Health::Down, _) if by_page => "does not answer, says its own page",
        (_, _, _) if by_page => "is slow or fails in part, says its own page",
        (Certainty::Suspected | Certainty::Clear, Health::Down, _) => "may not answer",
        (Certainty::Suspected | Certainty::Clear, _, _) => "may be slow or fail in part",
    };
    format!("{} {what}", list(names)).into()
}

/// The first update of an incident.
pub(crate) fn opening(component: &Component, verdict: &Verdict, since: UnixMs) -> String {
    let title = title(&[&component.name], verdict);
    let start = match verdict.certainty {
        Certainty::Confirmed => format!("Confirmed: {title}, since {}.", clock_time(since)),
        _ => format!("{PROBABLY} {title}, since {}. We have not confirmed it.", clock_time(since)),
    };
    format!("{start}{}", witnesses(verdict))
}

/// Another component fell with the first.
pub(crate) fn joining(component: &Component, verdict: &Verdict) -> String {
    format!("{} too.{}", title(&[&component.name], verdict), witnesses(verdict))
}

/// A suspicion became certain.
pub(crate) fn confirming(incident: &Incident) -> String {
    format!("Confirmed: {}, since {}.", incident.title, clock_time(incident.started_at))
}

/// The cause is known.
pub(crate) fn cause(cause: &Cause) -> String {
    let what = match cause.class {
        CauseClass::SharedDependency => "Something that several providers stand on has failed",
        CauseClass::FleeingUsers => "Users of another provider that is down have come here",
        CauseClass::AttackOnUs => "We are under attack, and what we pass on is refused",
        CauseClass::QualityLoss => "It answers, and the answers are not what they were",
        CauseClass::ClientSide => "The fault is on the way to some people, not at the provider",
        CauseClass::OurNetwork => "Our own network fails",
        CauseClass::OurKeyOrQuota => "Our own key or quota is refused",
        CauseClass::Maintenance => "Work was planned for this time",
        CauseClass::ProviderOutage => "The fault is at the provider",
        CauseClass::Inconclusive => "Nobody can tell yet why",
    };
    let sure = if cause.confidence >= 0.95 { "" } else { "Probably: " };
    format!("{sure}{what}: {}.", cause.why)
}

/// All is well again, and has to hold.
pub(crate) fn recovering(names: &str) -> String {
    format!("{names}: answers come again. We watch until it holds.")
}

/// It fell again.
pub(crate) fn relapsing(names: &str, times: u32) -> String {
    let count = if times == 1 { "again".to_owned() } else { format!("again, {times} times now") };
    format!("{names}: answers fail {count}. It is the same trouble until it holds.")
}

/// It is over.
pub(crate) fn resolving(incident: &Incident, end: UnixMs) -> String {
    if incident.certainty < Certainty::Confirmed {
        return "It passed before it was confirmed.".to_owned();
    }
    let took = duration(end.since(incident.started_at));
    let lag = incident.official_lag_ms(end);
    let is_page = |light: &&Light| light.family == Family::OfficialPage;
    let page_light = incident.lights.iter().find(is_page);
    let is_read = page_light.is_none_or(|light| light.state != LightState::DoesNotApply);
    let page = match &incident.official {
        None if !is_read => String::new(),
        None => " The provider's page told nothing of it.".to_owned(),
        Some(_) if lag < 60_000 => String::new(),
        Some(_) => format!(" The provider's page stayed green for {} of it.", duration(lag)),
    };
    format!("Over since {}, after {took}, and it has held.{page}", clock_time(end))
}

/// The provider's page told of it.
pub(crate) fn posted(incident: &Incident, provider: &str) -> String {
    let Some(post) = &incident.official else { return String::new() };
    let lag = post.posted_at.since(incident.started_at);
    let after = match lag {
        0 => "before we saw it".to_owned(),
        _ => format!("{} after it began", duration(lag)),
    };
    format!(
        "{provider}'s page tells of it since {}, {after}: \u{201c}{}\u{201d}.",
        clock_time(post.posted_at),
        post.title
    )
}

/// Names with commas and an "and"; four at most.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if first.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        [..] => names.join(", "),
    }
}

/// A duration in words, such as "4 h 21 min".
pub(crate) fn duration(ms: u64) -> String {
    let minutes = ms / 60_000;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{} s", ms / 1000),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// The hour of a moment, such as "14:14 UTC".
fn clock_time(at: UnixMs) -> String {
    let minutes = at.as_seconds() / 60;
    format!("{:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

fn witnesses(verdict: &Verdict) -> String {
    let speaking = verdict.readings.iter().filter(|reading| reading.speaks());
    let mut text = String::new();
    for reading in speaking {
        let name = family_name(reading.family);
        let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
        text.push_str(&format!(" {}{rest}: {}.", first.to_uppercase(), reading.why));
    }
    text
}
