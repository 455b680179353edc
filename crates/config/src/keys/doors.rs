//! The keys of the doors, and of what is around the line.

use gateway::Caps;
use net::ServerLimits;
use telemetry::RequestLogSettings;

use super::{DAY_MS, HOUR_MS, KIB, MIB, Section, flag, integer, other, required};

fn limits() -> ServerLimits {
    ServerLimits::default()
}

fn log() -> RequestLogSettings {
    RequestLogSettings::default()
}

pub(crate) static LISTEN: Section = Section {
    name: "listen",
    sentence: "Three listeners on IP addresses with ports; names are not looked up. Without \
        `[auth]` keys the gateway must stay on loopback.",
    keys: &[
        other("gateway", "address", || "\"127.0.0.1:8080\"".into(), "For callers."),
        other("status", "address", || "\"127.0.0.1:8081\"".into(), "For the public."),
        other(
            "console",
            "address",
            || "\"127.0.0.1:8082\"".into(),
            "For operators, metrics and administration; loopback only in this version.",
        ),
    ],
    tables: &["tls"],
};

pub(crate) static TLS: Section = Section {
    name: "listen.tls",
    sentence: "TLS for the gateway listener. The files are read again on a reload.",
    keys: &[
        other("certificate", "path", required, "The certificate chain, PEM, own one first."),
        other("key", "path", required, "The private key, PEM, not encrypted."),
    ],
    tables: &[],
};

pub(crate) static LIMITS: Section = Section {
    name: "limits",
    sentence: "What the doors and the line bear at most. Counts of connections are per listener.",
    keys: &[
        integer(
            "tls_handshake_ms_max",
            (100, HOUR_MS),
            || limits().tls_handshake_ms_max.to_string(),
            "For a TLS handshake.",
        ),
        integer(
            "header_ms_max",
            (100, HOUR_MS),
            || limits().header_ms_max.to_string(),
            "For a request's head, also on a connection that stays silent.",
        ),
        integer(
            "header_bytes_max",
            (KIB, MIB),
            || limits().header_bytes_max.to_string(),
            "Bytes of a request's head.",
        ),
        integer(
            "headers_max",
            (8, 1_024),
            || limits().headers_max.to_string(),
            "Header lines of a request.",
        ),
        integer(
            "body_bytes_max",
            (KIB, 1 << 30),
            || limits().body_bytes_max.to_string(),
            "Bytes of a request's body.",
        ),
        integer(
            "body_grace_ms_max",
            (0, HOUR_MS),
            || limits().body_grace_ms_max.to_string(),
            "For which a body may be slower than its minimum rate.",
        ),
        integer(
            "body_bytes_per_s_min",
            (0, 1 << 30),
            || limits().body_bytes_per_s_min.to_string(),
            "Minimum rate of a body after the grace, averaged from its start.",
        ),
        integer(
            "body_ms_max",
            (100, HOUR_MS),
            || limits().body_ms_max.to_string(),
            "For a whole body.",
        ),
        integer(
            "write_stall_ms_max",
            (100, HOUR_MS),
            || limits().write_stall_ms_max.to_string(),
            "For which a write to the caller may make no progress.",
        ),
        integer(
            "connections_max",
            (1, 10_000_000),
            || limits().connections_max.to_string(),
            "Connections in all.",
        ),
        integer(
            "connections_per_source_max",
            (1, 10_000_000),
            || limits().connections_per_source_max.to_string(),
            "Connections of one source address; an IPv6 source is its /64.",
        ),
        flag(
            "count_loopback",
            || limits().count_loopback.to_string(),
            "Whether the loopback address is one source like any other; a reverse proxy on the \
             same machine makes all callers look like it.",
        ),
        integer(
            "h2_streams_max",
            (1, 10_000),
            || limits().h2_streams_max.to_string(),
            "Concurrent HTTP/2 streams of one connection.",
        ),
        integer(
            "shutdown_ms_max",
            (0, DAY_MS),
            || limits().shutdown_ms_max.to_string(),
            "For which open answers may go on after a shutdown was asked for.",
        ),
        integer(
            "in_flight_max",
            (1, 10_000_000),
            || Caps::default().in_flight_max.to_string(),
            "Requests in flight in the whole process; beyond it a request is turned away.",
        ),
        integer(
            "answer_bytes_max",
            (KIB, 1 << 32),
            || Caps::default().answer_bytes_max.to_string(),
            "Bytes of one whole answer from upstream.",
        ),
        integer(
            "held_bytes_max",
            (KIB, 64 * MIB),
            || Caps::default().held_bytes_max.to_string(),
            "Bytes of a stream's start that are held back before its first content.",
        ),
    ],
    tables: &[],
};

pub(crate) static AUTH: Section = Section {
    name: "auth",
    sentence: "Who may call. Without keys everybody may, and the gateway must stay on loopback.",
    keys: &[other(
        "keys",
        "array of `{ name, hash }`",
        || "[]".into(),
        "Callers' keys, as hashes only: `seawall key create NAME` prints a key and its line.",
    )],
    tables: &[],
};

pub(crate) static CALLER: Section = Section {
    name: "auth.keys",
    sentence: "One entry of `keys`.",
    keys: &[
        other(
            "name",
            "text",
            required,
            "The caller's name in receipts and metrics: 1 to 64 letters, digits, `_`, `-`, `.`.",
        ),
        other("hash", "`sha256:` and 64 hex digits", required, "The SHA-256 of the key's bytes."),
    ],
    tables: &[],
};

pub(crate) static LOG: Section = Section {
    name: "log",
    sentence: "The request log: one JSON object a line for each request.",
    keys: &[
        other(
            "to",
            "`\"stdout\"`, `\"nowhere\"` or `\"file:PATH\"`",
            || "\"stdout\"".into(),
            "Where it goes.",
        ),
        flag(
            "payloads",
            || log().payloads.to_string(),
            "Write the caller's request and the answer too.",
        ),
        integer(
            "payload_bytes_max",
            (0, 64 * MIB),
            || log().payload_bytes_max.to_string(),
            "Bytes of one payload beyond which it is cut.",
        ),
    ],
    tables: &[],
};

pub(crate) static RUNTIME: Section = Section {
    name: "runtime",
    sentence: "How the process uses the machine.",
    keys: &[integer(
        "cores",
        (1, 1_024),
        || "(as many as the process may use)".into(),
        "Runtimes of the line, one a core.",
    )],
    tables: &[],
};
