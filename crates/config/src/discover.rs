//! The settings where there is no file: providers found by their keys in the environment, and the
//! reserve behind them all.

use domain::Secret;
use gateway::Caps;
use providers::{Kind, ProviderSettings};
use resilience::{Clocks, LadderSpec, ModelSpec, RungModel, RungSpec};
use telemetry::RequestLogSettings;

use crate::mistake::{Findings, Place};
use crate::model::RESERVE_MODEL;
use crate::provider::RESERVE;
use crate::secrets::{self, Use};
use crate::settings::{
    Overrides, ReserveSettings, Runtime, SecretOrigin, Settings, Source, Steadiness, Watch,
};
use crate::{Environment, Mistakes, Warning, base_url, kinds, listen, rooms};

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

/// Kind, variables of the key in the order in which they are looked at, variable of the base URL,
/// and the names of its models that callers use without a provider's name.
const OWN_KINDS: [(Kind, &[&str], Option<&str>, &str); 3] = [
    (Kind::Anthropic, &["ANTHROPIC_API_KEY"], Some("ANTHROPIC_BASE_URL"), "claude-*"),
    (Kind::Gemini, &["GEMINI_API_KEY", "GOOGLE_API_KEY"], None, "gemini-*"),
    (Kind::Perplexity, &["PERPLEXITY_API_KEY", "PPLX_API_KEY"], None, "sonar*"),
];

/// Where Azure's resource is.
const AZURE_ENDPOINT: &str = "AZURE_OPENAI_ENDPOINT";

/// What products ask for already; without any key the reserve answers for them, so that a trial
/// needs no change in the product, while a mistyped name still gets an honest 404.
const FAMILIES: [&str; 9] =
    ["assistant", "gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "claude-*", "gemini-*", "sonar*"];

/// Builds the settings from the environment alone.
pub(crate) fn settings(env: &dyn Environment, overrides: &Overrides) -> Result<Settings, Mistakes> {
    let mut findings = Findings::in_environment();
    let mut found = Found { env, providers: Vec::new(), origins: Vec::new() };
    found.openai(&mut findings);
    found.azure(&mut findings);
    for (kind, variables, url, _) in OWN_KINDS {
        let key = variables.iter().find_map(|name| Some((found.key(name, &mut findings)?, *name)));
        if let Some((key, variable)) = key {
            let mut settings = ProviderSettings::new(kind.as_str(), kind);
            found.move_to(&mut settings, url, &mut findings);
            found.add(settings, key, variable);
        }
    }
    for (name, variable, url) in COMPATIBLE {
        if let Some(key) = found.key(variable, &mut findings) {
            let mut settings = ProviderSettings::new(name, Kind::Compatible);
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
    providers.push(ProviderSettings::new(RESERVE, Kind::Reserve));
    Ok(Settings {
        listen,
        providers,
        models,
        clocks,
        steadiness: Steadiness::default(),
        callers: Vec::new(),
        caps: Caps::default(),
        request_log: RequestLogSettings::default(),
        reserve: ReserveSettings {
            enabled: true,
            model_dir: rooms::default_model_dir(env),
            ..ReserveSettings::default()
        },
        runtime: Runtime::default(),
        watch: Watch::default(),
        source: Source::Environment,
        read_besides: Vec::new(),
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
        let mut settings = ProviderSettings::new("openai", Kind::OpenAi);
        self.move_to(&mut settings, Some("OPENAI_BASE_URL"), findings);
        settings.organization = self.account("OPENAI_ORG_ID", findings);
        settings.project = self.account("OPENAI_PROJECT_ID", findings);
        self.add(settings, key, "OPENAI_API_KEY");
    }

    /// Azure has no address that is everybody's, so a key without an endpoint finds nothing.
    fn azure(&mut self, findings: &mut Findings<'_>) {
        const KEY: &str = "AZURE_OPENAI_API_KEY";
        if self.get(AZURE_ENDPOINT).is_none() {
            return;
        }
        let Some(key) = self.key(KEY, findings) else {
            return;
        };
        let mut settings = ProviderSettings::new("azure", Kind::Azure);
        self.move_to(&mut settings, Some(AZURE_ENDPOINT), findings);
        settings.api_version = self.account("OPENAI_API_VERSION", findings);
        self.add(settings, key, KEY);
    }

    /// Takes the base URL of a variable, if it is set.
    fn move_to(
        &self,
        settings: &mut ProviderSettings,
        variable: Option<&str>,
        findings: &mut Findings<'_>,
    ) {
        let Some(variable) = variable else { return };
        let Some(url) = self.get(variable) else { return };
        let checked =
            base_url::checked(&url).and_then(|url| kinds::without_version(url, settings.kind));
        match checked {
            Ok(url) => settings.base_url = url,
            Err(message) => findings.wrong(Place::Whole, format!("`{variable}`: {message}")),
        }
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
        let own = OWN_KINDS.iter().find(|(kind, ..)| *kind == provider.kind);
        if let Some((_, _, _, names)) = own {
            models.push(model(names, Some(&provider.name)));
        }
        let pattern = match provider.kind {
            Kind::OpenAi => "*".to_owned(),
            _ => format!("{}/*", provider.name),
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
    let set = |name: &str| env.get(name).is_some_and(|value| !value.trim().is_empty());
    if set("AZURE_OPENAI_API_KEY") && !set(AZURE_ENDPOINT) {
        notes.push(Warning::new(format!(
            "`AZURE_OPENAI_API_KEY` is set, but `{AZURE_ENDPOINT}` does not tell where to"
        )));
    }
    if set("ANTHROPIC_AUTH_TOKEN") && !set("ANTHROPIC_API_KEY") {
        notes.push(Warning::new(
            "`ANTHROPIC_AUTH_TOKEN` is set, but Anthropic's key is taken from `ANTHROPIC_API_KEY`",
        ));
    }
    if providers.is_empty() {
        let own = OWN_KINDS.iter().filter_map(|(_, variables, ..)| variables.first().copied());
        let compatible = COMPATIBLE.iter().map(|(_, variable, _)| *variable);
        let names: Vec<_> = own.chain(compatible).collect();
        let names = names.join(", ");
        notes.push(Warning::new(format!(
            "no provider's key was found, so only the small reserve model answers; set \
             OPENAI_API_KEY or one of {names}, or write a seawall.toml"
        )));
    }
    notes
}
