//! What `seawall check` prints of settings without a mistake. It never shows a secret, only where
//! it came from.

use std::fmt::{self, Write};

use providers::{Kind, ProviderSettings};
use resilience::Clocks;
use storage::Place;
use telemetry::LogTo;

use crate::settings::Settings;
use crate::warning::written;

/// The resolved ladders with their clocks, the doors, the providers and where each secret came
/// from, as lines of plain text.
pub fn describe_ladders(settings: &Settings) -> String {
    let mut out = String::new();
    write_all(settings, &mut out).expect("a String takes all that is written to it");
    out
}

fn write_all(settings: &Settings, out: &mut String) -> fmt::Result {
    writeln!(out, "settings from {}", settings.source)?;
    doors(settings, out)?;
    writeln!(out, "\nproviders")?;
    for provider in &settings.providers {
        write_provider(provider, settings, out)?;
    }
    writeln!(out, "\nmodels")?;
    for model in &settings.models {
        writeln!(out, "  {}", model.pattern)?;
        for (index, step) in model.ladder.steps.iter().enumerate() {
            let equals: Vec<String> = step.iter().map(written).collect();
            writeln!(out, "    {}. {}", index + 1, equals.join(" = "))?;
        }
        if model.clocks != settings.clocks {
            writeln!(out, "    clocks: {}", clocks(&model.clocks))?;
        }
    }
    writeln!(out, "\nclocks: {}", clocks(&settings.clocks))?;
    let failover = &settings.steadiness.failover;
    writeln!(
        out,
        "failover: {} attempts at most, extra attempts up to {} of live requests",
        failover.attempts_max, failover.retry_budget_ratio
    )?;
    reserve(settings, out)?;
    match &settings.watch.storage.place {
        Place::Memory => writeln!(out, "storage: in memory")?,
        Place::File(path) => writeln!(out, "storage: {}", path.display())?,
    }
    match &settings.request_log.to {
        LogTo::Nowhere => writeln!(out, "request log: none"),
        LogTo::Stdout => writeln!(out, "request log: stdout"),
        LogTo::File(path) => writeln!(out, "request log: {}", path.display()),
    }
}

fn doors(settings: &Settings, out: &mut String) -> fmt::Result {
    let listen = &settings.listen;
    let tls = if listen.tls.is_some() { "TLS" } else { "plain" };
    writeln!(out, "\nlisteners")?;
    write!(out, "  gateway  {} ({tls}, ", listen.gateway)?;
    if settings.callers.is_empty() {
        writeln!(out, "open: no caller keys)")?;
    } else {
        let names: Vec<&str> = settings.callers.iter().map(|caller| &*caller.name).collect();
        writeln!(out, "callers: {})", names.join(", "))?;
    }
    writeln!(out, "  status   {}", listen.status)?;
    writeln!(out, "  console  {}", listen.console)
}

fn write_provider(
    provider: &ProviderSettings,
    settings: &Settings,
    out: &mut String,
) -> fmt::Result {
    let kind = provider.kind.as_str();
    let place = if provider.kind == Kind::Reserve { "on board" } else { &*provider.base_url };
    write!(out, "  {} ({kind}) {place}", provider.name)?;
    let mut keys = Vec::new();
    let mut headers = Vec::new();
    for origin in settings.secret_origins.iter().filter(|o| o.provider == provider.name) {
        match &origin.header {
            None => keys.push(origin.from.to_string()),
            Some(header) => headers.push(format!("{header} from {}", origin.from)),
        }
    }
    if !keys.is_empty() {
        write!(out, ", keys from {}", keys.join(", "))?;
    } else if let Some(path) = &provider.entra_token_file {
        write!(out, ", token from {}", path.display())?;
    } else if provider.kind != Kind::Reserve {
        out.write_str(", no key")?;
    }
    if !headers.is_empty() {
        write!(out, ", header {}", headers.join(", "))?;
    }
    out.write_str("\n")
}

fn clocks(clocks: &Clocks) -> String {
    format!(
        "connect {} ms, headers {} ms, first token {} ms, head held {} ms, unstreamed {} ms, gap {} ms, crawl {} ms, total {} ms",
        clocks.connect_ms_max,
        clocks.headers_ms_max,
        clocks.first_token_ms_max,
        clocks.head_held_ms_max,
        clocks.unstreamed_ms_max,
        clocks.gap_ms_max,
        clocks.crawl_ms_max,
        clocks.total_ms_max
    )
}

fn reserve(settings: &Settings, out: &mut String) -> fmt::Result {
    let reserve = &settings.reserve;
    if !reserve.enabled {
        return writeln!(out, "reserve: off");
    }
    writeln!(
        out,
        "reserve: model folder {}, {} thread(s), {} waiting at most",
        reserve.model_dir.display(),
        reserve.threads,
        reserve.queue_max
    )
}
