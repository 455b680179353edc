//! Draws the verdicts of an incident again from the evidence that a store kept, line by line, so that
//! an operator can see what each was drawn from and whether it is what was recorded. Nothing is
//! written, and no house need run.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::UnixMs;
use clock::calendar::Rfc3339;
use detection::{
    Certainty, Component, ComponentId, Court, Evidence, Fact, IncidentId, Reading, Settings,
    Verdict,
};
use storage::{Span, Store, StoreError};

use super::{desk, facts, telling, usual_name};

/// Evidence of so long before an incident's beginning is taken up, in milliseconds.
const BEFORE_MS: u64 = 6 * 3_600_000;
/// So long after its end, in milliseconds: what was told last is told with the minute that ends.
const AFTER_MS: u64 = 60_000;
/// Rows of one component that are read.
const ROWS_MAX: usize = 100_000;
/// From this probability on that all is well, facts are told by their number only.
const WELL: f64 = 0.99;

/// Why nothing can be drawn again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the store knows no incident `{0}`")]
    Unknown(IncidentId),
    #[error("nothing is left of what incident `{0}` was judged by; evidence is kept for a week")]
    Forgotten(IncidentId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Replayed {
    /// For people, in order.
    pub lines: Vec<String>,
    /// Recorded verdicts that were drawn again.
    pub drawn: usize,
    /// Those of them that came out otherwise.
    pub differ: usize,
}

/// Draws all verdicts on an incident's components again, with these settings' components. `now` ends
/// an incident that is not over.
///
/// # Errors
/// If the store knows no such incident, has no evidence of it any more, or cannot be read.
pub fn replay(
    settings: &config::Settings,
    store: &dyn Store,
    id: &IncidentId,
    now: UnixMs,
) -> Result<Replayed, ReplayError> {
    let incident = store.incident(id)?.ok_or_else(|| ReplayError::Unknown(id.clone()))?;
    let until = incident.resolved_at.unwrap_or(now).plus_ms(AFTER_MS);
    let span = Span { from: incident.started_at.minus_ms(BEFORE_MS), until };
    let lookout = &settings.watch.lookout;
    let components = facts::components(&settings.providers, lookout.feeds);
    let kept = Kept::read(store, (&components, &incident.components), span)?;
    if kept.facts.is_empty() {
        return Err(ReplayError::Forgotten(id.clone()));
    }
    let mut court = Court::new(components.clone(), Settings::default());
    desk::declare(&mut court, &components, &lookout.together);
    for component in &components {
        if let Some(text) = store.setting(&usual_name(&component.id))? {
            court.learn_usual(&component.id, &text);
        }
    }
    let mut player =
        Player { court, about: incident.components.clone(), told: Replayed::default(), calm: 0 };
    player.say(format!("incident {id}: {}, since {}", incident.title, time(incident.started_at)));
    for missing in incident.components.iter().filter(|id| components.iter().all(|of| of.id != **id))
    {
        player.say(format!("{missing} is not set up any more, and is not judged"));
    }
    player.play(&kept);
    Ok(player.told)
}

/// What the store kept of the span.
struct Kept {
    facts: BTreeMap<UnixMs, Vec<(ComponentId, Evidence)>>,
    verdicts: BTreeMap<UnixMs, Vec<Verdict>>,
}

impl Kept {
    fn read(
        store: &dyn Store,
        (components, about): (&[Component], &[ComponentId]),
        span: Span,
    ) -> Result<Self, StoreError> {
        let mut kept = Self { facts: BTreeMap::new(), verdicts: BTreeMap::new() };
        for component in components {
            for row in store.evidence(&component.id, span, ROWS_MAX)? {
                let facts = storage::read_facts(&row.text)
                    .map_err(|why| StoreError::Unreadable { table: "evidence", why })?;
                for fact in facts {
                    kept.facts.entry(fact.at).or_default().push((component.id.clone(), fact));
                }
            }
        }
        for component in about {
            for verdict in store.verdicts(component, span, ROWS_MAX)? {
                kept.verdicts.entry(verdict.at).or_default().push(verdict);
            }
        }
        Ok(kept)
    }

    /// All moments at which something was known or drawn, in order.
    fn moments(&self) -> Vec<UnixMs> {
        let mut all: Vec<UnixMs> = self.facts.keys().chain(self.verdicts.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Goes through the evidence.
struct Player {
    court: Court,
    about: Vec<ComponentId>,
    told: Replayed,
    /// Facts of a good day since the last line.
    calm: usize,
}

impl Player {
    fn say(&mut self, line: String) {
        if self.calm > 0 {
            self.told.lines.push(format!("    {} facts while all looked well", self.calm));
            self.calm = 0;
        }
        self.told.lines.push(line);
    }

    fn play(&mut self, kept: &Kept) {
        for at in kept.moments() {
            let facts = kept.facts.get(&at).map_or(&[][..], Vec::as_slice);
            for (_, evidence) in facts {
                self.court.take(evidence);
            }
            let verdicts = self.court.judge(at);
            for component in self.about.clone() {
                let Some(drawn) = verdicts.iter().find(|of| of.component == component) else {
                    continue;
                };
                let own = facts.iter().filter(|(of, _)| *of == component);
                self.facts((at, &component), own.map(|(_, evidence)| &evidence.fact), drawn);
                let recorded = kept.verdicts.get(&at).into_iter().flatten();
                for recorded in recorded.filter(|of| of.component == component) {
                    self.verdict(drawn, recorded);
                }
            }
        }
    }

    /// The facts of a moment, and what they have made of the component's log-odds.
    fn facts<'a>(
        &mut self,
        (at, component): (UnixMs, &ComponentId),
        facts: impl Iterator<Item = &'a Fact>,
        drawn: &Arc<Verdict>,
    ) {
        let lines: Vec<String> = facts.map(telling::fact).collect();
        if lines.is_empty() {
            return;
        }
        if drawn.certainty == Certainty::Clear && drawn.belief.ok > WELL {
            self.calm += lines.len();
            return;
        }
        let last = lines.len() - 1;
        for (place, line) in lines.into_iter().enumerate() {
            let odds = if place == last { odds(drawn) } else { String::new() };
            self.say(format!("{}  {:<16} {line:<72}{odds}", time(at), component.as_str()));
        }
    }

    /// A verdict with what each family adds to it, beside the one that was recorded.
    fn verdict(&mut self, drawn: &Verdict, recorded: &Verdict) {
        let as_told = |of: &Verdict| {
            let (health, certainty) = (of.health.as_str(), of.certainty.as_str());
            format!("{health}, {certainty}, cause {}", of.cause.class.as_str())
        };
        let (now, then) = (as_told(drawn), as_told(recorded));
        let same = now == then;
        self.told.drawn += 1;
        self.told.differ += usize::from(!same);
        let beside =
            if same { "as recorded".to_owned() } else { format!("DIFFERS: recorded was {then}") };
        self.say(format!("{}  VERDICT on {}: {now}; {beside}", time(drawn.at), drawn.component));
        let (degraded, down) = log_odds(drawn);
        let sum = |of: fn(&Reading) -> f64| drawn.readings.iter().map(of).sum::<f64>();
        let prior = (degraded - sum(|of| of.degraded_nats), down - sum(|of| of.down_nats));
        let row = |name: &str, (degraded, down): (f64, f64), why: &str| {
            format!("    {name:<18} degraded {degraded:>+7.2}  down {down:>+7.2}  {why}")
        };
        let mut rows = vec![row("prior", prior, "")];
        for of in &drawn.readings {
            let nats = (of.degraded_nats, of.down_nats);
            rows.push(row(of.family.as_str(), nats, &of.why));
        }
        rows.push(row("log-odds", (degraded, down), &belief(drawn)));
        let guards = drawn.guards.iter().map(|guard| format!("    guard: {}", guard.as_str()));
        rows.extend(guards);
        rows.push(format!("    {}; {}", drawn.why, drawn.cause.why));
        rows.into_iter().for_each(|line| self.say(line));
    }
}

/// Log-odds of degraded and of down against ok, in nats.
fn log_odds(verdict: &Verdict) -> (f64, f64) {
    let belief = verdict.belief;
    ((belief.degraded / belief.ok).ln(), (belief.down / belief.ok).ln())
}

fn odds(verdict: &Verdict) -> String {
    let (degraded, down) = log_odds(verdict);
    format!("  degraded {degraded:+.2}, down {down:+.2}")
}

fn belief(verdict: &Verdict) -> String {
    let share = |part: f64| format!("{:.2} %", part * 100.0);
    let of = verdict.belief;
    format!("ok {}, degraded {}, down {}", share(of.ok), share(of.degraded), share(of.down))
}

fn time(at: UnixMs) -> String {
    Rfc3339::seconds(i64::try_from(at.as_seconds()).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clock::Dice;
    use domain::{FaultClass, Operation};
    use storage::{Change, Memory, Store as _};
    use telemetry::ProviderCalls;

    use super::super::desk::Desk;
    use super::super::pages::News;
    use super::*;

    const BEGAN_S: u64 = 1_717_459_200;
    const TEXT: &str = "[providers.a]\nkind = \"compatible\"\nbase_url = \"http://a.test/v1\"\n\
                        [models.m]\nladder = [\"a/x\"]\n";

    fn at(second: u64) -> UnixMs {
        UnixMs::new((BEGAN_S + second) * 1_000)
    }

    fn calls(good: u64, bad: u64) -> ProviderCalls {
        ProviderCalls {
            provider: "a".to_owned(),
            operation: Operation::Generate,
            good,
            faults: [(FaultClass::ServerError, bad)].into_iter().filter(|of| of.1 > 0).collect(),
            trials_good: 0,
            trials_failed: BTreeMap::new(),
            first_contents: good,
            first_content_ms: (good > 0).then_some(420.0),
            keys: 1,
            keys_refused: 0,
            callers_failed: 0,
        }
    }

    fn settings() -> config::Settings {
        let environment = config::MapEnvironment::default().with("HOME", "/nonexistent");
        let overrides = config::Overrides::default();
        config::parse(TEXT, Path::new("test.toml"), &environment, &overrides).unwrap()
    }

    /// Half an hour, of which ten minutes fail, in a store; and the incident.
    fn stored(settings: &config::Settings) -> (Memory, IncidentId) {
        let components = facts::components(&settings.providers, false);
        let mut desk = Desk::new(components, Dice::seeded(4), at(0));
        let mut store = Memory::new(&storage::Settings::in_memory());
        let mut id = None;
        for second in 0..1_800 {
            let is_down = (600..1_200).contains(&second);
            let of_a = if is_down { calls(0, 2) } else { calls(2, 0) };
            let step = desk.step(at(second), &[of_a], &News::default());
            id = step.changes.first().map(|change| change.incident.id.clone()).or(id);
            let incidents =
                step.changes.into_iter().map(|of| Change::Incident(Box::new(of.incident)));
            let rows = step.evidence.into_iter().map(|row| Change::Evidence(Box::new(row)));
            let verdicts = step.turned.into_iter().map(|of| Change::Verdict(Box::new(of)));
            store.apply(&incidents.chain(rows).chain(verdicts).collect::<Vec<_>>()).unwrap();
        }
        (store, id.expect("an incident"))
    }

    #[test]
    fn an_incident_is_told_line_by_line_and_comes_out_as_it_was() {
        let settings = settings();
        let (store, id) = stored(&settings);
        let replayed = replay(&settings, &store, &id, at(1_800)).unwrap();
        let text = replayed.lines.join("\n");
        assert!(replayed.drawn >= 3, "{text}");
        assert_eq!(replayed.differ, 0, "{text}");
        for told in [
            "2024-06-04T00:10:01Z  a/chat           our traffic: 0 answered, 2 failed, 2 × errors",
            "VERDICT on a/chat: down, confirmed, cause provider_outage; as recorded",
            "VERDICT on a/chat: ok, clear, cause inconclusive; as recorded",
            "prior              degraded   -3.88  down   -4.57",
            "facts while all looked well",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }

    #[test]
    fn what_comes_out_otherwise_is_said_and_what_is_not_there_is_an_error() {
        let settings = settings();
        let (mut store, id) = stored(&settings);
        let part = ComponentId::new("a/chat");
        let mut recorded = store.verdicts(&part, Span::all(), 99).unwrap().pop().unwrap();
        recorded.certainty = Certainty::Confirmed;
        store.apply(&[Change::Verdict(Box::new(recorded))]).unwrap();
        let replayed = replay(&settings, &store, &id, at(1_800)).unwrap();
        assert_eq!(replayed.differ, 1, "{:#?}", replayed.lines);
        assert!(replayed.lines.iter().any(|line| line.contains("DIFFERS: recorded was")));
        let error = replay(&settings, &store, &IncidentId::new("other"), at(0)).unwrap_err();
        assert!(matches!(error, ReplayError::Unknown(_)), "{error}");
        let incident = store.incident(&id).unwrap().unwrap();
        let mut bare = Memory::new(&storage::Settings::in_memory());
        bare.apply(&[Change::Incident(Box::new(incident))]).unwrap();
        let error = replay(&settings, &bare, &id, at(0)).unwrap_err();
        assert!(matches!(error, ReplayError::Forgotten(_)), "{error}");
    }
}
