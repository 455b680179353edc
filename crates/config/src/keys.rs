//! The one table of everything that may stand in the file: the reader takes its bounds and its
//! known names from here, and the reference is printed from it, so that the two cannot differ.

mod doors;
mod ladders;
mod notify;
mod providers;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use doors::{AUTH, CALLER, LIMITS, LISTEN, LOG, RUNTIME, TLS};
pub(crate) use ladders::{
    BREAKER, CLOCKS, FAILOVER, MODEL, MODEL_CLOCKS, PACE, RECALL, RESERVE, WAITING_ROOM,
};
pub(crate) use notify::{MAIL, NOTIFY, RECEIVER};
pub(crate) use providers::{CARD, CATALOGUE, CATALOGUE_FILE, KINDS, PROVIDER};
pub(crate) use watch::{LOOKOUT, STATUS, STORAGE};

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A whole number within these bounds, both included.
    Integer {
        min: u64,
        max: u64,
    },
    /// A number within these bounds, both included.
    Number {
        min: f64,
        max: f64,
    },
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Anything else; the text describes it for the reference.
    Other(&'static str),
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// As it would be written in the file, or a remark in parentheses.
    pub(crate) default: fn() -> String,
    pub(crate) sentence: &'static str,
}

/// One table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// As in its header; `NAME` stands for a name that the operator chooses.
    pub(crate) name: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) keys: &'static [Key],
    /// Names of tables within it that have a section of their own.
    pub(crate) tables: &'static [&'static str],
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// All names that may stand in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name).chain(self.tables.iter().copied())
    }
}

const fn integer(
    name: &'static str,
    (min, max): (u64, u64),
    default: fn() -> String,
    sentence: &'static str,
) -> Key {
    Key { name, shape: Shape::Integer { min, max }, default, sentence }
}

const fn number(
    name: &'static str,
    (min, max): (f64, f64),
    default: fn() -> String,
    sentence: &'static str,
) -> Key {
    Key { name, shape: Shape::Number { min, max }, default, sentence }
}

const fn flag(name: &'static str, default: fn() -> String, sentence: &'static str) -> Key {
    Key { name, shape: Shape::Flag, default, sentence }
}

const fn other(
    name: &'static str,
    looks: &'static str,
    default: fn() -> String,
    sentence: &'static str,
) -> Key {
    Key { name, shape: Shape::Other(looks), default, sentence }
}

fn required() -> String {
    "(required)".to_owned()
}

fn none() -> String {
    "(none)".to_owned()
}

/// One hour; no wait in the file may be longer, but for a request as a whole.
const HOUR_MS: u64 = 3_600_000;
/// One day.
const DAY_MS: u64 = 24 * HOUR_MS;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

pub(crate) static TOP: Section = Section {
    name: "",
    sentence: "",
    keys: &[],
    tables: &[
        "listen",
        "limits",
        "providers",
        "models",
        "catalogue",
        "cards",
        "clocks",
        "failover",
        "breaker",
        "pace",
        "waiting_room",
        "recall",
        "auth",
        "reserve",
        "log",
        "storage",
        "status",
        "lookout",
        "notify",
        "runtime",
    ],
};

/// All sections, in the order of the reference.
pub(crate) static ALL: &[&Section] = &[
    &LISTEN,
    &TLS,
    &PROVIDER,
    &MODEL,
    &CLOCKS,
    &MODEL_CLOCKS,
    &CATALOGUE,
    &CARD,
    &FAILOVER,
    &BREAKER,
    &PACE,
    &WAITING_ROOM,
    &RECALL,
    &AUTH,
    &CALLER,
    &LIMITS,
    &RESERVE,
    &LOG,
    &STORAGE,
    &STATUS,
    &LOOKOUT,
    &NOTIFY,
    &MAIL,
    &RECEIVER,
    &RUNTIME,
];

/// A number as TOML writes a float.
fn decimal(number: f64) -> String {
    format!("{number:?}")
}
