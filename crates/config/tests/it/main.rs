//! The configuration as the command line and the app use it.

#![expect(clippy::panic, reason = "the helpers of tests fail by panicking")]

mod cards;
mod discovery;
mod good;
mod imports;
mod mistakes;
mod papers;
mod strangers;

use std::path::Path;

use config::{MapEnvironment, Mistakes, Overrides, Settings, parse};

/// An environment with a key for most tests.
fn env() -> MapEnvironment {
    MapEnvironment::default()
        .with("OPENAI_API_KEY", "sk-test-1")
        .with("GROQ_API_KEY", "gsk-test-2")
        .with("ANTHROPIC_API_KEY", "sk-ant-test-3")
        .with("GEMINI_API_KEY", "AIza-test-4")
        .with("HOME", "/home/ann")
}

fn read(text: &str) -> Result<Settings, Mistakes> {
    parse(text, Path::new("seawall.toml"), &env(), &Overrides::default())
}

/// The settings of a text without a mistake.
fn good(text: &str) -> Settings {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The mistakes of a text, one a line.
fn bad(text: &str) -> String {
    match read(text) {
        Ok(settings) => panic!("no mistake was found: {settings:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// A provider and a model, so that a test can say only what it is about.
const BASE: &str = "\
[providers.openai]
kind = \"openai\"
api_keys = [\"env:OPENAI_API_KEY\"]
[models.assistant]
ladder = [\"openai/gpt-4.1\", \"reserve/smollm2-135m\"]
";

/// [`BASE`] and more.
fn with_base(more: &str) -> String {
    format!("{BASE}{more}\n")
}
