//! Pages that were made from the present view, each at most once a second, however many look at
//! them. What is on a page is not known here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clock::{Clock, Tick};

use super::lang::Lang;
use super::route::Route;
use super::view::StatusView;
use crate::answer::Page;

const FRESH: Duration = Duration::from_secs(1);
/// Pages of one second; what is asked for beyond them is made for each asker.
const PAGES_MAX: usize = 1_024;

type Slot = Arc<OnceLock<Page>>;

/// A view with the pages that were made of it.
#[derive(Debug)]
pub(crate) struct Moment {
    made: Tick,
    pub(crate) view: Arc<StatusView>,
    slots: Mutex<HashMap<(Route, Lang), Slot>>,
}

impl Moment {
    /// The page of a route, made by `draw` if nobody has asked for it yet. Others who want the same
    /// page wait meanwhile.
    pub(crate) fn page(&self, key: (Route, Lang), draw: impl FnOnce() -> Page) -> Page {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.len() < PAGES_MAX || slots.contains_key(&key) {
                Some(Arc::clone(slots.entry(key).or_default()))
            } else {
                None
            }
        };
        match slot {
            Some(slot) => slot.get_or_init(draw).clone(),
            None => draw(),
        }
    }
}

/// The present moment.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Option<Arc<Moment>>>);

impl Shelf {
    /// The present moment, with a new view by `ask` if it is older than a second.
    pub(crate) fn moment(
        &self,
        clock: &dyn Clock,
        ask: impl FnOnce() -> Arc<StatusView>,
    ) -> Arc<Moment> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        if let Some(moment) = held.as_ref()
            && now.since(moment.made) < FRESH
        {
            return Arc::clone(moment);
        }
        let moment = Arc::new(Moment { made: now, view: ask(), slots: Mutex::default() });
        *held = Some(Arc::clone(&moment));
        moment
    }
}
