//! One provider as a whole: the engine, what is wrong with it at present, the account's quota, the
//! world's requests, and the books of what was asked and what was of use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Dice, Tick};
use tokio::sync::Notify;

use super::mail::Mail;
use super::{Asker, Engine, JobId, Milestone, Quota, Refused, Work};
use crate::scenario::{Fault, Provider};

/// Width of a cell of the books, in seconds.
pub(crate) const CELL_S: u64 = 10;

/// What was asked of a provider in ten seconds, and what became of just these requests.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cell {
    pub(crate) fleet_offered: u32,
    pub(crate) fleet_useful: u32,
    pub(crate) fleet_refused: u32,
    pub(crate) world_offered: u32,
    pub(crate) world_useful: u32,
    /// Slot-seconds that all of them ask for.
    pub(crate) slot_s: f64,
    /// The same of the world's requests that nobody had asked before.
    pub(crate) world_fresh_slot_s: f64,
    /// Requests that wait for a slot, at the end of the cell.
    pub(crate) waiting: u32,
}

impl Cell {
    pub(crate) fn offered(&self) -> u32 {
        self.fleet_offered + self.world_offered
    }

    pub(crate) fn useful(&self) -> u32 {
        self.fleet_useful + self.world_useful
    }
}

/// The cell that a moment falls into.
pub(crate) fn cell_of(at: Tick) -> usize {
    (at.as_millis() / (CELL_S * 1_000)) as usize
}

/// For whom a job is done.
#[derive(Debug)]
enum Owner {
    Fleet { mail: Arc<Mail>, output_tokens: u32 },
    World { cell: usize },
}

/// Why a try of the fleet gets nothing but this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TurnedAway {
    Fault(Fault),
    Quota(Refused),
    Full,
}

/// A try of the fleet that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) id: JobId,
    pub(crate) mail: Arc<Mail>,
    /// A fault that shows itself only in the answer.
    pub(crate) blemish: Option<Fault>,
}

/// The tries of the fleet by the requests that they are made for; all providers of a run share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tries(Arc<Mutex<TriesByCell>>);

#[derive(Debug, Default)]
struct TriesByCell {
    /// The cell in which a provider was asked for a request the first time.
    first: BTreeMap<u64, usize>,
    /// Requests of each cell, and all tries that were ever made for them.
    cells: Vec<(u32, u32)>,
}

impl Tries {
    fn note(&self, now: Tick, asker: Asker) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let TriesByCell { first, cells } = &mut *tries;
        let mut is_new = false;
        let cell = *first.entry(asker.request).or_insert_with(|| {
            is_new = true;
            cell_of(now)
        });
        if cells.len() <= cell {
            cells.resize(cell + 1, (0, 0));
        }
        if let Some((requests, tries)) = cells.get_mut(cell) {
            *requests += u32::from(is_new);
            *tries += 1;
        }
    }

    /// For each cell the requests for which a provider was asked in it the first time, and all tries
    /// that were made for just these, whenever that was.
    pub(crate) fn by_cell(&self) -> Vec<(u32, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cells.clone()
    }
}

/// One provider.
#[derive(Debug)]
pub(crate) struct Plant {
    pub(crate) settings: Provider,
    engine: Engine,
    pub(crate) quota: Quota,
    faults: Vec<(usize, Fault, f64)>,
    dice: Dice,
    tries: Tries,
    owners: BTreeMap<JobId, Owner>,
    /// The world's requests that are still to come, in order.
    coming: VecDeque<(Tick, Work, bool)>,
    /// When the world's people lose patience, in order.
    patience: VecDeque<(Tick, JobId)>,
    /// Of the world's latest requests, how many failed; forgotten little by little.
    world_failing: f64,
    cells: Vec<Cell>,
    armed: Option<Tick>,
    told: Vec<(JobId, Milestone)>,
}

/// A provider that many tasks hold.
#[derive(Debug, Clone)]
pub(crate) struct SharedPlant {
    plant: Arc<Mutex<Plant>>,
    /// The driver has to look again.
    changed: Arc<Notify>,
}

impl SharedPlant {
    pub(crate) fn new(plant: Plant) -> Self {
        Self { plant: Arc::new(Mutex::new(plant)), changed: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Plant> {
        self.plant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something at this moment, and wakes the driver if it has to be up earlier.
    pub(crate) fn at<T>(&self, now: Tick, what: impl FnOnce(&mut Plant) -> T) -> T {
        let mut plant = self.lock();
        plant.advance(now);
        let done = what(&mut plant);
        let next = plant.next_at();
        let sooner = match (next, plant.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        drop(plant);
        if sooner {
            self.changed.notify_one();
        }
        done
    }

    /// Moves the provider along for ever. `now` tells the time, `sleep` waits until one.
    pub(crate) async fn drive(self, clock: crate::replay::VirtualClock) {
        loop {
            let next = {
                let mut plant = self.lock();
                plant.advance(clock.tick());
                plant.armed = plant.next_at();
                plant.armed
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = clock.sleep_until(next) => {}
            }
        }
    }
}

impl Plant {
    pub(crate) fn new(settings: Provider, dice: Dice, tries: Tries) -> Self {
        Self {
            engine: Engine::new(settings.capacity.clone()),
            quota: Quota::new(settings.quota.clone()),
            settings,
            faults: Vec::new(),
            dice,
            tries,
            owners: BTreeMap::new(),
            coming: VecDeque::new(),
            patience: VecDeque::new(),
            world_failing: 0.0,
            cells: Vec::new(),
            armed: None,
            told: Vec::new(),
        }
    }

    /// The books, cell by cell.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// How much of the world's latest requests failed, from 0 to 1.
    pub(crate) fn world_failing(&self) -> f64 {
        self.world_failing
    }

    /// A fault of an event begins.
    pub(crate) fn befall(&mut self, event: usize, fault: Fault, share: f64) {
        self.faults.push((event, fault, share));
        if share >= 1.0 && matches!(fault, Fault::Down | Fault::Unreachable) {
            self.crash();
        }
        self.set_health();
    }

    /// It ends.
    pub(crate) fn recover(&mut self, event: usize) {
        self.faults.retain(|(of, ..)| *of != event);
        self.set_health();
    }

    /// A fault of this kind that the next connection meets.
    pub(crate) fn at_the_door(&mut self) -> Option<Fault> {
        self.meet(|fault| matches!(fault, Fault::Unreachable | Fault::SlowDns(_)))
    }

    /// A try of the fleet arrives.
    pub(crate) fn enter(
        &mut self,
        now: Tick,
        (work, asker): (Work, Asker),
    ) -> Result<Admitted, TurnedAway> {
        let slot_s = self.settings.capacity.slot_seconds(&work);
        // The reserve is no provider: what it is asked costs nobody outside anything.
        if !self.settings.is_reserve {
            self.tries.note(now, asker);
        }
        let cell = self.cell(now);
        cell.fleet_offered += 1;
        cell.slot_s += slot_s;
        let turned_away = self.gate(now, &work);
        if let Some(turned_away) = turned_away {
            self.cell(now).fleet_refused += 1;
            return Err(turned_away);
        }
        let Ok(id) = self.engine.offer(work) else {
            self.cell(now).fleet_refused += 1;
            return Err(TurnedAway::Full);
        };
        let mail = Arc::<Mail>::default();
        let output_tokens = work.output_tokens;
        self.owners.insert(id, Owner::Fleet { mail: mail.clone(), output_tokens });
        let blemish = self.meet(|fault| {
            matches!(fault, Fault::EmptyStream | Fault::Stall | Fault::Cut | Fault::Malformed)
        });
        Ok(Admitted { id, mail, blemish })
    }

    /// A try that arrived in this cell was answered to the end.
    pub(crate) fn was_useful(&mut self, cell: usize) {
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.fleet_useful += 1;
        }
    }

    /// Whoever asked has left.
    pub(crate) fn left(&mut self, id: JobId) {
        if !self.settings.finishes_abandoned {
            self.engine.cancel(id);
            self.owners.remove(&id);
        }
    }

    /// The world's requests of the time to come, in order; `true` for one that was not asked before.
    pub(crate) fn expect(&mut self, coming: impl IntoIterator<Item = (Tick, Work, bool)>) {
        self.coming.extend(coming);
    }

    /// More of them, among those that are expected.
    pub(crate) fn expect_too(&mut self, coming: Vec<(Tick, Work, bool)>) {
        self.coming.extend(coming);
        self.coming.make_contiguous().sort_by_key(|(at, ..)| *at);
    }

    /// Requests that wait for a slot.
    pub(crate) fn waiting(&self) -> usize {
        self.engine.waiting()
    }

    pub(crate) fn next_at(&self) -> Option<Tick> {
        let coming = self.coming.front().map(|(at, ..)| *at);
        let patience = self.patience.front().map(|(at, _)| *at);
        [coming, patience, self.engine.next_at()].into_iter().flatten().min()
    }

    /// Lets everything happen that was to happen until now.
    pub(crate) fn advance(&mut self, now: Tick) {
        loop {
            let coming = self.coming.front().map(|(at, ..)| *at).filter(|at| *at <= now);
            let patience = self.patience.front().map(|(at, _)| *at).filter(|at| *at <= now);
            match (coming, patience) {
                (Some(at), due) if due.is_none_or(|due| at <= due) => {
                    self.run_engine(at);
                    if let Some((at, work, fresh)) = self.coming.pop_front() {
                        self.world_comes(at, work, fresh);
                    }
                }
                (_, Some(due)) => {
                    self.run_engine(due);
                    if let Some((_, id)) = self.patience.pop_front() {
                        self.world_waits_no_more(id);
                    }
                }
                (_, None) => break,
            }
        }
        self.run_engine(now);
        let waiting = u32::try_from(self.engine.waiting()).unwrap_or(u32::MAX);
        self.cell(now).waiting = waiting;
    }

    fn run_engine(&mut self, now: Tick) {
        let mut told = std::mem::take(&mut self.told);
        self.engine.advance(now, &mut told);
        for (id, milestone) in told.drain(..) {
            let done = milestone == Milestone::Done;
            match self.owners.get(&id) {
                Some(Owner::Fleet { mail, output_tokens }) => mail.tell(milestone, *output_tokens),
                Some(Owner::World { cell }) if done => {
                    if let Some(cell) = self.cells.get_mut(*cell) {
                        cell.world_useful += 1;
                    }
                    self.world_learns(false);
                }
                Some(Owner::World { .. }) | None => {}
            }
            if done {
                self.owners.remove(&id);
            }
        }
        self.told = told;
    }

    fn world_comes(&mut self, at: Tick, work: Work, fresh: bool) {
        let slot_s = self.settings.capacity.slot_seconds(&work);
        let cell = self.cell(at);
        cell.world_offered += 1;
        cell.slot_s += slot_s;
        cell.world_fresh_slot_s += if fresh { slot_s } else { 0.0 };
        // The world has accounts of its own, so the fleet's quota is not asked; and a blemish is
        // as bad as a refusal for it.
        if self.meet(|fault| !is_of_health(fault)).is_some() {
            self.world_learns(true);
            return;
        }
        let Ok(id) = self.engine.offer(work) else {
            self.world_learns(true);
            return;
        };
        self.owners.insert(id, Owner::World { cell: cell_of(at) });
        self.patience.push_back((at + self.settings.world_patience, id));
    }

    fn world_waits_no_more(&mut self, id: JobId) {
        if !self.engine.is_unborn(id) || !self.owners.contains_key(&id) {
            return;
        }
        self.world_learns(true);
        self.owners.remove(&id);
        if !self.settings.finishes_abandoned {
            self.engine.cancel(id);
        }
    }

    fn world_learns(&mut self, failed: bool) {
        const MEMORY: f64 = 1.0 / 30.0;
        let failed = if failed { 1.0 } else { 0.0 };
        self.world_failing += (failed - self.world_failing) * MEMORY;
    }

    /// What turns a try of the fleet away before the engine sees it.
    fn gate(&mut self, now: Tick, work: &Work) -> Option<TurnedAway> {
        let fault = self.meet(|fault| {
            matches!(
                fault,
                Fault::Down
                    | Fault::Unreachable
                    | Fault::Silent
                    | Fault::LimitWall
                    | Fault::Overloaded
                    | Fault::Errors
            )
        });
        if let Some(fault) = fault {
            return Some(TurnedAway::Fault(fault));
        }
        let tokens = f64::from(work.input_tokens) + f64::from(work.output_tokens);
        self.quota.ask(now, tokens).err().map(TurnedAway::Quota)
    }

    fn meet(&mut self, of: impl Fn(Fault) -> bool) -> Option<Fault> {
        let Self { faults, dice, .. } = self;
        let mut meets = |share: f64| share >= 1.0 || dice.fraction() < share;
        faults.iter().find(|(_, fault, share)| of(*fault) && meets(*share)).map(|(_, f, _)| *f)
    }

    fn crash(&mut self) {
        self.engine.crash();
        let owners = std::mem::take(&mut self.owners);
        for owner in owners.into_values() {
            match owner {
                Owner::Fleet { mail, .. } => mail.kill(),
                Owner::World { .. } => self.world_learns(true),
            }
        }
        self.patience.clear();
    }

    fn set_health(&mut self) {
        let (mut ratio, mut slowness) = (1.0, 1.0);
        let mut growth_max = self.settings.quota.growth_max;
        for (_, fault, _) in &self.faults {
            match fault {
                Fault::Capacity(left) => ratio *= left,
                Fault::BrownOut(factor) => slowness *= factor,
                Fault::Acceleration(growth) => growth_max = Some(*growth),
                _ => {}
            }
        }
        self.engine.set_health(ratio, slowness);
        self.quota.set_growth_max(growth_max);
    }

    fn cell(&mut self, at: Tick) -> &mut Cell {
        let index = cell_of(at);
        if self.cells.len() <= index {
            self.cells.resize(index + 1, Cell::default());
        }
        self.cells.get_mut(index).expect("the books were just made long enough")
    }
}

/// Faults that do not turn anybody away by themselves.
fn is_of_health(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Capacity(_) | Fault::BrownOut(_) | Fault::Acceleration(_) | Fault::SlowDns(_)
    )
}

/// A pause that the present state of a refusal suggests; `None` if it says nothing.
pub(crate) fn wait_of(turned_away: TurnedAway) -> Option<Duration> {
    match turned_away {
        TurnedAway::Quota(refused) => Some(refused.wait),
        TurnedAway::Fault(Fault::LimitWall) => Some(Duration::from_secs(20)),
        TurnedAway::Fault(_) | TurnedAway::Full => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_counts_with_its_request_and_not_when_it_is_made() {
        let tries = Tries::default();
        let note = |s: u64, request| {
            tries.note(Tick::from_millis(s * 1_000), Asker { request, round: 0 });
        };
        note(1, 1);
        note(2, 2);
        // Asked once more, long after.
        note(25, 1);
        note(26, 3);
        assert_eq!(tries.by_cell(), [(2, 3), (0, 0), (1, 1)]);
    }
}
