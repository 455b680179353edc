//! The configuration with which Seawall is scored: a provider for each fault, so that one fault's
//! breaker does not answer for another, and a spare behind each.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::super::wall::Profile;
use super::ask::CallerDialect;
use super::further::further;
use super::scenarios::bench;

/// Where the keys of the wall's providers are looked for. Any two values will do.
const KEYS: [&str; 2] = ["WALL_KEY", "WALL_KEY_2"];

/// A whole `seawall.toml` whose ladders lead to a wall on this address, with rungs of one dialect.
pub fn gateway_config(wall: SocketAddr, profile: Profile, rungs: CallerDialect) -> String {
    let (headers_ms, first_token_ms, gap_ms, head_held_ms) = match profile {
        Profile::Full => (10_000, 10_000, 10_000, 3_000),
        Profile::Fast => (4_000, 2_000, 2_000, 500),
    };
    let scenarios: Vec<_> = bench().into_iter().chain(further()).collect();
    let mut text = format!(
        "# For `seawall wall --score URL --listen {wall} --profile {profile}`.\n\
         # The wall takes any key, but two different ones make the check of S58:\n\
         #   export {}=sk-wall-one {}=sk-wall-two\n\n\
         [clocks]\nheaders_ms_max = {headers_ms}\nfirst_token_ms_max = {first_token_ms}\n\
         gap_ms_max = {gap_ms}\nhead_held_ms_max = {head_held_ms}\n\n\
         # One request at a time is no traffic that a ratio could be taken of.\n\
         [failover]\nretry_budget_ratio = 1.0\n\n[reserve]\nenabled = false\n\n",
        KEYS[0], KEYS[1]
    );
    let mut push = |line: std::fmt::Arguments<'_>| {
        // A string takes whatever is written.
        let _written = text.write_fmt(line).is_ok();
    };
    for name in ["spare", "healthy"] {
        push(format_args!("{}", provider(name, wall, rungs, &KEYS[..1])));
    }
    push(format_args!("[models.fb-ok]\nladder = [\"healthy/fb-ok\", \"spare/fb-ok\"]\n\n"));
    for scenario in &scenarios {
        let name = scenario.id.to_ascii_lowercase();
        let keys = if name == "s58" { &KEYS[..] } else { &KEYS[..1] };
        push(format_args!("{}", provider(&name, wall, rungs, keys)));
        let (model, spare) = (scenario.model(), scenario.spare_model());
        push(format_args!(
            "[models.{model}]\nladder = [\"{name}/{model}\", \"spare/{spare}\"]\n\n"
        ));
    }
    text
}

fn provider(name: &str, wall: SocketAddr, rungs: CallerDialect, keys: &[&str]) -> String {
    let (kind, path, speaks) = match rungs {
        CallerDialect::Chat => ("compatible", "/v1", ""),
        CallerDialect::Responses => ("compatible", "/v1", "speaks = [\"responses\"]\n"),
        CallerDialect::Anthropic => ("anthropic", "", ""),
        CallerDialect::Gemini => ("gemini", "", ""),
    };
    let keys: Vec<String> = keys.iter().map(|key| format!("\"env:{key}\"")).collect();
    format!(
        "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"http://{wall}{path}\"\n{speaks}\
         api_keys = [{}]\n\n",
        keys.join(", ")
    )
}
