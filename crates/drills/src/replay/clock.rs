//! The drill's clock: tokio's own, paused, which jumps to the next timer as soon as nobody has
//! anything left to do.

use std::time::Duration;

use clock::{Clock, Tick};
use tokio::time::Instant;

/// Far enough for a wait that has no end.
const FAR: Duration = Duration::from_secs(30 * 86_400);

/// Tells the paused time of the runtime that it was made on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VirtualClock {
    origin: Instant,
    unix_s: u64,
}

impl VirtualClock {
    /// A clock whose origin is now, and is told as `unix_s`.
    #[expect(clippy::disallowed_methods, reason = "this is the drill's door to paused time")]
    pub(crate) fn new(unix_s: u64) -> Self {
        Self { origin: Instant::now(), unix_s }
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Since the origin.
    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(crate) fn instant(&self, at: Tick) -> Instant {
        self.origin + Duration::from_nanos(at.as_nanos())
    }

    /// Waits until then; without a moment, as good as for ever.
    pub(crate) async fn sleep_until(&self, at: Option<Tick>) {
        let at = at.map_or(self.origin + FAR, |at| self.instant(at));
        tokio::time::sleep_until(at).await;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Tick {
        self.tick()
    }

    fn unix_seconds(&self) -> f64 {
        self.unix_s as f64 + self.origin.elapsed().as_secs_f64()
    }
}
