//! What operators order over the console: incidents, planned work and the state of components, as
//! JSON over loopback. It reads an order and says what became of it; whether it is obeyed is decided
//! behind the door.
//!
//! There is no login, so that a page of another site that an operator's browser happens to show must
//! not be able to order anything: only JSON is taken, which such a page cannot send unasked, and only
//! under a name of loopback, which none of its own names is.

use bytes::Bytes;
use clock::UnixMs;
use clock::calendar::Rfc3339;
use detection::{ComponentId, Condition, Impact, MaintenancePhase, Phase};
use http::header::{HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use crate::answer::{JSON, Keep, Page, send};
use crate::api::form::{Sent, Unread};

/// Bytes of an order; a post-mortem is a long text.
pub(crate) const ORDER_BYTES_MAX: usize = 128 << 10;
const TITLE_CHARS_MAX: usize = 200;
const BODY_CHARS_MAX: usize = 4_096;
const POSTMORTEM_BYTES_MAX: usize = 64 << 10;
const COMPONENTS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 64;

/// What stands over an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentHead {
    pub title: Box<str>,
    pub impact: Impact,
    pub components: Vec<ComponentId>,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorOrder {
    /// Opens an incident, or with a span writes down one that is over.
    Open {
        head: IncidentHead,
        body: Box<str>,
        lasted: Option<(UnixMs, UnixMs)>,
    },
    Update {
        id: Box<str>,
        phase: Phase,
        body: Box<str>,
    },
    Amend {
        id: Box<str>,
        title: Box<str>,
        impact: Impact,
    },
    /// Gives an incident back to the verdicts.
    HandBack {
        id: Box<str>,
    },
    /// Markdown.
    Postmortem {
        id: Box<str>,
        text: Box<str>,
    },
    Plan {
        title: Box<str>,
        components: Vec<ComponentId>,
        span: (UnixMs, UnixMs),
        body: Box<str>,
    },
    /// Sets how far planned work is, and its hours if they change.
    MovePlan {
        id: Box<str>,
        phase: Option<MaintenancePhase>,
        span: Option<(UnixMs, UnixMs)>,
        body: Box<str>,
    },
    /// Says how a component is until that moment or until further notice; `None` asks the verdicts
    /// again.
    SetState {
        component: ComponentId,
        condition: Option<Condition>,
        until: Option<UnixMs>,
    },
}

/// Why an order was not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFault {
    /// No such incident, planned work or component.
    Unknown,
    /// A post-mortem is written once the incident is over.
    NotOver,
    /// It is over, and cannot be changed.
    Over,
    NoComponent,
    /// An end before its beginning, or a past that has not ended.
    NoSpan,
    /// There is no room for more.
    Full,
}

/// Who obeys.
pub trait Operators: Send + Sync {
    /// Does what is ordered in the name of `by`, which may be empty, and gives the id of what was
    /// made or changed. It must be quick.
    ///
    /// # Errors
    /// If it cannot be done; nothing has changed then.
    fn obey(&self, order: OperatorOrder, by: &str) -> Result<Box<str>, OrderFault>;
}

/// Why nothing was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    NotFound,
    Method,
    OtherSite,
    NoJson,
    TooLarge,
    Unreadable(Box<str>),
    Fault(OrderFault),
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::Unreadable => Self::Unreadable("the body broke off".into()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    /// Who orders it, for the updates' author.
    by: String,
    title: Option<String>,
    impact: Option<String>,
    components: Vec<String>,
    body: String,
    phase: Option<String>,
    condition: Option<String>,
    started_at: Option<String>,
    resolved_at: Option<String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    until: Option<String>,
}

/// True for a path of this door.
pub(crate) fn is_order(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Reads an order, hands it on, and says what became of it.
pub(crate) fn answer(
    (method, path): (&Method, &str),
    headers: &HeaderMap,
    sent: &Sent,
    operators: &dyn Operators,
) -> Response<Full<Bytes>> {
    let outcome = read((method, path), headers, sent)
        .and_then(|(order, by)| operators.obey(order, &by).map_err(Refusal::Fault));
    let is_new = *method == Method::POST && matches!(path, "/api/incidents" | "/api/maintenances");
    let (status, said) = match &outcome {
        Ok(id) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            (status, Said { id: Some(id), error: None, message: None })
        }
        Err(refusal) => {
            let (status, word, message) = refusal.parts();
            (status, Said { id: None, error: Some(word), message: Some(message) })
        }
    };
    let bytes = serde_json::to_vec(&said).unwrap_or_default();
    let mut response =
        send(&Page::new(JSON, Keep::Never, bytes).with_status(status), headers, false);
    if let Ok(id) = outcome.as_ref()
        && is_new
        && let Ok(place) = HeaderValue::try_from(format!("{path}/{id}"))
    {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

#[derive(Serialize)]
struct Said<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'s str>,
}

impl Refusal {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is no such door"),
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "method", "this door takes another method")
            }
            Self::OtherSite => (
                StatusCode::FORBIDDEN,
                "other_site",
                "orders are taken under a name of loopback and from no other site",
            ),
            Self::NoJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "no_json",
                "an order is JSON, with the header `content-type: application/json`",
            ),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the order is too long"),
            Self::Unreadable(why) => (StatusCode::UNPROCESSABLE_ENTITY, "unreadable", why),
            Self::Fault(OrderFault::Unknown) => (
                StatusCode::NOT_FOUND,
                "unknown",
                "no such incident, planned work or component is known",
            ),
            Self::Fault(OrderFault::NotOver) => {
                (StatusCode::CONFLICT, "not_over", "a post-mortem is written once it is over")
            }
            Self::Fault(OrderFault::Over) => {
                (StatusCode::CONFLICT, "over", "it is over, and cannot be changed")
            }
            Self::Fault(OrderFault::NoComponent) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "no_component", "name a component of the page")
            }
            Self::Fault(OrderFault::NoSpan) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "no_span",
                "it ends before it begins, or a past incident has not ended",
            ),
            Self::Fault(OrderFault::Full) => {
                (StatusCode::INSUFFICIENT_STORAGE, "full", "there is no room for more")
            }
        }
    }
}

fn read(
    (method, path): (&Method, &str),
    headers: &HeaderMap,
    sent: &Sent,
) -> Result<(OperatorOrder, String), Refusal> {
    if sent.other_site || !is_loopback(headers) {
        return Err(Refusal::OtherSite);
    }
    if !sent.is_json {
        return Err(Refusal::NoJson);
    }
    let bytes = sent.body.as_ref().map_err(|unread| *unread)?;
    let fields: Fields = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::Unreadable(error.to_string().into()))?;
    let by = text("by", &fields.by, NAME_CHARS_MAX)?.to_string();
    let parts: Vec<&str> = path.trim_start_matches("/api/").split('/').collect();
    let order = match (method.as_str(), parts.as_slice()) {
        ("POST", ["incidents"]) => open(&fields)?,
        ("POST", ["incidents", id, "updates"]) => OperatorOrder::Update {
            id: (*id).into(),
            phase: word("phase", fields.phase.as_deref(), phase)?,
            body: text("body", &fields.body, BODY_CHARS_MAX)?,
        },
        ("PATCH", ["incidents", id]) => OperatorOrder::Amend {
            id: (*id).into(),
            title: title(&fields)?,
            impact: word("impact", fields.impact.as_deref(), Impact::of)?,
        },
        ("POST", ["incidents", id, "hand-back"]) => OperatorOrder::HandBack { id: (*id).into() },
        ("PUT", ["incidents", id, "postmortem"]) => {
            OperatorOrder::Postmortem { id: (*id).into(), text: postmortem(&fields)? }
        }
        ("POST", ["maintenances"]) => OperatorOrder::Plan {
            title: title(&fields)?,
            components: components(&fields)?,
            span: span(("starts_at", &fields.starts_at), ("ends_at", &fields.ends_at))?
                .ok_or_else(|| lacks("starts_at"))?,
            body: text("body", &fields.body, BODY_CHARS_MAX)?,
        },
        ("POST", ["maintenances", id, "updates"]) => OperatorOrder::MovePlan {
            id: (*id).into(),
            phase: fields
                .phase
                .as_deref()
                .map(|said| word("phase", Some(said), MaintenancePhase::of))
                .transpose()?,
            span: span(("starts_at", &fields.starts_at), ("ends_at", &fields.ends_at))?,
            body: text("body", &fields.body, BODY_CHARS_MAX)?,
        },
        ("PUT", ["components", key, "state"]) => OperatorOrder::SetState {
            component: component(key),
            condition: Some(word("condition", fields.condition.as_deref(), condition)?),
            until: moment("until", fields.until.as_deref())?,
        },
        ("DELETE", ["components", key, "state"]) => {
            OperatorOrder::SetState { component: component(key), condition: None, until: None }
        }
        (_, ["incidents" | "maintenances" | "components", ..]) => return Err(Refusal::Method),
        _ => return Err(Refusal::NotFound),
    };
    Ok((order, by))
}

/// True if the request was sent to a name that only this machine has.
fn is_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_address = address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_address || name.eq_ignore_ascii_case("localhost")
}

fn open(fields: &Fields) -> Result<OperatorOrder, Refusal> {
    let head = IncidentHead {
        title: title(fields)?,
        impact: word("impact", fields.impact.as_deref(), Impact::of)?,
        components: components(fields)?,
    };
    let body = text("body", &fields.body, BODY_CHARS_MAX)?;
    let (from, until) = (("started_at", &fields.started_at), ("resolved_at", &fields.resolved_at));
    Ok(OperatorOrder::Open { head, body, lasted: span(from, until)? })
}

fn lacks(name: &str) -> Refusal {
    Refusal::Unreadable(format!("`{name}` is missing").into())
}

fn title(fields: &Fields) -> Result<Box<str>, Refusal> {
    let said = fields.title.as_deref().ok_or_else(|| lacks("title"))?;
    let said = text("title", said, TITLE_CHARS_MAX)?;
    if said.is_empty() || said.chars().any(char::is_control) {
        return Err(Refusal::Unreadable("a title is one line".into()));
    }
    Ok(said)
}

fn postmortem(fields: &Fields) -> Result<Box<str>, Refusal> {
    if fields.body.trim().is_empty() {
        return Err(lacks("body"));
    }
    if fields.body.len() > POSTMORTEM_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    Ok(fields.body.as_str().into())
}

fn text(name: &str, said: &str, chars_max: usize) -> Result<Box<str>, Refusal> {
    let said = said.trim();
    if said.chars().count() > chars_max {
        let why = format!("`{name}` has more than {chars_max} characters");
        return Err(Refusal::Unreadable(why.into()));
    }
    Ok(said.into())
}

fn word<T>(name: &str, said: Option<&str>, of: impl Fn(&str) -> Option<T>) -> Result<T, Refusal> {
    let said = said.ok_or_else(|| lacks(name))?;
    let unknown = || Refusal::Unreadable(format!("`{name}` knows no such word").into());
    of(said).ok_or_else(unknown)
}

fn moment(name: &str, said: Option<&str>) -> Result<Option<UnixMs>, Refusal> {
    let Some(said) = said else { return Ok(None) };
    let seconds = Rfc3339::read(said).and_then(|seconds| u64::try_from(seconds).ok());
    let unread = || {
        let why = format!("`{name}` must be a moment such as 2026-11-26T02:00:00Z");
        Refusal::Unreadable(why.into())
    };
    seconds.map(|seconds| Some(UnixMs::new(seconds * 1_000))).ok_or_else(unread)
}

/// Both ends or none.
fn span(
    from: (&str, &Option<String>),
    until: (&str, &Option<String>),
) -> Result<Option<(UnixMs, UnixMs)>, Refusal> {
    let ends = (moment(from.0, from.1.as_deref())?, moment(until.0, until.1.as_deref())?);
    match ends {
        (Some(start), Some(end)) => Ok(Some((start, end))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(lacks(from.0)),
        (Some(_), None) => Err(lacks(until.0)),
    }
}

fn components(fields: &Fields) -> Result<Vec<ComponentId>, Refusal> {
    if fields.components.len() > COMPONENTS_MAX {
        let why = format!("there are {COMPONENTS_MAX} components at most");
        return Err(Refusal::Unreadable(why.into()));
    }
    Ok(fields.components.iter().map(|name| ComponentId::new(name.as_str())).collect())
}

/// A phase that can be set; the last one comes with its text.
fn phase(word: &str) -> Option<Phase> {
    Phase::of(word).filter(|phase| *phase != Phase::Postmortem)
}

/// A state that can be set; that nobody knows it is no word of an operator's.
fn condition(word: &str) -> Option<Condition> {
    let known = Condition::ALL.into_iter().filter(|one| *one != Condition::Unknown);
    known.into_iter().find(|one| one.as_str() == word)
}

/// A component's key in addresses has `_` for `/`; a provider's name may have some too, so that the
/// last one counts.
fn component(key: &str) -> ComponentId {
    match key.rsplit_once('_') {
        Some((provider, part)) => ComponentId::new(format!("{provider}/{part}")),
        None => ComponentId::new(key),
    }
}
