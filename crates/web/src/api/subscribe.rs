//! The door for subscriptions by e-mail: reads a form or JSON and hands it on. Who is written to, and
//! which token is believed, is decided behind the sink.

use detection::ComponentId;
use http::StatusCode;
use net::BoxFuture;
use serde::{Deserialize, Serialize};

use super::form::{self, Sent, Unread};
use crate::answer::{JSON, Keep, Page};
use crate::status::lang::Lang;
use crate::status::view::StatusView;

/// Components that one person can name.
const COMPONENTS_MAX: usize = 64;
/// A longer token is none of ours.
const TOKEN_BYTES_MAX: usize = 512;

/// What became of a wish to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// A letter that asks for confirmation goes out, or nothing if the address is confirmed already:
    /// nobody is told who is subscribed.
    Asked,
    /// This is no address that can be written to.
    NoAddress,
    /// More letters than may be sent to that address or to all.
    TooMany,
    /// The store cannot take it now, or has no room for more.
    NoRoom,
}

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTaken {
    Done,
    /// It is none of ours, or what it speaks of is gone.
    Unknown,
    /// It was ours, too long ago.
    TooOld,
    /// The store cannot be asked now.
    NotNow,
}

/// Where subscriptions go.
pub trait SubscribeSink: Send + Sync {
    /// Somebody wants to be told of these components, of everything if there are none, in a language
    /// (a tag, such as `en`).
    fn ask<'a>(
        &'a self,
        address: &'a str,
        components: Vec<ComponentId>,
        language: &'static str,
    ) -> BoxFuture<'a, Subscribed>;

    /// Somebody shows the token of a letter that asked for confirmation.
    fn confirm<'a>(&'a self, token: &'a str) -> BoxFuture<'a, TokenTaken>;

    /// Somebody shows the token that ends a subscription.
    fn leave<'a>(&'a self, token: &'a str) -> BoxFuture<'a, TokenTaken>;
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    OtherSite,
    Unreadable,
    UnknownComponent,
    NoAddress,
    TooMany,
    NoRoom,
}

impl From<Unread> for Refusal {
    fn from(_: Unread) -> Self {
        Self::Unreadable
    }
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::UnknownComponent | Self::NoAddress => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::OtherSite => "other_site",
            Self::Unreadable => "unreadable",
            Self::UnknownComponent => "unknown_component",
            Self::NoAddress => "no_address",
            Self::TooMany => "too_many",
            Self::NoRoom => "no_room",
        }
    }

    pub(crate) fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::OtherSite => (
                "The wish came from another site. Send it from this page.",
                "请求来自其他网站，请从本页提交。",
            ),
            Self::Unreadable => {
                ("The wish could not be read. Try it once more.", "无法读取请求，请再试一次。")
            }
            Self::UnknownComponent => {
                ("Choose among the services in the list.", "请从列表中选择服务。")
            }
            Self::NoAddress => (
                "This is no e-mail address that we can write to.",
                "这不是我们可以发送的电子邮件地址。",
            ),
            Self::TooMany => (
                "Too many letters were asked for. Look into your mailbox, or try again tomorrow.",
                "请求的邮件过多。请查看您的邮箱，或明天再试。",
            ),
            Self::NoRoom => (
                "Nothing can be kept at this moment. Try again in a few minutes.",
                "暂时无法保存，请几分钟后再试。",
            ),
        };
        lang.pick(en, zh)
    }
}

#[derive(Debug, Default, Deserialize)]
struct Fields {
    #[serde(default)]
    address: String,
    #[serde(default)]
    components: Vec<String>,
}

/// Hands a wish on, or says why not.
pub(crate) async fn ask(
    sent: &Sent,
    view: &StatusView,
    sink: &dyn SubscribeSink,
    lang: Lang,
) -> Result<(), Refusal> {
    if sent.other_site {
        return Err(Refusal::OtherSite);
    }
    let bytes = sent.body.as_ref().map_err(|unread| *unread)?;
    let fields = match sent.is_json {
        true => serde_json::from_slice(bytes).map_err(|_| Refusal::Unreadable)?,
        false => fields(bytes)?,
    };
    let known = |name: &String| {
        let found = view.components().find(|one| one.component.id.as_str() == name);
        found.map(|one| one.component.id.clone()).ok_or(Refusal::UnknownComponent)
    };
    let components = fields.components.iter().take(COMPONENTS_MAX).map(known);
    let components = components.collect::<Result<Vec<_>, _>>()?;
    match sink.ask(&fields.address, components, lang.tag()).await {
        Subscribed::Asked => Ok(()),
        Subscribed::NoAddress => Err(Refusal::NoAddress),
        Subscribed::TooMany => Err(Refusal::TooMany),
        Subscribed::NoRoom => Err(Refusal::NoRoom),
    }
}

fn fields(bytes: &[u8]) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    for (name, value) in form::fields(bytes)? {
        match name {
            "address" => fields.address = value,
            "component" => fields.components.push(value),
            _ => {}
        }
    }
    Ok(fields)
}

/// The token of a query or of a form's body.
pub(crate) fn token(query_or_body: &[u8]) -> Option<String> {
    let fields = form::fields(query_or_body).ok()?;
    let found = fields.into_iter().find(|(name, _)| *name == "token").map(|(_, token)| token);
    found.filter(|token| (1..=TOKEN_BYTES_MAX).contains(&token.len()))
}

#[derive(Serialize)]
struct Said {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    message: &'static str,
}

/// The answer for programs.
pub(crate) fn answer(outcome: Result<(), Refusal>) -> Page {
    let (status, error, message) = match outcome {
        Ok(()) => (StatusCode::ACCEPTED, None, "A letter asks the owner of the address."),
        Err(refusal) => (refusal.status(), Some(refusal.word()), refusal.words(Lang::En)),
    };
    let said = Said { accepted: error.is_none(), error, message };
    let bytes = serde_json::to_vec(&said).unwrap_or_default();
    Page::new(JSON, Keep::Never, bytes).with_status(status)
}
