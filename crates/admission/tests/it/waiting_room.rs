//! Who waits, in what order, and whether he is told the truth.

use std::sync::Arc;
use std::time::Duration;

use admission::{Class, RoomSettings, Ticket, TurnedAwayWhy, Waiter, WaitingRoom};
use clock::{Dice, Tick};
use proptest::prelude::*;

fn waiter(tenant: &str, class: Class, cost: u64) -> Waiter {
    let deadline = Tick::from_millis(u64::MAX / 2_000_000);
    Waiter { tenant: Arc::from(tenant), class, cost, deadline }
}

fn fresh(tenant: &str) -> Waiter {
    waiter(tenant, Class::Fresh, 100)
}

fn room() -> (WaitingRoom, Dice) {
    (WaitingRoom::new(RoomSettings { waiters_max: 100, wait_ms_max: 60_000 }), Dice::seeded(1))
}

fn s(seconds: u64) -> Tick {
    Tick::from_millis(seconds * 1000)
}

/// Lets in one after the other; gives the tenants in their order.
fn drain(room: &mut WaitingRoom, now: Tick, names: &[(Ticket, &'static str)]) -> Vec<&'static str> {
    let mut order = Vec::new();
    while let Some(ticket) = room.next() {
        room.let_in(now, ticket);
        order.push(names.iter().find(|(known, _)| *known == ticket).unwrap().1);
    }
    order
}

#[test]
fn a_noisy_tenant_waits_behind_itself() {
    let (mut room, mut dice) = room();
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push((room.enter(s(1), fresh("noisy"), &mut dice).unwrap(), "noisy"));
    }
    names.push((room.enter(s(2), fresh("quiet"), &mut dice).unwrap(), "quiet"));
    let order = drain(&mut room, s(3), &names);
    assert_eq!(order[..3], ["noisy", "quiet", "noisy"]);
}

#[test]
fn what_was_begun_comes_before_what_is_new() {
    let (mut room, mut dice) = room();
    let mut names = Vec::new();
    for (class, name) in [
        (Class::Background, "background"),
        (Class::Fresh, "fresh"),
        (Class::Continuation, "continuation"),
        (Class::Takeover, "takeover"),
    ] {
        names.push((room.enter(s(1), waiter("one", class, 10), &mut dice).unwrap(), name));
    }
    let order = drain(&mut room, s(2), &names);
    assert_eq!(order, ["takeover", "continuation", "fresh", "background"]);
}

#[test]
fn the_room_is_bounded_and_says_when_to_come_again() {
    let mut room = WaitingRoom::new(RoomSettings { waiters_max: 2, wait_ms_max: 60_000 });
    let mut dice = Dice::seeded(1);
    room.enter(s(1), fresh("a"), &mut dice).unwrap();
    room.enter(s(1), fresh("b"), &mut dice).unwrap();
    let no = room.enter(s(1), fresh("c"), &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::Full);
    assert!(no.retry_after >= Duration::from_millis(900));
    let mut closed = WaitingRoom::new(RoomSettings { waiters_max: 0, wait_ms_max: 1 });
    let no = closed.enter(s(1), fresh("c"), &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::Closed);
}

#[test]
fn who_cannot_make_it_is_told_at_once() {
    let (mut room, mut dice) = room();
    // Ten calls of a hundred tokens were let in, one a second.
    for second in 0..10 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    for _ in 0..20 {
        room.enter(s(10), fresh("a"), &mut dice).unwrap();
    }
    let hurried = Waiter { deadline: s(15), ..fresh("b") };
    let no = room.enter(s(10), hurried, &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::TooLate);
    let seconds = no.retry_after.as_secs_f64();
    assert!((18.0..30.0).contains(&seconds), "twenty are ahead, one goes in a second: {seconds}");
    let patient = Waiter { deadline: s(60), ..fresh("b") };
    assert!(room.enter(s(10), patient, &mut dice).is_ok());
}

#[test]
fn a_place_and_a_time_are_told_while_one_waits() {
    let (mut room, mut dice) = room();
    for second in 0..30 {
        room.passed_by(s(second), &Arc::from("a"), 200);
    }
    let tickets: Vec<_> =
        (0..5).map(|_| room.enter(s(30), fresh("a"), &mut dice).unwrap()).collect();
    let (ahead, eta) = room.position(s(30), tickets[4]).unwrap();
    assert_eq!(ahead, 4);
    let p50 = eta.unwrap().p50.as_secs_f64();
    assert!((1.8..2.4).contains(&p50), "400 tokens at 200 a second: {p50}");
    room.leave(tickets[0]);
    assert_eq!(room.position(s(30), tickets[4]).unwrap().0, 3);
    assert!(room.position(s(30), tickets[0]).is_none());
}

#[test]
fn the_wait_that_is_told_does_not_grow_while_the_line_does_not() {
    let (mut room, mut dice) = room();
    for second in 0..30 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    for _ in 0..10 {
        room.enter(s(30), fresh("a"), &mut dice).unwrap();
    }
    let first = room.retry_after(s(30), &mut dice).as_secs_f64();
    // Nothing is let in for a while, so the reckoned rate falls; the line is the same.
    let later = room.retry_after(s(55), &mut dice).as_secs_f64();
    assert!(later <= first * 1.23, "{first} then {later}");
}

/// Of those who are told a time, four of five are served within it.
#[test]
fn the_wait_that_is_told_is_honest() {
    let mut dice = Dice::seeded(11);
    let (mut kept, mut told_all) = (0_u32, 0_u32);
    for round in 0..400_u64 {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 1_000, wait_ms_max: 600_000 });
        let rate = 2.0 + dice.fraction() * 8.0;
        let exponential = |dice: &mut Dice| -f64::ln(1.0 - dice.fraction()) / rate;
        let mut now = 0.0;
        while now < 60.0 {
            now += exponential(&mut dice);
            room.passed_by(Tick::from_millis((now * 1000.0) as u64), &Arc::from("a"), 100);
        }
        let start = Tick::from_millis((now * 1000.0) as u64);
        let ahead = 5 + dice.below(60);
        let tickets: Vec<_> =
            (0..=ahead).map(|_| room.enter(start, fresh("a"), &mut dice).unwrap()).collect();
        let told = room.position(start, *tickets.last().unwrap()).unwrap().1.unwrap().p80;
        let served: f64 = (0..ahead).map(|_| exponential(&mut dice)).sum();
        told_all += 1;
        kept += u32::from(served <= told.as_secs_f64());
        let _ = round;
    }
    let share = f64::from(kept) / f64::from(told_all);
    assert!((0.70..=0.90).contains(&share), "{share}");
}

proptest! {
    /// Two tenants that always wait are served alike, whatever each request costs.
    #[test]
    fn tenants_are_served_alike(costs in prop::collection::vec((1_u64..1_000, 1_u64..1_000), 20..60)) {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 1_000, wait_ms_max: u64::MAX / 4 });
        let mut dice = Dice::seeded(2);
        let mut costs_of = std::collections::BTreeMap::new();
        for (a, b) in &costs {
            for (tenant, cost) in [("a", *a), ("b", *b)] {
                let ticket = room.enter(s(1), waiter(tenant, Class::Fresh, cost), &mut dice).unwrap();
                costs_of.insert(ticket, (tenant, cost));
            }
        }
        let (mut a, mut b) = (0_i64, 0_i64);
        let mut left = [costs.len(), costs.len()];
        while left.iter().all(|left| *left > 0) {
            let ticket = room.next().unwrap();
            room.let_in(s(1), ticket);
            let (tenant, cost) = costs_of[&ticket];
            let (sum, at) = if tenant == "a" { (&mut a, 0) } else { (&mut b, 1) };
            *sum += i64::try_from(cost).unwrap();
            left[at] -= 1;
            prop_assert!((a - b).abs() <= 2_000, "{a} against {b}");
        }
    }

    /// Everybody who entered is let in or leaves, and the room never holds more than it may.
    #[test]
    fn nobody_is_forgotten(steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_u64..500), 1..200)) {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 20, wait_ms_max: 600_000 });
        let mut dice = Dice::seeded(3);
        let (mut entered, mut gone) = (0, 0);
        for (step, (kind, tenant, cost)) in steps.into_iter().enumerate() {
            let now = Tick::from_millis(step as u64 * 100);
            match kind {
                0 => entered += usize::from(room.enter(now, waiter(&format!("t{tenant}"), Class::Fresh, cost), &mut dice).is_ok()),
                1 => gone += usize::from(room.next().is_some_and(|ticket| room.let_in(now, ticket).is_some())),
                _ => if let Some(ticket) = room.next() { room.leave(ticket); gone += 1; },
            }
            prop_assert!(room.len() <= 20);
            prop_assert_eq!(room.len(), entered - gone);
        }
    }
}
