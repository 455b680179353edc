//! The texts of mails. Plain text only: it is read everywhere, and nothing in it can be loaded.

use super::super::story::{PageFacts, Story, words};
use crate::feeds::moment::to_mail_date;

/// An incident with its updates, newest first.
pub(super) fn text(story: &Story, page: &PageFacts) -> String {
    let mut text = format!("{}\n", story.line());
    let parts: Vec<_> = story.components.iter().map(|id| page.name_of(id)).collect();
    if !parts.is_empty() {
        text.push_str(&format!("Affected: {}\n", parts.join(", ")));
    }
    if let Some((from, to)) = story.scheduled {
        text.push_str(&format!("From {} to {}\n", to_mail_date(from), to_mail_date(to)));
    }
    for update in story.updates.iter().rev() {
        let status = words(update.status);
        text.push_str(&format!("\n{status}, {}\n{}\n", to_mail_date(update.at), update.body));
    }
    text.push_str(&format!("\n{}\n", story.url(page)));
    text
}

/// The question whether somebody wants to be told.
pub(in super::super) fn confirm_text(page_name: &str, link: &str) -> String {
    format!(
        "Somebody, most likely you, asked to be told of incidents on {page_name}.\n\n\
         To say yes, open this link within two days:\n{link}\n\n\
         If it was not you, do nothing: you will not hear from us again.\n"
    )
}
