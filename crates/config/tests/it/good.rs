//! Files without a mistake, and what is made of them.

use std::path::{Path, PathBuf};

use config::{Overrides, Source, describe_ladders, parse, warnings};
use expect_test::{Expect, expect};
use providers::{Kind, StreamUsage};
use resilience::RungModel;
use telemetry::LogTo;

use super::{env, good, with_base};

fn said(text: &str) -> String {
    warnings(&good(text)).iter().map(|warning| format!("{warning}\n")).collect()
}

fn check_warnings(text: &str, expected: &Expect) {
    expected.assert_eq(&said(text));
}

/// The file of the public contract, its provider table completed.
const CONTRACT: &str = r#"
[listen]
gateway = "127.0.0.1:8080"
status  = "127.0.0.1:8081"
console = "127.0.0.1:8082"

[providers.openai]
kind     = "openai"
api_keys = ["env:OPENAI_API_KEY"]

[providers.claude]
kind     = "anthropic"
api_keys = ["env:ANTHROPIC_API_KEY"]

[providers.gemini]
kind     = "gemini"
api_keys = ["env:GEMINI_API_KEY"]
base_url = "HTTPS://Gemini.example.com:8443/"

[models.assistant]
ladder = [
  "openai/gpt-4.1",
  ["claude/claude-sonnet-4-5", "gemini/gemini-2.5-pro"],
  "reserve/smollm2-135m",
]

[models."gpt-4*"]
ladder = ["openai/*", "claude/meta/llama"]

[models."gpt-4*".clocks]
gap_ms_max = 5000

[clocks]
connect_ms_max = 2000
headers_ms_max = 10000
first_token_ms_max = 10000
gap_ms_max = 10000
total_ms_max = 600000

[failover]
attempts_max = 3
retry_budget_ratio = 0.10

[auth]
keys = [{ name = "shop", hash = "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F" }]
"#;

#[test]
fn the_contract_works_as_written() {
    let settings = good(CONTRACT);
    let names: Vec<_> =
        settings.providers.iter().map(|p| (&*p.name, p.kind, &*p.base_url)).collect();
    assert_eq!(
        names,
        [
            ("openai", Kind::OpenAi, "https://api.openai.com/v1"),
            ("claude", Kind::Anthropic, "https://api.anthropic.com"),
            ("gemini", Kind::Gemini, "https://gemini.example.com:8443"),
            ("reserve", Kind::Reserve, ""),
        ]
    );
    let [assistant, family] = settings.models.as_slice() else { panic!("two models") };
    assert_eq!(&*assistant.pattern, "assistant");
    let shape: Vec<usize> = assistant.ladder.steps.iter().map(Vec::len).collect();
    assert_eq!(shape, [1, 2, 1]);
    assert_eq!(assistant.clocks, settings.clocks);
    assert_eq!(family.ladder.steps[0][0].model, RungModel::AsAsked);
    assert_eq!(family.ladder.steps[1][0].model, RungModel::Named("meta/llama".into()));
    assert_eq!((family.clocks.gap_ms_max, family.clocks.total_ms_max), (5_000, 600_000));
    let expected: Vec<u8> = (0..32).collect();
    assert_eq!(settings.callers[0].sha256.as_slice(), expected);
    assert!(settings.reserve.enabled);
    assert_eq!(settings.source, Source::File("seawall.toml".into()));
    expect![[r#"
        settings from seawall.toml

        listeners
          gateway  127.0.0.1:8080 (plain, callers: shop)
          status   127.0.0.1:8081
          console  127.0.0.1:8082

        providers
          openai (openai) https://api.openai.com/v1, keys from env:OPENAI_API_KEY
          claude (anthropic) https://api.anthropic.com, keys from env:ANTHROPIC_API_KEY
          gemini (gemini) https://gemini.example.com:8443, keys from env:GEMINI_API_KEY
          reserve (reserve) on board

        models
          assistant
            1. openai/gpt-4.1
            2. claude/claude-sonnet-4-5 = gemini/gemini-2.5-pro
            3. reserve/smollm2-135m
          gpt-4*
            1. openai/*
            2. claude/meta/llama
            clocks: connect 2000 ms, headers 10000 ms, first token 10000 ms, head held 3000 ms, unstreamed 90000 ms, gap 5000 ms, crawl 15000 ms, total 600000 ms

        clocks: connect 2000 ms, headers 10000 ms, first token 10000 ms, head held 3000 ms, unstreamed 90000 ms, gap 10000 ms, crawl 15000 ms, total 600000 ms
        failover: 3 attempts at most, extra attempts up to 0.1 of live requests
        reserve: model folder /home/ann/.local/share/seawall/models, 1 thread(s), 8 waiting at most
        storage: in memory
        request log: stdout
    "#]].assert_eq(&describe_ladders(&settings));
}

#[test]
fn a_file_that_never_names_the_reserve_does_not_load_it() {
    let text = "[providers.openai]\nkind = \"openai\"\napi_keys = [\"env:OPENAI_API_KEY\"]\n\
        [models.a]\nladder = [\"openai/x\"]\n";
    let settings = good(text);
    assert!(!settings.reserve.enabled);
    assert_eq!(settings.providers.len(), 1);
    let settings = good(&format!("{text}[reserve]\nenabled = true\n"));
    assert!(settings.reserve.enabled);
    assert_eq!(&*settings.providers[1].name, "reserve");
}

#[test]
fn a_reserve_may_have_another_name() {
    let settings = good(
        "[providers.spare]\nkind = \"reserve\"\n[models.a]\nladder = [\"spare/smollm2-135m\"]\n",
    );
    let names: Vec<_> = settings.providers.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["spare"]);
    assert!(settings.reserve.enabled);
}

#[test]
fn secrets_come_from_variables_and_from_files_beside_the_configuration() {
    let text = r#"
[providers.p]
kind = "compatible"
base_url = "http://localhost:11434/v1"
api_keys = ["env:OPENAI_API_KEY", "file:secrets/two", "file:/run/three"]
headers = { "X-Title" = "The Shop", "X-Api-Key" = "env:GROQ_API_KEY" }
stream_usage = "as_asked"
http2 = true
ca_file = "ca.pem"
[models.m]
ladder = ["p/x"]
[log]
to = "file:requests.jsonl"
[reserve]
model_dir = "models"
"#;
    let env = env()
        .with_file("/etc/seawall/secrets/two", "key-two\r\n")
        .with_file("/run/three", "key-three\n")
        .with_file("/etc/seawall/ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let settings = parse(text, Path::new("/etc/seawall/seawall.toml"), &env, &Overrides::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let provider = &settings.providers[0];
    let keys: Vec<_> = provider.api_keys.iter().map(|key| key.expose()).collect();
    assert_eq!(keys, ["sk-test-1", "key-two", "key-three"]);
    let headers: Vec<_> = provider.headers.iter().map(|h| (&*h.name, h.value.expose())).collect();
    assert_eq!(headers, [("x-title", "The Shop"), ("x-api-key", "gsk-test-2")]);
    let secret: Vec<_> = provider.headers.iter().map(|h| h.is_secret).collect();
    assert_eq!(secret, [false, true]);
    assert_eq!(provider.stream_usage, StreamUsage::AsAsked);
    assert!(provider.http2);
    assert_eq!(provider.ca_file, Some(PathBuf::from("/etc/seawall/ca.pem")));
    assert_eq!(settings.request_log.to, LogTo::File("/etc/seawall/requests.jsonl".into()));
    assert_eq!(settings.reserve.model_dir, PathBuf::from("/etc/seawall/models"));
    let origins: Vec<_> = settings.secret_origins.iter().map(|origin| &*origin.from).collect();
    let expected =
        ["env:OPENAI_API_KEY", "file:secrets/two", "file:/run/three", "env:GROQ_API_KEY"];
    assert_eq!(origins, expected);
    let shown = format!("{settings:?}{}{:?}", describe_ladders(&settings), warnings(&settings));
    for secret in ["sk-test-1", "key-two", "key-three", "gsk-test-2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn keys_and_tls_open_the_doors() {
    let hash = "0".repeat(64);
    let text = with_base(&format!(
        "[listen]\ngateway = \"0.0.0.0:443\"\nstatus = \"[::]:80\"\n\
         [listen.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n\
         [auth]\nkeys = [{{ name = \"shop\", hash = \"sha256:{hash}\" }}]"
    ));
    let env = env()
        .with_file("c.pem", "-----BEGIN CERTIFICATE-----\n")
        .with_file("k.pem", "-----BEGIN EC PRIVATE KEY-----\n");
    let settings = parse(&text, Path::new("seawall.toml"), &env, &Overrides::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(settings.listen.tls.as_ref().map(|tls| tls.key.clone()), Some("k.pem".into()));
    assert_eq!(warnings(&settings), []);
}

#[test]
fn a_sound_ladder_has_no_warning() {
    check_warnings(&with_base(""), &expect![[""]]);
}

#[test]
fn inert_ladders_are_warned_of() {
    check_warnings(
        &with_base(
            r#"
[providers.two]
kind = "compatible"
base_url = "https://API.openai.com/v1"
[providers.far]
kind = "compatible"
base_url = "http://10.0.0.7:8000/v1"
[providers.idle]
kind = "compatible"
base_url = "http://127.0.0.1:8000/v1"
[models.one]
ladder = ["far/x"]
[models.long]
ladder = ["far/a", "openai/b", "idle/c", "reserve/smollm2-135m"]
[models.together]
ladder = ["openai/a", ["two/b", "far/c"]]
[models.early]
ladder = [["reserve/smollm2-135m", "far/y"], "openai/z"]
[models."gpt-*o*"]
ladder = ["openai/*", "far/*"]
[models."gpt-*o"]
ladder = ["openai/*", "far/*"]
[models."gpt-4*"]
ladder = ["openai/*", "far/*"]
[log]
payloads = true
"#,
        ),
        &expect![[r#"
            provider `far`: prompts and keys travel in the clear over http
            the request log holds what callers write and what they are answered
            model `one` has one rung, `far/x`: when it fails, nothing answers
            model `long`: with attempts_max = 3, `reserve/smollm2-135m` is reached only if rungs before it are skipped
            model `together`: `openai/a`, `two/b` stand on api.openai.com and fall together
            model `early`: the reserve is one of several equals and will get its share of the healthy traffic
            model `early`: the reserve stands before other rungs; it is meant to be last
            model `gpt-*o` is never used: `gpt-*o*` stands before it and matches all of it
        "#]],
    );
    check_warnings(
        &format!(
            "{}[listen]\ngateway = \"0.0.0.0:8080\"\n[auth]\nkeys = [{{ name = \"a\", hash = \"sha256:{}\" }}]\n\
             [providers.idle]\nkind = \"compatible\"\nbase_url = \"https://example.com\"\n",
            with_base(""),
            "1".repeat(64)
        ),
        &expect![[r#"
            gateway 0.0.0.0:8080 has no TLS: callers' keys travel in the clear unless a proxy before it speaks TLS
            provider `idle` is in no ladder; it answers only to names such as `idle/MODEL`
        "#]],
    );
}

#[test]
fn numbers_may_be_written_as_toml_allows() {
    let settings = good(&with_base(
        "[limits]\nheader_bytes_max = 0x1_0000\n[failover]\nretry_budget_ratio = 1\n[reserve]\ntop_p = 1e-1",
    ));
    assert_eq!(settings.listen.limits.header_bytes_max, 65_536);
    assert_eq!(settings.steadiness.failover.retry_budget_ratio, 1.0);
    assert_eq!(settings.reserve.top_p, 0.1);
}

#[test]
fn loopback_has_many_spellings_and_port_0_never_collides() {
    for text in [
        "gateway = \"[::1]:8080\"",
        "gateway = \"[::ffff:127.0.0.1]:8080\"",
        "gateway = \"127.9.9.9:8080\"",
        "gateway = \"127.0.0.1:0\"\nstatus = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"",
        "gateway = \"127.0.0.2:8081\"",
    ] {
        good(&with_base(&format!("[listen]\n{text}")));
    }
}

#[test]
fn every_kind_has_its_own_keys() {
    let text = r#"
[providers.eu]
kind = "azure"
base_url = "https://shop.openai.azure.com/"
entra_token_file = "token"
api_version = "2025-01-01-preview"
deployments = { "gpt-4.1" = "chat-eu", "text-embedding-3-small" = "vectors" }
[providers.us]
kind = "azure"
base_url = "https://shop-us.openai.azure.com"
api_keys = ["env:OPENAI_API_KEY", "env:GROQ_API_KEY"]
[providers.claude]
kind = "anthropic"
api_keys = ["env:ANTHROPIC_API_KEY"]
api_version = "2026-10-21"
[providers.gemini]
kind = "gemini"
api_keys = ["env:GEMINI_API_KEY"]
[providers.pplx]
kind = "perplexity"
api_keys = ["env:OPENAI_API_KEY"]
[providers.local]
kind = "compatible"
base_url = "http://localhost:8000/v1"
speaks = ["responses", "chat"]
[models.m]
ladder = ["eu/gpt-4.1", "us/gpt-4.1", "claude/claude-sonnet-4-5", "gemini/x", "pplx/sonar", "local/x"]
"#;
    let env = env().with_file("/etc/seawall/token", "canary-token");
    let settings = parse(text, Path::new("/etc/seawall/seawall.toml"), &env, &Overrides::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let [eu, us, claude, gemini, pplx, local] = settings.providers.as_slice() else {
        panic!("six providers")
    };
    assert_eq!(eu.entra_token_file, Some(PathBuf::from("/etc/seawall/token")));
    assert_eq!(eu.deployments[0], ("gpt-4.1".into(), "chat-eu".into()));
    assert_eq!(eu.api_version.as_deref(), Some("2025-01-01-preview"));
    assert_eq!(us.api_keys.len(), 2);
    assert_eq!(claude.api_version.as_deref(), Some("2026-10-21"));
    assert_eq!(&*gemini.base_url, "https://generativelanguage.googleapis.com");
    assert_eq!(&*pplx.base_url, "https://api.perplexity.ai");
    assert!(local.speaks.responses && local.speaks.chat && !local.speaks.embeddings);
    assert_eq!(claude.stream_usage, StreamUsage::Always);
    let shown = format!("{settings:?}{}", describe_ladders(&settings));
    assert!(!shown.contains("canary"), "{shown}");
    let providers = shown.lines().filter(|line| line.starts_with("  ") && line.contains("http"));
    let providers: Vec<_> = providers.map(str::trim).collect();
    expect![[r#"
        eu (azure) https://shop.openai.azure.com, token from /etc/seawall/token
        us (azure) https://shop-us.openai.azure.com, keys from env:OPENAI_API_KEY, env:GROQ_API_KEY
        claude (anthropic) https://api.anthropic.com, keys from env:ANTHROPIC_API_KEY
        gemini (gemini) https://generativelanguage.googleapis.com, keys from env:GEMINI_API_KEY
        pplx (perplexity) https://api.perplexity.ai, keys from env:OPENAI_API_KEY
        local (compatible) http://localhost:8000/v1, no key"#]]
    .assert_eq(&providers.join("\n"));
}

#[test]
fn every_key_of_pacing_is_read() {
    let text = with_base(
        "[pace]\nenabled = true\ncalls_start = 7\ncalls_min = 2\ncalls_max = 90\n\
         first_token_ms = 800\ninter_token_ms = 50\nramp = false\n\
         [waiting_room]\nwaiters_max = 12\nwait_ms_max = 3000\n",
    );
    let settings = good(&text);
    let pace = settings.steadiness.pace;
    let room = settings.steadiness.waiting_room;
    let limiter = resilience::LimiterSettings { start: 7, limit_min: 2, limit_max: 90 };
    assert_eq!(
        pace,
        resilience::PaceSettings {
            enabled: true,
            limiter,
            first_token_ms: Some(800),
            inter_token_ms: Some(50),
            ramp: false,
        }
    );
    assert_eq!((room.waiters_max, room.wait_ms_max), (12, 3_000));
}

#[test]
fn every_key_of_hedging_is_read() {
    let text = "[failover]\nhedge = true\nhedge_after_ms_min = 7\nhedge_input_tokens_max = 8\n\
         hedge_output_tokens_max = 9\nhedge_tools = true\n[clocks]\ncrawl_ms_max = 0\n";
    let settings = good(&with_base(text));
    let wanted = resilience::HedgeSettings {
        enabled: true,
        after_ms_min: 7,
        input_tokens_max: 8,
        output_tokens_max: 9,
        tools: true,
    };
    assert_eq!(settings.steadiness.failover.hedge, wanted);
    assert_eq!(settings.clocks.crawl_ms_max, 0);
}

#[test]
fn every_key_of_recall_is_read() {
    let text = "[recall]\nenabled = true\nfresh_ms_max = 5000\nstale = false\nstale_ms_max = 6000\n\
         entries_max = 7\nbytes_max = 80000\nanswer_bytes_max = 9000\n";
    let read = good(&with_base(text)).steadiness.recall;
    let wanted = gateway::RecallSettings {
        enabled: true,
        fresh_ms_max: 5_000,
        stale: false,
        stale_ms_max: 6_000,
        entries_max: 7,
        bytes_max: 80_000,
        answer_bytes_max: 9_000,
    };
    assert_eq!(read, wanted);
    let useless = said(&with_base("[recall]\nenabled = true\nstale = false\n"));
    assert!(useless.contains("keeps answers that it never gives"), "{useless}");
    assert!(!said(&with_base("[recall]\nenabled = true\n")).contains("recall"));
}

#[test]
fn held_calls_that_nobody_takes_over_are_warned_of() {
    let said = |more: &str| said(&with_base(&format!("[failover]\n{more}")));
    let in_vain = said("hold_tool_calls = true\ntakeover = false\n");
    assert!(in_vain.contains("`hold_tool_calls` does nothing with"));
    assert!(!said("hold_tool_calls = true\n").contains("hold_tool_calls"));
}

#[test]
fn what_was_seen_is_kept_where_the_file_says() {
    let kept = good(&with_base(
        "[storage]\npath = \"seawall.db\"\nminutes_hours_max = 24\n\
         [status]\nname = \"Exemplar\"\nurl = \"https://status.example.com/\"\nreports = false",
    ))
    .watch;
    let storage::Place::File(path) = &kept.storage.place else { panic!("{kept:?}") };
    assert!(path.ends_with("seawall.db"), "{path:?}");
    assert_eq!(kept.storage.retention.minutes.age_hours_max, 24);
    let status = &kept.status;
    assert_eq!((&*status.name, &*status.url), ("Exemplar", "https://status.example.com"));
    assert!(!status.reports);
    let untold = good(&with_base("")).watch;
    assert_eq!(untold, config::Watch::default());
    assert!(!untold.lookout.feeds && !untold.lookout.canaries && untold.lookout.probes.is_empty());
    assert_eq!(untold.storage.place, storage::Place::Memory);
}

#[test]
fn verdicts_act_unless_the_file_says_otherwise() {
    let told = "[providers.other]\nkind = \"openai\"\napi_keys = [\"env:OPENAI_API_KEY\"]\n\
                [lookout]\nacts = false\ntogether = [[\"openai\", \"other\"]]";
    let lookout = good(&with_base(told)).watch.lookout;
    let group: Vec<&str> = lookout.together.iter().flatten().map(|name| &**name).collect();
    assert_eq!((lookout.acts, group), (false, vec!["openai", "other"]));
    assert!(good(&with_base("")).watch.lookout.acts);
}
