//! Why a document is no feed. Blame: the page, or whatever stands in its place.

use thiserror::Error;

/// Why nothing could be read. Reading the same bytes again gives the same.
#[derive(Debug, Error)]
pub enum FeedError {
    #[error("the document has {bytes} bytes, at most {bytes_max} are read")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("the document is empty")]
    Empty,
    #[error("the document's encoding `{name}` is not read")]
    Encoding { name: Box<str> },
    #[error("the document is no text in {name}")]
    NotText { name: &'static str },
    #[error("not JSON of the form {form}: {source}")]
    Json {
        form: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("not XML: {source}")]
    Xml {
        #[source]
        source: quick_xml::Error,
    },
    /// Feeds need no document types; what has one may want to blow itself up.
    #[error("the document has a document type, which no feed needs")]
    DocumentType,
    #[error("elements are nested more than {depth_max} deep")]
    TooDeep { depth_max: usize },
    #[error("the document has more than {objects_max} objects")]
    TooMany { objects_max: usize },
    #[error("the document ends in its middle")]
    Cut,
    /// A web page where a feed should be: a challenge, an error page, a login.
    #[error("the document is no status feed that is known: {what}")]
    NoFeed { what: Box<str> },
}
