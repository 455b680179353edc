//! Polls providers' pages: every half minute to minute, each page for itself, through the only HTTP
//! client. What a page says is mapped to our components; what it means is `detection`'s affair.

mod known;
mod map;
mod settings;
mod source;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Dice, UnixMs};
use net::Client;

pub use known::{known_page, known_pages};
pub use settings::{FeedSettings, PageSettings, PartMatch, PartRule, SourceSettings};
pub use view::{FeedSink, FeedState, FeedView, PageIncident, PageMaintenance};

use super::{Doubts, FeedReading};
use crate::web::AddressError;
use map::{Mapped, map};
use source::Source;

/// Documents of one page.
const SOURCES_MAX: usize = 4;

/// Polls one page.
pub struct PagePoller {
    page: PageSettings,
    settings: Arc<FeedSettings>,
    client: Client,
    clock: Arc<dyn Clock>,
    dice: Dice,
    sources: Vec<Source>,
    read_at: Option<UnixMs>,
}

impl fmt::Debug for PagePoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagePoller").field("page", &self.page.name).finish_non_exhaustive()
    }
}

impl PagePoller {
    /// A poller of `page`. The client's connector is best a [`crate::web::Guarded`] one: pages
    /// redirect.
    ///
    /// # Errors
    /// If an address of the page is none.
    pub fn new(
        page: PageSettings,
        settings: Arc<FeedSettings>,
        client: Client,
        (clock, dice): (Arc<dyn Clock>, Dice),
    ) -> Result<Self, AddressError> {
        let sources = page.sources.iter().take(SOURCES_MAX).map(Source::new);
        let sources = sources.collect::<Result<_, _>>()?;
        Ok(Self { page, settings, client, clock, dice, sources, read_at: None })
    }

    /// Polls for ever; dropping the future ends it.
    pub async fn run(mut self, sink: Arc<dyn FeedSink>) {
        // Not all pages at once after a start.
        let first = self.settings.every_ms.min(self.dice.below(self.settings.every_ms.min(5_000)));
        tokio::time::sleep(Duration::from_millis(first)).await;
        loop {
            sink.take(self.round().await);
            let every = Duration::from_millis(self.settings.every_ms);
            tokio::time::sleep(self.dice.jitter(every, 1.0 / 3.0)).await;
        }
    }

    /// Asks every document once. What a document said before stands while it cannot be read.
    pub async fn round(&mut self) -> FeedView {
        let mut trouble = None;
        for source in &mut self.sources {
            if let Err(error) = source.round(&self.client, &self.settings).await {
                tracing::debug!(page = &*self.page.name, %error, "a status page was not read");
                trouble.get_or_insert_with(|| error.to_string().into_boxed_str());
            }
        }
        let now = UnixMs::from_seconds(self.clock.unix_seconds());
        if trouble.is_none() {
            self.read_at = Some(now);
        }
        self.view(now, trouble)
    }

    fn view(&self, now: UnixMs, trouble: Option<Box<str>>) -> FeedView {
        let readings: Vec<&FeedReading> =
            self.sources.iter().filter_map(|source| source.reading.as_ref()).collect();
        let mut doubts = Doubts::default();
        readings.iter().for_each(|reading| doubts.add(reading.doubts));
        let Mapped { conditions, incidents, maintenances, tells_incidents } =
            map(&self.page, &readings, now);
        let lists_parts = readings.iter().any(|reading| reading.components.is_some());
        let missing = self.page.parts.iter().map(|rule| &rule.component);
        let missing = missing.filter(|id| lists_parts && !conditions.contains_key(*id));
        FeedView {
            page: self.page.name.clone(),
            at: now,
            state: self.state(now),
            read_at: self.read_at,
            engine: readings.first().map(|reading| reading.engine),
            missing: missing.cloned().collect(),
            conditions,
            tells_incidents,
            incidents,
            maintenances,
            tells_green: self.page.tells_green,
            doubts,
            trouble,
        }
    }

    fn state(&self, now: UnixMs) -> FeedState {
        match self.read_at.map(|read| now.since(read)) {
            Some(age) if age <= self.settings.fresh_ms_max => FeedState::Fresh,
            Some(age) if age <= self.settings.stale_ms_max => FeedState::Stale,
            _ => FeedState::Broken,
        }
    }
}
