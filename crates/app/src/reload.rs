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

    /// Reads the file and applies it, or says what is wrong with it. What was read beside it, if it
    /// was applied.
    fn load_and_apply(&self, path: &Path, load: &Load) -> Option<Vec<PathBuf>> {
        self.telemetry.reopen_log();
        let settings = match load() {
            Ok(settings) => settings,
            Err(mistakes) => {
                tracing::error!(file = %path.display(), "new settings refused, the old ones stay");
                for mistake in mistakes {
                    tracing::error!("{mistake}");
                }
                return None;
            }
        };
        match self.apply(&settings) {
            Ok(()) => {
                tracing::info!(file = %path.display(), "settings reloaded");
                Some(settings.read_besides)
            }
            Err(error) => {
                tracing::error!(%error, "new settings refused, the old ones stay");
                None
            }
        }
    }
}

/// Reads the settings anew; the mistakes as one line each.
pub type Load = Box<dyn Fn() -> Result<Settings, Vec<String>> + Send>;

/// Reloads on SIGHUP and when one of the files changes, until shutdown.
pub(crate) async fn watch(
    reloader: Reloader,
    (path, besides): (PathBuf, Vec<PathBuf>),
    load: Load,
    shutdown: Shutdown,
) {
    let mut files: Vec<Watched> =
        std::iter::once(&path).chain(&besides).map(Watched::new).collect();
    let mut hangup = hangups();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let changed = tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = hangup.next() => {
                files.iter_mut().for_each(|file| file.seen = std::fs::read(&file.path).ok());
                true
            }
            // All are looked at, so that several which change together are one change.
            _ = look.tick() => files.iter_mut().filter_map(Watched::changed).count() > 0,
        };
        if changed && let Some(besides) = reloader.load_and_apply(&path, &load) {
            files.truncate(1);
            files.extend(besides.iter().map(Watched::new));
        }
    }
}

/// A file that is watched: what was last seen of it.
struct Watched {
    path: PathBuf,
    stamp: Option<Stamp>,
    seen: Option<Vec<u8>>,
}

type Stamp = (std::time::SystemTime, u64);

impl Watched {
    fn new(path: &PathBuf) -> Self {
        Self { path: path.clone(), stamp: stamp_of(path), seen: std::fs::read(path).ok() }
    }

    /// That it says something else than before.
    fn changed(&mut self) -> Option<()> {
        let now = stamp_of(&self.path);
        if now == self.stamp {
            return None;
        }
        self.stamp = now;
        let text = std::fs::read(&self.path).ok();
        // A file that is being replaced is gone for a moment; that is no new setting.
        if text.is_none() || text == self.seen {
            return None;
        }
        self.seen = text;
        Some(())
    }
}

/// What changes when a file is written or replaced, also behind a link.
fn stamp_of(path: &Path) -> Option<Stamp> {
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
