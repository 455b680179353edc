//! A mail as bytes: plain text in base64, so that no line is too long, none begins with a dot, and
//! every script is welcome.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::UnixMs;

use super::super::{Language, MailAddress};
use crate::feeds::moment::to_mail_date;

/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 200;
/// Bytes of one encoded word before its encoding: 48 characters of base64, its marks and the
/// header's name make less than the 76 that a line may have (RFC 2047 section 2).
const WORD_BYTES_MAX: usize = 36;

/// What is written.
#[derive(Debug)]
pub(in super::super) struct Mail<'a> {
    /// Names the mail for ever.
    pub(in super::super) id: &'a str,
    pub(in super::super) from: (&'a str, &'a MailAddress),
    pub(in super::super) to: &'a MailAddress,
    pub(in super::super) subject: &'a str,
    pub(in super::super) text: &'a str,
    pub(in super::super) at: UnixMs,
    /// Where one click ends it (RFC 8058).
    pub(in super::super) unsubscribe: Option<&'a str>,
    /// Of what stands beside the text.
    pub(in super::super) language: Language,
}

/// The bytes, with lines that end in CR and LF.
pub(in super::super) fn message(mail: &Mail<'_>) -> Vec<u8> {
    let (name, from) = mail.from;
    let mut lines = vec![
        format!("From: {} <{from}>", encoded(name)),
        format!("To: <{}>", mail.to),
        format!(
            "Subject: {}",
            encoded(&mail.subject.chars().take(SUBJECT_CHARS_MAX).collect::<String>())
        ),
        format!("Date: {}", to_mail_date(mail.at)),
        format!("Message-ID: <{}@{}>", mail.id, from.domain()),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: base64".to_owned(),
    ];
    let link = mail.unsubscribe.filter(|link| link.bytes().all(|b| b.is_ascii_graphic()));
    if let Some(link) = link {
        lines.push(format!("List-Unsubscribe: <{link}>"));
        lines.push("List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned());
    }
    lines.push(String::new());
    let mut text = mail.text.lines().collect::<Vec<_>>().join("\r\n");
    if let Some(link) = link {
        let stop = mail.language.pick("To stop these mails: ", "取消订阅：");
        text.push_str(&format!("\r\n-- \r\n{stop}{link}\r\n"));
    }
    let encoded = STANDARD.encode(text);
    lines.extend(
        encoded.as_bytes().chunks(76).map(|line| line.iter().copied().map(char::from).collect()),
    );
    lines.push(String::new());
    lines.join("\r\n").into_bytes()
}

/// A header's text: as it stands if it is short and plain, else in encoded words, so that no line
/// feed of a stranger's starts a header.
fn encoded(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -.,:()/".contains(c);
    if text.len() <= 60 && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > WORD_BYTES_MAX {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str, text: &str) -> String {
        let from = MailAddress::parse("status@seawall.example").unwrap();
        let to = MailAddress::parse("ann@example.com").unwrap();
        let mail = Mail {
            id: "msg_1",
            from: ("Seawall, the page", &from),
            to: &to,
            subject,
            text,
            at: UnixMs::new(1_717_459_200_000),
            unsubscribe: Some("https://status.example/unsubscribe?token=a.b"),
            language: Language::English,
        };
        String::from_utf8(message(&mail)).unwrap()
    }

    #[test]
    fn a_mail_has_the_headers_of_one_click() {
        let mail = mail("Investigating: ChatGPT is down", "a\nb");
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        let want = "From: Seawall, the page <status@seawall.example>\r\n\
            To: <ann@example.com>\r\n\
            Subject: Investigating: ChatGPT is down\r\n\
            Date: Tue, 04 Jun 2024 00:00:00 +0000\r\n\
            Message-ID: <msg_1@seawall.example>\r\n\
            Auto-Submitted: auto-generated\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: base64\r\n\
            List-Unsubscribe: <https://status.example/unsubscribe?token=a.b>\r\n\
            List-Unsubscribe-Post: List-Unsubscribe=One-Click";
        assert_eq!(head, want);
        let text = STANDARD.decode(body.replace("\r\n", "")).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("a\r\nb\r\n-- \r\n"), "{text}");
    }

    #[test]
    fn a_strangers_subject_starts_no_header_and_no_line_is_long() {
        let mail = mail(
            "状态\r\nBcc: all@example.com 服务中断服务中断服务中断服务中断服务中断服务中断",
            &"x".repeat(5_000),
        );
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nBcc"));
        assert!(mail.split("\r\n").all(|line| line.len() <= 76));
        let subject = head.split("Subject: ").nth(1).unwrap().split("\r\nDate").next().unwrap();
        let words = subject.split("\r\n ").map(|word| {
            let word = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(STANDARD.decode(word).unwrap()).unwrap()
        });
        assert!(words.collect::<String>().starts_with("状态\r\nBcc: all@example.com 服务"));
    }
}
