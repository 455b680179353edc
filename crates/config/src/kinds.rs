//! Reads what only some kinds of providers have.

use std::path::PathBuf;

use providers::{Kind, ProviderSettings, Speaks};

use crate::mistake::{Findings, did_you_mean, shown};
use crate::provider::TEXT_BYTES_MAX;
use crate::raw::{Said, Table, listed, text_of, wrong_type};
use crate::secrets::{self, Sources, Use, why_unreadable};

const DEPLOYMENTS_MAX: usize = 1_000;
const TOKEN_BYTES_MAX: u64 = 64 << 10;
const SPEAKS: [&str; 3] = ["chat", "responses", "embeddings"];

/// Keys with the kinds that have them.
const OWNERS: [(&str, &[Kind]); 6] = [
    ("organization", &[Kind::OpenAi]),
    ("project", &[Kind::OpenAi]),
    ("api_version", &[Kind::Azure, Kind::Anthropic]),
    ("deployments", &[Kind::Azure]),
    ("entra_token_file", &[Kind::Azure]),
    ("speaks", &[Kind::Compatible]),
];

/// Parts of a base URL that belong to single calls, by kind.
const VERSIONS: [(Kind, &[&str]); 4] = [
    (Kind::Anthropic, &["/v1/messages", "/v1"]),
    (Kind::Gemini, &["/v1beta", "/v1"]),
    (Kind::Perplexity, &["/v1/agent", "/v1"]),
    (Kind::Azure, &["/openai/v1", "/openai/deployments", "/openai"]),
];

/// Fills what belongs to the provider's kind, and refuses what belongs to others.
pub(crate) fn read(
    table: &Table<'_>,
    provider: &mut ProviderSettings,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) {
    for (key, span, _) in table.entries_in_order() {
        let owners = OWNERS.iter().find(|(name, _)| *name == key).map(|(_, kinds)| *kinds);
        if let Some(owners) = owners.filter(|owners| !owners.contains(&provider.kind)) {
            let kinds = listed(owners.iter().map(|kind| kind.as_str()));
            findings.at(span, format!("`{key}` is for kind {kinds} only"));
        }
    }
    provider.organization = short_text(table, "organization", findings);
    provider.project = short_text(table, "project", findings);
    provider.api_version = short_text(table, "api_version", findings);
    provider.deployments = deployments(table, findings);
    provider.entra_token_file = token_file(table, sources, findings);
    if let Some(speaks) = speaks(table, findings) {
        provider.speaks = speaks;
    }
}

/// The URL, unless its end is added by the provider's own room.
pub(crate) fn without_version(url: Box<str>, kind: Kind) -> Result<Box<str>, String> {
    let ends = VERSIONS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, ends)| *ends);
    match ends.iter().find(|end| url.ends_with(**end)) {
        Some(end) => Err(format!("leave out `{end}`; Seawall adds it")),
        None => Ok(url),
    }
}

/// In which headers this kind's keys travel.
pub(crate) fn key_headers(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Azure => &["api-key", "authorization"],
        Kind::Anthropic => &["x-api-key", "authorization"],
        Kind::Gemini => &["x-goog-api-key"],
        Kind::OpenAi | Kind::Perplexity | Kind::Compatible | Kind::Reserve => &["authorization"],
    }
}

fn short_text(table: &Table<'_>, name: &str, findings: &mut Findings<'_>) -> Option<Box<str>> {
    let Said { value, span } = table.text(name, findings)?;
    if value.is_empty() || value.len() > TEXT_BYTES_MAX || !secrets::fits(value, Use::Key) {
        findings
            .at(span, format!("`{name}` must be 1 to {TEXT_BYTES_MAX} visible ASCII characters"));
        return None;
    }
    Some(value.into())
}

fn deployments(table: &Table<'_>, findings: &mut Findings<'_>) -> Vec<(Box<str>, Box<str>)> {
    let Some(value) = table.get("deployments") else {
        return Vec::new();
    };
    let Some(entries) = value.get_ref().as_table() else {
        wrong_type("deployments", "a table such as { \"gpt-4.1\" = \"chat-eu\" }", value, findings);
        return Vec::new();
    };
    if entries.len() > DEPLOYMENTS_MAX {
        findings.at(value.span(), format!("more than {DEPLOYMENTS_MAX} deployments"));
    }
    let mut entries: Vec<_> = entries.iter().take(DEPLOYMENTS_MAX).collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut deployments = Vec::new();
    for (name, value) in entries {
        let model = name.get_ref().as_ref();
        let Some(said) = text_of(model, value, findings) else { continue };
        let fits = |text: &str| {
            !text.is_empty() && text.len() <= TEXT_BYTES_MAX && secrets::fits(text, Use::Key)
        };
        if !fits(model) || !fits(said.value) {
            let message = format!(
                "a model and its deployment have 1 to {TEXT_BYTES_MAX} visible ASCII characters; \
                 `{}` = `{}` do not",
                shown(model),
                shown(said.value)
            );
            findings.at(said.span, message);
            continue;
        }
        deployments.push((model.into(), said.value.into()));
    }
    deployments
}

/// A path to a file that is there now; what it holds is read when it is needed, and again.
fn token_file(
    table: &Table<'_>,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    let said = table.text("entra_token_file", findings)?;
    if table.get("api_keys").is_some() {
        findings
            .at(said.span.clone(), "`entra_token_file` stands for `api_keys`; use one of the two");
    }
    let path = sources.folder.join(said.value);
    if let Err(error) = sources.env.read_file(&path, TOKEN_BYTES_MAX) {
        let why = why_unreadable(&error);
        let message = format!("`entra_token_file`: cannot read `{}`: {why}", path.display());
        findings.at(said.span, message);
        return None;
    }
    Some(path)
}

fn speaks(table: &Table<'_>, findings: &mut Findings<'_>) -> Option<Speaks> {
    let value = table.get("speaks")?;
    let mut speaks = Speaks { chat: false, responses: false, embeddings: false };
    let words = table.array("speaks", "an array such as [\"chat\", \"responses\"]", findings);
    if value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
        findings.at(value.span(), "`speaks` names nothing");
    }
    for word in words {
        let Some(said) = text_of("speaks", word, findings) else { continue };
        match said.value {
            "chat" => speaks.chat = true,
            "responses" => speaks.responses = true,
            "embeddings" => speaks.embeddings = true,
            other => {
                let message = format!(
                    "`speaks` knows no `{}`; it may be {}{}",
                    shown(other),
                    listed(SPEAKS.into_iter()),
                    did_you_mean(other, SPEAKS)
                );
                findings.at(said.span, message);
            }
        }
    }
    Some(speaks)
}
