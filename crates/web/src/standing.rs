//! How we stand, in one sentence, and how each provider stands with us. Both pages say the same;
//! it is judged from a snapshot and the readiness report alone.

use telemetry::{OTHER, Snapshot, TargetView, TargetWindow};

use crate::ReadyReport;
use crate::words;

/// The usual name of the reserve, as long as no answer of it has told.
const RESERVE: &str = "reserve";
/// Calls in a minute from which their faults are a verdict and not an accident.
const CALLS_MIN: u64 = 4;
/// Faults of ours or about our account, which say nothing of the provider's health.
const NOT_THEIRS: [&str; 4] = ["rate_limited", "quota_exhausted", "key_rejected", "model_unknown"];

/// Faults of our account, and what a breaker says of them.
const ACCOUNT_FAULTS: [&str; 2] = ["quota_exhausted", "key_rejected"];
const ACCOUNT_WHYS: [&str; 2] = ["quota", "key"];

/// How one provider stands with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Answers,
    Partial,
    Major,
    /// Ready, but not asked lately.
    NoData,
    Loading,
    /// It told us to come slower.
    Limited,
    /// It cannot be used before a person has done something.
    Unusable,
}

impl Health {
    /// The word on pages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Answers => "Answers",
            Self::Partial => "Partial outage",
            Self::Major => "Major outage",
            Self::NoData => "No data",
            Self::Loading => "Loading",
            Self::Limited => "At our limit",
            Self::Unusable => "Not in use",
        }
    }

    /// The class in the style sheet, which is also the name of its glyph.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Answers => "ok",
            Self::Partial => "part",
            Self::Major => "down",
            Self::NoData | Self::Loading | Self::Limited | Self::Unusable => "none",
        }
    }

    /// The sign beside the word, for those who see no colours.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Answers => "✓",
            Self::Partial => "◪",
            Self::Major => "✕",
            Self::NoData | Self::Loading | Self::Limited | Self::Unusable => "–",
        }
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderStanding {
    pub(crate) name: String,
    pub(crate) reserve: bool,
    pub(crate) health: Health,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ready, but nothing was asked lately.
    Idle,
    Everything,
    WithoutSome,
    ReserveOnly,
    Nobody,
}

/// How we stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) verdict: Verdict,
    pub(crate) providers: Vec<ProviderStanding>,
}

impl Standing {
    pub(crate) fn of(snapshot: &Snapshot, report: &ReadyReport) -> Self {
        let providers: Vec<ProviderStanding> = report
            .parts
            .iter()
            .map(|part| {
                let of_part = |target: &&TargetView| target.provider == part.name;
                let targets: Vec<&TargetView> = snapshot.targets.iter().filter(of_part).collect();
                let health = match part.state {
                    "loading" => Health::Loading,
                    "unavailable" => Health::Unusable,
                    _ => health(&targets),
                };
                let reserve = part.name == RESERVE || targets.iter().any(|target| target.reserve);
                ProviderStanding { name: part.name.clone(), reserve, health }
            })
            .collect();
        Self { verdict: verdict(report.ready, &providers), providers }
    }

    /// The one sentence.
    pub(crate) fn headline(&self) -> String {
        match self.verdict {
            Verdict::Idle => "Ready to answer.".to_owned(),
            Verdict::Everything => "Everything answers.".to_owned(),
            Verdict::WithoutSome => {
                let (whole, part) = (self.names(Health::Major), self.names(Health::Partial));
                match (whole.as_slice(), part.as_slice()) {
                    ([], [one]) => format!("We answer. {one} does in part."),
                    ([], some) => format!("We answer. {} do in part.", words::list(some)),
                    ([one], _) => format!("We answer. {one} does not."),
                    (some, _) => format!("We answer. {} do not.", words::list(some)),
                }
            }
            Verdict::ReserveOnly => "Only the reserve answers.".to_owned(),
            Verdict::Nobody => "We cannot answer now.".to_owned(),
        }
    }

    fn names(&self, health: Health) -> Vec<&str> {
        let such = self.providers.iter().filter(|provider| provider.health == health);
        such.map(|provider| provider.name.as_str()).collect()
    }
}

fn verdict(ready: bool, providers: &[ProviderStanding]) -> Verdict {
    if !ready {
        return Verdict::Nobody;
    }
    let usable = |health| matches!(health, Health::Answers | Health::Partial | Health::NoData);
    let answers = |reserve| {
        let mut of_kind = providers.iter().filter(|provider| provider.reserve == reserve);
        of_kind.any(|provider| usable(provider.health))
    };
    let troubled = |health| matches!(health, Health::Partial | Health::Major);
    match (answers(false), answers(true)) {
        (true, _) if providers.iter().any(|provider| troubled(provider.health)) => {
            Verdict::WithoutSome
        }
        (true, _) if providers.iter().all(|provider| provider.health != Health::Answers) => {
            Verdict::Idle
        }
        (true, _) => Verdict::Everything,
        (false, true) => Verdict::ReserveOnly,
        (false, false) => Verdict::Nobody,
    }
}

/// How a provider stands, from what its models did.
pub(crate) fn health(targets: &[&TargetView]) -> Health {
    let shut: Vec<&TargetView> = targets.iter().copied().filter(|target| is_shut(target)).collect();
    // Models that strangers made up do not vouch for a provider.
    let known = targets.iter().filter(|target| target.model != OTHER).count();
    if known > 0 && shut.len() == known {
        return why_shut(&shut);
    }
    let calls: u64 = targets.iter().map(|target| target.minute.attempts).sum();
    let faults: u64 = targets.iter().map(|target| their_faults(&target.minute)).sum();
    let in_quarter: u64 = targets.iter().map(|target| target.quarter.attempts).sum();
    if calls >= CALLS_MIN && faults * 2 >= calls {
        return Health::Major;
    }
    if !shut.is_empty() || faults * 20 > calls {
        return Health::Partial;
    }
    if in_quarter == 0 { Health::NoData } else { Health::Answers }
}

/// True if no key of this target is let through.
fn is_shut(target: &TargetView) -> bool {
    !target.breakers.is_empty() && target.breakers.iter().all(|breaker| breaker.state != "closed")
}

/// What keeps a provider off whose models are all shut: an outage, our account, or our pace.
fn why_shut(shut: &[&TargetView]) -> Health {
    if shut.iter().any(|target| their_faults(&target.quarter) > 0) {
        return Health::Major;
    }
    let met = |word: &&str| shut.iter().any(|target| target.quarter.faults.contains_key(*word));
    let mut whys = shut.iter().flat_map(|target| &target.breakers).map(|breaker| breaker.why);
    if ACCOUNT_FAULTS.iter().any(met) || whys.clone().all(|why| ACCOUNT_WHYS.contains(&why)) {
        Health::Unusable
    } else if met(&"rate_limited") || whys.all(|why| why == "retry_after") {
        Health::Limited
    } else {
        Health::Major
    }
}

fn their_faults(window: &TargetWindow) -> u64 {
    let not_theirs: u64 = NOT_THEIRS.iter().filter_map(|word| window.faults.get(word)).sum();
    window.upstream_faults.saturating_sub(not_theirs)
}
