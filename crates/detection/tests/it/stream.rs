//! The streaming baseline: on series made here, and on the labelled series of NAB with its scorer.

use std::collections::BTreeMap;
use std::path::Path;

use clock::Dice;
use detection::Stream;

use crate::fixtures;

/// Places of alarms in a series.
fn alarms(values: impl IntoIterator<Item = f64>) -> Vec<usize> {
    let mut stream = Stream::new();
    let is_alarm = |(place, value)| stream.take(value).is_alarm.then_some(place);
    values.into_iter().enumerate().filter_map(is_alarm).collect()
}

/// Days of 288 values with a peak at noon, and noise.
fn days(count: usize, seed: u64) -> Vec<f64> {
    let mut dice = Dice::seeded(seed);
    let day =
        (0..288_u32).map(|step| (f64::from(step) / 288.0 * std::f64::consts::TAU).sin() * -20.0);
    let day: Vec<f64> = day.collect();
    (0..count * 288).map(|place| 50.0 + day[place % 288] + 4.0 * dice.fraction()).collect()
}

#[test]
fn what_comes_every_day_surprises_no_more() {
    let found = alarms(days(14, 1));
    let late = found.iter().filter(|place| **place > 4 * 288).count();
    assert!(late <= 2, "{found:?}");
}

#[test]
fn a_level_that_shifts_is_found_at_once() {
    for seed in 0..10 {
        let mut values = days(12, seed);
        let shift = 10 * 288 + 37;
        values[shift..].iter_mut().for_each(|value| *value += 45.0);
        let found = alarms(values);
        assert!(found.iter().any(|place| (shift..shift + 12).contains(place)), "{seed}: {found:?}");
    }
}

#[test]
fn a_series_that_stands_still_or_is_no_number_alarms_nobody() {
    assert!(alarms(vec![7.0; 3000]).is_empty());
    assert!(alarms((0..3000).map(|_| f64::NAN)).is_empty());
}

/// One labelled series: windows by their first and last row.
struct Series {
    name: String,
    values: Vec<f64>,
    windows: Vec<(usize, usize)>,
}

fn series(folder: &Path) -> Vec<Series> {
    let text = fixtures::text(&folder.join("combined_windows.json"));
    let windows: BTreeMap<String, Vec<(String, String)>> = serde_json::from_str(&text).unwrap();
    let load = |(name, windows): (String, Vec<(String, String)>)| {
        let path = folder.join("data").join(format!("{name}.gz"));
        let rows: Vec<Vec<String>> = fixtures::rows(&fixtures::text(&path)).split_off(1);
        let place = |window: &(String, String)| {
            // Windows carry six decimals of seconds that rows do not have.
            let inside = |row: &Vec<String>| {
                let at = row[0].as_str();
                at >= window.0.get(..19).unwrap() && at <= window.1.get(..19).unwrap()
            };
            let first = rows.iter().position(inside).unwrap();
            (first, rows.iter().rposition(inside).unwrap())
        };
        let windows = windows.iter().map(place).collect();
        Series { name, values: rows.iter().map(|row| row[1].parse().unwrap()).collect(), windows }
    };
    windows.into_iter().map(load).collect()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn sigmoid(y: f64) -> f64 {
    if y > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * y).exp()) - 1.0 }
}

/// The sum of one series, and its windows found and false alarms.
fn score(of: &Series, alarms: &[usize], fp: f64, fn_: f64) -> (f64, usize, usize) {
    let first = of.values.len().min(5000) * 15 / 100;
    let alarms: Vec<usize> = alarms.iter().copied().filter(|place| *place >= first).collect();
    let inside =
        |place: usize| of.windows.iter().any(|window| (window.0..=window.1).contains(&place));
    let (mut sum, mut found) = (0.0, 0);
    for (left, right) in &of.windows {
        match alarms.iter().find(|place| (left..=right).contains(place)) {
            Some(place) => {
                let position = -count(right - place + 1) / count(right - left + 1);
                sum += sigmoid(position) / sigmoid(-1.0);
                found += 1;
            }
            None => sum -= fn_,
        }
    }
    let outside: Vec<usize> = alarms.into_iter().filter(|place| !inside(*place)).collect();
    for place in &outside {
        let before = of.windows.iter().rfind(|window| window.1 < *place);
        sum += before.map_or(-fp, |(left, right)| {
            fp * sigmoid(count(place - right) / (count(right - left + 1) - 1.0))
        });
    }
    (sum, found, outside.len())
}

#[test]
fn nab_is_scored_above_relative_entropy() {
    let Some(folder) = fixtures::folder("nab") else { return };
    let profiles: serde_json::Value =
        serde_json::from_str(&fixtures::text(&folder.join("profiles.json"))).unwrap();
    let all = series(&folder);
    let windows: usize = all.iter().map(|of| of.windows.len()).sum();
    assert_eq!((all.len(), windows), (31, 56));
    let found: Vec<Vec<usize>> = all.iter().map(|of| alarms(of.values.iter().copied())).collect();
    let mut standard = 0.0;
    for profile in ["standard", "reward_low_FP_rate", "reward_low_FN_rate"] {
        let weight = |name: &str| profiles[profile]["CostMatrix"][name].as_f64().unwrap();
        let (fp, fn_) = (weight("fpWeight"), weight("fnWeight"));
        let (mut sum, mut hits, mut false_alarms) = (0.0, 0, 0);
        for (of, alarms) in all.iter().zip(&found) {
            let scored = score(of, alarms, fp, fn_);
            sum += scored.0;
            hits += scored.1;
            false_alarms += scored.2;
            if profile == "standard" {
                println!(
                    "{:>6.2}  {} of {} windows, {} false alarms: {}",
                    scored.0,
                    scored.1,
                    of.windows.len(),
                    scored.2,
                    of.name
                );
            }
        }
        let null = -count(windows) * fn_;
        let result = 100.0 * (sum - null) / (count(windows) - null);
        println!(
            "NAB, {profile}: {result:.2} ({hits} of {windows} windows, {false_alarms} false alarms, {:.1} a series)",
            count(false_alarms) / count(all.len())
        );
        if profile == "standard" {
            standard = result;
        }
    }
    assert!(standard >= 60.0, "{standard}");
}
