//! Markdown of updates and post-mortems as safe markup. Whoever wrote it, no element, attribute or
//! address passes but those named here.

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, html::push_html};

/// A longer text is cut.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The markup of a text. Elements in it become text, except line breaks, which imported posts have.
pub(crate) fn html(text: &str) -> String {
    let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default();
    let mut html = String::with_capacity(text.len() + text.len() / 4);
    let events = Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH);
    push_html(&mut html, events.filter_map(safe));
    html
}

fn safe(event: Event<'_>) -> Option<Event<'_>> {
    Some(match event {
        Event::Html(raw) | Event::InlineHtml(raw) => {
            let element = raw.trim().to_ascii_lowercase();
            match element.as_str() {
                "<br>" | "<br/>" | "<br />" | "<br /><br />" => Event::HardBreak,
                "<p>" | "</p>" => return None,
                _ => Event::Text(raw),
            }
        }
        // A page has its own headings above; those of a text stay below them.
        Event::Start(Tag::Heading { .. }) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image { .. } | Tag::HtmlBlock)
        | Event::End(TagEnd::Image | TagEnd::HtmlBlock) => {
            return None;
        }
        Event::Start(Tag::Link { dest_url, title, id, .. }) => {
            let web = ["https://", "http://", "/"].iter().any(|start| dest_url.starts_with(start));
            let dest_url = if web { dest_url } else { "#".into() };
            Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, title, id })
        }
        other => other,
    })
}

/// The text without its marks, for machines that show plain text.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for event in Parser::new(text).filter_map(safe) {
        match event {
            Event::Text(part) | Event::Code(part) => plain.push_str(&part),
            Event::SoftBreak | Event::HardBreak => plain.push('\n'),
            Event::End(TagEnd::Paragraph | TagEnd::Item) => plain.push('\n'),
            _ => {}
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_markup_stays_text() {
        for evil in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=x>b</b>",
            "[x](javascript:alert(1))",
            "![x](https://evil.example/y.png)",
            "<a href='javascript:x'>y</a>",
            "<div>\n\n<style>*{}</style>\n\n</div>",
            "[x](data:text/html,y)",
        ] {
            let html = html(evil);
            for bad in
                ["<script", "<img", "<b ", "javascript:alert(1)\"", "<style", "<div", "\"data:"]
            {
                assert!(!html.contains(bad), "{bad} in {html}");
            }
        }
    }

    #[test]
    fn what_people_write_is_shown() {
        assert_eq!(
            html("One **two**.<br /><br />Three"),
            "<p>One <strong>two</strong>.<br />\n<br />\nThree</p>\n"
        );
        assert_eq!(
            html("# Head\n\n* [a](https://b.example)"),
            "<p>Head</p>\n<ul>\n<li><a href=\"https://b.example\">a</a></li>\n</ul>\n"
        );
        assert_eq!(plain("# Head\n\nOne **two** `three`\n\n* four"), "Head\nOne two three\nfour");
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_out(text in ".{0,200}") {
            let html = html(&text);
            proptest::prop_assert!(!html.to_ascii_lowercase().contains("<script"));
        }
    }
}
