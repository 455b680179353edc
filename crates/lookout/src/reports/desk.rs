//! Where reports come in: which of them count.

use std::collections::{HashSet, VecDeque};

use clock::{Tick, UnixMs};
use detection::ComponentId;
use domain::ReportKind;

use super::person::{Hasher, Reporter};
use super::series::Series;
use super::sketch::Sketch;
use super::{ReportBin, ReportCounts};

const MINUTE_MS: u64 = 60_000;

/// The caps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// For which one person's report on one component is his only one.
    pub person_ms: u64,
    /// The span of the caps on networks.
    pub network_span_ms: u64,
    /// Reports on one component of one /24 or /48 within the span.
    pub per_network_max: u64,
    /// The same of one /16 or /32: a stand-in for whoever has the addresses.
    pub per_region_max: u64,
    /// Reports on one component within a minute.
    pub per_component_minute_max: u32,
    /// Reports within a minute in all. With [`ReportSettings::person_ms`] it bounds how many people
    /// are remembered.
    pub per_minute_max: u32,
    /// Components that can be reported on.
    pub components_max: usize,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            person_ms: 2 * 60 * MINUTE_MS,
            network_span_ms: 15 * MINUTE_MS,
            per_network_max: 5,
            per_region_max: 60,
            per_component_minute_max: 200,
            per_minute_max: 600,
            components_max: 200,
        }
    }
}

/// What became of a report. To the person all but the last look the same: thanked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// It counts.
    Counted,
    /// This person has reported this component already.
    KnownPerson,
    /// Enough came from that network.
    NetworkFull,
    /// Enough came in this minute.
    MinuteFull,
    /// There is no such component.
    NoComponent,
}

impl Acceptance {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::KnownPerson => "known_person",
            Self::NetworkFull => "network_full",
            Self::MinuteFull => "minute_full",
            Self::NoComponent => "no_component",
        }
    }
}

#[derive(Debug)]
struct Line {
    component: ComponentId,
    series: Series,
    /// Counted since they were last taken away.
    fresh: ReportCounts,
    minute: Minute,
}

#[derive(Debug, Default, Clone, Copy)]
struct Minute {
    number: u64,
    count: u32,
}

impl Minute {
    fn is_full(&mut self, number: u64, max: u32) -> bool {
        if number != self.number {
            *self = Self { number, count: 0 };
        }
        self.count >= max
    }
}

/// The desk. Each report costs three hashes and a few look-ups, whatever came before; one thread
/// uses it at a time.
#[derive(Debug)]
pub struct ReportDesk {
    settings: ReportSettings,
    hasher: Hasher,
    lines: Vec<Line>,
    // The keys are hashes with a salt that nobody knows, so nobody can make them meet.
    people: HashSet<u64>,
    leaving: VecDeque<(Tick, u64)>,
    networks: Sketch,
    regions: Sketch,
    minute: Minute,
}

impl ReportDesk {
    /// A desk for these components; those beyond the bound are not reported on. The salt is best
    /// [`super::fresh_salt`].
    pub fn new(settings: ReportSettings, salt: &[u8; 32], components: &[ComponentId]) -> Self {
        let mut desk = Self {
            hasher: Hasher::new(salt),
            lines: Vec::new(),
            people: HashSet::new(),
            leaving: VecDeque::new(),
            networks: Sketch::new(settings.network_span_ms),
            regions: Sketch::new(settings.network_span_ms),
            minute: Minute::default(),
            settings,
        };
        desk.set_components(components);
        desk
    }

    /// Changes what can be reported on; what stays keeps its series and its people.
    pub fn set_components(&mut self, components: &[ComponentId]) {
        let mut known = std::mem::take(&mut self.lines);
        let wanted = components.iter().take(self.settings.components_max);
        self.lines.extend(wanted.map(|component| {
            match known.iter().position(|line| line.component == *component) {
                Some(place) => known.swap_remove(place),
                None => Line {
                    component: component.clone(),
                    series: Series::default(),
                    fresh: ReportCounts::default(),
                    minute: Minute::default(),
                },
            }
        }));
    }

    /// Takes a report.
    pub fn take(
        &mut self,
        (now, at): (Tick, UnixMs),
        component: &ComponentId,
        kind: ReportKind,
        reporter: &Reporter<'_>,
    ) -> Acceptance {
        let Some(index) = self.lines.iter().position(|line| line.component == *component) else {
            return Acceptance::NoComponent;
        };
        let (acceptance, is_new_network) = self.judge(now, index, reporter);
        let Some(line) = self.lines.get_mut(index) else { return Acceptance::NoComponent };
        if let Some(bin) = line.series.bin(at) {
            match acceptance {
                Acceptance::Counted => {
                    bin.counts.add(kind, 1);
                    bin.networks = bin.networks.saturating_add(u32::from(is_new_network));
                    line.fresh.add(kind, 1);
                }
                Acceptance::NetworkFull | Acceptance::MinuteFull => {
                    bin.refused = bin.refused.saturating_add(1);
                }
                Acceptance::KnownPerson | Acceptance::NoComponent => {}
            }
        }
        acceptance
    }

    /// A component's bins up to now, oldest first; `None` if there is no such component.
    pub fn series(&mut self, component: &ComponentId, at: UnixMs) -> Option<Vec<ReportBin>> {
        let line = self.lines.iter_mut().find(|line| line.component == *component)?;
        Some(line.series.all(at))
    }

    /// Takes up what a former process counted for a component. It is history, and not told again
    /// by [`ReportDesk::take_counts`].
    pub fn restore(&mut self, component: &ComponentId, at: UnixMs, bins: &[ReportBin]) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.component == *component) {
            bins.iter().for_each(|bin| line.series.restore(at, bin));
        }
    }

    /// What was counted since the last call, for every component, also where nothing was: silence
    /// is evidence too.
    pub fn take_counts(&mut self) -> Vec<(ComponentId, ReportCounts)> {
        let taken = self.lines.iter_mut();
        taken.map(|line| (line.component.clone(), std::mem::take(&mut line.fresh))).collect()
    }

    /// People who are remembered.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    fn judge(&mut self, now: Tick, index: usize, reporter: &Reporter<'_>) -> (Acceptance, bool) {
        let now_ms = now.as_millis();
        let minute = now_ms / MINUTE_MS;
        self.forget(now);
        let Some(line) = self.lines.get_mut(index) else { return (Acceptance::NoComponent, false) };
        // The cheapest look comes first, for the day of a flood.
        if self.minute.is_full(minute, self.settings.per_minute_max)
            || line.minute.is_full(minute, self.settings.per_component_minute_max)
        {
            return (Acceptance::MinuteFull, false);
        }
        let component = line.component.as_str();
        let [person, ..] = self.hasher.person(component, reporter);
        if self.people.contains(&person) {
            return (Acceptance::KnownPerson, false);
        }
        let network = self.hasher.network(component, reporter.address);
        let region = self.hasher.region(component, reporter.address);
        let from_network = self.networks.count(now_ms, &network);
        if from_network >= self.settings.per_network_max
            || self.regions.count(now_ms, &region) >= self.settings.per_region_max
        {
            return (Acceptance::NetworkFull, false);
        }
        self.networks.add(now_ms, &network);
        self.regions.add(now_ms, &region);
        self.minute.count += 1;
        line.minute.count += 1;
        self.people.insert(person);
        self.leaving.push_back((now, person));
        (Acceptance::Counted, from_network == 0)
    }

    /// Forgets people whose time is over; as many as came, so that the cost is spread.
    fn forget(&mut self, now: Tick) {
        let span = std::time::Duration::from_millis(self.settings.person_ms);
        while let Some((came, person)) = self.leaving.front().copied()
            && now.since(came) >= span
        {
            self.leaving.pop_front();
            self.people.remove(&person);
        }
    }
}
