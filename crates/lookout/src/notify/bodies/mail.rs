//! The texts of mails. Plain text only: it is read everywhere, and nothing in it can be loaded.

use std::sync::Arc;

use super::super::Language;
use super::super::story::{PageFacts, Story};

/// An incident with its updates, newest first.
pub(super) fn text(story: &Story, page: &PageFacts, language: Language) -> String {
    let mut text = format!("{}\n", story.line(language));
    let parts: Vec<_> = story.components.iter().map(|id| page.name_of(id)).collect();
    if !parts.is_empty() {
        text.push_str(&language.pick(
            format!("Affected: {}\n", parts.join(", ")),
            format!("涉及：{}\n", parts.join("、")),
        ));
    }
    if let Some((from, to)) = story.scheduled {
        let (from, to) = (language.moment(from), language.moment(to));
        text.push_str(
            &language.pick(format!("From {from} to {to}\n"), format!("时间：{from} 至 {to}\n")),
        );
    }
    for update in story.updates.iter().rev() {
        let (status, at) = (language.status(update.status), language.moment(update.at));
        let body = language.said(&update.body);
        text.push_str(
            &language
                .pick(format!("\n{status}, {at}\n{body}\n"), format!("\n{status}，{at}\n{body}\n")),
        );
    }
    text.push_str(&format!("\n{}{}\n", story.url(page), language.pick("", "?lang=zh-Hans")));
    text
}

/// The text with the subjects of letters that were not sent, oldest first.
pub(super) fn with_history(earlier: &[Arc<str>], newest: &str, language: Language) -> String {
    let before = language.pick("Before:", "此前：");
    format!("{newest}\n{before}\n- {}\n", earlier.join("\n- "))
}

/// The subject of the question whether somebody wants to be told.
pub(in super::super) fn confirm_subject(page_name: &str, language: Language) -> String {
    language.pick(
        format!("Please confirm: incidents on {page_name}"),
        format!("请确认：接收 {page_name} 的事件通知"),
    )
}

/// That question.
pub(in super::super) fn confirm_text(page_name: &str, link: &str, language: Language) -> String {
    language.pick(
        format!(
            "Somebody, most likely you, asked to be told of incidents on {page_name}.\n\n\
             To say yes, open this link within two days:\n{link}\n\n\
             If it was not you, do nothing: you will not hear from us again.\n"
        ),
        format!(
            "有人（很可能是您）请求接收 {page_name} 的事件通知。\n\n\
             如需接收，请在两天内打开此链接：\n{link}\n\n\
             如果不是您本人，请忽略此邮件：我们不会再与您联系。\n"
        ),
    )
}
