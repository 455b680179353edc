//! What an operator can choose about the status page. `config` fills this; nothing here reads a file.

/// Whose page it is, and what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSettings {
    /// The name at its head and in feeds.
    pub name: Box<str>,
    /// Where it can be reached from outside, without a slash at the end; empty if nobody told, and
    /// then addresses in feeds are relative.
    pub url: Box<str>,
    /// Whether people may report what they meet.
    pub reports: bool,
}

impl Default for StatusSettings {
    fn default() -> Self {
        Self { name: "Seawall".into(), url: "".into(), reports: true }
    }
}
