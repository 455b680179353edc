//! New settings for a running house. A bad file is refused whole and the old settings stay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::Settings;
use net::Shutdown;

use crate::App;
use crate::Doors;
use crate::build::{BuildError, Reserves, announce_names, lineup};
use crate::observe::Observer;

/// How often the file's stamp is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a reload needs of the house.
#[derive(Debug)]
pub struct Reloader {
    doors: Doors,
    gateway: gateway::Gateway,
    telemetry: telemetry::Telemetry,
    reserves: Reserves,
    observer: Observer,
    tls: Option<std::sync::Arc<net::ServerTls>>,
    listen: config::Listen,
    watch: config::Watch,
}

impl App {
    /// The handle for reloads.
    pub fn reloader(&self) -> Reloader {
        Reloader {
            doors: self.doors.clone(),
            gateway: self.gateway.clone(),
            telemetry: self.telemetry.clone(),
            reserves: self.reserves.clone(),
            observer: self.observer.clone(),
            tls: self.tls.clone(),
            listen: self.settings.listen.clone(),
            watch: self.settings.watch.clone(),
        }
    }
}

impl Reloader {
    /// Puts new settings in force: providers, ladders, clocks, failover, callers and certificates.
    /// Listeners stay as they are.
    ///
    /// # Errors
    /// If something cannot be built; nothing has changed then.
    pub fn apply(&self, settings: &Settings) -> Result<(), BuildError> {
        let parts = lineup(settings, &self.doors, &self.reserves)?;
        if let Some(tls) = &self.tls {
            tls.reload()?;
        }
        announce_names(&self.telemetry, settings);
        let upstreams = parts.upstreams.clone();
        self.gateway.reload(parts);
        self.observer.set_providers(&settings.providers, &upstreams);
        if settings.listen != self.listen {
            tracing::warn!("a change of listeners or their limits needs a restart");
        }
        if settings.watch != self.watch {
            tracing::warn!("a change of the store or the status page needs a restart");
        }
        Ok(())
    }

    /// Reads the file and applies it, or says what is wrong with it.
    fn load_and_apply(&self, path: &Path, load: &Load) {
        self.telemetry.reopen_log();
        let settings = match load() {
            Ok(settings) => settings,
            Err(mistakes) => {
                tracing::error!(file = %path.display(), "new settings refused, the old ones stay");
                for mistake in mistakes {
                    tracing::error!("{mistake}");
                }
                return;
            }
        };
        match self.apply(&settings) {
            Ok(()) => tracing::info!(file = %path.display(), "settings reloaded"),
            Err(error) => {
                tracing::error!(%error, "new settings refused, the old ones stay");
            }
        }
    }
}

/// Reads the settings anew; the mistakes as one line each.
pub type Load = Box<dyn Fn() -> Result<Settings, Vec<String>> + Send>;

/// Reloads on SIGHUP and when the file changes, until shutdown.
pub(crate) async fn watch(reloader: Reloader, path: PathBuf, load: Load, shutdown: Shutdown) {
    let mut seen = std::fs::read(&path).ok();
    let mut hangup = hangups();
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut stamp = stamp_of(&path);
    loop {
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = hangup.next() => {
                seen = std::fs::read(&path).ok();
                reloader.load_and_apply(&path, &load);
            }
            _ = look.tick() => {
                let now = stamp_of(&path);
                if now == stamp {
                    continue;
                }
                stamp = now;
                let text = std::fs::read(&path).ok();
                // A file that is being replaced is gone for a moment; that is no new setting.
                if text.is_some() && text != seen {
                    seen = text;
                    reloader.load_and_apply(&path, &load);
                }
            }
        }
    }
}

/// What changes when a file is written or replaced, also behind a link.
fn stamp_of(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// SIGHUP as a stream; where it cannot be had, one that never comes.
struct Hangups(Option<tokio::signal::unix::Signal>);

fn hangups() -> Hangups {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(signal) => Hangups(Some(signal)),
        Err(error) => {
            tracing::warn!(%error, "SIGHUP cannot be heard");
            Hangups(None)
        }
    }
}

impl Hangups {
    async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
