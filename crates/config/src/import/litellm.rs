//! Reads a LiteLLM proxy configuration: deployments that share a `model_name` are equals of one
//! ladder, fallbacks are its further steps. What it says beyond that becomes a note.

use std::collections::{BTreeMap, BTreeSet};

use domain::Secret;
use saphyr::{LoadableYamlNode as _, Yaml};

use super::ImportError;
use super::plan::{Model, Plan, Provider};
use super::vendors::{self, Vendor};

/// Steps that a ladder may have.
const STEPS_MAX: usize = 16;
/// The longest wait for the first token that our clocks take, in milliseconds (an hour).
const FIRST_TOKEN_MS_MAX: u64 = 3_600_000;
/// LiteLLM's way of naming an environment variable.
const FROM_ENVIRONMENT: &str = "os.environ/";
/// Parameters of a deployment that are read here.
const PARAMS_READ: [&str; 11] = [
    "model",
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "organization",
    "timeout",
    "stream_timeout",
    "order",
    "custom_llm_provider",
    "max_retries",
];

/// One entry of the `model_list`, as far as we follow it.
#[derive(Debug, Clone)]
struct Deployment {
    group: String,
    order: i64,
    /// `provider/model`.
    rung: String,
    timeout_ms: Option<u64>,
    stream_timeout_ms: Option<u64>,
}

/// Reads the file.
pub(super) fn read(text: &str, notes: &mut Vec<String>) -> Result<Plan, ImportError> {
    let documents =
        Yaml::load_from_str(text).map_err(|error| ImportError::NotYaml(error.to_string()))?;
    let root = documents.first().ok_or(ImportError::NoModels)?;
    let list = root.as_mapping_get("model_list").and_then(Yaml::as_vec);
    let list = list.filter(|list| !list.is_empty()).ok_or(ImportError::NoModels)?;
    let mut reader = Reader { notes, providers: Vec::new(), written_keys: Vec::new() };
    let deployments: Vec<Deployment> =
        list.iter().enumerate().filter_map(|(at, entry)| reader.deployment(at, entry)).collect();
    if deployments.is_empty() {
        return Err(ImportError::NoModels);
    }
    let mut plan = Plan::default();
    let fallbacks = reader.fallbacks(root);
    plan.models = models(&deployments, &fallbacks, reader.notes);
    reader.aliases(root, &mut plan);
    reader.settings(root, &mut plan);
    plan.providers = reader.providers;
    Ok(plan)
}

struct Reader<'n> {
    notes: &'n mut Vec<String>,
    providers: Vec<Provider>,
    written_keys: Vec<WrittenKey>,
}

/// A key that is written out in the file, and the variable that is to hold it.
struct WrittenKey {
    vendor: &'static str,
    key: Secret,
    variable: String,
}

impl Reader<'_> {
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn deployment(&mut self, at: usize, entry: &Yaml<'_>) -> Option<Deployment> {
        let place = format!("model_list[{at}]");
        let group = text(entry, "model_name");
        let params = entry.as_mapping_get("litellm_params");
        let (Some(group), Some(params)) = (group, params) else {
            self.note(format!("{place}: no `model_name` or no `litellm_params`; left out"));
            return None;
        };
        let Some(named) = text(params, "model") else {
            self.note(format!("{place}: no `litellm_params.model`; left out"));
            return None;
        };
        let (vendor, model) = self.vendor(&place, params, &named)?;
        let provider = self.provider(&place, vendor, params)?;
        self.unread(&place, params);
        Some(Deployment {
            order: params.as_mapping_get("order").and_then(Yaml::as_integer).unwrap_or(1),
            rung: format!("{provider}/{model}"),
            timeout_ms: milliseconds(params, "timeout"),
            stream_timeout_ms: self.first_token_ms(&place, params),
            group,
        })
    }

    /// How long the first token may take, within our bound.
    fn first_token_ms(&mut self, place: &str, params: &Yaml<'_>) -> Option<u64> {
        let asked = milliseconds(params, "stream_timeout")?;
        if asked > FIRST_TOKEN_MS_MAX {
            self.note(format!(
                "{place}: `litellm_params.stream_timeout`: the wait for the first token is \
                 {FIRST_TOKEN_MS_MAX} ms at most"
            ));
        }
        Some(asked.min(FIRST_TOKEN_MS_MAX))
    }

    /// Whose server it is, and the model's name there.
    fn vendor(
        &mut self,
        place: &str,
        params: &Yaml<'_>,
        named: &str,
    ) -> Option<(&'static Vendor, String)> {
        let told = text(params, "custom_llm_provider");
        let split = named.split_once('/');
        let found = match (&told, split) {
            (Some(told), _) => {
                let rest = split.filter(|(prefix, _)| prefix == told).map(|(_, rest)| rest);
                vendors::by_prefix(told).map(|vendor| (vendor, rest.unwrap_or(named)))
            }
            (None, Some((prefix, rest))) => vendors::by_prefix(prefix).map(|vendor| (vendor, rest)),
            (None, None) => vendors::by_model(named).map(|vendor| (vendor, named)),
        };
        let Some((vendor, model)) = found else {
            self.note(format!(
                "{place}: `{named}` is a provider that Seawall does not speak to; left out"
            ));
            return None;
        };
        // LiteLLM's marks for its own ways of calling: `azure/responses/x`, `azure/o_series/x`.
        let model = ["responses/", "o_series/", "chat/"]
            .iter()
            .find_map(|mark| model.strip_prefix(mark))
            .unwrap_or(model);
        Some((vendor, model.to_owned()))
    }

    /// The name of the provider with these parameters, made at its first use.
    fn provider(
        &mut self,
        place: &str,
        vendor: &'static Vendor,
        params: &Yaml<'_>,
    ) -> Option<String> {
        let base = text(params, "api_base").or_else(|| text(params, "base_url"));
        let base = match base.as_deref().map(|base| (base, base.strip_prefix(FROM_ENVIRONMENT))) {
            Some((_, Some(variable))) => {
                self.note(format!(
                    "{place}: the address stands in the variable {variable}; write it out as \
                     `base_url`"
                ));
                Some(format!("https://{}.invalid", variable.to_lowercase().replace('_', "-")))
            }
            Some((base, None)) => Some(vendors::address(vendor, base)),
            None => vendor.base_url.map(str::to_owned),
        };
        // OpenAI's form at another address is some compatible server.
        let elsewhere = vendor.kind == "openai"
            && base.as_ref().is_some_and(|base| !base.contains("api.openai.com"));
        let kind = if elsewhere { "compatible" } else { vendor.kind };
        if base.is_none() && matches!(kind, "compatible" | "azure") {
            self.note(format!("{place}: no `api_base`, so nobody knows where it is; left out"));
            return None;
        }
        let key = self.key(place, vendor, params, kind);
        let wanted = Provider {
            name: String::new(),
            kind,
            key,
            base_url: base,
            api_version: text(params, "api_version").filter(|_| kind == "azure"),
            organization: text(params, "organization").filter(|_| kind == "openai"),
        };
        let same =
            |known: &&Provider| Provider { name: String::new(), ..(*known).clone() } == wanted;
        if let Some(known) = self.providers.iter().find(same) {
            return Some(known.name.clone());
        }
        let name = self.fresh_name(vendor.prefix);
        self.providers.push(Provider { name: name.clone(), ..wanted });
        Some(name)
    }

    fn fresh_name(&self, prefix: &str) -> String {
        let base = prefix.replace('_', "-");
        let taken = |name: &String| self.providers.iter().any(|known| known.name == *name);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base)
    }

    /// `env:NAME`. A key that is written out goes into a variable, and never into our file.
    fn key(
        &mut self,
        place: &str,
        vendor: &Vendor,
        params: &Yaml<'_>,
        kind: &str,
    ) -> Option<String> {
        // A server of one's own often wants none, and gets some word instead.
        let wants_one = vendor.key.is_some() && vendor.kind == kind;
        let Some(key) = text(params, "api_key") else {
            return vendor.key.filter(|_| wants_one).map(|variable| format!("env:{variable}"));
        };
        if let Some(variable) = key.strip_prefix(FROM_ENVIRONMENT) {
            return Some(format!("env:{variable}"));
        }
        let unused = ["none", "fake-key", "anything", "dummy", "sk-1234", "empty"];
        if !wants_one && unused.contains(&key.to_lowercase().as_str()) {
            return None;
        }
        Some(format!("env:{}", self.variable_for(place, vendor, key)))
    }

    /// The variable that is to hold a key which the file writes out: one for each key, so that
    /// deployments with the same key and address are one provider.
    fn variable_for(&mut self, place: &str, vendor: &Vendor, key: String) -> String {
        let known = self
            .written_keys
            .iter()
            .find(|known| known.vendor == vendor.prefix && known.key.expose() == key);
        if let Some(known) = known {
            return known.variable.clone();
        }
        let base = vendor.prefix.to_uppercase();
        let count = self.providers.iter().filter(|known| known.key.is_some()).count() + 1;
        let variable = format!("{base}_KEY_{count}");
        self.note(format!(
            "{place}: the key is written out in the file; put it into the variable {variable}"
        ));
        let (vendor, key) = (vendor.prefix, Secret::new(key));
        self.written_keys.push(WrittenKey { vendor, key, variable: variable.clone() });
        variable
    }

    fn unread(&mut self, place: &str, params: &Yaml<'_>) {
        for name in member_names(params) {
            if !PARAMS_READ.contains(&name.as_str()) {
                let why = match name.as_str() {
                    "weight" => "equals are balanced by their load",
                    "rpm" | "tpm" | "max_parallel_requests" => {
                        "limits of a provider are read from its answers"
                    }
                    "input_cost_per_token" | "output_cost_per_token" => {
                        "prices stand in a catalogue file"
                    }
                    _ => "no counterpart",
                };
                self.note(format!("{place}: `litellm_params.{name}`: {why}"));
            }
        }
    }

    /// Group to groups, `*` for all others.
    fn fallbacks(&mut self, root: &Yaml<'_>) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for section in ["litellm_settings", "router_settings"] {
            let Some(settings) = root.as_mapping_get(section) else { continue };
            let rules = settings.as_mapping_get("fallbacks").and_then(Yaml::as_vec);
            for rule in rules.into_iter().flatten() {
                for group in member_names(rule) {
                    let targets = rule.as_mapping_get(&group).map(names).unwrap_or_default();
                    found.entry(group).or_insert(targets);
                }
            }
            if let Some(defaults) = settings.as_mapping_get("default_fallbacks") {
                found.entry("*".to_owned()).or_insert_with(|| names(defaults));
            }
            for special in ["context_window_fallbacks", "content_policy_fallbacks"] {
                if settings.as_mapping_get(special).is_some() {
                    let why = match special {
                        "content_policy_fallbacks" => {
                            "a refusal of the content is never shopped around"
                        }
                        _ => "a request that is too long goes to the next rung of its ladder",
                    };
                    self.note(format!("{section}.{special}: {why}"));
                }
            }
        }
        found
    }

    fn aliases(&mut self, root: &Yaml<'_>, plan: &mut Plan) {
        let Some(aliases) = root
            .as_mapping_get("router_settings")
            .and_then(|s| s.as_mapping_get("model_group_alias"))
        else {
            return;
        };
        for alias in member_names(aliases) {
            let group =
                text(aliases, &alias).or_else(|| text(aliases.as_mapping_get(&alias)?, "model"));
            let Some(model) =
                group.and_then(|group| plan.models.iter().find(|model| model.name == group))
            else {
                self.note(format!("router_settings.model_group_alias.{alias}: no such model"));
                continue;
            };
            let aliased = Model { name: alias, ..model.clone() };
            plan.models.push(aliased);
        }
    }

    fn settings(&mut self, root: &Yaml<'_>, plan: &mut Plan) {
        for section in member_names(root) {
            let Some(settings) = root.as_mapping_get(&section) else { continue };
            match section.as_str() {
                "model_list" => {}
                "litellm_settings" | "router_settings" | "general_settings" => {
                    for name in member_names(settings) {
                        self.setting(&section, &name, settings, plan);
                    }
                }
                "environment_variables" => self.note(
                    "environment_variables: set them where Seawall is started; it reads keys from \
                     its environment and sets none",
                ),
                other => self.note(format!("{other}: no counterpart")),
            }
        }
    }

    fn setting(&mut self, section: &str, name: &str, settings: &Yaml<'_>, plan: &mut Plan) {
        let number = || settings.as_mapping_get(name).and_then(Yaml::as_integer);
        let count = || number().and_then(|number| u64::try_from(number).ok());
        match name {
            "request_timeout" | "timeout" => {
                plan.total_ms_max = plan.total_ms_max.or(milliseconds(settings, name));
            }
            "num_retries" => plan.attempts_max = count().map(|n| (n + 1).clamp(2, 20)),
            "allowed_fails" => plan.streak_max = count().map(|n| (n + 1).clamp(1, 1000)),
            "cooldown_time" => {
                plan.cooldown_ms = milliseconds(settings, name).map(|ms| ms.clamp(100, 3_600_000));
            }
            "master_key" => self.master_key(settings, plan),
            "fallbacks"
            | "default_fallbacks"
            | "model_group_alias"
            | "context_window_fallbacks"
            | "content_policy_fallbacks" => {}
            "routing_strategy" => self.note(format!(
                "{section}.routing_strategy: equals are taken by their load, the less busy of two"
            )),
            "drop_params" => self.note(format!(
                "{section}.drop_params: what a provider cannot take is always dropped and always \
                 named, in the header `seawall-loss`"
            )),
            _ => self.note(format!("{section}.{name}: no counterpart")),
        }
    }

    fn master_key(&mut self, settings: &Yaml<'_>, plan: &mut Plan) {
        match text(settings, "master_key") {
            Some(key) if key.starts_with(FROM_ENVIRONMENT) => self.note(
                "general_settings.master_key: it stands in a variable; make callers' keys with \
                 `seawall key create NAME`",
            ),
            Some(key) => plan.callers.push(("master".to_owned(), admission::hash_text(&key))),
            None => {}
        }
    }
}

/// One ladder for each group, in the order of the file.
fn models(
    deployments: &[Deployment],
    fallbacks: &BTreeMap<String, Vec<String>>,
    notes: &mut Vec<String>,
) -> Vec<Model> {
    let mut groups: Vec<&str> = Vec::new();
    for deployment in deployments {
        if !groups.contains(&deployment.group.as_str()) {
            groups.push(&deployment.group);
        }
    }
    let own_steps = |group: &str| {
        let mut steps: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for one in deployments.iter().filter(|one| one.group == group) {
            let step = steps.entry(one.order).or_default();
            if !step.contains(&one.rung) {
                step.push(one.rung.clone());
            }
        }
        steps.into_values()
    };
    let ladder_of = |group: &str, notes: &mut Vec<String>| {
        let mut ladder: Vec<Vec<String>> = own_steps(group).collect();
        let further = fallbacks.get(group).or_else(|| fallbacks.get("*"));
        for next in further.into_iter().flatten().filter(|next| *next != group) {
            if !groups.contains(&next.as_str()) {
                notes.push(format!("fallbacks of `{group}`: there is no model `{next}`"));
            }
            ladder.extend(own_steps(next));
        }
        let mut seen = BTreeSet::new();
        for step in &mut ladder {
            step.retain(|rung| seen.insert(rung.clone()));
        }
        ladder.retain(|step| !step.is_empty());
        if ladder.len() > STEPS_MAX {
            notes.push(format!(
                "`{group}`: a ladder has {STEPS_MAX} steps at most; the rest is left out"
            ));
            ladder.truncate(STEPS_MAX);
        }
        ladder
    };
    let model_of = |group: &&str| {
        let own = || deployments.iter().filter(|one| one.group == **group);
        Model {
            name: (*group).to_owned(),
            ladder: ladder_of(group, notes),
            total_ms_max: own().filter_map(|one| one.timeout_ms).max(),
            first_token_ms_max: own().filter_map(|one| one.stream_timeout_ms).max(),
        }
    };
    groups.iter().map(model_of).collect()
}

fn text(node: &Yaml<'_>, name: &str) -> Option<String> {
    let value = node.as_mapping_get(name)?;
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| value.as_integer().map(|number| number.to_string()))
}

/// A time in seconds, also with a fraction, as milliseconds.
fn milliseconds(node: &Yaml<'_>, name: &str) -> Option<u64> {
    let value = node.as_mapping_get(name)?;
    #[expect(clippy::cast_precision_loss, reason = "a time-out in seconds is small")]
    let seconds = value.as_floating_point().or_else(|| value.as_integer().map(|n| n as f64))?;
    if seconds.is_nan() {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a day in milliseconds"
    )]
    let ms = (seconds * 1000.0).clamp(1.0, 86_400_000.0) as u64;
    Some(ms)
}

/// The names of a mapping's members, in their order.
fn member_names(node: &Yaml<'_>) -> Vec<String> {
    let members = node.as_mapping().into_iter().flatten();
    members.filter_map(|(name, _)| name.as_str().map(str::to_owned)).collect()
}

/// A list of names, or one name.
fn names(node: &Yaml<'_>) -> Vec<String> {
    let list = node.as_vec().map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<String> =
        list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    found.extend(node.as_str().map(str::to_owned));
    found
}
