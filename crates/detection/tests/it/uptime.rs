//! Uptime and how incidents go: by hand on small days, and on the published tables of OpenAI's
//! services, to their last digit.

use std::collections::BTreeMap;
use std::path::Path;

use clock::UnixMs;
use detection::{
    Condition, Day, DayBook, IncidentFigures, LagGrade, Phase, Span, Stages, UptimeRule,
    answered_of_minutes, answered_of_requests, group, lag_grade, quantile, uptime,
};

use crate::fixtures::{self, Table};
use crate::world::{HOUR_MS, MINUTE_MS, moment};

fn near(found: f64, told: f64, digits: i32) {
    let grain = 0.5 * 10.0_f64.powi(-digits) + 1e-9;
    assert!((found - told).abs() <= grain, "{found} is not {told}");
}

fn span(from: UnixMs, minutes: u64, condition: Condition) -> Span {
    Span { from, to: from.plus_ms(minutes * MINUTE_MS), condition }
}

#[test]
fn both_rules_are_by_hand() {
    let mut book = DayBook::default();
    let start = moment(2026, 3, 4, 22, 0);
    // An hour of each, over midnight; the rest of the second day was never seen.
    let hours = [
        Condition::Operational,
        Condition::MajorOutage,
        Condition::PartialOutage,
        Condition::DegradedPerformance,
        Condition::UnderMaintenance,
    ];
    for (hour, condition) in hours.into_iter().enumerate() {
        book.stand(span(start.plus_ms(hour as u64 * HOUR_MS), 60, condition));
    }
    let days = book.last(moment(2026, 3, 5, 12, 0), 3);
    assert_eq!(days.len(), 3);
    assert_eq!(days[0].1.worst(), None, "what nobody saw is a gap");
    assert_eq!(days[1].1.worst(), Some(Condition::MajorOutage));
    assert_eq!(days[2].1.worst(), Some(Condition::PartialOutage));
    let all: Vec<&Day> = days.iter().map(|day| &day.1).collect();
    near(uptime(all.iter().copied(), UptimeRule::Statuspage).unwrap(), 1.0 - 1.3 / 5.0, 9);
    near(uptime(all.iter().copied(), UptimeRule::IncidentIo).unwrap(), 1.0 - 2.0 / 5.0, 9);
    assert_eq!(uptime([all[0]], UptimeRule::Statuspage), None);
}

#[test]
fn requests_and_minutes_weigh_differently() {
    let mut book = DayBook::default();
    let start = moment(2026, 3, 4, 12, 0);
    book.ask(start, 900, 0);
    book.ask(start.plus_ms(MINUTE_MS), 100, 100);
    book.ask(start.plus_ms(2 * MINUTE_MS), 0, 0);
    let days = book.last(start, 1);
    near(answered_of_requests(days.iter().map(|day| &day.1)).unwrap(), 0.9, 9);
    near(answered_of_minutes(days.iter().map(|day| &day.1)).unwrap(), 0.5, 9);
    assert_eq!(answered_of_requests(&[Day::default()]), None);
}

#[test]
fn a_group_is_up_only_if_all_its_parts_are() {
    let start = moment(2026, 3, 4, 12, 0);
    let up = |minutes| span(start, minutes, Condition::Operational);
    let one = vec![up(60), span(start.plus_ms(10 * MINUTE_MS), 10, Condition::MajorOutage)];
    let other = vec![up(60), span(start.plus_ms(15 * MINUTE_MS), 15, Condition::PartialOutage)];
    let minutes: Vec<(u64, Condition)> = group(&[one, other])
        .iter()
        .map(|span| (span.to.since(span.from) / MINUTE_MS, span.condition))
        .collect();
    let told = [
        (10, Condition::Operational),
        (10, Condition::MajorOutage),
        (10, Condition::PartialOutage),
        (30, Condition::Operational),
    ];
    assert_eq!(minutes, told);
}

#[test]
fn figures_of_incidents_are_by_hand() {
    let at = |day, hour| Some(moment(2026, 3, day, hour, 0));
    let one = Stages {
        started_at: moment(2026, 3, 1, 10, 0),
        investigating_at: at(1, 10),
        identified_at: at(1, 11),
        monitoring_at: at(1, 13),
        resolved_at: at(1, 14),
        postmortem_at: at(3, 14),
    };
    let two = Stages {
        started_at: moment(2026, 3, 5, 10, 0),
        identified_at: at(5, 10),
        resolved_at: at(5, 12),
        ..Stages::default()
    };
    // It was over before it began: dropped.
    let odd = Stages { investigating_at: at(9, 10), resolved_at: at(8, 10), ..two };
    let figures = IncidentFigures::of(&[two, one, odd]);
    assert_eq!(figures.incidents, 2);
    assert_eq!(figures.investigate_h, Some(1.0));
    assert_eq!(figures.repair_h, Some(2.0));
    assert_eq!(figures.check_h, Some(1.0));
    assert_eq!((figures.recover_h, figures.recover_median_h), (Some(3.0), Some(3.0)));
    assert_eq!((figures.between_days, figures.learn_days), (Some(4.0), Some(2.0)));
    assert_eq!(two.path(), [Phase::Identified, Phase::Resolved]);
    assert_eq!(IncidentFigures::of(&[]), IncidentFigures::default());
}

#[test]
fn late_pages_are_graded() {
    let minutes = |minutes: u64| Some(minutes * MINUTE_MS);
    assert_eq!(lag_grade(&[]), None);
    assert_eq!(lag_grade(&[minutes(5), minutes(20)]), Some(LagGrade::A));
    assert_eq!(lag_grade(&[minutes(32), minutes(19)]), Some(LagGrade::B));
    assert_eq!(lag_grade(&[minutes(5), None]), Some(LagGrade::D));
    assert_eq!(lag_grade(&[None]), Some(LagGrade::F));
}

/// A moment written as `2024-02-14 15:06:00+00:00` or `2023-03-18T13:20Z`; none if nothing stands.
fn read_moment(text: &str) -> Option<UnixMs> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let hour = u64::try_from(number(11..13).unwrap_or(0)).unwrap();
    let minute = u64::try_from(number(14..16).unwrap_or(0)).unwrap();
    Some(moment(number(0..4)?, number(5..7)?, number(8..10)?, hour, minute))
}

struct Told {
    stages: Stages,
    impact: u32,
    services: Vec<&'static str>,
}

const SERVICES: [&str; 4] = ["API", "ChatGPT", "Labs", "Playground"];

fn incidents(folder: &Path) -> Vec<Told> {
    let table = Table::read(&folder.join("openai_incident_stages.csv.gz"));
    let told = |row: &Vec<String>| {
        let at = |stage: &str| read_moment(table.cell(row, &format!("{stage}_timestamp")));
        Told {
            stages: Stages {
                started_at: at("start").unwrap(),
                investigating_at: at("investigating"),
                identified_at: at("identified"),
                monitoring_at: at("monitoring"),
                resolved_at: at("resolved"),
                postmortem_at: at("postmortem"),
            },
            impact: table.cell(row, "incident_impact_level").parse().unwrap(),
            services: SERVICES.into_iter().filter(|name| table.cell(row, name) == "1").collect(),
        }
    };
    table.rows.iter().map(told).collect()
}

#[test]
fn the_published_table_of_incidents_is_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let all = incidents(&folder);
    assert_eq!(all.len(), 365);
    assert_eq!(all.iter().filter(|told| !told.stages.is_in_order()).count(), 4);
    let published = Table::read(
        &folder.join("reference/table-mean-duration-of-model-parameters-by-service-20240925.csv"),
    );
    let names = ["API-OpenAI", "ChatGPT", "DALL·E", "Playground"];
    // How many incidents, and the median in hours: counted on the same file.
    let counted = [(227, 1.23), (141, 1.32), (31, 1.02), (32, 1.09)];
    for ((service, name), (count, median)) in SERVICES.into_iter().zip(names).zip(counted) {
        let own: Vec<Stages> =
            all.iter().filter(|of| of.services.contains(&service)).map(|of| of.stages).collect();
        let figures = IncidentFigures::of(&own);
        let row = published.rows.iter().find(|row| published.cell(row, "service") == name).unwrap();
        let told = |column| published.cell(row, column).parse::<f64>().unwrap();
        println!("{name}: {figures:.2?}");
        assert_eq!(figures.incidents, count);
        near(figures.investigate_h.unwrap(), told("P_investigate"), 2);
        near(figures.repair_h.unwrap(), told("P_repair"), 2);
        near(figures.check_h.unwrap(), told("P_check"), 2);
        near(figures.recover_h.unwrap(), told("MTTR"), 2);
        near(figures.between_days.unwrap(), told("MTBF"), 2);
        near(figures.learn_days.unwrap(), told("P_learn"), 2);
        near(figures.recover_median_h.unwrap(), median, 2);
    }
}

#[test]
fn the_paths_of_incidents_are_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let all = incidents(&folder);
    let mut paths: BTreeMap<Vec<Phase>, f64> = BTreeMap::new();
    for told in all.iter().filter(|told| told.stages.is_in_order()) {
        let path = told.stages.path().into_iter().filter(|phase| *phase != Phase::Postmortem);
        *paths.entry(path.collect()).or_default() += 100.0 / 361.0;
    }
    use Phase::{Identified, Investigating, Monitoring, Resolved};
    near(paths[&vec![Investigating, Monitoring, Resolved]], 31.58, 2);
    near(paths[&vec![Investigating, Identified, Monitoring, Resolved]], 16.62, 2);
    near(paths[&vec![Investigating, Resolved]], 16.62, 2);
    near(paths[&vec![Identified, Monitoring, Resolved]], 9.97, 2);
    near(paths[&vec![Resolved]], 9.97, 2);
    near(paths[&vec![Identified, Resolved]], 6.09, 2);
    near(paths[&vec![Monitoring, Resolved]], 3.05, 2);
    let services = |count| all.iter().filter(|told| told.services.len() == count).count();
    let share = |count| f64::from(u32::try_from(services(count)).unwrap()) / 3.65;
    for (count, told) in [(0, 8.22), (1, 69.32), (2, 18.90), (3, 1.10), (4, 2.47)] {
        near(share(count), told, 2);
    }
}

type Days = BTreeMap<String, BTreeMap<UnixMs, Day>>;

fn days(folder: &Path) -> Days {
    let table = Table::read(&folder.join("openai_uptime_days.csv.gz"));
    let mut days = Days::new();
    for row in &table.rows {
        let minutes = |column| table.cell(row, column).parse::<u32>().unwrap();
        let day =
            Day::of_minutes(minutes("partial_outage_minutes"), minutes("major_outage_minutes"));
        let at = read_moment(table.cell(row, "Date")).unwrap();
        days.entry(table.cell(row, "Service").to_owned()).or_default().insert(at, day);
    }
    days
}

#[test]
fn the_published_table_of_availability_is_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let days = days(&folder);
    let published = Table::read(&folder.join("reference/table-service_availability.csv"));
    let services = [
        ("api", "API-OpenAI", (1298, 95, 99.58)),
        ("chatgpt", "ChatGPT", (565, 63, 99.36)),
        ("labs", "DALL·E", (558, 23, 99.65)),
        ("playground", "Playground", (1250, 24, 99.91)),
    ];
    for (service, name, (count, outages, unscaled)) in services {
        let own: Vec<&Day> = days[service].values().collect();
        assert_eq!(own.len(), count);
        assert_eq!(own.iter().filter(|day| day.had_outage()).count(), outages);
        let of = |rule| -> Vec<f64> {
            own.iter().map(|day| 100.0 * day.uptime(rule).unwrap()).collect()
        };
        let mut shares = of(UptimeRule::Statuspage);
        shares.sort_by(f64::total_cmp);
        let total = f64::from(u32::try_from(count).unwrap());
        let row = published.rows.iter().find(|row| published.cell(row, "Service") == name).unwrap();
        let told = |column: &str| {
            published.cell(row, column).trim_end_matches('%').parse::<f64>().unwrap()
        };
        near(shares[0], told("Min"), 2);
        near(shares.iter().sum::<f64>() / total, told("Mean"), 2);
        near(quantile(&shares, 0.5).unwrap(), told("Median"), 2);
        let bounds = [100.0, 99.999, 99.99, 99.9, 99.0, 90.0];
        let columns = ["=100%", ">=99.999%", ">=99.99%", ">=99.9%", ">=99%", ">=90%"];
        for (bound, column) in bounds.into_iter().zip(columns) {
            let at_least = shares.iter().filter(|share| **share >= bound).count();
            near(f64::from(u32::try_from(at_least).unwrap()) / total * 100.0, told(column), 2);
        }
        near(of(UptimeRule::IncidentIo).iter().sum::<f64>() / total, unscaled, 2);
    }
}

#[test]
fn days_on_which_both_were_out_are_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let days = days(&folder);
    let out = |service: &str| -> Vec<UnixMs> {
        let days = days[service].iter();
        days.filter(|(_, day)| day.had_outage()).map(|(at, _)| *at).collect()
    };
    let (api, chatgpt) = (out("api"), out("chatgpt"));
    let share = |of: &[UnixMs], given: &[UnixMs]| {
        let both = given.iter().filter(|day| of.contains(day)).count();
        100.0 * both as f64 / given.len() as f64
    };
    near(share(&chatgpt, &api), 32.63, 2);
    near(share(&api, &chatgpt), 49.21, 2);
    let with_bar: Vec<UnixMs> =
        api.into_iter().filter(|day| days["chatgpt"].contains_key(day)).collect();
    near(share(&chatgpt, &with_bar), 50.0, 1);
}

#[test]
fn the_ninety_days_to_4_june_2024_are_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let days = days(&folder);
    let now = moment(2024, 6, 4, 23, 59);
    let table = [
        ("chatgpt", 15, "99.422", "98.774"),
        ("api", 5, "99.933", "99.881"),
        ("labs", 0, "100.000", "100.000"),
        ("playground", 1, "99.985", "99.950"),
    ];
    for (service, outages, statuspage, incident_io) in table {
        let mut book = DayBook::default();
        for (at, day) in &days[service] {
            book.set(*at, day.clone());
        }
        let last = book.last(now, detection::DAYS_SHOWN);
        assert_eq!(last[0].0, moment(2024, 3, 7, 0, 0));
        let of = |rule| 100.0 * uptime(last.iter().map(|day| &day.1), rule).unwrap();
        let found = (of(UptimeRule::Statuspage), of(UptimeRule::IncidentIo));
        println!("{service}: {:.3} and {:.3}", found.0, found.1);
        assert_eq!(last.iter().filter(|day| day.1.had_outage()).count(), outages);
        assert_eq!(format!("{:.3}", found.0), statuspage);
        assert_eq!(format!("{:.3}", found.1), incident_io);
    }
    let incidents = incidents(&folder);
    let within: Vec<_> = incidents
        .iter()
        .filter(|of| {
            of.stages.started_at >= moment(2024, 3, 7, 0, 0) && of.stages.started_at <= now
        })
        .collect();
    let chatgpt = within.iter().filter(|of| of.services.contains(&"ChatGPT")).count();
    let grave = within.iter().filter(|of| of.impact == 2 || of.impact == 3).count();
    let critical = within.iter().filter(|of| of.impact == 3).count();
    assert_eq!((within.len(), chatgpt, grave, critical), (71, 44, 24, 6));
}

#[test]
fn the_lag_of_the_page_is_reproduced() {
    let Some(folder) = fixtures::folder("incidents") else { return };
    let table = Table::read(&folder.join("openai_status_page_lag.csv"));
    let mut lags: Vec<f64> =
        table.rows.iter().map(|row| table.cell(row, "lag_min").parse().unwrap()).collect();
    lags.sort_by(f64::total_cmp);
    let of = |share| quantile(&lags, share).unwrap();
    assert_eq!((lags.len(), of(0.25), of(0.5), of(0.75)), (29, 13.0, 20.0, 32.0));
    near(lags.iter().sum::<f64>() / 29.0, 44.4, 1);
    let millis = |lag: &f64| Some(u64::try_from(lag.max(0.0) as i64).unwrap() * MINUTE_MS);
    assert_eq!(lag_grade(&lags.iter().map(millis).collect::<Vec<_>>()), Some(LagGrade::C));
}
