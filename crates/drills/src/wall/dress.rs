//! How an answer is put on the wire where that alone is odd: framing, line ends, headers. What it
//! says is the same; nothing here knows a dialect.

/// An oddity of form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dress {
    #[default]
    Plain,
    /// Another content type.
    Typed(&'static str),
    /// Early hints come before the head.
    Hinted,
    /// The length that is announced is longer than the body.
    LengthLong,
    /// It is shorter.
    LengthShort,
    /// A byte order mark comes first.
    Bom,
    Crlf,
    NoSpace,
    /// Every byte is a chunk.
    Tiny,
    /// The data of an event stands on two lines.
    Split,
    /// Every event has an id and a time for reconnection.
    Fields,
    Comments,
}

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </harbour.css>; rel=preload\r\n\r\n";
const MARK: &str = "\u{feff}";

impl Dress {
    /// What stands before the head.
    pub(crate) fn before_head(self) -> String {
        if self == Self::Hinted { HINTS.repeat(2) } else { String::new() }
    }

    /// What stands before the body.
    pub(crate) fn before_body(self) -> &'static str {
        if self == Self::Bom { MARK } else { "" }
    }

    pub(crate) fn content_type(self, right: &'static str) -> &'static str {
        match self {
            Self::Typed(other) => other,
            _ => right,
        }
    }

    /// Whether the body has an announced length instead of chunks.
    pub(crate) fn announces(self) -> bool {
        matches!(self, Self::LengthLong | Self::LengthShort)
    }

    /// An event of a stream in this form. What is no server-sent event stays as it is, but for its
    /// line ends.
    pub(crate) fn event(self, event: &str) -> String {
        if self == Self::Crlf {
            return event.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        if !event.starts_with("data: ") && !event.starts_with("event: ") {
            return event.to_owned();
        }
        match self {
            Self::NoSpace => event
                .replacen("event: ", "event:", usize::from(event.starts_with("event: ")))
                .replacen("data: ", "data:", 1),
            Self::Split => event.replacen("data: {", "data: {\ndata: ", 1),
            Self::Fields => format!("id: 7\nretry: 3000\n{event}"),
            Self::Comments => format!(": all is calm in the harbour\n\n{event}"),
            _ => event.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "event: delta\ndata: {\"a\":\"b: \"}\n\n";

    #[test]
    fn events_keep_what_they_say() {
        for (dress, form) in [
            (Dress::Plain, NAMED),
            (Dress::Crlf, "event: delta\r\ndata: {\"a\":\"b: \"}\r\n\r\n"),
            (Dress::NoSpace, "event:delta\ndata:{\"a\":\"b: \"}\n\n"),
            (Dress::Split, "event: delta\ndata: {\ndata: \"a\":\"b: \"}\n\n"),
            (Dress::Fields, "id: 7\nretry: 3000\nevent: delta\ndata: {\"a\":\"b: \"}\n\n"),
        ] {
            assert_eq!(dress.event(NAMED), form);
        }
        assert!(Dress::Comments.event(NAMED).starts_with(": "));
    }

    #[test]
    fn what_is_no_event_is_left_alone() {
        for dress in [Dress::NoSpace, Dress::Split, Dress::Fields, Dress::Comments] {
            assert_eq!(dress.event("[{\"data: \":1}\n"), "[{\"data: \":1}\n");
        }
        assert_eq!(Dress::Crlf.event("data: x\r\n\r\n"), "data: x\r\n\r\n");
        assert_eq!(Dress::Split.event("data: [DONE]\n\n"), "data: [DONE]\n\n");
    }
}
