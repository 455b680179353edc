//! Without a file: what the environment alone makes of Seawall.

use config::{
    MapEnvironment, Overrides, default_model_dir, describe_ladders, from_environment, warnings,
};
use expect_test::expect;

fn shown(env: &MapEnvironment) -> String {
    let settings = from_environment(env, &Overrides::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let warnings: String =
        warnings(&settings).iter().map(|warning| format!("warning: {warning}\n")).collect();
    format!("{}{warnings}", describe_ladders(&settings))
}

fn home() -> MapEnvironment {
    MapEnvironment::default().with("HOME", "/home/ann")
}

#[test]
fn without_any_key_the_reserve_answers_for_well_known_names() {
    expect![[r#"
        settings from environment

        listeners
          gateway  127.0.0.1:8080 (plain, open: no caller keys)
          status   127.0.0.1:8081
          console  127.0.0.1:8082

        providers
          reserve (reserve) on board

        models
          assistant
            1. reserve/smollm2-135m
          gpt-*
            1. reserve/smollm2-135m
          chatgpt-*
            1. reserve/smollm2-135m
          o1*
            1. reserve/smollm2-135m
          o3*
            1. reserve/smollm2-135m
          o4*
            1. reserve/smollm2-135m
          claude-*
            1. reserve/smollm2-135m
          gemini-*
            1. reserve/smollm2-135m
          sonar*
            1. reserve/smollm2-135m
          smollm2-135m
            1. reserve/smollm2-135m
          reserve/smollm2-135m
            1. reserve/smollm2-135m

        clocks: connect 2000 ms, headers 10000 ms, first token 10000 ms, head held 3000 ms, unstreamed 90000 ms, gap 10000 ms, crawl 15000 ms, total 600000 ms
        failover: 3 attempts at most, extra attempts up to 0.1 of live requests
        reserve: model folder /home/ann/.local/share/seawall/models, 1 thread(s), 8 waiting at most
        storage: in memory
        request log: stdout
        warning: no provider's key was found, so only the small reserve model answers; set OPENAI_API_KEY or one of ANTHROPIC_API_KEY, GEMINI_API_KEY, PERPLEXITY_API_KEY, GROQ_API_KEY, MISTRAL_API_KEY, DEEPSEEK_API_KEY, OPENROUTER_API_KEY, XAI_API_KEY, TOGETHER_API_KEY, CEREBRAS_API_KEY, or write a seawall.toml
    "#]].assert_eq(&shown(&home().with("OPENAI_API_KEY", " ")));
}

#[test]
fn providers_are_found_by_their_keys() {
    let env = home()
        .with("OPENAI_API_KEY", "sk-canary\n")
        .with("OPENAI_BASE_URL", "http://127.0.0.1:9999/v1/")
        .with("OPENAI_ORG_ID", "org-1")
        .with("GROQ_API_KEY", "gsk-canary")
        .with("ANTHROPIC_API_KEY", "sk-ant-canary")
        .with("GOOGLE_API_KEY", "AIza-canary")
        .with("PPLX_API_KEY", "pplx-canary")
        .with("AZURE_OPENAI_API_KEY", "azure-canary")
        .with("AZURE_OPENAI_ENDPOINT", "https://shop.openai.azure.com/")
        .with("OPENAI_API_VERSION", "2025-01-01-preview");
    let settings = from_environment(&env, &Overrides::default()).unwrap();
    assert_eq!(settings.providers[0].api_keys[0].expose(), "sk-canary");
    assert_eq!(settings.providers[0].organization.as_deref(), Some("org-1"));
    let shown = shown(&env);
    assert!(!shown.contains("canary"), "{shown}");
    expect![[r#"
        settings from environment

        listeners
          gateway  127.0.0.1:8080 (plain, open: no caller keys)
          status   127.0.0.1:8081
          console  127.0.0.1:8082

        providers
          openai (openai) http://127.0.0.1:9999/v1, keys from env:OPENAI_API_KEY
          azure (azure) https://shop.openai.azure.com, keys from env:AZURE_OPENAI_API_KEY
          anthropic (anthropic) https://api.anthropic.com, keys from env:ANTHROPIC_API_KEY
          gemini (gemini) https://generativelanguage.googleapis.com, keys from env:GOOGLE_API_KEY
          perplexity (perplexity) https://api.perplexity.ai, keys from env:PPLX_API_KEY
          groq (compatible) https://api.groq.com/openai/v1, keys from env:GROQ_API_KEY
          reserve (reserve) on board

        models
          *
            1. openai/*
            2. reserve/smollm2-135m
          azure/*
            1. azure/*
            2. reserve/smollm2-135m
          claude-*
            1. anthropic/*
            2. reserve/smollm2-135m
          anthropic/*
            1. anthropic/*
            2. reserve/smollm2-135m
          gemini-*
            1. gemini/*
            2. reserve/smollm2-135m
          gemini/*
            1. gemini/*
            2. reserve/smollm2-135m
          sonar*
            1. perplexity/*
            2. reserve/smollm2-135m
          perplexity/*
            1. perplexity/*
            2. reserve/smollm2-135m
          groq/*
            1. groq/*
            2. reserve/smollm2-135m
          smollm2-135m
            1. reserve/smollm2-135m
          reserve/smollm2-135m
            1. reserve/smollm2-135m

        clocks: connect 2000 ms, headers 10000 ms, first token 10000 ms, head held 3000 ms, unstreamed 90000 ms, gap 10000 ms, crawl 15000 ms, total 600000 ms
        failover: 3 attempts at most, extra attempts up to 0.1 of live requests
        reserve: model folder /home/ann/.local/share/seawall/models, 1 thread(s), 8 waiting at most
        storage: in memory
        request log: stdout
    "#]].assert_eq(&shown);
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    let env = home().with("OPENAI_API_KEY", "canary\nx").with("GROQ_API_KEY", "schlüssel");
    expect![[r#"
        environment: `OPENAI_API_KEY` holds a character that cannot be sent in a header
        environment: `GROQ_API_KEY` holds a character that cannot be sent in a header"#]]
    .assert_eq(&from_environment(&env, &Overrides::default()).unwrap_err().to_string());
    let env = home().with("OPENAI_API_KEY", "k").with("OPENAI_BASE_URL", "https://u:canary@x");
    expect!["environment: `OPENAI_BASE_URL`: a base URL has no user and no password; keys go into `api_keys`"].assert_eq(&from_environment(&env, &Overrides::default()).unwrap_err().to_string());
}

#[test]
fn half_a_finding_is_told() {
    let env = home().with("AZURE_OPENAI_API_KEY", "k").with("ANTHROPIC_AUTH_TOKEN", "t");
    let settings = from_environment(&env, &Overrides::default()).unwrap();
    assert_eq!(settings.providers.len(), 1);
    let said: String = warnings(&settings).iter().map(|warning| format!("{warning}\n")).collect();
    expect![[r#"
        `AZURE_OPENAI_API_KEY` is set, but `AZURE_OPENAI_ENDPOINT` does not tell where to
        `ANTHROPIC_AUTH_TOKEN` is set, but Anthropic's key is taken from `ANTHROPIC_API_KEY`
        no provider's key was found, so only the small reserve model answers; set OPENAI_API_KEY or one of ANTHROPIC_API_KEY, GEMINI_API_KEY, PERPLEXITY_API_KEY, GROQ_API_KEY, MISTRAL_API_KEY, DEEPSEEK_API_KEY, OPENROUTER_API_KEY, XAI_API_KEY, TOGETHER_API_KEY, CEREBRAS_API_KEY, or write a seawall.toml
    "#]].assert_eq(&said);
    let env = home().with("ANTHROPIC_API_KEY", "k").with("ANTHROPIC_BASE_URL", "http://x/v1");
    let said = from_environment(&env, &Overrides::default()).unwrap_err().to_string();
    expect!["environment: `ANTHROPIC_BASE_URL`: leave out `/v1`; Seawall adds it"].assert_eq(&said);
}

#[test]
fn open_mode_stays_on_loopback() {
    let overrides =
        Overrides { gateway: Some("0.0.0.0:8080".parse().unwrap()), ..Overrides::default() };
    expect!["command line: gateway 0.0.0.0:8080: anybody who reaches it could use your providers; run `seawall key create NAME` and put its line under [auth], or bind to 127.0.0.1"].assert_eq(
        &from_environment(&home(), &overrides)
            .unwrap_err()
            .to_string(),
    );
}

#[test]
fn the_model_folder_has_four_places() {
    let env = MapEnvironment::default();
    let shown = |env: &MapEnvironment| default_model_dir(env).display().to_string();
    assert_eq!(shown(&env), "/var/lib/seawall/models");
    let env = env.with("HOME", "/h");
    assert_eq!(shown(&env), "/h/.local/share/seawall/models");
    let env = env.with("XDG_DATA_HOME", "/x");
    assert_eq!(shown(&env), "/x/seawall/models");
    let env = env.with("SEAWALL_MODEL_DIR", "/m");
    assert_eq!(shown(&env), "/m");
}
