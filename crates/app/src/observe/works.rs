//! What operators know and no evidence tells: planned work with its hours, and components whose state
//! they have set. Kept here while the process lives; whoever asks stores what changed.

use std::collections::BTreeMap;

use clock::{IdMaker, UnixMs};
use detection::{
    Author, ComponentId, Condition, Evidence, Fact, IncidentId, IncidentUpdate, Maintenance,
    MaintenancePhase, Phase,
};
use web::OrderFault;

/// Pieces of planned work that are shown; the ones that were over longest go first.
pub(super) const WORKS_MAX: usize = 200;
/// Updates of one piece.
const UPDATES_MAX: usize = 100;

/// How a component is by an operator's word, and until when.
type Said = (Condition, Option<UnixMs>);

/// Both.
#[derive(Debug, Default)]
pub(super) struct Works {
    /// Newest start first.
    all: Vec<Maintenance>,
    said: BTreeMap<ComponentId, Said>,
}

impl Works {
    /// Newest start first.
    pub(super) fn all(&self) -> &[Maintenance] {
        &self.all
    }

    /// Takes up what a store kept.
    pub(super) fn restore(&mut self, works: Vec<Maintenance>, said: &str) {
        works.into_iter().for_each(|work| self.put(work));
        self.said = said.lines().filter_map(read_line).collect();
    }

    /// All of it as facts, for a court that knows none of it.
    pub(super) fn facts(&self, now: UnixMs) -> Vec<Evidence> {
        let fact = |work: &Maintenance| fact(now, work);
        self.all.iter().filter(|work| !work.phase.is_over()).map(fact).collect()
    }

    /// True while planned work excuses a component.
    pub(super) fn excuses(&self, now: UnixMs, component: &ComponentId) -> bool {
        let named = |work: &&Maintenance| {
            work.components.iter().any(|of| {
                let below = component.as_str().strip_prefix(of.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        self.all.iter().filter(|work| work.covers(now)).any(|work| named(&work))
    }

    /// What an operator said of a component.
    pub(super) fn said(&self, component: &ComponentId) -> Option<Condition> {
        self.said.get(component).map(|(condition, _)| *condition)
    }

    /// Begins and ends work whose hour has come, and forgets words that held until now; gives what
    /// changed, and the words if they did.
    pub(super) fn step(
        &mut self,
        now: UnixMs,
        ids: &mut IdMaker,
    ) -> (Vec<Maintenance>, Option<Box<str>>) {
        let mut changed = Vec::new();
        for work in &mut self.all {
            let due = match work.phase {
                MaintenancePhase::Scheduled if now >= work.ends_at => MaintenancePhase::Completed,
                MaintenancePhase::Scheduled if now >= work.starts_at => {
                    MaintenancePhase::InProgress
                }
                MaintenancePhase::InProgress | MaintenancePhase::Verifying
                    if now >= work.ends_at =>
                {
                    MaintenancePhase::Completed
                }
                _ => continue,
            };
            let body = match due {
                MaintenancePhase::InProgress => "The planned work has begun.",
                _ => "The planned work is over.",
            };
            update(work, now, due, (body.into(), Author::Seawall), ids);
            changed.push(work.clone());
        }
        let count = self.said.len();
        self.said.retain(|_, (_, until)| until.is_none_or(|until| now < until));
        let words = (self.said.len() != count).then(|| self.words());
        (changed, words)
    }

    /// Plans work.
    pub(super) fn plan(
        &mut self,
        now: UnixMs,
        work: (Box<str>, Vec<ComponentId>, (UnixMs, UnixMs)),
        (body, by): (Box<str>, &str),
        ids: &mut IdMaker,
    ) -> Result<Maintenance, OrderFault> {
        let (title, components, (starts_at, ends_at)) = work;
        if components.is_empty() {
            return Err(OrderFault::NoComponent);
        }
        if ends_at <= starts_at {
            return Err(OrderFault::NoSpan);
        }
        let waiting = self.all.iter().filter(|work| !work.phase.is_over()).count();
        if waiting >= WORKS_MAX {
            return Err(OrderFault::Full);
        }
        let mut work = Maintenance {
            id: IncidentId::new(ids.next_id().tail()),
            title,
            phase: MaintenancePhase::Scheduled,
            created_at: now,
            starts_at,
            ends_at,
            components,
            updates: Vec::new(),
            sequence: 0,
        };
        let author = Author::Operator(by.into());
        update(&mut work, now, MaintenancePhase::Scheduled, (body, author), ids);
        work.sequence = 0;
        self.put(work.clone());
        Ok(work)
    }

    /// Sets how far work is, and its hours.
    pub(super) fn change(
        &mut self,
        now: UnixMs,
        (id, phase, span): (&str, Option<MaintenancePhase>, Option<(UnixMs, UnixMs)>),
        (body, by): (Box<str>, &str),
        ids: &mut IdMaker,
    ) -> Result<Maintenance, OrderFault> {
        let found = self.all.iter_mut().find(|work| work.id.as_str() == id);
        let work = found.ok_or(OrderFault::Unknown)?;
        if work.phase.is_over() {
            return Err(OrderFault::Over);
        }
        if span.is_some_and(|(from, until)| until <= from) {
            return Err(OrderFault::NoSpan);
        }
        (work.starts_at, work.ends_at) = span.unwrap_or((work.starts_at, work.ends_at));
        let phase = phase.unwrap_or(work.phase);
        update(work, now, phase, (body, Author::Operator(by.into())), ids);
        let work = work.clone();
        self.sort();
        Ok(work)
    }

    /// Sets or takes back the state of a component; gives all words, to be stored.
    pub(super) fn say(
        &mut self,
        component: ComponentId,
        condition: Option<Condition>,
        until: Option<UnixMs>,
    ) -> Box<str> {
        match condition {
            Some(condition) => {
                self.said.insert(component, (condition, until));
            }
            None => {
                self.said.remove(&component);
            }
        }
        self.words()
    }

    fn put(&mut self, work: Maintenance) {
        self.all.retain(|known| known.id != work.id);
        self.all.push(work);
        self.sort();
        while self.all.len() > WORKS_MAX {
            let oldest = self.all.iter().rposition(|work| work.phase.is_over());
            let Some(oldest) = oldest else { return };
            self.all.remove(oldest);
        }
    }

    fn sort(&mut self) {
        self.all.sort_by(|a, b| b.starts_at.cmp(&a.starts_at).then_with(|| b.id.cmp(&a.id)));
    }

    /// One line for each: component, condition, and until when or `-`.
    fn words(&self) -> Box<str> {
        let line = |(component, (condition, until)): (&ComponentId, &Said)| {
            let until = until.map_or("-".to_owned(), |until| until.as_millis().to_string());
            format!("{component} {} {until}\n", condition.as_str())
        };
        self.said.iter().map(line).collect::<String>().into()
    }
}

/// Planned work as the court hears of it.
pub(super) fn fact(now: UnixMs, work: &Maintenance) -> Evidence {
    Evidence { at: now, fact: Fact::Maintenance(work.clone()) }
}

fn read_line(line: &str) -> Option<(ComponentId, Said)> {
    let mut words = line.split(' ');
    let (component, condition) = (words.next()?, Condition::of(words.next()?));
    let until = match words.next()? {
        "-" => None,
        until => Some(UnixMs::new(until.parse().ok()?)),
    };
    Some((ComponentId::new(component), (condition, until)))
}

/// Writes an update; updates carry the phases of incidents.
fn update(
    work: &mut Maintenance,
    now: UnixMs,
    phase: MaintenancePhase,
    (body, author): (Box<str>, Author),
    ids: &mut IdMaker,
) {
    work.phase = phase;
    work.sequence += 1;
    if work.updates.len() >= UPDATES_MAX {
        return;
    }
    work.updates.push(IncidentUpdate {
        id: IncidentId::new(ids.next_id().tail()),
        at: now,
        phase: match phase {
            MaintenancePhase::Scheduled => Phase::Investigating,
            MaintenancePhase::InProgress => Phase::Identified,
            MaintenancePhase::Verifying => Phase::Monitoring,
            MaintenancePhase::Completed | MaintenancePhase::Cancelled => Phase::Resolved,
        },
        body,
        author,
        affected: Vec::new(),
    });
}
