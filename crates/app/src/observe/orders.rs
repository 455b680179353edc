//! Orders of operators: from the console's door to the desk. What an order means for an incident is
//! told by its keeper.

use clock::UnixMs;
use detection::{IncidentId, Order, OrderRefused};
use web::{OperatorOrder, Operators, OrderFault};

use super::desk::{Desk, Step};
use super::{Observer, unix, works};

impl Operators for Observer {
    fn obey(&self, order: OperatorOrder, by: &str) -> Result<Box<str>, OrderFault> {
        let now = unix(&*self.0.clock);
        let (id, step) = obey(&mut self.0.desk(), now, order, by)?;
        self.0.keep(step);
        Ok(id)
    }
}

fn obey(
    desk: &mut Desk,
    now: UnixMs,
    order: OperatorOrder,
    by: &str,
) -> Result<(Box<str>, Step), OrderFault> {
    let id = |id: Box<str>| IncidentId::new(&*id);
    let order = match order {
        OperatorOrder::Open { head, body, lasted } => {
            let (title, impact, components) = (head.title, head.impact, head.components);
            match lasted {
                None => Order::Open { title, impact, components, body },
                Some(lasted) => Order::Backfill { title, impact, components, body, lasted },
            }
        }
        OperatorOrder::Update { id: of, phase, body } => Order::Update { id: id(of), phase, body },
        OperatorOrder::Amend { id: of, title, impact } => {
            Order::Amend { id: id(of), title, impact }
        }
        OperatorOrder::HandBack { id: of } => Order::HandBack { id: id(of) },
        OperatorOrder::Postmortem { id: of, text } => Order::Postmortem { id: id(of), text },
        other => return of_works(desk, now, other, by),
    };
    let change = desk.order(now, order, by).map_err(|refused| match refused {
        OrderRefused::Unknown => OrderFault::Unknown,
        OrderRefused::NotOver => OrderFault::NotOver,
        OrderRefused::NoComponent => OrderFault::NoComponent,
        OrderRefused::NoSpan => OrderFault::NoSpan,
    })?;
    let id = change.incident.id.as_str().into();
    Ok((id, Step { changes: vec![change], ..Step::default() }))
}

/// Orders that no incident is the matter of.
fn of_works(
    desk: &mut Desk,
    now: UnixMs,
    order: OperatorOrder,
    by: &str,
) -> Result<(Box<str>, Step), OrderFault> {
    let ids = &mut desk.ids;
    let work = match order {
        OperatorOrder::Plan { title, components, span, body } => {
            let known = components.into_iter().filter(|id| desk.pasts.contains_key(id)).collect();
            desk.works.plan(now, (title, known, span), (body, by), ids)?
        }
        OperatorOrder::MovePlan { id, phase, span, body } => {
            desk.works.change(now, (&id, phase, span), (body, by), ids)?
        }
        OperatorOrder::SetState { component, condition, until } => {
            if !desk.pasts.contains_key(&component) {
                return Err(OrderFault::Unknown);
            }
            if until.is_some_and(|until| until <= now) {
                return Err(OrderFault::NoSpan);
            }
            let id = component.as_str().into();
            let said = Some(desk.works.say(component, condition, until));
            desk.judge_soon();
            return Ok((id, Step { said, ..Step::default() }));
        }
        _ => return Err(OrderFault::Unknown),
    };
    desk.take(&works::fact(now, &work));
    desk.judge_soon();
    Ok((work.id.as_str().into(), Step { works: vec![work], ..Step::default() }))
}
