//! The words of verdicts and incidents: plain, with the usual beside the present, certainty said, and
//! none of the trade's jargon.

use crate::health::{Standing, speaks};
use crate::{Certainty, Family, Guard, Health, Reading};

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
        for reading in readings.iter().filter(|reading| speaks(reading)) {
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
        Guard::OwnNetwork => "our own network fails, so that we cannot tell",
        Guard::OwnAccount => {
            "our own key or quota is refused, which says nothing about the provider"
        }
        Guard::LowVolume => "few requests, so that probes must tell",
        Guard::Maintenance => "work is planned for now",
        Guard::ClockJump => "the clock jumped, so that the last minute is not believed",
    }
}
