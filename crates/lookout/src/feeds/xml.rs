//! The entries of an Atom or RSS document, read event by event. No tree is built, no document type
//! is taken, no entity beyond the five of XML and numbers is expanded.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::FeedError;
use super::bounds::{DEPTH_MAX, ENTRIES_MAX, TEXT_BYTES_MAX};

/// Bytes of one element's text while it is read: a history's entry holds all its updates.
const RAW_TEXT_BYTES_MAX: usize = 8 * TEXT_BYTES_MAX;
/// Attributes of one link that are looked at.
const ATTRIBUTES_MAX: usize = 16;
/// Categories of one entry.
const CATEGORIES_MAX: usize = 200;

/// A document.
#[derive(Debug, Default)]
pub(super) struct Syndication {
    pub(super) is_rss: bool,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) generator: String,
    pub(super) entries: Vec<Entry>,
    pub(super) dropped: u32,
}

/// An `entry` or `item`, its texts with their HTML.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) published: String,
    pub(super) updated: String,
    pub(super) link: String,
    pub(super) content: String,
    pub(super) summary: String,
    pub(super) categories: Vec<String>,
}

/// Where the reader stands.
struct Walk {
    found: Syndication,
    entry: Option<Entry>,
    /// Names of the open elements, without their prefixes.
    path: Vec<String>,
    text: String,
}

/// Reads a document.
///
/// # Errors
/// If it is no XML, has a document type, is nested too deep or ends too early, or its root is
/// neither `feed` nor `rss` nor `RDF`.
pub(super) fn read(text: &str) -> Result<Syndication, FeedError> {
    let mut reader = Reader::from_str(text);
    let mut walk =
        Walk { found: Syndication::default(), entry: None, path: Vec::new(), text: String::new() };
    loop {
        match reader.read_event().map_err(|source| FeedError::Xml { source })? {
            Event::DocType(_) => return Err(FeedError::DocumentType),
            Event::Start(start) => walk.open(&start)?,
            Event::Empty(start) => {
                walk.open(&start)?;
                walk.close();
            }
            Event::End(_) => walk.close(),
            Event::Text(text) => walk.add(&text.xml10_content()),
            Event::CData(text) => walk.add(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let number = name.resolve_char_ref().map_err(|source| FeedError::Xml { source })?;
                match number {
                    Some(character) => walk.add(character.encode_utf8(&mut [0; 4])),
                    None => walk.add(&entity(&name.xml10_content())),
                }
            }
            Event::Eof if walk.path.is_empty() => return Ok(walk.found),
            Event::Eof => return Err(FeedError::Cut),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// The character of an entity; one that is not XML's own stays as it is written.
fn entity(name: &str) -> String {
    match name {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}

impl Walk {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), FeedError> {
        let name = start.local_name().as_ref().to_owned();
        if self.path.is_empty() {
            self.found.is_rss = match name.as_str() {
                "rss" | "RDF" => true,
                "feed" => false,
                _ => return Err(FeedError::NoFeed { what: format!("a <{name:.40}>").into() }),
            };
        }
        if self.path.len() >= DEPTH_MAX {
            return Err(FeedError::TooDeep { depth_max: DEPTH_MAX });
        }
        if matches!(name.as_str(), "entry" | "item") && self.entry.is_none() {
            self.entry = Some(Entry::default());
        }
        if name == "link" {
            self.link(start);
        }
        self.text.clear();
        self.path.push(name);
        Ok(())
    }

    /// Atom's link is an attribute; the first one, or the one to the page for people, counts.
    fn link(&mut self, start: &BytesStart<'_>) {
        // Without the check for doubles, whose cost grows with the square of their number.
        let mut attributes = start.attributes();
        let found = attributes.with_checks(false).take(ATTRIBUTES_MAX).flatten();
        let (mut href, mut is_page) = (None, true);
        for attribute in found {
            match attribute.key.as_ref() {
                "href" => href = attribute.normalized_value(XmlVersion::Implicit1_0).ok(),
                "rel" => is_page = attribute.value == "alternate",
                _ => {}
            }
        }
        let Some(href) = href else { return };
        let place = match &mut self.entry {
            Some(entry) => &mut entry.link,
            None => &mut self.found.link,
        };
        if is_page || place.is_empty() {
            *place = href.chars().take(2048).collect();
        }
    }

    fn add(&mut self, more: &str) {
        let room = RAW_TEXT_BYTES_MAX.saturating_sub(self.text.len());
        let fits = more.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room).last();
        let end = fits.map_or(0, |(at, c)| at + c.len_utf8());
        self.text.push_str(more.get(..end).unwrap_or_default());
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        if matches!(name.as_str(), "entry" | "item") {
            if let Some(entry) = self.entry.take() {
                if self.found.entries.len() < ENTRIES_MAX {
                    self.found.entries.push(entry);
                } else {
                    self.found.dropped = self.found.dropped.saturating_add(1);
                }
            }
            return;
        }
        let text = std::mem::take(&mut self.text);
        let parent = self.path.last().map_or("", String::as_str);
        let place = match (&mut self.entry, parent, name.as_str()) {
            (Some(entry), "entry" | "item", "category") => {
                if !text.trim().is_empty() && entry.categories.len() < CATEGORIES_MAX {
                    entry.categories.push(text.trim().to_owned());
                }
                return;
            }
            (Some(entry), "entry" | "item", name) => match entry.place(name) {
                Some(place) => place,
                None => return,
            },
            (None, "feed" | "channel", "title") => &mut self.found.title,
            (None, "feed" | "channel", "generator") => &mut self.found.generator,
            (None, "channel", "link") => &mut self.found.link,
            _ => return,
        };
        if place.is_empty() {
            text.trim().clone_into(place);
        }
    }
}

impl Entry {
    fn place(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "id" | "guid" => Some(&mut self.id),
            "title" => Some(&mut self.title),
            "published" | "pubDate" => Some(&mut self.published),
            "updated" => Some(&mut self.updated),
            "link" => Some(&mut self.link),
            "content" | "encoded" => Some(&mut self.content),
            "summary" | "description" => Some(&mut self.summary),
            _ => None,
        }
    }
}
