//! Reads providers' status feeds: bytes in, a reading out. Nothing is fetched here. The engine is
//! found in the document, since providers change it behind the same address; what a document does
//! not tell stays untold.

mod bounds;
mod engine;
mod error;
mod google;
mod history;
mod html;
mod incident_io;
mod instatus;
pub(crate) mod moment;
pub mod poll;
mod reading;
mod statuspage;
mod syndication;
mod text;
mod updates;
mod words;
mod xml;

pub use bounds::{BYTES_MAX, DEPTH_MAX, ENTRIES_MAX, TEXT_BYTES_MAX};
pub use engine::Shape;
pub use error::FeedError;
pub use reading::{
    Doubts, Engine, FeedComponent, FeedIncident, FeedMaintenance, FeedPage, FeedPart, FeedReading,
    FeedUpdate,
};

/// Reads one document. `usual` is the form that the same address had before, if it is known; the
/// document's own word goes before it. At most [`BYTES_MAX`] bytes, [`ENTRIES_MAX`] entries of each
/// list and [`TEXT_BYTES_MAX`] bytes of each text are taken.
///
/// # Errors
/// If the document is no feed that is known, is broken as a whole, or goes beyond the bounds that
/// cannot be kept by leaving something out. A single entry that is broken is counted in
/// [`Doubts::dropped`] instead.
pub fn read(bytes: &[u8], usual: Option<Shape>) -> Result<(Shape, FeedReading), FeedError> {
    let text = text::text_of(bytes)?;
    let shape = engine::shape_of(&text, usual)?;
    let reading = match shape {
        Shape::Statuspage => statuspage::read(&text),
        Shape::StatuspageIncidents => statuspage::read_list(&text, true),
        Shape::StatuspageComponents => statuspage::read_list(&text, false),
        Shape::IncidentIoSummary => incident_io::read_proxy(&text),
        Shape::IncidentIoWidget => incident_io::read_widget(&text),
        Shape::IncidentIoSpan => incident_io::read_span(&text),
        Shape::Instatus => instatus::read(&text),
        Shape::GoogleIncidents => google::read(&text),
        Shape::Syndication => syndication::read(&text),
    };
    reading.map(|reading| (shape, reading))
}
