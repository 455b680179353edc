//! The settings under test: the user's own file, or the built-in one of the scenario, with every
//! address turned towards the simulated providers and every secret replaced.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use config::{Environment, Overrides, Settings};
use providers::{Kind, ProviderSettings};
use thiserror::Error;

use super::network::DOMAIN;
use crate::crowd::key_of;
use crate::scenario::{ProviderKind, Scenario};

/// Bytes of a configuration file that are read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The simulated provider that stands for a server of the world.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "claude"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("api.perplexity.ai", "perplexity"),
];

/// Settings that can be drilled.
#[derive(Debug, Clone)]
pub struct Setup {
    pub settings: Settings,
    /// The model that the fleet asks for.
    pub model: String,
    /// Where they come from, for the report.
    pub source: String,
}

/// Why settings cannot be drilled. Blame: whoever wrote them.
#[derive(Debug, Error)]
pub enum SetupError {
    #[error("cannot read {path}: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// One line for each.
    #[error("{}", .0.join("\n"))]
    Mistakes(Vec<String>),
    #[error(
        "the scenario has no provider `{0}`; add `[providers.{0}]` to it, or name yours after one of its own"
    )]
    NoSuchProvider(String),
    #[error(
        "the configuration has no model that the fleet could ask for; add one, such as `[models.assistant]`"
    )]
    NoModel,
}

/// Every variable holds a key of the drill's own: no real secret comes near a simulation.
#[derive(Debug)]
struct DrillEnvironment;

impl Environment for DrillEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        (!name.starts_with("SEAWALL_")).then(|| match name {
            "HOME" | "XDG_DATA_HOME" | "XDG_CACHE_HOME" => "/nonexistent".to_owned(),
            _ => format!("drill-{name}-0123456789"),
        })
    }

    fn read_file(&self, path: &Path, _bytes_max: u64) -> io::Result<Vec<u8>> {
        Ok(format!("drill-{}", path.display()).into_bytes())
    }
}

/// The scenario's own fleet, with the house's defaults.
///
/// # Errors
/// If the scenario's further settings are mistaken.
pub fn builtin(scenario: &Scenario) -> Result<Setup, SetupError> {
    let mut text = String::new();
    // Writing into a text cannot fail.
    for (name, provider) in &scenario.providers {
        if !provider.is_reserve {
            _ = writeln!(
                text,
                "[providers.{name}]\nkind = \"{}\"\nbase_url = \"{}\"\napi_keys = [\"env:KEY_OF_{}\"]{}",
                provider.kind.in_settings().as_str(),
                base_url(provider.kind.in_settings(), name),
                name.replace('-', "_"),
                match provider.kind {
                    ProviderKind::OpenAiResponses => "\nspeaks = [\"responses\"]",
                    _ => "",
                }
            );
        }
    }
    let quoted = |rungs: &Vec<String>| {
        let rungs: Vec<_> = rungs.iter().map(|rung| format!("\"{rung}\"")).collect();
        if rungs.len() == 1 { rungs.concat() } else { format!("[{}]", rungs.join(", ")) }
    };
    let steps: Vec<_> = scenario.fleet.ladder.iter().map(quoted).collect();
    let fleet = &scenario.fleet;
    _ = writeln!(
        text,
        "[models.\"{}\"]\nladder = [{}]\n{}",
        fleet.model,
        steps.join(", "),
        fleet.settings
    );
    let path = Path::new("built-in settings of the scenario");
    let settings = parsed(&text, path)?;
    finish(settings, fleet.model.clone(), "built-in", scenario)
}

/// The user's own file.
///
/// # Errors
/// If it cannot be read or has mistakes, or names a provider that the scenario does not have.
pub fn of_user(path: &Path, scenario: &Scenario) -> Result<Setup, SetupError> {
    let unreadable = |source| SetupError::Unreadable { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let settings = parsed(&text, path)?;
    let wanted = settings.models.iter().find(|model| *model.pattern == *scenario.fleet.model);
    let model =
        wanted.or_else(|| settings.models.iter().find(|model| !model.pattern.contains('*')));
    let model = model.ok_or(SetupError::NoModel)?.pattern.to_string();
    finish(settings, model, &path.display().to_string(), scenario)
}

fn parsed(text: &str, path: &Path) -> Result<Settings, SetupError> {
    config::parse(text, path, &DrillEnvironment, &Overrides::default()).map_err(|mistakes| {
        SetupError::Mistakes(mistakes.iter().map(ToString::to_string).collect())
    })
}

fn finish(
    mut settings: Settings,
    model: String,
    source: &str,
    scenario: &Scenario,
) -> Result<Setup, SetupError> {
    settings.request_log.to = telemetry::LogTo::Nowhere;
    settings.listen.tls = None;
    settings.reserve.enabled = false;
    // What is looked at outside is told by the story.
    settings.watch.storage = storage::Settings::in_memory();
    settings.watch.status.reports = false;
    settings.watch.lookout.feeds = true;
    settings.watch.lookout.probes.clear();
    settings.watch.lookout.canaries = false;
    settings.callers = scenario
        .crowds
        .iter()
        .map(|crowd| admission::CallerKey {
            name: crowd.tenant.as_str().into(),
            sha256: sha256_of(&key_of(&crowd.tenant)),
        })
        .collect();
    settings.callers.dedup_by(|a, b| a.name == b.name);
    let mut turned = Vec::new();
    for provider in std::mem::take(&mut settings.providers) {
        if let Some(provider) = turn(provider, scenario)? {
            turned.push(provider);
        }
    }
    settings.providers = turned;
    Ok(Setup { settings, model, source: source.to_owned() })
}

/// Turns a provider towards its simulated counterpart, which answers in the dialect that it is
/// asked in; so the kind stays the user's. The reserve becomes one too, where the
/// scenario has one: the model on board works in real time, on threads of its own.
fn turn(
    mut provider: ProviderSettings,
    scenario: &Scenario,
) -> Result<Option<ProviderSettings>, SetupError> {
    let simulated = if provider.kind == Kind::Reserve {
        let reserve = scenario.providers.iter().find(|(_, provider)| provider.is_reserve);
        let Some((name, _)) = reserve else {
            return Ok(None);
        };
        name.clone()
    } else {
        counterpart(&provider, scenario)
            .ok_or_else(|| SetupError::NoSuchProvider(provider.name.to_string()))?
    };
    provider.base_url = base_url(provider.kind, &simulated).into();
    provider.http2 = false;
    provider.ca_file = None;
    // A token's file is read while the product runs, past the drill's environment.
    if provider.entra_token_file.take().is_some() && provider.api_keys.is_empty() {
        provider.api_keys.push(domain::Secret::new("drill-token-0123456789"));
    }
    Ok(Some(provider))
}

/// Where a server of this kind begins.
fn base_url(kind: Kind, name: &str) -> String {
    let path = match kind {
        Kind::OpenAi | Kind::Compatible | Kind::Reserve => "/v1",
        Kind::Azure | Kind::Anthropic | Kind::Gemini | Kind::Perplexity => "",
    };
    format!("http://{name}{DOMAIN}{path}")
}

fn counterpart(provider: &ProviderSettings, scenario: &Scenario) -> Option<String> {
    let named = scenario.providers.get_key_value(&*provider.name).map(|(name, _)| name.clone());
    named.or_else(|| {
        let host = HOSTS.iter().find(|(host, _)| provider.base_url.contains(host));
        let (_, name) = host?;
        scenario.providers.contains_key(*name).then(|| (*name).to_owned())
    })
}

fn sha256_of(key: &str) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(key.as_bytes()).into()
}
