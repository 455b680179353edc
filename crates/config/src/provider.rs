//! Reads `[providers.NAME]`. Whether anything answers there is not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::Secret;
use providers::{ExtraHeader, Kind, ProviderSettings, StreamUsage};
use toml::Spanned;
use toml::de::DeValue;

use crate::base_url;
use crate::keys::{self, KINDS};
use crate::kinds;
use crate::mistake::{Findings, did_you_mean, shown};
use crate::raw::{Table, listed, text_of, wrong_type};
use crate::secrets::{self, Sources, Use};
use crate::settings::SecretOrigin;

/// The provider that is there without a table.
pub(crate) const RESERVE: &str = "reserve";

const PROVIDERS_MAX: usize = 256;
const API_KEYS_MAX: usize = 64;
const HEADERS_MAX: usize = 32;
pub(crate) const TEXT_BYTES_MAX: usize = 1_024;
const PEM_BYTES_MAX: u64 = 4 << 20;

/// Headers that the connection or the call itself sets.
const OWN_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "openai-organization",
    "openai-project",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// All providers, and the names that were meant to be providers, so that a ladder which names one
/// with a mistake of its own is not blamed too.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) origins: Vec<SecretOrigin>,
    /// `None` where the kind could not be read.
    pub(crate) kinds: BTreeMap<Box<str>, Option<Kind>>,
}

/// Reads every table below `[providers]`.
pub(crate) fn read_all(
    top: &Table<'_>,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Roster {
    let mut roster = Roster::default();
    let Some(value) = top.get("providers") else {
        return roster;
    };
    let Some(entries) = value.get_ref().as_table() else {
        wrong_type("providers", "a table of tables such as [providers.openai]", value, findings);
        return roster;
    };
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    if entries.len() > PROVIDERS_MAX {
        findings.at(value.span(), format!("more than {PROVIDERS_MAX} providers"));
    }
    for (name, value) in entries {
        let text = name.get_ref().as_ref();
        if !is_name(text) {
            let message = format!(
                "a provider's name has 1 to 32 of a-z, 0-9, `_` and `-`; `{}` does not",
                shown(text)
            );
            findings.at(name.span(), message);
        }
        let kind = read_one(text, value, sources, &mut roster, findings);
        roster.kinds.insert(text.into(), kind);
    }
    roster
}

fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

fn read_one<'t>(
    name: &str,
    value: &'t Spanned<DeValue<'t>>,
    sources: Sources<'_>,
    roster: &mut Roster,
    findings: &mut Findings<'_>,
) -> Option<Kind> {
    let header = format!("providers.{name}");
    let table = Table::from_value(value, &keys::PROVIDER, header, findings)?;
    table.require("kind", findings);
    let kind = kind(&table, findings)?;
    if name == RESERVE && kind != Kind::Reserve {
        let message = "the name `reserve` belongs to the model on board; choose another name";
        findings.wrong(table.place("kind"), message);
    }
    if name == gateway::RECALL {
        let message =
            "the name `recall` belongs to answers that are given again; choose another name";
        findings.wrong(table.place("kind"), message);
    }
    let mut provider = ProviderSettings::new(name, kind);
    if kind == Kind::Reserve {
        for (key, span, _) in table.entries_in_order() {
            if key != "kind" && keys::PROVIDER.key(key).is_some() {
                let message = format!("`{key}` means nothing for kind `reserve`; see [reserve]");
                findings.at(span, message);
            }
        }
        roster.providers.push(provider);
        return Some(kind);
    }
    if let Some(url) = endpoint(&table, kind, findings) {
        provider.base_url = url;
    }
    provider.api_keys = api_keys(&table, kind, sources, &mut roster.origins, findings);
    kinds::read(&table, &mut provider, sources, findings);
    provider.headers = headers(&table, &provider, sources, &mut roster.origins, findings);
    provider.ca_file = ca_file(&table, sources, findings);
    provider.http2 = table.flag("http2", findings).unwrap_or(provider.http2);
    if let Some(said) = table.word("stream_usage", findings) {
        provider.stream_usage = match said.value {
            "as_asked" => StreamUsage::AsAsked,
            _ => StreamUsage::Always,
        };
    }
    roster.providers.push(provider);
    Some(kind)
}

fn kind(table: &Table<'_>, findings: &mut Findings<'_>) -> Option<Kind> {
    let said = table.text("kind", findings)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == said.value);
    if kind.is_none() {
        let message = format!(
            "there is no kind `{}`; supported: {}{}",
            shown(said.value),
            KINDS.join(", "),
            did_you_mean(said.value, KINDS.iter().copied())
        );
        findings.at(said.span, message);
    }
    kind
}

fn endpoint(table: &Table<'_>, kind: Kind, findings: &mut Findings<'_>) -> Option<Box<str>> {
    if kind.base_url().is_none() {
        table.require("base_url", findings);
    }
    let said = table.text("base_url", findings)?;
    match base_url::checked(said.value).and_then(|url| kinds::without_version(url, kind)) {
        Ok(url) => Some(url),
        Err(message) => {
            findings.at(said.span, format!("`base_url`: {message}"));
            None
        }
    }
}

fn api_keys(
    table: &Table<'_>,
    kind: Kind,
    sources: Sources<'_>,
    origins: &mut Vec<SecretOrigin>,
    findings: &mut Findings<'_>,
) -> Vec<Secret> {
    const EXPECTED: &str = "an array of `env:NAME` or `file:PATH`";
    let needed = kind != Kind::Compatible && table.get("entra_token_file").is_none();
    if needed {
        table.require("api_keys", findings);
    }
    let references = table.array("api_keys", EXPECTED, findings);
    if let Some(value) = table.get("api_keys") {
        let empty = value.get_ref().as_array().is_some_and(|array| array.is_empty());
        if empty && needed {
            findings.at(value.span(), "`api_keys` needs one key at least");
        }
        if references.len() > API_KEYS_MAX {
            findings.at(value.span(), format!("`api_keys` has more than {API_KEYS_MAX} keys"));
        }
    }
    let mut keys: Vec<Secret> = Vec::new();
    for reference in references.iter().take(API_KEYS_MAX) {
        let Some(said) = text_of("api_keys", reference, findings) else {
            continue;
        };
        match secrets::resolve(said.value, Use::Key, sources) {
            Ok(key) if keys.contains(&key) => {
                findings.at(
                    said.span,
                    format!("`{}` holds a key that is there already", shown(said.value)),
                );
            }
            Ok(key) => {
                keys.push(key);
                origins.push(origin(table, None, said.value));
            }
            Err(message) => findings.at(said.span, message),
        }
    }
    keys
}

fn origin(table: &Table<'_>, header: Option<&str>, reference: &str) -> SecretOrigin {
    let provider = table.header.strip_prefix("providers.").unwrap_or_default();
    SecretOrigin {
        provider: provider.into(),
        header: header.map(Into::into),
        from: reference.into(),
    }
}

fn headers(
    table: &Table<'_>,
    provider: &ProviderSettings,
    sources: Sources<'_>,
    origins: &mut Vec<SecretOrigin>,
    findings: &mut Findings<'_>,
) -> Vec<ExtraHeader> {
    let Some(value) = table.get("headers") else {
        return Vec::new();
    };
    let Some(entries) = value.get_ref().as_table() else {
        wrong_type("headers", "a table such as { \"X-Title\" = \"shop\" }", value, findings);
        return Vec::new();
    };
    if entries.len() > HEADERS_MAX {
        findings.at(value.span(), format!("more than {HEADERS_MAX} headers"));
    }
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut headers: Vec<ExtraHeader> = Vec::new();
    for (name, value) in entries {
        let text = name.get_ref().as_ref();
        if let Err(message) = header_name(text, provider) {
            findings.at(name.span(), message);
            continue;
        }
        if headers.iter().any(|there| there.name.eq_ignore_ascii_case(text)) {
            findings.at(name.span(), format!("the header `{text}` is there twice"));
            continue;
        }
        let Some(said) = text_of(text, value, findings) else {
            continue;
        };
        match header_value(text, said.value, sources) {
            Ok(secret) => {
                let is_secret = secrets::is_reference(said.value);
                if is_secret {
                    origins.push(origin(table, Some(text), said.value));
                }
                let name = text.to_ascii_lowercase().into();
                headers.push(ExtraHeader { name, value: secret, is_secret });
            }
            Err(message) => findings.at(said.span, message),
        }
    }
    headers
}

fn header_name(text: &str, provider: &ProviderSettings) -> Result<(), String> {
    if http::HeaderName::from_bytes(text.as_bytes()).is_err() {
        return Err(format!("`{}` is no name of a header", shown(text)));
    }
    let lower = text.to_ascii_lowercase();
    if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("seawall-") {
        return Err(format!("the header `{text}` is set by Seawall itself"));
    }
    if provider.kind == Kind::Anthropic && lower == "anthropic-version" {
        return Err(format!("the header `{text}` is made of `api_version`"));
    }
    let has_keys = !provider.api_keys.is_empty() || provider.entra_token_file.is_some();
    if has_keys && kinds::key_headers(provider.kind).contains(&lower.as_str()) {
        return Err(format!("the header `{lower}` is made of `api_keys`; use one of the two"));
    }
    Ok(())
}

fn header_value(name: &str, text: &str, sources: Sources<'_>) -> Result<Secret, String> {
    if secrets::is_reference(text) {
        return secrets::resolve(text, Use::HeaderValue, sources);
    }
    if carries_credentials(name) {
        return Err(format!(
            "the header `{name}` looks like a credential, which must not stand in the file; use \
             `env:NAME` or `file:PATH`"
        ));
    }
    if text.len() > TEXT_BYTES_MAX || text != text.trim() || !secrets::fits(text, Use::HeaderValue)
    {
        return Err(format!(
            "the header `{name}` must be {TEXT_BYTES_MAX} ASCII characters at most, without spaces \
             at its ends"
        ));
    }
    Ok(Secret::new(text))
}

fn carries_credentials(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature"]
        .iter()
        .any(|word| lower.contains(word))
}

fn ca_file(
    table: &Table<'_>,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    pem_file(table, "ca_file", "CERTIFICATE-----", sources, findings)
}

/// A path to a PEM file that is there and has such a block.
pub(crate) fn pem_file(
    table: &Table<'_>,
    name: &str,
    block: &str,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<PathBuf> {
    let said = table.text(name, findings)?;
    let path = sources.folder.join(said.value);
    let message = match sources.env.read_file(&path, PEM_BYTES_MAX) {
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains(block) => return Some(path),
        Ok(_) => {
            let block = block.trim_end_matches('-').to_ascii_lowercase();
            format!("`{name}`: there is no {block} in `{}`", path.display())
        }
        Err(error) => {
            let why = secrets::why_unreadable(&error);
            format!("`{name}`: cannot read `{}`: {why}", path.display())
        }
    };
    findings.at(said.span, message);
    None
}

/// The provider of kind reserve that a ladder's rung may mean without a table.
pub(crate) fn add_reserve(roster: &mut Roster) {
    if !roster.providers.iter().any(|provider| provider.kind == Kind::Reserve) {
        roster.providers.push(ProviderSettings::new(RESERVE, Kind::Reserve));
    }
}

/// Says that a rung's provider does not exist, with the nearest that does.
pub(crate) fn unknown_provider(name: &str, roster: &Roster) -> String {
    const LISTED_MAX: usize = 8;
    let names: BTreeSet<&str> = roster.kinds.keys().map(|name| &**name).chain([RESERVE]).collect();
    let mut hint = did_you_mean(name, names.iter().copied());
    if hint.is_empty() && names.len() <= LISTED_MAX {
        hint = format!("; there is {}", listed(names.iter().copied()));
    }
    format!("there is no [providers.{}]{hint}", shown(name))
}
