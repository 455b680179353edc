//! The door for what people report: reads a form or JSON, holds it to its bounds and hands a plain
//! report on. Who is counted, and whether it is a flood, is decided behind the sink.

use std::borrow::Cow;
use std::net::IpAddr;

use clock::UnixMs;
use detection::ComponentId;
use domain::ReportKind;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::form::{self, Sent, Unread};
use crate::answer::{JSON, Keep, Page};
use crate::status::lang::Lang;
use crate::status::view::StatusView;

/// Signs of a person's own words.
const WORDS_CHARS_MAX: usize = 280;

/// A kind in the words of the form.
pub(crate) fn kind_words(kind: ReportKind, lang: Lang) -> &'static str {
    let (en, zh) = match kind {
        ReportKind::CannotLogIn => ("I cannot log in", "无法登录"),
        ReportKind::NoAnswer => ("No answer comes", "没有应答"),
        ReportKind::Errors => ("It shows an error", "显示错误"),
        ReportKind::Slow => ("It is slow", "很慢"),
        ReportKind::WrongAnswers => ("The answers are bad", "回答质量差"),
        ReportKind::Other => ("Something else", "其他"),
    };
    lang.pick(en, zh)
}

/// What one person reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub at: UnixMs,
    /// One that the page shows.
    pub component: ComponentId,
    pub kind: ReportKind,
    /// At most 280 signs, none of them for control; never shown in public.
    pub words: Option<Box<str>>,
    /// Where it came from, as the socket tells it. For counting only: it is not to be kept.
    pub from: IpAddr,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Counted,
    /// This person has reported it lately.
    Already,
    /// More than can be taken now.
    TooMany {
        retry_after_s: u32,
    },
}

/// Where reports go.
pub trait ReportSink: Send + Sync {
    /// Takes a report. It must be quick: the page waits for it.
    fn take(&self, report: Report) -> Taken;
}

/// Why a report was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closed,
    OtherSite,
    TooLarge,
    Unreadable,
    UnknownComponent,
    UnknownKind,
    TooManyWords,
    TooMany { retry_after_s: u32 },
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Closed => StatusCode::NOT_FOUND,
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::UnknownComponent | Self::UnknownKind | Self::TooManyWords => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::OtherSite => "other_site",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::UnknownComponent => "unknown_component",
            Self::UnknownKind => "unknown_kind",
            Self::TooManyWords => "too_many_words",
            Self::TooMany { .. } => "too_many",
        }
    }

    pub(crate) fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Closed => ("Reports are not taken here.", "此处不接收报告。"),
            Self::OtherSite => (
                "The report came from another site. Send it from this page.",
                "报告来自其他网站，请从本页提交。",
            ),
            Self::TooLarge => {
                ("The report is too long. 280 characters do.", "报告过长，280 字以内即可。")
            }
            Self::Unreadable => {
                ("The report could not be read. Try it once more.", "无法读取报告，请再试一次。")
            }
            Self::UnknownComponent => {
                ("Choose one of the services in the list.", "请从列表中选择一项服务。")
            }
            Self::UnknownKind => {
                ("Choose what happens, such as “It is slow”.", "请选择发生的情况，例如“很慢”。")
            }
            Self::TooManyWords => {
                ("Your own words are too many. 280 characters do.", "说明过长，280 字以内即可。")
            }
            Self::TooMany { .. } => (
                "More reports come in than can be taken now. Yours is surely among them in kind; try again later.",
                "报告过多，暂时无法全部接收。同类报告应已收到，请稍后再试。",
            ),
        };
        lang.pick(en, zh)
    }
}

/// A report that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) counted: bool,
}

/// What was sent, and from where.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) from: IpAddr,
    pub(crate) sent: Sent,
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::Unreadable => Self::Unreadable,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    component: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    words: Cow<'a, str>,
}

/// Hands a report on, or says why not.
pub(crate) fn take(
    asked: &Asked,
    view: &StatusView,
    now: UnixMs,
    sink: &dyn ReportSink,
) -> Result<Outcome, Refusal> {
    let sent = &asked.sent;
    if sent.other_site {
        return Err(Refusal::OtherSite);
    }
    let bytes = sent.body.as_ref().map_err(|unread| *unread)?;
    let fields = match sent.is_json {
        true => serde_json::from_slice(bytes).map_err(|_| Refusal::Unreadable)?,
        false => form(bytes)?,
    };
    let known = view.components().find(|one| one.component.id.as_str() == fields.component);
    let words = words(&fields.words)?;
    let report = Report {
        at: now,
        component: known.ok_or(Refusal::UnknownComponent)?.component.id.clone(),
        kind: ReportKind::of(&fields.kind).ok_or(Refusal::UnknownKind)?,
        words,
        from: asked.from,
    };
    match sink.take(report) {
        Taken::Counted => Ok(Outcome { counted: true }),
        Taken::Already => Ok(Outcome { counted: false }),
        Taken::TooMany { retry_after_s } => Err(Refusal::TooMany { retry_after_s }),
    }
}

/// The fields of a form; others are passed over.
fn form(bytes: &[u8]) -> Result<Fields<'static>, Refusal> {
    let mut fields = Fields::default();
    for (name, value) in form::fields(bytes)? {
        match name {
            "component" => fields.component = value.into(),
            "kind" => fields.kind = value.into(),
            "words" => fields.words = value.into(),
            _ => {}
        }
    }
    Ok(fields)
}

fn words(text: &str) -> Result<Option<Box<str>>, Refusal> {
    let clean: String =
        text.trim().chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    if clean.chars().count() > WORDS_CHARS_MAX {
        return Err(Refusal::TooManyWords);
    }
    Ok((!clean.is_empty()).then(|| clean.into()))
}

#[derive(Serialize)]
struct Said {
    accepted: bool,
    counted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

/// The answer for programs.
pub(crate) fn answer(outcome: &Result<Outcome, Refusal>) -> Page {
    let (status, said) = match *outcome {
        Ok(Outcome { counted }) => {
            let message = match counted {
                true => "The report was taken.",
                false => "The report was taken before; it is counted once in two hours.",
            };
            let said = Said { accepted: true, counted, error: None, message, retry_after_s: None };
            (StatusCode::ACCEPTED, said)
        }
        Err(refusal) => {
            let retry_after_s = match refusal {
                Refusal::TooMany { retry_after_s } => Some(retry_after_s),
                _ => None,
            };
            let (error, message) = (Some(refusal.word()), refusal.words(Lang::En));
            let said = Said { accepted: false, counted: false, error, message, retry_after_s };
            (refusal.status(), said)
        }
    };
    let bytes = serde_json::to_vec(&said).unwrap_or_default();
    Page::new(JSON, Keep::Never, bytes).with_status(status)
}
