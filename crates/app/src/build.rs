//! Makes the parts from the settings and joins them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use config::Settings;
use gateway::{Gateway, GatewayParts, LineupParts};
use providers::{ProviderSettings, Surroundings};
use reserve::Reserve;
use storage::Archive;
use telemetry::{Gauge, Telemetry, Worker};
use thiserror::Error;
use upstream::Upstream;

use crate::Doors;
use crate::observe::Observer;

/// Why the house cannot be built. Blame: the operator.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error("provider `{provider}`: {source}")]
    Provider {
        provider: Box<str>,
        #[source]
        source: providers::BuildError,
    },
    #[error("cannot read `{path}`: {source}")]
    CaFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("TLS of the gateway's listener: {0}")]
    Tls(#[from] net::ServerTlsError),
    #[error("the store of what was seen: {0}")]
    Store(#[from] storage::OpenError),
}

/// The built house, before it opens its doors.
#[derive(Debug)]
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) doors: Doors,
    pub(crate) gateway: Gateway,
    pub(crate) telemetry: Telemetry,
    pub(crate) worker: Option<Worker>,
    pub(crate) reserves: Reserves,
    pub(crate) observer: Observer,
    /// For probes, until a reload brings others.
    pub(crate) upstreams: Vec<Arc<dyn Upstream>>,
    pub(crate) tls: Option<Arc<net::ServerTls>>,
}

/// The reserve models by their provider's name; they outlive reloads, since loading takes long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reserves(Arc<Mutex<Vec<Loaded>>>);

/// One reserve with what it was started with.
#[derive(Debug)]
struct Loaded {
    name: Box<str>,
    settings: config::ReserveSettings,
    reserve: Arc<Reserve>,
}

impl Reserves {
    fn get(&self, name: &str, settings: &config::ReserveSettings) -> Arc<Reserve> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |loaded: &&Loaded| *loaded.name == *name && loaded.settings == *settings;
        if let Some(loaded) = known.iter().find(same) {
            return loaded.reserve.clone();
        }
        known.retain(|loaded| {
            let other = *loaded.name != *name;
            if !other {
                loaded.reserve.shutdown();
            }
            other
        });
        let reserve = Reserve::start(name, reserve_settings(settings));
        let settings = settings.clone();
        known.push(Loaded { name: name.into(), settings, reserve: reserve.clone() });
        reserve
    }

    fn is_ready(&self) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|loaded| loaded.reserve.readiness() == upstream::Readiness::Ready)
    }

    pub(crate) fn shutdown(&self) {
        for loaded in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            loaded.reserve.shutdown();
        }
    }
}

fn reserve_settings(settings: &config::ReserveSettings) -> reserve::ReserveSettings {
    reserve::ReserveSettings {
        model_dir: settings.model_dir.clone(),
        threads: settings.threads,
        context_tokens_max: settings.context_tokens_max,
        output_tokens_max: settings.output_tokens_max,
        queue_max: settings.queue_max,
        queue_wait_ms_max: settings.queue_wait_ms_max,
        temperature: settings.temperature,
        top_p: settings.top_p,
    }
}

impl App {
    /// Builds everything; nothing listens yet, and the reserve loads in the background.
    ///
    /// # Errors
    /// If a provider, a certificate or a file of the settings cannot be used.
    pub fn build(settings: Settings, mut doors: Doors) -> Result<Self, BuildError> {
        let (telemetry, worker) =
            Telemetry::start(settings.request_log.clone(), doors.clock.clone());
        let reserves = Reserves::default();
        let lineup = lineup(&settings, &doors, &reserves)?;
        let upstreams = lineup.upstreams.clone();
        announce_names(&telemetry, &settings);
        let payload_bytes_max =
            settings.request_log.payloads.then_some(settings.request_log.payload_bytes_max);
        let gateway = Gateway::new(GatewayParts {
            lineup,
            clock: doors.clock.clone(),
            telemetry: telemetry.clone(),
            dice: doors.dice.split(),
            payload_bytes_max,
        });
        let tls = settings.listen.tls.clone().map(net::ServerTls::load).transpose()?;
        register_gauges(&telemetry, &gateway, &reserves);
        let archive = Archive::open(&settings.watch.storage, doors.clock.clone())?;
        let dice = doors.dice.split();
        let line = (telemetry.clone(), gateway.clone());
        let observer = Observer::new(&settings, line, dice, archive);
        let worker = Some(worker);
        Ok(Self { settings, doors, gateway, telemetry, worker, reserves, observer, upstreams, tls })
    }

    /// The handle that feeds metrics, for whoever wants to read them.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}

fn register_gauges(telemetry: &Telemetry, gateway: &Gateway, reserves: &Reserves) {
    let for_level = gateway.clone();
    telemetry.register_gauge(Gauge::RetryBudgetLevel, &[], move || for_level.retry_budget_level());
    #[expect(clippy::cast_precision_loss, reason = "shown, and far below 2^52")]
    for (gauge, of) in [
        (Gauge::KeptAnswers, (|size| size.0 as f64) as fn((usize, usize)) -> f64),
        (Gauge::KeptAnswerBytes, |size| size.1 as f64),
    ] {
        let kept = gateway.clone();
        telemetry.register_gauge(gauge, &[], move || of(kept.kept_answers()));
    }
    let for_reserve = reserves.clone();
    telemetry.register_gauge(Gauge::ReserveReady, &[], move || {
        if for_reserve.is_ready() { 1.0 } else { 0.0 }
    });
}

/// Only configured names may become label values.
pub(crate) fn announce_names(telemetry: &Telemetry, settings: &Settings) {
    let mut models: Vec<Arc<str>> = Vec::new();
    for model in &settings.models {
        models.push(Arc::from(&*model.pattern));
        for rung in model.ladder.steps.iter().flatten() {
            if let resilience::RungModel::Named(name) = &rung.model {
                models.push(Arc::from(&**name));
            }
        }
    }
    let mut providers: Vec<Arc<str>> =
        settings.providers.iter().map(|provider| Arc::from(&*provider.name)).collect();
    if settings.steadiness.recall.enabled {
        providers.push(Arc::from(gateway::RECALL));
    }
    telemetry.set_known(&models, &providers);
}

/// The part of the settings that a reload can change.
pub(crate) fn lineup(
    settings: &Settings,
    doors: &Doors,
    reserves: &Reserves,
) -> Result<LineupParts, BuildError> {
    let surroundings = Surroundings {
        connector: doors.connector.clone(),
        clock: doors.clock.clone(),
        answer_bytes_max: settings.caps.answer_bytes_max,
    };
    let mut upstreams: Vec<Arc<dyn Upstream>> = Vec::new();
    for provider in &settings.providers {
        let built = build_provider(provider, &surroundings)?;
        if let Some(upstream) = built {
            upstreams.push(upstream);
        } else if settings.reserve.enabled {
            upstreams.push(reserves.get(&provider.name, &settings.reserve));
        }
    }
    Ok(LineupParts {
        models: settings.models.clone(),
        upstreams,
        callers: settings.callers.clone(),
        failover: settings.steadiness.failover,
        breaker: settings.steadiness.breaker,
        pace: settings.steadiness.pace,
        room: settings.steadiness.waiting_room,
        recall: settings.steadiness.recall,
        clocks: settings.clocks,
        caps: settings.caps.clone(),
    })
}

fn build_provider(
    settings: &ProviderSettings,
    surroundings: &Surroundings,
) -> Result<Option<Arc<dyn Upstream>>, BuildError> {
    let ca_pem = match &settings.ca_file {
        Some(path) => Some(
            std::fs::read(path)
                .map_err(|source| BuildError::CaFile { path: path.clone(), source })?,
        ),
        None => None,
    };
    providers::build(settings, ca_pem.as_deref(), surroundings)
        .map_err(|source| BuildError::Provider { provider: settings.name.clone(), source })
}
