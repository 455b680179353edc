//! A page that is made at most once a second, however many look at it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::{Clock, Tick};

use crate::answer::Page;

const FRESH: Duration = Duration::from_secs(1);

/// The last made page and when it was made.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Option<(Tick, Arc<Page>)>>);

impl Cache {
    /// The page, made anew if it is older than a second. Others wait while one makes it.
    pub(crate) fn get(&self, clock: &dyn Clock, make: impl FnOnce() -> Page) -> Arc<Page> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        if let Some((made, page)) = held.as_ref()
            && now.since(*made) < FRESH
        {
            return Arc::clone(page);
        }
        let page = Arc::new(make());
        *held = Some((now, Arc::clone(&page)));
        page
    }
}
