//! How much of the time something was up, by every rule that is in use: each flatters somebody, so
//! that two stand side by side. Days are those of UTC; what nobody saw is left out, never good.

use std::collections::BTreeMap;

use clock::UnixMs;

use crate::Condition;
use crate::settings::as_f64;

/// Days that pages show.
pub const DAYS_SHOWN: usize = 90;

/// Days that one book keeps: ten years and a bit.
const DAYS_MAX: usize = 3_660;

const DAY_MS: u64 = 86_400_000;

/// What a partial outage counts in Statuspage's rule.
const PARTIAL_SHARE: f64 = 0.3;

/// For so long a component stood so; `to` is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: UnixMs,
    pub to: UnixMs,
    pub condition: Condition,
}

/// Whose rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UptimeRule {
    /// Major outages count whole and partial ones 0.3; degraded and planned work are up.
    Statuspage,
    /// Major and partial outages both count whole.
    IncidentIo,
}

/// One day of one component.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Day {
    /// Milliseconds by condition, in the order of [`Condition::ALL`].
    stood_ms: [u64; Condition::ALL.len()],
    requests: u64,
    bad_requests: u64,
    /// Minutes with requests, and the sum of their answered shares.
    minutes_asked: u32,
    answered_sum: f64,
}

impl Day {
    /// A whole day from another page's minutes of partial and major outage.
    pub fn of_minutes(partial: u32, major: u32) -> Self {
        let mut day = Self::default();
        let down_ms = (u64::from(partial) + u64::from(major)) * 60_000;
        day.stand(Condition::PartialOutage, u64::from(partial) * 60_000);
        day.stand(Condition::MajorOutage, u64::from(major) * 60_000);
        day.stand(Condition::Operational, DAY_MS.saturating_sub(down_ms));
        day
    }

    /// Milliseconds for which it stood so.
    pub fn stood_ms(&self, condition: Condition) -> u64 {
        self.stood_ms.get(condition as usize).copied().unwrap_or(0)
    }

    /// The gravest condition of the day; none if nobody saw any of it.
    pub fn worst(&self) -> Option<Condition> {
        let seen = |condition: &Condition| {
            *condition != Condition::Unknown && self.stood_ms(*condition) > 0
        };
        Condition::ALL.into_iter().rfind(seen)
    }

    /// True if any of it was an outage.
    pub fn had_outage(&self) -> bool {
        self.worst() >= Some(Condition::PartialOutage)
    }

    /// The share that was up, from 0 to 1; none if nobody saw any of it.
    pub fn uptime(&self, rule: UptimeRule) -> Option<f64> {
        let seen_ms = self.seen_ms();
        (seen_ms > 0).then(|| 1.0 - self.down_ms(rule) / as_f64(seen_ms))
    }

    fn seen_ms(&self) -> u64 {
        self.stood_ms.iter().sum::<u64>() - self.stood_ms(Condition::Unknown)
    }

    fn down_ms(&self, rule: UptimeRule) -> f64 {
        let partial = as_f64(self.stood_ms(Condition::PartialOutage));
        let major = as_f64(self.stood_ms(Condition::MajorOutage));
        match rule {
            UptimeRule::Statuspage => major + PARTIAL_SHARE * partial,
            UptimeRule::IncidentIo => major + partial,
        }
    }

    fn stand(&mut self, condition: Condition, ms: u64) {
        if let Some(stood) = self.stood_ms.get_mut(condition as usize) {
            *stood = stood.saturating_add(ms);
        }
    }
}

/// The days of one component.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayBook {
    /// By days since 1970.
    days: BTreeMap<u64, Day>,
}

impl DayBook {
    /// Notes how it stood; a span over midnight is parted.
    pub fn stand(&mut self, span: Span) {
        let (mut from, to) = (span.from.as_millis(), span.to.as_millis());
        // A span of years is a mistake of whoever tells it, and not worth a loop.
        from = from.max(to.saturating_sub(DAY_MS * DAYS_MAX as u64));
        while from < to {
            let day = from / DAY_MS;
            let end = to.min((day + 1) * DAY_MS);
            self.day(day).stand(span.condition, end - from);
            from = end;
        }
    }

    /// Notes the requests of one minute and how many of them were not answered.
    pub fn ask(&mut self, minute: UnixMs, requests: u64, bad: u64) {
        if requests == 0 {
            return;
        }
        let bad = bad.min(requests);
        let day = self.day(minute.as_millis() / DAY_MS);
        day.requests += requests;
        day.bad_requests += bad;
        day.minutes_asked += 1;
        day.answered_sum += 1.0 - as_f64(bad) / as_f64(requests);
    }

    /// Sets a whole day, such as one of another's page.
    pub fn set(&mut self, at: UnixMs, day: Day) {
        *self.day(at.as_millis() / DAY_MS) = day;
    }

    /// The last `count` days up to and with the day of `now`, oldest first; a day that nobody saw is
    /// empty.
    pub fn last(&self, now: UnixMs, count: usize) -> Vec<(UnixMs, Day)> {
        let today = now.as_millis() / DAY_MS;
        let first = (today + 1).saturating_sub(count as u64);
        let day = |number| {
            let day = self.days.get(&number).cloned().unwrap_or_default();
            (UnixMs::new(number * DAY_MS), day)
        };
        (first..=today).map(day).collect()
    }

    fn day(&mut self, number: u64) -> &mut Day {
        while self.days.len() >= DAYS_MAX && !self.days.contains_key(&number) {
            self.days.pop_first();
        }
        self.days.entry(number).or_default()
    }
}

/// The share of the time that was up over these days; none if nobody saw any of it.
pub fn uptime<'a>(days: impl IntoIterator<Item = &'a Day>, rule: UptimeRule) -> Option<f64> {
    let add = |sum: (u64, f64), day: &Day| (sum.0 + day.seen_ms(), sum.1 + day.down_ms(rule));
    let (seen_ms, down_ms) = days.into_iter().fold((0, 0.0), add);
    (seen_ms > 0).then(|| 1.0 - down_ms / as_f64(seen_ms))
}

/// The share of requests that were answered; none if nobody asked.
pub fn answered_of_requests<'a>(days: impl IntoIterator<Item = &'a Day>) -> Option<f64> {
    let add = |sum: (u64, u64), day: &Day| (sum.0 + day.requests, sum.1 + day.bad_requests);
    let (requests, bad) = days.into_iter().fold((0, 0), add);
    (requests > 0).then(|| 1.0 - as_f64(bad) / as_f64(requests))
}

/// The answered share with every minute alike, however many asked in it; none if nobody asked.
pub fn answered_of_minutes<'a>(days: impl IntoIterator<Item = &'a Day>) -> Option<f64> {
    let add = |sum: (u32, f64), day: &Day| (sum.0 + day.minutes_asked, sum.1 + day.answered_sum);
    let (minutes, answered) = days.into_iter().fold((0, 0.0), add);
    (minutes > 0).then(|| answered / f64::from(minutes))
}

/// A group by the rule that it is up only if all its parts are: at each moment the gravest of them.
pub fn group(parts: &[Vec<Span>]) -> Vec<Span> {
    let spans = || parts.iter().flatten().filter(|span| span.from < span.to);
    let mut edges: Vec<UnixMs> = spans().flat_map(|span| [span.from, span.to]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut found: Vec<Span> = Vec::new();
    for pair in edges.windows(2) {
        let [from, to] = pair else { continue };
        let covering = spans().filter(|span| span.from <= *from && span.to >= *to);
        let Some(condition) = covering.map(|span| span.condition).max() else { continue };
        match found.last_mut() {
            Some(last) if last.to == *from && last.condition == condition => last.to = *to,
            _ => found.push(Span { from: *from, to: *to, condition }),
        }
    }
    found
}
