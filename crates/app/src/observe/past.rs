//! What is kept of one component: its minutes of a day, its days, and what they add up to. How it
//! stands now is told by who judges.

use std::collections::{BTreeMap, VecDeque};

use clock::UnixMs;
use detection::{ComponentId, Condition, Traffic};
use storage::{Bin, DAY_MS, MINUTE_MS, Tally};
use web::view;

/// Minutes that are kept: a day, for badges.
const MINUTES_MAX: usize = 1_440;
/// A longer gap between two looks is a gap on the page too, in seconds.
const GAP_S_MAX: u64 = 60;

#[derive(Debug)]
pub(super) struct Past {
    component: ComponentId,
    /// The minute that is not over.
    minute: Option<(UnixMs, Tally)>,
    /// Those that are, oldest first.
    minutes: VecDeque<(UnixMs, Tally)>,
    /// By days since 1970, without the open minute.
    days: BTreeMap<u64, Tally>,
    looked_at: Option<UnixMs>,
}

impl Past {
    pub(super) fn new(component: ComponentId) -> Self {
        Self {
            component,
            minute: None,
            minutes: VecDeque::new(),
            days: BTreeMap::new(),
            looked_at: None,
        }
    }

    /// Takes up days from a store, after a start.
    pub(super) fn restore(&mut self, days: &[Bin]) {
        for bin in days {
            let day = self.days.entry(bin.start.as_millis() / DAY_MS).or_default();
            *day = day.plus(&bin.tally);
        }
        self.bound();
    }

    /// Notes what was asked since the last look. Refusals of our own account are nobody's outage.
    pub(super) fn count(&mut self, now: UnixMs, traffic: &Traffic) {
        let agreed = if traffic.refusals.agree() { traffic.refusals.count } else { 0 };
        let bad = u64::from(traffic.faults.total()) + u64::from(agreed);
        let tally = self.open(now);
        tally.requests += u64::from(traffic.good) + bad;
        tally.bad_requests += bad;
        if let Some(words) = traffic.first_words {
            tally.first_tokens += u64::from(words.answers);
            tally.first_token_ms_sum += u64::from(words.answers) * u64::from(words.median_ms);
        }
    }

    /// Notes how it has stood since the last look, and gives back the minute that is over.
    pub(super) fn stand(
        &mut self,
        now: UnixMs,
        own: Condition,
        official: Option<Condition>,
    ) -> Option<Bin> {
        let over = self.turn(now);
        let before = self.looked_at.replace(now).unwrap_or(now);
        let seconds = now.as_seconds().saturating_sub(before.as_seconds());
        if seconds <= GAP_S_MAX {
            let seconds = u32::try_from(seconds).unwrap_or_default();
            let tally = self.open(now);
            tally.own.add(own, seconds);
            if let Some(official) = official {
                tally.official.add(official, seconds);
            }
        }
        over
    }

    /// The last ninety days as the page shows them.
    pub(super) fn days(&self, now: UnixMs) -> Vec<view::Day> {
        let shown = self.last_days(now, view::DAYS_MAX as u64).map(|tally| {
            let minutes = |condition| tally.own.seconds(condition).div_ceil(60);
            view::Day {
                known: seen_s(&tally) > 0,
                slow_min: minutes(Condition::DegradedPerformance),
                partial_min: minutes(Condition::PartialOutage),
                major_min: minutes(Condition::MajorOutage),
                planned_min: minutes(Condition::UnderMaintenance),
                incidents: 0,
            }
        });
        shown.collect()
    }

    /// What the days add up to.
    pub(super) fn uptime(&self, now: UnixMs) -> view::Uptime {
        let all = sum(self.last_days(now, view::DAYS_MAX as u64));
        let days = |count| answered(&sum(self.last_days(now, count)));
        let minutes = |count: u64| {
            let first = now.minus_ms(count * MINUTE_MS);
            let late = self.minutes.iter().filter(|(start, _)| *start >= first);
            let late = late.map(|(_, tally)| *tally);
            answered(&sum(late.chain(self.minute.map(|(_, tally)| tally))))
        };
        view::Uptime {
            own_requests: answered(&all),
            own_minutes: up(&all.own, 1.0),
            official_weighted: up(&all.official, PARTIAL_SHARE),
            official_strict: up(&all.official, 1.0),
            spans: [minutes(60), minutes(1_440), days(7), days(30)],
            // The medians of minutes make no median of a day, and what is not known is not told.
            first_words_ms: [None; 4],
        }
    }

    /// True if anything was ever asked of it.
    pub(super) fn was_asked(&self) -> bool {
        self.minute.iter().map(|(_, tally)| tally).chain(self.days.values()).any(|t| t.requests > 0)
    }

    fn last_days(&self, now: UnixMs, count: u64) -> impl Iterator<Item = Tally> + '_ {
        let today = now.as_millis() / DAY_MS;
        let open = self.minute.filter(|(start, _)| start.as_millis() / DAY_MS == today);
        ((today + 1).saturating_sub(count)..=today).map(move |day| {
            let closed = self.days.get(&day).copied().unwrap_or_default();
            match open.filter(|_| day == today) {
                Some((_, tally)) => closed.plus(&tally),
                None => closed,
            }
        })
    }

    fn open(&mut self, now: UnixMs) -> &mut Tally {
        let start = UnixMs::new(now.as_millis() / MINUTE_MS * MINUTE_MS);
        &mut self.minute.get_or_insert((start, Tally::default())).1
    }

    /// Closes the minute if `now` lies in another.
    fn turn(&mut self, now: UnixMs) -> Option<Bin> {
        let (start, tally) = self
            .minute
            .take_if(|(start, _)| start.as_millis() / MINUTE_MS != now.as_millis() / MINUTE_MS)?;
        let day = self.days.entry(start.as_millis() / DAY_MS).or_default();
        *day = day.plus(&tally);
        self.minutes.push_back((start, tally));
        self.bound();
        // A minute of which nobody knows anything is not worth a row.
        let is_empty = tally.requests == 0 && seen_s(&tally) == 0;
        (!is_empty).then(|| Bin { component: self.component.clone(), start, tally })
    }

    fn bound(&mut self) {
        while self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_front();
        }
        while self.days.len() > view::DAYS_MAX + 1 {
            self.days.pop_first();
        }
    }
}

/// What a partial outage counts in the rule of the common status page interface.
const PARTIAL_SHARE: f64 = 0.3;

fn sum(tallies: impl Iterator<Item = Tally>) -> Tally {
    tallies.fold(Tally::default(), |sum, tally| sum.plus(&tally))
}

fn seen_s(tally: &Tally) -> u64 {
    seconds(&tally.own)
}

/// Seconds of which somebody knows something.
fn seconds(stood: &storage::ConditionSeconds) -> u64 {
    let all: u64 = stood.all().into_iter().map(u64::from).sum();
    all - u64::from(stood.seconds(Condition::Unknown))
}

/// The share of requests that were answered.
fn answered(tally: &Tally) -> Option<f64> {
    (tally.requests > 0).then(|| 1.0 - tally.bad_requests as f64 / tally.requests as f64)
}

/// The share of the time that was up, if a partial outage counts so much.
fn up(stood: &storage::ConditionSeconds, partial_share: f64) -> Option<f64> {
    let seen = seconds(stood);
    let major = f64::from(stood.seconds(Condition::MajorOutage));
    let partial = f64::from(stood.seconds(Condition::PartialOutage));
    (seen > 0).then(|| 1.0 - (major + partial_share * partial) / seen as f64)
}
