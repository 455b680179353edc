//! The checked settings of the whole product. Plain data: whoever holds a [`Settings`] need not
//! check it again. What each part means is said in the room that declares it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use admission::{CallerKey, RoomSettings};
use gateway::{Caps, RecallSettings};
use net::{ServerLimits, TlsFiles};
use providers::ProviderSettings;
use resilience::{BreakerSettings, Clocks, FailoverSettings, ModelSpec, PaceSettings};
use telemetry::RequestLogSettings;
use web::StatusSettings;

use crate::Warning;

/// Everything that can be configured, complete and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: Listen,
    /// In the order of the file.
    pub providers: Vec<ProviderSettings>,
    /// In the order of the file; patterns and names are all different.
    pub models: Vec<ModelSpec>,
    /// The defaults, already merged into each of `models`; direct `provider/model` names use them.
    pub clocks: Clocks,
    pub steadiness: Steadiness,
    /// Empty in open mode, which is possible on loopback only.
    pub callers: Vec<CallerKey>,
    pub caps: Caps,
    pub request_log: RequestLogSettings,
    pub reserve: ReserveSettings,
    pub runtime: Runtime,
    pub watch: Watch,
    pub source: Source,
    /// Files that were read beside the configuration itself; a change of one is a change of it.
    pub read_besides: Vec<PathBuf>,
    /// Where each secret came from, in the order of `providers`.
    pub secret_origins: Vec<SecretOrigin>,
    /// What was noticed while reading and cannot be seen in the settings any more; part of
    /// [`warnings`](crate::warnings).
    pub notes: Vec<Warning>,
}

/// What keeps answers coming while providers do not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Steadiness {
    pub failover: FailoverSettings,
    pub breaker: BreakerSettings,
    pub pace: PaceSettings,
    pub waiting_room: RoomSettings,
    pub recall: RecallSettings,
}

/// What is kept of what was seen, and whose page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub storage: storage::Settings,
    pub status: StatusSettings,
    pub lookout: lookout::Settings,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            storage: storage::Settings::in_memory(),
            status: StatusSettings::default(),
            lookout: lookout::Settings::default(),
        }
    }
}

/// The three listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// For callers.
    pub gateway: SocketAddr,
    /// For the public.
    pub status: SocketAddr,
    /// For operators; loopback.
    pub console: SocketAddr,
    /// For the gateway listener.
    pub tls: Option<TlsFiles>,
    /// For each listener; the counts are per listener.
    pub limits: ServerLimits,
}

/// The model on board.
#[derive(Debug, Clone, PartialEq)]
pub struct ReserveSettings {
    /// Whether it is loaded. True if a ladder or a provider table names it, unless switched off.
    pub enabled: bool,
    /// The folder of the model's file.
    pub model_dir: PathBuf,
    /// Threads that each run one answer at a time.
    pub threads: usize,
    /// Tokens of prompt and answer together.
    pub context_tokens_max: u32,
    /// Tokens of one answer.
    pub output_tokens_max: u32,
    /// Requests that wait for a thread.
    pub queue_max: usize,
    /// For which one request waits.
    pub queue_wait_ms_max: u64,
    /// Used where the caller names none; 0 takes the likeliest token always.
    pub temperature: f64,
    /// Used where the caller names none.
    pub top_p: f64,
}

impl Default for ReserveSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            model_dir: PathBuf::new(),
            threads: 1,
            context_tokens_max: 2_048,
            output_tokens_max: 256,
            queue_max: 8,
            queue_wait_ms_max: 30_000,
            temperature: 0.2,
            top_p: 0.9,
        }
    }
}

/// How the process uses the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Runtimes of the line, one a core; `None` takes as many as the process may use.
    pub cores: Option<usize>,
}

/// Where the settings came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
        }
    }
}

/// Where one secret came from; the secret itself is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretOrigin {
    /// The provider's name.
    pub provider: Box<str>,
    /// `None` for an API key, else the header's name.
    pub header: Option<Box<str>>,
    /// Such as `env:OPENAI_API_KEY` or `file:/run/secrets/openai`.
    pub from: Box<str>,
}

/// Addresses from the command line or its `SEAWALL_…` variables; they win over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pub gateway: Option<SocketAddr>,
    pub status: Option<SocketAddr>,
    pub console: Option<SocketAddr>,
}
