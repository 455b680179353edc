//! The reader's language: which one is chosen, and picking between two texts. Sentences are built
//! where they are used.

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE};

use super::view::Text;

/// The languages of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lang {
    En,
    Zh,
}

impl Lang {
    /// The word in `lang` attributes and of the cookie.
    pub(crate) fn tag(self) -> &'static str {
        self.pick("en", "zh-Hans")
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    pub(crate) fn is_zh(self) -> bool {
        self == Self::Zh
    }

    pub(crate) fn pick<T>(self, en: T, zh: T) -> T {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// The attribute for a text that is not in the language of the page: one without any Chinese
    /// sign on a Chinese page.
    pub(crate) fn attribute(self, text: &str) -> &'static str {
        let is_foreign =
            self == Self::Zh && !text.chars().any(|sign| sign >= '\u{2e80}') && text.contains(' ');
        if is_foreign { " lang=\"en\"" } else { "" }
    }

    /// The text in this language, or in English.
    pub(crate) fn of(self, text: &Text) -> &str {
        match (self, &text.zh) {
            (Self::Zh, Some(zh)) => zh,
            _ => &text.en,
        }
    }

    /// The language of a tag such as `zh-CN` or `en-GB`.
    pub(crate) fn named(tag: &str) -> Option<Self> {
        let main = tag.trim().split(['-', '_']).next().unwrap_or_default();
        if main.eq_ignore_ascii_case("zh") {
            Some(Self::Zh)
        } else if main.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// The reader's: by the cookie that the switch has set, else by what the browser asks for.
    pub(crate) fn chosen(headers: &HeaderMap) -> Self {
        by_cookie(headers).or_else(|| by_accept(headers)).unwrap_or(Self::En)
    }
}

/// Puts Chinese and Latin words together with the one space that stands between them.
pub(crate) fn beside(left: &str, right: &str) -> String {
    let latin = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric());
    let (before, after) = (latin(left.chars().last()), latin(right.chars().next()));
    let space = if before == after { "" } else { " " };
    format!("{left}{space}{right}")
}

fn by_cookie(headers: &HeaderMap) -> Option<Lang> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| Lang::named(pair.trim().strip_prefix("lang=")?))
}

/// The best of those that we have, by RFC 9110 12.5.4; among equals the first named.
fn by_accept(headers: &HeaderMap) -> Option<Lang> {
    let asked = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Lang)> = None;
    for part in asked.split(',') {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        let (Some(lang), Some(weight)) = (Lang::named(tag), weight) else { continue };
        if weight > best.map_or(0.0, |(best, _)| best) {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_readers_language_is_found() {
        for (accept, cookie, wanted) in [
            ("", "", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", "", Lang::Zh),
            ("en;q=0.5, zh-Hans;q=0.7", "", Lang::Zh),
            ("fr, de;q=0.9", "", Lang::En),
            ("zh;q=0", "", Lang::En),
            ("zh;q=nonsense", "", Lang::En),
            ("zh", "a=b; lang=en", Lang::En),
            ("en", "lang=zh-Hans", Lang::Zh),
            ("zh", "lang=tlh", Lang::Zh),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
            headers.insert(COOKIE, HeaderValue::from_static(cookie));
            assert_eq!(Lang::chosen(&headers), wanted, "{accept} {cookie}");
        }
    }
}
