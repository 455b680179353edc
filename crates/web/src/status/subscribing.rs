//! The pages around subscriptions by e-mail: the form, the button of a confirmation, the button of a
//! farewell. They are drawn for each asker, since each has a token of his own.

use askama::Template;
use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::lang::Lang;
use super::pages::{Frame, Scene, WordsPage};
use super::{Status, drawn};
use crate::answer::{Keep, Page, send};
use crate::api::form::Sent;
use crate::api::subscribe::{self, Refusal, SubscribeSink, TokenTaken};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Subscribe,
    Confirm,
    Leave,
}

impl Wish {
    /// The wish of a request; the form itself is a page like others.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match path {
            "/subscribe" if *method == Method::POST => Some(Self::Subscribe),
            "/confirm" if reads || *method == Method::POST => Some(Self::Confirm),
            "/unsubscribe" if reads || *method == Method::POST => Some(Self::Leave),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "status/subscribe.html")]
struct Form {
    frame: Frame,
    l: Lang,
    refused: Option<&'static str>,
    components: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "status/ask.html")]
struct Ask {
    frame: Frame,
    l: Lang,
    heading: &'static str,
    paragraph: &'static str,
    action: String,
    token: String,
    button: &'static str,
}

/// The form, with what was wrong with the last try.
pub(super) fn form(scene: &Scene<'_>, refused: Option<Refusal>) -> askama::Result<String> {
    let lang = scene.lang;
    let option = |one: &super::view::ComponentView| {
        (one.component.id.as_str().to_owned(), lang.of(&one.name).to_owned())
    };
    let title = lang.pick("Subscribe by e-mail", "邮件订阅");
    Form {
        frame: scene.frame(title, "/subscribe", "subscribe"),
        l: lang,
        refused: refused.map(|refusal| refusal.words(lang)),
        components: scene.view.components().map(option).collect(),
    }
    .render()
}

/// What stands behind the form once it was sent.
pub(super) fn asked(scene: &Scene<'_>) -> askama::Result<String> {
    let lang = scene.lang;
    words(
        scene,
        "/subscribed",
        lang.pick("Look into your mailbox.", "请查看您的邮箱。"),
        lang.pick(
            "A letter is on its way. Its link confirms that the address is yours; it holds for two days. Before that you are told nothing.",
            "确认邮件已发出，其中的链接用于确认该地址属于您，两天内有效。确认之前不会发送任何通知。",
        ),
    )
}

fn words(
    scene: &Scene<'_>,
    path: &str,
    heading: &'static str,
    paragraph: &'static str,
) -> askama::Result<String> {
    let title = heading.trim_end_matches(['.', '。']);
    let frame = scene.frame(title, path, "subscribe");
    WordsPage { frame, l: scene.lang, heading, paragraphs: vec![paragraph] }.render()
}

/// A button, because programs that look into mailboxes open every link.
fn button(scene: &Scene<'_>, wish: Wish, token: String) -> askama::Result<String> {
    let lang = scene.lang;
    let (action, heading, paragraph, button) = match wish {
        Wish::Leave => (
            "/unsubscribe",
            lang.pick("Do you want to hear no more?", "您要取消订阅吗？"),
            lang.pick(
                "Your address is deleted, and nothing is sent to it any more.",
                "您的地址将被删除，不再发送任何通知。",
            ),
            lang.pick("Unsubscribe", "取消订阅"),
        ),
        Wish::Subscribe | Wish::Confirm => (
            "/confirm",
            lang.pick("Do you want to be told?", "您要接收通知吗？"),
            lang.pick(
                "You get a letter when an incident begins, changes and ends. Each has a link that ends it.",
                "事件开始、变化和结束时您会收到邮件，每封邮件都有取消订阅的链接。",
            ),
            lang.pick("Yes, tell me", "是的，通知我"),
        ),
    };
    let title = heading.trim_end_matches(['?', '？']);
    let mut frame = scene.frame(title, action, "subscribe");
    // Whoever changes the language keeps the link that brought him here.
    let kept = utf8_percent_encode(&token, NON_ALPHANUMERIC);
    frame.switch = format!("{action}?token={kept}&");
    let action = format!("{action}?lang={}", lang.tag());
    Ask { frame, l: lang, heading, paragraph, action, token, button }.render()
}

fn taken(scene: &Scene<'_>, wish: Wish, taken: TokenTaken) -> (StatusCode, askama::Result<String>) {
    let lang = scene.lang;
    let (status, heading, paragraph) = match (taken, wish) {
        (TokenTaken::Done, Wish::Leave) => (
            StatusCode::OK,
            lang.pick("You will hear no more.", "您已取消订阅。"),
            lang.pick("Your address was deleted.", "您的地址已删除。"),
        ),
        (TokenTaken::Done, _) => (
            StatusCode::OK,
            lang.pick("You will be told.", "订阅成功。"),
            lang.pick(
                "The next letter comes with the next incident.",
                "下一次事件发生时您会收到邮件。",
            ),
        ),
        (TokenTaken::TooOld, _) => (
            StatusCode::GONE,
            lang.pick("The link is too old.", "链接已过期。"),
            lang.pick("Please subscribe again.", "请重新订阅。"),
        ),
        (TokenTaken::Unknown, _) => (
            StatusCode::NOT_FOUND,
            lang.pick("The link is not known.", "无法识别该链接。"),
            lang.pick(
                "It may have been cut on its way, or what it speaks of is gone already.",
                "链接可能不完整，或者相应的订阅已不存在。",
            ),
        ),
        (TokenTaken::NotNow, _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            lang.pick("That cannot be done now.", "暂时无法完成。"),
            lang.pick("Please try again in a few minutes.", "请几分钟后再试。"),
        ),
    };
    (status, words(scene, "/subscribe", heading, paragraph))
}

impl Status {
    /// Does what is wished for, with the query of the address and what was sent.
    pub(super) async fn subscribing(
        &self,
        sink: &dyn SubscribeSink,
        (wish, query): (Wish, &str),
        (method, headers): (&Method, &HeaderMap),
        sent_bytes: Sent,
    ) -> Response<Full<Bytes>> {
        let moment = self.moment();
        let switched = query.split('&').find_map(|pair| Lang::named(pair.strip_prefix("lang=")?));
        let lang = switched.unwrap_or_else(|| Lang::chosen(headers));
        let scene = self.scene(&moment, lang);
        let is_head = *method == Method::HEAD;
        if wish == Wish::Subscribe {
            let outcome = subscribe::ask(&sent_bytes, &moment.view, sink, lang).await;
            return match outcome {
                _ if sent_bytes.wants_json() => send(&subscribe::answer(outcome), headers, false),
                Ok(()) => {
                    let page = Page::text(StatusCode::SEE_OTHER, "");
                    let mut response = send(&page, headers, false);
                    let to = HeaderValue::from_static("/subscribed");
                    response.headers_mut().insert(LOCATION, to);
                    response
                }
                Err(refusal) => {
                    let page = drawn(form(&scene, Some(refusal)), Keep::Never);
                    send(&page.with_status(refusal.status()), headers, false)
                }
            };
        }
        let in_body = || sent_bytes.body.as_ref().ok().and_then(|body| subscribe::token(body));
        let token = subscribe::token(query.as_bytes()).or_else(in_body);
        let (status, html) = match token {
            None => taken(&scene, wish, TokenTaken::Unknown),
            Some(token) if *method != Method::POST => (StatusCode::OK, button(&scene, wish, token)),
            Some(token) if wish == Wish::Leave => taken(&scene, wish, sink.leave(&token).await),
            Some(token) => taken(&scene, wish, sink.confirm(&token).await),
        };
        send(&drawn(html, Keep::Never).with_status(status), headers, is_head)
    }
}
