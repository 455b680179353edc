//! What one kind of provider does its own way: which paths it has, in which dialect it is spoken
//! to, and how it wants its key. The exchange itself is the same for all.

use std::borrow::Cow;
use std::fmt;

use dialects::Vendor;
use domain::{Dialect, Operation, Request, Secret};
use http::{HeaderName, HeaderValue, header};

use crate::BuildError;
use crate::catalogue::Task;

/// Characters that may stand in a path as they are.
const UNRESERVED: &[u8] = b"-._~";

/// What is asked, as far as it decides the way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    /// The model's name as the configuration knows it.
    pub(crate) model: &'a str,
    /// What the catalogue lists the model for.
    pub(crate) task: Option<Task>,
}

/// How a request is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Exchange(Route),
    /// The provider cannot count; we estimate.
    Estimate,
}

/// One HTTP exchange.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Spoken on the wire.
    pub(crate) dialect: Dialect,
    /// Below the base URL, with its query.
    pub(crate) path: Cow<'static, str>,
    /// The caller's own bytes go there, and the provider's come back; otherwise both are
    /// translated.
    pub(crate) relays: bool,
}

impl Route {
    /// The usual way: bytes go through if the caller speaks the wire's dialect.
    pub(crate) fn way(
        dialect: Dialect,
        path: impl Into<Cow<'static, str>>,
        request: &Request,
    ) -> Way {
        Way::Exchange(Self { dialect, path: path.into(), relays: request.dialect == dialect })
    }

    /// The way to a server that knows the dialect alone: what another has added to it goes there
    /// translated.
    pub(crate) fn original_way(
        dialect: Dialect,
        path: impl Into<Cow<'static, str>>,
        request: &Request,
    ) -> Way {
        let relays = request.dialect == dialect && !request.outline.extended;
        Way::Exchange(Self { dialect, path: path.into(), relays })
    }
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone, in this header.
    Header(&'static str),
}

impl Auth {
    /// The header that carries this key; it is marked as sensitive.
    pub(crate) fn header(self, key: &Secret) -> Result<(HeaderName, HeaderValue), BuildError> {
        let (name, text) = match self {
            Self::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
            Self::Header(name) => (HeaderName::from_static(name), key.expose().to_owned()),
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| BuildError::header(name.as_str()))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// One kind's own ways.
pub(crate) trait Habits: Send + Sync + fmt::Debug {
    /// For whom requests are written.
    fn vendor(&self) -> Vendor;

    /// The way for a request.
    ///
    /// # Errors
    /// Why there is none, in a few plain words.
    fn way(&self, asked: &Asked<'_>) -> Result<Way, &'static str>;

    /// All ways in which this kind takes a key.
    fn auths(&self) -> &'static [Auth] {
        &[Auth::Bearer]
    }

    /// Which of [`auths`](Self::auths) this request needs.
    fn auth(&self, _request: &Request) -> usize {
        0
    }

    /// The model's name on the wire.
    fn wire_model<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    /// True if the model on the wire only stands in for this one.
    fn approximates(&self, _model: &str) -> bool {
        false
    }

    /// Headers of every request.
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        Vec::new()
    }
}

/// Why a request for vectors finds no way.
pub(crate) const NO_VECTORS: &str = "it makes no vectors";

/// In which of OpenAI's two forms an answer is asked for: the caller's own where it is spoken, but
/// for a model that answers in responses only.
pub(crate) fn openai_form(asked: &Asked<'_>, chat: bool, responses: bool) -> Option<Dialect> {
    let (spoken, task) = (asked.request.dialect, asked.task);
    match (chat, responses) {
        (_, true) if spoken == Dialect::OpenAiResponses => Some(Dialect::OpenAiResponses),
        (_, true) if task == Some(Task::Responses) => Some(Dialect::OpenAiResponses),
        (true, _) => Some(Dialect::OpenAiChat),
        (false, true) => Some(Dialect::OpenAiResponses),
        (false, false) => None,
    }
}

/// True if a streamed answer is asked for.
pub(crate) fn streams(request: &Request) -> bool {
    request.outline.stream && request.operation == Operation::Generate
}

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    // A segment of dots alone would climb out of its folder.
    if !encoded.is_empty() && encoded.bytes().all(|byte| byte == b'.') {
        return encoded.replace('.', "%2E");
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(segment("gemini-2.5_pro~x"), "gemini-2.5_pro~x");
        assert_eq!(segment("../a?b#c%2F é"), "..%2Fa%3Fb%23c%252F%20%C3%A9");
        assert_eq!(segment(".."), "%2E%2E");
    }

    #[test]
    fn a_key_is_marked_as_sensitive() {
        let key = Secret::new("canary");
        for auth in [Auth::Bearer, Auth::Header("api-key")] {
            let (name, value) = auth.header(&key).unwrap();
            assert!(!format!("{name:?} {value:?}").contains("canary"));
        }
        let broken = Auth::Bearer.header(&Secret::new("canary\n")).unwrap_err();
        assert!(!format!("{broken} {broken:?}").contains("canary"));
    }
}
