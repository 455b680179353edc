//! Users' reports: who counts, and what a flood can do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clock::{Dice, Tick, UnixMs};
use detection::ComponentId;
use domain::ReportKind;
use lookout::reports::{
    Acceptance, BIN_MS, BINS, ReportBin, ReportCounts, ReportDesk, ReportSettings, Reporter,
};
use proptest::prelude::*;

const START_MS: u64 = 1_717_459_200_000;
const MINUTE: u64 = 60_000;

fn chat() -> ComponentId {
    ComponentId::new("openai/chat")
}

fn desk() -> ReportDesk {
    let components = [chat(), ComponentId::new("openai/app")];
    ReportDesk::new(ReportSettings::default(), &[9; 32], &components)
}

fn report(desk: &mut ReportDesk, ms: u64, address: IpAddr, words: &str) -> Acceptance {
    let time = (Tick::from_millis(ms), UnixMs::new(START_MS + ms));
    desk.take(time, &chat(), ReportKind::Errors, &Reporter { address, words })
}

fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    Ipv4Addr::new(a, b, c, d).into()
}

#[test]
fn one_person_counts_once_in_two_hours_for_each_component() {
    let mut desk = desk();
    let me = v4(198, 51, 100, 7);
    assert_eq!(report(&mut desk, 0, me, "firefox"), Acceptance::Counted);
    assert_eq!(report(&mut desk, 1, me, "firefox"), Acceptance::KnownPerson);
    assert_eq!(report(&mut desk, 119 * MINUTE, me, "firefox"), Acceptance::KnownPerson);
    let time = (Tick::from_millis(2), UnixMs::new(START_MS));
    let reporter = Reporter { address: me, words: "firefox" };
    let app = ComponentId::new("openai/app");
    assert_eq!(desk.take(time, &app, ReportKind::Slow, &reporter), Acceptance::Counted);
    assert_eq!(report(&mut desk, 120 * MINUTE, me, "firefox"), Acceptance::Counted);
    let nobody = ComponentId::new("nobody");
    assert_eq!(desk.take(time, &nobody, ReportKind::Slow, &reporter), Acceptance::NoComponent);
}

#[test]
fn a_flood_from_one_network_counts_as_five() {
    let mut desk = desk();
    let mut dice = Dice::seeded(1);
    let mut counted = 0;
    for forged in 0..1_000_000_u64 {
        let host = u8::try_from(dice.below(256)).unwrap();
        // A million within a quarter of an hour, each with a browser of its own.
        let answer =
            report(&mut desk, forged * 9 / 10_000, v4(203, 0, 113, host), &forged.to_string());
        counted += u64::from(answer == Acceptance::Counted);
    }
    assert_eq!(counted, 5);
    assert_eq!(desk.people(), 5);
    // Everybody else is heard as before.
    for person in 0..100 {
        let answer = report(&mut desk, 1_000, v4(person, 1, 1, 1), "me");
        assert_eq!(answer, Acceptance::Counted, "{person}");
    }
    let bin = desk.series(&chat(), UnixMs::new(START_MS)).unwrap()[0];
    assert_eq!((bin.counts.total(), bin.networks, bin.refused), (105, 101, 999_995));
}

#[test]
fn a_flood_from_everywhere_is_bounded_and_shows_as_one() {
    let mut desk = desk();
    let mut dice = Dice::seeded(2);
    let settings = ReportSettings::default();
    let minutes = 30;
    let (mut counted, mut most_people) = (0_u64, 0);
    for forged in 0..1_000_000_u64 {
        let address: IpAddr = match forged % 2 {
            0 => Ipv4Addr::from_bits(u32::try_from(dice.bits() >> 32).unwrap()).into(),
            _ => Ipv6Addr::from_bits(u128::from(dice.bits()) << 64 | 1).into(),
        };
        let ms = forged * minutes * MINUTE / 1_000_000;
        counted += u64::from(report(&mut desk, ms, address, "bot") == Acceptance::Counted);
        most_people = most_people.max(desk.people());
    }
    let bound = u64::from(settings.per_component_minute_max) * minutes;
    assert!(counted <= bound, "{counted}");
    assert!(counted > bound * 9 / 10, "{counted}");
    assert!(most_people as u64 <= bound);
    let bins = desk.series(&chat(), UnixMs::new(START_MS + minutes * MINUTE - 1)).unwrap();
    let refused: u64 = bins.iter().map(|bin| u64::from(bin.refused)).sum();
    assert_eq!(refused + counted, 1_000_000, "nothing is lost from the books");
}

#[test]
fn one_provider_of_addresses_cannot_fill_the_minute() {
    let mut desk = desk();
    let mut counted = 0;
    for network in 0..=255 {
        for host in 0..5 {
            let answer = report(&mut desk, 0, v4(203, 0, network, host), "bot");
            counted += u64::from(answer == Acceptance::Counted);
        }
    }
    assert_eq!(counted, 60);
    assert_eq!(report(&mut desk, 0, v4(198, 51, 100, 1), "me"), Acceptance::Counted);
}

#[test]
fn a_real_crowd_is_counted_whole() {
    let mut desk = desk();
    let mut dice = Dice::seeded(4);
    let mut lost = 0;
    for person in 0..1_500_u64 {
        let address = Ipv4Addr::from_bits(u32::try_from(dice.bits() >> 32).unwrap());
        let answer = report(&mut desk, person * 400, address.into(), "me");
        lost += u64::from(answer != Acceptance::Counted);
    }
    assert_eq!(lost, 0);
    let counts = desk.take_counts();
    assert_eq!(
        (counts.len(), counts[0].1.of(ReportKind::Errors), counts[1].1.total()),
        (2, 1_500, 0)
    );
    assert_eq!(desk.take_counts()[0].1.total(), 0, "taken once");
}

#[test]
fn a_day_of_bins_has_no_gaps_and_forgets_the_day_before() {
    let mut desk = desk();
    report(&mut desk, 0, v4(1, 1, 1, 1), "a");
    report(&mut desk, 3 * BIN_MS, v4(2, 1, 1, 1), "a");
    let bins = desk.series(&chat(), UnixMs::new(START_MS + 4 * BIN_MS)).unwrap();
    let totals: Vec<_> = bins.iter().map(|bin| bin.counts.total()).collect();
    assert_eq!(totals, [1, 0, 0, 1, 0]);
    let late = UnixMs::new(START_MS + (BINS as u64 + 1) * BIN_MS);
    let bins = desk.series(&chat(), late).unwrap();
    assert_eq!(bins.len(), BINS);
    assert_eq!(bins[0].starts_at, UnixMs::new(START_MS + 2 * BIN_MS));
    assert!(bins.windows(2).all(|two| two[1].starts_at.since(two[0].starts_at) == BIN_MS));
    // A clock that is set back does not open old bins, one that leaps a week clears all.
    report(&mut desk, 0, v4(3, 1, 1, 1), "a");
    assert_eq!(desk.series(&chat(), late).unwrap()[BINS - 1].counts.total(), 1);
    let leap = UnixMs::new(START_MS + 700 * BIN_MS);
    let bins = desk.series(&chat(), leap).unwrap();
    assert_eq!(bins.len(), BINS);
    assert!(bins.iter().all(|bin| bin.counts.total() == 0));
    assert_eq!(bins[BINS - 1].starts_at, leap);
}

#[test]
fn a_reload_keeps_what_stays() {
    let mut desk = desk();
    report(&mut desk, 0, v4(1, 1, 1, 1), "a");
    desk.set_components(&[ComponentId::new("new"), chat()]);
    assert_eq!(report(&mut desk, 1, v4(1, 1, 1, 1), "a"), Acceptance::KnownPerson);
    let bins = desk.series(&chat(), UnixMs::new(START_MS)).unwrap();
    assert_eq!(bins[0].counts.total(), 1);
    assert_eq!(desk.series(&ComponentId::new("openai/app"), UnixMs::new(START_MS)), None);
}

#[test]
fn what_a_former_process_counted_comes_back_and_is_not_told_again() {
    let mut desk = desk();
    let now = UnixMs::new(START_MS + 2 * BIN_MS);
    report(&mut desk, 2 * BIN_MS, v4(1, 1, 1, 1), "a");
    desk.take_counts();
    let bin = |start: u64, count| {
        let mut counts = ReportCounts::default();
        counts.add(ReportKind::Errors, count);
        ReportBin { starts_at: UnixMs::new(start), counts, networks: 0, refused: 0 }
    };
    let old = START_MS - 100 * BIN_MS;
    let ahead = START_MS + 9 * BIN_MS;
    let kept = [bin(START_MS, 5), bin(START_MS + 2 * BIN_MS, 3), bin(old, 7), bin(ahead, 9)];
    desk.restore(&chat(), now, &kept);
    let bins = desk.series(&chat(), now).unwrap();
    let totals: Vec<_> = bins.iter().map(|bin| bin.counts.total()).collect();
    assert_eq!(totals, [5, 0, 4]);
    assert!(bins.windows(2).all(|two| two[1].starts_at.since(two[0].starts_at) == BIN_MS));
    assert_eq!(desk.take_counts()[0].1.total(), 0);
}

proptest! {
    /// Whatever comes in whatever order, no person counts twice within two hours, and no minute and
    /// no network counts for more than its cap.
    #[test]
    fn caps_hold_for_every_sequence(
        reports in proptest::collection::vec((0..3_u8, 0..8_u8, 0..3_u8, 0..20_000_u64), 1..300)
    ) {
        let settings = ReportSettings { per_component_minute_max: 9, ..ReportSettings::default() };
        let mut desk = ReportDesk::new(settings.clone(), &[1; 32], &[chat()]);
        let mut counted: Vec<(u64, IpAddr, u8)> = Vec::new();
        let mut ms = 0;
        for (network, host, words, step) in reports {
            ms += step;
            let address = v4(10, 0, network, host);
            if report(&mut desk, ms, address, &words.to_string()) == Acceptance::Counted {
                let again = counted.iter().any(|(at, who, said)| {
                    ms - at < settings.person_ms && *who == address && *said == words
                });
                prop_assert!(!again);
                counted.push((ms, address, words));
            }
            let this_minute = counted.iter().filter(|(at, ..)| at / MINUTE == ms / MINUTE).count();
            prop_assert!(this_minute <= 9);
        }
        for network in 0..3 {
            let of = |who: &IpAddr| matches!(who, IpAddr::V4(ip) if ip.octets()[2] == network);
            let spans = ms / settings.network_span_ms + 1;
            let from = counted.iter().filter(|(_, who, _)| of(who)).count() as u64;
            prop_assert!(from <= settings.per_network_max * spans);
        }
    }
}
