//! The reference of every key, printed from the table of keys that the reader uses.

use std::fmt::{self, Write};

use crate::keys::{self, Key, Section, Shape};

/// All keys with type, bounds, default and a sentence, as Markdown.
pub fn reference() -> String {
    let mut out = String::new();
    write_all(&mut out).expect("a String takes all that is written to it");
    out
}

const INTRODUCTION: &str = "\
# Configuration

Seawall reads one TOML file: `seawall serve -c FILE`, else `./seawall.toml`, else none at all.
`seawall check -c FILE` lists every mistake with its line, or prints the ladders as they were
understood. Every key has a default unless it says `(required)`; an unknown key is a mistake. A bad
file is refused whole, and a running Seawall keeps its old settings.

Secrets never stand in the file: `env:NAME` names an environment variable, `file:PATH` a file.
Relative paths begin at the folder of the configuration file. Keys that end in `_ms_max`, `_ms_min`
or `_ms` are milliseconds, those in `_bytes_max` bytes.

This page is generated from the table that the reader uses; do not edit it by hand.
";

const WITHOUT_FILE: &str = "
## Without a file

Providers are found by their keys in the environment: `OPENAI_API_KEY` (with `OPENAI_BASE_URL`,
`OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`), `AZURE_OPENAI_API_KEY` with `AZURE_OPENAI_ENDPOINT` (and
`OPENAI_API_VERSION`), `ANTHROPIC_API_KEY` (with `ANTHROPIC_BASE_URL`), `GEMINI_API_KEY` or
`GOOGLE_API_KEY`, `PERPLEXITY_API_KEY` or `PPLX_API_KEY`, `GROQ_API_KEY`, `MISTRAL_API_KEY`,
`DEEPSEEK_API_KEY`, `OPENROUTER_API_KEY`, `XAI_API_KEY`, `TOGETHER_API_KEY`, `CEREBRAS_API_KEY`. Names
such as `claude-*`, `gemini-*` and `sonar*` go to their own providers; with OpenAI's key every other
name goes to `openai`; each provider answers to `PROVIDER/MODEL`; the reserve model is the last rung
everywhere. Without any key the reserve answers for the usual names of the big providers' models and
for `assistant`.
";

fn write_all(out: &mut String) -> fmt::Result {
    out.write_str(INTRODUCTION)?;
    for section in keys::ALL {
        write_section(section, out)?;
    }
    out.write_str(WITHOUT_FILE)
}

fn write_section(section: &Section, out: &mut String) -> fmt::Result {
    writeln!(out, "\n## `[{}]`\n\n{}\n", section.name, section.sentence)?;
    writeln!(out, "| key | value | default | meaning |\n|---|---|---|---|")?;
    for key in section.keys {
        let default = (key.default)();
        let default = if default.contains(['(', '`']) { default } else { format!("`{default}`") };
        writeln!(out, "| `{}` | {} | {default} | {} |", key.name, looks(key), key.sentence)?;
    }
    Ok(())
}

fn looks(key: &Key) -> String {
    match key.shape {
        Shape::Integer { min, max } => format!("whole number, {min} to {max}"),
        Shape::Number { min, max } => format!("number, {min} to {max}"),
        Shape::Flag => "true or false".to_owned(),
        Shape::Word(words) => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        Shape::Other(text) => text.to_owned(),
    }
}
