//! The passive detector against the table of simulated delays, and what bursts do to it.

use clock::Dice;
use detection::Cusum;

const CEILING_NATS: f64 = 24.0;

/// Seconds to the alarm from the moment at which `share` of the requests begins to fail, median and
/// 95th percentile of 2,000 falls.
fn delays(rps: f64, share: f64) -> (f64, f64) {
    let mut dice = Dice::seeded(42);
    let mut delays: Vec<f64> = (0..2000)
        .map(|_| {
            let mut cusum = Cusum::of_traffic(CEILING_NATS);
            let mut seconds = 0.0;
            while !cusum.is_alarmed() {
                // The time to the next request of a crowd that does not know of itself.
                seconds -= (1.0 - dice.fraction()).ln() / rps;
                let bad = u32::from(dice.fraction() < share);
                cusum.take(1 - bad, bad);
            }
            seconds
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    (delays[1000], delays[1900])
}

#[test]
fn delays_are_those_of_the_table() {
    let table = [
        (0.1, 0.05, 931.0, 2185.0),
        (0.1, 0.35, 132.0, 270.0),
        (0.1, 1.0, 37.0, 82.0),
        (1.0, 0.05, 102.0, 220.0),
        (1.0, 0.35, 14.0, 27.0),
        (1.0, 1.0, 4.0, 8.0),
        (10.0, 0.05, 10.0, 23.0),
        (10.0, 0.35, 2.0, 3.0),
        (10.0, 1.0, 1.0, 1.0),
    ];
    for (rps, share, median, late) in table {
        let (found_median, found_late) = delays(rps, share);
        println!(
            "{rps} rps, {share}: {found_median:.1} / {found_late:.1} s; told {median} / {late}"
        );
        // The table counts whole seconds, so that half a second is within its own grain.
        let near = |found: f64, told: f64| (found - told).abs() <= (0.25 * told).max(1.0);
        assert!(near(found_median, median), "{rps} rps, share {share}: median {found_median}");
        assert!(near(found_late, late), "{rps} rps, share {share}: late {found_late}");
    }
}

/// Raw alarms a day from three bursts of twenty seconds at 10 % over a usual share of 0.3 %.
fn burst_alarms_per_day(rps: f64) -> f64 {
    const DAYS: u32 = 60;
    const DAY_S: u64 = 86_400;
    let mut dice = Dice::seeded(7);
    let mut cusum = Cusum::of_traffic(CEILING_NATS);
    let mut alarms = 0.0;
    for _ in 0..DAYS {
        let starts: Vec<u64> = (0..3).map(|_| dice.below(DAY_S)).collect();
        let mut carried = 0.0;
        for second in 0..DAY_S {
            let in_burst = starts.iter().any(|start| (*start..start + 20).contains(&second));
            let share = if in_burst { 0.1 } else { 0.003 };
            carried += rps;
            while carried >= 1.0 {
                carried -= 1.0;
                let bad = u32::from(dice.fraction() < share);
                cusum.take(1 - bad, bad);
                if cusum.is_alarmed() {
                    alarms += 1.0;
                    cusum.clear();
                }
            }
        }
    }
    alarms / f64::from(DAYS)
}

#[test]
fn bursts_raise_the_raw_alarm_as_often_as_the_table_says() {
    let rare = burst_alarms_per_day(0.1);
    let some = burst_alarms_per_day(1.0);
    let many = burst_alarms_per_day(10.0);
    println!("raw alarms a day: {rare:.2} at 0.1 rps, {some:.2} at 1, {many:.2} at 10");
    assert!(rare <= 0.05, "{rare}");
    assert!((0.15..=0.6).contains(&some), "{some}");
    assert!((6.0..=12.5).contains(&many), "{many}");
}
