//! What people report on the status page: from its door to the desk that knows who counts, each
//! minute from there to whoever judges, and as a series back to the page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::{Clock, UnixMs};
use detection::{ComponentId, Evidence, Fact, HourBaseline, Reports, SPIKE_CHANCE};
use domain::ReportKind;
use lookout::reports::{
    Acceptance, BIN_MS, BINS, ReportBin, ReportCounts, ReportDesk, ReportSettings, Reporter,
};
use web::view::{ReportBucket, ReportSeries, Text};
use web::{Report, ReportSink, Taken};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// Beyond it nobody looks for what would still be usual.
const USUAL_MAX: u64 = 1_000;

/// The desk behind its lock; clones share it.
#[derive(Debug, Clone)]
pub(super) struct ReportRoom(Arc<Mutex<Inside>>, Arc<dyn Clock>);

#[derive(Debug)]
struct Inside {
    desk: ReportDesk,
    usual: BTreeMap<ComponentId, Usual>,
    /// The minute of the last counting.
    minute: Option<u64>,
    /// The hour in which was last told what was learnt.
    hour: Option<u64>,
}

/// What is usual for one component.
#[derive(Debug)]
struct Usual {
    baseline: HourBaseline,
    /// Start of a bin, what was usual then, and the most that was; oldest first.
    bins: VecDeque<(UnixMs, f64, f64)>,
}

impl Usual {
    fn new() -> Self {
        Self { baseline: HourBaseline::new(BIN_MS), bins: VecDeque::new() }
    }

    fn count(&mut self, now: UnixMs, count: u32) {
        self.baseline.take(now, count);
        let start = UnixMs::new(now.as_millis() / BIN_MS * BIN_MS);
        if self.bins.back().is_none_or(|(known, ..)| *known < start) {
            let usual = self.baseline.usual(now);
            let most = (1..=USUAL_MAX).take_while(|count| usual.chance(*count) >= SPIKE_CHANCE);
            self.bins.push_back((start, usual.mean, most.last().unwrap_or(0) as f64));
        }
        while self.bins.len() > BINS {
            self.bins.pop_front();
        }
    }

    /// What was usual then; of what was before the first look, what was usual at that.
    fn at(&self, start: UnixMs) -> (f64, f64) {
        let known = self.bins.iter().rfind(|(known, ..)| *known <= start);
        let known = known.or(self.bins.front());
        known.map_or((0.0, 0.0), |(_, mean, most)| (*mean, *most))
    }
}

/// What came in a minute.
#[derive(Debug, Default)]
pub(super) struct Minute {
    pub(super) facts: Vec<Evidence>,
    /// Bins that are not what they were, to be stored.
    pub(super) bins: Vec<storage::ReportBin>,
}

impl ReportRoom {
    /// For reports on these; the salt makes its hashes worthless elsewhere.
    pub(super) fn new(salt: &[u8; 32], components: &[ComponentId], clock: Arc<dyn Clock>) -> Self {
        let desk = ReportDesk::new(ReportSettings::default(), salt, components);
        let inside = Inside { desk, usual: BTreeMap::new(), minute: None, hour: None };
        Self(Arc::new(Mutex::new(inside)), clock)
    }

    /// Changes what can be reported on.
    pub(super) fn set_components(&self, components: &[ComponentId]) {
        let mut inside = self.inside();
        inside.desk.set_components(components);
        inside.usual.retain(|id, _| components.contains(id));
    }

    /// Takes up what was learnt before a restart.
    pub(super) fn learn(&self, component: &ComponentId, text: &str) {
        let mut inside = self.inside();
        let known = inside.usual.entry(component.clone()).or_insert_with(Usual::new);
        known.baseline.learn(text);
    }

    /// Takes up what a former process counted in the last day, for the chart.
    pub(super) fn restore(
        &self,
        now: UnixMs,
        component: &ComponentId,
        kept: &[storage::ReportBin],
    ) {
        if kept.is_empty() {
            return;
        }
        let mut inside = self.inside();
        let Inside { desk, usual, .. } = &mut *inside;
        usual.entry(component.clone()).or_insert_with(Usual::new);
        let bin = |kept: &storage::ReportBin| {
            let mut counts = ReportCounts::default();
            counts.add(kept.kind, u32::try_from(kept.count).unwrap_or(u32::MAX));
            ReportBin { starts_at: kept.start, counts, networks: 0, refused: 0 }
        };
        desk.restore(component, now, &kept.iter().map(bin).collect::<Vec<_>>());
    }

    /// Once an hour what was learnt of each component, to be stored.
    pub(super) fn learnt(&self, now: UnixMs) -> Vec<(ComponentId, String)> {
        let mut inside = self.inside();
        let hour = now.as_millis() / HOUR_MS;
        if inside.hour.replace(hour).is_none_or(|known| known == hour) {
            return Vec::new();
        }
        let all = inside.usual.iter();
        all.map(|(id, usual)| (id.clone(), usual.baseline.learnt_text())).collect()
    }

    /// Once a minute what came in it, for every component; in between nothing.
    pub(super) fn minute(&self, now: UnixMs) -> Minute {
        let mut inside = self.inside();
        let minute = now.as_millis() / MINUTE_MS;
        if inside.minute.replace(minute) == Some(minute) {
            return Minute::default();
        }
        let Inside { desk, usual, .. } = &mut *inside;
        let mut told = Minute::default();
        for (component, counts) in desk.take_counts() {
            let known = usual.entry(component.clone()).or_insert_with(Usual::new);
            known.count(now, counts.total());
            if counts.total() > 0 {
                let bins = desk.series(&component, now).unwrap_or_default();
                // A minute may lie in two bins.
                let latest = bins.iter().rev().take(2);
                told.bins.extend(latest.flat_map(|bin| kept(&component, bin)));
            }
            let fact = Fact::Reports { component, reports: reports(&counts) };
            told.facts.push(Evidence { at: now, fact });
        }
        told
    }

    /// What was reported in a day, the most reported first; nothing of what nobody reported on.
    pub(super) fn series(&self, now: UnixMs) -> Vec<ReportSeries> {
        let mut inside = self.inside();
        let Inside { desk, usual, .. } = &mut *inside;
        let mut all = Vec::new();
        for (component, usual) in usual.iter() {
            let bins = desk.series(component, now).unwrap_or_default();
            let total: u64 = bins.iter().map(|bin| u64::from(bin.counts.total())).sum();
            if total > 0 {
                let buckets = bins.iter().map(|bin| bucket(bin, usual.at(bin.starts_at)));
                let name = Text::plain(component.as_str().replace('/', " "));
                let buckets = buckets.collect();
                all.push((total, ReportSeries { component: component.clone(), name, buckets }));
            }
        }
        all.sort_by_key(|(total, _)| std::cmp::Reverse(*total));
        all.into_iter().map(|(_, series)| series).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReportSink for ReportRoom {
    fn take(&self, report: Report) -> Taken {
        let reporter = Reporter { address: report.from, words: "" };
        let moment = (self.1.now(), report.at);
        match self.inside().desk.take(moment, &report.component, report.kind, &reporter) {
            Acceptance::Counted => Taken::Counted,
            // Whoever is one of many of his network is thanked like the others.
            Acceptance::KnownPerson | Acceptance::NetworkFull | Acceptance::NoComponent => {
                Taken::Already
            }
            Acceptance::MinuteFull => Taken::TooMany { retry_after_s: 60 },
        }
    }
}

/// A bin as it is stored: one row for each kind that was reported.
fn kept(component: &ComponentId, bin: &ReportBin) -> Vec<storage::ReportBin> {
    let row = |kind| storage::ReportBin {
        component: component.clone(),
        start: bin.starts_at,
        kind,
        count: bin.counts.of(kind).into(),
    };
    ReportKind::ALL.into_iter().map(row).filter(|row| row.count > 0).collect()
}

fn reports(counts: &ReportCounts) -> Reports {
    Reports {
        errors: counts.of(ReportKind::Errors).saturating_add(counts.of(ReportKind::NoAnswer)),
        slow: counts.of(ReportKind::Slow),
        cannot_log_in: counts.of(ReportKind::CannotLogIn),
        wrong_answers: counts.of(ReportKind::WrongAnswers),
        // The form has no word for it: people see an error.
        over_capacity: 0,
        other: counts.of(ReportKind::Other),
    }
}

fn bucket(bin: &ReportBin, (usual, usual_max): (f64, f64)) -> ReportBucket {
    let by_kind = ReportKind::ALL.map(|kind| bin.counts.of(kind));
    ReportBucket { at: bin.starts_at, count: bin.counts.total(), by_kind, usual, usual_max }
}
