//! What becomes of a LiteLLM proxy configuration.

use std::path::Path;

use config::import::{ImportError, litellm};
use config::{MapEnvironment, Overrides};
use resilience::{RungModel, RungSpec};

const FILE: &str = r#"
model_list:
  - model_name: assistant
    litellm_params:
      model: azure/my-gpt
      api_base: https://eu.openai.azure.com/
      api_key: os.environ/AZURE_EU_KEY
      api_version: "2025-01-01-preview"
      rpm: 600
      timeout: 300
  - model_name: assistant
    litellm_params:
      model: openai/gpt-4.1
      api_key: sk-live-1234567890
      order: 2
  - model_name: big
    litellm_params:
      model: claude-sonnet-4-5
      stream_timeout: 4.5
  - model_name: own
    litellm_params:
      model: ollama_chat/llama3.3
      api_base: http://10.0.0.5:11434
  - model_name: own
    litellm_params:
      model: openai/llama-70b
      api_base: http://10.0.0.6:8000/v1
      api_key: none
  - model_name: aws
    litellm_params:
      model: bedrock/anthropic.claude-v2
litellm_settings:
  num_retries: 3
  request_timeout: 600
  fallbacks: [{"assistant": ["big"]}]
  default_fallbacks: ["own"]
  drop_params: true
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {"gpt-4": "assistant"}
  cooldown_time: 30
general_settings:
  master_key: sk-master
  database_url: postgresql://u:hunter2@db/x
"#;

#[test]
fn a_proxy_configuration_becomes_ours() {
    let imported = litellm(FILE).unwrap();
    let environment = MapEnvironment::default()
        .with("AZURE_EU_KEY", "a")
        .with("OPENAI_KEY_2", "b")
        .with("ANTHROPIC_API_KEY", "c");
    let settings = config::parse(
        &imported.toml,
        Path::new("seawall.toml"),
        &environment,
        &Overrides::default(),
    )
    .unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{}", imported.toml));
    let ladders = config::describe_ladders(&settings).to_string();
    let steps = |name: &str| {
        let model = settings.models.iter().find(|model| &*model.pattern == name).unwrap();
        let step = |step: &Vec<RungSpec>| {
            let rung = |rung: &RungSpec| match &rung.model {
                RungModel::Named(model) => format!("{}/{model}", rung.provider),
                RungModel::AsAsked => format!("{}/*", rung.provider),
            };
            step.iter().map(rung).collect::<Vec<_>>().join(" = ")
        };
        model.ladder.steps.iter().map(step).collect::<Vec<_>>()
    };
    let assistant = ["azure/my-gpt", "openai/gpt-4.1", "anthropic/claude-sonnet-4-5"];
    assert_eq!(steps("assistant"), assistant, "{ladders}");
    assert_eq!(steps("gpt-4"), assistant);
    let own = "ollama-chat/llama3.3 = openai-2/llama-70b";
    assert_eq!(steps("big"), ["anthropic/claude-sonnet-4-5", own]);
    assert_eq!(steps("own"), [own]);
    assert_eq!(settings.steadiness.failover.attempts_max, 4);
    assert_eq!(settings.clocks.total_ms_max, 600_000);
    assert_eq!(settings.callers.len(), 1);
}

#[test]
fn no_secret_of_the_file_is_repeated() {
    let imported = litellm(FILE).unwrap();
    for secret in ["sk-live-1234567890", "sk-master", "hunter2"] {
        assert!(!imported.toml.contains(secret), "{secret}");
        assert!(imported.notes.iter().all(|note| !note.contains(secret)), "{secret}");
    }
}

#[test]
fn what_has_no_counterpart_is_listed() {
    let imported = litellm(FILE).unwrap();
    for wanted in [
        "model_list[0]: `litellm_params.rpm`",
        "OPENAI_KEY_2",
        "bedrock/anthropic.claude-v2",
        "routing_strategy",
        "drop_params",
        "general_settings.database_url",
    ] {
        assert!(imported.notes.iter().any(|note| note.contains(wanted)), "{wanted}");
        assert!(imported.toml.contains(wanted), "{wanted}");
    }
}

#[test]
fn deployments_with_one_key_and_address_are_one_provider() {
    let file = r#"
model_list:
  - model_name: a
    litellm_params: {model: openai/gpt-4.1, api_key: sk-live-one, stream_timeout: 5000}
  - model_name: b
    litellm_params: {model: openai/gpt-4.1-mini, api_key: sk-live-one, stream_timeout: .nan}
  - model_name: c
    litellm_params: {model: openai/gpt-4.1, api_key: sk-live-two}
  - model_name: d
    litellm_params: {model: openai/x, api_key: sk-live-one, api_base: "https://a.example/v1"}
  - model_name: e
    litellm_params: {model: openai/y, api_key: sk-live-one, api_base: "https://a.example/v1/"}
"#;
    let imported = litellm(file).unwrap();
    let environment =
        MapEnvironment::default().with("OPENAI_KEY_1", "one").with("OPENAI_KEY_2", "two");
    let settings = config::parse(
        &imported.toml,
        Path::new("seawall.toml"),
        &environment,
        &Overrides::default(),
    )
    .unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{}", imported.toml));
    let rung = |name: &str| {
        let model = settings.models.iter().find(|model| &*model.pattern == name).unwrap();
        model.ladder.steps[0][0].provider.to_string()
    };
    let rungs: Vec<String> = ["a", "b", "c", "d", "e"].into_iter().map(rung).collect();
    assert_eq!(rungs, ["openai", "openai", "openai-2", "openai-3", "openai-3"]);
    // One sentence for each key, whoever uses it.
    let told = |word: &str| imported.notes.iter().filter(|note| note.contains(word)).count();
    assert_eq!((told("OPENAI_KEY_1"), told("OPENAI_KEY_2"), told("OPENAI_KEY_")), (1, 1, 2));
    assert!(imported.toml.contains("first_token_ms_max = 3600000"), "{}", imported.toml);
    assert_eq!(told("model_list[0]: `litellm_params.stream_timeout`"), 1);
    assert!(!imported.toml.contains("sk-live"));
}

#[test]
fn what_is_no_such_file_is_refused() {
    assert!(matches!(litellm("a: ["), Err(ImportError::NotYaml(_))));
    for text in ["", "x: 1", "model_list: []", "model_list:\n  - model_name: a"] {
        assert!(matches!(litellm(text), Err(ImportError::NoModels)), "{text}");
    }
    assert!(matches!(litellm(&"#".repeat(2 << 20)), Err(ImportError::TooLarge)));
}
