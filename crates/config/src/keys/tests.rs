//! The table and the reader cannot differ: every key is read, and its bounds hold.

use std::path::Path;

use super::{ALL, Key, Section, Shape};
use crate::{MapEnvironment, Mistakes, Overrides, Settings, parse};

/// Every section with a value for what is required, but without the key under test.
fn file(section: &Section, line: &str) -> String {
    let hash = "0".repeat(64);
    let parts = [
        ("providers.NAME", "[providers.p]\nkind = \"openai\"\napi_keys = [\"env:K\"]\n"),
        ("models.NAME", "[models.m]\nladder = [\"p/x\"]\n"),
    ];
    let mut text = String::new();
    let mut written = false;
    for (name, part) in parts {
        let key = line.split(' ').next().unwrap_or_default();
        for old in part
            .lines()
            .filter(|old| name != section.name || key.is_empty() || !old.starts_with(key))
        {
            text.push_str(old);
            text.push('\n');
        }
        if name == section.name {
            text.push_str(line);
            text.push('\n');
            written = true;
        }
    }
    match section.name {
        "auth.keys" => {
            let name = if line.starts_with("name") { line } else { "name = \"a\"" };
            let sha = format!("hash = \"sha256:{hash}\"");
            let sha = if line.starts_with("hash") { line } else { &sha };
            text.push_str(&format!("[[auth.keys]]\n{name}\n{sha}\n"));
        }
        "listen.tls" => {
            let certificate =
                if line.starts_with("certificate") { line } else { "certificate = \"c\"" };
            let key = if line.starts_with("key") { line } else { "key = \"c\"" };
            text.push_str(&format!("[listen.tls]\n{certificate}\n{key}\n"));
        }
        "notify.mail" => {
            let host = if line.starts_with("host") { line } else { "host = \"mail.test\"" };
            let from = if line.starts_with("from =") { line } else { "from = \"a@b.test\"" };
            let login = match line.split(' ').next() {
                Some("user") => "password = \"env:K\"\n",
                Some("password") => "user = \"ann\"\n",
                _ => "",
            };
            let line = if [host, from].contains(&line) { "" } else { line };
            text.push_str("[status]\nurl = \"https://status.test\"\n");
            text.push_str(&format!("[notify.mail]\n{host}\n{from}\n{login}{line}\n"));
        }
        "notify.receivers" => {
            let key = line.split(' ').next().unwrap_or_default();
            let to = if key == "kind" { "to = \"env:K\"" } else { "to = \"https://a.test/\"" };
            let usual = ["name = \"n\"", "kind = \"webhook\"", to, "secrets = [\"env:S\"]"];
            let usual = usual.iter().filter(|old| key.is_empty() || !old.starts_with(key));
            // Only webhooks have secrets.
            let usual = usual.filter(|old| key != "kind" || !old.starts_with("secrets"));
            text.push_str("[status]\nurl = \"https://status.test\"\n[[notify.receivers]]\n");
            usual.for_each(|old| text.push_str(&format!("{old}\n")));
            text.push_str(&format!("{line}\n"));
        }
        "cards.NAME" => text.push_str(&format!("[cards.\"p/x\"]\n{line}\n")),
        "models.NAME.clocks" => text.push_str(&format!("[models.m.clocks]\n{line}\n")),
        _ if written => {}
        name => text.push_str(&format!("[{name}]\n{line}\n")),
    }
    text
}

fn read(section: &Section, line: &str) -> Result<Settings, Mistakes> {
    let pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
    let env = MapEnvironment::default()
        .with("K", "key")
        .with("L", "other-key")
        .with("S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .with_file("c", pem)
        .with_file("d", pem)
        .with_file("e", "[cards.\"p/x\"]\nreasons = true\n");
    parse(&file(section, line), Path::new("s.toml"), &env, &Overrides::default())
}

/// A value that is allowed and is not the default.
fn another(section: &Section, key: &Key) -> String {
    let hash = "1".repeat(64);
    match (section.name, key.name, key.shape) {
        // Two keys that must not come nearer to their neighbours.
        (_, "pause_ms_max" | "cooldown_ms_max", _) => "59999".into(),
        (_, "calls_min", _) => "3".into(),
        ("reserve", "enabled", _) => "true".into(),
        (_, "context_tokens_max", _) => "4000".into(),
        // Neither the length nor a price says anything without the other.
        (_, "long_above_tokens", _) => "9\nlong_output_usd_per_million = 2.5".into(),
        (_, key, _) if key.starts_with("long_") => "2.5\nlong_above_tokens = 9".into(),
        (_, _, Shape::Integer { min, .. }) => (min + 1).to_string(),
        ("cards.NAME", _, Shape::Number { .. }) => "2.5".into(),
        (_, _, Shape::Number { min, max }) => format!("{:?}", (min + max) / 3.0),
        ("cards.NAME", _, Shape::Flag) => "true".into(),
        (_, _, Shape::Flag) => {
            if (key.default)() == "false" {
                "true".into()
            } else {
                "false".into()
            }
        }
        ("notify", "key", _) | (_, "password", _) => "\"env:K\"".into(),
        ("notify", "pagerduty_url", _) => "\"https://pager.test/\"".into(),
        ("notify.mail", "host" | "hello", _) => "\"relay.test\"".into(),
        ("notify.mail", "security", _) => "\"tls\"".into(),
        ("notify.mail", "user" | "from_name", _) => "\"ann\"".into(),
        ("notify.mail", "from", _) => "\"c@d.test\"".into(),
        ("notify.receivers", "kind", _) => "\"pagerduty\"".into(),
        ("notify.receivers", "to", _) => "\"https://other.test/\"".into(),
        ("notify.receivers", "secrets", _) => "[\"env:S\", \"env:S\"]".into(),
        ("notify.receivers", "components", _) => "[\"p/chat\"]".into(),
        (_, "stream_usage", _) => "\"as_asked\"".into(),
        (_, "kind", _) => "\"reserve\"".into(),
        (_, "gateway" | "status" | "console", _) => "\"127.0.0.1:1\"".into(),
        (_, "certificate" | "ca_file", _) | ("listen.tls", "key", _) => "\"d\"".into(),
        (_, "api_keys", _) => "[\"env:L\", \"env:K\"]".into(),
        (_, "base_url", _) => "\"https://example.com/v1\"".into(),
        (_, "organization" | "project" | "name", _) => "\"b\"".into(),
        ("storage", "path", _) => "\"seawall.db\"".into(),
        (_, "probes", _) => "[\"p/x\"]".into(),
        (_, "together", _) => "[[\"p\", \"p\"]]".into(),
        ("status", "url", _) => "\"https://status.example.com\"".into(),
        (_, "headers", _) => "{ x = \"y\" }".into(),
        (_, "can" | "cannot", _) => "[\"tools\"]".into(),
        ("catalogue", "file", _) => "\"e\"".into(),
        (_, "ladder", _) => "[\"p/y\"]".into(),
        ("auth", "keys", _) => format!("[{{ name = \"a\", hash = \"sha256:{hash}\" }}]"),
        (_, "hash", _) => format!("\"sha256:{hash}\""),
        (_, "model_dir", _) => "\"models\"".into(),
        (_, "to", _) => "\"nowhere\"".into(),
        (section, key, _) => panic!("no value for [{section}] {key}"),
    }
}

fn every_key() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    ALL.iter().flat_map(|section| section.keys.iter().map(|key| (*section, key)))
}

#[test]
fn every_key_is_read() {
    for (section, key) in every_key() {
        let place = format!("[{}] {}", section.name, key.name);
        // The kind itself, and what belongs to other kinds than that of the test's provider.
        let of_kinds = ["kind", "deployments", "entra_token_file", "speaks", "api_version"];
        if section.name == "providers.NAME" && of_kinds.contains(&key.name) {
            continue;
        }
        let value = another(section, key);
        let line = format!("{} = {value}", key.name);
        // A pair of bounds may need the other one out of the way; its default does not matter.
        let settings = read(section, &line).unwrap_or_else(|m| panic!("{place} = {value}: {m}"));
        let without = read(section, "").unwrap_or_else(|m| panic!("{place}: {m}"));
        assert_ne!(format!("{settings:?}"), format!("{without:?}"), "{place} has no effect");
    }
}

#[test]
fn every_default_is_the_default() {
    for (section, key) in every_key() {
        let default = (key.default)();
        if default.contains(['(', '`']) || section.name == "models.NAME.clocks" {
            continue;
        }
        let line = format!("{} = {default}", key.name);
        let settings = read(section, &line).unwrap_or_else(|m| panic!("{line}: {m}"));
        let without = read(section, "").unwrap_or_else(|m| panic!("{line}: {m}"));
        assert_eq!(format!("{settings:?}"), format!("{without:?}"), "{line}");
    }
}

#[test]
fn every_bound_holds() {
    for (section, key) in every_key() {
        let beyond = match key.shape {
            Shape::Integer { min, max } => {
                vec![format!("{}", i128::from(min) - 1), format!("{}", u128::from(max) + 1)]
            }
            Shape::Number { min, max } => {
                vec![format!("{:?}", min - 0.001), format!("{:?}", max + 0.001), "nan".into()]
            }
            _ => continue,
        };
        for value in beyond {
            let line = format!("{} = {value}", key.name);
            let said = read(section, &line).expect_err(&line).to_string();
            assert!(said.contains(&format!("`{}` must be from", key.name)), "{line}: {said}");
        }
    }
}

#[test]
fn no_name_is_there_twice() {
    for section in ALL {
        let names: Vec<_> = section.names().collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "[{}] {name}", section.name);
        }
    }
}
