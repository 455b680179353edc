//! The matrix: every fault against every crowd, each a small scenario of ten minutes. The text is
//! made here and read like any other file.

/// Faults by slug: what it is called, and what happens to whom.
const FAULTS: &[(&str, &str, &[Trouble])] = &[
    ("full-outage", "a full outage", &[Trouble::all("openai", "down", "")]),
    ("brown-out", "a brown-out", &[Trouble::all("openai", "brown_out", "factor = 10.0")]),
    ("half-capacity", "half the capacity", &[Trouble::all("openai", "capacity", "factor = 0.5")]),
    ("429-wall", "a wall of 429", &[Trouble::all("openai", "limit_wall", "")]),
    (
        "acceleration-limit",
        "an outage, and an alternate that bears no sudden rise",
        &[
            Trouble::all("openai", "down", ""),
            Trouble { from: "+0", ..Trouble::all("claude", "acceleration", "factor = 1.5") },
        ],
    ),
    ("empty-stream", "empty streams", &[Trouble::all("openai", "empty_stream", "")]),
    ("stall", "streams that stop", &[Trouble::all("openai", "stall", "share = 0.5")]),
    (
        "flapping",
        "down and up every twenty seconds",
        &[Trouble::all("openai", "down", "every = \"20s\"\non = \"10s\"")],
    ),
    ("slow-dns", "slow names", &[Trouble::all("openai", "slow_dns", "delay_ms = 1900")]),
    (
        "two-at-once",
        "two providers down at once",
        &[Trouble::all("openai", "down", ""), Trouble::all("claude", "down", "")],
    ),
    (
        "return",
        "a provider that comes back",
        &[Trouble { from: "+0", ..Trouble::all("openai", "down", "") }],
    ),
];

/// Crowds by slug: what it is called, and its turns. The outage is from +120 s to +360 s.
const CROWDS: &[(&str, &str, &str)] = &[
    ("steady", "a steady crowd", ""),
    (
        "step",
        "a crowd that is suddenly five times as large",
        "[[crowds.turns_of_rate]]\nat = \"+180s\"\nrate = 5.0\n[[crowds.turns_of_rate]]\nat = \"+300s\"\nrate = 1.0\n",
    ),
    (
        "ramp",
        "a crowd that grows",
        "[[crowds.turns_of_rate]]\nat = \"+60s\"\nover = \"240s\"\nrate = 4.0\n",
    ),
];

struct Trouble {
    provider: &'static str,
    state: &'static str,
    more: &'static str,
    from: &'static str,
}

impl Trouble {
    const fn all(provider: &'static str, state: &'static str, more: &'static str) -> Self {
        Self { provider, state, more, from: "+120s" }
    }
}

/// All combinations, by name and text.
pub(super) fn matrix() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (fault, fault_words, troubles) in FAULTS {
        for (crowd, crowd_words, turns) in CROWDS {
            let name = format!("matrix-{fault}-{crowd}");
            let events: String = troubles.iter().map(event).collect();
            let mut text = include_str!("../../scenarios/matrix.template").to_owned();
            for (mark, put) in [
                ("@FAULT@", *fault_words),
                ("@CROWD@", *crowd_words),
                ("@EVENTS@", events.as_str()),
                ("@TURNS@", *turns),
            ] {
                text = text.replace(mark, put);
            }
            all.push((name, text));
        }
    }
    all
}

fn event(trouble: &Trouble) -> String {
    let Trouble { provider, state, more, from } = trouble;
    format!(
        "[[events]]\nat = \"{from}\"\nuntil = \"+360s\"\nprovider = \"{provider}\"\nstate = \"{state}\"\n{more}\nwhy = \"{state}\"\n"
    )
}
