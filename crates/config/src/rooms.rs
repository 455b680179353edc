//! Reads the tables that are a room's plain settings one to one, and the few rules between their
//! keys.

use std::path::PathBuf;

use admission::RoomSettings;
use gateway::{Caps, RecallSettings};
use net::ServerLimits;
use resilience::{
    BreakerSettings, Clocks, FailoverSettings, HedgeSettings, LimiterSettings, PaceSettings,
};
use telemetry::{LogTo, RequestLogSettings};

use crate::Environment;
use crate::keys::{self, Section};
use crate::mistake::{Findings, did_you_mean, shown};
use crate::raw::Table;
use crate::secrets::Sources;
use crate::settings::{ReserveSettings, Runtime};

/// `[clocks]` of the top or of a model, over these defaults.
pub(crate) fn clocks(
    parent: &Table<'_>,
    section: &'static Section,
    d: Clocks,
    f: &mut Findings<'_>,
) -> Clocks {
    let table = parent.table("clocks", section, f);
    Clocks {
        connect_ms_max: table.integer("connect_ms_max", d.connect_ms_max, f),
        headers_ms_max: table.integer("headers_ms_max", d.headers_ms_max, f),
        first_token_ms_max: table.integer("first_token_ms_max", d.first_token_ms_max, f),
        head_held_ms_max: table.integer("head_held_ms_max", d.head_held_ms_max, f),
        unstreamed_ms_max: table.integer("unstreamed_ms_max", d.unstreamed_ms_max, f),
        gap_ms_max: table.integer("gap_ms_max", d.gap_ms_max, f),
        crawl_ms_max: table.integer("crawl_ms_max", d.crawl_ms_max, f),
        total_ms_max: table.integer("total_ms_max", d.total_ms_max, f),
    }
}

pub(crate) fn failover(top: &Table<'_>, f: &mut Findings<'_>) -> FailoverSettings {
    let d = FailoverSettings::default();
    let table = top.table("failover", &keys::FAILOVER, f);
    let h = d.hedge;
    let hedge = HedgeSettings {
        enabled: table.flag("hedge", f).unwrap_or(h.enabled),
        after_ms_min: table.integer("hedge_after_ms_min", h.after_ms_min, f),
        input_tokens_max: table.integer("hedge_input_tokens_max", h.input_tokens_max, f),
        output_tokens_max: table.integer("hedge_output_tokens_max", h.output_tokens_max, f),
        tools: table.flag("hedge_tools", f).unwrap_or(h.tools),
    };
    let read = FailoverSettings {
        attempts_max: table.integer("attempts_max", d.attempts_max, f),
        retry_budget_ratio: table.number("retry_budget_ratio", d.retry_budget_ratio, f),
        pause_ms_min: table.integer("pause_ms_min", d.pause_ms_min, f),
        pause_ms_max: table.integer("pause_ms_max", d.pause_ms_max, f),
        takeover: table.flag("takeover", f).unwrap_or(d.takeover),
        hold_tool_calls: table.flag("hold_tool_calls", f).unwrap_or(d.hold_tool_calls),
        hedge,
    };
    in_order(&table, ("pause_ms_min", read.pause_ms_min), ("pause_ms_max", read.pause_ms_max), f);
    read
}

pub(crate) fn breaker(top: &Table<'_>, f: &mut Findings<'_>) -> BreakerSettings {
    let d = BreakerSettings::default();
    let table = top.table("breaker", &keys::BREAKER, f);
    let read = BreakerSettings {
        streak_max: table.integer("streak_max", d.streak_max, f),
        window_ms: table.integer("window_ms", d.window_ms, f),
        ratio_max: table.number("ratio_max", d.ratio_max, f),
        attempts_min: table.integer("attempts_min", d.attempts_min, f),
        cooldown_ms_min: table.integer("cooldown_ms_min", d.cooldown_ms_min, f),
        cooldown_ms_max: table.integer("cooldown_ms_max", d.cooldown_ms_max, f),
        retry_after_ms_max: table.integer("retry_after_ms_max", d.retry_after_ms_max, f),
    };
    let (min, max) = (read.cooldown_ms_min, read.cooldown_ms_max);
    in_order(&table, ("cooldown_ms_min", min), ("cooldown_ms_max", max), f);
    read
}

pub(crate) fn pace(top: &Table<'_>, f: &mut Findings<'_>) -> PaceSettings {
    let d = PaceSettings::default();
    let table = top.table("pace", &keys::PACE, f);
    let mut learned_unless_told = |name: &str| {
        let told: u64 = table.integer(name, 0, f);
        (told > 0).then_some(told)
    };
    let first_token_ms = learned_unless_told("first_token_ms");
    let inter_token_ms = learned_unless_told("inter_token_ms");
    let limiter = LimiterSettings {
        start: table.integer("calls_start", d.limiter.start, f),
        limit_min: table.integer("calls_min", d.limiter.limit_min, f),
        limit_max: table.integer("calls_max", d.limiter.limit_max, f),
    };
    let (min, max) = (u64::from(limiter.limit_min), u64::from(limiter.limit_max));
    in_order(&table, ("calls_min", min), ("calls_max", max), f);
    let ramp = table.flag("ramp", f).unwrap_or(d.ramp);
    let enabled = table.flag("enabled", f).unwrap_or(d.enabled);
    PaceSettings { enabled, limiter, first_token_ms, inter_token_ms, ramp }
}

pub(crate) fn waiting_room(top: &Table<'_>, f: &mut Findings<'_>) -> RoomSettings {
    let d = RoomSettings::default();
    let table = top.table("waiting_room", &keys::WAITING_ROOM, f);
    RoomSettings {
        waiters_max: table.integer("waiters_max", d.waiters_max, f),
        wait_ms_max: table.integer("wait_ms_max", d.wait_ms_max, f),
        tell_after_ms: table.integer("tell_after_ms", d.tell_after_ms, f),
        tell_every_ms: table.integer("tell_every_ms", d.tell_every_ms, f),
    }
}

pub(crate) fn recall(top: &Table<'_>, f: &mut Findings<'_>) -> RecallSettings {
    let d = RecallSettings::default();
    let table = top.table("recall", &keys::RECALL, f);
    RecallSettings {
        enabled: table.flag("enabled", f).unwrap_or(d.enabled),
        fresh_ms_max: table.integer("fresh_ms_max", d.fresh_ms_max, f),
        stale: table.flag("stale", f).unwrap_or(d.stale),
        stale_ms_max: table.integer("stale_ms_max", d.stale_ms_max, f),
        entries_max: table.integer("entries_max", d.entries_max, f),
        bytes_max: table.integer("bytes_max", d.bytes_max, f),
        answer_bytes_max: table.integer("answer_bytes_max", d.answer_bytes_max, f),
    }
}

/// `[limits]` holds the limits of the doors and the caps of the line.
pub(crate) fn limits(top: &Table<'_>, f: &mut Findings<'_>) -> (ServerLimits, Caps) {
    let d = ServerLimits::default();
    let table = top.table("limits", &keys::LIMITS, f);
    let limits = ServerLimits {
        tls_handshake_ms_max: table.integer("tls_handshake_ms_max", d.tls_handshake_ms_max, f),
        header_ms_max: table.integer("header_ms_max", d.header_ms_max, f),
        header_bytes_max: table.integer("header_bytes_max", d.header_bytes_max, f),
        headers_max: table.integer("headers_max", d.headers_max, f),
        body_bytes_max: table.integer("body_bytes_max", d.body_bytes_max, f),
        body_grace_ms_max: table.integer("body_grace_ms_max", d.body_grace_ms_max, f),
        body_bytes_per_s_min: table.integer("body_bytes_per_s_min", d.body_bytes_per_s_min, f),
        body_ms_max: table.integer("body_ms_max", d.body_ms_max, f),
        write_stall_ms_max: table.integer("write_stall_ms_max", d.write_stall_ms_max, f),
        connections_max: table.integer("connections_max", d.connections_max, f),
        connections_per_source_max: table.integer(
            "connections_per_source_max",
            d.connections_per_source_max,
            f,
        ),
        count_loopback: table.flag("count_loopback", f).unwrap_or(d.count_loopback),
        h2_streams_max: table.integer("h2_streams_max", d.h2_streams_max, f),
        shutdown_ms_max: table.integer("shutdown_ms_max", d.shutdown_ms_max, f),
    };
    let d = Caps::default();
    let caps = Caps {
        in_flight_max: table.integer("in_flight_max", d.in_flight_max, f),
        answer_bytes_max: table.integer("answer_bytes_max", d.answer_bytes_max, f),
        held_bytes_max: table.integer("held_bytes_max", d.held_bytes_max, f),
    };
    (limits, caps)
}

/// `[reserve]`; the second value is what the file says of `enabled`.
pub(crate) fn reserve(
    top: &Table<'_>,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> (ReserveSettings, Option<bool>) {
    let d = ReserveSettings::default();
    let table = top.table("reserve", &keys::RESERVE, f);
    let model_dir = match table.text("model_dir", f) {
        Some(said) if said.value.is_empty() => {
            f.at(said.span, "`model_dir` is empty");
            PathBuf::new()
        }
        Some(said) => sources.folder.join(said.value),
        None => default_model_dir(sources.env),
    };
    let read = ReserveSettings {
        enabled: false,
        model_dir,
        threads: table.integer("threads", d.threads, f),
        context_tokens_max: table.integer("context_tokens_max", d.context_tokens_max, f),
        output_tokens_max: table.integer("output_tokens_max", d.output_tokens_max, f),
        queue_max: table.integer("queue_max", d.queue_max, f),
        queue_wait_ms_max: table.integer("queue_wait_ms_max", d.queue_wait_ms_max, f),
        temperature: table.number("temperature", d.temperature, f),
        top_p: table.number("top_p", d.top_p, f),
    };
    let (output, context) = (read.output_tokens_max.into(), read.context_tokens_max.into());
    in_order(&table, ("output_tokens_max", output), ("context_tokens_max", context), f);
    (read, table.flag("enabled", f))
}

/// The folder of the reserve's file where the configuration names none:
/// `$SEAWALL_MODEL_DIR`, else `$XDG_DATA_HOME/seawall/models`, else
/// `$HOME/.local/share/seawall/models`, else `/var/lib/seawall/models`.
pub fn default_model_dir(env: &dyn Environment) -> PathBuf {
    let folder = |name: &str| env.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(own) = folder("SEAWALL_MODEL_DIR") {
        return own;
    }
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("seawall/models")
}

pub(crate) fn request_log(
    top: &Table<'_>,
    sources: Sources<'_>,
    f: &mut Findings<'_>,
) -> RequestLogSettings {
    const WORDS: [&str; 3] = ["stdout", "nowhere", "file:PATH"];
    let d = RequestLogSettings::default();
    let table = top.table("log", &keys::LOG, f);
    let to = match table.text("to", f) {
        None => d.to,
        Some(said) => match (said.value, said.value.strip_prefix("file:")) {
            ("stdout", _) => LogTo::Stdout,
            ("nowhere", _) => LogTo::Nowhere,
            (_, Some(path)) if !path.is_empty() => LogTo::File(sources.folder.join(path)),
            (unknown, _) => {
                let hint = did_you_mean(unknown, WORDS);
                let message = format!(
                    "`to` must be `stdout`, `nowhere` or `file:PATH`, not `{}`{hint}",
                    shown(unknown)
                );
                f.at(said.span, message);
                d.to
            }
        },
    };
    RequestLogSettings {
        to,
        payloads: table.flag("payloads", f).unwrap_or(d.payloads),
        payload_bytes_max: table.integer("payload_bytes_max", d.payload_bytes_max, f),
    }
}

pub(crate) fn runtime(top: &Table<'_>, f: &mut Findings<'_>) -> Runtime {
    let table = top.table("runtime", &keys::RUNTIME, f);
    let cores = table.get("cores").map(|_| table.integer("cores", 1_usize, f));
    Runtime { cores }
}

/// The first key must not exceed the second. Said at the first that stands in the file.
fn in_order(
    table: &Table<'_>,
    (small, low): (&str, u64),
    (large, high): (&str, u64),
    f: &mut Findings<'_>,
) {
    if low > high {
        let at = if table.get(small).is_some() { small } else { large };
        let message = format!("`{small}` ({low}) must not exceed `{large}` ({high})");
        f.wrong(table.place(at), message);
    }
}
