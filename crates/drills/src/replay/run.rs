//! One run: a scenario under one policy, from its first second to the last answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::clock::{Dice, Tick};
use tokio::runtime::Builder;

use super::house::{House, Watched};
use super::outside::Outlook;
use super::{Network, Setup, VirtualClock};
use crate::crowd::{Conversation, People, Route, Size, Target, arrivals};
use crate::provider::{CELL_S, Capacity, Plant, SharedPlant, Tries, WorldFlow};
use crate::scenario::{Crowd, Scenario};
use crate::score::{Accounts, Books, PolicyFigures, PolicySeries, Seen, figures, series};

/// For which the last answers are waited for after the end.
const TAIL: Duration = Duration::from_secs(600);

/// Who carries the fleet's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The ladder's first provider, and the SDKs' retries.
    Single,
    /// The instant fallback with retries over all providers of the ladder but the reserve.
    Naive,
    /// The whole product.
    Seawall,
}

impl Policy {
    /// All of them, in the report's order.
    pub const ALL: [Self; 3] = [Self::Single, Self::Naive, Self::Seawall];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Naive => "naive",
            Self::Seawall => "seawall",
        }
    }
}

/// How far a run is, in virtual seconds; read by another thread.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Virtual seconds so far.
    pub fn seconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a run leaves.
#[derive(Debug)]
pub struct Played {
    pub figures: PolicyFigures,
    pub series: PolicySeries,
    /// What the observer said; `None` for policies that have none.
    pub seen: Option<Seen>,
}

/// Plays the scenario under one policy; the same seed plays the same. Blocks this thread, which
/// must not be one of a runtime.
///
/// # Errors
/// In words, if the product cannot be built from the settings.
pub fn play(
    scenario: &Scenario,
    setup: &Setup,
    policy: Policy,
    seed: u64,
    progress: &Progress,
) -> Result<Played, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    let stage = Stage { scenario, setup, policy, progress };
    runtime.block_on(stage.play(Seeds::new(seed)))
}

/// Dice for each purpose, thrown in a fixed order.
struct Seeds {
    house: Dice,
    plants: Dice,
    world: Dice,
    crowds: Dice,
    outside: Dice,
}

impl Seeds {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::seeded(seed);
        Self {
            house: dice.split(),
            plants: dice.split(),
            world: dice.split(),
            crowds: dice.split(),
            outside: dice.split(),
        }
    }
}

struct Stage<'a> {
    scenario: &'a Scenario,
    setup: &'a Setup,
    policy: Policy,
    progress: &'a Progress,
}

impl Stage<'_> {
    async fn play(&self, mut seeds: Seeds) -> Result<Played, String> {
        let clock = VirtualClock::new(self.scenario.start_unix_s);
        let tries = Tries::default();
        let plants: BTreeMap<String, SharedPlant> = self
            .scenario
            .providers
            .iter()
            .map(|(name, provider)| {
                let plant = Plant::new(provider.clone(), seeds.plants.split(), tries.clone());
                (name.clone(), SharedPlant::new(plant))
            })
            .collect();
        for plant in plants.values() {
            tokio::spawn(plant.clone().drive(clock));
        }
        let network = Network::new(plants.clone(), clock);
        let end = Tick::from_nanos(0) + self.scenario.duration + TAIL;
        let house = match self.policy {
            Policy::Seawall => {
                let mut house = House::open(self.setup, &network, clock, seeds.house)?;
                let outlook = house
                    .seat()
                    .map(|seat| Outlook::new(seat, self.scenario.clone(), clock, seeds.outside));
                let looking = outlook.map(|outlook| tokio::spawn(outlook.look_on(end)));
                Some((tokio::spawn(house.watch(end)), looking))
            }
            Policy::Single | Policy::Naive => None,
        };
        let books = Books::default();
        tokio::spawn(happen(self.scenario.clone(), plants.clone(), clock));
        tokio::spawn(flow(self.scenario.clone(), plants.clone(), clock, seeds.world));
        let people =
            People::new(network, self.route(), books.clone(), (clock, self.scenario.duration));
        self.send(&people, clock, &mut seeds.crowds).await;
        self.let_end(&books, &plants, clock, end).await;
        let (mut watched, mut seen) = (Watched::default(), None);
        if let Some((watching, looking)) = house {
            watched = watching.await.map_err(|error| error.to_string())?;
            if let Some(looking) = looking {
                seen = Some(looking.await.map_err(|error| error.to_string())?);
            }
        }
        let cells =
            plants.iter().map(|(name, plant)| (name.clone(), plant.lock().cells().to_vec()));
        let accounts = Accounts { books, plants: cells.collect(), tries: tries.by_cell() };
        let figures = figures(self.scenario, &accounts);
        let series = series(self.scenario, &accounts, watched.decisions);
        Ok(Played { figures, series, seen })
    }

    fn route(&self) -> (Route, String, Capacity) {
        let outside = self
            .scenario
            .fleet
            .ladder
            .iter()
            .flatten()
            .map(|rung| rung.split_once('/').unwrap_or((rung.as_str(), "model")));
        let outside = outside.filter(|(provider, _)| {
            self.scenario.providers.get(*provider).is_some_and(|provider| !provider.is_reserve)
        });
        let kind_of = |name: &str| self.scenario.providers.get(name).map(|provider| provider.kind);
        let target = |(name, _): (&str, &str)| Target::Provider {
            name: name.to_owned(),
            dialect: kind_of(name).unwrap_or_default().native(),
        };
        let outside: Vec<_> = outside.collect();
        let first = outside.first().copied().unwrap_or_default();
        let (route, model) = match self.policy {
            Policy::Seawall => (Route::Gateway, self.setup.model.as_str()),
            Policy::Single => (Route::Single(target(first)), first.1),
            Policy::Naive => (Route::Naive(outside.into_iter().map(target).collect()), "model"),
        };
        let measure =
            self.scenario.providers.get(first.0).or(self.scenario.providers.values().next());
        let measure = measure.expect("a scenario has a provider").capacity.clone();
        (route, model.to_owned(), measure)
    }

    /// Starts every conversation at its moment.
    async fn send(&self, people: &People, clock: VirtualClock, dice: &mut Dice) {
        for (number, (at, crowd, size)) in self.all_arrivals(dice).into_iter().enumerate() {
            self.wait_until(at, people, clock).await;
            let conversation =
                Conversation { crowd, number: number as u64, size, dice: dice.split() };
            tokio::spawn(people.clone().converse(conversation));
        }
        self.wait_until(self.scenario.duration, people, clock).await;
    }

    fn all_arrivals(&self, dice: &mut Dice) -> Vec<(Duration, Arc<Crowd>, Size)> {
        let mut all = Vec::new();
        for crowd in &self.scenario.crowds {
            let mut own = dice.split();
            let crowd = Arc::new(crowd.clone());
            let begins = arrivals(&crowd, self.scenario.duration, &mut own);
            all.extend(begins.into_iter().map(|(at, size)| (at, crowd.clone(), size)));
        }
        // Stable, so that crowds of the same moment keep the file's order.
        all.sort_by_key(|(at, ..)| *at);
        all
    }

    async fn wait_until(&self, at: Duration, people: &People, clock: VirtualClock) {
        while clock.elapsed() < at {
            let next_cell = (clock.elapsed().as_secs() / CELL_S + 1) * CELL_S;
            let until = at.min(Duration::from_secs(next_cell));
            clock.sleep_until(Some(Tick::default() + until)).await;
            let before = clock.tick() - Duration::from_millis(1);
            if clock.elapsed().as_secs() >= next_cell {
                people.books.note_open(before);
            }
            self.progress.0.store(clock.elapsed().as_secs(), Ordering::Relaxed);
        }
    }

    /// Waits for the last answers, as long as `end`.
    async fn let_end(
        &self,
        books: &Books,
        plants: &BTreeMap<String, SharedPlant>,
        clock: VirtualClock,
        end: Tick,
    ) {
        while books.open() > 0 && clock.tick() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for plant in plants.values() {
            plant.at(clock.tick(), |_| ());
        }
    }
}

/// Lets the events begin and end.
async fn happen(scenario: Scenario, plants: BTreeMap<String, SharedPlant>, clock: VirtualClock) {
    let mut moments = Vec::new();
    for (index, event) in scenario.events.iter().enumerate() {
        if event.effect.is_some() {
            moments.push((event.window.from, true, index));
            moments.push((event.window.until, false, index));
        }
    }
    moments.sort_unstable();
    for (at, begins, index) in moments {
        clock.sleep_until(Some(Tick::default() + at)).await;
        let Some(event) = scenario.events.get(index) else { continue };
        let Some((name, fault)) = &event.effect else { continue };
        if let Some(plant) = plants.get(name) {
            plant.at(clock.tick(), |plant| match begins {
                true => plant.befall(index, *fault, event.share),
                false => plant.recover(index),
            });
        }
    }
}

/// Sends the world's requests, second by second.
async fn flow(
    scenario: Scenario,
    plants: BTreeMap<String, SharedPlant>,
    clock: VirtualClock,
    mut dice: Dice,
) {
    let mut flows: Vec<(SharedPlant, WorldFlow)> = Vec::new();
    for (name, plant) in &plants {
        if let Some(flow) = WorldFlow::new(name, &scenario, dice.split()) {
            flows.push((plant.clone(), flow));
        }
    }
    let seconds = scenario.duration.as_secs();
    for second in 0..seconds {
        let now = Tick::from_millis(second * 1_000);
        clock.sleep_until(Some(now)).await;
        for (plant, flow) in &mut flows {
            let failing = plant.lock().world_failing();
            let coming = flow.second(clock.tick(), failing);
            if !coming.is_empty() {
                plant.at(clock.tick(), |plant| plant.expect(coming));
            }
        }
    }
}
