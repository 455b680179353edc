//! Plain text out of the HTML that feeds carry in their texts: tags go, paragraphs become lines,
//! the usual entities become characters. It is for reading words, never for showing HTML.

/// How far the end of a tag and of an entity is looked for, so that a text of open ones costs its
/// length once.
const TAG_BYTES_MAX: usize = 1024;
const ENTITY_BYTES_MAX: usize = 10;

/// The text of a piece of HTML, one line for each paragraph, none empty.
pub(super) fn text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (plain, marked) = rest.split_at(at);
        out.push_str(plain);
        let is_tag = marked.starts_with('<');
        rest = if is_tag { tag(marked, &mut out) } else { entity(marked, &mut out) };
    }
    out.push_str(rest);
    let lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Goes over a tag; a `<` that opens none is kept.
fn tag<'t>(marked: &'t str, out: &mut String) -> &'t str {
    let inner = marked.get(1..).unwrap_or_default();
    let opens = inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
    let Some((tag, rest)) = split_within(inner, b'>', TAG_BYTES_MAX).filter(|_| opens) else {
        out.push('<');
        return inner;
    };
    let name: String = tag
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if matches!(name.as_str(), "p" | "br" | "li" | "ul" | "ol" | "div" | "h1" | "h2" | "h3" | "tr")
    {
        out.push('\n');
    }
    rest
}

/// Goes over an entity; one that is not known is kept as it stands.
fn entity<'t>(marked: &'t str, out: &mut String) -> &'t str {
    let inner = marked.get(1..).unwrap_or_default();
    let known = split_within(inner, b';', ENTITY_BYTES_MAX).and_then(|(name, rest)| {
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => ' ',
            _ => {
                let digits = name.strip_prefix('#')?;
                let hex = digits.strip_prefix(['x', 'X']);
                let code = match hex {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)?
            }
        };
        Some((character, rest))
    });
    match known {
        Some((character, rest)) => {
            out.push(character);
            rest
        }
        None => {
            out.push('&');
            inner
        }
    }
}

fn split_within(text: &str, mark: u8, bytes_max: usize) -> Option<(&str, &str)> {
    let at = text.bytes().take(bytes_max).position(|byte| byte == mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn tags_go_and_paragraphs_become_lines() {
        let html =
            "<p><b>Status:  Resolved</b><br/><br/>A &amp; B &#39;c&#x27;</p> 1 < 2 &bogus; <p";
        assert_eq!(text(html), "Status: Resolved\nA & B 'c'\n1 < 2 &bogus; <p");
        assert_eq!(text(""), "");
    }
}
