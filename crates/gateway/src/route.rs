//! All rungs that were ever tried, up to a bound: what is known of them outlives requests and
//! reloads of the settings.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use clock::{Dice, Tick};
use domain::Target;

use crate::provider::Provider;
use crate::rung::{Rung, RungSettings};
use crate::silence::Waits;
use crate::waiting::Rooms;

/// Rungs remembered. Names that callers choose (`openai/*`) must not fill the memory; a rung
/// beyond this bound works, but is forgotten after its request.
const RUNGS_MAX: usize = 4096;

/// The rungs by their target.
#[derive(Debug)]
pub(crate) struct RouteBook {
    rungs: RwLock<HashMap<Target, Arc<Rung>>>,
    /// Configured ones, over all reloads.
    providers: RwLock<HashMap<Arc<str>, Arc<Provider>>>,
    rooms: Arc<Rooms>,
}

impl RouteBook {
    pub(crate) fn new(rooms: Arc<Rooms>) -> Self {
        Self { rungs: RwLock::default(), providers: RwLock::default(), rooms }
    }

    /// The rung of a target, made at its first use and again when its number of keys changed. One of
    /// a provider whose outage is confirmed begins with its doors shut.
    pub(crate) fn rung(
        &self,
        target: &Target,
        keys: u16,
        settings: RungSettings,
        (now, dice): (impl FnOnce() -> Tick, &Mutex<Dice>),
    ) -> Arc<Rung> {
        if let Some(rung) = self.known(target)
            && rung.key_count() == usize::from(keys.max(1))
        {
            return rung;
        }
        let provider = self.provider(&target.provider);
        let beside = (self.rooms.clone(), provider);
        let rung = Arc::new(Rung::new(target.clone(), keys, settings, beside));
        if rung.is_out() {
            drop(rung.shut(now(), dice));
        }
        let mut rungs = self.rungs.write().unwrap_or_else(PoisonError::into_inner);
        if rungs.len() < RUNGS_MAX || rungs.contains_key(target) {
            rungs.insert(target.clone(), rung.clone());
        }
        rung
    }

    /// The rung of a target, if it was ever asked.
    pub(crate) fn known(&self, target: &Target) -> Option<Arc<Rung>> {
        self.rungs.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// What the rungs of a provider share.
    pub(crate) fn provider(&self, name: &Arc<str>) -> Arc<Provider> {
        let known =
            self.providers.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
            providers.entry(name.clone()).or_default().clone()
        })
    }

    /// The rungs of a provider.
    pub(crate) fn of_provider(&self, provider: &str) -> Vec<Arc<Rung>> {
        let rungs = self.rungs.read().unwrap_or_else(PoisonError::into_inner);
        let own = rungs.values().filter(|rung| *rung.target.provider == *provider);
        let mut own: Vec<Arc<Rung>> = own.cloned().collect();
        // The order of the map is hidden dice, and the doors are shut with dice.
        own.sort_by(|a, b| a.target.model.cmp(&b.target.model));
        own
    }

    /// Who waits, by provider.
    pub(crate) fn waits(&self) -> BTreeMap<Arc<str>, Waits> {
        let rungs = self.rungs.read().unwrap_or_else(PoisonError::into_inner);
        let mut sums: BTreeMap<Arc<str>, Waits> = BTreeMap::new();
        for rung in rungs.values() {
            let sum = sums.entry(rung.target.provider.clone()).or_default();
            rung.silence.add_to(&mut sum.streams);
            rung.trials.add_to(&mut sum.trials);
        }
        sums
    }

    /// The pace of every rung: its target, the limit in force and the ramp's rate.
    pub(crate) fn paces(&self) -> Vec<(Target, u32, Option<f64>)> {
        let rungs = self.rungs.read().unwrap_or_else(PoisonError::into_inner);
        let pace = |rung: &Arc<Rung>| {
            let (limit, ramp) = rung.pace();
            (rung.target.clone(), limit, ramp)
        };
        rungs.values().map(pace).collect()
    }

    /// Forgets what was learned under settings that are no longer in force.
    pub(crate) fn forget(&self) {
        self.rungs.write().unwrap_or_else(PoisonError::into_inner).clear();
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        providers.values().for_each(|provider| provider.forget());
    }
}
