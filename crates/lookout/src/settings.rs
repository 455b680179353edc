//! What an operator can choose about looking out. `config` fills this; nothing here reads a file.

use crate::feeds::poll::FeedSettings;
use crate::notify::NotifySettings;

/// What is looked at beside our own traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether the providers' own status pages are read.
    pub feeds: bool,
    /// The mean time between two readings of a page, in milliseconds.
    pub feeds_every_ms: u64,
    /// Provider and model of each probe, which costs money.
    pub probes: Vec<(Box<str>, Box<str>)>,
    /// Whether hosts that have nothing to do with any provider are asked for a connection, to tell
    /// their outage from our own.
    pub canaries: bool,
    /// Who is told of what was found.
    pub notify: NotifySettings,
    /// Groups of providers that stand on the same ground, such as one cloud.
    pub together: Vec<Vec<Box<str>>>,
    /// Whether verdicts act: a confirmed outage shuts a provider's door, and a crowd that is expected
    /// lowers the ramps of those to whom it will come.
    pub acts: bool,
}

impl Default for Settings {
    /// Whoever is not told to asks no stranger; what is known acts.
    fn default() -> Self {
        let feeds_every_ms = FeedSettings::default().every_ms;
        Self {
            feeds: false,
            feeds_every_ms,
            probes: Vec::new(),
            canaries: false,
            notify: NotifySettings::default(),
            together: Vec::new(),
            acts: true,
        }
    }
}
