//! The settings where there is no file: providers found by their keys in the environment, and the
//! reserve behind them all.

use domain::Secret;
use gateway::Caps;
use providers::{Kind, ProviderSettings};
use resilience::{
    BreakerSettings, Clocks, FailoverSettings, LadderSpec, ModelSpec, RungModel, RungSpec,
};
use telemetry::RequestLogSettings;

use crate::mistake::{Findings, Place};
use crate::model::RESERVE_MODEL;
use crate::provider::{self, RESERVE};
use crate::secrets::{self, Use};
use crate::settings::{Overrides, ReserveSettings, Runtime, SecretOrigin, Settings, Source};
use crate::{Environment, Mistakes, Warning, base_url, listen, rooms};

/// Name, variable of the key, base URL: servers that speak OpenAI's chat completions.
const COMPATIBLE: [(&str, &str, &str); 7] = [
    ("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    ("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    ("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1"),
    ("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
    ("xai", "XAI_API_KEY", "https://api.x.ai/v1"),
    ("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1"),
    ("cerebras", "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
];

/// Variables that other products read, of providers that this version cannot speak to.
const COMING: [(&str, &str); 7] = [
    ("ANTHROPIC_API_KEY", "Anthropic"),
    ("ANTHROPIC_AUTH_TOKEN", "Anthropic"),
    ("GEMINI_API_KEY", "Gemini"),
    ("GOOGLE_API_KEY", "Gemini"),
    ("AZURE_OPENAI_API_KEY", "Azure OpenAI"),
    ("PERPLEXITY_API_KEY", "Perplexity"),
    ("PPLX_API_KEY", "Perplexity"),
];

/// What products ask for already; without any key the reserve answers for them, so that a trial
/// needs no change in the product, while a mistyped name still gets an honest 404.
const FAMILIES: [&str; 9] =
    ["assistant", "gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "claude-*", "gemini-*", "sonar*"];

/// Builds the settings from the environment alone.
pub(crate) fn settings(env: &dyn Environment, overrides: &Overrides) -> Result<Settings, Mistakes> {
    let mut findings = Findings::in_environment();
    let mut found = Found { env, providers: Vec::new(), origins: Vec::new() };
    found.openai(&mut findings);
    for (name, variable, url) in COMPATIBLE {
        if let Some(key) = found.key(variable, &mut findings) {
            let mut settings = provider::plain(name, Kind::Compatible);
            settings.base_url = url.into();
            found.add(settings, key, variable);
        }
    }
    let listen = listen::without_file(overrides, &mut findings);
    findings.into_result()?;
    let Found { mut providers, origins, .. } = found;
    let clocks = Clocks::default();
    let models = models(&providers, clocks);
    let notes = notes(env, &providers);
    providers.push(provider::plain(RESERVE, Kind::Reserve));
    Ok(Settings {
        listen,
        providers,
        models,
        clocks,
        failover: FailoverSettings::default(),
        breaker: BreakerSettings::default(),
        callers: Vec::new(),
        caps: Caps::default(),
        request_log: RequestLogSettings::default(),
        reserve: ReserveSettings {
            enabled: true,
            model_dir: rooms::default_model_dir(env),
            ..ReserveSettings::default()
        },
        runtime: Runtime::default(),
        source: Source::Environment,
        secret_origins: origins,
        notes,
    })
}

struct Found<'e> {
    env: &'e dyn Environment,
    providers: Vec<ProviderSettings>,
    origins: Vec<SecretOrigin>,
}

impl Found<'_> {
    /// A variable's value, trimmed; one that is set to nothing counts as not set.
    fn get(&self, variable: &str) -> Option<String> {
        let value = self.env.get(variable)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    fn key(&self, variable: &str, findings: &mut Findings<'_>) -> Option<Secret> {
        let text = self.get(variable)?;
        if !secrets::fits(&text, Use::Key) {
            let message = format!("`{variable}` holds a character that cannot be sent in a header");
            findings.wrong(Place::Whole, message);
            return None;
        }
        Some(Secret::new(text))
    }

    fn add(&mut self, mut settings: ProviderSettings, key: Secret, variable: &str) {
        let from = format!("env:{variable}").into();
        self.origins.push(SecretOrigin { provider: settings.name.clone(), header: None, from });
        settings.api_keys.push(key);
        self.providers.push(settings);
    }

    fn openai(&mut self, findings: &mut Findings<'_>) {
        let Some(key) = self.key("OPENAI_API_KEY", findings) else {
            return;
        };
        let mut settings = provider::plain("openai", Kind::OpenAi);
        if let Some(url) = self.get("OPENAI_BASE_URL") {
            match base_url::checked(&url) {
                Ok(url) => settings.base_url = url,
                Err(message) => {
                    findings.wrong(Place::Whole, format!("`OPENAI_BASE_URL`: {message}"));
                }
            }
        }
        settings.organization = self.account("OPENAI_ORG_ID", findings);
        settings.project = self.account("OPENAI_PROJECT_ID", findings);
        self.add(settings, key, "OPENAI_API_KEY");
    }

    fn account(&self, variable: &str, findings: &mut Findings<'_>) -> Option<Box<str>> {
        let text = self.get(variable)?;
        if !secrets::fits(&text, Use::Key) {
            let message = format!("`{variable}` holds a character that cannot be sent in a header");
            findings.wrong(Place::Whole, message);
            return None;
        }
        Some(text.into())
    }
}

fn reserve_rung() -> Vec<RungSpec> {
    vec![RungSpec { provider: RESERVE.into(), model: RungModel::Named(RESERVE_MODEL.into()) }]
}

fn models(providers: &[ProviderSettings], clocks: Clocks) -> Vec<ModelSpec> {
    let model = |pattern: &str, first: Option<&str>| {
        let first =
            first.map(|name| vec![RungSpec { provider: name.into(), model: RungModel::AsAsked }]);
        let steps = first.into_iter().chain([reserve_rung()]).collect();
        ModelSpec { pattern: pattern.into(), ladder: LadderSpec { steps }, clocks }
    };
    let mut models = Vec::new();
    for provider in providers {
        let pattern = match provider.kind {
            Kind::OpenAi => "*".to_owned(),
            Kind::Compatible | Kind::Reserve => format!("{}/*", provider.name),
        };
        models.push(model(&pattern, Some(&provider.name)));
    }
    if providers.is_empty() {
        models.extend(FAMILIES.map(|family| model(family, None)));
    }
    models.push(model(RESERVE_MODEL, None));
    models.push(model(&format!("{RESERVE}/{RESERVE_MODEL}"), None));
    models
}

fn notes(env: &dyn Environment, providers: &[ProviderSettings]) -> Vec<Warning> {
    let mut notes = Vec::new();
    for (variable, who) in COMING {
        if env.get(variable).is_some_and(|value| !value.trim().is_empty()) {
            notes.push(Warning::new(format!(
                "`{variable}` is set, but this version cannot speak to {who} yet"
            )));
        }
    }
    if providers.is_empty() {
        let names = COMPATIBLE.map(|(_, variable, _)| variable).join(", ");
        notes.push(Warning::new(format!(
            "no provider's key was found, so only the small reserve model answers; set \
             OPENAI_API_KEY or one of {names}, or write a seawall.toml"
        )));
    }
    notes
}
