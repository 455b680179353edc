//! What operators order: they know what no evidence tells, and have the last word. An incident that
//! an operator moves is his from then on; its lights stay ours.

use clock::UnixMs;

use super::entry::Entry;
use super::lights;
use super::{Change, ChangeKind, Keeper};
use crate::{
    Author, ByHand, Cause, CauseClass, Certainty, ComponentId, Impact, Incident, IncidentId,
    LightState, Phase,
};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Opens an incident by hand.
    Open { title: Box<str>, impact: Impact, components: Vec<ComponentId>, body: Box<str> },
    /// Writes down what is over already, from then until then.
    Backfill {
        title: Box<str>,
        impact: Impact,
        components: Vec<ComponentId>,
        body: Box<str>,
        lasted: (UnixMs, UnixMs),
    },
    /// Writes an update and sets the phase; with [`Phase::Resolved`] it is over.
    Update { id: IncidentId, phase: Phase, body: Box<str> },
    /// Sets title and impact.
    Amend { id: IncidentId, title: Box<str>, impact: Impact },
    /// Gives it back to the verdicts.
    HandBack { id: IncidentId },
    /// Writes what was learnt, in Markdown, once it is over.
    Postmortem { id: IncidentId, text: Box<str> },
}

/// Why an order was not obeyed. The operator is to blame, and trying again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRefused {
    /// No such incident is kept in mind here.
    Unknown,
    /// It is not over, and the order needs it to be.
    NotOver,
    /// No component that is known was named.
    NoComponent,
    /// It ends before it begins, or has not ended yet.
    NoSpan,
}

pub(super) fn obey(
    keeper: &mut Keeper,
    now: UnixMs,
    order: Order,
    author: &Author,
) -> Result<Change, OrderRefused> {
    match order {
        Order::Open { title, impact, components, body } => {
            let known = components.into_iter().filter(|of| keeper.components.contains_key(of));
            let incident = by_hand(keeper, now, title, impact, known.collect());
            if incident.components.is_empty() {
                return Err(OrderRefused::NoComponent);
            }
            let mut entry = Entry::restored(incident);
            let change =
                entry.tell(now, (ChangeKind::Opened, author.clone()), body.into(), &mut keeper.ids);
            keeper.entries.insert(entry.incident.id.clone(), entry);
            Ok(change)
        }
        Order::Backfill { title, impact, components, body, lasted: (from, until) } => {
            let known = components.into_iter().filter(|of| keeper.components.contains_key(of));
            let mut incident = by_hand(keeper, now, title, impact, known.collect());
            if incident.components.is_empty() {
                return Err(OrderRefused::NoComponent);
            }
            if until < from || until > now {
                return Err(OrderRefused::NoSpan);
            }
            incident.phase = Phase::Resolved;
            for light in &mut incident.lights {
                light.state = LightState::DoesNotApply;
                light.reading = "nobody looked then".into();
            }
            (incident.started_at, incident.opened_at) = (from, from);
            incident.resolved_at = Some(until);
            let mut entry = Entry::restored(incident);
            // It is written down, and no news to anybody.
            let kind = (ChangeKind::Touched, author.clone());
            let change = entry.tell(until, kind, body.into(), &mut keeper.ids);
            keeper.entries.insert(entry.incident.id.clone(), entry);
            Ok(change)
        }
        Order::Update { id, phase, body } => update(keeper, now, &id, (phase, body.into()), author),
        Order::Amend { id, title, impact } => {
            let entry = find(keeper, &id)?;
            entry.incident.by_hand.is_taken = true;
            entry.incident.title = title;
            entry.incident.impact = impact;
            Ok(entry.touch())
        }
        Order::HandBack { id } => {
            let entry = find(keeper, &id)?;
            entry.incident.by_hand.is_taken = false;
            Ok(entry.touch())
        }
        Order::Postmortem { id, text } => {
            let entry = find(keeper, &id)?;
            if !entry.incident.phase.is_over() {
                return Err(OrderRefused::NotOver);
            }
            entry.incident.phase = Phase::Postmortem;
            entry.incident.by_hand.postmortem = Some(text);
            Ok(entry.touch())
        }
    }
}

fn update(
    keeper: &mut Keeper,
    now: UnixMs,
    id: &IncidentId,
    (phase, body): (Phase, String),
    author: &Author,
) -> Result<Change, OrderRefused> {
    let entry = keeper.entries.get_mut(id).ok_or(OrderRefused::Unknown)?;
    let was_over = entry.incident.phase.is_over();
    entry.incident.by_hand.is_taken = true;
    entry.incident.phase = phase;
    let kind = match (was_over, phase.is_over()) {
        (false, true) => ChangeKind::Resolved,
        (true, false) => ChangeKind::Reopened,
        _ => ChangeKind::Updated,
    };
    entry.incident.resolved_at = match kind {
        ChangeKind::Resolved => Some(now),
        ChangeKind::Reopened => None,
        _ => entry.incident.resolved_at,
    };
    Ok(entry.tell(now, (kind, author.clone()), body, &mut keeper.ids))
}

fn find<'a>(keeper: &'a mut Keeper, id: &IncidentId) -> Result<&'a mut Entry, OrderRefused> {
    keeper.entries.get_mut(id).ok_or(OrderRefused::Unknown)
}

fn by_hand(
    keeper: &mut Keeper,
    now: UnixMs,
    title: Box<str>,
    impact: Impact,
    components: Vec<ComponentId>,
) -> Incident {
    let why = "an operator opened it".into();
    Incident {
        id: IncidentId::new(keeper.ids.next_id().tail()),
        title,
        phase: Phase::Investigating,
        impact,
        certainty: Certainty::Confirmed,
        cause: Cause { class: CauseClass::Inconclusive, confidence: 1.0, why },
        started_at: now,
        opened_at: now,
        resolved_at: None,
        components,
        updates: Vec::new(),
        lights: lights::none(),
        official: None,
        deeds: Vec::new(),
        by_hand: ByHand { is_taken: true, postmortem: None },
    }
}
