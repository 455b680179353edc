//! Every rule of the file, by the mistake that breaks it.

use std::path::Path;

use config::{MapEnvironment, Overrides, load, parse};
use expect_test::{Expect, expect};

use super::{bad, env, with_base};

fn check(text: &str, expected: &Expect) {
    let mut shown = bad(text);
    shown.push('\n');
    assert!(!shown.contains("canary"), "{shown}");
    expected.assert_eq(&shown);
}

#[test]
fn many_mistakes_are_told_at_once() {
    check(
        r#"[listen]
gateway = "0.0.0.0:8080"
status = "localhost:8081"
console = "192.168.1.4:8082"
gatway = "127.0.0.1:1"

[providers.openai]
kind = "openai"
api_keys = ["sk-live-canary", "env:NOT_THERE", "env:sk-canary", "file:/nowhere/key"]
base_url = "ftp://example.com"
http2 = "yes"

[providers.claude]
kind = "anthropic"
api_keys = ["env:ANTHROPIC_API_KEY"]

[providers.local]
kind = "compatble"

[providers."Big One"]
kind = "compatible"

[models.assistant]
ladder = ["opnai/gpt-4.1", ["claude/claude-sonnet-4-5", "openai/gpt-*"], "gpt-4.1", "reserve/llama"]
laddr = []

[models.assistant.clocks]
gap_ms_max = 0

[models.gpt-4.1]
ladder = ["openai/*"]

[clocks]
first_token_ms_max = "10s"

[failover]
attemts_max = 3
attempts_max = 50
retry_budget_ratio = 1.5
gap_ms_max = 100

[breaker]
cooldown_ms_min = 90000
cooldown_ms_max = 60000

[auth]
keys = [{ name = "shop", hash = "canary" }, { name = "shop two" }]

[log]
to = "stout"

[clock]
gap_ms_max = 1
"#,
        &expect![[r#"
            seawall.toml:3:10: `status` must be an IP address and a port, such as `127.0.0.1:8080` or `[::1]:8080`; names are not looked up
            seawall.toml:4:11: console 192.168.1.4:8082: this version has no login for the console yet; bind it to 127.0.0.1
            seawall.toml:5:1: unknown key `gatway` in [listen]; did you mean `gateway`?
            seawall.toml:9:13: a key must not stand in the file; use `env:NAME` or `file:PATH`
            seawall.toml:9:31: the environment variable `NOT_THERE` is not set
            seawall.toml:9:48: after `env:` comes the name of an environment variable, which has letters, digits and `_` only
            seawall.toml:9:65: cannot read `/nowhere/key`: there is no such file
            seawall.toml:10:12: `base_url`: must begin with `https://` or `http://`
            seawall.toml:11:9: `http2` must be true or false, not a text
            seawall.toml:18:8: there is no kind `compatble`; supported: openai, azure, anthropic, gemini, perplexity, compatible, reserve; did you mean `compatible`?
            seawall.toml:20:1: `base_url` is missing in [providers.Big One]
            seawall.toml:20:12: a provider's name has 1 to 32 of a-z, 0-9, `_` and `-`; `Big One` does not
            seawall.toml:24:11: there is no [providers.opnai]; did you mean `openai`?
            seawall.toml:24:57: in a rung `*` stands alone: `openai/*` asks for the name as the caller asked for it
            seawall.toml:24:74: `gpt-4.1` must be written `provider/model`
            seawall.toml:24:85: the reserve has one model: `reserve/smollm2-135m`
            seawall.toml:25:1: unknown key `laddr` in [models.assistant]; did you mean `ladder`?
            seawall.toml:28:14: `gap_ms_max` must be from 1 to 3600000
            seawall.toml:30:15: a name with a dot needs quotes: [models."gpt-4.1"]
            seawall.toml:34:22: `first_token_ms_max` must be a whole number, not a text
            seawall.toml:37:1: unknown key `attemts_max` in [failover]; did you mean `attempts_max`?
            seawall.toml:38:16: `attempts_max` must be from 1 to 20
            seawall.toml:39:22: `retry_budget_ratio` must be from 0 to 1
            seawall.toml:40:1: unknown key `gap_ms_max` in [failover]; it belongs in [clocks]
            seawall.toml:43:19: `cooldown_ms_min` (90000) must not exceed `cooldown_ms_max` (60000)
            seawall.toml:47:33: `hash` must be `sha256:` and 64 hex digits; `seawall key create NAME` prints a key and its line
            seawall.toml:47:45: `hash` is missing in [auth.keys]
            seawall.toml:47:54: a caller's name has 1 to 64 letters, digits, `_`, `-` and `.`; `shop two` does not
            seawall.toml:50:6: `to` must be `stdout`, `nowhere` or `file:PATH`, not `stout`; did you mean `stdout`?
            seawall.toml:52:2: unknown table or key `clock`; did you mean `clocks`?
        "#]],
    );
}

#[test]
fn syntax_mistakes_have_their_place_and_hide_only_what_may_be_their_doing() {
    check(
        "[providers.openai]\nkind = openai\napi_keys = [\"env:OPENAI_API_KEY\"]\n\
         [models.assistant]\nladder = [\"openai/gpt-4.1\"\n[failover]\nattempts_max = 99\n",
        &expect![[r#"
            seawall.toml:2:8: string values must be quoted, expected literal string
            seawall.toml:6:1: missing comma between array elements, expected `,`
            seawall.toml:7:1: missing comma between array elements, expected `,`
        "#]],
    );
    check(
        &with_base("[clocks]\ngap_ms_max = 1\ngap_ms_max = 2"),
        &expect![[r#"
            seawall.toml:8:1: `gap_ms_max` is there twice
        "#]],
    );
    check(
        &with_base("[models.assistant]\nladder = []"),
        &expect![[r#"
            seawall.toml:6:9: `assistant` is there twice
            seawall.toml:7:1: `ladder` is there twice
        "#]],
    );
}

#[test]
fn wrong_types_are_named_without_the_value() {
    check(
        &with_base(
            "[limits]\nheader_ms_max = 1.5\ncount_loopback = 1\n[listen]\ngateway = 8080\ntls = true\n\
             [reserve]\ntemperature = \"hot\"\nthreads = -1\n[auth]\nkeys = \"canary\"\n\
             [runtime]\ncores = 99999999999999999999999\n[models.b]\nladder = \"openai/x\"\n\
             [models.c]\nladder = [[[\"openai/x\"]], 1]\n[models.d]\nladder = [[], 2020-01-01]\n[models]\ne = 1",
        ),
        &expect![[r#"
            seawall.toml:7:17: `header_ms_max` must be a whole number, not a number with a fraction
            seawall.toml:8:18: `count_loopback` must be true or false, not a whole number
            seawall.toml:10:11: `gateway` must be a text in quotes, not a whole number
            seawall.toml:11:7: `listen.tls` must be a table, not true or false
            seawall.toml:13:15: `temperature` must be a number, not a text
            seawall.toml:14:11: `threads` must be from 1 to 64
            seawall.toml:16:8: `keys` must be an array of { name = "…", hash = "sha256:…" }, not a text
            seawall.toml:18:9: `cores` must be from 1 to 1024
            seawall.toml:20:10: `ladder` must be an array of `provider/model`, or of arrays of them, not a text
            seawall.toml:22:12: `a rung` must be a text in quotes, not an array
            seawall.toml:22:27: `a rung` must be a text in quotes, not a whole number
            seawall.toml:24:11: a step without any rung
            seawall.toml:24:15: `a rung` must be a text in quotes, not a date
            seawall.toml:26:5: `models.e` must be a table, not a whole number
        "#]],
    );
}

#[test]
fn sections_of_the_wrong_type() {
    check(
        "providers = 1\nmodels = []\nlisten = \"x\"",
        &expect![[r#"
        seawall.toml:1:13: `providers` must be a table of tables such as [providers.openai], not a whole number
        seawall.toml:2:10: `models` must be a table of tables such as [models.assistant], not an array
        seawall.toml:3:10: `listen` must be a table, not a text
    "#]],
    );
}

#[test]
fn nothing_at_all_is_a_mistake_with_the_way_out() {
    check(
        "",
        &expect![[r#"
        seawall.toml: no model is configured; add [models.NAME] with a `ladder`
    "#]],
    );
    check(
        "[models]\n",
        &expect![[r#"
        seawall.toml:1:1: [models] is empty
    "#]],
    );
    check(
        "[models.a]\n",
        &expect![[r#"
        seawall.toml:1:1: `ladder` is missing in [models.a]
    "#]],
    );
    check(
        "[models.a]\nladder = []\n",
        &expect![[r#"
        seawall.toml:2:10: the ladder has no rung
    "#]],
    );
}

#[test]
fn providers() {
    check(
        r#"
[providers.a]
kind = "compatible"
[providers.b]
kind = "openai"
[providers.c]
kind = "openai"
api_keys = []
organization = "org with space"
[providers.d]
kind = "compatible"
base_url = "https://user:canary@example.com/v1"
project = "p"
stream_usage = "alway"
ca_file = "missing.pem"
[providers.reserve]
kind = "openai"
api_keys = ["env:OPENAI_API_KEY", "env:OPENAI_API_KEY"]
[providers.spare]
kind = "reserve"
base_url = "http://x"
[providers.e]
api_version = "2024"
[models.m]
ladder = ["a/x", "a/x", "spare/other", "b/", "/x", "c/a\nb"]
"#,
        &expect![[r#"
            seawall.toml:2:1: `base_url` is missing in [providers.a]
            seawall.toml:4:1: `api_keys` is missing in [providers.b]
            seawall.toml:8:12: `api_keys` needs one key at least
            seawall.toml:9:16: `organization` must be 1 to 1024 visible ASCII characters
            seawall.toml:12:12: `base_url`: a base URL has no user and no password; keys go into `api_keys`
            seawall.toml:13:1: `project` is for kind `openai` only
            seawall.toml:14:16: `stream_usage` knows no `alway`; it may be `always` or `as_asked`; did you mean `always`?
            seawall.toml:15:11: `ca_file`: cannot read `missing.pem`: there is no such file
            seawall.toml:17:8: the name `reserve` belongs to the model on board; choose another name
            seawall.toml:18:35: `env:OPENAI_API_KEY` holds a key that is there already
            seawall.toml:21:1: `base_url` means nothing for kind `reserve`; see [reserve]
            seawall.toml:22:1: `kind` is missing in [providers.e]
            seawall.toml:25:18: `a/x` is in this ladder twice
            seawall.toml:25:25: the reserve has one model: `spare/smollm2-135m`
            seawall.toml:25:40: a model's name has 1 to 256 bytes
            seawall.toml:25:46: there is no [providers.]; there is `a`, `b`, `c`, `d`, `e`, `reserve` or `spare`
            seawall.toml:25:52: the model's name `a\nb` has control characters, or spaces at its ends
        "#]],
    );
}

#[test]
fn keys_of_other_kinds() {
    check(
        r#"
[providers.a]
kind = "azure"
api_keys = ["env:OPENAI_API_KEY"]
entra_token_file = "missing"
deployments = { "gpt-4.1" = 1, "x" = "" }
[providers.b]
kind = "anthropic"
base_url = "https://api.anthropic.com/v1"
api_keys = ["env:OPENAI_API_KEY"]
headers = { "X-Api-Key" = "env:GROQ_API_KEY", "Anthropic-Version" = "2023-06-01" }
deployments = {}
[providers.c]
kind = "gemini"
organization = "o"
speaks = ["chat"]
[providers.d]
kind = "compatible"
base_url = "https://example.com/v1"
speaks = ["chats", "chat", 1]
[providers.e]
kind = "perplexity"
base_url = "https://api.perplexity.ai/v1"
api_keys = ["env:OPENAI_API_KEY"]
[providers.f]
kind = "azure"
base_url = "https://shop.openai.azure.com/openai/v1/"
api_keys = ["env:OPENAI_API_KEY"]
[providers.g]
kind = "anthropc"
[models.m]
ladder = ["a/x"]
"#,
        &expect![[r#"
            seawall.toml:2:1: `base_url` is missing in [providers.a]
            seawall.toml:5:20: `entra_token_file` stands for `api_keys`; use one of the two
            seawall.toml:5:20: `entra_token_file`: cannot read `missing`: there is no such file
            seawall.toml:6:29: `gpt-4.1` must be a text in quotes, not a whole number
            seawall.toml:6:38: a model and its deployment have 1 to 1024 visible ASCII characters; `x` = `` do not
            seawall.toml:9:12: `base_url`: leave out `/v1`; Seawall adds it
            seawall.toml:11:13: the header `x-api-key` is made of `api_keys`; use one of the two
            seawall.toml:11:47: the header `Anthropic-Version` is made of `api_version`
            seawall.toml:12:1: `deployments` is for kind `azure` only
            seawall.toml:13:1: `api_keys` is missing in [providers.c]
            seawall.toml:15:1: `organization` is for kind `openai` only
            seawall.toml:16:1: `speaks` is for kind `compatible` only
            seawall.toml:20:11: `speaks` knows no `chats`; it may be `chat`, `responses` or `embeddings`; did you mean `chat`?
            seawall.toml:20:28: `speaks` must be a text in quotes, not a whole number
            seawall.toml:23:12: `base_url`: leave out `/v1`; Seawall adds it
            seawall.toml:27:12: `base_url`: leave out `/openai/v1`; Seawall adds it
            seawall.toml:30:8: there is no kind `anthropc`; supported: openai, azure, anthropic, gemini, perplexity, compatible, reserve; did you mean `anthropic`?
        "#]],
    );
}

#[test]
fn base_urls() {
    for (url, message) in [
        ("api.openai.com", "must be a URL"),
        ("https://", "must be a URL"),
        ("https://x:99999/v1", "must be a URL"),
        ("https://x:0/v1", "must be a URL"),
        ("https://x:/v1", "must be a URL"),
        ("file:///etc/passwd", "must be"),
        ("ftp://x/v1", "must begin with"),
        ("https://x/v1?key=canary", "no `?`"),
        ("https://x/v1#a", "no `#`"),
        ("https://u:canary@x/v1", "no user"),
        ("https://x/v1/chat/completions", "leave out `/chat/completions`"),
        ("https://x/v1/models/", "leave out `/models`"),
        ("https://a b/v1", "must be a URL"),
    ] {
        let text = format!(
            "[providers.p]\nkind = \"compatible\"\nbase_url = \"{url}\"\n[models.m]\nladder = [\"p/x\"]\n"
        );
        let said = bad(&text);
        assert!(said.starts_with("seawall.toml:3:12: `base_url`: "), "{url}: {said}");
        assert!(said.contains(message), "{url}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn headers() {
    check(
        r#"
[providers.p]
kind = "compatible"
base_url = "https://example.com"
api_keys = ["env:OPENAI_API_KEY"]
headers = { "X-Title" = "shop", "x-title" = "b", "x-api-key" = "canary", "Host" = "x", "a b" = "x", "Authorization" = "env:GROQ_API_KEY", "seawall-why" = "x", "x-b" = "a\nb", "x-c" = 1, "x-d" = "env:NOT_THERE" }
[models.m]
ladder = ["p/x"]
"#,
        &expect![[r#"
            seawall.toml:6:33: the header `x-title` is there twice
            seawall.toml:6:64: the header `x-api-key` looks like a credential, which must not stand in the file; use `env:NAME` or `file:PATH`
            seawall.toml:6:74: the header `Host` is set by Seawall itself
            seawall.toml:6:88: `a b` is no name of a header
            seawall.toml:6:101: the header `authorization` is made of `api_keys`; use one of the two
            seawall.toml:6:139: the header `seawall-why` is set by Seawall itself
            seawall.toml:6:168: the header `x-b` must be 1024 ASCII characters at most, without spaces at its ends
            seawall.toml:6:184: `x-c` must be a text in quotes, not a whole number
            seawall.toml:6:195: the environment variable `NOT_THERE` is not set
        "#]],
    );
}

#[test]
fn doors() {
    check(
        &with_base("[listen]\nstatus = \"127.0.0.1:8080\"\nconsole = \"127.0.0.1:8080\""),
        &expect![[r#"
            seawall.toml:7:10: gateway 127.0.0.1:8080 and status 127.0.0.1:8080 cannot both be listened on
            seawall.toml:8:11: gateway 127.0.0.1:8080 and console 127.0.0.1:8080 cannot both be listened on
            seawall.toml:8:11: status 127.0.0.1:8080 and console 127.0.0.1:8080 cannot both be listened on
        "#]],
    );
    check(
        &with_base("[listen]\ngateway = \"[::]:8081\""),
        &expect![[r#"
            seawall.toml:6:1: gateway [::]:8081 and status 127.0.0.1:8081 cannot both be listened on
            seawall.toml:7:11: gateway [::]:8081: anybody who reaches it could use your providers; run `seawall key create NAME` and put its line under [auth], or bind to 127.0.0.1
        "#]],
    );
    check(
        &with_base("[listen.tls]\ncertificate = \"cert.pem\""),
        &expect![[r#"
            seawall.toml:6:1: `key` is missing in [listen.tls]
            seawall.toml:7:15: `certificate`: cannot read `cert.pem`: there is no such file
        "#]],
    );
}

#[test]
fn callers() {
    let hash = "ab".repeat(32);
    check(
        &with_base(&format!(
            "[[auth.keys]]\nname = \"a\"\nhash = \"sha256:{hash}\"\n\
             [[auth.keys]]\nname = \"a\"\nhash = \"sha256:{hash}\"\n\
             [[auth.keys]]\nname = \"\"\nhash = \"sha256:{}\"\n\
             [[auth.keys]]\nnam = \"b\"\nhash = \"{hash}\"\n",
            "zz".repeat(32)
        )),
        &expect![[r#"
            seawall.toml:10:8: the caller `a` is there twice
            seawall.toml:11:8: this key is the caller `a`'s already
            seawall.toml:13:8: a caller's name has 1 to 64 letters, digits, `_`, `-` and `.`; `` does not
            seawall.toml:14:8: `hash` must be `sha256:` and 64 hex digits; `seawall key create NAME` prints a key and its line
            seawall.toml:15:1: `name` is missing in [auth.keys]
            seawall.toml:16:1: unknown key `nam` in [auth.keys]; did you mean `name`?
            seawall.toml:17:8: `hash` must be `sha256:` and 64 hex digits; `seawall key create NAME` prints a key and its line
        "#]],
    );
}

#[test]
fn keys_that_cannot_be_sent_are_not_shown() {
    let text = with_base("");
    for (value, message) in [
        ("", "`env:OPENAI_API_KEY` is empty"),
        (" \n", "`env:OPENAI_API_KEY` is empty"),
        ("canary\nx", "cannot be sent"),
        ("canary x", "cannot be sent"),
        ("canaryé", "cannot be sent"),
    ] {
        let env = MapEnvironment::default().with("OPENAI_API_KEY", value);
        let said = parse(&text, Path::new("seawall.toml"), &env, &Overrides::default())
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("seawall.toml:3:13: ") && said.contains(message), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let env = env().with_file("/etc/seawall.toml", [0x66, 0xff]);
    let said =
        |path: &str| load(Path::new(path), &env, &Overrides::default()).unwrap_err().to_string();
    assert_eq!(said("nowhere.toml"), "nowhere.toml: cannot be read: there is no such file");
    assert_eq!(said("/etc/seawall.toml"), "/etc/seawall.toml: cannot be read: it is no UTF-8 text");
    let env = env.with_file("big.toml", vec![b'#'; (1 << 20) + 1]);
    let said = load(Path::new("big.toml"), &env, &Overrides::default()).unwrap_err().to_string();
    assert_eq!(said, "big.toml: cannot be read: it is too large");
}

#[test]
fn overrides_are_checked_like_the_file_and_win_over_it() {
    let env = env().with_file("s.toml", with_base("[listen]\ngateway = \"0.0.0.0:1\""));
    let path = Path::new("s.toml");
    let overrides =
        Overrides { gateway: Some("127.0.0.1:9".parse().unwrap()), ..Overrides::default() };
    let settings = load(path, &env, &overrides).unwrap();
    assert_eq!(settings.listen.gateway, "127.0.0.1:9".parse().unwrap());
    let overrides =
        Overrides { gateway: Some("10.0.0.1:9".parse().unwrap()), ..Overrides::default() };
    let said = load(path, &env, &overrides).unwrap_err().to_string();
    assert!(said.starts_with("command line: gateway 10.0.0.1:9: anybody"), "{said}");
}

#[test]
fn the_reserve_cannot_be_both_off_and_in_a_ladder() {
    check(
        &with_base("[reserve]\nenabled = false"),
        &expect![[r#"
        seawall.toml:7:11: the reserve is off, but the ladder of `assistant` names it
    "#]],
    );
}

#[test]
fn a_column_counts_characters() {
    check(
        &with_base("[models.\"é\"]\nladder = [\"ö\", \"é\", 1]"),
        &expect![[r#"
            seawall.toml:7:11: `ö` must be written `provider/model`
            seawall.toml:7:16: `é` must be written `provider/model`
            seawall.toml:7:21: `a rung` must be a text in quotes, not a whole number
        "#]],
    );
}

#[test]
fn mistakes_of_what_is_kept_and_shown() {
    check(
        &with_base(
            "[storage]\npath = \"\"\nfile_bytes_max = 1\n\
             [status]\nname = \"\"\nurl = \"ftp://status.example.com\"\nreport = true\n\
             [lookout]\nprobes = [\"nobody/small\", \"small\", 4]\nfeeds = \"yes\"\n",
        ),
        &expect![[r#"
            seawall.toml:7:8: `path` is empty; without the key all is kept in memory
            seawall.toml:8:18: `file_bytes_max` must be from 16777216 to 1099511627776
            seawall.toml:10:8: a page's name has 1 to 80 characters
            seawall.toml:11:7: `url` must be an http or https address without user, query or fragment
            seawall.toml:12:1: unknown key `report` in [status]; did you mean `reports`?
            seawall.toml:14:11: there is no [providers.nobody]; there is `openai` or `reserve`
            seawall.toml:14:27: `small` must be written `provider/model`
            seawall.toml:14:36: `a probe` must be a text in quotes, not a whole number
            seawall.toml:15:9: `feeds` must be true or false, not a text
        "#]],
    );
}

#[test]
fn receivers_are_named_with_references_and_no_secret_is_repeated() {
    check(
        &with_base(
            r#"[[notify.receivers]]
name = "room"
kind = "slack"
to = "https://hooks.example.com/canary"

[[notify.receivers]]
name = "hook"
kind = "webhook"
to = "https://example.com/hook"

[[notify.receivers]]
name = "ann b"
kind = "email"
to = "ann"
components = ["nobody/chat"]
"#,
        ),
        &expect![[r#"
            seawall.toml:6:1: what is told links to the page: set `url` in [status], where it is reached from outside
            seawall.toml:9:6: a key must not stand in the file; use `env:NAME` or `file:PATH`
            seawall.toml:11:1: `secrets` is missing in [notify.receivers]
            seawall.toml:17:8: a receiver's name has 1 to 64 letters, digits, `_`, `-` and `.`
            seawall.toml:19:6: mails need a relay: set [notify.mail]
            seawall.toml:19:6: this is no e-mail address that we can write to
            seawall.toml:20:15: there is no [providers.nobody]; there is `openai` or `reserve`
        "#]],
    );
}
