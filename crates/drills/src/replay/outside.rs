//! What the product hears of the day beside its own traffic, told second by second to its observer:
//! pages, reports, probes, canaries. And what the observer made of all that, written down.

use std::collections::BTreeMap;
use std::time::Duration;

use ::clock::{Dice, Tick, UnixMs};
use app::Seat;
use detection::{
    CauseClass, Certainty, ComponentId, Condition, Health, Phase, ProbeResult, Reports, Symptom,
};
use lookout::feeds::FeedIncident;
use lookout::feeds::poll::PageIncident;
use lookout::probe::CanaryReading;

use super::VirtualClock;
use crate::crowd::poisson;
use crate::scenario::{Complaint, PagePost, Scenario};
use crate::score::{Advised, IncidentTold, Seen, VerdictTold};

/// Between two readings of a page.
const PAGE_EVERY_S: u64 = 45;
/// Between two questions to strangers.
const CANARIES_EVERY_S: u64 = 25;
/// Between two probes of a part, and while it is suspected.
const PROBE_EVERY_S: u64 = 60;
const PROBE_SUSPECTED_S: u64 = 10;
/// Verdicts and advice that are written down.
const TOLD_MAX: usize = 10_000;

/// Tells the observer of the world, and writes down what it says.
#[derive(Debug)]
pub(crate) struct Outlook {
    seat: Seat,
    scenario: Scenario,
    clock: VirtualClock,
    dice: Dice,
    probed: BTreeMap<ComponentId, u64>,
    /// What people reported since the minute began.
    minute: BTreeMap<ComponentId, Reports>,
    known: BTreeMap<ComponentId, (Health, Certainty, CauseClass)>,
    advised: BTreeMap<String, Advised>,
    seen: Seen,
}

impl Outlook {
    pub(crate) fn new(seat: Seat, scenario: Scenario, clock: VirtualClock, dice: Dice) -> Self {
        let flows = scenario.outside.reports.iter();
        Self {
            minute: flows.map(|flow| (flow.component.clone(), Reports::default())).collect(),
            seat,
            scenario,
            clock,
            dice,
            probed: BTreeMap::new(),
            known: BTreeMap::new(),
            advised: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Looks once a second until `until`, then tells what was seen.
    pub(crate) async fn look_on(mut self, until: Tick) -> Seen {
        let seconds = Duration::from_nanos(until.as_nanos()).as_secs();
        for second in 0..seconds {
            self.clock.sleep_until(Some(Tick::from_millis(second * 1_000))).await;
            self.tell(second);
            self.seat.look();
            self.write_down(second);
        }
        self.seen.incidents = self.incidents();
        self.seen
    }

    fn tell(&mut self, second: u64) {
        let at = Duration::from_secs(second);
        if second.is_multiple_of(PAGE_EVERY_S) {
            self.pages(at);
        }
        self.reports(second);
        self.probes(second);
        let cuts = &self.scenario.outside.cuts;
        if !cuts.is_empty() && second.is_multiple_of(CANARIES_EVERY_S) {
            let is_reached = !cuts.iter().any(|cut| cut.holds(at));
            let host = |name: &str| (name.into(), is_reached);
            let hosts = vec![host("a.example"), host("b.example"), host("c.example")];
            self.seat.canaries(CanaryReading { hosts });
        }
    }

    fn pages(&mut self, at: Duration) {
        let posts = &self.scenario.outside.posts;
        let providers: Vec<_> = self.seat.pages().cloned().collect();
        for provider in providers {
            let is_of = |post: &&PagePost| {
                post.window.from <= at
                    && post.component.as_str().split('/').next() == Some(&*provider)
            };
            let posted: Vec<&PagePost> = posts.iter().filter(is_of).collect();
            let open = posted.iter().filter(|post| post.window.holds(at));
            let told: Vec<(ComponentId, Condition)> =
                open.filter_map(|post| Some((post.component.clone(), post.condition?))).collect();
            let incidents = posted.iter().map(|post| self.post(post, at)).collect();
            self.seat.read_page(&provider, &told, incidents);
        }
    }

    fn post(&self, post: &PagePost, at: Duration) -> PageIncident {
        let dated = self.unix(post.dated);
        // What was written when all was over is over when it is first read.
        let ended = post.condition.is_none().then_some(post.window.from);
        let ended = ended.or((!post.window.holds(at)).then_some(post.window.until));
        let resolved_at = ended.map(|ended| self.unix(ended));
        let incident = FeedIncident {
            key: format!("{} {}", post.title, post.dated.as_secs()).into(),
            title: post.title.as_str().into(),
            phase: Some(if ended.is_some() { Phase::Resolved } else { Phase::Investigating }),
            impact: None,
            started_at: Some(dated),
            posted_at: Some(dated),
            updated_at: None,
            monitoring_at: None,
            resolved_at,
            parts: None,
            updates: Vec::new(),
            url: None,
        };
        PageIncident { components: vec![post.component.clone()], incident }
    }

    /// Once a minute what came in it, also that nothing did.
    fn reports(&mut self, second: u64) {
        let flows = &self.scenario.outside.reports;
        for flow in flows.iter().filter(|flow| flow.window.holds(Duration::from_secs(second))) {
            let come = poisson(&mut self.dice, flow.per_min / 60.0);
            let counts = self.minute.entry(flow.component.clone()).or_default();
            *count_of(counts, flow.complaint) += come;
        }
        if second.is_multiple_of(60) {
            for (component, counts) in &mut self.minute {
                self.seat.reported(component, std::mem::take(counts));
            }
        }
    }

    fn probes(&mut self, second: u64) {
        let at = Duration::from_secs(second);
        for probed in &self.scenario.outside.probes {
            let is_suspected = self.seat.is_suspected(&probed.component);
            let every = if is_suspected { PROBE_SUSPECTED_S } else { PROBE_EVERY_S };
            let last = self.probed.get(&probed.component);
            if last.is_some_and(|last| second - last < every) {
                continue;
            }
            self.probed.insert(probed.component.clone(), second);
            let events = self.scenario.events.iter().filter(|event| event.window.holds(at));
            let failing = events.filter_map(|event| {
                let (name, _) = event.effect.as_ref()?;
                (*name == probed.provider).then_some(event.share)
            });
            let share = failing.fold(0.0, f64::max);
            let result = match self.dice.fraction() < share {
                true => ProbeResult::Failed(Symptom::ServerErrors),
                false => ProbeResult::Right,
            };
            self.seat.probe(&probed.component, result);
        }
    }

    /// Keeps every change of health, certainty or cause, and of advice.
    fn write_down(&mut self, second: u64) {
        let (known, seen) = (&mut self.known, &mut self.seen);
        self.seat.each_verdict(|verdict| {
            let now = (verdict.health, verdict.certainty, verdict.cause.class);
            let before = known.insert(verdict.component.clone(), now);
            let is_first = before.is_none() && verdict.certainty == Certainty::Clear;
            if before == Some(now) || is_first || seen.verdicts.len() >= TOLD_MAX {
                return;
            }
            seen.verdicts.push(VerdictTold {
                at_s: second,
                component: verdict.component.clone(),
                state: verdict.health,
                certainty: verdict.certainty,
                cause: verdict.cause.class,
                confidence: verdict.cause.confidence,
                why: format!("{}; {}", verdict.why, verdict.cause.why),
            });
        });
        let advised = &mut self.advised;
        self.seat.each_advice(|provider, ramp_factor, is_out| {
            let now = Advised { at_s: second, provider: provider.to_owned(), ramp_factor, is_out };
            let same = |known: &Advised| {
                known.is_out == is_out && known.ramp_factor.to_bits() == ramp_factor.to_bits()
            };
            let is_news = match advised.get(provider) {
                Some(known) => !same(known),
                None => is_out || ramp_factor < 1.0,
            };
            if is_news && seen.advice.len() < TOLD_MAX {
                advised.insert(provider.to_owned(), now.clone());
                seen.advice.push(now);
            }
        });
    }

    fn incidents(&self) -> Vec<IncidentTold> {
        let now = self.seat.now();
        let since = |at: UnixMs| at.as_seconds() as i64 - self.scenario.start_unix_s as i64;
        let told = self.seat.incidents().into_iter().map(|incident| {
            let until = incident.resolved_at.unwrap_or(now);
            let first = |least: Certainty| {
                let mut of = self.seen.verdicts.iter().filter(|told| {
                    incident.components.contains(&told.component)
                        && told.certainty >= least
                        && (since(incident.started_at)..=since(until)).contains(&(told.at_s as i64))
                });
                of.next().map(|told| told.at_s as i64)
            };
            IncidentTold {
                suspected_s: first(Certainty::Suspected),
                confirmed_s: first(Certainty::Confirmed),
                title: incident.title.to_string(),
                components: incident.components.iter().map(ToString::to_string).collect(),
                cause: incident.cause.class,
                began_s: since(incident.started_at),
                opened_s: since(incident.opened_at),
                resolved_s: incident.resolved_at.map(since),
                official_s: incident.official.as_ref().map(|post| since(post.posted_at)),
                official_lag_s: incident.official_lag_ms(now) / 1_000,
            }
        });
        told.collect()
    }

    fn unix(&self, at: Duration) -> UnixMs {
        UnixMs::new((self.scenario.start_unix_s + at.as_secs()) * 1_000)
    }
}

fn count_of(counts: &mut Reports, complaint: Complaint) -> &mut u32 {
    match complaint {
        Complaint::Errors => &mut counts.errors,
        Complaint::Slow => &mut counts.slow,
        Complaint::CannotLogIn => &mut counts.cannot_log_in,
        Complaint::WrongAnswers => &mut counts.wrong_answers,
        Complaint::OverCapacity => &mut counts.over_capacity,
        Complaint::Other => &mut counts.other,
    }
}
