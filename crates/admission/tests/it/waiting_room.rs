//! Who waits, in what order, and whether he is told the truth.

use std::sync::Arc;
use std::time::Duration;

use admission::{Class, RoomSettings, Ticket, TurnedAwayWhy, Waiter, WaitingRoom};
use clock::{Dice, Tick};
use proptest::prelude::*;

fn waiter(tenant: &str, class: Class, cost: u64) -> Waiter {
    let deadline = Tick::from_millis(u64::MAX / 2_000_000);
    let (opens, again) = (Tick::default(), false);
    Waiter { tenant: Arc::from(tenant), class, cost, deadline, opens, again }
}

fn enter(room: &mut WaitingRoom, now: Tick, waiter: Waiter, dice: &mut Dice) -> Ticket {
    room.enter(now, waiter, dice).unwrap().ticket
}

fn fresh(tenant: &str) -> Waiter {
    waiter(tenant, Class::Fresh, 100)
}

fn room() -> (WaitingRoom, Dice) {
    (
        WaitingRoom::new(RoomSettings {
            waiters_max: 100,
            wait_ms_max: 60_000,
            ..RoomSettings::default()
        }),
        Dice::seeded(1),
    )
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
        names.push((enter(&mut room, s(1), fresh("noisy"), &mut dice), "noisy"));
    }
    names.push((enter(&mut room, s(2), fresh("quiet"), &mut dice), "quiet"));
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
        names.push((enter(&mut room, s(1), waiter("one", class, 10), &mut dice), name));
    }
    let order = drain(&mut room, s(2), &names);
    assert_eq!(order, ["takeover", "continuation", "fresh", "background"]);
}

#[test]
fn the_room_is_bounded_and_says_when_to_come_again() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 2,
        wait_ms_max: 60_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(1);
    enter(&mut room, s(1), fresh("a"), &mut dice);
    enter(&mut room, s(1), fresh("b"), &mut dice);
    let no = room.enter(s(1), fresh("c"), &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::Full);
    assert!(no.turn.after >= Duration::from_millis(900));
    let mut closed = WaitingRoom::new(RoomSettings {
        waiters_max: 0,
        wait_ms_max: 1,
        ..RoomSettings::default()
    });
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
        enter(&mut room, s(10), fresh("a"), &mut dice);
    }
    let hurried = Waiter { deadline: s(15), ..fresh("a") };
    let no = room.enter(s(10), hurried, &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::TooLate);
    let seconds = no.turn.after.as_secs_f64();
    assert!((18.0..31.0).contains(&seconds), "twenty are ahead, one goes in a second: {seconds}");
    let patient = Waiter { deadline: s(60), ..fresh("a") };
    assert!(room.enter(s(10), patient, &mut dice).is_ok());
}

#[test]
fn a_place_and_a_time_are_told_while_one_waits() {
    let (mut room, mut dice) = room();
    for second in 0..30 {
        room.passed_by(s(second), &Arc::from("a"), 200);
    }
    let tickets: Vec<_> = (0..5).map(|_| enter(&mut room, s(30), fresh("a"), &mut dice)).collect();
    let (ahead, eta) = room.position(s(30), tickets[4]).unwrap();
    assert_eq!(ahead, 4);
    let p50 = eta.unwrap().p50.as_secs_f64();
    assert!((1.8..2.4).contains(&p50), "400 tokens at 200 a second: {p50}");
    room.leave(s(30), tickets[0]);
    assert_eq!(room.position(s(30), tickets[4]).unwrap().0, 3);
    assert!(room.position(s(30), tickets[0]).is_none());
}

#[test]
fn the_wait_that_is_told_does_not_grow_while_the_line_does_not() {
    let (mut room, mut dice) = room();
    for second in 0..30 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    let tickets: Vec<_> = (0..12).map(|_| enter(&mut room, s(30), fresh("a"), &mut dice)).collect();
    let now = s(30);
    let first = room.give_up(now, tickets[11], now, &mut dice).unwrap().after.as_secs_f64();
    // Nothing is let in for a while, so the reckoned rate falls; the one that was promised a turn
    // and the one that leaves make room for each other.
    room.leave(now, tickets[10]);
    let later = room.give_up(s(42), tickets[9], s(42), &mut dice).unwrap().after.as_secs_f64();
    assert!(later <= first * 1.23, "{first} then {later}");
}

/// A hundred are turned away in one second while five can be served in one: each is told a turn of
/// his own, and no second is promised to more than can be served in it.
#[test]
fn those_who_are_turned_away_are_told_turns_of_their_own() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 0,
        wait_ms_max: 60_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(5);
    for ms in (0..60_000).step_by(200) {
        room.passed_by(Tick::from_millis(ms), &Arc::from("a"), 100);
    }
    let told: Vec<f64> = (0..100)
        .map(|_| room.enter(s(60), fresh("a"), &mut dice).unwrap_err().turn.after.as_secs_f64())
        .collect();
    let latest = told.iter().copied().fold(0.0, f64::max);
    assert!((20.0..32.0).contains(&latest), "a hundred at five a second: {latest}");
    for from in 2..18 {
        let in_span = |told: &&f64| (f64::from(from)..f64::from(from + 4)).contains(*told);
        let count = told.iter().filter(in_span).count();
        assert!((8..=34).contains(&count), "{count} are told to come from {from} s on");
    }
}

/// What a promise is worth: a line of new ones stands before nobody who comes when he was told, and
/// a promise is used once, by its tenant, about its time.
#[test]
fn who_comes_when_he_was_told_comes_before_the_new_ones() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 2,
        wait_ms_max: 60_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(5);
    for second in 0..60 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    for _ in 0..2 {
        enter(&mut room, s(60), fresh("a"), &mut dice);
    }
    let no = room.enter(s(60), fresh("a"), &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::Full);
    let again = |tenant: &str| Waiter { again: true, ..fresh(tenant) };
    let turn = s(60) + no.turn.after + Duration::from_millis(500);
    assert!(room.enter(s(60), again("a"), &mut dice).is_err(), "it is not his time");
    // The stranger's own share is the same, and he was promised nothing.
    room.passed_by(s(60), &Arc::from("b"), 100_000);
    assert!(room.enter(turn, again("b"), &mut dice).is_err(), "nobody promised him anything");
    let entered = room.enter(turn, again("a"), &mut dice).unwrap();
    assert_eq!(room.next(), Some(entered.ticket));
    assert!(entered.instead_of.is_some(), "the room was full of new ones");
}

#[test]
fn a_full_room_makes_room_for_whoever_would_come_first() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 3,
        wait_ms_max: 60_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(1);
    let noisy: Vec<_> = (0..3).map(|_| enter(&mut room, s(1), fresh("noisy"), &mut dice)).collect();
    let quiet = room.enter(s(1), fresh("quiet"), &mut dice).unwrap();
    assert_eq!(quiet.instead_of, Some(noisy[2]), "the last of the noisy one's");
    assert_eq!((room.len(), room.until(s(1), noisy[2])), (3, None));
    assert!(room.give_up(s(1), noisy[2], s(1), &mut dice).is_some());
    assert!(room.enter(s(1), fresh("noisy"), &mut dice).is_err(), "it has two of three already");
    let begun = room.enter(s(1), waiter("noisy", Class::Continuation, 100), &mut dice).unwrap();
    assert_eq!(begun.instead_of, Some(noisy[1]));
    assert_eq!(room.next(), Some(begun.ticket));
}

/// A tenant that never waited is not refused for the line of another.
#[test]
fn a_quiet_tenant_is_told_its_own_wait() {
    let (mut room, mut dice) = room();
    for second in 0..10 {
        room.passed_by(s(second), &Arc::from("noisy"), 100);
    }
    for _ in 0..50 {
        enter(&mut room, s(10), fresh("noisy"), &mut dice);
    }
    let hurried = Waiter { deadline: s(15), ..fresh("quiet") };
    let quiet = enter(&mut room, s(10), hurried, &mut dice);
    assert!(room.position(s(10), quiet).unwrap().0 <= 1);
    let hurried = Waiter { deadline: s(15), ..fresh("noisy") };
    assert_eq!(room.enter(s(10), hurried, &mut dice).unwrap_err().why, TurnedAwayWhy::TooLate);
}

#[test]
fn while_nobody_can_be_let_in_the_wait_begins_when_somebody_can() {
    let (mut room, mut dice) = room();
    for second in 0..60 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    let opens = s(70);
    let hurried = Waiter { opens, deadline: s(68), ..fresh("a") };
    let no = room.enter(s(60), hurried, &mut dice).unwrap_err();
    assert_eq!(no.why, TurnedAwayWhy::TooLate);
    assert!(no.turn.after >= Duration::from_secs(9), "{:?}", no.turn.after);
    let ticket = enter(&mut room, s(60), Waiter { opens, ..fresh("a") }, &mut dice);
    let p50 = room.position(s(60), ticket).unwrap().1.unwrap().p50.as_secs_f64();
    assert!((10.0..12.5).contains(&p50), "{p50}");
}

/// Half of the strength is gone: after ten seconds the wait that is told is that of the other half.
#[test]
fn a_provider_that_lost_its_strength_is_believed_soon() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 1_000,
        wait_ms_max: 600_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(1);
    for ms in (0..60_000).step_by(100) {
        room.passed_by(Tick::from_millis(ms), &Arc::from("a"), 100);
    }
    for _ in 0..100 {
        enter(&mut room, s(60), fresh("a"), &mut dice);
    }
    for ms in (60_500..72_000).step_by(500) {
        let next = room.next().unwrap();
        room.let_in(Tick::from_millis(ms), next);
    }
    let last = enter(&mut room, s(72), fresh("a"), &mut dice);
    let (ahead, eta) = room.position(s(72), last).unwrap();
    let per_s = ahead as f64 / eta.unwrap().p50.as_secs_f64();
    assert!((1.7..2.4).contains(&per_s), "two a second since it fell: {per_s}");
}

/// Of those who are told a time, four of five are served within it.
#[test]
fn the_wait_that_is_told_is_honest() {
    let mut dice = Dice::seeded(11);
    let (mut kept, mut told_all) = (0_u32, 0_u32);
    for round in 0..400_u64 {
        let mut room = WaitingRoom::new(RoomSettings {
            waiters_max: 1_000,
            wait_ms_max: 600_000,
            ..RoomSettings::default()
        });
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
            (0..=ahead).map(|_| enter(&mut room, start, fresh("a"), &mut dice)).collect();
        let told = room.position(start, *tickets.last().unwrap()).unwrap().1.unwrap().p80;
        let served: f64 = (0..ahead).map(|_| exponential(&mut dice)).sum();
        told_all += 1;
        kept += u32::from(served <= told.as_secs_f64());
        let _ = round;
    }
    let share = f64::from(kept) / f64::from(told_all);
    assert!((0.70..=0.90).contains(&share), "{share}");
}

/// Everybody leaves after twenty seconds: a line that would take longer is not joined any more.
#[test]
fn nobody_is_kept_beyond_what_people_bear() {
    let mut room = WaitingRoom::new(RoomSettings {
        waiters_max: 1_000,
        wait_ms_max: 30_000,
        ..RoomSettings::default()
    });
    let mut dice = Dice::seeded(1);
    for second in 0..80 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    let late: Vec<_> = (0..25).map(|_| enter(&mut room, s(60), fresh("a"), &mut dice)).collect();
    late.into_iter().for_each(|ticket| room.leave(s(80), ticket));
    let first = enter(&mut room, s(80), fresh("a"), &mut dice);
    assert_eq!(room.until(s(80), first), Some(s(90)));
    let mut entered = 1;
    let no = loop {
        match room.enter(s(80), fresh("a"), &mut dice) {
            Ok(_) => entered += 1,
            Err(no) => break no,
        }
    };
    assert_eq!(no.why, TurnedAwayWhy::TooLate);
    assert!((6..18).contains(&entered), "ten seconds at one a second or so: {entered}");
}

/// The truth beyond a minute: at first it may be over sooner, later nobody is told to try.
#[test]
fn a_turn_that_is_far_is_told_as_such_once_the_line_lasts() {
    let (mut room, mut dice) = room();
    for second in 0..60 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    enter(&mut room, s(60), Waiter { cost: 10_000, ..fresh("a") }, &mut dice);
    let far_at = |room: &mut WaitingRoom, dice: &mut Dice, now| {
        let no = room.enter(now, fresh("a"), dice).unwrap_err();
        assert!(no.turn.after > Duration::from_secs(60), "{no}");
        no.turn.is_far
    };
    assert!(!far_at(&mut room, &mut dice, s(60)));
    for second in 61..125 {
        room.passed_by(s(second), &Arc::from("a"), 100);
    }
    assert!(far_at(&mut room, &mut dice, s(125)));
}

/// A hundred tokens a second were let in for a minute. Who has five hundred before him waits five
/// seconds; of those who stand behind one other, four of five wait 0.8416 × 5 s longer at most.
#[test]
fn a_wait_is_the_cost_ahead_by_the_pace() {
    let (mut room, mut dice) = room();
    let tenant: Arc<str> = Arc::from("shop");
    (0..60).for_each(|second| room.passed_by(s(1_000 + second), &tenant, 100));
    let now = s(1_059);
    enter(&mut room, now, waiter("a", Class::Continuation, 500), &mut dice);
    let second = enter(&mut room, now, waiter("a", Class::Continuation, 70), &mut dice);
    let (ahead, eta) = room.position(now, second).unwrap();
    let eta = eta.unwrap();
    assert_eq!(ahead, 1);
    assert!((eta.p50.as_secs_f64() - 5.0).abs() < 0.01, "{eta:?}");
    assert!((eta.p80.as_secs_f64() - 9.208).abs() < 0.02, "{eta:?}");
}

/// Nothing was let in yet: five seconds, with a tenth of jitter.
#[test]
fn a_wait_of_which_nothing_is_known_is_five_seconds() {
    let settings = RoomSettings { waiters_max: 0, ..RoomSettings::default() };
    let (mut room, mut dice) = (WaitingRoom::new(settings), Dice::seeded(3));
    let no = room.enter(s(1_000), fresh("a"), &mut dice).unwrap_err();
    assert!((4.5..=5.5).contains(&no.turn.after.as_secs_f64()), "{no:?}");
}

proptest! {
    /// Two tenants that always wait are served alike, whatever each request costs.
    #[test]
    fn tenants_are_served_alike(costs in prop::collection::vec((1_u64..1_000, 1_u64..1_000), 20..60)) {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 1_000, wait_ms_max: u64::MAX / 4, ..RoomSettings::default() });
        let mut dice = Dice::seeded(2);
        let mut costs_of = std::collections::BTreeMap::new();
        for (a, b) in &costs {
            for (tenant, cost) in [("a", *a), ("b", *b)] {
                let ticket = enter(&mut room, s(1), waiter(tenant, Class::Fresh, cost), &mut dice);
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

    /// The room against a plain list of who waits: the same one is next, and who stands at the end
    /// is told what is before him.
    #[test]
    fn the_lines_are_those_of_a_plain_list(
        steps in prop::collection::vec((0_u8..5, 0_u8..4, 0_u8..5, 1_u64..500), 1..300),
    ) {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 1_000, wait_ms_max: 1 << 40, ..RoomSettings::default() });
        let mut dice = Dice::seeded(4);
        let classes = [
            Class::Takeover, Class::Continuation, Class::Returning, Class::Fresh, Class::Background,
        ];
        let mut list: Vec<(Ticket, usize, Class, u64)> = Vec::new();
        let mut served = [0_u64; 4];
        for (kind, tenant, class, cost) in steps {
            let (tenant, class) = (usize::from(tenant), classes[usize::from(class)]);
            match kind {
                0..=2 => {
                    if !list.iter().any(|(_, of, ..)| *of == tenant) {
                        let waits = list.iter().map(|(_, of, ..)| served[*of]);
                        served[tenant] = served[tenant].max(waits.min().unwrap_or(0));
                    }
                    let name = format!("t{tenant}");
                    let ticket = enter(&mut room, s(1), waiter(&name, class, cost), &mut dice);
                    list.push((ticket, tenant, class, cost));
                }
                3 => if let Some(ticket) = room.next() {
                    room.let_in(s(1), ticket);
                    let at = list.iter().position(|(known, ..)| *known == ticket).unwrap();
                    let (_, tenant, _, cost) = list.remove(at);
                    served[tenant] += cost;
                },
                _ => if let Some(at) = list.len().checked_sub(1 + usize::from(tenant == 0)) {
                    room.give_up(s(1), list.remove(at).0, s(1), &mut dice);
                },
            }
            let next = list.iter().min_by_key(|(ticket, of, class, _)| (*class, served[*of], *ticket));
            prop_assert_eq!(room.next(), next.map(|(ticket, ..)| *ticket));
            prop_assert_eq!(room.len(), list.len());
            if let Some((ticket, tenant, class, _)) = list.last() {
                let ahead = room.position(s(1), *ticket).unwrap().0;
                let sure = list.iter().filter(|(other, of, other_class, _)| {
                    other_class < class || (other_class == class && of == tenant && other < ticket)
                });
                let most = list.iter().filter(|(_, _, other, _)| other <= class).count() - 1;
                prop_assert!((sure.count()..=most).contains(&ahead), "{} of {}", ahead, most);
            }
        }
    }

    /// Everybody who entered is let in or leaves, and the room never holds more than it may.
    #[test]
    fn nobody_is_forgotten(steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_u64..500), 1..200)) {
        let mut room = WaitingRoom::new(RoomSettings { waiters_max: 20, wait_ms_max: 600_000, ..RoomSettings::default() });
        let mut dice = Dice::seeded(3);
        let (mut entered, mut gone) = (0, 0);
        for (step, (kind, tenant, cost)) in steps.into_iter().enumerate() {
            let now = Tick::from_millis(step as u64 * 100);
            match kind {
                0 => entered += usize::from(room.enter(now, waiter(&format!("t{tenant}"), Class::Fresh, cost), &mut dice).is_ok()),
                1 => gone += usize::from(room.next().is_some_and(|ticket| room.let_in(now, ticket).is_some())),
                _ => if let Some(ticket) = room.next() { room.leave(now, ticket); gone += 1; },
            }
            prop_assert!(room.len() <= 20);
            prop_assert_eq!(room.len(), entered - gone);
        }
    }
}
