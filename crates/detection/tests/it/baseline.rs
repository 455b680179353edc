//! The baseline of counts, and the negative binomial's tail against ratios and z-scores: on reports
//! that are made here, and on counts of people's messages that were recorded.

use clock::{Dice, UnixMs};
use detection::{HourBaseline, SPIKE_CHANCE, Usual};

use crate::fixtures;
use crate::world::{HOUR_MS, moment};

const BIN_MS: u64 = 20 * 60_000;
const BINS_A_WEEK: usize = 504;
const QUIET_BINS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Ratio(f64),
    Z(f64),
    Tail(f64),
}

const RULES: [Rule; 5] =
    [Rule::Ratio(4.0), Rule::Ratio(10.0), Rule::Z(4.0), Rule::Tail(SPIKE_CHANCE), Rule::Tail(1e-6)];

impl Rule {
    fn fires(self, count: u32, usual: Usual) -> bool {
        let value = f64::from(count);
        let sd = (usual.mean * usual.dispersion).sqrt();
        match self {
            _ if count < 3 => false,
            Self::Ratio(factor) => value > factor * usual.mean,
            Self::Z(limit) => value > usual.mean + limit * sd,
            Self::Tail(chance) => usual.chance(u64::from(count)) < chance,
        }
    }
}

/// First and last bins of alarms that close after three quiet bins, after four weeks of learning.
fn alarms(counts: &[u32], rule: Rule) -> Vec<(usize, usize)> {
    let mut baseline = HourBaseline::new(BIN_MS);
    let mut alarms: Vec<(usize, usize)> = Vec::new();
    for (bin, count) in counts.iter().enumerate() {
        let at = moment(2026, 1, 5, 0, 0).plus_ms(bin as u64 * BIN_MS);
        baseline.pass(at);
        let fires = rule.fires(*count, baseline.usual(at));
        baseline.take(at, *count);
        if !fires || bin < 4 * BINS_A_WEEK {
            continue;
        }
        match alarms.last_mut() {
            Some(last) if bin - last.1 <= QUIET_BINS => last.1 = bin,
            _ => alarms.push((bin, bin)),
        }
    }
    alarms
}

/// A clumped count: Poisson around a gamma, by its mean and its variance over the mean.
fn clumped(dice: &mut Dice, mean: f64, dispersion: f64) -> u32 {
    // The gamma's shape is kept whole, so that it is a sum of exponentials; the rest is by chance.
    let shape = mean / (dispersion - 1.0);
    let whole = shape.floor();
    let extra = f64::from(u8::from(dice.fraction() < shape - whole));
    let mut rate = 0.0;
    let mut drawn = 0.0;
    while drawn < whole + extra {
        rate -= (1.0 - dice.fraction()).ln() * (dispersion - 1.0);
        drawn += 1.0;
    }
    let mut count = 0;
    let mut left = rate + (1.0 - dice.fraction()).ln();
    while left > 0.0 {
        count += 1;
        left += (1.0 - dice.fraction()).ln();
    }
    count
}

/// Reports of a service over 20 weeks: more by day, in clumps; and the bins where outages began.
fn made(peak: f64, dispersion: f64, seed: u64) -> (Vec<u32>, Vec<usize>) {
    let mut dice = Dice::seeded(seed);
    let bins = 20 * BINS_A_WEEK;
    let mean = |bin: usize| {
        let hour = (bin % 72) as f64 / 72.0;
        peak * (0.55 - 0.45 * (hour * std::f64::consts::TAU).cos())
    };
    let mut counts: Vec<u32> =
        (0..bins).map(|bin| clumped(&mut dice, mean(bin), dispersion)).collect();
    let outages: Vec<usize> =
        (5..20).map(|week| week * BINS_A_WEEK + 40 + week * 7 % 300).collect();
    for start in &outages {
        for (count, bin) in counts[*start..start + 6].iter_mut().zip(*start..) {
            let crowd = 60.0 + 12.0 * dispersion + 15.0 * mean(bin);
            *count += u32::try_from((crowd * (0.7 + 0.6 * dice.fraction())) as i64).unwrap();
        }
    }
    (counts, outages)
}

/// Alarms a week that no outage explains, and the share of outages that an alarm covers.
fn score(counts: &[u32], outages: &[(usize, usize)], rule: Rule) -> (f64, f64) {
    let found = alarms(counts, rule);
    let meets = |alarm: &(usize, usize), outage: &(usize, usize)| {
        alarm.0 <= outage.1 && alarm.1 + QUIET_BINS >= outage.0
    };
    let idle = found.iter().filter(|alarm| !outages.iter().any(|of| meets(alarm, of))).count();
    let covered = outages.iter().filter(|of| found.iter().any(|alarm| meets(alarm, of))).count();
    let weeks = counts.len() as f64 / BINS_A_WEEK as f64 - 4.0;
    (idle as f64 / weeks, covered as f64 / outages.len().max(1) as f64)
}

#[test]
fn the_tail_beats_ratios_and_scores_at_equal_cover() {
    // A small, a middling and a busy service, from little to much clumping.
    for (peak, dispersion) in [(3.0, 5.0), (20.0, 12.0), (80.0, 30.0)] {
        let (counts, starts) = made(peak, dispersion, 5);
        let outages: Vec<(usize, usize)> = starts.iter().map(|start| (*start, start + 5)).collect();
        let of = |rule| score(&counts, &outages, rule);
        for rule in RULES {
            let (idle, cover) = of(rule);
            println!(
                "peak {peak}, {rule:?}: {idle:.2} false alarms a week, {:.0} % covered",
                100.0 * cover
            );
        }
        let [ratio, steep, z, tail, strict] = RULES.map(of);
        assert!([ratio, steep, z, tail].iter().all(|of| of.1 >= 0.99), "equal cover");
        // The order of the table, from the loudest to the quietest.
        assert!(ratio.0 > z.0 && z.0 > steep.0 && steep.0 > tail.0 && tail.0 >= strict.0);
        assert!(z.0 > 4.0 * tail.0, "{z:?} {tail:?}");
    }
}

/// Messages about five firms in bins of twenty minutes, with the windows in which something happened.
#[test]
fn the_tail_is_quieter_on_recorded_crowds_too() {
    let Some(folder) = fixtures::folder("nab/data/realTweets") else {
        return;
    };
    let mut sums = [0.0; RULES.len()];
    for firm in ["AAPL", "CRM", "FB", "IBM", "PFE"] {
        let text = fixtures::text(&folder.join(format!("Twitter_volume_{firm}.csv.gz")));
        let values: Vec<u32> =
            fixtures::rows(&text).iter().skip(1).map(|row| row[1].parse().unwrap()).collect();
        let counts: Vec<u32> = values.chunks(4).map(|bin| bin.iter().sum()).collect();
        for (sum, rule) in sums.iter_mut().zip(RULES) {
            let (a_week, _) = score(&counts, &[], rule);
            println!("{firm}, {rule:?}: {a_week:.2} alarms a week");
            *sum += a_week / 5.0;
        }
    }
    println!("mean alarms a week: {sums:.2?}");
    let [ratio, _, z, tail, strict] = sums;
    assert!(z > tail && tail > strict && ratio > strict, "{sums:?}");
}

#[test]
fn a_service_that_nobody_knows_yet_has_the_shared_prior() {
    let mut baseline = HourBaseline::new(BIN_MS);
    let start = moment(2026, 1, 5, 0, 0);
    assert_eq!(baseline.usual(start), Usual { mean: 0.25, dispersion: 4.0 });
    baseline.take(start, 6);
    assert!(!baseline.is_alarmed(), "six strangers are no crowd");
    baseline.take(start.plus_ms(60_000), 40);
    assert!(baseline.is_alarmed());
}

#[test]
fn an_alarm_closes_after_three_quiet_bins_and_poisons_nothing() {
    let mut baseline = HourBaseline::new(BIN_MS);
    let start = moment(2026, 1, 5, 0, 0);
    let at = |bin: u64| start.plus_ms(bin * BIN_MS);
    let weeks = 6 * BINS_A_WEEK as u64;
    for bin in 0..weeks {
        baseline.take(at(bin), 2 + u32::from(bin % 3 == 0));
    }
    let before = baseline.usual(at(weeks));
    for bin in weeks..weeks + 3 {
        baseline.take(at(bin), 500);
        assert!(baseline.is_alarmed());
    }
    for (bin, is_on) in [(3, true), (4, true), (5, true), (6, false)] {
        baseline.pass(at(weeks + bin));
        assert_eq!(baseline.is_alarmed(), is_on, "bin {bin}");
    }
    // A week later the same hour still knows what is usual.
    for bin in weeks + 6..weeks + BINS_A_WEEK as u64 {
        baseline.take(at(bin), 2);
    }
    let after = baseline.usual(at(weeks + BINS_A_WEEK as u64));
    assert!(after.mean < before.mean + 0.5, "{before:?} {after:?}");
}

#[test]
fn a_long_absence_is_not_a_row_of_zeros() {
    let mut baseline = HourBaseline::new(BIN_MS);
    let start = moment(2026, 1, 5, 0, 0);
    for bin in 0..4 * BINS_A_WEEK as u64 {
        baseline.take(start.plus_ms(bin * BIN_MS), 20);
    }
    let back: UnixMs = start.plus_ms(10 * 168 * HOUR_MS);
    baseline.pass(back);
    assert!(baseline.usual(back).mean > 19.0);
}
