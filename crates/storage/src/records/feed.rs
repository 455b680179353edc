//! How far a provider's feed was read, so that a restart neither reads all again nor tells twice.

use clock::UnixMs;
use detection::IncidentId;

/// A post that was seen on a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPost {
    /// The post's name on the feed, made unique by its reader.
    pub id: Box<str>,
    /// When its last update was made, as the feed says.
    pub updated_at: UnixMs,
    /// The incident or maintenance here that it belongs to.
    pub incident: Option<IncidentId>,
}

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedState {
    /// The feed's name in the configuration.
    pub name: Box<str>,
    /// The address that answered last; a feed may have several.
    pub url: Box<str>,
    /// For `If-None-Match`.
    pub etag: Option<Box<str>>,
    /// For `If-Modified-Since`, as it was sent.
    pub last_modified: Option<Box<str>>,
    /// When it was read last without a fault.
    pub read_at: Option<UnixMs>,
    /// Since when it cannot be read.
    pub failing_since: Option<UnixMs>,
    /// Newest first; bounded by the reader.
    pub posts: Vec<SeenPost>,
}
