//! The keys of what is kept of the past, and of the page that shows it.

use super::{HOUR_MS, MIB, Section, flag, integer, none, other};

pub(crate) static STORAGE: Section = Section {
    name: "storage",
    sentence: "Where incidents, verdicts, minutes and days are kept. A change needs a restart.",
    keys: &[
        other(
            "path",
            "path",
            none,
            "A file of SQLite, made if it is not there; without it all is kept in memory and is \
             gone with the process.",
        ),
        integer(
            "file_bytes_max",
            (16 * MIB, 1 << 40),
            || storage::Settings::in_memory().file_bytes_max.to_string(),
            "Bytes that the file may grow to; what then finds no room is held in memory and told.",
        ),
        integer(
            "minutes_hours_max",
            (1, 87_600),
            || "(336 in a file, 48 in memory)".into(),
            "Hours for which single minutes are kept; days are kept longer.",
        ),
    ],
    tables: &[],
};

pub(crate) static STATUS: Section = Section {
    name: "status",
    sentence: "The status page of `listen.status`. A change needs a restart.",
    keys: &[
        other("name", "text", || "\"Seawall\"".into(), "The name at its head and in feeds."),
        other(
            "url",
            "http or https address",
            none,
            "Where it is reached from outside; without it addresses in feeds are relative.",
        ),
        flag("reports", || "true".into(), "Whether people may report what they meet."),
    ],
    tables: &[],
};

pub(crate) static LOOKOUT: Section = Section {
    name: "lookout",
    sentence: "What is looked at beside our own traffic. A change needs a restart.",
    keys: &[
        flag(
            "feeds",
            || lookout::Settings::default().feeds.to_string(),
            "Whether the providers' own status pages are read, where they are known: OpenAI, Azure, \
             Anthropic, Gemini and Perplexity by kind, others by the provider's name.",
        ),
        integer(
            "feeds_every_ms",
            (10_000, HOUR_MS),
            || lookout::Settings::default().feeds_every_ms.to_string(),
            "Mean time between two readings of a page.",
        ),
        other(
            "probes",
            "array of `provider/model`",
            || "[]".into(),
            "Models that are asked small sums, each once a minute and every ten seconds while its \
             provider is suspected, for 200000 tokens a day at most. It costs money; best small models.",
        ),
        flag(
            "canaries",
            || lookout::Settings::default().canaries.to_string(),
            "Whether hosts that have nothing to do with any provider are asked for a connection \
             every half minute, so that a cut of our own line is not taken for an outage.",
        ),
        other(
            "together",
            "array of arrays of providers",
            || "[]".into(),
            "Groups of providers that stand on the same ground, such as one cloud: where one falls with \
             another, the ground is told as the cause, and nothing is moved from the one to the other.",
        ),
        flag(
            "acts",
            || lookout::Settings::default().acts.to_string(),
            "Whether verdicts act on the line: while an outage is suspected shut doors are tried sooner, by \
             one call in twenty at most; a confirmed one shuts the doors of those rungs of its provider that \
             do not answer, which then are asked one call at a time; and where a crowd is expected fewer of \
             the calls that belong elsewhere are sent at first.",
        ),
    ],
    tables: &[],
};
